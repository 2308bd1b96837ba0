import { julianDay } from '../../codec/julian-day.js';
import { type Context, runReads, sendWrites } from './context.js';
import { deleteEvents } from './history/fold.js';
import { MarkedSessions } from './history/marked.js';

/** Rows that one job deletes, so that writers wait some milliseconds at most. */
const SESSIONS_PER_JOB = 50;
const EVENTS_PER_JOB = 1_000;

/** Deletes the sessions that were last updated before a time, with their events; resolves to how many. */
export async function deleteIdleSessions(
  context: Context,
  filter: { idleSince: number; appName?: string },
): Promise<number> {
  await afterWrites(context);
  const before = julianDay.encode(filter.idleSince);
  let total = 0;
  for (const app of filter.appName === undefined ? await appNames(context) : [filter.appName]) {
    for (let deleted = SESSIONS_PER_JOB; deleted === SESSIONS_PER_JOB; total += deleted) {
      deleted = await deleteSome(context, app, before);
    }
  }
  return total;
}

/** Waits until every write that was called before is committed, so that reads find it. */
async function afterWrites(context: Context): Promise<void> {
  await context.known.inTurnOfAll(() => sendWrites(context, [{ sql: context.sql.writeNothing }]));
}

async function appNames(context: Context): Promise<string[]> {
  const [apps] = await runReads(context, [{ sql: context.sql.apps }]);
  return (apps?.rows ?? []).map(([name]) => name as string);
}

/** A session that is appended to in the meantime is not idle any more: both statements choose in one transaction. */
async function deleteSome(context: Context, app: string, before: number): Promise<number> {
  const params = [app, before, SESSIONS_PER_JOB];
  const [, sessions] = await sendWrites(context, [
    { sql: context.sql.deleteIdleEvents, params },
    { sql: context.sql.deleteIdleSessions, params },
  ]);
  return sessions?.changes ?? 0;
}

/** Deletes the events with a timestamp before a time; resolves to how many. Walks through the events by seq, once. */
export async function deleteOldEvents(context: Context, filter: { before: number; appName?: string }): Promise<number> {
  await afterWrites(context);
  const before = julianDay.encode(filter.before);
  const { sql } = context;
  const marked = new MarkedSessions(sql.fold);
  let total = 0;
  for (let from = 0, count = EVENTS_PER_JOB; count === EVENTS_PER_JOB; ) {
    const params = [from, EVENTS_PER_JOB, before, filter.appName ?? null];
    const [found] = await runReads(context, [{ sql: sql.oldEvents, params }]);
    const [last, rows, seqs] = found?.rows[0] ?? [];
    const old = JSON.parse(seqs as string) as number[];
    if (old.length > 0) {
      total += await marked.transaction(context.db, (tx) => deleteEvents(tx, sql.fold, old, before, marked.keys));
    }
    [from, count] = [Number(last), Number(rows)];
  }
  return total;
}
