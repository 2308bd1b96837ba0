import {
  BATCH_OPTIONS,
  BATCH_QUERY,
  boolean,
  CALL_OPTIONS,
  checkNames,
  ITERATE_OPTIONS,
  integer,
  type NamesOf,
  ROW_OPTIONS,
} from '../arguments.js';
import { AiosqliteError, invalidArgument } from '../errors.js';
import {
  type BatchOptions,
  type BatchQuery,
  type CallOptions,
  type Executor,
  type IterateOptions,
  type Params,
  type Query,
  type QueryResult,
  type Row,
  type RowIterator,
  type RowOptions,
  type RunResult,
  type Transaction,
  type TransactionOptions,
  UNCOMMITTED,
} from '../executor.js';
import { type Outcome, resultOf } from '../wire/outcome.js';
import * as packet from '../wire/packet.js';
import { failureOf, readOptions } from '../wire/port.js';
import { IfNone, Request, RowMode, Setting } from '../wire/protocol.js';
import { decodeQueryResult, decodeRows, decodeRunResult, type IntegerMode } from '../wire/rows.js';
import { type Batch, BatchedRows, type Cursor } from './row-iterator.js';

/** More at a time live long enough for V8 to widen its young generation, by some 15 MB, and are not read faster. */
const BATCH_SIZE = 250;

/**
 * The verbs of {@link Executor}, once for all that run SQL. Each checks its arguments, writes the packet and leaves it to
 * {@link submit} where that goes; misuse throws here and so becomes a rejection with the caller's stack.
 */
export abstract class Verbs implements Executor {
  /** How integers are delivered. */
  protected abstract readonly integerMode: IntegerMode;

  /**
   * Sends the current packet. `sql` is what the call runs, for those who choose a connection by it: the text, or the
   * queries of a batch.
   */
  protected abstract submit(
    request: Request,
    sql: string | readonly Query[],
    options: CallOptions | undefined,
  ): Promise<Outcome>;

  abstract transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;

  /** @internal Opens a cursor on the current packet. `options` are those of every one of its calls. */
  protected abstract openCursor(sql: string, arrays: boolean, options: CallOptions | undefined): Cursor;

  run(sql: string, params?: Params, options?: CallOptions): Promise<RunResult>;
  run(query: Query, options?: CallOptions): Promise<RunResult>;
  async run(sql: string | Query, params?: Params | CallOptions, options?: CallOptions): Promise<RunResult> {
    const call = callOf(sql, params, options, CALL_OPTIONS);
    packQuery(call.sql, call.params, RowMode.none, false, undefined);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    return decodeRunResult(resultOf(succeeded(outcome, call.options)), this.integerMode);
  }

  get<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<T | undefined>;
  get<T = Row>(query: Query, options?: RowOptions): Promise<T | undefined>;
  async get<T = Row>(sql: string | Query, params?: Params | RowOptions, options?: RowOptions): Promise<T | undefined> {
    const call = callOf<RowOptions>(sql, params, options, ROW_OPTIONS);
    const mode = isArrayMode(call.options) ? RowMode.firstArray : RowMode.firstObject;
    packQuery(call.sql, call.params, mode, false, call.options?.jsonColumns);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    return decodeRows(resultOf(succeeded(outcome, call.options)), mode === RowMode.firstArray)[0] as T | undefined;
  }

  all<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<T[]>;
  all<T = Row>(query: Query, options?: RowOptions): Promise<T[]>;
  async all<T = Row>(sql: string | Query, params?: Params | RowOptions, options?: RowOptions): Promise<T[]> {
    const call = callOf<RowOptions>(sql, params, options, ROW_OPTIONS);
    const mode = rowModeOf(call.options);
    packQuery(call.sql, call.params, mode, false, call.options?.jsonColumns);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    return decodeRows(resultOf(succeeded(outcome, call.options)), mode === RowMode.array) as T[];
  }

  query<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<QueryResult<T>>;
  query<T = Row>(query: Query, options?: RowOptions): Promise<QueryResult<T>>;
  async query<T = Row>(
    sql: string | Query,
    params?: Params | RowOptions,
    options?: RowOptions,
  ): Promise<QueryResult<T>> {
    const call = callOf<RowOptions>(sql, params, options, ROW_OPTIONS);
    const mode = rowModeOf(call.options);
    packQuery(call.sql, call.params, mode, true, call.options?.jsonColumns);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    const result = resultOf(succeeded(outcome, call.options));
    return decodeQueryResult(result, this.integerMode, mode === RowMode.array) as QueryResult<T>;
  }

  iterate<T = Row>(sql: string, params?: Params, options?: IterateOptions): RowIterator<T>;
  iterate<T = Row>(query: Query, options?: IterateOptions): RowIterator<T>;
  iterate<T = Row>(sql: string | Query, params?: Params | IterateOptions, options?: IterateOptions): RowIterator<T> {
    try {
      const call = callOf<IterateOptions>(sql, params, options, ITERATE_OPTIONS);
      const mode = rowModeOf(call.options);
      const ticket = packet.begin();
      packet.addNumber(integer(call.options ?? {}, 'batchSize', BATCH_SIZE, 1, 1_000_000));
      addQuery(call.sql, call.params, mode, false, IfNone.continue, call.options?.jsonColumns, 'params');
      packet.checkWhole(ticket);
      return new BatchedRows<T>(this.openCursor(call.sql, mode === RowMode.array, call.options));
    } catch (error) {
      // Misuse rejects, with the first row that is asked for.
      const first = Promise.reject(error);
      const ended = Promise.resolve();
      return new BatchedRows<T>({ first, next: () => first, check() {}, close: async () => {}, ended, name: '' });
    }
  }

