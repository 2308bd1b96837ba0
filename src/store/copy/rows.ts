import { membersOf, objectOf } from '../../codec/json-parts.js';
import type { SqlParam } from '../../executor.js';
import { type Column, EVENT_COLUMNS, isJson } from '../codec/columns.js';
import type { Dialect } from '../codec/dialect.js';
import { NOTES } from '../codec/event-notes.js';
import { corruptRow } from '../errors.js';
import type { JsonObject } from '../records.js';
import type { StoredEvent } from './transfer.js';

/**
 * Rows of events between two dialects. A text or time that a column can't hold is in the row's notes. Reading puts it into its
 * place, and writing notes it again if the other column can't hold it.
 */
export interface RowCodec {
  /** A row as the backend has it, JSON as text: `seq`, then the columns. Rejects `'ADK_CORRUPT_ROW'`. */
  read(row: unknown[], table: string): StoredEvent;
  /** Values of the columns, without `seq`. */
  write(event: StoredEvent): SqlParam[];
}

const EXTRA_AT = 1 + EVENT_COLUMNS.findIndex(({ kind }) => kind === 'extra');
const COLUMNS: readonly { column: Column; at: number }[] = EVENT_COLUMNS.map((column, i) => ({ column, at: i + 1 }));
const JSON_AT = new Set(COLUMNS.filter(({ column }) => isJson(column)).map(({ at }) => at));
/** Columns whose values a dialect may be unable to hold, and the type of such a value. */
const NOTED = COLUMNS.filter(({ column: { kind } }) => kind === 'text' || kind === 'time').map(({ column, at }) => ({
  ...column,
  at,
  type: column.kind === 'time' ? 'number' : 'string',
}));
const KIND_AT = ['seq', ...EVENT_COLUMNS.map(({ kind }) => kind)];

/** `parse`: the JSON of a column's text, `undefined` if it is none. */
export function makeRowCodec(dialect: Dialect, parse: (text: string) => string | undefined): RowCodec {
  const { holdsText, encodeTime, decodeTime, encodeFlag, decodeFlag } = dialect;
  const writeJson = dialect.encodeJson ?? ((text: string) => text);
  const readJson = (value: unknown) => (typeof value === 'string' ? parse(value) : undefined);

  function readValue(at: number, value: unknown): unknown {
    if (JSON_AT.has(at)) return readJson(value);
    switch (KIND_AT[at]) {
      case 'flag':
        return decodeFlag(value);
      case 'time': {
        const time = decodeTime(value);
        return Number.isNaN(time) ? undefined : time;
      }
      default:
        return typeof value === 'string' ? value : undefined;
    }
  }

  return {
    read(row, table) {
      const event: StoredEvent = [Number(row[0])];
      for (let at = 1; at <= COLUMNS.length; at++) {
        const value = row[at] === null ? null : readValue(at, row[at]);
        const column = EVENT_COLUMNS[at - 1] as Column;
        if (value === undefined || (value === null && column.required)) {
          throw corruptRow(table, String(row[1]), column.column);
        }
        event[at] = value;
      }
      const extra = event[EXTRA_AT];
      if (typeof extra === 'string' && extra.includes(`"${NOTES}"`)) takeNotes(event, extra);
      return event;
    },
    write(event) {
      const values: SqlParam[] = [];
      let unheld: JsonObject | undefined;
      for (const { column, at } of COLUMNS) {
        const value = event[at];
        if (value === null) values.push(null);
        else if (JSON_AT.has(at)) values.push(writeJson(value as string));
        else if (column.kind === 'flag') values.push(encodeFlag(value as boolean));
        else if (column.kind === 'time') {
          const encoded = encodeTime(value as number);
          if (decodeTime(encoded) !== value) unheld = { ...unheld, [column.field]: value };
          values.push(encoded);
        } else if (column.kind === 'text' && !holdsText(value as string)) {
          unheld = { ...unheld, [column.field]: value };
          values.push(column.required ? '' : null);
        } else values.push(value as string);
      }
      if (unheld !== undefined)
        values[EXTRA_AT - 1] = writeJson(withNotes(event[EXTRA_AT] as string | null, unheld) as string);
      return values;
    },
  };
}

/** Moves values that the row's own dialect could not hold from the notes to their places. Everything else keeps its text. */
function takeNotes(event: StoredEvent, text: string): void {
  const extra = members(text);
  const notes = members(extra.get(NOTES));
  const as = members(notes.get('as'));
  let taken = false;
  for (const { field, at, type } of NOTED) {
    const value: unknown = JSON.parse(as.get(field) ?? 'null');
    if (typeof value !== type) continue;
    event[at] = value;
    as.delete(field);
    taken = true;
  }
  if (taken) event[EXTRA_AT] = noted(extra, notes, as);
}

/** The column `extra` with further notes, behind those that it has. */
function withNotes(text: string | null, values: JsonObject): string | null {
  const extra = members(text ?? undefined);
  const notes = members(extra.get(NOTES));
  const as = members(notes.get('as'));
  for (const [field, value] of Object.entries(values)) as.set(field, JSON.stringify(value));
  return noted(extra, notes, as);
}

type Members = Map<string, string>;

/** Puts notes into their places; null if nothing is left. */
function noted(extra: Members, notes: Members, as: Members): string | null {
  put(notes, 'as', as);
  put(extra, NOTES, notes);
  return extra.size === 0 ? null : objectOf(extra);
}

function put(outer: Members, name: string, inner: Members): void {
  if (inner.size > 0) outer.set(name, objectOf(inner));
  else outer.delete(name);
}

const members = (text: string | undefined): Members => (text?.startsWith('{') ? membersOf(text) : new Map());
