import { entityKind, fillPlaceholders, type Logger, NoopLogger, type Query } from 'drizzle-orm';
import type { BatchItem } from 'drizzle-orm/batch';
import { type Cache, NoopCache } from 'drizzle-orm/cache/core';
import type { WithCacheConfig } from 'drizzle-orm/cache/core/types';
import type { RelationalSchemaConfig, TablesRelationalConfig } from 'drizzle-orm/relations';
import type { PreparedQuery } from 'drizzle-orm/session';
import {
  type SelectedFieldsOrdered,
  type SQLiteAsyncDialect,
  type SQLiteExecuteMethod,
  SQLiteSession,
  SQLiteTransaction,
  type SQLiteTransactionConfig,
} from 'drizzle-orm/sqlite-core';
import { type AsyncRemoteCallback, RemotePreparedQuery } from 'drizzle-orm/sqlite-proxy';
import type { Executor, Params, QueryResult, Row, RunResult, SqlValue, Transaction } from '../index.js';

/** Configuration that all sessions of one database share. */
export interface SessionConfig<TSchema extends TablesRelationalConfig> {
  readonly dialect: SQLiteAsyncDialect;
  readonly schema: RelationalSchemaConfig<TSchema> | undefined;
  readonly logger?: Logger | undefined;
  readonly cache?: Cache | undefined;
}

/** Tables that a query reads or writes, for the cache. */
interface Touched {
  type: 'select' | 'update' | 'delete' | 'insert';
  tables: string[];
}

/** Drizzle declares these for itself alone. */
interface Preparable {
  _prepare(): PreparedQuery;
}
type Method = SQLiteExecuteMethod | 'values';

/** One statement's result inside a batch: rows are arrays. */
type BatchResult = QueryResult<SqlValue[]>;

/** A transaction of Drizzle's. `$client` is the one below, for what else is to happen in it. */
export class AiosqliteTransaction<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends SQLiteTransaction<'async', RunResult, TFullSchema, TSchema> {
  /** Name of the class for Drizzle's `is()`. */
  static override readonly [entityKind]: string = 'AiosqliteTransaction';
  /** The transaction below. */
  readonly $client: Transaction;
  readonly #session: AiosqliteSession<TFullSchema, TSchema>;

  constructor(
    client: Transaction,
    session: AiosqliteSession<TFullSchema, TSchema>,
    { dialect, schema }: SessionConfig<TSchema>,
  ) {
    super('async', dialect, session, schema);
    this.$client = client;
    this.#session = session;
  }

  /** A savepoint. */
  override transaction<T>(
    fn: (tx: AiosqliteTransaction<TFullSchema, TSchema>) => Promise<T>,
    config?: SQLiteTransactionConfig,
  ): Promise<T> {
    return this.#session.transaction(fn, config);
  }
}

/**
 * Runs what Drizzle builds on an executor. The prepared queries are those of Drizzle's own SQLite proxy, which turn rows
 * into objects, log, and ask the cache; here they end in the verbs instead of a wire.
 */
export class AiosqliteSession<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends SQLiteSession<'async', RunResult, TFullSchema, TSchema> {
  static override readonly [entityKind]: string = 'AiosqliteSession';
  readonly #executor: Executor;
  readonly #config: SessionConfig<TSchema>;
  readonly #logger: Logger;
  readonly #cache: Cache;
  readonly #touched = new WeakMap<PreparedQuery, Touched>();

  constructor(executor: Executor, config: SessionConfig<TSchema>) {
    super(config.dialect);
    this.#executor = executor;
    this.#config = config;
    this.#logger = config.logger ?? new NoopLogger();
    this.#cache = config.cache ?? new NoopCache();
  }

