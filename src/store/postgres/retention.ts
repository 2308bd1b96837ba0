import { AGAIN, afterWrites, type Context, inTurnOfUser, run } from './context.js';
import { deleteEvents } from './history/fold.js';
import { UnmarkedSessions } from './history/unmarked.js';
import { areStorable } from './ids.js';

/** Rows that one statement deletes, so that writers wait some milliseconds at most. */
const SESSIONS_PER_STATEMENT = 50;
const EVENTS_PER_STATEMENT = 1_000;

/** Every app that has sessions, in the order of the names. */
export async function listApps(context: Context): Promise<{ appName: string; sessions: number }[]> {
  const rows = await run(context, context.sql.listApps, [], AGAIN);
  return rows.map(([appName, sessions]) => ({ appName: String(appName), sessions: Number(sessions) }));
}

/** Users of an app that have sessions, in the order of their ids. */
export async function listUsers(
  context: Context,
  { appName, limit, after }: { appName: string; limit?: number; after?: string },
): Promise<{ userId: string; sessions: number }[]> {
  if (!areStorable(appName, after)) return [];
  const rows = await run(context, context.sql.listUsers, [appName, after ?? null, limit ?? null], AGAIN);
  return rows.map(([userId, sessions]) => ({ userId: String(userId), sessions: Number(sessions) }));
}

/** Deletes the sessions of a user, with their events, and the user's state. Resolves to the number of sessions. */
export async function deleteUser(context: Context, appName: string, userId: string): Promise<number> {
  if (!areStorable(appName, userId)) return 0;
  const deleteSome = deletion(context, appName, userId, null);
  return await inTurnOfUser(context, { appName, userId }, () => repeated(deleteSome));
}

/** Deletes the sessions that were last updated before a time, with their events; resolves to how many. */
export async function deleteIdleSessions(
  context: Context,
  { idleSince, appName }: { idleSince: number; appName?: string },
): Promise<number> {
  await afterWrites(context);
  const apps = appName === undefined ? (await listApps(context)).map((app) => app.appName) : [appName];
  let total = 0;
  for (const app of apps.filter((name) => areStorable(name))) {
    total += await repeated(deletion(context, app, null, context.dialect.encodeTime(idleSince) as number));
  }
  return total;
}

/** Deletes some sessions of a user, or of an app from before a time. Resolves to their number. */
const deletion = (context: Context, app: string, user: string | null, before: number | null) => async () =>
  Number((await run(context, context.sql.delete, [app, user, null, before, SESSIONS_PER_STATEMENT], AGAIN))[0]?.[0]);

/** Deletes some sessions again and again, until none is left. */
async function repeated(deleteSome: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let deleted = SESSIONS_PER_STATEMENT; deleted === SESSIONS_PER_STATEMENT; total += deleted)
    deleted = await deleteSome();
  return total;
}

/** Deletes the events with a timestamp before a time; resolves to how many. Walks through the primary key, once. */
export async function deleteOldEvents(
  context: Context,
  { before, appName }: { before: number; appName?: string },
): Promise<number> {
  if (!areStorable(appName)) return 0;
  await afterWrites(context);
  const time = context.dialect.encodeTime(before) as number;
  const unmarked = new UnmarkedSessions();
  let total = 0;
  for (let from: unknown[] = ['', 0, 0], count = EVENTS_PER_STATEMENT; count === EVENTS_PER_STATEMENT; ) {
    const params = [...from, EVENTS_PER_STATEMENT, time, appName ?? null] as (string | number | null)[];
    const [row = []] = await run(context, context.sql.fold.page, params, AGAIN);
    from = row.slice(0, 3);
    count = Number(row[3] ?? 0);
    const old = row.slice(4);
    if (typeof old[0] === 'string') total += await deleteEvents(context, old as string[], time, unmarked);
  }
  return total;
}
