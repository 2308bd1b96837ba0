import type { NamesOf } from '../arguments.js';
import { AiosqliteError, invalidArgument } from '../errors.js';
import type { CallOptions, Params, Query, RowOptions } from '../executor.js';
import * as packet from '../wire/packet.js';
import { readOptions } from '../wire/port.js';
import { IfNone, RowMode, Setting } from '../wire/protocol.js';

export interface Call<Options> {
  sql: string;
  params: Params | undefined;
  options: Options | undefined;
}

/** The two ways to call a verb: (sql, params, options) and (query, options). */
export function callOf<Options extends CallOptions>(
  sql: string | Query,
  params: object | undefined,
  options: Options | undefined,
  known: NamesOf<Options>,
): Call<Options> {
  if (typeof sql === 'string') {
    if (options === undefined) checkNoOptions(sql, params, known);
    return { sql, params: params as Params | undefined, options: readOptions(options, known) };
  }
  const text = sql?.sql; // read once: it may be a getter
  if (typeof text !== 'string') throw invalidArgument('sql', 'a string or a Query', sql);
  return { sql: text, params: sql.params, options: readOptions(params as Options | undefined, known) };
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

/** Column names as one text, U+0000 between them; undefined for none. Those that can't change are looked at once. */
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

export function rowModeOf(options: RowOptions | undefined): RowMode {
  return isArrayMode(options) ? RowMode.array : RowMode.object;
}

export function packQuery(
  sql: string,
  params: Params | undefined,
  mode: RowMode,
  wantsColumns: boolean,
  jsonColumns: readonly string[] | undefined,
): void {
  const ticket = packet.begin();
  addQuery(sql, params, mode, wantsColumns, IfNone.continue, jsonColumns, 'params');
  packet.checkWhole(ticket);
}

/** A Query as the worker reads it (binding/engine/job.h). */
export function addQuery(
  sql: string,
  params: Params | undefined,
  mode: RowMode,
  wantsColumns: boolean,
  ifNone: IfNone,
  jsonColumns: readonly string[] | undefined,
  paramsName: string,
): void {
  packet.addSql(sql);
  const settings = mode | (wantsColumns ? Setting.wantsColumns : 0) | (ifNone << Setting.ifNoneAt);
  if (jsonColumns === undefined) {
    packet.addNumber(settings);
  } else {
    const names = namesOf(jsonColumns);
    packet.addNumber(settings | (names === undefined ? 0 : Setting.hasJsonColumns));
    if (names !== undefined) packet.addShared(names);
  }
  packet.addParams(params, paramsName);
}
