/** @internal The parts that `aiosqlite/adk` builds on: jobs with rows, of which a service makes its own objects, once. */
export { invalidArgument, outOfRange } from '../errors.js';
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
} from './append.js';
/** @internal */
export { checkArray, checkChoice, checkCount, checkId, checkObject } from './arguments.js';
export { ArtifactStore } from './artifacts/artifact-store.js';
export type { ArtifactInfo, ArtifactKey, ArtifactStoreOptions } from './artifacts/records.js';
export type { Swept } from './artifacts/sweep.js';
/** @internal */
export type { Context } from './context.js';
export { StoreError, type StoreErrorCode } from './errors.js';
/** @internal */
export { decodeEvent, decodeExtra, type EventRow, hasExtra } from './event-codec.js';
/** @internal */
export { createSession, deleteSession, type Loaded, loadAfterWrites, loadSession } from './jobs.js';
/** @internal */
export { nameOf } from './known-ids.js';
/** @internal */
export { listSessions } from './listing.js';
export type { SessionStoreOptions } from './names.js';
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
export { getAppState, getUserState } from './shared-states.js';
