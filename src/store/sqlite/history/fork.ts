import { StoreError } from '../../errors.js';
import { type Cut, type ForkPlan, laterVersions } from '../../history/plan.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { serializeObject } from '../../serialize.js';
import { type Context, sendBatch } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { readSession } from '../jobs.js';
import { present } from '../other-stores.js';
import { inTransaction } from './in-transaction.js';
import { readHistory, readVersions, type StoredHistory } from './read.js';

/** Makes a new session of a session's history, in one transaction. */
export async function fork(context: Context, key: SessionKey, plan: ForkPlan): Promise<SessionRecord> {
  return await inTransaction(context, async (within) => {
    const history = await readHistory(within, key);
    const cut = plan.cut?.(history);
    const sessionKey = await copySession(within, history, plan, cut?.state ?? history.session.state);
    const gone = new Set(cut?.ended);
    const events = history.events.filter((event) => !gone.has(event));
    await copyEvents(
      within,
      history,
      plan,
      sessionKey,
      events.map(({ seq }) => seq),
    );
    await copyChanges(within, history, sessionKey, cut);
    if (plan.artifacts && (await present(within)).artifacts) await copyVersions(within, key, history, plan, cut);
    return (await readSession(within, { ...key, userId: plan.userId, sessionId: plan.sessionId })) as SessionRecord;
  });
}

async function copySession(
  context: Context,
  { sessionKey }: StoredHistory,
  { userId, sessionId }: ForkPlan,
  state: object,
): Promise<number> {
  const now = sqliteDialect.encodeTime(Date.now());
  const params = [sessionId, userId, serializeObject(state, 'state'), now, now, sessionKey];
  const [made] = await sendBatch(context, [{ sql: context.sql.history.forkSession, params }]);
  if (made?.changes === 1) return Number(made.lastInsertRowid);
  throw new StoreError('ADK_SESSION_EXISTS', `Session ${sessionId} already exists`);
}

async function copyEvents(
  context: Context,
  { sessionKey }: StoredHistory,
  { userId, sessionId }: ForkPlan,
  forked: number,
  seqs: number[],
): Promise<void> {
  const params = [forked, sessionId, userId, sessionKey, seqs];
  await sendBatch(context, [{ sql: context.sql.history.forkEvents, params }]);
}

/** The fork's events have seqs of their own, which its changes must follow. */
async function copyChanges(
  context: Context,
  { events, changes }: StoredHistory,
  forked: number,
  cut: Cut | undefined,
): Promise<void> {
  const copied = changes.filter(({ seq }) => cut === undefined || seq < cut.place.changesBefore);
  if (copied.length === 0) return;
  const { sql } = context;
  const [result] = await sendBatch(context, [{ sql: sql.history.seqs, params: [forked] }]);
  const seqs = (result?.rows ?? []).map(([seq]) => Number(seq));
  const gone = new Set(cut?.ended);
  const former = events.filter((event) => !gone.has(event)).map(({ seq }) => seq);
  const now = sqliteDialect.encodeTime(Date.now());
  await sendBatch(
    context,
    copied.map(({ seq, kind, set, removed }) => {
      const before = former.filter((other) => other <= seq).length;
      const json = JSON.stringify(Object.fromEntries(removed.map((name) => [name, null])));
      const params = [forked, seqs[before - 1] ?? 0, kind, serializeObject(set, 'state'), json, null, now];
      return { sql: sql.history.addChange, params };
    }),
  );
}

async function copyVersions(
  context: Context,
  key: SessionKey,
  history: StoredHistory,
  { userId, sessionId }: ForkPlan,
  cut: Cut | undefined,
): Promise<void> {
  const versions = await readVersions(context, key);
  const later = new Set(cut && laterVersions(history, cut, versions));
  const keys = versions.filter((version) => !later.has(version)).map(({ artifactKey }) => artifactKey);
  await sendBatch(context, [{ sql: context.sql.history.forkVersions, params: [userId, sessionId, keys] }]);
}
