import { isWellFormed } from '../codec/well-formed.js';
import { invalidArgument, outOfRange } from '../errors.js';
import type { EventFilter, EventRecord, SessionFilter, SessionKey } from './records.js';

/** Checks of what callers give, each naming the argument. */

export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument(name, 'an object', value);
}

export function checkArray(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalidArgument(name, 'an array', value);
}

/** An id is kept exactly, so it must be one that UTF-8 can keep: otherwise two different ids could become one. */
export function checkId(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgument(name, 'a string', value);
  if (!isWellFormed(value)) throw outOfRange(name, 'well-formed text, without lone surrogates');
}

export function checkKey(key: SessionKey): void {
  checkObject('key', key);
  checkId('appName', key.appName);
  checkId('userId', key.userId);
  checkId('sessionId', key.sessionId);
}

export function checkEvent(event: EventRecord): void {
  checkObject('event', event);
  checkId('event.appName', event.appName);
  checkId('event.userId', event.userId);
  checkId('event.sessionId', event.sessionId);
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

export function checkSessionFilter(filter: SessionFilter): void {
  checkObject('filter', filter);
  checkId('appName', filter.appName);
  if (filter.userId !== undefined) checkId('userId', filter.userId);
  checkChoice('orderBy', filter.orderBy, ['updateTime', 'createTime']);
  checkChoice('order', filter.order, ['asc', 'desc']);
  checkCount('limit', filter.limit);
  checkCount('offset', filter.offset);
}

export function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value as string)) {
    throw outOfRange(name, choices.map((choice) => `'${choice}'`).join(' or '));
  }
}
