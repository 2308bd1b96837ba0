export { StoreError, type StoreErrorCode } from '../errors.js';
export type {
  EventFilter,
  EventRecord,
  JsonObject,
  LoadedSession,
  NewSession,
  SessionFilter,
  SessionKey,
  SessionRecord,
  StateDeltas,
} from '../records.js';
export type { PgClient, PgPool } from './client.js';
export { PostgresError } from './errors.js';
export type { PostgresSessionStoreOptions } from './layout.js';
export { PostgresSessionStore } from './store.js';
