import { KnownIds } from '../append/known-ids.js';
import type { Context } from '../context.js';

/** Does work in one transaction, once the tables are there. */
export async function inTransaction<T>(context: Context, work: (within: Context) => Promise<T>): Promise<T> {
  const waiting = context.ready?.();
  if (waiting) await waiting; // otherwise the transaction begins in the order of the calls
  return await context.db.transaction(async (db) => {
    const { names, sessions, sql } = context;
    // Known ids of its own: a rollback must not leave any behind.
    return await work({ db, names, sessions, sql, known: new KnownIds({ keepsUncommitted: true }), ready: undefined });
  });
}
