import { julianDay } from '../../codec/julian-day.js';
import { type Context, runReads, sendBatch } from './context.js';

/** What one job takes on, so that writers wait some milliseconds at most. */
const SESSIONS_PER_JOB = 50;
const EVENTS_PER_JOB = 1_000;

/** Deletes the sessions that were last updated before a time, with their events; resolves to how many. */
export async function deleteIdleSessions(
  context: Context,
  filter: { idleSince: number; appName?: string },
): Promise<number> {
  const before = julianDay.encode(filter.idleSince);
  let total = 0;
  for (const app of filter.appName === undefined ? await appNames(context) : [filter.appName]) {
    for (let deleted = SESSIONS_PER_JOB; deleted === SESSIONS_PER_JOB; total += deleted) {
      deleted = await deleteSome(context, app, before);
    }
  }
  return total;
}

async function appNames(context: Context): Promise<string[]> {
  const [apps] = await runReads(context, [{ sql: context.sql.apps }]);
  return (apps?.rows ?? []).map(([name]) => name as string);
}

/** A session that is appended to in the meantime is not idle any more: both statements choose in one transaction. */
async function deleteSome(context: Context, app: string, before: number): Promise<number> {
  const params = [app, before, SESSIONS_PER_JOB];
  const [, sessions] = await sendBatch(context, [
    { sql: context.sql.deleteIdleEvents, params },
    { sql: context.sql.deleteIdleSessions, params },
  ]);
  return sessions?.changes ?? 0;
}

/** Deletes the events with a timestamp before a time; resolves to how many. Walks through the events by seq, once. */
export async function deleteOldEvents(context: Context, filter: { before: number; appName?: string }): Promise<number> {
  const before = julianDay.encode(filter.before);
  const { sql } = context;
  let total = 0;
  for (let from = 0, count = EVENTS_PER_JOB; count === EVENTS_PER_JOB; ) {
    const params = [from, EVENTS_PER_JOB];
    const [range, deleted] = await sendBatch(context, [
      { sql: sql.eventRange, params },
      filter.appName === undefined
        ? { sql: sql.deleteOldEvents.all, params: [from, ...params, before] }
        : { sql: sql.deleteOldEvents.app, params: [from, ...params, before, filter.appName] },
    ]);
    total += deleted?.changes ?? 0;
    [from, count] = (range?.rows[0] ?? []).map(Number) as [number, number];
  }
  return total;
}
