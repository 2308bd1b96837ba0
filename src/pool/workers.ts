import { setImmediate } from 'node:timers'; // fake timers replace the global one
import type { Connection } from '../connection/api.js';
import { connectionClosed } from '../connection/connection.js';
import { Lane } from '../connection/lane.js';
import { type CheckedOptions, openCall } from '../connection/options.js';
import type { Limits } from '../wire/limits.js';
import type { Outcome } from '../wire/outcome/outcome.js';
import { EndMode, Policy } from '../wire/protocol.js';
import { MAIN_LANE, nextLane, type PoolCounters, Queue } from '../wire/queue.js';
import { Worker } from '../wire/worker.js';
import { Holds } from './holds.js';
import { setUp } from './set-up.js';

export interface WorkersOptions {
  database: string;
  options: CheckedOptions;
  role: 'writer' | 'reader';
  /** Most workers at a time. */
  limit: number;
  /** How long one may have nothing to do before all of them close. 0: for ever. */
  idleTimeoutMs: number;
  onConnect: ((connection: Connection) => Promise<void>) | undefined;
  /** Longest wait for a worker, and for onConnect. */
  acquireTimeoutMs: number;
  counters: PoolCounters;
}

/** Readers beyond the limit close when they have not been needed after this long. */
const LINGER_MS = 1_000;

/**
 * One role of a pool: a queue, and the workers that take from it. A free worker takes the next call, so no call waits
 * behind a long one while another worker idles.
 *
 * A lease holds a reader for as long as its holder likes, and the holder may wait for calls and for further leases. So
 * neither may wait for its end: there is always one reader more than leases hold, beyond the limit if need be.
 */
export class Workers {
  readonly queue: Queue;
  readonly #settings: WorkersOptions;
  readonly #holds: Holds;
  readonly #open = new Map<number, Worker>();
  readonly #leased = new Set<number>();
  readonly #opening = new Map<Worker, Promise<Outcome>>();
  #lastNumber = 0;
  /** Calls that run or wait. Each needs one worker for a while. */
  #calls = 0;
  #retiring = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #surplusTimer: NodeJS.Timeout | undefined;

  constructor(settings: WorkersOptions) {
    const { options, role, limit, acquireTimeoutMs, counters } = settings;
    this.#settings = settings;
    this.queue = Queue.create(options.maxPending, options.maxPendingBytes, counters);
    // There is one writer: leases of it wait in its queue, in the order of the calls.
    this.#holds = new Holds(role === 'writer' ? Number.POSITIVE_INFINITY : limit, acquireTimeoutMs);
  }

  get options(): CheckedOptions {
    return this.#settings.options;
  }

  get acquireTimeoutMs(): number {
    return this.#settings.acquireTimeoutMs;
  }

  get size(): number {
    return this.#open.size;
  }

