import type { Executor } from '../../executor.js';
import type { MemoryLayout } from './layout.js';

/** Shared by all operations of a memory store. */
export interface MemoryContext {
  db: Executor;
  layout: MemoryLayout;
  /** Called before each job; its promise is waited for. A service makes its tables here, at its first job. */
  ready?: (() => Promise<void> | undefined) | undefined;
}

export { sendBatch as sendReads, sendWrites } from '../sqlite/context.js';
