import type { BatchQuery, SqlParam } from '../../executor.js';
import type { AppendCondition, Appended } from '../backend.js';
import { sessionNotFound, staleSession } from '../errors.js';
import type { PreparedAppend } from '../prepare.js';
import type { SessionKey } from '../records.js';
import { decodeSnapshot, SNAPSHOT_JSON } from '../session-codec.js';
import type { Attachment } from './attachments.js';
import { type Context, explain, hasCode, isCommitted, type Rows, sendBatch, sendErasure } from './context.js';
import { eventCodec, KNOWN_AT } from './dialect.js';
import { type ChainLink, FETCH_IDS, type Lookup } from './known-ids.js';
import type { Queries } from './queries.js';
import { mergeState } from './shared-states.js';

/** An append under way that takes nothing for granted, as one job. It keeps no more than its end needs: very many may wait. */
interface AppendJob {
  append: PreparedAppend;
  condition: AppendCondition;
  lookup: Lookup;
  /** By the session's internal key, which is the lean way; or by its name, which takes nothing for granted. */
  byKey: boolean;
  results: Promise<Rows[]>;
  /** Index of the list of ids, if one was requested (`idsAt < missedAt`), and of the first result of the catch-up. */
  idsAt: number;
  missedAt: number;
}

/**
 * Appends in one job, with shared commit. A statement that refuses undoes those before it, so that nothing is written.
 * Rejects `'ADK_SESSION_NOT_FOUND'`, `'ADK_STALE_SESSION'`, `'ADK_CORRUPT_ROW'`.
 */
export function append(context: Context, prepared: PreparedAppend, condition: AppendCondition): Promise<Appended> {
  const link = linkOf(context.known, prepared, condition);
  if (link === undefined) {
    return context.known.inTurn([prepared.name], () => appendAnyway(context, prepared, condition));
  }
  let sent: Promise<Rows[]>;
  try {
    sent = sendLink(context, prepared, link);
  } catch (error) {
    return breakLink(context, prepared, condition, link, error); // no stack is left
  }
  // Not async itself: very many may wait.
  return sent.then(
    (results) => concludeLink(context.known, prepared, link, results),
    (error) => breakLink(context, prepared, condition, link, error),
  );
}

/** Ends an append of a chain that has failed, or appends again without taking anything for granted. */
async function breakLink(
  context: Context,
  prepared: PreparedAppend,
  condition: AppendCondition,
  link: ChainLink,
  error: unknown,
): Promise<Appended> {
  const isRefused = hasCode(error, 'ERR_NO_MATCH') || hasCode(error, 'SQLITE_CONSTRAINT_NOTNULL');
  context.known.withdraw(link, prepared.id);
  // Sent before anything that waits for the end of the chain.
  const again = isRefused ? appendAnyway(context, prepared, condition) : undefined;
  context.known.unlinked(link, isRefused);
  if (again !== undefined) return await again;
  throw await refusal(context, error, [prepared]);
}

function linkOf(known: Context['known'], { name, id }: PreparedAppend, condition: AppendCondition) {
  if (condition.kind === 'revision') return known.link(name, id, condition.sessionKey, condition.revision);
  return condition.kind === 'none' ? known.link(name, id, null, undefined) : undefined;
}

/** The job of an append that expects to find its session as the append before leaves it. */
function sendLink(context: Context, append: PreparedAppend, { entry, revision, lastId }: ChainLink): Promise<Rows[]> {
  const { sql } = context;
  const { key, params, session, updateTime } = append;
  params[KNOWN_AT.sessionKey] = entry.sessionKey;
  params[KNOWN_AT.knownId] = lastId;
  const where: SqlParam[] = [updateTime, entry.sessionKey, revision, key.appName, key.userId, key.sessionId];
  if (session !== undefined) where.unshift(session.set, session.remove);
  const queries: BatchQuery[] = [
    // First: what it refuses has changed nothing yet.
    {
      sql: session === undefined ? sql.updateSession.next.touch : sql.updateSession.next.merge,
      params: where,
      ifNone: 'rollback',
    },
    { sql: sql.insertEvent.next, params },
  ];
  addRest(context, append, queries, true);
  return sendQueries(context, append, queries);
}

/** Attachments overwrite what they delete. */
function sendQueries(context: Context, append: PreparedAppend, queries: BatchQuery[]): Promise<Rows[]> {
  return append.attachment === undefined ? sendBatch(context, queries) : sendErasure(context, queries);
}

/** Adds the statements of the shared states and of the attachment. `quick`: what refuses is sent again. */
function addRest({ sql }: Context, append: PreparedAppend, queries: BatchQuery[], quick = false): void {
  const { appName, userId } = append.key;
  if (append.app !== undefined) queries.push(mergeState(sql, { appName }, append.app));
  if (append.user !== undefined) queries.push(mergeState(sql, { appName, userId }, append.user));
  const attachment = attachmentOf(append);
  if (attachment !== undefined) queries.push(...((quick && attachment.quick) || attachment.queries));
}

