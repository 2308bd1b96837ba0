import { setImmediate } from 'node:timers'; // fake timers replace the global one
import type { Connection } from '../connection/api.js';
import { LaneConnection } from '../connection/connection.js';
import { type CheckedOptions, packOpen } from '../connection/options.js';
import { endLane } from '../connection/transaction.js';
import { AiosqliteError } from '../errors.js';
import type { CallOptions } from '../executor.js';
import type { Failure, Outcome } from '../wire/outcome.js';
import { MAIN_LANE, nextLane, type PoolCounters, Port } from '../wire/port.js';
import { EndMode, Policy, type Request } from '../wire/protocol.js';
import { Watch } from '../wire/watch.js';
import { waitFor } from './wait.js';

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

/** A lease that waits gets a reader beyond the limit when none has come back for this long. */
const STALL_MS = 20;
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
  /** The queue. It has no worker of its own. */
  readonly port: Port;
  readonly #settings: WorkersOptions;
  readonly #open = new Map<number, Port>();
  readonly #leased = new Set<number>();
  readonly #opening = new Map<Port, Promise<Outcome>>();
  #lastNumber = 0;
  /** Calls that run or wait. Each needs one worker for a while. */
  #calls = 0;
  /** Leases that hold a worker or are about to. */
  #held = 0;
  /** Admit the leases that wait, in their order. */
  readonly #waiting = new Set<() => void>();
  #cameBack = false;
  #retiring = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #surplusTimer: NodeJS.Timeout | undefined;

  constructor(settings: WorkersOptions) {
    this.#settings = settings;
    this.port = Port.create(settings.options.maxPending, settings.options.maxPendingBytes, settings.counters);
  }

  get size(): number {
    return this.#open.size;
  }

  get idle(): number {
    let idle = 0;
    for (const [number, port] of this.#open) {
      if (!this.#leased.has(number) && port.stats().running === 0) idle++;
    }
    return idle;
  }

  get waiting(): number {
    return this.port.stats().pending + this.#waiting.size;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Sends the current packet to the worker that is free first, and opens another one if all are busy. */
  async submit(request: Request, policy: number, options: CallOptions | undefined): Promise<Outcome> {
    // First of all: opening a worker takes a packet, too.
    const outcome = this.port.submit(request, MAIN_LANE, policy, options);
    this.#occupy();
    try {
      return await outcome;
    } finally {
      this.#free();
    }
  }

  /** Counts `work` as keeping one worker busy. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#occupy();
    try {
      return await work();
    } finally {
      this.#free();
    }
  }

  #occupy(): void {
    this.#calls++;
    this.#growIfBusy();
  }

  #free(): void {
    this.#calls--;
    this.#watchIdle();
  }

  /** Waits until a lease may hold one more worker, and counts it as held until the function is called that it returns. */
  async hold(limits: CallOptions | undefined): Promise<() => void> {
    if (this.#held < this.#settings.limit || this.#settings.role === 'writer') this.#held++;
    else await this.#turn(limits);
    this.#growIfBusy();
    return () => this.#letGo();
  }

  /**
   * Opens a worker; resolves to the outcome, whose `info` is the journal mode of the database. A failure stays data until
   * someone who waits for the worker makes an Error of it, where they stand.
   */
  open(): Promise<Outcome> {
    const port = this.port.sibling();
    const opening = this.#openOne(port).finally(() => this.#opening.delete(port));
    this.#opening.set(port, opening);
    return opening;
  }

  /** This worker serves a lease now. */
  leased(worker: number): Port {
    this.#leased.add(worker);
    this.#growIfBusy(); // a call may wait that found it free
    return this.#open.get(worker) as Port;
  }

  /** A lease has come back; if its connection was altered, it has closed. */
  returned(worker: number, altered: boolean): void {
    this.#leased.delete(worker);
    if (!altered) return;
    this.#ended(worker);
    // A call or the order to close may be left without a worker. The pool itself reopens its writer.
    if (this.#settings.role === 'reader') this.#growIfBusy();
  }

  /** From here on no worker waits for another process's lock. */
  beginClose(): void {
    for (const port of [...this.#open.values(), ...this.#opening.keys()]) port.native.beginClose();
  }

  /** Closes all workers, each after what it has been given. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#surplusTimer);
    do {
      await Promise.all(this.#opening.values());
      await this.#retire(this.#open.size - this.#retiring);
      // A caller that has just been answered may go on, and need a worker once more.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#open.size + this.#opening.size + this.#waiting.size > 0);
  }

  async #openOne(port: Port): Promise<Outcome> {
    const { database, options, role, onConnect } = this.#settings;
    const number = ++this.#lastNumber;
    const lane = onConnect === undefined ? MAIN_LANE : nextLane();
    packOpen(database, options, role === 'reader');
    const outcome = await port.open(number, lane);
    if (outcome.failure !== undefined) {
      port.join();
      return outcome;
    }
    // Until its setup is done, a worker serves the setup's lane alone.
    const failure = onConnect && (await this.#setUp(port, lane, onConnect));
    if (failure !== undefined) {
      await port.close(lane);
      return { ...outcome, failure };
    }
    // In one go: a worker that counts twice, if only for a moment, is one too few opened.
    this.#opening.delete(port);
    this.#open.set(number, port);
    if (lane !== MAIN_LANE) await endLane(port, lane, EndMode.ready);
    return outcome;
  }

  async #setUp(
    port: Port,
    lane: number,
    onConnect: (connection: Connection) => Promise<void>,
  ): Promise<Failure | undefined> {
    const { database, options, role, acquireTimeoutMs } = this.#settings;
    const policy = role === 'reader' ? Policy.readOnly : Policy.none;
    const connection = new SetupConnection(database, options, port, lane, policy);
    // An onConnect that never ended would keep every caller waiting, close() too.
    const watch = new Watch(undefined, acquireTimeoutMs, setUpTimeout);
    try {
      await Promise.race([onConnect(connection), watch.expired]);
      return undefined;
    } catch (error) {
      if (watch.hasExpired) port.abortLane(lane, 'ERR_CLOSED', 'onConnect has taken too long');
      return { code: '', message: '', errcode: 0, reason: error === watch ? watch.reason() : error };
    } finally {
      watch.stop();
      void connection.close();
    }
  }

  /** Waits for a lease to end, or for a stall. */
  async #turn(limits: CallOptions | undefined): Promise<void> {
    let admit = () => {};
    const admitted = new Promise<void>((resolve) => {
      admit = resolve;
    });
    this.#waiting.add(admit);
    this.#watchStall();
    try {
      await waitFor(admitted, limits, this.#settings.acquireTimeoutMs);
    } catch (error) {
      if (!this.#waiting.delete(admit)) this.#letGo(); // admitted at the last moment
      throw error;
    }
  }

  /** A lease that waits takes the place of one that ends. */
  #letGo(): void {
    this.#cameBack = true;
    this.#held--;
    this.#admitFirst();
    this.#watchIdle();
    this.#watchSurplus();
  }

  #admitFirst(): void {
    for (const admit of this.#waiting) {
      this.#waiting.delete(admit);
      this.#held++;
      admit();
      return;
    }
  }

  #watchStall(): void {
    if (this.#stallTimer !== undefined) return;
    this.#cameBack = false;
    this.#stallTimer = setInterval(() => {
      if (!this.#cameBack) this.#admitFirst();
      this.#cameBack = false;
      if (this.#waiting.size > 0) return;
      clearInterval(this.#stallTimer);
      this.#stallTimer = undefined;
    }, STALL_MS);
  }

  /** Those that are open and stay, and those that are being opened. */
  get #expected(): number {
    return this.#open.size - this.#retiring + this.#opening.size;
  }

  get #most(): number {
    const { role, limit } = this.#settings;
    return role === 'writer' ? limit : Math.max(limit, this.#held + 1);
  }

  #growIfBusy(): void {
    const expected = this.#expected;
    if (this.#calls + this.#held > expected && expected < this.#most) this.#grow();
  }

  #grow(): void {
    void this.open().then(({ failure }) => {
      // No call fails while a worker serves calls: the next call that finds all workers busy tries again.
      const serving = this.#open.size - this.#leased.size + this.#opening.size;
      if (failure !== undefined && serving === 0) this.port.failAll(failure);
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

  #watchIdle(): void {
    const { idleTimeoutMs } = this.#settings;
    if (idleTimeoutMs === 0 || this.#calls + this.#held > 0) return;
    if (this.#idleTimer === undefined) {
      this.#idleTimer = setTimeout(() => this.#closeIdle(), idleTimeoutMs);
      this.#idleTimer.unref();
    } else {
      this.#idleTimer.refresh();
    }
  }

  #closeIdle(): void {
    if (this.#calls + this.#held === 0) void this.#retire(this.#open.size - this.#retiring);
  }

  async #retire(count: number): Promise<void> {
    if (count <= 0) return;
    this.#retiring += count;
    const retired = Array.from({ length: count }, async () => {
      const { worker } = await this.port.submitClose();
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

function setUpTimeout(): AiosqliteError {
  return new AiosqliteError('ERR_POOL_TIMEOUT', 'onConnect has not ended within acquireTimeoutMs');
}

/**
 * What onConnect gets: the connection before anybody else. Its lane is ended by whoever called onConnect; functions that
 * it defines and what it listens to stay as long as its worker.
 */
class SetupConnection extends LaneConnection {
  protected async end(): Promise<void> {}
  protected override stopListening(): void {}
}
