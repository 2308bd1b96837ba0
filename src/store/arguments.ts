import { checkNames, checkObject, checkString, type NamesOf } from '../arguments.js';
import { isWellFormed } from '../codec/well-formed.js';
import { invalidArgument, outOfRange } from '../errors.js';
import type { EventFilter, EventRecord, NewSession, SessionFilter, SessionKey, StateDeltas } from './records.js';

/** Checks of what callers give, each naming the argument. */

const APP: NamesOf<{ appName: string }> = { appName: true };
const USER: NamesOf<{ appName: string; userId: string }> = { ...APP, userId: true };
/** An app and a user: the key of what they share. */
export const USER_KEY = USER;
export const SESSION_KEY: NamesOf<SessionKey> = { ...USER, sessionId: true };
export const COUNT_FILTER: NamesOf<Pick<SessionFilter, 'appName' | 'userId'>> = USER;
export const SESSION_FILTER: NamesOf<SessionFilter> = {
  ...USER,
  title: true,
  orderBy: true,
  order: true,
  limit: true,
  offset: true,
};
const SEQUEL_FILTER: NamesOf<Pick<EventFilter, 'after' | 'afterSeq'>> = { after: true, afterSeq: true };
const EVENT_FILTER: NamesOf<EventFilter> = { ...SEQUEL_FILTER, limit: true, last: true };
export const USERS_FILTER: NamesOf<{ appName: string; limit?: number; after?: string }> = {
  ...APP,
  limit: true,
  after: true,
};
export const IDLE_FILTER: NamesOf<{ idleSince: number; appName?: string }> = { ...APP, idleSince: true };
export const OLD_FILTER: NamesOf<{ before: number; appName?: string }> = { ...APP, before: true };
export const NEW_SESSION: NamesOf<NewSession> = {
  ...USER,
  sessionId: true,
  state: true,
  createTime: true,
  ownerId: true,
  app: true,
  user: true,
  ifExists: true,
};
export const STATE_DELTAS: NamesOf<StateDeltas> = { session: true, app: true, user: true };
export const APPEND_OPTIONS: NamesOf<{ expectedRevision?: number }> = { expectedRevision: true };

/** An id is kept exactly, so it must be one that UTF-8 can keep: otherwise two different ids could become one. */
export function checkId(name: string, value: unknown): asserts value is string {
  checkString(name, value);
  if (!isWellFormed(value)) throw outOfRange(name, 'well-formed text, without lone surrogates');
}

/** `known`: the names that the key may have. */
export function checkKey(key: SessionKey, known: object = SESSION_KEY): void {
  checkNames<object>('key', key, known);
  checkId('appName', key.appName);
  checkId('userId', key.userId);
  checkId('sessionId', key.sessionId);
}

/** `isOfKnown`: the session's key has been checked. */
export function checkEvent(event: EventRecord, isOfKnown = false): void {
  checkObject('event', event);
  if (!isOfKnown) {
    checkId('event.appName', event.appName);
    checkId('event.userId', event.userId);
    checkId('event.sessionId', event.sessionId);
  }
  checkId('event.id', event.id);
  checkTime('event.timestamp', event.timestamp);
}

export function checkTime(name: string, value: unknown): void {
  if (typeof value !== 'number') throw invalidArgument(name, 'a number', value);
  if (!Number.isFinite(value)) throw outOfRange(name, 'finite');
}

/** A number of things: a whole one, 0 or more; `undefined` is fine too. */
export function checkCount(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'number') throw invalidArgument(name, 'a number', value);
  if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, 'a whole number, 0 or more');
}

export function checkEventFilter(filter: EventFilter): void {
  checkObject('filter', filter);
  if (filter.after !== undefined) checkTime('after', filter.after);
  checkCount('afterSeq', filter.afterSeq);
  checkCount('limit', filter.limit);
  checkCount('last', filter.last);
  if (filter.limit !== undefined && filter.last !== undefined) throw outOfRange('limit', 'absent where last is given');
}

type Sequel = Pick<EventFilter, 'after' | 'afterSeq'>;

/** Checks and copies the arguments of an iteration. Rejects if they are wrong. */
export async function takeSequel(key: SessionKey, filter: Sequel): Promise<{ key: SessionKey; filter: Sequel }> {
  checkKey(key);
  checkNames('filter', filter, SEQUEL_FILTER);
  checkEventFilter(filter);
  return { key: { ...key }, filter: { ...filter } };
}

export function checkEvents(key: SessionKey, filter: EventFilter | undefined): void {
  if (filter !== undefined) checkNames('filter', filter, EVENT_FILTER);
  checkKey(key);
  if (filter !== undefined) checkEventFilter(filter);
}

/** `time`: the name of the time that a retention method takes. */
export function checkRetention<Time extends string>(
  time: Time,
  filter: { [name in Time]: number } & { appName?: string },
  known: object,
): void {
  checkNames<object>('filter', filter, known);
  checkTime(time, filter[time]);
  if (filter.appName !== undefined) checkId('appName', filter.appName);
}

export function checkSessionFilter(filter: SessionFilter): void {
  checkObject('filter', filter);
  checkId('appName', filter.appName);
  if (filter.userId !== undefined) checkId('userId', filter.userId);
  if (filter.title !== undefined) checkId('title', filter.title);
  checkChoice('orderBy', filter.orderBy, ['updateTime', 'createTime']);
  checkChoice('order', filter.order, ['asc', 'desc']);
  checkCount('limit', filter.limit);
  checkCount('offset', filter.offset);
}

/** Whether a store refuses files of other ADK programs. */
export function refusesForeign(options: { foreignTables?: 'refuse' | 'beside' }): boolean {
  checkChoice('options.foreignTables', options.foreignTables, ['refuse', 'beside']);
  return options.foreignTables !== 'beside';
}

export function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value as string)) {
    throw outOfRange(name, choices.map((choice) => `'${choice}'`).join(' or '));
  }
}
