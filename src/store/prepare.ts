import { randomUUID } from 'node:crypto';
import { outOfRange } from '../errors.js';
import type { SqlParam, SqlValue } from '../executor.js';
import { checkChoice, checkCount, checkEvent, checkKey, checkObject, checkTime } from './arguments.js';
import type { AppendCondition, Backend, SharedScope } from './backend.js';
import { type Delta, encodeOptionalDelta } from './deltas.js';
import { appliedNote } from './history/outline.js';
import type { EventRecord, NewSession, SessionKey, StateDeltas } from './records.js';

/** A new session and its deltas as they were when the call was made. */
export interface PreparedSession {
  key: SessionKey;
  /** Parameters of the statement that creates it, without the owner. */
  params: SqlParam[];
  ownerId: SqlValue;
  app: Delta | undefined;
  user: Delta | undefined;
  ifExists: 'error' | 'return';
}

/** Checks and encodes at once: later changes to the caller's objects make no difference. */
export function prepareSession({ dialect, names, sessions }: Backend, input: NewSession): PreparedSession {
  checkObject('input', input);
  const { appName, userId, state = {}, createTime = Date.now(), ownerId, ifExists = 'error' } = input;
  const key = { appName, userId, sessionId: input.sessionId || randomUUID() };
  checkKey(key);
  checkTime('createTime', createTime);
  checkChoice('ifExists', ifExists, ['error', 'return']);
  if (ownerId !== undefined && !names.owner) throw outOfRange('ownerId', 'absent: the store has no ownerIdColumn');
  return {
    key,
    params: sessions.encode({ ...input, id: key.sessionId, state, createTime, updateTime: createTime }),
    ownerId: ownerId ?? null,
    app: encodeOptionalDelta(dialect, input.app, 'app'),
    user: encodeOptionalDelta(dialect, input.user, 'user'),
    ifExists,
  };
}

/** A session's key, and the key as one text: see {@link nameOf}. */
export interface NamedSession {
  readonly key: SessionKey;
  readonly name: string;
}

/** An event and its deltas as they were when the call was made, encoded once. Attempts follow one another. */
export interface PreparedAppend {
  key: SessionKey;
  /** The key as one text, see {@link nameOf}. */
  name: string;
  id: string;
  /** Parameters of the insert. The first ones are null until the backend sets them for an attempt, the event's follow. */
  params: SqlParam[];
  /** The event's time, as a parameter. */
  updateTime: SqlParam;
  /** Deltas that have something to merge. */
  session: Delta | undefined;
  app: Delta | undefined;
  user: Delta | undefined;
  /** Made by the backend, see `attach`, for its own `append`. */
  attachment: unknown;
}

/** Checks and encodes at once. `session`: its key, which has been checked, and its {@link nameOf name}, if the caller has both. */
export function prepareAppend(
  backend: Backend,
  event: EventRecord,
  deltas?: StateDeltas,
  session?: NamedSession,
): PreparedAppend {
  const { dialect, events } = backend;
  checkEvent(event, session !== undefined);
  if (deltas !== undefined) checkObject('deltas', deltas);
  const delta = encodeOptionalDelta(dialect, deltas?.session, 'deltas.session');
  const updateTime = dialect.encodeTime(event.timestamp);
  const { key, name } = session ?? named(event);
  const params = events.encode(event, deltas && appliedNote(event.actions, deltas.session));
  return {
    key,
    name,
    id: event.id,
    params,
    updateTime,
    session: delta,
    app: encodeOptionalDelta(dialect, deltas?.app, 'deltas.app'),
    user: encodeOptionalDelta(dialect, deltas?.user, 'deltas.user'),
    attachment: backend.attach?.(event, params),
  };
}

function named({ appName, userId, sessionId }: EventRecord): NamedSession {
  const key = { appName, userId, sessionId };
  return { key, name: nameOf(key) };
}

/** The condition of an append whose caller may expect a revision. */
export function conditionOf({ expectedRevision: revision }: { expectedRevision?: number }): AppendCondition {
  checkCount('options.expectedRevision', revision);
  if (revision === undefined) return { kind: 'none' };
  return { kind: 'revision', ifStale: 'reject', revision, sessionNumber: null, seq: 0 };
}

/** A session's key as the parameters of a statement. */
export function keyParams({ appName, userId, sessionId }: SessionKey): string[] {
  return [appName, userId, sessionId];
}

/** A session's key as one text; the lengths keep its parts apart. */
export function nameOf({ appName, userId, sessionId }: SessionKey): string {
  return `${appName.length}:${userId.length}:${appName}${userId}${sessionId}`;
}

/** Names of the shared states that a write merges. */
export function statesOf({
  key: { appName, userId },
  app,
  user,
}: Pick<PreparedAppend, 'key' | 'app' | 'user'>): string[] {
  const states: string[] = [];
  if (app !== undefined) states.push(stateName({ appName }));
  if (user !== undefined) states.push(stateName({ appName, userId }));
  return states;
}

/** A shared state as one text, which is no session's {@link nameOf name}. */
export function stateName({ appName, userId }: SharedScope): string {
  return userId === undefined ? `app:${appName}` : `user:${appName.length}:${appName}${userId}`;
}
