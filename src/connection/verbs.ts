import {
  BATCH_OPTIONS,
  BATCH_QUERY,
  boolean,
  CALL_OPTIONS,
  checkNames,
  ITERATE_OPTIONS,
  integer,
  MANY_OPTIONS,
  pick,
  ROW_OPTIONS,
} from '../arguments.js';
import { AiosqliteError, invalidArgument } from '../errors.js';
import {
  type BatchOptions,
  type BatchQuery,
  type CallOptions,
  type Executor,
  type IterateOptions,
  type ManyOptions,
  type Params,
  type Query,
  type QueryResult,
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
import { IfNone, Request, RowMode } from '../wire/protocol.js';
import { decodeQueryResult, decodeRows, decodeRunResult, type IntegerMode } from '../wire/rows.js';
import { addQuery, callOf, isArrayMode, packQuery, rowModeOf } from './query-packet.js';
import { type Batch, BatchedRows, type Cursor } from './row-iterator.js';
import { runSlices, Slices } from './slices.js';

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

  async run(sql: string | Query, params?: object, options?: CallOptions): Promise<RunResult> {
    const call = callOf(sql, params, options, CALL_OPTIONS);
    packQuery(call.sql, call.params, RowMode.none, false, undefined);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    return decodeRunResult(resultOf(succeeded(outcome, call.options)), this.integerMode);
  }

  async get<T>(sql: string | Query, params?: object, options?: RowOptions): Promise<T | undefined> {
    const call = callOf<RowOptions>(sql, params, options, ROW_OPTIONS);
    const mode = isArrayMode(call.options) ? RowMode.firstArray : RowMode.firstObject;
    packQuery(call.sql, call.params, mode, false, call.options?.jsonColumns);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    return decodeRows(resultOf(succeeded(outcome, call.options)), mode === RowMode.firstArray)[0] as T | undefined;
  }

  async all<T>(sql: string | Query, params?: object, options?: RowOptions): Promise<T[]> {
    const call = callOf<RowOptions>(sql, params, options, ROW_OPTIONS);
    const mode = rowModeOf(call.options);
    packQuery(call.sql, call.params, mode, false, call.options?.jsonColumns);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    return decodeRows(resultOf(succeeded(outcome, call.options)), mode === RowMode.array) as T[];
  }

  async query<T>(sql: string | Query, params?: object, options?: RowOptions): Promise<QueryResult<T>> {
    const call = callOf<RowOptions>(sql, params, options, ROW_OPTIONS);
    const mode = rowModeOf(call.options);
    packQuery(call.sql, call.params, mode, true, call.options?.jsonColumns);
    const outcome = await this.submit(Request.run, call.sql, call.options);
    const result = resultOf(succeeded(outcome, call.options));
    return decodeQueryResult(result, this.integerMode, mode === RowMode.array) as QueryResult<T>;
  }

  iterate<T>(sql: string | Query, params?: object, options?: IterateOptions): RowIterator<T> {
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

  async executeMany(sql: string, rows: object, options?: ManyOptions): Promise<{ changes: number }> {
    if (typeof sql !== 'string') throw invalidArgument('sql', 'a string', sql);
    const own = readOptions(options, MANY_OPTIONS);
    const onProgress = own?.onProgress;
    if (onProgress !== undefined && typeof onProgress !== 'function') {
      throw invalidArgument('options.onProgress', 'a function', onProgress);
    }
    if (!Array.isArray(rows) || onProgress !== undefined) return this.#inSlices(sql, rows, own, onProgress);
    return { changes: resultOf(succeeded(await this.#many(sql, rows, 0, own), own)).changes };
  }

  /** `from`: the place of the first row among all of the call. */
  #many(sql: string, rows: readonly Params[], from: number, options: CallOptions | undefined): Promise<Outcome> {
    const ticket = packet.begin();
    packet.addSql(sql);
    const count = packet.lengthOf(rows);
    packet.addNumber(count);
    for (let i = 0; i < count; i++) {
      const row = rows[i];
      if (row === undefined) throw invalidArgument(`rows[${from + i}]`, 'an array or an object', row);
      packet.addParams(row, `rows[${from + i}]`);
    }
    packet.checkWhole(ticket);
    return this.submit(Request.many, sql, options);
  }

  async #inSlices(
    sql: string,
    rows: object,
    options: CallOptions | undefined,
    onProgress: ManyOptions['onProgress'],
  ): Promise<{ changes: number }> {
    if (!Slices.isIterable(rows)) throw invalidArgument('rows', 'an array or an iterable', rows);
    const slices = new Slices(rows);
    try {
      const first = slices.first();
      // A single slice is a call like that of an array.
      if (first !== undefined && slices.haveEnded && onProgress === undefined) {
        return { changes: resultOf(succeeded(await this.#many(sql, first, 0, options), options)).changes };
      }
      const work = async (tx: Transaction) => {
        const run = async (slice: Params[], from: number) =>
          resultOf(succeeded(await (tx as Verbs).#many(sql, slice, from, undefined), undefined));
        return runSlices(slices, first, run, onProgress);
      };
      return await this.atomically(work, pick(options ?? {}, CALL_OPTIONS));
    } finally {
      await slices.close();
    }
  }

  /** Runs `work` in a transaction, which takes its locks with the first statement. */
  protected atomically<T>(work: (tx: Transaction) => Promise<T>, options: CallOptions): Promise<T> {
    return this.transaction(work, { ...options, mode: 'deferred' });
  }

  /** Not async itself: a call that waits should hold on to no more than it needs for its results. */
  batch<R>(queries: readonly BatchQuery[], options?: BatchOptions): Promise<R> {
    try {
      const own = readOptions(options, BATCH_OPTIONS);
      const arrays = isArrayMode(own);
      boolean(own ?? {}, 'secureDelete', false);
      this.#packBatch(queries, arrays ? RowMode.array : RowMode.object, own?.columns !== false);
      return batchResults(this.submit(Request.batch, queries, own), own, this.integerMode, arrays) as Promise<R>;
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
