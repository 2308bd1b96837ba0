import { julianDay } from '../../codec/julian-day.js';
import type { BatchQuery, SqlParam } from '../../executor.js';
import { checkEvent, checkObject } from '../arguments.js';
import { INSERT_AT } from '../columns.js';
import { type Delta, encodeOptionalDelta } from '../deltas.js';
import { StoreError } from '../errors.js';
import { EVENT_JSON, type EventRow, encodeEvent } from '../event-codec.js';
import type { EventRecord, SessionKey, StateDeltas } from '../records.js';
import { decodeSnapshot, HANDLE_JSON, type Snapshot } from '../session-codec.js';
import { type Context, explain, hasCode, isCommitted, notFound, type Rows, sendBatch } from './context.js';
import { FETCH_IDS, type Found, type Lookup, nameOf } from './known-ids.js';
import type { Queries } from './queries.js';

/** An event and its deltas as they were when the call was made, ready for any number of attempts. */
export interface PreparedAppend {
  key: SessionKey;
  /** The key as one text. */
  name: string;
  id: string;
  /** Parameters of `insertEvent`, in both of its forms. */
  params: SqlParam[];
  /** Julian Day. */
  updateTime: number;
  /** The same as it is read afterwards, in milliseconds. */
  updateTimeMs: number;
  /** Where there is something to merge. */
  session: Delta | undefined;
  app: Delta | undefined;
  user: Delta | undefined;
}

/**
 * Checks and encodes at once: what happens to the caller's objects afterwards makes no difference. Who has the session's
 * name, see {@link nameOf}, can give it.
 */
export function prepareAppend(event: EventRecord, deltas?: StateDeltas, name?: string): PreparedAppend {
  checkEvent(event);
  if (deltas !== undefined) checkObject('deltas', deltas);
  const updateTime = julianDay.encode(event.timestamp);
  const key = { appName: event.appName, userId: event.userId, sessionId: event.sessionId };
  return {
    key,
    name: name ?? nameOf(key),
    id: event.id,
    params: encodeEvent(event),
    updateTime,
    updateTimeMs: julianDay.decode(updateTime),
    session: encodeOptionalDelta(deltas?.session, 'deltas.session'),
    app: encodeOptionalDelta(deltas?.app, 'deltas.app'),
    user: encodeOptionalDelta(deltas?.user, 'deltas.user'),
  };
}

/**
 * What an append does about writes of others since its caller last saw the session. A caller that knows no revision
 * (a handle that was copied, or built by hand) says which event is the last that it has seen; null if it has none.
 */
export type Terms =
  | { kind: 'any' }
  | { kind: 'reject'; revision: number; sessionKey: number | null }
  | { kind: 'rejectAfter'; eventId: string | null }
  /** `revision` is the one that this append makes if nobody came in between. */
  | { kind: 'catchUp'; revision: number; sessionKey: number; seq: number }
  | { kind: 'catchUpAfter'; eventId: string | null };

/** What the caller lacks: the session as it is now, and the other events after the last one that the caller has seen. */
export interface Missed {
  snapshot: Snapshot;
  events: EventRow[];
}

export interface Appended extends Found {
  /** With `catchUp` if the session was not as expected, with `catchUpAfter` always. */
  missed: Missed | undefined;
}

/** An append that is on its way, as one job. It keeps no more than its end needs: very many may wait. */
export interface AppendJob {
  append: PreparedAppend;
  terms: Terms;
  lookup: Lookup;
  /** By the session's internal key, which is the lean way; or by its name, which takes nothing for granted. */
  byKey: boolean;
  results: Promise<Rows[]>;
  /** Where among the results the ids stand, if there are more before the next; and from where on what is missed. */
  idsAt: number;
  missedAt: number;
}

/**
 * Appends in one job, with shared commit. Whatever refuses undoes the statements before it, so that nothing is written.
 * Rejects `'ADK_SESSION_NOT_FOUND'`, `'ADK_STALE_SESSION'`, `'ADK_CORRUPT_ROW'`.
 */
export async function sendAppend(context: Context, append: PreparedAppend, terms: Terms): Promise<Appended> {
  const job = startAppend(context, append, terms);
  try {
    return concludeAppend(context, job, await job.results);
  } catch (error) {
    return await retryAppend(context, job, error);
  }
}

