import type { Limits } from '../wire/limits.js';
import { orThrow } from '../wire/outcome/failure.js';
import type { Outcome } from '../wire/outcome/outcome.js';
import { waitFor } from './wait.js';
import type { Workers } from './workers.js';

/** The writer of a pool. The first call opens it; a lease that has altered its connection makes it open again. */
export class Writer {
  readonly workers: Workers;
  readonly #acquireTimeoutMs: number;
  readonly #onOpen: (journalMode: string) => void;
  #opening: Promise<Outcome> | undefined;
  #isOpen = false;

  constructor(workers: Workers, acquireTimeoutMs: number, onOpen: (journalMode: string) => void) {
    this.workers = workers;
    this.#acquireTimeoutMs = acquireTimeoutMs;
    this.#onOpen = onOpen;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get hasBegun(): boolean {
    return this.#isOpen || this.#opening !== undefined;
  }

  /** Settles when no opening is under way. */
  get settled(): Promise<unknown> {
    return Promise.resolve(this.#opening);
  }

  /** Waits until the writer is open. If it can't open, the calls that wait for it reject, and the next call tries again. */
  async ready(limits: Limits): Promise<void> {
    limits.signal?.throwIfAborted();
    if (this.#isOpen) return;
    this.#opening ??= this.#open();
    orThrow(await waitFor(this.#opening, limits, this.#acquireTimeoutMs), limits);
  }

  /** Opens it again. Queued calls, a pending close() among them, wait for it. */
  readonly reopen = (): void => {
    this.#isOpen = false;
    this.#opening = this.#open();
  };

  async #open(): Promise<Outcome> {
    const outcome = await this.workers.open();
    this.#opening = undefined;
    if (outcome.failure !== undefined) {
      this.workers.queue.failAll(outcome.failure);
      return outcome;
    }
    this.#onOpen(outcome.info);
    this.#isOpen = true;
    return outcome;
  }
}
