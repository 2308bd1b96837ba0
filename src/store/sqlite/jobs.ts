import { randomUUID } from 'node:crypto';
import { julianDay } from '../../codec/julian-day.js';
import { invalidArgument, outOfRange } from '../../errors.js';
import type { BatchQuery, SqlParam } from '../../executor.js';
import { checkChoice, checkEventFilter, checkKey, checkObject, checkTime } from '../arguments.js';
import { encodeOptionalDelta } from '../deltas.js';
import { StoreError } from '../errors.js';
import { EVENT_JSON, type EventRow } from '../event-codec.js';
import type { EventFilter, NewSession, SessionKey } from '../records.js';
import { serializeObject } from '../serialize.js';
import { decodeSnapshot, HANDLE_JSON, type Snapshot } from '../session-codec.js';
import { type Context, explain, hasCode, isCommitted, type Rows, runReads, sendBatch, sendErasure } from './context.js';
import { eraseMemory } from './other-stores.js';

/** A session and its events, of one moment; the events still as rows. */
export interface Loaded {
  snapshot: Snapshot;
  events: EventRow[];
}

/** Creates a session, or finds it if `ifExists` is `'return'`: then nothing changes. `events`: which of its events to load. */
export async function createSession(context: Context, input: NewSession, events: EventFilter): Promise<Loaded> {
  checkObject('input', input);
  const { appName, userId, state = {}, createTime = Date.now(), ownerId, ifExists } = input;
  const session = { appName, userId, sessionId: input.sessionId || randomUUID() };
  checkKey(session);
  checkTime('createTime', createTime);
  checkChoice('ifExists', ifExists, ['error', 'return']);
  const { names, sql, known } = context;
  if (ownerId !== undefined && !names.owner) throw outOfRange('ownerId', 'absent: the store has no ownerIdColumn');

  const key = keyParams(session);
  const now = julianDay.encode(Date.now());
  const created = julianDay.encode(createTime);
  const row: SqlParam[] = [...key, serializeObject(state, 'state'), created, created];
  if (names.owner) row.push(ownerId ?? null);
  const app = encodeOptionalDelta(input.app, 'app');
  const user = encodeOptionalDelta(input.user, 'user');

  const writes: BatchQuery[] = [];
  // Shared states go first, while the session tells by its absence that it is new.
  if (app) writes.push({ sql: sql.mergeAppStateIfNew, params: [appName, app.set, now, ...key, app.remove] });
  if (user)
    writes.push({ sql: sql.mergeUserStateIfNew, params: [appName, userId, user.set, now, ...key, user.remove] });
  writes.push({ sql: sql.insertSession, params: row, ifNone: ifExists === 'return' ? 'continue' : 'rollback' });
  const reads = loadQueries(context, session, events);
  try {
    const results = await sendBatch(context, [...writes, ...reads]);
    const loaded = decodeLoaded(context, results.slice(writes.length), events) as Loaded;
    const isNew = results[writes.length - 1]?.changes === 1;
    const { sessionKey, session: stored } = loaded.snapshot;
    if (isNew) known.created(session, sessionKey, stored.revision, isCommitted(results));
    return loaded;
  } catch (error) {
    if (!hasCode(error, 'ERR_NO_MATCH')) {
      throw await explain(context, error, [...reads, ...sharedStateQueries(context, session)]);
    }
    throw new StoreError('ADK_SESSION_EXISTS', `Session ${session.sessionId} already exists`);
  }
}

/** Session, both shared states and events of one moment. */
export async function loadSession(
  context: Context,
  key: SessionKey,
  filter: EventFilter = {},
): Promise<Loaded | undefined> {
  checkKey(key);
  checkEventFilter(filter);
  return decodeLoaded(context, await runReads(context, loadQueries(context, key, filter)), filter);
}

/** The same for a session's events after a seq, as it is when all writes that were sent before are done. */
export async function loadAfterWrites(
  context: Context,
  key: SessionKey,
  afterSeq: number,
): Promise<Loaded | undefined> {
  // A write, which changes nothing, makes the writer run all of it, in its turn.
  const queries = [{ sql: context.sql.writeNothing }, ...loadQueries(context, key, { afterSeq })];
  const [, ...results] = await runReads(context, queries);
  return decodeLoaded(context, results, {});
}

/** Events of a session in append order. */
export async function loadEvents(context: Context, key: SessionKey, filter: EventFilter = {}): Promise<EventRow[]> {
  checkKey(key);
  checkEventFilter(filter);
  const [events] = await runReads(context, [eventsQuery(context, key, filter)]);
  return inOrder(events?.rows ?? [], filter);
}

/** The events of a session, read only as far as somebody asks for them. */
export async function* iterateEvents(
  context: Context,
  key: SessionKey,
  filter: Pick<EventFilter, 'after' | 'afterSeq'>,
): AsyncGenerator<EventRow, void> {
  checkKey(key);
  checkEventFilter(filter);
  await context.ready?.();
  const query = eventsQuery(context, key, filter);
  try {
    yield* context.db.iterate<EventRow>(query, { rowMode: 'array', jsonColumns: EVENT_JSON });
  } catch (error) {
    throw await explain(context, error, [query]);
  }
}

/** Deletes a session with its events, and with its memory if asked. */
export async function deleteSession(context: Context, key: SessionKey & { memory?: boolean }): Promise<boolean> {
  checkKey(key);
  const { memory = false } = key;
  if (typeof memory !== 'boolean') throw invalidArgument('memory', 'a boolean', memory);
  const params = keyParams(key);
  const queries = [context.sql.deleteEvents, context.sql.deleteSession].map((sql) => ({ sql, params }));
  const [, deleted] = memory
    ? await sendErasure(context, [...queries, ...(await eraseMemory(context, key))])
    : await sendBatch(context, queries);
  return deleted?.changes === 1;
}

// ── the statements ──

function loadQueries(context: Context, key: SessionKey, filter: EventFilter): BatchQuery[] {
  return [
    { sql: context.sql.handle, params: keyParams(key), jsonColumns: HANDLE_JSON, ifNone: 'stop' },
    eventsQuery(context, key, filter),
  ];
}

function decodeLoaded(context: Context, [session, events]: Rows[], filter: EventFilter): Loaded | undefined {
  const [row] = session?.rows ?? [];
  if (!row || !events) return undefined;
  return { snapshot: decodeSnapshot(row, context.names), events: inOrder(events.rows, filter) };
}

function eventsQuery({ sql }: Context, key: SessionKey, { after, afterSeq, limit, last }: EventFilter): BatchQuery {
  const afterTime = after === undefined ? Number.NEGATIVE_INFINITY : julianDay.encode(after);
  return {
    sql: last === undefined ? sql.events.asc : sql.events.desc,
    params: [...keyParams(key), afterSeq ?? 0, afterTime, last ?? limit ?? -1],
    jsonColumns: EVENT_JSON,
  };
}

/** The newest n come newest first. */
function inOrder(rows: EventRow[], { last }: EventFilter): EventRow[] {
  return last === undefined ? rows : rows.reverse();
}

function sharedStateQueries({ sql }: Context, { appName, userId }: SessionKey): BatchQuery[] {
  return [
    { sql: sql.appState, params: [appName] },
    { sql: sql.userState, params: [appName, userId] },
  ];
}

export function keyParams({ appName, userId, sessionId }: SessionKey): string[] {
  return [appName, userId, sessionId];
}
