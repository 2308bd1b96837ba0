import { setTimeout as sleep } from 'node:timers/promises';
import { outOfRange } from '../../errors.js';
import type { SessionStore } from '../session-store.js';
import { type Copied, type CopyOptions, checkCopyOptions } from './options.js';
import { Pass } from './pass.js';
import { unstorableRows } from './unstorable.js';

/** Ids that an error names at most. */
const NAMED = 10;

/**
 * Copies all sessions of a store to another one, of SQLite or PostgreSQL: events, states, times, revisions, histories,
 * and the states of apps and users; between SQLite files also memory and artifacts. Each session is one transaction of the
 * target. A session is skipped if it has not changed since an earlier copy brought it: call an interrupted copy again, and it
 * goes on. The source is only read, and may be written to meanwhile.
 *
 * Sessions that the source no longer has are deleted from the target, if an earlier copy from the same source has brought
 * them. Sessions that the target has changed, or has from elsewhere, stay and are named in `refused`.
 *
 * Makes the tables of the target where they are missing. Rejects `'ERR_OUT_OF_RANGE'` before the first write if the target
 * can't hold an id (see `dryRun`), and with the database's own error if one fails.
 *
 * @example
 * const { sessions, refused } = await copySessions(new SessionStore(pool), new PostgresSessionStore(url), { verify: true });
 */
export async function copySessions(from: SessionStore, to: SessionStore, options: CopyOptions = {}): Promise<Copied> {
  const checked = checkCopyOptions(options);
  const { dryRun, follow, signal, intervalMs } = checked;
  const source = from.backend;
  const target = to.backend;
  const rows = await unstorableRows(from, to);
  if (rows.length > 0) {
    if (dryRun) return { sessions: { copied: 0, unchanged: 0, deleted: 0 }, events: { copied: 0 }, refused: rows };
    const named = rows.slice(0, NAMED).map(({ table, row }) => `${table} ${JSON.stringify(row)}`);
    const more = rows.length > NAMED ? ` and ${rows.length - NAMED} more` : '';
    throw outOfRange('from', `a store whose ids the target can hold; it can't hold ${named.join(', ')}${more}`);
  }
  if (!dryRun) await target.createTables();
  const pass = () => new Pass(source, target, checked).run();
  let copied = await pass();
  while (follow !== undefined && !dryRun) {
    const isLast = follow.aborted;
    if (!isLast) await sleep(intervalMs, undefined, { signal: follow }).catch(() => {});
    signal?.throwIfAborted();
    copied = sum(copied, await pass());
    if (isLast) break;
  }
  return copied;
}

/** Counts of all passes; what the last one found. */
function sum(before: Copied, last: Copied): Copied {
  return {
    ...last,
    sessions: {
      copied: before.sessions.copied + last.sessions.copied,
      unchanged: last.sessions.unchanged,
      deleted: before.sessions.deleted + last.sessions.deleted,
    },
    events: { copied: before.events.copied + last.events.copied },
  };
}
