import { sessionNotFound } from '../../errors.js';
import { keyParams } from '../../prepare.js';
import type { SessionKey } from '../../records.js';
import { type Context, inTurn } from '../context.js';
import { isStorableKey } from '../ids.js';

/** A session that a transaction holds: no other can write to it until the transaction ends. */
export interface Held {
  /** The store inside the transaction. */
  context: Context;
  sessionNumber: number;
  revision: number;
}

/** Does work on a session in one transaction, in the turn of the session and of these others. Rejects `'ADK_SESSION_NOT_FOUND'`. */
export async function inTransaction<T>(
  context: Context,
  key: SessionKey,
  work: (held: Held) => Promise<T>,
  others: readonly string[] = [],
): Promise<T> {
  if (!isStorableKey(key)) throw sessionNotFound(key.sessionId);
  const transaction = async () => {
    await context.ready?.();
    return await context.runner.transaction(async (runner) => {
      const [row] = await runner.run(context.sql.history.lock, keyParams(key));
      if (!row) throw sessionNotFound(key.sessionId);
      const within = { ...context, runner, turns: undefined, ready: undefined };
      return await work({ context: within, sessionNumber: Number(row[0]), revision: Number(row[1]) });
    });
  };
  return await inTurn(context, key, transaction, others);
}