function concludeLink(known: Context['known'], append: PreparedAppend, link: ChainLink, results: Rows[]): Appended {
  const seq = Number((results[1] as Rows).lastInsertRowid);
  known.linked(link, append.id, seq);
  attachmentOf(append)?.committed();
  const { entry, revision } = link;
  return {
    sessionKey: entry.sessionKey,
    revision: revision + 1,
    seq,
    updateTime: append.updateTimeMs,
    missed: undefined,
  };
}

/** Appends at once, without taking for granted what was seen last. */
async function appendAnyway(context: Context, prepared: PreparedAppend, condition: AppendCondition): Promise<Appended> {
  const job = send(context, prepared, condition);
  try {
    return conclude(context, job, await job.results);
  } catch (error) {
    return await retry(context, job, error);
  } finally {
    context.known.ended(job.lookup);
  }
}

function send(context: Context, append: PreparedAppend, condition: AppendCondition): AppendJob {
  const { sql, known } = context;
  const { appName, userId, sessionId } = append.key;
  const lookup = known.lookup(append.name, append.id);
  const byKey = isKnown(lookup, condition);
  const queries = byKey ? writesByKey(sql, append, condition, lookup) : writesByName(sql, append, condition);
  addRest(context, append, queries);
  const idsAt = queries.length;
  if (lookup.fetchAfter !== undefined) {
    queries.push({ sql: sql.eventIds, params: [appName, userId, sessionId, lookup.fetchAfter, FETCH_IDS] });
  }
  const missedAt = queries.length;
  if (condition.kind !== 'none' && condition.ifStale === 'catchUp') {
    addCatchUp(queries, sql, append, condition, byKey);
  }
  const results = sendQueries(context, append, queries);
  known.sent(lookup);
  return { append, condition, lookup, byKey, results, idsAt, missedAt };
}

/** Outcome of an append from the results of its statements. */
function conclude(context: Context, job: AppendJob, results: Rows[]): Appended {
  const { append, condition, lookup, byKey, idsAt, missedAt } = job;
  const [inserted, updated] = results as [Rows, Rows];
  const overtaken = results[missedAt]?.rows[0];
  const missed = overtaken && {
    snapshot: decodeSnapshot(context, overtaken),
    events: results[missedAt + 1]?.rows ?? [],
    isRewound: Number(overtaken.at(-1)) === 0,
  };
  const appended: Appended = {
    sessionKey: byKey ? lookup.sessionKey : Number(inserted.rows[0]?.[1]),
    revision: Number(updated.rows[0]?.[0] ?? missed?.snapshot.session.revision ?? expectedRevision(condition)),
    seq: Number(byKey ? inserted.lastInsertRowid : inserted.rows[0]?.[0]),
    updateTime: append.updateTimeMs,
    missed,
  };
  const fetched = idsAt < missedAt ? results[idsAt]?.rows : undefined;
  const committed = isCommitted(results);
  context.known.appended(lookup, append.id, appended, fetched, committed);
  if (committed) attachmentOf(append)?.committed();
  return appended;
}

const attachmentOf = ({ attachment }: PreparedAppend) => attachment as Attachment | undefined;

/** After a refusal: throws its error, or appends again and takes nothing for granted. */
async function retry(context: Context, { append: prepared, condition, lookup, byKey }: AppendJob, error: unknown) {
  if (!byKey || !hasCode(error, 'SQLITE_CONSTRAINT_NOTNULL')) throw await refusal(context, error, [prepared]);
  // The session was deleted, or created again, since its key was remembered.
  context.known.refused(lookup);
  return await appendAnyway(context, prepared, condition);
}

/** Whether the session's internal key is known, and is that of the session that the caller has seen. */
function isKnown(lookup: Lookup, condition: AppendCondition): boolean {
  if (condition.kind === 'after') return false;
  if (condition.kind === 'none' || condition.sessionKey === null) return !Number.isNaN(lookup.sessionKey);
  return condition.sessionKey === lookup.sessionKey;
}

/** The revision where no statement returns one: as expected, or a statement would have refused or returned more. */
const expectedRevision = (condition: AppendCondition) =>
  condition.kind === 'revision' ? condition.revision + 1 : Number.NaN;

