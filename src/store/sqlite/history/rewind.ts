import type { BatchQuery, SqlParam } from '../../../executor.js';
import { serializeObject } from '../../codec/serialize.js';
import { type Cut, cut, laterVersions, type RewindPlan } from '../../history/plan.js';
import type { RewindRecord } from '../../history/stored.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { appendUnchained } from '../append/unchained.js';
import { type Context, runReads, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { readSession } from '../jobs.js';
import { present } from '../other-stores.js';
import { inTransaction } from './in-transaction.js';
import { readHistory, readVersions, type StoredHistory } from './read.js';
import { remember, revivedBy } from './remember.js';

/** Takes a session back, in one transaction. Resolves to the number of events removed, and the session. */
export async function rewind(
  context: Context,
  key: SessionKey,
  plan: RewindPlan,
  functionResponses = false,
): Promise<{ removed: number; session: SessionRecord }> {
  return await inTransaction(context, async (within) => {
    const history = await readHistory(within, key, plan.point);
    const made = cut(history);
    if (made.isEnd) return { removed: 0, session: history.session };
    const ended = await carryOut(within, key, history, made, plan, functionResponses);
    const session = (await readSession(within, key)) as SessionRecord;
    return { removed: plan.marker ? 0 : ended, session };
  });
}

/** Resolves to the number of events that end. */
async function carryOut(
  context: Context,
  key: SessionKey,
  history: StoredHistory,
  cut: Cut,
  { archive, artifacts, marker }: RewindPlan,
  functionResponses: boolean,
): Promise<number> {
  const { history: sql } = context.sql;
  const { sessionNumber, session, place } = history;
  const ended = [sessionNumber, place.lastSeq, cut.summaries];
  const [counted] = await runReads(context, [{ sql: sql.count, params: ended }]);
  const [events, lastSeq] = (counted?.rows[0] ?? []).map(Number) as [number, number];
  const others = await present(context);
  const later = artifacts && others.artifacts ? laterVersions(history, cut, await readVersions(context, key)) : [];
  const revived = others.memory ? await revivedBy(context, key, { sql: sql.markers.ended, params: ended }) : undefined;
  const remembered = others.memory && (await forget(context, key, { sql: sql.forget.ended, params: ended }));
  const appended = marker && (await appendUnchained(context, marker(history, cut)));
  const record: RewindRecord = {
    state: serializeObject(session.state, 'state'),
    archived: archive,
    events,
    remembered,
    ...(appended && { marker: appended.seq, ended: [place.lastSeq, cut.summaries] }),
  };
  const now = sqliteDialect.encodeTime(Date.now());
  const change: SqlParam[] = [sessionNumber, lastSeq, 'rewind', JSON.stringify(record), null, null, now];
  const [added] = await sendWrites(context, [{ sql: sql.addChange, params: change }]);
  const rewindKey = Number(added?.rows[0]?.[0]);

  const removal: BatchQuery[] = [
    ...(archive ? [{ sql: sql.archive, params: [rewindKey, ...ended] }] : []),
    { sql: sql.deleteEvents, params: ended },
    { sql: sql.undoChanges, params: [rewindKey, sessionNumber, place.changesBefore] },
    ...(archive ? [] : [{ sql: sql.deleteUndone, params: [sessionNumber, rewindKey] }]),
    { sql: sql.setState, params: [serializeObject(cut.state, 'state'), now, sessionNumber] },
  ];
  // Erased from its place also where the archive keeps it: only then does deleting the archive erase it.
  await sendWrites(context, [
    ...(appended ? [] : removal),
    ...(later.length > 0
      ? [{ sql: sql.hideVersions, params: [rewindKey, later.map(({ artifactKey }) => artifactKey)] }]
      : []),
    { sql: sql.setRevision, params: [sessionNumber, rewindKey] },
  ]);
  if (revived !== undefined) await remember(context, key, revived, functionResponses);
  return events;
}

/** Erases the memory of events of a session. Resolves to whether there was any. */
export async function forget(context: Context, key: SessionKey, events: BatchQuery): Promise<boolean> {
  const { others } = context.sql;
  const { appName, userId, sessionId } = key;
  const [forgotten] = await sendWrites(context, [
    { sql: events.sql, params: [appName, userId, sessionId, ...((events.params ?? []) as SqlParam[])] },
    { sql: others.memory.deleteEmptyScopes, params: [appName, userId] },
  ]);
  return (forgotten?.changes ?? 0) > 0;
}
