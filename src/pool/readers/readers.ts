import type { Connection } from '../../connection/api.js';
import type { Lane } from '../../connection/lane.js';
import type { Need } from '../../connection/nesting.js';
import { runTransaction } from '../../connection/transaction.js';
import type { Transaction } from '../../executor.js';
import type { Call } from '../../wire/call.js';
import { type Limits, type SharedLimits, sharedLimits, withDefaultTimeout } from '../../wire/limits.js';
import type { Outcome } from '../../wire/outcome/outcome.js';
import { BeginMode } from '../../wire/protocol.js';
import type { Leases, Role, WorkerLease } from '../lease.js';
import { waitFor } from '../wait.js';
import type { Workers } from '../workers.js';
import type { Lent } from './lent.js';
import type { Reading } from './reading.js';
import type { WalRelief } from './wal-relief.js';

/** Reads on readers beside the writer. New reads wait while the WAL is relieved. */
export class Readers implements Reading {
  readonly #workers: Workers;
  readonly #lane: Lane;
  readonly #leases: Leases;
  readonly #relief: WalRelief | undefined;
  /** Lanes of iterators, blobs and dumps. They hold no reference to these, which can be collected. */
  readonly #lent = new Map<Lane, () => Promise<void>>();

  constructor(workers: Workers, lane: Lane, leases: Leases, relief: WalRelief | undefined) {
    this.#workers = workers;
    this.#lane = lane;
    this.#leases = leases;
    this.#relief = relief;
  }

  /** There is always a reader that no lease holds: only a write waits for a lease, of the writer. */
  blocks(role: Role, need: Need): boolean {
    return need === 'close' || (role === 'writer' && need === 'write');
  }

  send(call: Call, limits: Limits): Promise<Outcome> {
    if (this.#relief?.under !== undefined) return this.#sendAfterRelief(call, limits);
    return this.#workers.serve(this.#lane.send(call, limits));
  }

  async #sendAfterRelief(call: Call, limits: Limits): Promise<Outcome> {
    const left = sharedLimits(withDefaultTimeout(limits, this.#lane.settings.defaultTimeoutMs), 'the call');
    call.keep();
    await this.#relieved(left);
    return this.#workers.serve(this.#lane.send(call, left()));
  }

  async read<T>(fn: (tx: Transaction) => Promise<T>, limits: SharedLimits): Promise<T> {
    if (this.#relief?.under !== undefined) await this.#relieved(limits);
    return this.#workers.serve(runTransaction(this.#lane, BeginMode.deferred, fn, limits()));
  }

  async lease(limits: SharedLimits): Promise<WorkerLease> {
    if (this.#relief?.under !== undefined) await this.#relieved(limits);
    return this.#leases.open(limits);
  }

  async lend(limits: SharedLimits): Promise<Lent> {
    const lease = await this.lease(limits);
    for (const lane of this.#lent.keys()) if (lane.hasEnded) this.#lent.delete(lane);
    this.#lent.set(lease.lane, lease.giveBack);
    return { connection: lease, giveBack: () => lease.close() };
  }

  async onSnapshot<T>(work: (db: Connection) => Promise<T>, limits: SharedLimits): Promise<T> {
    const lease = await this.lease(limits);
    return lease.use(async (db) => {
      await db.exec('BEGIN', limits());
      await db.get('SELECT 1 FROM sqlite_schema', [], limits());
      return work(db);
    });
  }

  async #relieved(limits: SharedLimits): Promise<void> {
    await waitFor(Promise.resolve(this.#relief?.under), limits(), this.#workers.acquireTimeoutMs);
  }

  async beginClose(): Promise<void> {
    this.#relief?.stop();
    await this.#relief?.under;
  }

  giveBackIdle(): void {
    for (const [lane, giveBack] of this.#lent) {
      if (!lane.hasEnded && !lane.takeUsed() && !this.#workers.isBusy(lane.worker)) void giveBack();
    }
  }
}
