import { createPool, type Pool, type PoolOptions } from '../index.js';
import { checkObject, SessionStore, type SessionStoreOptions } from '../store/index.js';

/** What a service can be made from. */
export type SessionServiceSource = SessionStore | string | (PoolOptions & SessionStoreOptions);

/** The store, and the pool if one was opened for it. */
export function openStore(source: SessionServiceSource): { store: SessionStore; pool?: Pool } {
  if (source instanceof SessionStore) return { store: source };
  const options = typeof source === 'string' ? { database: source } : source;
  checkObject('source', options);
  const { sessionsTable, eventsTable, appStatesTable, userStatesTable, metadataTable, ownerIdColumn, ...poolOptions } =
    options as PoolOptions & SessionStoreOptions;
  const pool = createPool({ ...poolOptions, database: databaseOf(poolOptions.database) });
  const tables = { sessionsTable, eventsTable, appStatesTable, userStatesTable, metadataTable, ownerIdColumn };
  return { store: new SessionStore(pool, tables as SessionStoreOptions), pool };
}

/** Turns ADK's `sqlite://` form into what it means there: what follows is the path, or ':memory:'. */
function databaseOf(text: string | URL): string | URL {
  if (typeof text !== 'string') return text;
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  if (scheme === undefined || scheme === 'file') return text;
  if (scheme === 'sqlite' && rest) return rest;
  const error = new RangeError("source must be a path, ':memory:', a 'file:' URI or ADK's 'sqlite://' with a path");
  throw Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
}
