import type { BatchQuery } from '../../../executor.js';
import type { StateChange } from '../../history/timeline.js';
import { serializeObject } from '../../serialize.js';
import type { Context } from '../context.js';
import { sqliteDialect } from '../dialect.js';

/** Keeps the change of an event that is deleted, in its place. */
export function changeOf(context: Context, sessionKey: number, seq: number, { set, removed }: StateChange): BatchQuery {
  const json = JSON.stringify(Object.fromEntries(removed.map((name) => [name, null])));
  const now = sqliteDialect.encodeTime(Date.now());
  // Behind the seq before, so that it precedes all that followed the event.
  const params = [sessionKey, seq - 1, 'merge', serializeObject(set, 'state'), json, null, now];
  return { sql: context.sql.history.addChange, params };
}
