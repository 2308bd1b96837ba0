import { AiosqliteError } from '../errors.js';
import type { CallOptions } from '../executor.js';
import { checkCallOptions } from '../wire/port.js';
import { within } from '../wire/watch.js';

export const POOL_TIMEOUT = 'no connection became free within acquireTimeoutMs';

/** Waits for a connection, no longer than the call's own limits and `acquireTimeoutMs` allow. */
export function waitFor<T>(work: Promise<T>, limits: CallOptions | undefined, acquireTimeoutMs: number): Promise<T> {
  const { signal, timeoutMs } = checkCallOptions(limits);
  const hurried = timeoutMs > 0 && timeoutMs < acquireTimeoutMs;
  return within(work, signal, hurried ? timeoutMs : acquireTimeoutMs, () =>
    hurried
      ? new AiosqliteError('ERR_TIMEOUT', 'the call has passed its timeoutMs')
      : new AiosqliteError('ERR_POOL_TIMEOUT', POOL_TIMEOUT),
  );
}
