/** setTimeout can't wait longer. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The callbacks of one signal. */
interface Aborts {
  calls: Set<() => void>;
  listener: () => void;
}
const aborts = new WeakMap<AbortSignal, Aborts>();

/**
 * Calls back when the signal is aborted. Returns the function that ends this. All callbacks of a signal share one
 * listener: Node warns of more than ten.
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

/** Ends a wait before its time: by a signal, after some time, or when {@link expire} is called. */
export class Deadline {
  /** Rejects with this object. The caller that waited asks for the reason, so the Error has the caller's stack. */
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
    this.expired.catch(() => {}); // callers race with it
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
  const deadline = new Deadline(signal, ms, timedOut);
  try {
    return await Promise.race([work, deadline.expired]);
  } catch (error) {
    throw error === deadline ? deadline.reason() : error;
  } finally {
    deadline.stop();
  }
}
