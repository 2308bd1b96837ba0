import {
  BATCH_OPTIONS,
  BATCH_QUERY,
  boolean,
  CALL_OPTIONS,
  checkNames,
  ITERATE_OPTIONS,
  integer,
  MANY_OPTIONS,
  optionalFunction,
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
import { Call, lengthOf } from '../wire/call.js';
import { type Limits, NO_LIMITS } from '../wire/limits.js';
import { orThrow } from '../wire/outcome/failure.js';
import { type EncodedResult, type Outcome, resultOf } from '../wire/outcome/outcome.js';
import { decodeQueryResult, decodeRows, decodeRunResult, type IntegerMode } from '../wire/outcome/rows.js';
import { IfNone, Policy, Request, RowMode, Setting } from '../wire/protocol.js';
import { addQuery, isArrayMode, limitsFrom, rowModeOf, type Statement, statementOf } from './query.js';
import { BatchedRows, type Cursor } from './row-iterator.js';
import { runSlices, Slices } from './slices.js';

/** More rows at a time outlive a collection, so V8 widens its young generation by some 15 MB; they are not read faster. */
const BATCH_SIZE = 250;

/**
 * The verbs of {@link Executor}, for every class that runs SQL. Each checks its arguments, writes a call and passes it to
 * {@link send}. Misuse throws here and so becomes a rejection with the caller's stack.
 */
export abstract class Verbs implements Executor {
  /** How integers are delivered. */
  protected abstract readonly integerMode: IntegerMode;

  protected abstract send(call: Call, limits: Limits): Promise<Outcome>;

  /** @internal Throws where a write would be refused, or would wait for the function that makes it. */
  abstract checkWrite(): void;

  abstract transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;

  /** @internal Opens a cursor with this call. `limits` are those of the whole iteration. */
  protected abstract openCursor(call: Call, arrays: boolean, limits: Limits): Cursor;

  async run(sql: string | Query, params?: object, options?: CallOptions): Promise<RunResult> {
    const statement = statementOf(sql, params, options, CALL_OPTIONS);
    const outcome = await this.#run(statement, RowMode.none);
    return decodeRunResult(resultOf(orThrow(outcome, statement.limits)), this.integerMode);
  }

  async get<T>(sql: string | Query, params?: object, options?: RowOptions): Promise<T | undefined> {
    const statement = statementOf(sql, params, options, ROW_OPTIONS);
    const arrays = isArrayMode(statement.options);
    const outcome = await this.#run(statement, arrays ? RowMode.firstArray : RowMode.firstObject);
    return decodeRows(resultOf(orThrow(outcome, statement.limits)), arrays)[0] as T | undefined;
  }

  async all<T>(sql: string | Query, params?: object, options?: RowOptions): Promise<T[]> {
    const statement = statementOf(sql, params, options, ROW_OPTIONS);
    const arrays = isArrayMode(statement.options);
    const outcome = await this.#run(statement, rowModeOf(arrays));
    return decodeRows(resultOf(orThrow(outcome, statement.limits)), arrays) as T[];
  }

  async query<T>(sql: string | Query, params?: object, options?: RowOptions): Promise<QueryResult<T>> {
    const statement = statementOf(sql, params, options, ROW_OPTIONS);
    const arrays = isArrayMode(statement.options);
    const outcome = await this.#run(statement, rowModeOf(arrays) | Setting.wantsColumns);
    const result = resultOf(orThrow(outcome, statement.limits));
    return decodeQueryResult(result, this.integerMode, arrays) as QueryResult<T>;
  }

  #run({ sql, params, options, limits }: Statement<RowOptions>, settings: number): Promise<Outcome> {
    const call = Call.of(Request.run);
    try {
      return this.send(addQuery(call, sql, params, settings, options?.jsonColumns), limits);
    } catch (error) {
      call.drop();
      throw error;
    }
  }

  iterate<T>(sql: string | Query, params?: object, options?: IterateOptions): RowIterator<T> {
    try {
      const statement = statementOf(sql, params, options, ITERATE_OPTIONS);
      const { options: own = {} } = statement;
      const arrays = isArrayMode(own);
      const call = Call.of(Request.openCursor).number(integer(own, 'batchSize', BATCH_SIZE, 1, 1_000_000));
      addQuery(call, statement.sql, statement.params, rowModeOf(arrays), own.jsonColumns);
      return new BatchedRows<T>(this.openCursor(call, arrays, statement.limits));
    } catch (error) {
      // Misuse rejects the first row that is asked for.
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
    const limits = limitsFrom(options, CALL_OPTIONS);
    orThrow(await this.send(Call.of(Request.script).sql(script), limits), limits);
  }

  async executeMany(sql: string, rows: object, options?: ManyOptions): Promise<{ changes: number }> {
    if (typeof sql !== 'string') throw invalidArgument('sql', 'a string', sql);
    const limits = limitsFrom(options, MANY_OPTIONS);
    const onProgress = optionalFunction<ManyOptions, 'onProgress'>(options ?? {}, 'onProgress');
    if (!Array.isArray(rows) || onProgress !== undefined) return this.#inSlices(sql, rows, limits, onProgress);
    return changesOf(await this.#many(sql, rows, 0, limits), limits);
  }

  /** `from`: the place of the first row among all of the call. */
  #many(sql: string, rows: readonly Params[], from: number, limits: Limits): Promise<Outcome> {
    const count = lengthOf(rows);
    const call = Call.of(Request.many);
    try {
      call.sql(sql).number(count);
      for (let i = 0; i < count; i++) {
        const row = rows[i];
        if (row === undefined) throw invalidArgument(`rows[${from + i}]`, 'an array or an object', row);
        call.params(row, 'rows[#]', from + i);
      }
      return this.send(call, limits);
    } catch (error) {
      call.drop();
      throw error;
    }
  }

  async #inSlices(
    sql: string,
    rows: object,
    limits: Limits,
    onProgress: ManyOptions['onProgress'],
  ): Promise<{ changes: number }> {
    if (!Slices.isIterable(rows)) throw invalidArgument('rows', 'an array or an iterable', rows);
    const slices = new Slices(rows);
    try {
      const first = slices.first();
      // A single slice is a call like that of an array.
      if (first !== undefined && slices.haveEnded && onProgress === undefined) {
        return changesOf(await this.#many(sql, first, 0, limits), limits);
      }
      const work = async (tx: Transaction) => {
        const run = async (slice: Params[], from: number) =>
          changesOf(await (tx as Transaction & Verbs).#many(sql, slice, from, NO_LIMITS), NO_LIMITS);
        return runSlices(slices, first, run, onProgress);
      };
      return await this.atomically(work, limits);
    } finally {
      await slices.close();
    }
  }

  /** Runs `work` in a transaction, which takes its locks with the first statement. */
  protected atomically<T>(work: (tx: Transaction) => Promise<T>, limits: Limits): Promise<T> {
    return this.transaction(work, { ...limits, mode: 'deferred' });
  }

  /** Not async itself: a call that waits should hold on to no more than it needs for its results. */
  batch<R>(queries: readonly BatchQuery[], options?: BatchOptions): Promise<R> {
    const call = Call.of(Request.batch);
    try {
      const limits = limitsFrom(options, BATCH_OPTIONS);
      const arrays = isArrayMode(options);
      const settings = rowModeOf(arrays) | (options?.columns === false ? 0 : Setting.wantsColumns);
      if (boolean(options ?? {}, 'secureDelete', false)) call.policy = Policy.secureDelete;
      addQueries(call, queries, settings);
      return batchResults(this.send(call, limits), limits, this.integerMode, arrays) as Promise<R>;
    } catch (error) {
      call.drop();
      return Promise.reject(error);
    }
  }
}

function addQueries(call: Call, queries: readonly BatchQuery[], settings: number): void {
  if (!Array.isArray(queries)) throw invalidArgument('queries', 'an array', queries);
  const count = lengthOf(queries);
  call.number(count);
  for (let i = 0; i < count; i++) {
    const query = queries[i] as BatchQuery;
    const sql = query?.sql;
    if (typeof sql !== 'string') throw invalidArgument(`queries[${i}]`, 'a Query', query);
    checkNames('queries[#]', query, BATCH_QUERY, i);
    const ifNone = query.ifNone ?? 'continue';
    if (!Object.hasOwn(IfNone, ifNone)) {
      throw invalidArgument(`queries[${i}].ifNone`, "'continue', 'stop' or 'rollback'", ifNone);
    }
    const all = settings | (IfNone[ifNone] << Setting.ifNoneAt);
    addQuery(call, sql, query.params, all, query.jsonColumns, 'queries[#].params', i);
  }
}

function batchResults(
  pending: Promise<Outcome>,
  limits: Limits,
  integers: IntegerMode,
  arrays: boolean,
): Promise<QueryResult[]> {
  // Very many calls may wait: those of the session store share one function.
  if (limits === NO_LIMITS && integers === 'mixed' && arrays) return pending.then(decodeArrays);
  return pending.then((outcome) => decodeBatch(outcome, limits, integers, arrays));
}

const decodeArrays = (outcome: Outcome) => decodeBatch(outcome, NO_LIMITS, 'mixed', true);

function decodeBatch(outcome: Outcome, limits: Limits, integers: IntegerMode, arrays: boolean): QueryResult[] {
  const { results: encoded, countsCommit, groupSize } = orThrow(outcome, limits);
  const results = new Array<QueryResult>(encoded.length);
  for (let i = 0; i < encoded.length; i++) {
    results[i] = decodeQueryResult(encoded[i] as EncodedResult, integers, arrays) as QueryResult;
  }
  if (!countsCommit && groupSize === 0) markUncommitted(results);
  return results;
}

/** Not enumerable: results look the same wherever they come from. */
function markUncommitted(results: QueryResult[]): void {
  if (results.some(({ changes }) => changes > 0)) Object.defineProperty(results, UNCOMMITTED, { value: true });
}

function changesOf(outcome: Outcome, limits: Limits): { changes: number } {
  return { changes: resultOf(orThrow(outcome, limits)).changes };
}