  get idle(): number {
    let idle = 0;
    for (const number of this.#open.keys()) {
      if (!this.#leased.has(number) && !this.isBusy(number)) idle++;
    }
    return idle;
  }

  get waiting(): number {
    return this.queue.pending + this.#holds.waiting;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Whether a worker runs a call. */
  isBusy(number: number): boolean {
    return this.#open.get(number)?.stats().running === 1;
  }

  /** Counts a call in the queue as keeping one worker busy, and opens another worker if all are. */
  async serve<T>(call: Promise<T>): Promise<T> {
    this.#calls++;
    this.#growIfBusy();
    try {
      return await call;
    } finally {
      this.#calls--;
      this.#watchIdle();
    }
  }

  /** Counts a lease as holding one worker, if it may begin at once. */
  tryHold(): boolean {
    const begins = this.#holds.tryBegin();
    if (begins) this.#growIfBusy();
    return begins;
  }

  /** Waits until a lease may begin, and counts it. */
  async waitToHold(limits: Limits): Promise<void> {
    await this.#holds.begin(limits);
    this.#growIfBusy();
  }

  /** A lease has ended, or could not begin. */
  letGo(): void {
    this.#holds.end();
    this.#watchIdle();
    this.#watchSurplus();
  }

  /** Opens a worker. Its outcome has the journal mode of the database as `info`. A failure is data: callers make Errors. */
  open(): Promise<Outcome> {
    const worker = new Worker(this.queue, ++this.#lastNumber);
    const opening = this.#openOne(worker).finally(() => this.#opening.delete(worker));
    this.#opening.set(worker, opening);
    return opening;
  }

  /** Notes that a worker serves a lease now. */
  leased(worker: number): Worker {
    this.#leased.add(worker);
    this.#growIfBusy(); // a call may have found it free, and waits
    return this.#open.get(worker) as Worker;
  }

  /** A lease has come back. An altered connection has closed. */
  returned(worker: number, altered: boolean): void {
    this.#leased.delete(worker);
    if (!altered) return;
    this.#ended(worker);
    this.#growIfBusy(); // a call or the order to close may be left without a worker
  }

  /** From here on workers wait only a moment for locks (`kClosingWait` in busy.h). */
  beginClose(): void {
    for (const worker of [...this.#open.values(), ...this.#opening.keys()]) worker.beginClose();
  }

  /** Closes all workers, each after the calls that it has been given. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#surplusTimer);
    do {
      await Promise.all(this.#opening.values());
      await this.#retire(this.#open.size - this.#retiring);
      // A caller that has just been answered may go on, and need a worker once more.
      await new Promise((resolve) => setImmediate(resolve));
      // A lease that was admitted just before may have come behind the last order to close: it needs a worker, too.
      this.#growIfBusy();
    } while (this.#open.size + this.#opening.size + this.#holds.waiting > 0);
  }

  async #openOne(worker: Worker): Promise<Outcome> {
    const { database, options, role, onConnect } = this.#settings;
    const lane = new Lane(this.queue, onConnect === undefined ? MAIN_LANE : nextLane(), {
      name: database,
      policy: role === 'reader' ? Policy.readOnly : Policy.none,
      integerMode: options.integerMode,
      ended: connectionClosed,
    });
    const outcome = await worker.open(openCall(database, options, role === 'reader'), lane.id);
    if (outcome.failure !== undefined) {
      worker.join();
      return outcome;
    }
    const failure = onConnect && (await setUp(lane, worker, options, onConnect, this.acquireTimeoutMs));
    if (failure !== undefined) {
      await worker.close(lane.id);
      return { ...outcome, failure };
    }
    // In one go: a worker that counts twice, if only for a moment, is one too few opened.
    this.#opening.delete(worker);
    this.#open.set(worker.number, worker);
    if (onConnect !== undefined) await lane.end(EndMode.ready);
    return outcome;
  }

  /** Workers that are open and stay, or are being opened. */
  get #expected(): number {
    return this.#open.size - this.#retiring + this.#opening.size;
  }

  get #most(): number {
    return Math.max(this.#settings.limit, this.#holds.count + 1);
  }

  #growIfBusy(): void {
    if (this.#settings.role === 'writer') return; // the pool opens its writer, and opens it again
    const expected = this.#expected;
    if (this.#calls + this.#holds.count > expected && expected < this.#most) this.#grow();
  }

  #grow(): void {
    void this.open().then(({ failure }) => {
      // No call fails while a worker serves calls: the next call that finds all workers busy tries again.
      const serving = this.#open.size - this.#leased.size + this.#opening.size;
      if (failure !== undefined && serving === 0) this.queue.failAll(failure);
    });
  }

  #watchSurplus(): void {
    if (this.#expected <= this.#most || this.#surplusTimer !== undefined) return;
    this.#surplusTimer = setTimeout(() => {
      this.#surplusTimer = undefined;
      void this.#retire(this.#expected - this.#most);
    }, LINGER_MS);
    this.#surplusTimer.unref();
  }

  get #isIdle(): boolean {
    return this.#calls + this.#holds.count === 0;
  }

  #watchIdle(): void {
    const { idleTimeoutMs } = this.#settings;
    if (idleTimeoutMs === 0 || !this.#isIdle) return;
    if (this.#idleTimer === undefined) {
      this.#idleTimer = setTimeout(() => this.#closeIdle(), idleTimeoutMs);
      this.#idleTimer.unref();
    } else {
      this.#idleTimer.refresh();
    }
  }

  #closeIdle(): void {
    if (this.#isIdle) void this.#retire(this.#open.size - this.#retiring);
  }

  async #retire(count: number): Promise<void> {
    if (count <= 0) return;
    this.#retiring += count;
    const retired = Array.from({ length: count }, async () => {
      const { worker } = await this.queue.sendClose();
      this.#retiring--;
      this.#ended(worker);
      // An altered lease may have taken its worker with it: the order to close needs another one.
      if (this.#retiring > this.#open.size + this.#opening.size) this.#grow();
    });
    await Promise.all(retired);
  }

  #ended(worker: number): void {
    this.#open.get(worker)?.join();
    this.#open.delete(worker);
  }
}
