import type { Connection, Pool } from 'aiosqlite';
import { type EventRecord, type SessionKey, SessionStore, type SessionStoreOptions } from 'aiosqlite/store';
import { describe, test } from 'vitest';

export const key: SessionKey = { appName: 'app', userId: 'ada', sessionId: 's1' };

let time = 1_700_000_000_000;

/** An event of the session `key`, unless told otherwise; each a millisecond after the one before. */
export function event(id: string, fields: Partial<EventRecord> = {}): EventRecord {
  time += 1;
  return { id, ...key, invocationId: 'i1', author: 'user', actions: { stateDelta: {} }, timestamp: time, ...fields };
}

/** A database that the suites of this folder run on, beside SQLite files: see postgres/suites.test.ts. */
export interface OtherDatabase {
  /** A store with its tables. */
  makeStore(options?: SessionStoreOptions): Promise<SessionStore>;
  /** A further store on the tables of the last one. */
  anotherStore(): SessionStore;
  /** Runs SQL on the tables of the last one. */
  all(sql: string): Promise<object[]>;
  /** Runs work on the store inside a transaction. */
  transaction(store: SessionStore, work: (inside: SessionStore) => Promise<void>): Promise<void>;
}

let other: OtherDatabase | undefined;

/** Makes the suites that are imported from now on run on another database. */
export function runOn(database: OtherDatabase): void {
  other = database;
}

/** `test` for what is about SQLite alone: on another database there is no such test. */
export const sqliteTest = (title: string, body: () => unknown): void => {
  if (other === undefined) test(title, body as () => Promise<void>);
};

/** `describe` for a group of such tests. */
export const sqliteDescribe = (title: string, body: () => void): void => {
  if (other === undefined) describe(title, body);
};

/** A store with its tables. */
export async function makeStore(db: Pool | Connection, options?: SessionStoreOptions): Promise<SessionStore> {
  if (other) return await other.makeStore(options);
  const store = new SessionStore(db, options);
  await store.createTables();
  return store;
}

/** A further store on the tables that {@link makeStore} has made. */
export const anotherStore = (db: Pool | Connection): SessionStore => other?.anotherStore() ?? new SessionStore(db);

/** Runs SQL that both databases know on the tables of the last store. */
export const all = (db: Pool | Connection, sql: string): Promise<object[]> => other?.all(sql) ?? db.all(sql);

/** Runs work on a store inside a transaction. */
export const within = (db: Pool, store: SessionStore, work: (inside: SessionStore) => Promise<void>): Promise<void> =>
  other?.transaction(store, work) ?? db.transaction((tx) => work(store.with(tx)));

/** Those of some ids that the database can hold. */
export const storable = (ids: string[]): string[] => (other ? ids.filter((id) => !id.includes('\0')) : ids);

export const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id);
