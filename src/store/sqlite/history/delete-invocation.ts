import type { BatchQuery } from '../../../executor.js';
import { serializeObject } from '../../codec/serialize.js';
import { renamings } from '../../history/markers.js';
import { keptChange } from '../../history/stored.js';
import type { SessionKey } from '../../records.js';
import { type Context, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { present } from '../other-stores.js';
import { readRetained, rename } from './fold.js';
import { inTransaction } from './in-transaction.js';
import { isMarked, readInvocation, readStored } from './read.js';
import { remember, revivedBy } from './remember.js';
import { forget } from './rewind.js';

/**
 * Deletes the events of an invocation; the changes that they made stay, each in its place. Resolves to their number.
 * `functionResponses`: of the memory that indexes again what a deleted marker had undone.
 */
export async function deleteInvocation(
  context: Context,
  key: SessionKey,
  invocationId: string,
  functionResponses = false,
): Promise<number> {
  return await inTransaction(context, async (within) => {
    const { sql } = within;
    const { sessionNumber, session } = await readStored(within, key);
    const events = [sessionNumber, invocationId];
    const changes = await readInvocation(within, key, invocationId);
    const all = (await isMarked(within, key, 0)) ? await readRetained(within.db, sql.fold, sessionNumber) : [];
    const retained = all.map((event) => ({ ...event, isDeleted: event.invocationId === invocationId }));
    const { memory } = await present(within);
    const markers = { sql: sql.history.markers.invocation, params: events };
    const revived = memory ? await revivedBy(within, key, markers) : undefined;
    if (memory) await forget(within, key, { sql: sql.history.forget.invocation, params: events });
    const [deleted] = await sendWrites(within, [{ sql: sql.history.deleteInvocation, params: events }]);
    await rename(within.db, sql.fold, renamings(retained));
    const count = deleted?.changes ?? 0;
    if (count === 0) return 0;
    const now = sqliteDialect.encodeTime(Date.now());
    const kept = changes.flatMap(({ seq, change }): BatchQuery[] => {
      if (!change) return [];
      const { seq: before, value, removed } = keptChange(seq, change);
      return [{ sql: sql.history.addChange, params: [sessionNumber, before, 'deleted', value, removed, null, now] }];
    });
    const state = [serializeObject(session.state, 'state'), now, sessionNumber];
    await sendWrites(within, [...kept, { sql: sql.history.setState, params: state }]);
    if (revived !== undefined) await remember(within, key, revived, functionResponses);
    return count;
  });
}
