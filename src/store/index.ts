/** @internal The parts that `aiosqlite/adk` builds on: jobs with rows, of which a service makes its own objects, once. */
export { invalidArgument, outOfRange } from '../errors.js';
/** @internal */
export { checkArray, checkChoice, checkCount, checkId, checkObject } from './arguments.js';
export { ArtifactStore, type SaveOptions, type VersionOptions } from './artifacts/artifact-store.js';
export type { ArtifactInfo, ArtifactKey, ArtifactStoreOptions } from './artifacts/records.js';
/** @internal */
export { ARTIFACT_STORE_OPTIONS } from './artifacts/records.js';
export type { Swept } from './artifacts/sweep.js';
export { StoreError, type StoreErrorCode } from './errors.js';
/** @internal */
export { decodeEvent, decodeExtra, type EventRow, hasExtra } from './event-codec.js';
export type { Backfilled, BackfillOptions } from './memory/backfill.js';
/** @internal */
export { recordOfEvent, rewindBeforeOf } from './memory/events.js';
export { MemoryStore } from './memory/memory-store.js';
export type { MemoryFilter, MemoryQuery, MemoryRecord, MemoryStoreOptions } from './memory/records.js';
/** @internal */
export { MEMORY_STORE_OPTIONS } from './memory/records.js';
/** @internal */
export { withoutRewound } from './memory/rewound.js';
export type { SessionStoreOptions } from './names.js';
/** @internal */
export { SESSION_STORE_OPTIONS } from './names.js';
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
} from './records.js';
/** @internal */
export { decodeSnapshot, type Snapshot } from './session-codec.js';
export { type Database, SessionStore } from './session-store.js';
/** @internal */
export {
  type Appended,
  concludeAppend,
  type Missed,
  type PreparedAppend,
  prepareAppend,
  retryAppend,
  startAppend,
  type Terms,
} from './sqlite/append.js';
/** @internal */
export type { Context } from './sqlite/context.js';
/** @internal */
export { createSession, deleteSession, type Loaded, loadAfterWrites, loadSession } from './sqlite/jobs.js';
/** @internal */
export { nameOf } from './sqlite/known-ids.js';
/** @internal */
export { listSessions } from './sqlite/listing.js';
/** @internal */
export { getAppState, getUserState } from './sqlite/shared-states.js';
/** @internal */
export { deleteUser } from './sqlite/users.js';
