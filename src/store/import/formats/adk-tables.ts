import type { SqlValue } from '../../../executor.js';
import { nameOf } from '../../prepare.js';
import type { JsonObject, SessionKey } from '../../records.js';
import { Ahead } from '../ahead.js';
import { unreadable } from '../errors.js';
import { eventRecord } from '../event.js';
import { hasColumns, type TablesInput } from '../input.js';
import type { FoundEvent, FoundSession, Item, ReadOptions } from '../source.js';
import { timeOf } from '../times.js';
import { parseObject } from './json.js';

/** The tables that ADK for JavaScript and ADK for Python share; their events differ. */

/** How one format stores events. */
export interface EventTable {
  /** Columns to read, in SQL. */
  columns: readonly string[];
  /** Time of an event in SQL, as microseconds: the order of events of one session, before that of their rows. */
  moment: string;
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

/** Whether an input has these tables, with this column of events. */
export function isAdkTables(input: TablesInput, column: string): boolean {
  return hasColumns(input, 'events', column, 'timestamp') && hasColumns(input, 'sessions', 'state', 'update_time');
}

/** Rejects a database whose version this program does not know. */
export async function checkVersion(input: TablesInput): Promise<void> {
  if (!hasColumns(input, 'adk_internal_metadata', 'key', 'value')) return;
  for await (const [version] of input.rows("SELECT value FROM adk_internal_metadata WHERE key = 'schema_version'")) {
    if (version !== '1') throw unreadable(`its tables have the version ${version}, and this program knows version 1`);
  }
}

export async function* readAdkTables(input: TablesInput, options: ReadOptions, events: EventTable) {
  yield* readStates(input, options);
  yield* readSessions(input, options, events);
}

// ── shared states ──

async function* readStates(input: TablesInput, { app }: ReadOptions): AsyncGenerator<Item, void> {
  const { text } = ENGINES[input.engine];
  for (const [table, user] of [
    ['app_states', 'NULL'],
    ['user_states', 'user_id'],
  ] as const) {
    if (!hasColumns(input, table, 'app_name', 'state')) continue;
    const rows = input.rows(`SELECT app_name, ${user}, ${text('state')} FROM ${table} ORDER BY 1, 2`);
    for await (const [appName, userId, content] of rows) {
      if (app !== undefined && appName !== app) continue;
      const state = parseObject(content);
      const scope = { appName: String(appName), ...(typeof userId === 'string' ? { userId } : {}) };
      const row = Object.values(scope).join(', ');
      if (state !== undefined) yield { kind: 'state', table, ...scope, state };
      else yield { kind: 'refused', of: 'states', table, row, reason: 'its state is no JSON object' };
    }
  }
}

// ── sessions, each followed by its events ──

/** Differences of the engines in SQL. */
const ENGINES = {
  sqlite: {
    text: (column: string) => column,
    time: (column: string) => column,
    binary: 'COLLATE BINARY',
    row: 'rowid',
  },
  postgres: {
    text: (column: string) => `${column}::text`,
    time: (column: string) => `(extract(epoch FROM ${column}) * 1000)::double precision`,
    binary: 'COLLATE "C"',
    // The place of a row, since there is no number.
    row: '(ctid::text::point)[0] * 65536 + (ctid::text::point)[1]',
  },
};

/** Columns that sessions and events share: app, user, session, kind, moment, place, id. */
const SHARED = 7;
const KIND_AT = 3;
const ID_AT = 6;

/**
 * Sessions and events in one query, so that all is of one moment and each row is read once: a session first, then its events
 * in their order.
 */
function sessionsAndEvents(engine: TablesInput['engine'], { columns, moment }: EventTable): string {
  const { text, time, binary, row } = ENGINES[engine];
  const session = [text('state'), time('create_time'), time('update_time')];
  const nulls = (count: number) => Array(count).fill('NULL');
  return `SELECT app_name ${binary}, user_id ${binary}, id ${binary}, 0, 0, 0, ${['id', ...session, ...nulls(columns.length)].join(', ')}
  FROM sessions
UNION ALL
SELECT app_name ${binary}, user_id ${binary}, session_id ${binary}, 1, ${moment}, ${row}, ${['id', ...nulls(session.length), ...columns].join(', ')}
  FROM events
ORDER BY 1, 2, 3, 4, 5, 6`;
}

const EVENT_AT = SHARED + 3;

async function* readSessions(input: TablesInput, { app }: ReadOptions, table: EventTable): AsyncGenerator<Item, void> {
  const marked = await sessionsWithMarkers(input, table);
  const hasUniqueIds = await hasPrimaryKey(input);
  const rows = new Ahead(input.rows(sessionsAndEvents(input.engine, table)));
  try {
    for (let row = await rows.take(); row !== undefined; row = await rows.take()) {
      const [appName, userId, sessionId] = row as string[];
      if (app !== undefined && appName !== app) continue;
      const key = { appName, userId, sessionId } as SessionKey;
      if (row[KIND_AT] === 1) {
        const reason = 'its session is missing';
        yield { kind: 'refused', of: 'events', table: 'events', row: String(row[ID_AT]), reason };
        continue;
      }
      const session = sessionOf(key, row);
      if (typeof session !== 'string') {
        const events = eventsOf(rows, session, table);
        yield { ...session, isRewound: marked.has(nameOf(key)), hasUniqueIds, events };
      }
      let left = 0;
      for (; isEventOf(await rows.peek(), key); left += 1) await rows.take();
      if (typeof session === 'string') {
        yield { kind: 'refused', of: 'sessions', table: 'sessions', row: key.sessionId, reason: session, events: left };
      }
    }
  } finally {
    await rows.close();
  }
}

/** Every primary key that these tables have begins or ends with the event's id. */
async function hasPrimaryKey({ engine, rows }: TablesInput): Promise<boolean> {
  if (engine === 'postgres') return false;
  for await (const _ of rows("SELECT 1 FROM pragma_table_xinfo('events') WHERE pk > 0 AND lower(name) = 'id'"))
    return true;
  return false;
}

async function sessionsWithMarkers(input: TablesInput, { isMarker }: EventTable): Promise<Set<string>> {
  const found = new Set<string>();
  const rows = input.rows(`SELECT DISTINCT app_name, user_id, session_id FROM events WHERE ${isMarker}`);
  for await (const [appName, userId, sessionId] of rows)
    found.add(nameOf({ appName, userId, sessionId } as SessionKey));
  return found;
}

function sessionOf(key: SessionKey, row: SqlValue[]): Omit<FoundSession, 'isRewound' | 'events'> | string {
  const [content, created, updated] = row.slice(SHARED);
  const state = parseObject(content);
  if (state === undefined) return 'its state is no JSON object';
  const [createTime, updateTime] = [timeOf(created), timeOf(updated)];
  if (createTime === undefined) return 'its create_time is no time';
  if (updateTime === undefined) return 'its update_time is no time';
  return { kind: 'session', table: 'sessions', eventTable: 'events', key, state, createTime, updateTime };
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
    if (!isEventOf(row, key)) return;
    await rows.take();
    const id = String(row[ID_AT]);
    const event = table.decode(row.slice(EVENT_AT), id, session);
    const refusal = (reason: string) => ({ table: 'events', row: id, reason });
    if (typeof event === 'string') yield refusal(event);
    else if (event instanceof RawEvent) yield { raw: eventRecord(key, event.event), refusal: refusal(event.reason) };
    else yield eventRecord(key, event);
  }
}

function isEventOf(row: SqlValue[] | undefined, { appName, userId, sessionId }: SessionKey): row is SqlValue[] {
  return row?.[KIND_AT] === 1 && row[2] === sessionId && row[1] === userId && row[0] === appName;
}
