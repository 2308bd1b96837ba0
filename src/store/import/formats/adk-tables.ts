import type { SqlValue } from '../../../executor.js';
import { eventShape } from '../../codec/event-codec.js';
import { nameOf } from '../../prepare.js';
import type { JsonObject, SessionKey } from '../../records.js';
import { unreadable } from '../errors.js';
import { Ahead } from '../input/ahead.js';
import { hasColumns, quoted, type TablesInput } from '../input/input.js';
import type { FoundEvent, FoundSession, Item, ReadOptions } from '../source.js';
import { isDamagedText, noText, shown, sound } from '../values/damaged-text.js';
import { withoutPrefix } from '../values/scopes.js';
import { timeOf as anyTime } from '../values/times.js';
import { noObject, parseState } from './json.js';
import { claims, ofOneOf, ownerOf } from './rivals.js';

/** The tables that ADK for JavaScript and ADK for Python share; their events differ. */

/** How one format stores events, and what else is different in it. */
export interface EventTable {
  /** Names of the tables. Those of ADK by default. */
  names?: TableNames;
  /** FROM clause of events, whose columns are those of `e`, and the key of their session. Default: the table alone. */
  from?: { clause: string; key: readonly [app: string, user: string, session: string] };
  /** Converts the time of a session. Default: seconds, milliseconds, or text in UTC. */
  timeOf?(value: unknown): number | undefined;
  /** Tables of sessions to which those of shared states may belong as well. */
  rivals?: Record<'appStates' | 'userStates', readonly string[]>;
  /** Prefixes that keys of shared states have. */
  prefixes?: { app: string; user: string };
  /** Columns to read, in SQL. */
  columns: readonly string[];
  /** Time of an event in SQL, as microseconds: the order of events of one session, before that of their rows. */
  moment: string;
  /** Whether events have ids of their own beside those of their rows. */
  hasOwnIds?: boolean;
  /** Condition in SQL that the marker of a rewind fulfils. */
  isMarker: string;
  /** Converts the columns. Returns ADK's event, its timestamp in milliseconds, or the reason why it can't be read. */
  decode(values: SqlValue[], id: string, session: ReadSession): JsonObject | RawEvent | string;
}

/** The session of an event that is decoded. */
export type ReadSession = Pick<FoundSession, 'key' | 'createTime'>;

/** An event with bytes that can't be read, and the reason. */
export class RawEvent {
  constructor(
    readonly event: JsonObject,
    readonly reason: string,
  ) {}
}

export interface TableNames {
  sessions: string;
  events: string;
  appStates: string;
  userStates: string;
}

export const ADK_NAMES: TableNames = {
  sessions: 'sessions',
  events: 'events',
  appStates: 'app_states',
  userStates: 'user_states',
};

/** Whether an input has these tables, with this column of events. */
export function isAdkTables(input: TablesInput, { table = 'sessions' }: ReadOptions, column: string): boolean {
  return (
    table.toLowerCase() === 'sessions' &&
    hasColumns(input, 'events', column, 'timestamp') &&
    hasColumns(input, 'sessions', 'state', 'update_time') &&
    // SQLSpec may have tables of these names.
    !input.parents.has('events')
  );
}

/** Rejects a database whose version this program does not know. */
export async function checkVersion(input: TablesInput): Promise<void> {
  if (!hasColumns(input, 'adk_internal_metadata', 'key', 'value')) return;
  for await (const [version] of input.rows("SELECT value FROM adk_internal_metadata WHERE key = 'schema_version'")) {
    if (version !== '1') throw unreadable(`its tables have the version ${version}, and this program knows version 1`);
  }
}

export async function* readAdkTables(input: TablesInput, options: ReadOptions, events: EventTable) {
  yield* readStates(input, options, events);
  yield* readSessions(input, options, events);
}

// ── shared states ──

