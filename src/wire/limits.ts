import { checkObject, checkSignal, checkTimeoutMs } from '../arguments.js';
import { AiosqliteError } from '../errors.js';
import type { CallOptions } from '../executor.js';

/** The options that end a call before its time, checked, and read from the caller's object once. */
export type Limits = Readonly<CallOptions>;

export const NO_LIMITS: Limits = {};

export function limitsOf(options: CallOptions | undefined): Limits {
  if (options === undefined) return NO_LIMITS;
  checkObject('options', options);
  const { signal, timeoutMs } = options;
  checkSignal(signal);
  if (timeoutMs !== undefined) checkTimeoutMs('options.timeoutMs', timeoutMs);
  return limits(signal, timeoutMs);
}

function limits(signal: AbortSignal | undefined, timeoutMs: number | undefined): Limits {
  if (signal === undefined) return timeoutMs === undefined ? NO_LIMITS : { timeoutMs };
  return timeoutMs === undefined ? { signal } : { signal, timeoutMs };
}

/** The limits of a call, with a deadline if they have none. */
export function withDefaultTimeout(given: Limits, timeoutMs: number | undefined): Limits {
  return timeoutMs === undefined || given.timeoutMs !== undefined ? given : limits(given.signal, timeoutMs);
}

/** The limits that several calls share, with the time that is left. */
export type SharedLimits = () => Limits;

export const NO_SHARED_LIMITS: SharedLimits = () => NO_LIMITS;

/** One signal and one deadline for several calls. Throws once either has ended the whole, which `what` names. */
export function sharedLimits(given: Limits, what: string): SharedLimits {
  const { signal, timeoutMs } = given;
  const since = performance.now();
  return () => {
    if (signal?.aborted) throw signal.reason;
    if (timeoutMs === undefined) return given;
    const left = since + timeoutMs - performance.now();
    if (left <= 0) throw new AiosqliteError('ERR_TIMEOUT', `${what} has passed its timeoutMs`);
    return limits(signal, left);
  };
}
