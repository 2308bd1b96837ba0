import type { JsonObject } from '../records.js';
import { type Dialect, jsonParam } from './dialect.js';
import { serializeObject } from './serialize.js';

/** A state delta as SQL parameters: JSON objects with the keys to set and the keys to remove. */
export interface Delta {
  set: string;
  /** Null if the delta removes nothing. The values are meaningless. */
  remove: string | null;
}

/** Encodes a delta. Throws `'ADK_NOT_SERIALIZABLE'`. */
export function encodeDelta(dialect: Dialect, delta: JsonObject, name: string): Delta {
  const set = jsonParam(dialect, serializeObject(delta, name));
  const removed = removedKeys(delta);
  if (removed === undefined) return { set, remove: null };
  const remove = JSON.stringify(Object.fromEntries(removed.map((key) => [key, null])));
  return { set, remove: jsonParam(dialect, remove) };
}

/** Encodes a delta that may be absent; `undefined` if there is nothing to merge. */
export function encodeOptionalDelta(dialect: Dialect, delta: JsonObject | undefined, name: string): Delta | undefined {
  if (delta === undefined) return undefined;
  const encoded = encodeDelta(dialect, delta, name);
  return encoded.set === '{}' && encoded.remove === null ? undefined : encoded;
}

/**
 * Keys that a delta removes: those whose value has no JSON, which is `undefined`, a function or a symbol. `undefined` if
 * there are none.
 */
export function removedKeys(delta: JsonObject): string[] | undefined {
  let removed: string[] | undefined;
  for (const key of Object.keys(delta)) {
    if (hasJson(delta[key])) continue;
    removed ??= [];
    removed.push(key);
  }
  return removed;
}

function hasJson(value: unknown): boolean {
  switch (typeof value) {
    case 'undefined':
    case 'symbol':
      return false;
    case 'object':
      return value === null || !('toJSON' in value) || JSON.stringify(value) !== undefined;
    case 'function':
      return JSON.stringify(value) !== undefined;
    default:
      return true;
  }
}
