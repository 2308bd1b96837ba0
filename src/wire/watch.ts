/** setTimeout can't wait longer. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What is to happen when a signal is aborted. */
interface Aborts {
  calls: Set<() => void>;
  listener: () => void;
}
const aborts = new WeakMap<AbortSignal, Aborts>();

/**
 * Calls back when the signal is aborted, until the function is called that it returns. However many share a signal, it
 * has one listener: of more than ten Node warns.
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  let waiting = aborts.get(signal);
  if (waiting === undefined) {
    const calls = new Set<() => void>();
    const listener = () => {
      aborts.delete(signal);
      for (const each of calls) each();
    };
    waiting = { calls, listener };
    aborts.set(signal, waiting);
    signal.addEventListener('abort', listener, { once: true });
  }
  const { calls, listener } = waiting;
  calls.add(call);
  return () => {
    calls.delete(call);
    if (calls.size > 0 || aborts.get(signal)?.calls !== calls) return;
    aborts.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

/** What ends a wait before its time: a signal, a deadline, or somebody's word. */
export class Watch {
  /** Rejects with this watch. The reason is asked for by whoever waited, so that an Error is made where they stand. */
  readonly expired: Promise<never>;
  #reason: (() => unknown) | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #forget: (() => void) | undefined;
  #reject: (reason: unknown) => void = () => {};

  /** `ms`: undefined for no deadline; `timedOut` makes the reason of its passing. */
  constructor(signal: AbortSignal | undefined, ms: number | undefined, timedOut: () => Error) {
    this.expired = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    this.expired.catch(() => {}); // told to whoever races with it
    if (signal !== undefined) {
      const abort = () => this.expire(() => signal.reason);
      if (signal.aborted) abort();
      else this.#forget = onAbort(signal, abort);
    }
    if (ms !== undefined && ms <= LONGEST_TIMER_MS) {
      this.#timer = setTimeout(() => this.expire(timedOut), Math.max(ms, 0));
    }
  }

  get hasExpired(): boolean {
    return this.#reason !== undefined;
  }

  /** Why it has expired. */
  reason(): unknown {
    return this.#reason?.();
  }

  expire(reason: () => unknown): void {
    this.#reason ??= reason;
    this.#reject(this);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#forget?.();
  }
}

/** Waits for `work` until a signal is aborted or `ms` have passed; `timedOut` makes the error of the latter. */
export async function within<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  ms: number | undefined,
  timedOut: () => Error,
): Promise<T> {
  const watch = new Watch(signal, ms, timedOut);
  try {
    return await Promise.race([work, watch.expired]);
  } catch (error) {
    throw error === watch ? watch.reason() : error;
  } finally {
    watch.stop();
  }
}
