import type { Connection } from '../../connection/api.js';
import type { Need } from '../../connection/nesting.js';
import type { Transaction } from '../../executor.js';
import type { Call } from '../../wire/call.js';
import type { Limits, SharedLimits } from '../../wire/limits.js';
import type { Outcome } from '../../wire/outcome/outcome.js';
import type { Role, WorkerLease } from '../lease.js';
import type { Lent } from './lent.js';

/** How a pool reads: on readers beside the writer, or on its only connection. */
export interface Reading {
  /** Whether a call that needs this waits until a lease of this role comes back. */
  blocks(role: Role, need: Need): boolean;
  /** Sends a call that reads. */
  send(call: Call, limits: Limits): Promise<Outcome>;
  /** Runs `fn` in a transaction that reads one snapshot. */
  read<T>(fn: (tx: Transaction) => Promise<T>, limits: SharedLimits): Promise<T>;
  lease(limits: SharedLimits): Promise<WorkerLease>;
  lend(limits: SharedLimits): Promise<Lent>;
  /** Runs `work` on one snapshot, for which writes neither wait nor start it anew. */
  onSnapshot<T>(work: (db: Connection) => Promise<T>, limits: SharedLimits): Promise<T>;
  /** Cuts short what close() does not wait for. Settles when every call made before has been sent. */
  beginClose(): Promise<void>;
  /** Ends iterators, blobs and dumps that were not used since the last time that this was called. */
  giveBackIdle(): void;
}
