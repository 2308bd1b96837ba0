import { type Context, runReads, type StatementResult, sendWrites } from './context.js';
import { decodeTotal } from './listing.js';
import { eraseArtifacts, eraseMemory } from './other-stores.js';

/** Sessions that one job deletes, so that writers wait some milliseconds at most. */
const SESSIONS_PER_JOB = 50;

/** Deletes a user's sessions with their events, state, memory and artifacts. Resolves to the number of sessions. */
export async function deleteUser(context: Context, appName: string, userId: string): Promise<number> {
  const { deleteEvents, deleteSessions, deleteState } = context.sql.deleteUser;
  const some = [appName, userId, SESSIONS_PER_JOB];
  const deleteSome = async () => {
    const [, result] = await sendWrites(context, [
      { sql: deleteEvents, params: some },
      { sql: deleteSessions, params: some },
      { sql: deleteState, params: [appName, userId] },
    ]);
    return result?.changes ?? 0;
  };
  let deleted = await context.known.inTurnOfAll(deleteSome);
  let sessions = deleted;
  for (; deleted === SESSIONS_PER_JOB; sessions += deleted) deleted = await deleteSome();
  const memory = await eraseMemory(context, { appName, userId });
  if (memory.length > 0) await sendWrites(context, memory);
  await eraseArtifacts(context, appName, userId);
  return sessions;
}

/** Every app that has sessions, in the order of the names. */
export async function listApps(context: Context): Promise<{ appName: string; sessions: number }[]> {
  const [apps] = await runReads(context, [{ sql: context.sql.listApps }]);
  return counts(context, apps).map(([appName, sessions]) => ({ appName, sessions }));
}

/** Users of an app that have sessions, in the order of their ids. */
export async function listUsers(
  context: Context,
  filter: { appName: string; limit?: number; after?: string },
): Promise<{ userId: string; sessions: number }[]> {
  const { appName, limit, after } = filter;
  const { first, next } = context.sql.listUsers;
  const query =
    after === undefined
      ? { sql: first, params: [appName, limit ?? -1] }
      : { sql: next, params: [appName, after, limit ?? -1] };
  const [users] = await runReads(context, [query]);
  return counts(context, users).map(([userId, sessions]) => ({ userId, sessions }));
}

/** Names with the values of their counters. */
function counts({ names }: Context, result: StatementResult | undefined): [name: string, sessions: number][] {
  return (result?.rows ?? []).map(([name, key, value]) => [String(name), decodeTotal(names, key, value)]);
}