/** Appends all or nothing, in one job. */
export async function appendAll(context: Context, appends: readonly PreparedAppend[]): Promise<void> {
  if (appends.length === 0) return;
  const queries = appends.flatMap((append) => writesByName(context.sql, append, { kind: 'none' }));
  const attachments = appends.flatMap((append) => attachmentOf(append) ?? []);
  queries.push(...attachments.flatMap((attachment) => attachment.queries));
  try {
    const send = attachments.length === 0 ? sendBatch : sendErasure;
    const names = appends.map(({ name }) => name);
    const results = await context.known.inTurn(names, () => send(context, queries));
    if (isCommitted(results)) for (const attachment of attachments) attachment.committed();
  } catch (error) {
    throw await refusal(context, error, appends);
  }
}

/** The error behind a failure. A batch begins with two queries for each append, which refuse if they find nothing. */
async function refusal(context: Context, error: unknown, appends: readonly PreparedAppend[]): Promise<unknown> {
  if (!hasCode(error, 'ERR_NO_MATCH') || error.index === undefined) {
    return await explain(
      context,
      error,
      appends.flatMap(({ key }) => suspects(context.sql, key)),
    );
  }
  const sessionId = String(appends[error.index >> 1]?.key.sessionId);
  if (error.index % 2 === 0) return sessionNotFound(sessionId);
  return staleSession(sessionId);
}

/** Reads of all rows that an append may have touched. */
function suspects(sql: Queries, { appName, userId, sessionId }: SessionKey): BatchQuery[] {
  const key = [appName, userId, sessionId];
  return [
    { sql: sql.snapshot, params: key },
    { sql: sql.events.asc, params: [...key, 0, Number.NEGATIVE_INFINITY, -1] },
  ];
}

// ── the statements ──

function writesByKey(sql: Queries, append: PreparedAppend, condition: AppendCondition, lookup: Lookup): BatchQuery[] {
  const { params, session, updateTime } = append;
  params[KNOWN_AT.sessionKey] = lookup.sessionKey;
  params[KNOWN_AT.knownSeq] = lookup.knownSeq;
  params[KNOWN_AT.knownId] = lookup.knownId;
  const update: SqlParam[] =
    session === undefined
      ? [updateTime, lookup.sessionKey]
      : [session.set, session.remove, updateTime, lookup.sessionKey];
  const { plain, silent, ifRevision } = sql.updateSession.byKey;
  let texts = plain;
  if (condition.kind === 'revision' && condition.ifStale === 'reject') {
    texts = ifRevision;
    update.push(condition.revision);
  } else if (condition.kind === 'revision') texts = silent;
  return [
    { sql: sql.insertEvent.byKey, params },
    { sql: session === undefined ? texts.touch : texts.merge, params: update, ifNone: 'rollback' },
  ];
}

function writesByName(sql: Queries, append: PreparedAppend, condition: AppendCondition): BatchQuery[] {
  const { key, params, session, updateTime } = append;
  const update: SqlParam[] = [updateTime, key.appName, key.userId, key.sessionId];
  if (session !== undefined) update.unshift(session.set, session.remove);
  const { plain, ifRevision, ifLast } = sql.updateSession.byName;
  let texts = plain;
  if (condition.kind === 'revision' && condition.ifStale === 'reject') {
    texts = ifRevision;
    update.push(condition.revision, condition.sessionKey, condition.sessionKey);
  } else if (condition.kind === 'after' && condition.ifStale === 'reject') {
    texts = ifLast;
    update.push(append.id, condition.eventId);
  }
  return [
    { sql: sql.insertEvent.byName, params, ifNone: 'rollback' },
    { sql: session === undefined ? texts.touch : texts.merge, params: update, ifNone: 'rollback' },
  ];
}

/** Reads what the caller lacks, if it lacks anything. */
function addCatchUp(
  queries: BatchQuery[],
  sql: Queries,
  { key: { appName, userId, sessionId } }: PreparedAppend,
  condition: Exclude<AppendCondition, { kind: 'none' }>,
  byKey: boolean,
): void {
  const key = [appName, userId, sessionId];
  if (condition.kind === 'after') {
    queries.push(overtaken(sql.overtaken.afterEvent, [condition.eventId, ...key]));
    queries.push(missed(sql.missed.afterEvent, [...key, ...key, condition.eventId]));
    return;
  }
  const { sessionKey, seq } = condition;
  const revision = condition.revision + 1;
  queries.push(
    byKey
      ? overtaken(sql.overtaken.byKey, [seq, seq, sessionKey, revision])
      : overtaken(sql.overtaken.byName, [seq, seq, ...key, revision, sessionKey]),
  );
  queries.push(missed(sql.missed.afterSeq, [...key, seq]));
}

function overtaken(sql: string, params: SqlParam[]): BatchQuery {
  return { sql, params, jsonColumns: SNAPSHOT_JSON, ifNone: 'stop' };
}

function missed(sql: string, params: SqlParam[]): BatchQuery {
  return { sql, params, jsonColumns: eventCodec.json };
}