  async exec(script: string, options?: CallOptions): Promise<void> {
    if (typeof script !== 'string') throw invalidArgument('script', 'a string', script);
    if (Array.isArray(options)) {
      throw new AiosqliteError(
        'ERR_PARAMETERS',
        'a script has no parameters: use run(), or batch() for several statements',
      );
    }
    const own = readOptions(options, CALL_OPTIONS);
    packet.begin();
    packet.addSql(script);
    const outcome = await this.submit(Request.script, script, own);
    succeeded(outcome, own);
  }

  async executeMany(sql: string, rows: readonly Params[], options?: CallOptions): Promise<{ changes: number }> {
    if (typeof sql !== 'string') throw invalidArgument('sql', 'a string', sql);
    if (!Array.isArray(rows)) throw invalidArgument('rows', 'an array', rows);
    const own = readOptions(options, CALL_OPTIONS);
    const ticket = packet.begin();
    packet.addSql(sql);
    const count = packet.lengthOf(rows);
    packet.addNumber(count);
    for (let i = 0; i < count; i++) {
      const row = rows[i];
      if (row === undefined) throw invalidArgument(`rows[${i}]`, 'an array or an object', row);
      packet.addParams(row, `rows[${i}]`);
    }
    packet.checkWhole(ticket);
    const outcome = await this.submit(Request.many, sql, own);
    return { changes: resultOf(succeeded(outcome, own)).changes };
  }

  /** Not async itself: a call that waits should hold on to no more than it needs for its results. */
  batch(queries: readonly BatchQuery[], options?: BatchOptions): Promise<QueryResult[]> {
    try {
      const own = readOptions(options, BATCH_OPTIONS);
      const arrays = isArrayMode(own);
      boolean(own ?? {}, 'secureDelete', false);
      this.#packBatch(queries, arrays ? RowMode.array : RowMode.object, own?.columns !== false);
      return batchResults(this.submit(Request.batch, queries, own), own, this.integerMode, arrays);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #packBatch(queries: readonly BatchQuery[], mode: RowMode, wantsColumns: boolean): void {
    if (!Array.isArray(queries)) throw invalidArgument('queries', 'an array', queries);
    const ticket = packet.begin();
    const count = packet.lengthOf(queries);
    packet.addNumber(count);
    for (let i = 0; i < count; i++) {
      const query = queries[i] as BatchQuery;
      const sql = query?.sql;
      if (typeof sql !== 'string') throw invalidArgument(`queries[${i}]`, 'a Query', query);
      checkNames(`queries[${i}]`, query, BATCH_QUERY);
      const ifNone = query.ifNone ?? 'continue';
      if (!Object.hasOwn(IfNone, ifNone)) {
        throw invalidArgument(`queries[${i}].ifNone`, "'continue', 'stop' or 'rollback'", ifNone);
      }
      addQuery(sql, query.params, mode, wantsColumns, IfNone[ifNone], query.jsonColumns, `queries[${i}].params`);
    }
    packet.checkWhole(ticket);
  }
}

async function batchResults(
  pending: Promise<Outcome>,
  options: BatchOptions | undefined,
  integers: IntegerMode,
  arrays: boolean,
): Promise<QueryResult[]> {
  const { results: encoded, committed, groupSize } = succeeded(await pending, options);
  const results = encoded.map((result) => decodeQueryResult(result, integers, arrays) as QueryResult);
  if (!committed && groupSize === 0) markUncommitted(results);
  return results;
}

/** Not enumerable: results look the same wherever they come from. */
function markUncommitted(results: QueryResult[]): void {
  if (results.some(({ changes }) => changes > 0)) Object.defineProperty(results, UNCOMMITTED, { value: true });
}

/** Returns the outcome of a call that succeeded; throws the Error of one that failed. */
export function succeeded(outcome: Outcome, options: CallOptions | undefined): Outcome {
  if (outcome.failure !== undefined) throw failureOf(outcome.failure, options?.signal);
  return outcome;
}

/** Decodes a batch of a cursor's rows. */
export function batchOf(outcome: Outcome, arrays: boolean): Batch {
  return { rows: decodeRows(resultOf(outcome), arrays), done: outcome.done };
}

interface Call<Options> {
  sql: string;
  params: Params | undefined;
  options: Options | undefined;
}

/** The two ways to call a verb: (sql, params, options) and (query, options). */
function callOf<Options extends CallOptions>(
  sql: string | Query,
  params: Params | Options | undefined,
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

function isArrayMode(options: RowOptions | undefined): boolean {
  const mode = options?.rowMode;
  if (mode === undefined || mode === 'object') return false;
  if (mode === 'array') return true;
  throw invalidArgument('options.rowMode', "'object' or 'array'", mode);
}

function rowModeOf(options: RowOptions | undefined): RowMode {
  return isArrayMode(options) ? RowMode.array : RowMode.object;
}

function packQuery(
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
function addQuery(
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
