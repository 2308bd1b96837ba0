import type { BatchQuery } from '../../../executor.js';
import type { EventOutline } from '../../history/timeline.js';
import type { SessionKey } from '../../records.js';
import { serializeObject } from '../../serialize.js';
import { type Context, sendErasure } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { present } from '../other-stores.js';
import { inTransaction } from './in-transaction.js';
import { readHistory, type StoredHistory } from './read.js';
import { forget } from './rewind.js';

/** Deletes the events of an invocation; the changes that they made stay, each in its place. Resolves to their number. */
export async function deleteInvocation(context: Context, key: SessionKey, invocationId: string): Promise<number> {
  return await inTransaction(context, async (within) => {
    const history = await readHistory(within, key);
    const events = history.events.filter((event) => event.invocationId === invocationId);
    if (events.length === 0) return 0;
    if ((await present(within)).memory) {
      await forget(
        within,
        key,
        events.map(({ id }) => id),
      );
    }
    await sendErasure(within, deleteEvents(within, history, events));
    return events.length;
  });
}

function deleteEvents(context: Context, history: StoredHistory, events: EventOutline[]): BatchQuery[] {
  const { sql } = context;
  const { sessionKey, session } = history;
  const now = sqliteDialect.encodeTime(Date.now());
  const kept = events.flatMap(({ seq, change }) => (change ? [{ seq, change }] : []));
  return [
    ...kept.map(({ seq, change: { set, removed } }): BatchQuery => {
      const json = JSON.stringify(Object.fromEntries(removed.map((name) => [name, null])));
      // Behind the seq before, so that it precedes all that followed the event.
      const params = [sessionKey, seq - 1, 'merge', serializeObject(set, 'state'), json, null, now];
      return { sql: sql.history.addChange, params };
    }),
    { sql: sql.history.deleteEvents, params: [sessionKey, events.map(({ seq }) => seq)] },
    { sql: sql.history.setState, params: [serializeObject(session.state, 'state'), now, sessionKey] },
  ];
}
