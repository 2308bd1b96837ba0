import { membersOf } from '../../codec/json-parts.js';
import { isJsonObject } from '../records.js';

/** Texts with integers that a number may not hold, by the value that was read from them. */
const texts = new WeakMap<object, string>();

/** JSON.parse() that remembers the text of an object or array whose integers are beyond 2^53. */
export function parseExactly(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isJsonObject(value) && /\d{16}/.test(text)) texts.set(value, text);
  return value;
}

/** The text that a value was read from, where numbers have lost digits of it. */
export const exactText = (value: unknown): string | undefined => (isJsonObject(value) ? texts.get(value) : undefined);

/** JSON of some members of an object, as they are written in its text, in their order there. */
export function membersText(text: string, names: readonly string[]): string {
  const chosen = new Set(names);
  const members = [...membersOf(text)].filter(([name]) => chosen.has(name));
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
