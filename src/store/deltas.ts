import type { JsonObject } from './records.js';
import { serializeObject } from './serialize.js';

/** A state delta ready for SQL: JSON objects with the keys to set and the keys to remove. */
export interface Delta {
  set: string;
  /** Null if the delta removes nothing. The values are meaningless. */
  remove: string | null;
}

/** Encodes a delta. Throws `'ADK_NOT_SERIALIZABLE'`. */
export function encodeDelta(delta: JsonObject, name: string): Delta {
  const set = serializeObject(delta, name);
  const removed = removedKeys(delta);
  const remove = removed === undefined ? null : JSON.stringify(Object.fromEntries(removed.map((key) => [key, null])));
  return { set, remove };
}

/** Encodes a delta that may be absent; `undefined` if there is nothing to merge. */
export function encodeOptionalDelta(delta: JsonObject | undefined, name: string): Delta | undefined {
  if (delta === undefined) return undefined;
  const encoded = encodeDelta(delta, name);
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