/** Sends the statements of an append. Its three parts are apart for who sends very many. */
export function startAppend(context: Context, append: PreparedAppend, terms: Terms): AppendJob {
  const { sql, known } = context;
  const { appName, userId, sessionId } = append.key;
  const lookup = known.lookup(append.name, append.id);
  const byKey = isKnown(lookup, terms);
  const queries = byKey ? writesByKey(sql, append, terms, lookup) : writesByName(sql, append, terms);
  if (append.app !== undefined) queries.push(mergeAppState(sql, appName, append.app));
  if (append.user !== undefined) queries.push(mergeUserState(sql, appName, userId, append.user));
  const idsAt = queries.length;
  if (lookup.fetchAfter !== undefined) {
    queries.push({ sql: sql.eventIds, params: [appName, userId, sessionId, lookup.fetchAfter, FETCH_IDS] });
  }
  const missedAt = queries.length;
  if (terms.kind === 'catchUp' || terms.kind === 'catchUpAfter') addCatchUp(queries, sql, append, terms, byKey);
  return { append, terms, lookup, byKey, results: sendBatch(context, queries), idsAt, missedAt };
}

/** What the results of an append say. */
export function concludeAppend(context: Context, job: AppendJob, results: Rows[]): Appended {
  const { append, terms, lookup, byKey, idsAt, missedAt } = job;
  const [inserted, updated] = results as [Rows, Rows];
  const overtaken = results[missedAt]?.rows[0];
  const missed = overtaken && {
    snapshot: decodeSnapshot(overtaken, context.names),
    events: results[missedAt + 1]?.rows ?? [],
  };
  const appended: Appended = {
    sessionKey: byKey ? lookup.sessionKey : Number(inserted.rows[0]?.[1]),
    seq: Number(byKey ? inserted.lastInsertRowid : inserted.rows[0]?.[0]),
    revision: Number(updated.rows[0]?.[0] ?? missed?.snapshot.session.revision ?? expectedRevision(terms)),
    missed,
  };
  const fetched = idsAt < missedAt ? results[idsAt]?.rows : undefined;
  context.known.appended(lookup, append.id, appended, fetched, isCommitted(results));
  return appended;
}

/** What follows when an append was refused: an error, or another attempt that takes nothing for granted. */
export async function retryAppend(context: Context, job: AppendJob, error: unknown): Promise<Appended> {
  const { append, terms, lookup, byKey } = job;
  if (!byKey || !hasCode(error, 'SQLITE_CONSTRAINT_NOTNULL')) throw await refusal(context, error, [append]);
  // What was known is not so any more: the session was deleted, or created again.
  context.known.refused(lookup);
  return await sendAppend(context, append, terms);
}

/** Whether the session's internal key is known, and is that of the session that the caller has seen. */
function isKnown(lookup: Lookup, terms: Terms): boolean {
  if (terms.kind === 'catchUpAfter' || terms.kind === 'rejectAfter') return false;
  if (terms.kind === 'any' || terms.sessionKey === null) return !Number.isNaN(lookup.sessionKey);
  return terms.sessionKey === lookup.sessionKey;
}

/** What the revision is where nothing is returned: as expected, or the statements would have said so. */
function expectedRevision(terms: Terms): number {
  if (terms.kind === 'catchUp') return terms.revision;
  return terms.kind === 'reject' ? terms.revision + 1 : Number.NaN;
}

/** Appends all or nothing, in one job. */
export async function sendAppends(context: Context, appends: PreparedAppend[]): Promise<void> {
  if (appends.length === 0) return;
  const queries = appends.flatMap((append) => writesByName(context.sql, append, { kind: 'any' }));
  try {
    await sendBatch(context, queries);
  } catch (error) {
    throw await refusal(context, error, appends);
  }
}

/** What a failure means. The batch begins with two queries for each append, which say that they found nothing. */
async function refusal(context: Context, error: unknown, appends: PreparedAppend[]): Promise<unknown> {
  if (!hasCode(error, 'ERR_NO_MATCH') || error.index === undefined) {
    return await explain(
      context,
      error,
      appends.flatMap(({ key }) => suspects(context.sql, key)),
    );
  }
  const sessionId = String(appends[error.index >> 1]?.key.sessionId);
  if (error.index % 2 === 0) return notFound(sessionId);
  return new StoreError('ADK_STALE_SESSION', `Session ${sessionId} was changed since it was read`);
}