async function* readStates(
  input: TablesInput,
  { app }: ReadOptions,
  { names = ADK_NAMES, prefixes, rivals }: EventTable,
): AsyncGenerator<Item, void> {
  const { engine } = input;
  const { text } = ENGINES[engine];
  for (const [table, user, prefix, key, others = []] of [
    [names.appStates, 'NULL', prefixes?.app, ['app_name'], rivals?.appStates],
    [names.userStates, 'user_id', prefixes?.user, ['app_name', 'user_id'], rivals?.userStates],
  ] as const) {
    if (!hasColumns(input, table, 'app_name', 'state')) continue;
    const columns = ['app_name', user, text('state')].map((column) => sound(engine, column));
    columns.push(...claims(names.sessions, others, Object.fromEntries(key.map((name) => [name, name]))));
    const rows = input.rows(`SELECT ${columns.join(', ')} FROM ${quoted(table)} AS m ORDER BY ${key.join(', ')}`);
    for await (const [appName, userId, content, own, rival] of rows) {
      if (app !== undefined && appName !== app) continue;
      const owner = ownerOf(own, rival);
      if (owner === 'other') continue;
      const ids = user === 'NULL' ? [appName] : [appName, userId];
      const row = ids.map(shown).join(', ');
      const refused = (reason: string): Item => ({ kind: 'refused', of: 'states', table, row, reason });
      const state = withoutPrefix(parseState(content), prefix);
      if (!areTexts(ids)) yield refused(noTexts(ids));
      else if (owner === 'unclear') yield refused(ofOneOf(names.sessions, others));
      else if (state === undefined) yield refused(noObject('its state', content));
      else
        yield {
          kind: 'state',
          table,
          appName: ids[0] as string,
          ...(ids[1] === undefined ? {} : { userId: ids[1] }),
          state,
        };
    }
  }
}

const areTexts = (ids: readonly unknown[]): ids is string[] => ids.every((id) => typeof id === 'string');
const noTexts = (ids: readonly unknown[]) =>
  ids.some(isDamagedText) ? 'its ids are not all valid UTF-8' : 'its ids are not all texts';

// ── sessions, each followed by its events ──

/** Differences of the engines in SQL. */
const ENGINES = {
  sqlite: {
    text: (column: string) => column,
    time: (column: string) => column,
    binary: 'COLLATE BINARY',
    row: 'e.rowid',
  },
  postgres: {
    text: (column: string) => `${column}::text`,
    time: (column: string) => `(extract(epoch FROM ${column}) * 1000)::double precision`,
    binary: 'COLLATE "C"',
    // The place of a row, since there is no number.
    row: '(e.ctid::text::point)[0] * 65536 + (e.ctid::text::point)[1]',
  },
};

/** Columns that sessions and events share: the order (app, user, session, kind, moment, place), then app, user, session, id. */
const SHARED = 10;
const KIND_AT = 3;
const KEY_AT = 6;
const ID_AT = 9;

/**
 * Sessions and events in one query, so that all is of one moment and each row is read once: a session first, then its events
 * in their order. The order is that of bare columns, which an index can give; the ids that are read come beside it.
 */
function sessionsAndEvents(engine: TablesInput['engine'], table: EventTable): string {
  const { columns, moment, names = ADK_NAMES } = table;
  const { clause, key } = fromOf(table);
  const { text, time, binary, row } = ENGINES[engine];
  const session = [sound(engine, text('state')), time('create_time'), time('update_time')];
  const ordered = (ids: readonly string[]) => ids.map((column) => `${column} ${binary}`).join(', ');
  const read = (...names: string[]) => names.map((column) => sound(engine, column));
  const nulls = (count: number) => Array(count).fill('NULL');
  const own = ['app_name', 'user_id', 'id'];
  return `SELECT ${ordered(own)}, 0, 0, 0, ${[...read(...own, 'id'), ...session, ...nulls(columns.length)].join(', ')}
  FROM ${quoted(names.sessions)}
UNION ALL
SELECT ${ordered(key)}, 1, ${moment}, ${row}, ${[...read(...key, 'e.id'), ...nulls(session.length), ...read(...columns)].join(', ')}
  FROM ${clause}
ORDER BY 1, 2, 3, 4, 5, 6`;
}

const fromOf = ({ names = ADK_NAMES, from }: EventTable) =>
  from ?? { clause: `${quoted(names.events)} AS e`, key: ['e.app_name', 'e.user_id', 'e.session_id'] as const };

const EVENT_AT = SHARED + 3;
const MISSING = 'its session is missing';

