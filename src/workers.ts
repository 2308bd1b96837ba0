import { LaneConnection } from './connection.js';
import type { Connection } from './connection-api.js';
import type { CallOptions } from './executor.js';
import type { Message } from './native.js';
import { type CheckedOptions, packOpen } from './options.js';
import { MAIN_LANE, nextLane, Policy, Port, type Request, type Tally } from './port.js';
import { EndMode, endLane } from './transaction.js';
import { succeeded } from './verbs.js';

export interface WorkersOptions {
  database: string;
  options: CheckedOptions;
  role: 'writer' | 'reader';
  /** Most workers at a time. */
  limit: number;
  /** How long one may have nothing to do before all of them close. 0: for ever. */
  idleTimeoutMs: number;
  onConnect: ((connection: Connection) => Promise<void>) | undefined;
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
  readonly #opening = new Set<Promise<string>>();
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
      if (!this.#leased.has(number) && port.native.stats()[1] === 0) idle++;
    }
    return idle;
  }

  get waiting(): number {
    return this.port.native.stats()[0] as number;
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
    const expected = this.#open.size - this.#retiring + this.#opening.size;
    if (this.#inFlight > expected && expected < this.#settings.limit) this.#grow();
    return () => {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#watchIdle();
    };
  }

  /** Opens a worker; resolves to the journal mode of its database. */
  open(): Promise<string> {
    const opening = this.#openOne();
    this.#opening.add(opening);
    const done = () => this.#opening.delete(opening);
    opening.then(done, done);
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
    if (altered) this.#ended(worker);
  }

  /** Closes all workers, each after what it has been given. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    await Promise.allSettled(this.#opening);
    for (const port of this.#open.values()) port.native.beginClose();
    await this.#retire();
  }

  async #openOne(): Promise<string> {
    const { database, options, role, onConnect } = this.#settings;
    const number = ++this.#lastNumber;
    const port = this.port.sibling();
    const lane = onConnect === undefined ? MAIN_LANE : nextLane();
    packOpen(database, options, role === 'reader');
    const message = await port.open(number, lane);
    if (message[1] !== 0) port.native.join();
    succeeded(message, undefined);
    if (onConnect !== undefined) await this.#setUp(port, lane, onConnect);
    this.#open.set(number, port);
    return message[5] as string;
  }

  /** Until its setup is done, a worker serves the setup's lane alone. */
  async #setUp(port: Port, lane: number, onConnect: (connection: Connection) => Promise<void>): Promise<void> {
    const { database, options, role } = this.#settings;
    const policy = role === 'reader' ? Policy.readOnly : Policy.none;
    const connection = new SetupConnection(database, options, port, lane, policy);
    try {
      await onConnect(connection);
    } catch (error) {
      await port.close(lane);
      throw error;
    }
    await connection.close();
  }

  #grow(): void {
    this.open().catch((error: unknown) => {
      // Where others serve, nobody has failed: the next call that finds all of them busy tries again.
      if (this.#open.size === 0 && this.#opening.size === 0) this.port.failAll(error);
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
    });
    await Promise.all(retired);
  }

  #ended(worker: number): void {
    this.#open.get(worker)?.native.join();
    this.#open.delete(worker);
  }
}

/** What onConnect gets: the connection before anybody else. */
class SetupConnection extends LaneConnection {
  protected async end(): Promise<void> {
    await endLane(this.port, this.lane, EndMode.ready);
  }
}
