import { checkString } from '../arguments.js';
import { isWellFormed } from '../codec/well-formed.js';
import { outOfRange } from '../errors.js';

/** Checks a name of a row. SQLite holds texts as UTF-8, in which all lone surrogates would become one character. */
export function checkRowName(name: string, value: unknown): asserts value is string {
  checkString(name, value);
  if (value === '' || !isWellFormed(value)) throw outOfRange(name, 'a string, not empty, without lone surrogates');
}
