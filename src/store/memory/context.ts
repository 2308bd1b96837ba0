import type { BatchQuery, Executor } from '../../executor.js';
import type { StatementResult } from '../sqlite/context.js';
import type { MemoryLayout } from './layout.js';

/** Shared by all operations of a memory store. */
export interface MemoryContext {
  db: Executor;
  layout: MemoryLayout;
  /** Called before each job; its promise is waited for. A service makes its tables here, at its first job. */
  ready?: (() => Promise<void> | undefined) | undefined;
}

const READS = { rowMode: 'array', columns: false } as const;
/** Every write overwrites what it removes: merges of the index copy words, and a later delete misses the copies. */
const WRITES = { ...READS, secureDelete: true } as const;

/** Runs queries that only read as one job. */
export const sendReads = (context: MemoryContext, queries: BatchQuery[]) => send(context, queries, READS);

/** Runs writes as one job and one transaction. */
export const sendWrites = (context: MemoryContext, queries: BatchQuery[]) => send(context, queries, WRITES);

async function send(
  { db, ready }: MemoryContext,
  queries: BatchQuery[],
  options: typeof READS | typeof WRITES,
): Promise<StatementResult[]> {
  await ready?.();
  return (await db.batch(queries, options)) as unknown as StatementResult[];
}
