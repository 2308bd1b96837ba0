import { setImmediate } from 'node:timers'; // fake timers replace the global one
import type { Connection } from '../connection/api.js';
import { LaneConnection } from '../connection/connection.js';
import { type CheckedOptions, packOpen } from '../connection/options.js';
import { endLane } from '../connection/transaction.js';
import { AiosqliteError } from '../errors.js';
import type { CallOptions } from '../executor.js';
import type { Message, NativeFailure } from '../wire/native.js';
import { MAIN_LANE, nextLane, Port, type Tally } from '../wire/port.js';
import { EndMode, Policy, type Request } from '../wire/protocol.js';
import { Watch } from '../wire/watch.js';

export interface WorkersOptions {
  database: string;
  options: CheckedOptions;
  role: 'writer' | 'reader';
  /** Most workers at a time. */
  limit: number;
  /** How long one may have nothing to do before all of them close. 0: for ever. */
  idleTimeoutMs: number;
  onConnect: ((connection: Connection) => Promise<void>) | undefined;
  /** How long that may take. */
  setUpTimeoutMs: number;
  tally: Tally;
}

/**
 * One role of a pool: a queue, and the workers that take from it. Whoever is free takes the next call, so no call waits
 * behind a long one while another worker idles.
 */
export class Workers {
  /** The queue. It has no worker of its own. */
  readonly port: Port;
  readonly #settings: WorkersOptions;
  readonly #open = new Map<number, Port>();
  readonly #leased = new Set<number>();
  readonly #opening = new Map<Port, Promise<Message>>();
  #lastNumber = 0;
  #inFlight = 0;
  #retiring = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(settings: WorkersOptions) {
    this.#settings = settings;
    this.port = Port.create(settings.options.maxPending, settings.options.maxPendingBytes, settings.tally);
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
    return this.port.stats().pending;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Sends the current packet to whoever is free, and opens another worker if nobody is. */
  async submit(request: Request, policy: number, options: CallOptions | undefined): Promise<Message> {
    // First of all: opening a worker takes a packet, too.
    const outcome = this.port.submit(request, MAIN_LANE, policy, options);
    const free = this.occupy();
    try {
      return await outcome;
    } finally {
      free();
    }
  }

  /** Counts `work` as keeping one worker busy. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const free = this.occupy();
    try {
      return await work();
    } finally {
      free();
    }
  }

  /** From here on one more worker is needed, and opened if all are busy, until the function is called that it returns. */
  occupy(): () => void {
    this.#inFlight++;
    this.#growIfBusy();
    return () => {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#watchIdle();
    };
  }

  /**
   * Opens a worker; resolves to the outcome, whose `info` is the journal mode of the database. A failure stays data until
   * someone who waits for the worker makes an Error of it, where they stand.
   */
  open(): Promise<Message> {
    const port = this.port.sibling();
    const opening = this.#openOne(port).finally(() => this.#opening.delete(port));
    this.#opening.set(port, opening);
    return opening;
  }

  /** This worker serves a lease now. */
  leased(worker: number): Port {
    this.#leased.add(worker);
    return this.#open.get(worker) as Port;
  }

  /** A lease has come back; if its connection was altered, it has closed. */
  returned(worker: number, altered: boolean): void {
    this.#leased.delete(worker);
    if (!altered) return;
    this.#ended(worker);
    // What waits may have nobody left to take it: a call, or the order to close. The pool itself reopens its writer.
    if (this.#settings.role === 'reader') this.#growIfBusy();
  }

  /** From here on no worker waits for another process's lock. */
  beginClose(): void {
    for (const port of [...this.#open.values(), ...this.#opening.keys()]) port.native.beginClose();
  }

  /** Closes all workers, each after what it has been given. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    do {
      await Promise.all(this.#opening.values());
      await this.#retire();
      // Whoever has just been answered may go on, and need a worker once more.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#open.size + this.#opening.size > 0);
  }

  async #openOne(port: Port): Promise<Message> {
    const { database, options, role, onConnect } = this.#settings;
    const number = ++this.#lastNumber;
    const lane = onConnect === undefined ? MAIN_LANE : nextLane();
    packOpen(database, options, role === 'reader');
    const message = await port.open(number, lane);
    if (message[1] !== 0) {
      port.join();
      return message;
    }
    // Until its setup is done, a worker serves the setup's lane alone.
    const failure = onConnect && (await this.#setUp(port, lane, onConnect));
    if (failure !== undefined) {
      await port.close(lane);
      message[1] = failure;
      return message;
    }
    // In one go: a worker that counts twice, if only for a moment, is one too few opened.
    this.#opening.delete(port);
    this.#open.set(number, port);
    if (lane !== MAIN_LANE) await endLane(port, lane, EndMode.ready);
    return message;
  }

  async #setUp(
    port: Port,
    lane: number,
    onConnect: (connection: Connection) => Promise<void>,
  ): Promise<NativeFailure | undefined> {
    const { database, options, role, setUpTimeoutMs } = this.#settings;
    const policy = role === 'reader' ? Policy.readOnly : Policy.none;
    const connection = new SetupConnection(database, options, port, lane, policy);
    // One that never ended would keep everybody waiting, close() too.
    const watch = new Watch(undefined, setUpTimeoutMs, setUpTimeout);
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

  #growIfBusy(): void {
    const expected = this.#open.size - this.#retiring + this.#opening.size;
    if (this.#inFlight > expected && expected < this.#settings.limit) this.#grow();
  }

  #grow(): void {
    void this.open().then(([, failure]) => {
      // Where others serve, nobody has failed: the next call that finds all of them busy tries again.
      if (failure !== 0 && this.#open.size === 0 && this.#opening.size === 0) this.port.failAll(failure);
    });
  }

  #watchIdle(): void {
    const { idleTimeoutMs } = this.#settings;
    if (idleTimeoutMs === 0) return;
    if (this.#idleTimer === undefined) {
      this.#idleTimer = setTimeout(() => this.#closeIdle(), idleTimeoutMs);
      this.#idleTimer.unref();
    } else {
      this.#idleTimer.refresh();
    }
  }

  #closeIdle(): void {
    if (this.#inFlight === 0) void this.#retire();
  }

  async #retire(): Promise<void> {
    const count = this.#open.size - this.#retiring;
    this.#retiring += count;
    const retired = Array.from({ length: count }, async () => {
      const message = await this.port.submitClose();
      this.#retiring--;
      this.#ended(message[4]);
      // An altered lease has taken its worker with it: somebody must take its order to close.
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
