import type { BatchQuery } from '../../../executor.js';
import { sessionNotFound, staleSession } from '../../errors.js';
import type { PreparedAppend } from '../../prepare.js';
import type { SessionKey } from '../../records.js';
import { type Context, explain, hasCode } from '../context.js';
import type { Queries } from '../queries.js';

/** The error behind a failure of appends. A batch begins with two queries for each append, which refuse if they find nothing. */
export async function explainAppend(
  context: Context,
  error: unknown,
  appends: readonly PreparedAppend[],
): Promise<unknown> {
  if (!hasCode(error, 'ERR_NO_MATCH') || error.index === undefined) {
    return await explain(
      context,
      error,
      appends.flatMap(({ key }) => suspects(context.sql, key)),
    );
  }
  const sessionId = String(appends[error.index >> 1]?.key.sessionId);
  if (error.index % 2 === 0) return sessionNotFound(sessionId);
  return staleSession(sessionId);
}

/** Reads of all rows that an append may have touched. */
function suspects(sql: Queries, { appName, userId, sessionId }: SessionKey): BatchQuery[] {
  const key = [appName, userId, sessionId];
  return [
    { sql: sql.snapshot, params: key },
    { sql: sql.events.asc, params: [...key, 0, Number.NEGATIVE_INFINITY, -1] },
  ];
}
