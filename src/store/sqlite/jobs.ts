import { julianDay } from '../../codec/julian-day.js';
import type { BatchQuery } from '../../executor.js';
import type { Loaded } from '../backend.js';
import type { EventRow } from '../codec/event-codec.js';
import { decodeSession, decodeSnapshot, SESSION_JSON, SNAPSHOT_JSON } from '../codec/session-codec.js';
import { sessionExists } from '../errors.js';
import { keyParams, type PreparedSession } from '../prepare.js';
import type { EventFilter, SessionKey, SessionRecord } from '../records.js';
import { type Context, explain, hasCode, isCommitted, runReads, type StatementResult, sendWrites } from './context.js';
import { eventCodec } from './dialect.js';
import { inTransaction } from './history/in-transaction.js';
import { eraseMemory } from './other-stores.js';
import { mergeSharedIfNew, readState } from './shared-states.js';

/** Creates a session, or finds it if `ifExists` is `'return'`: then nothing changes. */
export async function createSession(context: Context, prepared: PreparedSession, events: EventFilter): Promise<Loaded> {
  const { key: session, ownerId, app, user, ifExists } = prepared;
  const { appName, userId } = session;
  const { names, sql, known } = context;
  const key = keyParams(session);
  const row = names.owner ? [...prepared.params, ownerId] : prepared.params;

  const writes: BatchQuery[] = [];
  // Shared states go first, while the session tells by its absence that it is new.
  if (app) writes.push(mergeSharedIfNew(sql, { appName }, app, key));
  if (user) writes.push(mergeSharedIfNew(sql, { appName, userId }, user, key));
  writes.push({ sql: sql.insertSession, params: row, ifNone: ifExists === 'return' ? 'continue' : 'rollback' });
  const reads = loadQueries(context, session, events);
  try {
    const results = await sendWrites(context, [...writes, ...reads]);
    const loaded = decodeLoaded(context, results.slice(writes.length), events) as Loaded;
    const isNew = results[writes.length - 1]?.changes === 1;
    const { sessionNumber, session: stored } = loaded.snapshot;
    if (isNew) known.created(session, sessionNumber, stored.revision, isCommitted(results));
    return loaded;
  } catch (error) {
    if (!hasCode(error, 'ERR_NO_MATCH')) {
      throw await explain(context, error, [...reads, readState(sql, { appName }), readState(sql, { appName, userId })]);
    }
    throw sessionExists(session.sessionId);
  }
}

/** Session, both shared states and events of one moment. */
export async function loadSession(context: Context, key: SessionKey, filter: EventFilter): Promise<Loaded | undefined> {
  return decodeLoaded(context, await runReads(context, loadQueries(context, key, filter)), filter);
}

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

export async function readSession(context: Context, key: SessionKey): Promise<SessionRecord | undefined> {
  const query = { sql: context.sql.session, params: keyParams(key), jsonColumns: SESSION_JSON };
  const [result] = await runReads(context, [query]);
  const [row] = result?.rows ?? [];
  return row && decodeSession(context, row);
}

/** Events of a session in append order. */
export async function loadEvents(context: Context, key: SessionKey, filter: EventFilter): Promise<EventRow[]> {
  const [events] = await runReads(context, [eventsQuery(context, key, filter)]);
  return inOrder(events?.rows ?? [], filter);
}

/** The events of a session, read only as far as the consumer goes. */
export async function* iterateEvents(
  context: Context,
  key: SessionKey,
  filter: Pick<EventFilter, 'after' | 'afterSeq'>,
): AsyncGenerator<EventRow, void> {
  await context.ready?.();
  const query = eventsQuery(context, key, filter);
  try {
    yield* context.db.iterate<EventRow>(query, { rowMode: 'array', jsonColumns: eventCodec.json });
  } catch (error) {
    throw await explain(context, error, [query]);
  }
}

/** Deletes a session with its events, and with its memory if asked: in one transaction, which begins in the order of the calls. */
export async function deleteSession(context: Context, key: SessionKey, memory: boolean): Promise<boolean> {
  return memory
    ? await inTransaction(context, async (within) => deleteRows(within, key, await eraseMemory(within, key)))
    : await deleteRows(context, key, []);
}

async function deleteRows(context: Context, key: SessionKey, memory: BatchQuery[]): Promise<boolean> {
  const params = keyParams(key);
  const queries = [context.sql.deleteEvents, context.sql.deleteSession].map((sql) => ({ sql, params }));
  const [, deleted] = await sendWrites(context, [...queries, ...memory]);
  return deleted?.changes === 1;
}

// ── the statements ──

function loadQueries(context: Context, key: SessionKey, filter: EventFilter): BatchQuery[] {
  return [
    { sql: context.sql.snapshot, params: keyParams(key), jsonColumns: SNAPSHOT_JSON, ifNone: 'stop' },
    eventsQuery(context, key, filter),
  ];
}

function decodeLoaded(context: Context, [session, events]: StatementResult[], filter: EventFilter): Loaded | undefined {
  const [row] = session?.rows ?? [];
  if (!row || !events) return undefined;
  return { snapshot: decodeSnapshot(context, row), events: inOrder(events.rows, filter) };
}

function eventsQuery({ sql }: Context, key: SessionKey, { after, afterSeq, limit, last }: EventFilter): BatchQuery {
  const afterTime = after === undefined ? Number.NEGATIVE_INFINITY : julianDay.encode(after);
  return {
    sql: last === undefined ? sql.events.asc : sql.events.desc,
    params: [...keyParams(key), afterSeq ?? 0, afterTime, last ?? limit ?? -1],
    jsonColumns: eventCodec.json,
  };
}

/** The newest n come newest first. */
function inOrder(rows: EventRow[], { last }: EventFilter): EventRow[] {
  return last === undefined ? rows : rows.reverse();
}
