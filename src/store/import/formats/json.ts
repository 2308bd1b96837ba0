import { isJsonObject, type JsonObject } from '../../records.js';
import { parseExactly } from '../exact.js';

/** The value of a JSON text; `undefined` if it is none. */
export function parseJson(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

export function parseObject(text: unknown): JsonObject | undefined {
  const value = parseJson(text);
  return isJsonObject(value) ? value : undefined;
}
