import type { BatchQuery } from '../../../executor.js';
import type { EventRow } from '../../codec/event-codec.js';
import { decodeSession } from '../../codec/session-codec.js';
import { sessionNotFound } from '../../errors.js';
import type { ArtifactVersion } from '../../history/plan.js';
import type { HistoryPoint } from '../../history/records.js';
import { decodeChange, decodeInitialState, decodeOutline, placeOf } from '../../history/stored.js';
import type { EventOutline, History, Place } from '../../history/timeline.js';
import { keyParams } from '../../prepare.js';
import type { SessionKey } from '../../records.js';
import { type Context, runReads, type StatementResult } from '../context.js';
import { eventCodec, sqliteDialect } from '../dialect.js';

/** A history with the session's internal key. */
export interface StoredHistory extends History {
  sessionNumber: number;
}

/** Events that one read brings: decoding them holds the event loop for a millisecond or so. */
const EVENTS_PER_READ = 250;

/**
 * Reads a session's history with a point of it, in slices: inside a transaction. Rejects `'ADK_SESSION_NOT_FOUND'` and
 * `'ADK_POINT_NOT_FOUND'`.
 */
export async function readHistory(context: Context, key: SessionKey, point: HistoryPoint): Promise<StoredHistory> {
  const stored = await readStored(context, key);
  const [found, others] = await runReads(context, [placeQuery(context, key, point), changesQuery(context, key)]);
  const place = placeIn(found, key, point);
  const { next } = context.sql.history.place;
  const [following] = await runReads(context, [{ sql: next, params: [...keyParams(key), place.lastSeq] }]);
  const [after] = following?.rows ?? [];
  if (after) place.nextTime = timeOf(after);
  const events: EventOutline[] = [];
  for (let page: EventOutline[] = [], from = 0; ; from = page.at(-1)?.seq ?? from) {
    const [rows] = await runReads(context, [outlineQuery(context, key, from, EVENTS_PER_READ)]);
    page = decodeOutlines(context, rows);
    events.push(...page);
    if (page.length < EVENTS_PER_READ) break;
  }
  return { ...stored, place, events, changes: decodeChanges(context, others) };
}

/** The same in one read. Of the place, the time of the next event is left out. */
export async function readMoment(context: Context, key: SessionKey, point: HistoryPoint): Promise<History> {
  const [stored, found, others, rows] = await runReads(context, [
    storedQuery(context, key),
    placeQuery(context, key, point),
    changesQuery(context, key),
    outlineQuery(context, key, 0, -1),
  ]);
  return {
    ...storedIn(context, stored, key),
    place: placeIn(found, key, point),
    events: decodeOutlines(context, rows),
    changes: decodeChanges(context, others),
  };
}

/** A session with its internal key and its first state. */
type StoredSession = Pick<StoredHistory, 'sessionNumber' | 'session' | 'initialState'>;

export async function readStored(context: Context, key: SessionKey): Promise<StoredSession> {
  const [stored] = await runReads(context, [storedQuery(context, key)]);
  return storedIn(context, stored, key);
}

/** The outlines of the events of one invocation. */
export async function readInvocation(context: Context, key: SessionKey, invocationId: string): Promise<EventOutline[]> {
  const { invocation: sql } = context.sql.history.outline;
  const query = { sql, params: [...keyParams(key), invocationId], jsonColumns: OUTLINE_JSON };
  const [rows] = await runReads(context, [query]);
  return decodeOutlines(context, rows);
}

// ── the statements ──

const OUTLINE_JSON = ['actions', 'extra'];

const storedQuery = ({ sql }: Context, key: SessionKey): BatchQuery => ({
  sql: sql.history.session,
  params: keyParams(key),
  jsonColumns: ['state', 'initial_state'],
  ifNone: 'stop',
});

const changesQuery = ({ sql }: Context, key: SessionKey): BatchQuery => ({
  sql: sql.history.changes,
  params: keyParams(key),
  jsonColumns: ['value', 'removed'],
});

const outlineQuery = ({ sql }: Context, key: SessionKey, after: number, limit: number): BatchQuery => ({
  sql: sql.history.outline.range,
  params: [...keyParams(key), after, limit],
  jsonColumns: OUTLINE_JSON,
});

function placeQuery({ sql }: Context, key: SessionKey, point: HistoryPoint): BatchQuery {
  const { seq, invocation } = sql.history.place;
  return 'toSeq' in point
    ? { sql: seq, params: [...keyParams(key), point.toSeq] }
    : { sql: invocation, params: [...keyParams(key), point.beforeInvocationId] };
}

// ── their rows ──

function storedIn(context: Context, result: StatementResult | undefined, key: SessionKey): StoredSession {
  const [row] = result?.rows ?? [];
  if (!row) throw sessionNotFound(key.sessionId);
  const session = decodeSession(context, row);
  return {
    sessionNumber: Number(row[0]),
    session,
    initialState: decodeInitialState(context.names, session.id, row.at(-1)),
  };
}

function placeIn(result: StatementResult | undefined, key: SessionKey, point: HistoryPoint): Place {
  const [row] = result?.rows ?? [];
  return placeOf(key, point, row && { seq: Number(row[0]), time: timeOf(row) });
}

const timeOf = ([, time]: unknown[]) => sqliteDialect.decodeTime(time);

const decodeOutlines = ({ names }: Context, result: StatementResult | undefined) =>
  (result?.rows ?? []).map((row) => decodeOutline(names, row));

export const decodeChanges = ({ names }: Context, result: StatementResult | undefined) =>
  (result?.rows ?? []).map((row) => decodeChange(names, row));

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

export async function countEvents(context: Context, key: SessionKey): Promise<number> {
  const [counted] = await runReads(context, [{ sql: context.sql.countEvents, params: keyParams(key) }]);
  return Number(counted?.rows[0]?.[0]);
}

/** Whether a marker of a rewind follows a seq. */
export async function isMarked(context: Context, key: SessionKey, afterSeq: number): Promise<boolean> {
  const [found] = await runReads(context, [{ sql: context.sql.isMarked, params: [...keyParams(key), afterSeq] }]);
  return found?.rows.length === 1;
}
