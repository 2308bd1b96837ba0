import type { JsonObject } from '../records.js';

/** Makes a plain object. No literal, for the reason that constructorSource() gives. */
function NoActions(this: JsonObject) {
  this.stateDelta = {};
  this.artifactDelta = {};
  this.requestedAuthConfigs = {};
  this.requestedToolConfirmations = {};
}
NoActions.prototype = Object.prototype;
const Made = NoActions as unknown as new () => JsonObject;

/** The actions of most events: ADK makes these four, all empty. */
export const noActions = (): JsonObject => new Made();
const KEYS = Object.keys(noActions());

/** JSON of these actions. A row has 0 in its place, so that they are neither carried across nor parsed. */
export const NO_ACTIONS = JSON.stringify(noActions());

/** Whether JSON.stringify would make {@link NO_ACTIONS} of it. */
export function isNoActions(actions: unknown): boolean {
  if (!isPlain(actions)) return false;
  let count = 0;
  for (const key in actions) if (key !== KEYS[count++] || !isEmpty(actions[key])) return false;
  return count === KEYS.length;
}

function isEmpty(value: unknown): boolean {
  if (!isPlain(value)) return false;
  for (const _ in value) return false;
  return true;
}

function isPlain(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
