import { isJsonObject, type JsonObject } from '../../records.js';
import { isDamagedText } from '../values/damaged-text.js';
import { parseExactly } from '../values/exact.js';

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

/** A state: a column without one holds nothing, an empty text or null. */
export const parseState = (text: unknown): JsonObject | undefined =>
  text === null || text === '' || text === 'null' ? {} : parseObject(text);

const STRINGS = /"(?:[^"\\]|\\.)*"/g;

/** Reason why a text is no JSON object. Python writes numbers that JSON has not. */
export function noObject(name: string, text: unknown): string {
  if (isDamagedText(text)) return `${name} is no valid UTF-8`;
  const hasNaN = typeof text === 'string' && /\b(?:NaN|Infinity)\b/.test(text.replace(STRINGS, ''));
  return hasNaN ? `${name} has NaN or Infinity, which JSON has not` : `${name} is no JSON object`;
}
