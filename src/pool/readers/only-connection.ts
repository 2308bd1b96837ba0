import type { Connection } from '../../connection/api.js';
import { SharedConnection } from '../../connection/connection.js';
import { Lane } from '../../connection/lane.js';
import type { CheckedOptions } from '../../connection/options.js';
import { runTransaction } from '../../connection/transaction.js';
import type { Transaction } from '../../executor.js';
import type { Call } from '../../wire/call.js';
import type { Limits, SharedLimits } from '../../wire/limits.js';
import type { Outcome } from '../../wire/outcome/outcome.js';
import { BeginMode, Policy } from '../../wire/protocol.js';
import type { Leases, WorkerLease } from '../lease.js';
import type { Lent } from './lent.js';
import type { Reading } from './reading.js';

/**
 * Reads on the only connection of a pool, between its writes: a database in memory, one without WAL, or `poolSize: 1`.
 * Iterators, blobs and dumps share it with all calls, and end with the pool.
 */
export class OnlyConnection implements Reading {
  readonly #writing: Lane;
  readonly #reading: Lane;
  readonly #leases: Leases;
  readonly #lent: Lane;
  readonly #shared: SharedConnection;

  /** `writing`, `reading`: lane 0 of the connection, with the restrictions of either. */
  constructor(writing: Lane, reading: Lane, leases: Leases, options: CheckedOptions) {
    this.#writing = writing;
    this.#reading = reading;
    this.#leases = leases;
    const policy = reading.policy | Policy.noConnectionCounters;
    this.#lent = new Lane(reading.queue, reading.id, { ...reading.settings, policy });
    this.#shared = new SharedConnection(this.#lent, options);
  }

  blocks(): boolean {
    return true;
  }

  send(call: Call, limits: Limits): Promise<Outcome> {
    return this.#writing.send(call, limits);
  }

  async read<T>(fn: (tx: Transaction) => Promise<T>, limits: SharedLimits): Promise<T> {
    return runTransaction(this.#reading, BeginMode.deferred, fn, limits());
  }

  lease(limits: SharedLimits): Promise<WorkerLease> {
    return this.#leases.open(limits);
  }

  async lend(): Promise<Lent> {
    return { connection: this.#shared, giveBack: async () => {} };
  }

  onSnapshot<T>(work: (db: Connection) => Promise<T>): Promise<T> {
    return work(this.#shared);
  }

  async beginClose(): Promise<void> {
    this.#lent.stop();
  }

  giveBackIdle(): void {}
}
