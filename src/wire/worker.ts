import type { Call } from './call.js';
import { inFlight, type NativeWorker, native } from './native.js';
import type { Outcome } from './outcome/outcome.js';
import { forgetUnpackers } from './outcome/unpack.js';
import { Policy, Stat } from './protocol.js';
import { MAIN_LANE, type Queue } from './queue.js';

let openWorkers = 0;

/** A worker: one thread with one connection. It takes calls from its queue, which several workers may share. */
export class Worker {
  readonly queue: Queue;
  /** Tells the workers of a queue apart: outcomes have it. */
  readonly number: number;
  readonly #native: NativeWorker;

  constructor(queue: Queue, number: number, thread = new (native().Worker)(queue.native)) {
    this.queue = queue;
    this.number = number;
    this.#native = thread;
  }

  /** The same worker, without the listeners and functions of its user: closes it after the user is gone. */
  heir(): Worker {
    return new Worker(this.queue.heir(), this.number, this.#native);
  }

  /** Starts the thread with the call that opens the database. */
  open(call: Call, lane: number): Promise<Outcome> {
    const id = inFlight.nextId();
    call.prepare(id, lane, Policy.none, 0, false);
    const opened = new Promise<Outcome>((resolve) => inFlight.expect(id, resolve));
    call.open(this.#native, this.number);
    openWorkers++;
    return opened;
  }

  /** Counts of the worker. */
  stats(): Record<keyof typeof Stat, number> {
    const numbers = this.#native.stats();
    const named = Object.entries(Stat).map(([name, at]) => [name, numbers[at]]);
    return Object.fromEntries(named) as Record<keyof typeof Stat, number>;
  }

  /** Ends the statement that runs now, if one does. */
  interrupt(): void {
    this.#native.interrupt();
  }

  /** From now on the worker waits only a moment for locks (`kClosingWait` in busy.h). */
  beginClose(): void {
    this.#native.beginClose();
  }

  /** Ends the only worker that takes from the lane, after the calls that wait there, and waits for its thread. */
  async close(lane = MAIN_LANE): Promise<void> {
    this.beginClose();
    await this.queue.sendClose(lane);
    this.join();
  }

  /** Waits for the thread, whose database has closed or could not be opened. */
  join(): void {
    this.#native.join();
    openWorkers--;
    if (openWorkers === 0) forgetUnpackers();
  }
}
