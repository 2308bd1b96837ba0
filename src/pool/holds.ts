import { clearInterval, setInterval } from 'node:timers'; // fake timers replace the global ones
import type { Limits } from '../wire/limits.js';
import { waitFor } from './wait.js';

/** A lease that waits is admitted beyond the limit when none has come back for this long. */
const STALL_MS = 20;

/**
 * Leases that hold a reader, or are about to. As many as the limit are admitted at once. The others take the place of
 * leases that end. A holder may wait for a further lease, so leases that last must not keep others waiting: when none
 * has ended for some time, one more is admitted.
 */
export class Holds {
  readonly #limit: number;
  readonly #acquireTimeoutMs: number;
  /** Admit the leases that wait, in their order. */
  readonly #waiting = new Set<() => void>();
  #count = 0;
  #hasEnded = false;
  #stallTimer: NodeJS.Timeout | undefined;

  constructor(limit: number, acquireTimeoutMs: number) {
    this.#limit = limit;
    this.#acquireTimeoutMs = acquireTimeoutMs;
  }

  get count(): number {
    return this.#count;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Counts one more, unless the limit is reached. */
  tryBegin(): boolean {
    if (this.#count >= this.#limit) return false;
    this.#count++;
    return true;
  }

  /** Waits for the turn of one more, and counts it. */
  async begin(limits: Limits): Promise<void> {
    let admit = () => {};
    const admitted = new Promise<void>((resolve) => {
      admit = resolve;
    });
    this.#waiting.add(admit);
    this.#watchStall();
    try {
      await waitFor(admitted, limits, this.#acquireTimeoutMs);
    } catch (error) {
      if (!this.#waiting.delete(admit)) this.end(); // admitted at the last moment
      throw error;
    }
  }

  end(): void {
    this.#hasEnded = true;
    this.#count--;
    this.#admitFirst();
  }

  #admitFirst(): void {
    for (const admit of this.#waiting) {
      this.#waiting.delete(admit);
      this.#count++;
      admit();
      return;
    }
  }

  #watchStall(): void {
    if (this.#stallTimer !== undefined) return;
    this.#hasEnded = false;
    this.#stallTimer = setInterval(() => {
      if (!this.#hasEnded) this.#admitFirst();
      this.#hasEnded = false;
      if (this.#waiting.size > 0) return;
      clearInterval(this.#stallTimer);
      this.#stallTimer = undefined;
    }, STALL_MS);
  }
}
