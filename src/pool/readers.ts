import type { Connection } from '../connection/api.js';
import type { Lane } from '../connection/lane.js';
import type { Need } from '../connection/nesting.js';
import { runTransaction } from '../connection/transaction.js';
import type { CallOptions, Transaction } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import * as packet from '../wire/packet.js';
import { type Limits, sharedLimits, withDefaultTimeout } from '../wire/port.js';
import { BeginMode, type Request } from '../wire/protocol.js';
import type { Leases, Role, WorkerLease } from './lease.js';
import type { Lent } from './lent.js';
import type { Reading } from './reading.js';
import { waitFor } from './wait.js';
import type { WalRelief } from './wal-relief.js';
import type { Workers } from './workers.js';

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

  send(request: Request, options: CallOptions | undefined, policy: number): Promise<Outcome> {
    if (this.#relief?.under !== undefined) return this.#sendAfterRelief(request, options, policy);
    // The call first: opening a worker takes a packet, too.
    return this.#workers.serve(this.#lane.send(request, options, policy));
  }

  async #sendAfterRelief(request: Request, options: CallOptions | undefined, policy: number): Promise<Outcome> {
    const limits = sharedLimits(withDefaultTimeout(options, this.#lane.settings.defaultTimeoutMs), 'the call');
    const parked = packet.park();
    await this.#relieved(limits);
    packet.unpark(parked);
    return this.#workers.serve(this.#lane.send(request, { ...options, ...limits() }, policy));
  }

  async read<T>(fn: (tx: Transaction) => Promise<T>, limits: Limits): Promise<T> {
    if (this.#relief?.under !== undefined) await this.#relieved(limits);
    return this.#workers.serve(runTransaction(this.#lane, BeginMode.deferred, fn, limits()));
  }

  async lease(limits: Limits): Promise<WorkerLease> {
    if (this.#relief?.under !== undefined) await this.#relieved(limits);
    return this.#leases.open(limits);
  }

  async lend(limits: Limits): Promise<Lent> {
    const lease = await this.lease(limits);
    for (const lane of this.#lent.keys()) if (lane.hasEnded) this.#lent.delete(lane);
    this.#lent.set(lease.lane, lease.giveBack);
    return { connection: lease, giveBack: () => lease.close() };
  }

  async onSnapshot<T>(work: (db: Connection) => Promise<T>, limits: Limits): Promise<T> {
    const lease = await this.lease(limits);
    return lease.use(async (db) => {
      await db.exec('BEGIN', limits());
      await db.get('SELECT 1 FROM sqlite_schema', [], limits());
      return work(db);
    });
  }

  afterWrite(): void {
    this.#relief?.startIfDue();
  }

  async #relieved(limits: Limits): Promise<void> {
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
