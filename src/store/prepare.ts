import { randomUUID } from 'node:crypto';
import { checkObject } from '../arguments.js';
import { outOfRange } from '../errors.js';
import type { SqlParam, SqlValue } from '../executor.js';
import { checkChoice, checkCount, checkEvent, checkKey, checkTime } from './arguments.js';
import type { AppendCondition, Appended, Backend, SharedScope } from './backend.js';
import { type Delta, encodeOptionalDelta } from './codec/deltas.js';
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
  const given = { appName, userId, sessionId: input.sessionId ?? '' };
  checkKey(given);
  const key = { ...given, sessionId: given.sessionId || randomUUID() };
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

const NO_CONDITION: AppendCondition = { kind: 'none' };

/**
 * An append: an event and its deltas as they were when the call was made, encoded once. Attempts follow one another. The end of
 * the last one goes through {@link appended} or {@link failed}, which a service overrides. They are methods, since very many
 * appends may wait: so none needs a promise or a closure for its end.
 */
export class PreparedAppend<Result = unknown> {
  readonly key: SessionKey;
  /** The key as one text, see {@link nameOf}. */
  readonly name: string;
  readonly id: string;
  /** Parameters of the insert. The first ones are null until the backend sets them for an attempt, the event's follow. */
  readonly params: SqlParam[];
  /** The event's time, as a parameter. */
  readonly updateTime: SqlParam;
  /** Deltas that have something to merge. */
  readonly session: Delta | undefined;
  readonly app: Delta | undefined;
  readonly user: Delta | undefined;
  /** Made by the backend, see `attach`, for its own `append`. */
  readonly attachment: unknown;
  /** Precondition of the write. A service that knows it only once its turn has come sets it then. */
  condition: AppendCondition = NO_CONDITION;

  /** Checks and encodes. `named`: the event's session, whose key has been checked, if the caller has its name already. */
  constructor(
    backend: Backend,
    event: EventRecord,
    deltas?: StateDeltas,
    named?: { readonly key: SessionKey; readonly name: string },
  ) {
    const { dialect, events } = backend;
    checkEvent(event, named !== undefined);
    if (deltas !== undefined) checkObject('deltas', deltas);
    this.session = encodeOptionalDelta(dialect, deltas?.session, 'deltas.session');
    this.updateTime = dialect.encodeTime(event.timestamp);
    const { appName, userId, sessionId } = event;
    this.key = named?.key ?? { appName, userId, sessionId };
    this.name = named?.name ?? nameOf(this.key);
    this.id = event.id;
    this.params = events.encode(event, deltas && appliedNote(event.actions, deltas.session));
    this.app = encodeOptionalDelta(dialect, deltas?.app, 'deltas.app');
    this.user = encodeOptionalDelta(dialect, deltas?.user, 'deltas.user');
    this.attachment = backend.attach?.(event, this.params);
  }

  /** It was stored. The call resolves to what this returns: the outcome itself, or what a service makes of it. */
  appended(outcome: Appended): Result | Promise<Result> {
    return outcome as Result;
  }

  /** It was not stored. The call rejects with the error. */
  failed(): void {}

  /** Ends with the outcome of an attempt, once that is there. `onEnd` is called before. */
  endWith(attempt: Promise<Appended>, onEnd?: () => void): Promise<Result> {
    return attempt.then(
      (outcome) => {
        onEnd?.();
        return this.appended(outcome);
      },
      (error) => {
        onEnd?.();
        this.failed();
        throw error;
      },
    );
  }
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

/** A user of an app. */
export type UserScope = Pick<SessionKey, 'appName' | 'userId'>;

/** Whether a name is that of a session of this user, or of the state that they share. */
export function isOfUser(name: string, user: UserScope): boolean {
  return name.startsWith(nameOf({ ...user, sessionId: '' })) || name === stateName(user);
}
