import { enqueue } from '../wire/queue.js';
import { POOL_TIMEOUT } from './wait.js';
import type { Workers } from './workers.js';

/** Ends calls that have waited in a queue for longer than `acquireTimeoutMs`. Runs a timer as long as any call waits. */
export class WaitLimit {
  readonly #groups: readonly Workers[];
  readonly #acquireTimeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  #watching = false;

  constructor(groups: readonly Workers[], acquireTimeoutMs: number) {
    this.#groups = groups;
    this.#acquireTimeoutMs = acquireTimeoutMs;
  }

  /** Called with each call that may wait. */
  watch(): void {
    if (this.#watching) return;
    enqueue(this.#start);
    this.#watching = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Runs on a stack of its own: a timer that starts where the caller has used up the stack can lose its handle. */
  readonly #start = (): void => {
    const step = Math.min(Math.max(this.#acquireTimeoutMs / 8, 5), 1_000);
    this.#timer = setInterval(() => {
      for (const { queue } of this.#groups) queue.expire(this.#acquireTimeoutMs, 'ERR_POOL_TIMEOUT', POOL_TIMEOUT);
      if (this.#groups.some(({ waiting }) => waiting > 0)) return;
      clearInterval(this.#timer);
      this.#watching = false;
    }, step).unref();
  };
}
