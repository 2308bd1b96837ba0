import { isWellFormed } from '../codec/well-formed.js';
import { invalidArgument, outOfRange } from '../errors.js';

/** Checks a name of a row. SQLite holds texts as UTF-8, in which all lone surrogates would become one character. */
export function checkRowName(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgument(name, 'a string', value);
  if (value === '' || !isWellFormed(value)) throw outOfRange(name, 'a string, not empty, without lone surrogates');
}
