import { setTimeout as sleep } from 'node:timers/promises'; // fake timers replace the global one
import type { Workers } from './workers.js';

/** A WAL of so many pages that is not getting shorter is held by readers: 8 times SQLite's checkpoint threshold. */
const LONG_WAL_PAGES = 8_000;

/** Makes a WAL short that readers hold on to: they take turns without a gap, so that it never starts anew by itself. */
export class WalRelief {
  readonly #checkpoint: () => Promise<void>;
  #under: Promise<void> | undefined;
  #dueAt = LONG_WAL_PAGES;

  /** `checkpoint`: lets the WAL start anew, or rejects if readers hold on to it. */
  constructor(checkpoint: () => Promise<void>) {
    this.#checkpoint = checkpoint;
  }

  /** While the WAL is made short, new reads wait for this. */
  get under(): Promise<void> | undefined {
    return this.#under;
  }

  isDue(walPages: number): boolean {
    return walPages > this.#dueAt && this.#under === undefined;
  }

  /** New reads wait until those that run have let go of the WAL, for a second at most, and the WAL starts anew. */
  start(readers: Workers, walPages: () => number): void {
    const relieve = async () => {
      const until = performance.now() + 1_000;
      while (readers.inFlight > 0 && performance.now() < until) await sleep(5);
      try {
        await this.#checkpoint();
        this.#dueAt = LONG_WAL_PAGES;
      } catch {
        this.#dueAt = walPages() * 2; // held by a lease or another process: later again
      }
    };
    // Not before it is known that there is a relief: its checkpoint is a write, too.
    this.#under = Promise.resolve()
      .then(relieve)
      .finally(() => {
        this.#under = undefined;
      });
  }
}
