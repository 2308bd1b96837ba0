import type { Connection, Executor, Pool, Transaction } from '../index.js';

/** Whether a source is a pool, a connection or a transaction of this package. Objects of other drivers have a `transaction()` too. */
export function isExecutor(source: unknown): source is Pool | Connection | Transaction {
  return typeof (source as Partial<Executor> | null | undefined)?.executeMany === 'function';
}
