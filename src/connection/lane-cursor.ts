import { Call } from '../wire/call.js';
import { LONGEST_TIMER_MS, onAbort } from '../wire/deadline.js';
import { type Limits, NO_LIMITS, type SharedLimits, sharedLimits } from '../wire/limits.js';
import { orThrow } from '../wire/outcome/failure.js';
import { type Outcome, resultOf } from '../wire/outcome/outcome.js';
import { decodeRows } from '../wire/outcome/rows.js';
import { Policy, Request } from '../wire/protocol.js';
import type { Lane } from './lane.js';
import type { Batch, Cursor } from './row-iterator.js';

/** A cursor in a lane. It holds no reference to its iterator, which can be collected. */
export class LaneCursor implements Cursor {
  readonly first: Promise<Batch>;
  readonly name: string;
  readonly ended: Promise<void>;
  readonly #lane: Lane;
  readonly #arrays: boolean;
  readonly #limits: Limits;
  readonly #left: SharedLimits;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #forget: (() => void) | undefined;
  #id: number | undefined;
  #open = true;
  #resolveEnded = () => {};

  /** `opening`: the call that opens it. */
  constructor(lane: Lane, opening: Call, arrays: boolean, limits: Limits) {
    this.#lane = lane;
    this.#arrays = arrays;
    this.#limits = limits;
    this.name = lane.name;
    this.#left = sharedLimits(limits, 'the iteration');
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.first = this.#take(lane.send(opening, limits));
    // The cursor ends with its limits, even if its consumer asks for no further row.
    const { signal, timeoutMs = 0 } = limits;
    if (timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS) {
      this.#timer = setTimeout(() => this.close(), timeoutMs);
      this.#timer.unref();
    }
    this.#forget = signal && onAbort(signal, () => this.close());
  }

  check(): void {
    this.#lane.touch();
    this.#left();
  }

  async next(): Promise<Batch> {
    const call = Call.of(Request.nextCursor).number(this.#id as number);
    return this.#take(this.#lane.send(call, this.#left()));
  }

  async close(): Promise<void> {
    await this.first.catch(() => {});
    if (!this.#open) return;
    this.#finish();
    if (this.#id === undefined || this.#lane.hasEnded) return;
    const call = Call.of(Request.closeResource).number(this.#id);
    // Not awaited: later calls run after it, and the lane may wait for the caller. It passes every check of the lane.
    void this.#lane.queue.send(call, this.#lane.id, Policy.none, NO_LIMITS);
  }

  async #take(call: Promise<Outcome>): Promise<Batch> {
    const outcome = orThrow(await call, this.#limits);
    this.#id ??= outcome.id;
    const batch = { rows: decodeRows(resultOf(outcome), this.#arrays), done: outcome.done };
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
