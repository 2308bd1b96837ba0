import { setTimeout as sleep } from 'node:timers/promises'; // fake timers replace the global one
import type { CallOptions } from '../../executor.js';

/** A WAL of this many pages, 8 times SQLite's checkpoint threshold, does not start anew by itself. */
const LONG_WAL_PAGES = 8_000;
/** Longest pause of new reads. */
const PAUSE_MS = 1_000;

export interface WalReliefSource {
  /** Reads of the pool that run. */
  readonly reads: () => number;
  readonly walPages: () => number;
  /** Runs a checkpoint on the writer; resolves to whether all of the WAL is in the database file. */
  readonly checkpoint: (mode: 'PASSIVE' | 'RESTART', limits: CallOptions) => Promise<boolean>;
}

/**
 * Shortens a WAL that overlapping readers keep from starting anew. New reads pause until those that run have ended, for
 * a second at most. A passive checkpoint then tells whether another reader, of a lease or of another process, still
 * needs the WAL. If so, relief gives up until the WAL has doubled: neither reads nor writes wait for that reader.
 */
export class WalRelief {
  readonly #source: WalReliefSource;
  #under: Promise<void> | undefined;
  #dueAt = LONG_WAL_PAGES;
  #until = 0;

  constructor(source: WalReliefSource) {
    this.#source = source;
  }

  /** New reads wait for this. */
  get under(): Promise<void> | undefined {
    return this.#under;
  }

  /** Called with each write. */
  startIfDue(): void {
    const pages = this.#source.walPages();
    if (pages <= LONG_WAL_PAGES) this.#dueAt = LONG_WAL_PAGES;
    if (pages <= this.#dueAt || this.#under !== undefined) return;
    this.#until = performance.now() + PAUSE_MS;
    // The checkpoint is a write, too: it must find `under` set.
    this.#under = Promise.resolve()
      .then(() => this.#relieve())
      .finally(() => {
        this.#under = undefined;
      });
  }

  /** Ends the pause of reads. */
  stop(): void {
    this.#until = 0;
  }

  async #relieve(): Promise<void> {
    while (this.#source.reads() > 0 && this.#left() > 0) await sleep(5);
    try {
      if ((await this.#checkpoint('PASSIVE')) && (await this.#checkpoint('RESTART'))) return;
    } catch {
      // The writer is busy for longer, the WAL is locked, or the pool closes.
    }
    this.#dueAt = this.#source.walPages() * 2;
  }

  async #checkpoint(mode: 'PASSIVE' | 'RESTART'): Promise<boolean> {
    const timeoutMs = this.#left();
    return timeoutMs > 0 && (await this.#source.checkpoint(mode, { timeoutMs }));
  }

  #left(): number {
    return this.#until - performance.now();
  }
}
