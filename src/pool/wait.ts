import { AiosqliteError } from '../errors.js';
import { within } from '../wire/deadline.js';
import type { Limits } from '../wire/limits.js';

export const POOL_TIMEOUT = 'no connection became free within acquireTimeoutMs';

/** Waits for a connection, no longer than the call's own limits and `acquireTimeoutMs` allow. */
export function waitFor<T>(work: Promise<T>, limits: Limits, acquireTimeoutMs: number): Promise<T> {
  const { signal, timeoutMs } = limits;
  const hurried = timeoutMs !== undefined && timeoutMs < acquireTimeoutMs;
  return within(work, signal, hurried ? timeoutMs : acquireTimeoutMs, () =>
    hurried
      ? new AiosqliteError('ERR_TIMEOUT', 'the call has passed its timeoutMs')
      : new AiosqliteError('ERR_POOL_TIMEOUT', POOL_TIMEOUT),
  );
}
