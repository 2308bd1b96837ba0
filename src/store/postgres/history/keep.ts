import type { KeptChange } from '../../history/stored.js';
import { type Context, run } from '../context.js';
import { postgresDialect } from '../dialect.js';
import { escapeJson } from '../escape.js';

/** Stores the changes of deleted events of a session. */
export async function keepChanges(
  context: Context,
  userId: string,
  sessionNumber: number,
  kept: readonly KeptChange[],
): Promise<void> {
  if (kept.length === 0) return;
  await run(context, context.sql.history.keep, [
    userId,
    sessionNumber,
    kept.map(({ seq }) => seq),
    kept.map(({ value }) => escapeJson(value)),
    kept.map(({ removed }) => escapeJson(removed)),
    postgresDialect.encodeTime(Date.now()),
  ]);
}