/** Reads of all that an append may have met. */
function suspects(sql: Queries, { appName, userId, sessionId }: SessionKey): BatchQuery[] {
  const key = [appName, userId, sessionId];
  return [
    { sql: sql.handle, params: key },
    { sql: sql.events.asc, params: [...key, 0, Number.NEGATIVE_INFINITY, -1] },
  ];
}

// ── the statements ──

function writesByKey(sql: Queries, append: PreparedAppend, terms: Terms, lookup: Lookup): BatchQuery[] {
  const { params, session, updateTime } = append;
  params[INSERT_AT.sessionKey] = lookup.sessionKey;
  params[INSERT_AT.knownSeq] = lookup.knownSeq;
  params[INSERT_AT.knownId] = lookup.knownId;
  const update: SqlParam[] =
    session === undefined
      ? [updateTime, lookup.sessionKey]
      : [session.set, session.remove, updateTime, lookup.sessionKey];
  if (terms.kind === 'reject') update.push(terms.revision);
  const texts = sql.updateSession.byKey[terms.kind as keyof Queries['updateSession']['byKey']];
  return [
    { sql: sql.insertEvent.byKey, params },
    { sql: session === undefined ? texts.touch : texts.merge, params: update, ifNone: 'rollback' },
  ];
}

function writesByName(sql: Queries, append: PreparedAppend, terms: Terms): BatchQuery[] {
  const { key, params, session, updateTime } = append;
  const update: SqlParam[] = [updateTime, key.appName, key.userId, key.sessionId];
  if (session !== undefined) update.unshift(session.set, session.remove);
  if (terms.kind === 'reject') update.push(terms.revision, terms.sessionKey, terms.sessionKey);
  if (terms.kind === 'rejectAfter') update.push(append.id, terms.eventId);
  const texts = sql.updateSession.byName[terms.kind];
  return [
    { sql: sql.insertEvent.byName, params, ifNone: 'rollback' },
    { sql: session === undefined ? texts.touch : texts.merge, params: update, ifNone: 'rollback' },
  ];
}

/** What the caller lacks, if it lacks anything. */
function addCatchUp(
  queries: BatchQuery[],
  sql: Queries,
  { key: { appName, userId, sessionId } }: PreparedAppend,
  terms: Extract<Terms, { kind: 'catchUp' | 'catchUpAfter' }>,
  byKey: boolean,
): void {
  if (terms.kind === 'catchUpAfter') {
    const key = [appName, userId, sessionId];
    // No session has key 0: who knows none is told everything.
    queries.push(overtaken(sql.overtaken.byName, [...key, 0, 0]));
    queries.push(missed(sql.missed.afterEvent, [...key, ...key, terms.eventId]));
  } else if (byKey) {
    queries.push(overtaken(sql.overtaken.byKey, [terms.sessionKey, terms.revision]));
    queries.push(missed(sql.missed.byKey, [terms.sessionKey, terms.seq]));
  } else {
    queries.push(overtaken(sql.overtaken.byName, [appName, userId, sessionId, terms.revision, terms.sessionKey]));
    queries.push(missed(sql.missed.byName, [appName, userId, sessionId, terms.seq]));
  }
}

function overtaken(sql: string, params: SqlParam[]): BatchQuery {
  return { sql, params, jsonColumns: HANDLE_JSON, ifNone: 'stop' };
}

function missed(sql: string, params: SqlParam[]): BatchQuery {
  return { sql, params, jsonColumns: EVENT_JSON };
}

/** Merges a delta into the state of an app. */
export function mergeAppState(sql: Queries, appName: string, { set, remove }: Delta): BatchQuery {
  return { sql: sql.mergeAppState, params: [appName, set, julianDay.encode(Date.now()), remove] };
}

/** Merges a delta into the state of a user. */
export function mergeUserState(sql: Queries, appName: string, userId: string, { set, remove }: Delta): BatchQuery {
  return { sql: sql.mergeUserState, params: [appName, userId, set, julianDay.encode(Date.now()), remove] };
}
