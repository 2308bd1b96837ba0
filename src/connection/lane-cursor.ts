import type { CallOptions } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import * as packet from '../wire/packet.js';
import { checkCallOptions, sharedLimits } from '../wire/port.js';
import { Policy, Request } from '../wire/protocol.js';
import { LONGEST_TIMER_MS, onAbort } from '../wire/watch.js';
import type { Lane } from './lane.js';
import type { Batch, Cursor } from './row-iterator.js';
import { batchOf, succeeded } from './verbs.js';

/** A cursor in a lane, opened on the current packet. It holds no reference to its iterator, which can be collected. */
export class LaneCursor implements Cursor {
  readonly first: Promise<Batch>;
  readonly name: string;
  readonly ended: Promise<void>;
  readonly #lane: Lane;
  readonly #arrays: boolean;
  readonly #options: CallOptions | undefined;
  readonly #limits: () => CallOptions | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #forget: (() => void) | undefined;
  #id: number | undefined;
  #open = true;
  #resolveEnded = () => {};

  constructor(lane: Lane, arrays: boolean, options: CallOptions | undefined, policy: number) {
    this.#lane = lane;
    this.#arrays = arrays;
    this.#options = options;
    this.name = lane.name;
    this.#limits = sharedLimits(options, 'the iteration');
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.first = this.#take(lane.send(Request.openCursor, options, policy));
    // It ends with its limits, even if its consumer asks for no further row.
    const { signal, timeoutMs } = checkCallOptions(options);
    if (timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS) {
      this.#timer = setTimeout(() => this.close(), timeoutMs);
      this.#timer.unref();
    }
    this.#forget = signal && onAbort(signal, () => this.close());
  }

  check(): void {
    this.#lane.touch();
    this.#limits();
  }

  async next(): Promise<Batch> {
    const left = this.#limits();
    packet.begin();
    packet.addNumber(this.#id as number);
    return this.#take(this.#lane.send(Request.nextCursor, left));
  }

  async close(): Promise<void> {
    await this.first.catch(() => {});
    if (!this.#open) return;
    this.#finish();
    if (this.#id === undefined || this.#lane.hasEnded) return;
    packet.begin();
    packet.addNumber(this.#id);
    // Not awaited: later calls run after it, and the lane may wait for the caller. It passes every check of the lane.
    void this.#lane.queue.submit(Request.closeResource, this.#lane.id, Policy.none, undefined);
  }

  async #take(call: Promise<Outcome>): Promise<Batch> {
    const outcome = succeeded(await call, this.#options);
    this.#id ??= outcome.id;
    const batch = batchOf(outcome, this.#arrays);
    if (batch.done) this.#finish();
    return batch;
  }

  #finish(): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#forget?.();
    this.#resolveEnded();
  }
}
