import type { BatchQuery, SqlParam } from '../../executor.js';
import { type EncodedEvents, keyParams, type PreparedImport } from '../prepare.js';
import { type Context, hasCode, sendBatch } from './context.js';
import { inTransaction } from './history/in-transaction.js';

/** Stores a session with its events. An array of events is one job with shared commit; others are one transaction. */
export async function importSession(
  context: Context,
  session: PreparedImport,
  events: EncodedEvents,
  replaces?: number,
): Promise<boolean> {
  const { sql } = context;
  const writes = writesOf(context, session, replaces);
  try {
    if (isArray(events)) {
      const inserts = events.map((params): BatchQuery => ({ sql: sql.importSession.event, params }));
      await sendBatch(context, [...writes, ...inserts]);
    } else {
      await inTransaction(context, async (within) => {
        await sendBatch(within, writes);
        await within.db.executeMany(sql.importSession.event, events);
      });
    }
    return true;
  } catch (error) {
    if (hasCode(error, 'ERR_NO_MATCH')) return false;
    throw error;
  }
}

/** The statements before the events. The first one refuses, and so undoes all, if the session is not as it must be. */
function writesOf({ sql, names }: Context, session: PreparedImport, replaces: number | undefined): BatchQuery[] {
  const { insert, replace, clear } = sql.importSession;
  const { key, revision, initialState, ownerId } = session;
  const params: SqlParam[] = [...session.params, revision, initialState, ...(names.owner ? [ownerId] : [])];
  if (replaces === undefined) return [{ sql: insert, params, ifNone: 'rollback' }];
  return [
    { sql: replace, params: [...params, replaces], ifNone: 'rollback' },
    ...[sql.deleteEvents, ...clear].map((sql) => ({ sql, params: keyParams(key) })),
  ];
}

const isArray = (events: EncodedEvents): events is readonly SqlParam[][] => Array.isArray(events);
