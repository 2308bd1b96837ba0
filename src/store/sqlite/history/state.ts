import type { BatchQuery } from '../../../executor.js';
import type { Delta } from '../../codec/deltas.js';
import { decodeSession, SESSION_JSON } from '../../codec/session-codec.js';
import { keyParams } from '../../prepare.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { type Context, explain, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';

/** Replaces the session state, given as JSON. Resolves to whether the session exists. */
export async function replaceState(context: Context, key: SessionKey, state: string): Promise<boolean> {
  const { history } = context.sql;
  const now = sqliteDialect.encodeTime(Date.now());
  const params = keyParams(key);
  const [replaced] = await sendWrites(context, [
    { sql: history.replaceState, params: [state, now, ...params], ifNone: 'stop' },
    { sql: history.keepUndoable, params: [1, ...params] },
    { sql: history.forgetReplaced, params },
    { sql: history.addReplacement, params: [state, now, ...params] },
  ]);
  return replaced?.rows.length === 1;
}

/** Merges a delta into the session state. Resolves to the session, `undefined` if there is none. */
export async function mergeState(
  context: Context,
  key: SessionKey,
  { set, remove }: Delta,
): Promise<SessionRecord | undefined> {
  const { history, session } = context.sql;
  const now = sqliteDialect.encodeTime(Date.now());
  const params = keyParams(key);
  const read: BatchQuery = { sql: session, params, jsonColumns: SESSION_JSON };
  try {
    const results = await sendWrites(context, [
      { sql: history.mergeState, params: [set, remove, now, ...params], ifNone: 'stop' },
      { sql: history.keepUndoable, params: [1, ...params] },
      { sql: history.addMerge, params: [now, ...params] },
      { sql: history.growMerge, params: [set, remove, ...params] },
      read,
    ]);
    const row = results[4]?.rows[0];
    return row && decodeSession(context, row);
  } catch (error) {
    throw await explain(context, error, [read]);
  }
}
