import type { BatchQuery, SqlParam } from '../../../executor.js';
import { SNAPSHOT_JSON } from '../../codec/session-codec.js';
import type { PreparedAppend } from '../../prepare.js';
import { eventCodec, KNOWN_AT } from '../dialect.js';
import type { Queries } from '../queries.js';
import { mergeShared } from '../shared-states.js';
import type { Attachment } from './attachments.js';
import type { Assumptions, Link } from './known-ids.js';

/**
 * Statements of an append that follows another one in a chain. First the update: what it refuses has changed nothing yet.
 */
export function writesInChain(sql: Queries, append: PreparedAppend, { entry, revision, lastId }: Link): BatchQuery[] {
  const { key, params, session, updateTime } = append;
  params[KNOWN_AT.sessionNumber] = entry.sessionNumber;
  params[KNOWN_AT.knownId] = lastId;
  const where: SqlParam[] = [updateTime, entry.sessionNumber, revision, key.appName, key.userId, key.sessionId];
  if (session !== undefined) where.unshift(session.set, session.remove);
  const { touch, merge } = sql.updateSession.next;
  const queries: BatchQuery[] = [
    { sql: session === undefined ? touch : merge, params: where, ifNone: 'rollback' },
    { sql: sql.insertEvent.next, params },
  ];
  addRest(sql, append, queries, true);
  return queries;
}

export function writesByNumber(sql: Queries, append: PreparedAppend, assumed: Assumptions): BatchQuery[] {
  const { params, session, updateTime, condition } = append;
  params[KNOWN_AT.sessionNumber] = assumed.sessionNumber;
  params[KNOWN_AT.knownSeq] = assumed.knownSeq;
  params[KNOWN_AT.knownId] = assumed.knownId;
  const update: SqlParam[] =
    session === undefined
      ? [updateTime, assumed.sessionNumber]
      : [session.set, session.remove, updateTime, assumed.sessionNumber];
  const { plain, silent, ifRevision } = sql.updateSession.byNumber;
  let texts = plain;
  if (condition.kind === 'revision' && condition.ifStale === 'reject') {
    texts = ifRevision;
    update.push(condition.revision);
  } else if (condition.kind === 'revision') texts = silent;
  return [
    { sql: sql.insertEvent.byNumber, params },
    { sql: session === undefined ? texts.touch : texts.merge, params: update, ifNone: 'rollback' },
  ];
}

export function writesByKey(sql: Queries, append: PreparedAppend): BatchQuery[] {
  const { key, params, session, updateTime, condition } = append;
  const update: SqlParam[] = [updateTime, key.appName, key.userId, key.sessionId];
  if (session !== undefined) update.unshift(session.set, session.remove);
  const { plain, ifRevision, ifLast } = sql.updateSession.byKey;
  let texts = plain;
  if (condition.kind === 'revision' && condition.ifStale === 'reject') {
    texts = ifRevision;
    update.push(condition.revision, condition.sessionNumber, condition.sessionNumber);
  } else if (condition.kind === 'after' && condition.ifStale === 'reject') {
    texts = ifLast;
    update.push(append.id, condition.eventId);
  }
  return [
    { sql: sql.insertEvent.byKey, params, ifNone: 'rollback' },
    { sql: session === undefined ? texts.touch : texts.merge, params: update, ifNone: 'rollback' },
  ];
}

/** Adds the statements of the shared states and of the attachment. `quick`: what refuses is sent again. */
export function addRest(sql: Queries, append: PreparedAppend, queries: BatchQuery[], quick = false): void {
  const { appName, userId } = append.key;
  if (append.app !== undefined) queries.push(mergeShared(sql, { appName }, append.app));
  if (append.user !== undefined) queries.push(mergeShared(sql, { appName, userId }, append.user));
  const attachment = attachmentOf(append);
  if (attachment !== undefined) queries.push(...((quick && attachment.quick) || attachment.queries));
}

export const attachmentOf = ({ attachment }: PreparedAppend) => attachment as Attachment | undefined;

/** Reads what the caller lacks, if it lacks anything and catches up. */
export function addCatchUp(
  queries: BatchQuery[],
  sql: Queries,
  { key: { appName, userId, sessionId }, condition }: PreparedAppend,
  byNumber: boolean,
): void {
  if (condition.kind === 'none' || condition.ifStale === 'reject') return;
  const key = [appName, userId, sessionId];
  if (condition.kind === 'after') {
    queries.push(overtaken(sql.overtaken.afterEvent, [condition.eventId, ...key]));
    queries.push(missed(sql.missed.afterEvent, [...key, ...key, condition.eventId]));
    return;
  }
  const { sessionNumber, seq } = condition;
  const revision = condition.revision + 1;
  queries.push(
    byNumber
      ? overtaken(sql.overtaken.byNumber, [seq, seq, sessionNumber, revision])
      : overtaken(sql.overtaken.byKey, [seq, seq, ...key, revision, sessionNumber]),
  );
  queries.push(missed(sql.missed.afterSeq, [...key, seq]));
}

function overtaken(sql: string, params: SqlParam[]): BatchQuery {
  return { sql, params, jsonColumns: SNAPSHOT_JSON, ifNone: 'stop' };
}

function missed(sql: string, params: SqlParam[]): BatchQuery {
  return { sql, params, jsonColumns: eventCodec.json };
}
