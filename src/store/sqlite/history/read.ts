import type { BatchQuery } from '../../../executor.js';
import { corruptRow, pointNotFound, sessionNotFound } from '../../errors.js';
import type { EventRow } from '../../event-codec.js';
import { outlineOf } from '../../history/outline.js';
import type { ArtifactVersion } from '../../history/plan.js';
import type { HistoryPoint } from '../../history/records.js';
import type { EventOutline, History, Place, SessionChange } from '../../history/timeline.js';
import { isJsonObject, type JsonObject, type SessionKey } from '../../records.js';
import { decodeSession } from '../../session-codec.js';
import { type Context, runReads } from '../context.js';
import { eventCodec, sqliteDialect } from '../dialect.js';
import { keyParams } from '../jobs.js';
import { inTransaction } from './in-transaction.js';

/** A history with the session's internal key. */
export interface StoredHistory extends History {
  sessionKey: number;
}

/** Events that one read brings: decoding them holds the event loop for a millisecond or so. */
const EVENTS_PER_READ = 250;

/** Reads a session's history with a point of it. Rejects `'ADK_SESSION_NOT_FOUND'` and `'ADK_POINT_NOT_FOUND'`. */
export async function readHistory(context: Context, key: SessionKey, point: HistoryPoint): Promise<StoredHistory> {
  return await inTransaction(context, async (within) => {
    const { changes } = within.sql.history;
    const session = await readStored(within, key);
    const place = await readPlace(within, key, point);
    const [others] = await runReads(within, [
      { sql: changes, params: keyParams(key), jsonColumns: ['value', 'removed'] },
    ]);
    return {
      ...session,
      place,
      events: await readOutline(within, key),
      changes: (others?.rows ?? []).map((row) => decodeChange(within, row)),
    };
  });
}

/** A session with its internal key and its first state. */
export async function readStored(
  context: Context,
  key: SessionKey,
): Promise<Pick<StoredHistory, 'sessionKey' | 'session' | 'initialState'>> {
  const query = {
    sql: context.sql.history.session,
    params: keyParams(key),
    jsonColumns: ['state', 'initial_state'],
  };
  const [found] = await runReads(context, [query]);
  const [row] = found?.rows ?? [];
  if (!row) throw sessionNotFound(key.sessionId);
  const initialState = row.at(-1) ?? undefined;
  const session = decodeSession(context, row);
  if (initialState !== undefined && !isJsonObject(initialState)) {
    throw corruptRow(context.names.sessions, session.id, 'initial_state');
  }
  return { sessionKey: Number(row[0]), session, initialState };
}

async function readPlace(context: Context, key: SessionKey, point: HistoryPoint): Promise<Place> {
  const { seq: bySeq, invocation, next } = context.sql.history.place;
  const params = keyParams(key);
  const query =
    'toSeq' in point
      ? { sql: bySeq, params: [...params, point.toSeq] }
      : { sql: invocation, params: [...params, point.beforeInvocationId] };
  const [found] = await runReads(context, [query]);
  const [event] = found?.rows ?? [];
  if (!event) {
    const missing = 'toSeq' in point ? `event of seq ${point.toSeq}` : `invocation ${point.beforeInvocationId}`;
    throw pointNotFound(`Session ${key.sessionId} has no ${missing}`);
  }
  const seq = Number(event[0]);
  const lastSeq = 'toSeq' in point ? seq : seq - 1;
  const [following] = await runReads(context, [{ sql: next, params: [...params, lastSeq] }]);
  const [after] = following?.rows ?? [];
  return { lastSeq, changesBefore: seq, time: timeOf(event), nextTime: after && timeOf(after) };
}

const timeOf = ([, time]: unknown[]) => sqliteDialect.decodeTime(time);

/** The outlines of a session's events, or of those of one invocation. */
export async function readOutline(context: Context, key: SessionKey, invocationId?: string): Promise<EventOutline[]> {
  const { range, invocation } = context.sql.history.outline;
  const jsonColumns = ['actions', 'extra'];
  const params = keyParams(key);
  const read = async (query: BatchQuery) => {
    const [events] = await runReads(context, [query]);
    return (events?.rows ?? []).map((row) => decodeOutline(context, row));
  };
  if (invocationId !== undefined)
    return await read({ sql: invocation, params: [...params, invocationId], jsonColumns });
  const outline: EventOutline[] = [];
  for (let page: EventOutline[] = [], after = 0; ; after = page.at(-1)?.seq ?? after) {
    page = await read({ sql: range, params: [...params, after, EVENTS_PER_READ], jsonColumns });
    outline.push(...page);
    if (page.length < EVENTS_PER_READ) return outline;
  }
}

function decodeOutline({ names }: Context, [seq, id, actions, extra]: unknown[]): EventOutline {
  const damaged = (column: string) => corruptRow(names.events, String(id), column);
  if (actions !== null && !isJsonObject(actions)) throw damaged('actions');
  if (extra !== null && !isJsonObject(extra)) throw damaged('extra');
  return outlineOf({ seq: Number(seq), actions: actions ?? {}, extra: extra ?? {} });
}

function decodeChange({ names }: Context, [changeKey, seq, kind, value, removed]: unknown[]): SessionChange {
  return { seq: Number(seq), ...decodeStateChange(names.changes, changeKey, kind, value, removed) };
}

/** A change of the state from its columns. `key` is for the error. */
export function decodeStateChange(table: string, key: unknown, kind: unknown, value: unknown, removed: unknown) {
  if (kind !== 'merge' && kind !== 'replace') throw corruptRow(table, String(key), 'kind');
  if (!isJsonObject(value)) throw corruptRow(table, String(key), 'value');
  if (removed !== null && !isJsonObject(removed)) throw corruptRow(table, String(key), 'removed');
  return { kind: kind as SessionChange['kind'], set: value, removed: Object.keys((removed ?? {}) as JsonObject) };
}

/** The visible artifact versions of a session. */
export async function readVersions(context: Context, key: SessionKey): Promise<ArtifactVersion[]> {
  const [found] = await runReads(context, [{ sql: context.sql.history.versions, params: keyParams(key) }]);
  return (found?.rows ?? []).map(([artifactKey, name, version, time]) => ({
    artifactKey: Number(artifactKey),
    name: String(name),
    version: Number(version),
    createTime: sqliteDialect.decodeTime(time),
  }));
}

export async function readEventPage(
  context: Context,
  key: SessionKey,
  { afterSeq, beforeSeq, limit, order }: { afterSeq: number; beforeSeq: number; limit: number; order: 'asc' | 'desc' },
): Promise<EventRow[]> {
  const params = [...keyParams(key), afterSeq, beforeSeq, limit];
  const query = { sql: context.sql.eventPage[order], params, jsonColumns: eventCodec.json };
  const [events] = await runReads(context, [query]);
  return events?.rows ?? [];
}

/** Whether a marker of a rewind follows a seq. */
export async function isMarked(context: Context, key: SessionKey, afterSeq: number): Promise<boolean> {
  const [found] = await runReads(context, [{ sql: context.sql.isMarked, params: [...keyParams(key), afterSeq] }]);
  return found?.rows.length === 1;
}
