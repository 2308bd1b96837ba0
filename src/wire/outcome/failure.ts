import { AiosqliteError, SqliteError } from '../../errors.js';
import type { Limits } from '../limits.js';
import { takeException } from '../native.js';
import type { Failure, Outcome } from './outcome.js';

/** Returns the outcome of a call that succeeded; throws the Error of one that failed. */
export function orThrow(outcome: Outcome, limits?: Limits): Outcome {
  if (outcome.failure !== undefined) throw failureOf(outcome.failure, limits?.signal);
  return outcome;
}

/** Makes the Error of a failed outcome. Called after the await, so that its stack shows the caller's line. */
function failureOf(failure: Failure, signal: AbortSignal | undefined): unknown {
  if ('reason' in failure) return failure.reason;
  const { code, message, errcode, offset, index, sql, column, exception } = failure;
  if (code === 'ERR_CANCELLED') {
    return signal?.aborted
      ? signal.reason
      : new AiosqliteError('ERR_TRANSACTION_CLOSED', 'the transaction has ended while this call was running');
  }
  if (code === 'ERR_OUT_OF_RANGE') return Object.assign(new RangeError(message), { code });
  if (code.startsWith('SQLITE_')) {
    return new SqliteError(message, code, errcode, {
      ...(sql !== undefined && { sql }),
      ...(offset !== undefined && { offset }),
    });
  }
  return new AiosqliteError(code, message, {
    ...(exception !== undefined && { cause: takeException(exception) }),
    ...(index !== undefined && { index }),
    ...(column !== undefined && { column }),
  });
}
