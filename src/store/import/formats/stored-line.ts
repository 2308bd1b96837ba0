import { isJson } from '../../../codec/json.js';
import { itemsOf, membersOf } from '../../../codec/json-parts.js';
import { isWellFormed } from '../../../codec/well-formed.js';
import { type Column, EVENT_COLUMNS } from '../../codec/columns.js';
import type { EventPage, StoredChange, StoredEvent, StoredSession } from '../../copy/transfer.js';
import type { SessionKey } from '../../records.js';

/** Events that are written with one statement. */
const ROWS_PER_PAGE = 250;

const KINDS = new Set(['merge', 'replace', 'deleted', 'rewind']);

/** Reason why a line can't be taken: names of members, never their content. */
export class WrongLine extends Error {}

/** A session as its database held it, and its events. */
interface StoredLine {
  session: StoredSession;
  pages: EventPage[];
}

/**
 * Reads what `exportLine()` has written, from the texts of its members; its lists hold objects. JSON columns stay texts. Throws a
 * {@link WrongLine}.
 */
export function readStoredLine(line: ReadonlyMap<string, string>, key: SessionKey): StoredLine {
  const session = new Fields(line, 'the session');
  for (const [name, id] of Object.entries(key))
    if (!isWellFormed(id)) throw new WrongLine(`its ${name} is no valid id`);
  const changes = session.list('changes').map(readChange);
  const events = session.list('events').map(readEvent);
  const archived = session.list('archived').map((fields) => {
    return { rewindKey: fields.integer('rewindKey', 1), row: readEvent(fields) };
  });
  checkOrder('changes', changes, (change) => change.changeKey);
  checkOrder('events', events, seqOf);
  if (new Set(events.map(([, id]) => id)).size < events.length) throw new WrongLine('two of its events have one id');
  const pages = pagesOf(events);
  for (const [rewindKey, rows] of groups(archived)) {
    checkOrder('archived', rows, seqOf);
    pages.push(...pagesOf(rows, { rewindKey }));
  }
  const seqs = [...events.map(seqOf), ...archived.map(({ row }) => seqOf(row)), ...changes.map(({ seq }) => seq)];
  const used = seqs.filter((seq) => seq > 0).sort((a, b) => a - b);
  return {
    session: {
      key,
      sessionNumber: 0,
      createTime: session.number('createTime'),
      updateTime: session.number('updateTime'),
      revision: session.integer('revision', 1),
      state: session.required('state', session.json('state', '{')),
      initialState: session.json('initialState', '{'),
      ownerId: null,
      lastSeq: seqOf(events.at(-1) ?? [0]),
      firstSeq: used[0] ?? 0,
      endSeq: used.at(-1) ?? 0,
      changes,
    },
    pages,
  };
}

function pagesOf(rows: StoredEvent[], of: Pick<EventPage, 'rewindKey'> = {}): EventPage[] {
  const pages: EventPage[] = [];
  for (let at = 0; at < rows.length; at += ROWS_PER_PAGE) {
    pages.push({ rows: rows.slice(at, at + ROWS_PER_PAGE), ...of });
  }
  return pages;
}

const seqOf = (event: StoredEvent): number => event[0] as number;

function readEvent(fields: Fields): StoredEvent {
  const event: StoredEvent = [fields.integer('seq', 1)];
  for (const column of EVENT_COLUMNS) event.push(fields.column(column));
  return event;
}

function readChange(fields: Fields): StoredChange {
  const optional = (name: string) => (fields.has(name) ? fields.integer(name, 0) : null);
  return {
    changeKey: fields.integer('changeKey', 1),
    seq: fields.integer('seq', 0),
    kind: fields.kind(),
    value: fields.required('value', fields.json('value', '{')),
    removed: fields.json('removed', '{'),
    revision: optional('revision'),
    time: fields.number('time'),
    undoneBy: optional('undoneBy'),
  };
}

/** Members of an object in the line, each read as the type that it must have. */
class Fields {
  readonly #members: ReadonlyMap<string, string>;
  /** The object's name in a reason. */
  readonly #name: string;

  constructor(members: ReadonlyMap<string, string>, name: string) {
    this.#members = members;
    this.#name = name;
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** Value of a column; null if the object does not have it. */
  column({ field, kind, required }: Column): unknown {
    const value = this.#valueOf(field, kind);
    return required ? this.required(field, value) : value;
  }

  #valueOf(field: string, kind: Column['kind']): unknown {
    switch (kind) {
      case 'id': {
        const id = this.text(field);
        return id === null || isWellFormed(id) ? id : this.#fail(field);
      }
      case 'text':
        return this.text(field);
      case 'flag':
        return this.#scalar(field, (value) => typeof value === 'boolean');
      case 'time':
        return this.number(field);
      case 'list':
        return this.json(field, '[');
      default:
        return this.json(field, '{');
    }
  }

  text(name: string): string | null {
    return this.#scalar(name, (value) => typeof value === 'string') as string | null;
  }

  /** The kind of a change. */
  kind(): string {
    const kind = this.required('kind', this.text('kind'));
    return KINDS.has(kind) ? kind : this.#fail('kind');
  }

  number(name: string): number {
    return this.required(name, this.#scalar(name, Number.isFinite)) as number;
  }

  /** A whole number, `least` or more. */
  integer(name: string, least: number): number {
    const value = this.number(name);
    return Number.isSafeInteger(value) && value >= least ? value : this.#fail(name);
  }

  /** The text of an object or array; null if there is none. */
  json(name: string, bracket: '{' | '['): string | null {
    const text = this.#members.get(name);
    if (text === undefined) return null;
    return text.startsWith(bracket) && isJson(text) ? text : this.#fail(name);
  }

  /** The objects of a list; none if there is no list. */
  list(name: string): Fields[] {
    const items = itemsOf(this.#members.get(name) ?? '[]');
    return items.map((item, at) => new Fields(membersOf(item), `${name}[${at}]`));
  }

  required<T>(name: string, value: T | null): T {
    return value ?? this.#fail(name);
  }

  #scalar(name: string, isOfType: (value: unknown) => boolean): unknown {
    const text = this.#members.get(name);
    if (text === undefined) return null;
    const value: unknown = JSON.parse(text);
    return isOfType(value) ? value : this.#fail(name);
  }

  #fail(name: string): never {
    throw new WrongLine(`${this.#name} has no valid ${name}`);
  }
}

function groups(archived: readonly { rewindKey: number; row: StoredEvent }[]): Map<number, StoredEvent[]> {
  const rows = new Map<number, StoredEvent[]>();
  for (const { rewindKey, row } of archived) {
    const group = rows.get(rewindKey);
    if (group === undefined) rows.set(rewindKey, [row]);
    else group.push(row);
  }
  return rows;
}

/** The database needs ascending numbers that are there once. */
function checkOrder<T>(name: string, items: readonly T[], numberOf: (item: T) => number): void {
  let last = 0;
  for (const item of items) {
    const number = numberOf(item);
    if (number <= last) throw new WrongLine(`${name} are not in ascending order`);
    last = number;
  }
}
