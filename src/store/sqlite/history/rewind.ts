import type { SqlParam } from '../../../executor.js';
import { type Cut, laterVersions, type RewindPlan } from '../../history/plan.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { serializeObject } from '../../serialize.js';
import { append } from '../append.js';
import { type Context, sendErasure } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { readSession } from '../jobs.js';
import { present } from '../other-stores.js';
import { inTransaction } from './in-transaction.js';
import { readHistory, readVersions, type StoredHistory } from './read.js';

/** Facts that an undo needs, in the value of the change that records a rewind. */
export interface RewindRecord {
  /** The state before the rewind, as JSON text inside JSON: it is put back as it was. */
  state: string;
  archived: boolean;
  /** Number of events that an undo brings back. */
  events: number;
  /** Whether memory had any of them. */
  remembered: boolean;
  /** The seq of the marker, if there is one. */
  marker?: number;
}

/** Takes a session back, in one transaction. Resolves to the number of events removed, and the session. */
export async function rewind(
  context: Context,
  key: SessionKey,
  plan: RewindPlan,
): Promise<{ removed: number; session: SessionRecord }> {
  return await inTransaction(context, async (within) => {
    const history = await readHistory(within, key);
    const cut = plan.cut(history);
    if (cut.isEnd) return { removed: 0, session: history.session };
    await carryOut(within, key, history, cut, plan);
    const session = (await readSession(within, key)) as SessionRecord;
    return { removed: plan.marker ? 0 : cut.ended.length, session };
  });
}

async function carryOut(
  context: Context,
  key: SessionKey,
  history: StoredHistory,
  cut: Cut,
  { archive, artifacts, marker }: RewindPlan,
): Promise<void> {
  const { history: sql } = context.sql;
  const { sessionKey, session, events } = history;
  const others = await present(context);
  const later = artifacts && others.artifacts ? laterVersions(history, cut, await readVersions(context, key)) : [];
  const remembered =
    others.memory &&
    (await forget(
      context,
      key,
      cut.ended.map(({ id }) => id),
    ));
  const appended = marker && (await append(context, marker(history, cut), { kind: 'none' }));
  const record: RewindRecord = {
    state: serializeObject(session.state, 'state'),
    archived: archive,
    events: cut.ended.length,
    remembered,
  };
  if (appended) record.marker = appended.seq;
  const now = sqliteDialect.encodeTime(Date.now());
  const lastSeq = events.at(-1)?.seq ?? 0;
  const change: SqlParam[] = [sessionKey, lastSeq, 'rewind', JSON.stringify(record), null, null, now];
  const [added] = await sendErasure(context, [{ sql: sql.addChange, params: change }]);
  const rewindKey = Number(added?.rows[0]?.[0]);

  const seqs = cut.ended.map(({ seq }) => seq);
  const removal = [
    ...(archive ? [{ sql: sql.archive, params: [rewindKey, sessionKey, seqs] }] : []),
    { sql: sql.deleteEvents, params: [sessionKey, seqs] },
    { sql: sql.undoChanges, params: [rewindKey, sessionKey, cut.place.changesBefore] },
    ...(archive ? [] : [{ sql: sql.deleteUndone, params: [sessionKey, rewindKey] }]),
    { sql: sql.setState, params: [serializeObject(cut.state, 'state'), now, sessionKey] },
  ];
  await sendErasure(context, [
    ...(appended ? [] : removal),
    ...(later.length > 0
      ? [{ sql: sql.hideVersions, params: [rewindKey, later.map(({ artifactKey }) => artifactKey)] }]
      : []),
    { sql: sql.setRevision, params: [sessionKey, rewindKey] },
  ]);
}

/** Erases the memory of events of a session. Resolves to whether there was any. */
export async function forget(context: Context, key: SessionKey, ids: readonly string[]): Promise<boolean> {
  const { history, others } = context.sql;
  const { appName, userId, sessionId } = key;
  const [forgotten] = await sendErasure(context, [
    { sql: history.forget, params: [appName, userId, sessionId, [...ids]] },
    { sql: others.memory.deleteEmptyScopes, params: [appName, userId] },
  ]);
  return (forgotten?.changes ?? 0) > 0;
}
