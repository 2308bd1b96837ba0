import { deserialize, serialize } from 'node:v8';
import { invalidArgument } from '../errors.js';

/** A value as it is stored. */
export type StoredItem = string | Uint8Array;

/**
 * Copies and encodes a value: as JSON where JSON gives it back, otherwise as a structured clone, which has bytes, NaN and
 * dates too. Properties that are `undefined` are left out, as JSON does. Throws for what structuredClone() refuses, without
 * a word of the value, which its own error would quote.
 */
export function encode(name: string, value: unknown): StoredItem {
  let copy: unknown;
  try {
    copy = structuredClone(value);
  } catch {
    throw invalidArgument(name, 'data that structuredClone() copies', value);
  }
  removeUndefined(copy, new Set());
  return isJson(copy, []) ? JSON.stringify(copy) : serialize(copy);
}

export function decode<T>(stored: StoredItem): T {
  return typeof stored === 'string' ? JSON.parse(stored) : deserialize(stored);
}

function removeUndefined(value: unknown, seen: Set<unknown>): void {
  if (!isPlain(value) || seen.has(value)) return;
  seen.add(value);
  for (const [key, property] of Object.entries(value)) {
    if (property === undefined && !Array.isArray(value)) delete value[key];
    else removeUndefined(property, seen);
  }
}

/** Whether JSON gives a clone back. `around`: the objects that hold it, to notice a cycle. */
function isJson(value: unknown, around: readonly unknown[]): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (!isPlain(value) || around.includes(value)) return false;
  // Array.from() shows the holes of an array as undefined.
  const parts = Array.isArray(value) ? Array.from(value) : Object.values(value);
  return parts.every((part) => isJson(part, [...around, value]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