  override prepareQuery(
    query: Query,
    fields: SelectedFieldsOrdered | undefined,
    executeMethod: SQLiteExecuteMethod,
    isResponseInArrayMode: boolean,
    customResultMapper?: (rows: unknown[][]) => unknown,
    touched?: Touched,
    cacheConfig?: WithCacheConfig,
  ) {
    // Without either, the SQL was written by hand and no mapper reads columns by position.
    const isRaw = fields === undefined && customResultMapper === undefined;
    const prepared = new RemotePreparedQuery(
      this.#callback(isRaw),
      query,
      this.#logger,
      this.#cache,
      touched,
      cacheConfig,
      fields,
      executeMethod,
      isResponseInArrayMode,
      customResultMapper,
    );
    if (touched !== undefined) this.#touched.set(prepared, touched);
    return prepared;
  }

  /** How a prepared query runs. */
  #callback(isRaw: boolean): AsyncRemoteCallback {
    return async (sql: string, params: unknown[], method: Method) => {
      const rowMode = isRaw && method !== 'values' ? 'object' : 'array';
      const values = params as Params;
      // The user gets the result of 'run' as it is, and 'get' has one row; the types of the proxy express neither.
      if (method === 'run') return (await this.#executor.run(sql, values)) as never;
      if (method === 'get') return { rows: (await this.#executor.get(sql, values, { rowMode })) as never };
      return { rows: await this.#executor.all(sql, values, { rowMode }) };
    };
  }

  /** All of them in one hop and one transaction, all or nothing. */
  async batch(queries: readonly BatchItem<'sqlite'>[]): Promise<unknown[]> {
    const prepared = queries.map((query) => (query as unknown as Preparable)._prepare());
    const built = prepared.map((query) => {
      const { sql, params, method } = query.getQuery() as Query & { method: Method };
      return { query: { sql, params: fillPlaceholders(params, {}) as Params }, method };
    });
    for (const { query } of built) this.#logger.logQuery(query.sql, query.params as unknown[]);
    const sent = built.map(({ query }) => query);
    const results = (await this.#executor.batch(sent, {
      rowMode: 'array',
    })) as QueryResult<unknown>[] as BatchResult[];

    const written = prepared.flatMap((query) => {
      const touched = this.#touched.get(query);
      return touched === undefined || touched.type === 'select' ? [] : touched.tables;
    });
    if (written.length > 0) await this.#cache.onMutate({ tables: written });

    return prepared.map((query, i) => {
      const result = results[i] as BatchResult;
      return query.mapResult(batchResponse(result, (built[i] as { method: Method }).method), true);
    });
  }

  /** @internal Of a query that was written by hand, inside a batch. */
  extractRawAllValueFromBatchResult(result: BatchResult): Row[] {
    return result.rows.map((row) => objectOf(row, result.columns));
  }

  /** @internal */
  extractRawGetValueFromBatchResult({ rows: row, columns }: { rows?: SqlValue[]; columns: string[] }): Row | undefined {
    return row && objectOf(row, columns);
  }

  /** @internal */
  extractRawValuesValueFromBatchResult(result: BatchResult): SqlValue[][] {
    return result.rows;
  }

  override transaction<T>(
    fn: (tx: AiosqliteTransaction<TFullSchema, TSchema>) => Promise<T>,
    config?: SQLiteTransactionConfig,
  ): Promise<T> {
    return this.#executor.transaction(
      (tx) => {
        const session = new AiosqliteSession<TFullSchema, TSchema>(tx, this.#config);
        return fn(new AiosqliteTransaction(tx, session, this.#config));
      },
      config?.behavior === undefined ? {} : { mode: config.behavior },
    );
  }
}

/** As a prepared query expects it from the proxy's wire. */
function batchResponse({ rows, columns, changes, lastInsertRowid }: BatchResult, method: Method) {
  if (method === 'run') return { changes, lastInsertRowid };
  return { columns, rows: method === 'get' ? rows[0] : rows };
}

function objectOf(row: SqlValue[], columns: string[]): Row {
  return Object.fromEntries(columns.map((column, i) => [column, row[i] as SqlValue]));
}
