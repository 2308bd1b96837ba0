import type { CreateSessionRequest, Event, Session } from '@google/adk';
import { checkArray, checkObject } from '../arguments.js';
import { invalidArgument } from '../errors.js';
import { checkId, type SessionKey } from '../store/internal.js';
import { splitState } from './session/state-scopes.js';

/** The session's key in a request of ADK, which may have further fields. */
export const keyOf = ({ appName, userId, sessionId }: SessionKey): SessionKey => ({ appName, userId, sessionId });

/** The session that a request describes, its state split by scope. */
export function newSessionOf(request: CreateSessionRequest) {
  checkObject('request', request);
  const { appName, userId, sessionId = '', state = {} } = request;
  checkObject('state', state);
  const { session = {}, app = {}, user = {} } = splitState(state);
  return { appName, userId, sessionId, state: session, app, user };
}

/** The key of a session object. */
export function checkSessionKey(session: Session): void {
  checkId('session.appName', session.appName);
  checkId('session.userId', session.userId);
  checkId('session.id', session.id);
}

/** Before anything is written: session and event must be such that ADK can change them afterwards. */
export function checkAppend(session: Session, event: Event): void {
  checkObject('session.state', session.state);
  checkArray('session.events', session.events);
  checkExtensible('session.state', session.state);
  checkExtensible('session.events', session.events);
  checkObject('event', event);
  const delta = event.actions?.stateDelta;
  if (delta) checkObject('event.actions.stateDelta', delta);
}

function checkExtensible(name: string, value: object): void {
  if (!Object.isExtensible(value)) throw invalidArgument(name, 'extensible, since it is changed in place', value);
}
