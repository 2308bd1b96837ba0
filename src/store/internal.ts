/**
 * Internals of the store for `aiosqlite/adk`: operations that resolve to rows and snapshots, from which a service makes its own
 * objects, once. Both builds of the adapter load this one copy. It is no entry point of the package.
 */
export { invalidArgument, outOfRange } from '../errors.js';
export { checkArray, checkChoice, checkCount, checkId, checkObject } from './arguments.js';
export { ARTIFACT_STORE_OPTIONS } from './artifacts/records.js';
export { decodeEvent, decodeExtra, type EventRow, eventCodec, hasExtra } from './event-codec.js';
export * from './index.js';
export { recordOfEvent, rewindBeforeOf } from './memory/events.js';
export { MEMORY_STORE_OPTIONS } from './memory/records.js';
export { withoutRewound } from './memory/rewound.js';
export { SESSION_STORE_OPTIONS } from './names.js';
export { decodeSnapshot, type Snapshot } from './session-codec.js';
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
export type { Context } from './sqlite/context.js';
export { createSession, deleteSession, loadAfterWrites, loadSession } from './sqlite/jobs.js';
export { nameOf } from './sqlite/known-ids.js';
export { listSessions } from './sqlite/listing.js';
export { getAppState, getUserState } from './sqlite/shared-states.js';
export { deleteUser } from './sqlite/users.js';
