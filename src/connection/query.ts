import { checkNames, type NamesOf } from '../arguments.js';
import { AiosqliteError, invalidArgument } from '../errors.js';
import type { CallOptions, Params, Query, RowOptions } from '../executor.js';
import type { Call } from '../wire/call.js';
import { type Limits, limitsOf, NO_LIMITS } from '../wire/limits.js';
import { RowMode, Setting } from '../wire/protocol.js';

/** One statement, as a verb was called with it. */
export interface Statement<Options> {
  readonly sql: string;
  readonly params: Params | undefined;
  readonly options: Options | undefined;
  readonly limits: Limits;
}

/** Reads the two forms of a verb's arguments: (sql, params, options) and (query, options). */
export function statementOf<Options extends CallOptions>(
  sql: string | Query,
  params: object | undefined,
  options: Options | undefined,
  known: NamesOf<Options>,
): Statement<Options> {
  if (typeof sql === 'string') {
    if (options === undefined) checkNoOptions(sql, params, known);
    return { sql, params: params as Params | undefined, options, limits: limitsFrom(options, known) };
  }
  const text = sql?.sql;
  if (typeof text !== 'string') throw invalidArgument('sql', 'a string or a Query', sql);
  const own = params as Options | undefined;
  return { sql: text, params: sql.params, options: own, limits: limitsFrom(own, known) };
}

/** Checks the names of a call's options, and returns its limits. */
export function limitsFrom<Options extends CallOptions>(options: Options | undefined, known: NamesOf<Options>): Limits {
  if (options === undefined) return NO_LIMITS;
  checkNames('options', options, known);
  return limitsOf(options);
}

/** Throws for options in the place of params, unless the statement has a parameter of that name. */
function checkNoOptions(sql: string, params: unknown, known: object): void {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return;
  for (const name in known) {
    if (!Object.hasOwn(params, name) || sql.includes(name)) continue;
    throw new AiosqliteError('ERR_PARAMETERS', `params.${name} is an option: options are the third argument`);
  }
}

const frozenNames = new WeakMap<readonly string[], string>();

/** Column names as one text, U+0000 between them; undefined for none. Frozen lists are checked once. */
function namesOf(columns: readonly string[]): string | undefined {
  const known = frozenNames.get(columns);
  if (known !== undefined) return known;
  const isRight = Array.isArray(columns) && columns.every((column) => typeof column === 'string');
  if (!isRight) throw invalidArgument('jsonColumns', 'an array of column names', columns);
  if (columns.length === 0) return undefined;
  const names = columns.join('\0');
  if (Object.isFrozen(columns)) frozenNames.set(columns, names);
  return names;
}

export function isArrayMode(options: RowOptions | undefined): boolean {
  const mode = options?.rowMode;
  if (mode === undefined || mode === 'object') return false;
  if (mode === 'array') return true;
  throw invalidArgument('options.rowMode', "'object' or 'array'", mode);
}

export function rowModeOf(arrays: boolean): RowMode {
  return arrays ? RowMode.array : RowMode.object;
}

/**
 * Adds a Query as the worker reads it (binding/engine/job.h). `settings`: RowMode and bits of Setting. `name` and `index`
 * name its params in errors.
 */
export function addQuery(
  call: Call,
  sql: string,
  params: Params | undefined,
  settings: number,
  jsonColumns: readonly string[] | undefined,
  name = 'params',
  index = 0,
): Call {
  const names = jsonColumns === undefined ? undefined : namesOf(jsonColumns);
  call.sql(sql).number(names === undefined ? settings : settings | Setting.hasJsonColumns);
  if (names !== undefined) call.sharedText(names);
  return call.params(params, name, index);
}
