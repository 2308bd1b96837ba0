/**
 * Internals of the store for `aiosqlite/adk`: operations that resolve to rows and snapshots, from which a service makes its own
 * objects, once. Both builds of the adapter load this one copy. It is no entry point of the package.
 */
export { checkChoice, checkCount, checkEventFilter, checkId, checkKey, checkSessionFilter } from './arguments.js';
export { ARTIFACT_STORE_OPTIONS } from './artifacts/records.js';
export type { AppendCondition, Appended, Backend, Loaded, Snapshot } from './backend.js';
export { type EventRow, eventShape } from './codec/event-codec.js';
export { exportLine } from './copy/line.js';
export { unstorableRows } from './copy/unstorable.js';
export { sessionNotFound } from './errors.js';
export { loadEventPage } from './history/operations.js';
export { withoutRewound } from './history/rewound.js';
export { loadVisible, visible } from './history/visible.js';
export { readable } from './import/input/read-only.js';
export * from './index.js';
export { recordOfEvent, rewindBeforeOf } from './memory/events.js';
export { MEMORY_STORE_OPTIONS } from './memory/records.js';
export { SESSION_STORE_OPTIONS } from './names.js';
export type { PgPool } from './postgres/client.js';
export { POSTGRES_STORE_OPTIONS, type PostgresSessionStoreOptions } from './postgres/layout.js';
export { PostgresSessionStore } from './postgres/store.js';
export { nameOf, PreparedAppend, prepareSession } from './prepare.js';
export { SqliteBackend } from './sqlite/backend.js';
export { ownerOf } from './sqlite/foreign-tables.js';
