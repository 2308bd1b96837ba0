import { serializeObject } from '../../codec/serialize.js';
import { artifactsExist, sessionExists } from '../../errors.js';
import { cut, type ForkPlan, laterVersions } from '../../history/plan.js';
import type { Place } from '../../history/timeline.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { type Context, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { readSession } from '../jobs.js';
import { present } from '../other-stores.js';
import { inTransaction } from './in-transaction.js';
import { readHistory, readStored, readVersions } from './read.js';

/** Makes a new session of a session's history, in one transaction. */
export async function fork(context: Context, key: SessionKey, plan: ForkPlan): Promise<SessionRecord> {
  const { userId, sessionId, point } = plan;
  return await inTransaction(context, async (within) => {
    const history = point && (await readHistory(within, key, point));
    const origin = history ?? (await readStored(within, key));
    const made = history && cut(history);
    const forked = await copySession(within, origin.sessionNumber, plan, made?.state ?? origin.session.state);
    await copyHistory(within, origin.sessionNumber, plan, forked, history?.place, made?.summaries);
    if (plan.artifacts && (await present(within)).artifacts) {
      const found = await readVersions(within, { ...key, userId, sessionId });
      if (found.length > 0) throw artifactsExist(sessionId);
      const versions = await readVersions(within, key);
      const later = new Set(history && made && laterVersions(history, made, versions));
      const keys = versions.filter((version) => !later.has(version)).map(({ artifactKey }) => artifactKey);
      await sendWrites(within, [{ sql: within.sql.history.forkVersions, params: [userId, sessionId, keys] }]);
    }
    return (await readSession(within, { ...key, userId, sessionId })) as SessionRecord;
  });
}

/** Resolves to the internal key of the fork. */
async function copySession(
  context: Context,
  sessionNumber: number,
  { userId, sessionId }: ForkPlan,
  state: object,
): Promise<number> {
  const now = sqliteDialect.encodeTime(Date.now());
  const params = [sessionId, userId, serializeObject(state, 'state'), now, now, sessionNumber];
  const [made] = await sendWrites(context, [{ sql: context.sql.history.forkSession, params }]);
  if (made?.changes === 1) return Number(made.lastInsertRowid);
  throw sessionExists(sessionId);
}

async function copyHistory(
  context: Context,
  sessionNumber: number,
  { userId, sessionId }: ForkPlan,
  forked: number,
  place: Place | undefined,
  summaries: number[] = [],
): Promise<void> {
  const { forkEvents, forkChanges } = context.sql.history;
  const { lastSeq, changesBefore } = place ?? { lastSeq: END, changesBefore: END };
  await sendWrites(context, [
    { sql: forkEvents, params: [forked, sessionId, userId, sessionNumber, lastSeq, summaries] },
    { sql: forkChanges, params: [forked, sessionNumber, lastSeq, summaries, changesBefore] },
  ]);
}

/** Above every seq. */
const END = Number.MAX_SAFE_INTEGER;
