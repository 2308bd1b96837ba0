import type { Connection, Pool } from 'aiosqlite';
import { type EventRecord, type SessionKey, SessionStore, type SessionStoreOptions } from 'aiosqlite/store';

export const key: SessionKey = { appName: 'app', userId: 'ada', sessionId: 's1' };

let time = 1_700_000_000_000;

/** An event of the session `key`, unless told otherwise; each a millisecond after the one before. */
export function event(id: string, fields: Partial<EventRecord> = {}): EventRecord {
  time += 1;
  return { id, ...key, invocationId: 'i1', author: 'user', actions: { stateDelta: {} }, timestamp: time, ...fields };
}

/** A store with its tables. */
export async function makeStore(db: Pool | Connection, options?: SessionStoreOptions): Promise<SessionStore> {
  const store = new SessionStore(db, options);
  await store.createTables();
  return store;
}

export const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id);
