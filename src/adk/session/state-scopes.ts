import { type Event, State, trimTempDeltaState } from '@google/adk';
import type { JsonObject, StateDeltas } from '../../store/internal.js';

/** A state or a delta as ADK has it, by scope, keys without the prefix; but `temp` keys, which are never stored, with it. */
export interface ScopedState extends StateDeltas {
  temp?: JsonObject;
}

const NO_STATE: ScopedState = {};

/** Splits by prefix. Objects without a prototype, so that a key `__proto__` is one like any other. */
export function splitState(state: JsonObject): ScopedState {
  const scoped: ScopedState = {};
  for (const key of Object.keys(state)) {
    if (key.startsWith(State.APP_PREFIX)) {
      scoped.app ??= Object.create(null) as JsonObject;
      scoped.app[key.slice(State.APP_PREFIX.length)] = state[key];
    } else if (key.startsWith(State.USER_PREFIX)) {
      scoped.user ??= Object.create(null) as JsonObject;
      scoped.user[key.slice(State.USER_PREFIX.length)] = state[key];
    } else if (key.startsWith(State.TEMP_PREFIX)) {
      scoped.temp ??= Object.create(null) as JsonObject;
      scoped.temp[key] = state[key];
    } else {
      scoped.session ??= Object.create(null) as JsonObject;
      scoped.session[key] = state[key];
    }
  }
  return scoped;
}

/**
 * Trims an event's delta as ADK does, and returns what it was: temp keys go, and the stamps of State.set() are carried over as
 * they are now.
 */
export function trimDelta(event: Event): ScopedState {
  const delta = event.actions?.stateDelta;
  if (!delta) return NO_STATE;
  for (const _ in delta) {
    trimTempDeltaState(event);
    return splitState(delta);
  }
  // Most events set no state. ADK's copy takes 180 bytes of a dictionary, and is no plain object.
  event.actions.stateDelta = {};
  return NO_STATE;
}

/**
 * The one state that a session object shows, of the three that are stored. Without a prototype, as ADK makes its own: `State.has`
 * asks with `in`, and `State.set('__proto__', …)` would give a plain object another prototype.
 */
export function joinStates(session: JsonObject, app: JsonObject, user: JsonObject): JsonObject {
  const merged = Object.create(null) as JsonObject;
  for (const key of Object.keys(session)) merged[key] = session[key];
  for (const key of Object.keys(app)) merged[State.APP_PREFIX + key] = app[key];
  for (const key of Object.keys(user)) merged[State.USER_PREFIX + key] = user[key];
  return merged;
}

/** Sets a key, `__proto__` too. */
export function define(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