async function* readSessions(input: TablesInput, { app }: ReadOptions, table: EventTable): AsyncGenerator<Item, void> {
  const marked = await sessionsWithMarkers(input, table);
  const { sessions, events: eventTable } = table.names ?? ADK_NAMES;
  const hasUniqueIds = !table.hasOwnIds && (await hasPrimaryKey(input, eventTable));
  const rows = new Ahead(input.rows(sessionsAndEvents(input.engine, table)));
  try {
    for (let row = await rows.take(); row !== undefined; row = await rows.take()) {
      const ids = row.slice(KEY_AT, ID_AT);
      if (app !== undefined && ids[0] !== app) continue;
      if (row[KIND_AT] === 1 || !areTexts(ids)) {
        const place =
          row[KIND_AT] === 1
            ? ({ of: 'events', table: eventTable } as const)
            : ({ of: 'sessions', table: sessions } as const);
        const reason = areTexts(ids) || (row[KIND_AT] === 1 && !ids.some(isDamagedText)) ? MISSING : noTexts(ids);
        yield { kind: 'refused', ...place, row: shown(row[ID_AT]), reason };
        continue;
      }
      const [appName, userId, sessionId] = ids as [string, string, string];
      const key: SessionKey = { appName, userId, sessionId };
      while (isRowOf(await rows.peek(), key, 0)) {
        await rows.take();
        const reason = 'the source has another session with this id';
        yield { kind: 'refused', of: 'sessions', table: sessions, row: sessionId, reason };
      }
      const session = sessionOf(key, row, table);
      if (typeof session !== 'string') {
        const events = eventsOf(rows, session, table);
        yield { ...session, isRewound: marked.has(nameOf(key)), hasUniqueIds, events };
      }
      let left = 0;
      for (; isRowOf(await rows.peek(), key, 1); left += 1) await rows.take();
      if (typeof session === 'string') {
        yield { kind: 'refused', of: 'sessions', table: sessions, row: key.sessionId, reason: session, events: left };
      }
    }
  } finally {
    await rows.close();
  }
}

/** Whether a primary key keeps the ids of a session's events apart. */
async function hasPrimaryKey({ engine, rows }: TablesInput, events: string): Promise<boolean> {
  if (engine === 'postgres') return false;
  const columns = new Set<SqlValue | undefined>();
  const sql = 'SELECT lower(name) FROM pragma_table_xinfo(?) WHERE pk > 0';
  for await (const [name] of rows(sql, [events])) columns.add(name);
  const hasId = columns.delete('id');
  for (const name of ['app_name', 'user_id', 'session_id']) columns.delete(name);
  return hasId && columns.size === 0;
}

async function sessionsWithMarkers(input: TablesInput, table: EventTable): Promise<Set<string>> {
  const found = new Set<string>();
  const { clause, key } = fromOf(table);
  const rows = input.rows(`SELECT DISTINCT ${key.join(', ')} FROM ${clause} WHERE ${table.isMarker}`);
  for await (const ids of rows) {
    if (!areTexts(ids)) continue;
    const [appName, userId, sessionId] = ids as [string, string, string];
    found.add(nameOf({ appName, userId, sessionId }));
  }
  return found;
}

function sessionOf(
  key: SessionKey,
  row: SqlValue[],
  { names = ADK_NAMES, timeOf = anyTime }: EventTable,
): Omit<FoundSession, 'isRewound' | 'events'> | string {
  const [content, created, updated] = row.slice(SHARED);
  const state = parseState(content);
  if (state === undefined) return noObject('its state', content);
  const [createTime, updateTime] = [timeOf(created), timeOf(updated)];
  if (createTime === undefined) return 'its create_time is no time';
  if (updateTime === undefined) return 'its update_time is no time';
  return { kind: 'session', table: names.sessions, eventTable: names.events, key, state, createTime, updateTime };
}

/** The events that follow a session's row. */
async function* eventsOf(
  rows: Ahead<SqlValue[]>,
  session: ReadSession,
  table: EventTable,
): AsyncGenerator<FoundEvent, void> {
  const { key } = session;
  for (;;) {
    const row = await rows.peek();
    if (!isRowOf(row, key, 1)) return;
    await rows.take();
    const id = shown(row[ID_AT]);
    const isText = typeof row[ID_AT] === 'string';
    const event = isText ? table.decode(row.slice(EVENT_AT), id, session) : noText('its id', row[ID_AT]);
    const refusal = (reason: string) => ({ table: table.names?.events ?? 'events', row: id, reason });
    if (typeof event === 'string') yield refusal(event);
    else if (event instanceof RawEvent)
      yield { raw: eventShape.recordOf(event.event, key), refusal: refusal(event.reason) };
    else yield eventShape.recordOf(event, key);
  }
}

/** `kind`: 0 for a session, 1 for an event. */
function isRowOf(
  row: SqlValue[] | undefined,
  { appName, userId, sessionId }: SessionKey,
  kind: 0 | 1,
): row is SqlValue[] {
  if (row?.[KIND_AT] !== kind) return false;
  return row[KEY_AT + 2] === sessionId && row[KEY_AT + 1] === userId && row[KEY_AT] === appName;
}
