/** setTimeout can't wait longer. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What ends a wait before its time: a signal, a deadline, or somebody's word. */
export class Watch {
  /** Rejects with the reason. */
  readonly expired: Promise<never>;
  hasExpired = false;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #reject: (reason: unknown) => void = () => {};

  /** `ms`: undefined for no deadline; `timedOut` makes the reason of its passing. */
  constructor(signal: AbortSignal | undefined, ms: number | undefined, timedOut: () => Error) {
    this.expired = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    this.expired.catch(() => {}); // told to whoever races with it
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (ms !== undefined && ms <= LONGEST_TIMER_MS) {
      this.#timer = setTimeout(() => this.expire(timedOut()), Math.max(ms, 0));
    }
  }

  expire(reason: unknown): void {
    this.hasExpired = true;
    this.#reject(reason);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = () => this.expire(this.#signal?.reason);
}
