import type { SqlParam } from '../index.js';
import { RANGE } from './constants.js';
import { sqlite3Error } from './errors.js';

/** The parameters of a statement: their number, and the places of those with a name. */
interface Parameters {
  count: number;
  places: Map<string, number>;
}

/** A parameter, or something that hides one: a string, a quoted name or a comment. */
const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(?<![\w$\u0080-\uffff])[$@:][\w$\u0080-\uffff]+(?:::[\w$\u0080-\uffff]+)*(?:\([^)\s]*\))?|\?\d*/g;

/** Numbers parameters as SQLite does (sqlite.org/lang_expr.html#varparam). */
function parametersOf(sql: string): Parameters {
  const places = new Map<string, number>();
  let count = 0;
  for (const [token] of sql.matchAll(TOKEN)) {
    if (token === '?') count++;
    else if (token.startsWith('?')) count = Math.max(count, Number(token.slice(1)));
    else if (/^[$@:]/.test(token) && !places.has(token)) places.set(token, ++count);
    if (token.startsWith('?')) places.set(token === '?' ? `?${count}` : token, Number(token.slice(1) || count));
  }
  return { count, places };
}

const known = new Map<string, Parameters>();
const MOST_KNOWN = 256;

function cachedParametersOf(sql: string): Parameters {
  let parameters = known.get(sql);
  if (parameters === undefined) {
    if (known.size >= MOST_KNOWN) known.clear();
    parameters = parametersOf(sql);
    known.set(sql, parameters);
  }
  return parameters;
}

/** The arguments of a call before its callbacks: one array, one object by name or number, or the values themselves. */
export type Given = readonly unknown[];

/** Whether there are values: an empty array or object has none. */
export function hasValues([first, ...more]: Given): boolean {
  if (more.length > 0) return true;
  if (!Array.isArray(first) && !isPlain(first)) return first !== undefined;
  for (const _ in first) return true;
  return false;
}

/** Values for every parameter of a statement: those without a value are NULL. Throws `SQLITE_RANGE` for one too many. */
export function bind(sql: string, given: Given): SqlParam[] {
  const { count, places } = cachedParametersOf(sql);
  const values = new Array<SqlParam>(count).fill(null);
  const set = (place: number, value: unknown) => {
    if (value === undefined) return; // NULL, and no value at all where the statement has no such parameter
    if (!(place >= 1 && place <= count)) throw sqlite3Error('SQLITE_RANGE', RANGE, 'column index out of range');
    values[place - 1] = toParam(value);
  };
  const [first] = given;
  if (isPlain(first)) {
    // Inherited ones, too, as there.
    for (const name in first) set(places.get(name) ?? Number(name), first[name]);
  } else {
    for (const [i, value] of (Array.isArray(first) ? first : given).entries()) set(i + 1, value);
  }
  return values;
}

/** An object of values, not itself a value. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !(value instanceof Date || value instanceof RegExp || ArrayBuffer.isView(value));
}

function toParam(value: unknown): SqlParam {
  if (value instanceof Date) return value.getTime();
  if (value instanceof RegExp) return String(value);
  return value as SqlParam; // the driver refuses any other object
}
