import {
  createTableRelationsHelpers,
  DefaultLogger,
  type DrizzleConfig,
  type ExtractTablesWithRelations,
  entityKind,
  extractTablesRelationalConfig,
} from 'drizzle-orm';
import type { BatchItem, BatchResponse } from 'drizzle-orm/batch';
import { BaseSQLiteDatabase, SQLiteAsyncDialect, type SQLiteTransactionConfig } from 'drizzle-orm/sqlite-core';
import { checkNames, type NamesOf } from '../arguments.js';
import {
  type Connection,
  createPool,
  type Pool,
  type PoolOptions,
  type RunResult,
  type Transaction,
} from '../index.js';
import { isExecutor } from '../source/executor.js';
import { AiosqliteSession, type AiosqliteTransaction, type SessionConfig } from './session.js';

export type { AiosqliteTransaction } from './session.js';

type AnySchema = Record<string, unknown>;

/** Executors that Drizzle can run on. */
export type Client = Pool | Connection | Transaction;

/**
 * Drizzle over this package. `run()` resolves to a `RunResult`, a failing query rejects with Drizzle's own
 * `DrizzleQueryError`, whose `cause` is the error of this package.
 */
export class AiosqliteDatabase<
  TSchema extends AnySchema = Record<string, never>,
  TClient extends Client = Client,
> extends BaseSQLiteDatabase<'async', RunResult, TSchema> {
  /** Name of the class for Drizzle's `is()`. */
  static override readonly [entityKind]: string = 'AiosqliteDatabase';
  /** The executor below. If `drizzle()` opened it, close it at the end: `await db.$client.close()`. */
  readonly $client: TClient;
  readonly #session: AiosqliteSession<TSchema, ExtractTablesWithRelations<TSchema>>;

  /** @internal */
  constructor(client: TClient, config: SessionConfig<ExtractTablesWithRelations<TSchema>>) {
    const session = new AiosqliteSession<TSchema, ExtractTablesWithRelations<TSchema>>(client, config);
    super('async', config.dialect, session, config.schema);
    this.$client = client;
    this.#session = session;
    const { cache } = config;
    // As Drizzle's own drivers do: the cache itself, with this name for its method.
    if (cache !== undefined) this.$cache = Object.assign(cache, { invalidate: cache.onMutate });
  }

  /**
   * Several queries: one hop, one transaction, all or nothing. Resolves to their results, in order.
   * @example const [, all] = await db.batch([db.insert(note).values({ text: 'hello' }), db.select().from(note)]);
   */
  async batch<U extends BatchItem<'sqlite'>, T extends Readonly<[U, ...U[]]>>(queries: T): Promise<BatchResponse<T>> {
    return (await this.#session.batch(queries)) as BatchResponse<T>;
  }

  /**
   * Commits when `fn` resolves, rolls back when it rejects, as by `tx.rollback()`. `tx.transaction()` is a savepoint.
   * While it is open, a query on the database itself from inside `fn` rejects `'ERR_NESTED_ACQUIRE'`. `tx.$client` is the
   * transaction below, for what else is to happen in it. Without `behavior` it begins as the client's `transactionMode` says.
   * @example await db.transaction(async (tx) => { await tx.insert(note).values({ text: 'hello' }); });
   */
  override transaction<T>(
    fn: (tx: AiosqliteTransaction<TSchema, ExtractTablesWithRelations<TSchema>>) => Promise<T>,
    config?: SQLiteTransactionConfig,
  ): Promise<T> {
    return this.#session.transaction(fn, config);
  }
}

/**
 * Drizzle over a pool, a connection or an open transaction, or over a pool that is opened here, at the first query, and
 * closed by `db.$client.close()`. Wrong options throw.
 * @example
 * const db = drizzle('app.db', { schema });
 * const users = await db.query.users.findMany({ with: { posts: true } });
 */
export function drizzle<TSchema extends AnySchema = Record<string, never>, TClient extends Client = Client>(
  client: TClient,
  config?: DrizzleConfig<TSchema>,
): AiosqliteDatabase<TSchema, TClient>;
/** A path, `':memory:'`, a `'file:'` URI or a URL of a file: a pool that is opened at the first query. */
export function drizzle<TSchema extends AnySchema = Record<string, never>>(
  database: string | URL,
  config?: DrizzleConfig<TSchema>,
): AiosqliteDatabase<TSchema, Pool>;
/** An executor that stays open, with Drizzle's options beside it. */
export function drizzle<TSchema extends AnySchema = Record<string, never>, TClient extends Client = Client>(
  config: DrizzleConfig<TSchema> & { client: TClient },
): AiosqliteDatabase<TSchema, TClient>;
/** A path or the options of a pool, with Drizzle's options beside it. */
export function drizzle<TSchema extends AnySchema = Record<string, never>>(
  config: DrizzleConfig<TSchema> & { connection: string | URL | PoolOptions },
): AiosqliteDatabase<TSchema, Pool>;
export function drizzle<TSchema extends AnySchema>(
  source: Client | string | URL | SourceConfig<TSchema>,
  config?: DrizzleConfig<TSchema>,
): AiosqliteDatabase<TSchema> {
  if (isExecutor(source) || typeof source === 'string' || source instanceof URL) {
    if (config !== undefined) checkNames('config', config, CONFIG);
    return databaseOver(isExecutor(source) ? source : createPool(source), config);
  }
  checkNames('config', source, SOURCE_CONFIG);
  // createPool() reports a missing database.
  return databaseOver(source.client ?? createPool(source.connection as string), source);
}

type SourceConfig<TSchema extends AnySchema = AnySchema> = DrizzleConfig<TSchema> & {
  client?: Client;
  connection?: string | URL | PoolOptions;
};

const CONFIG: NamesOf<DrizzleConfig> = { logger: true, schema: true, casing: true, cache: true };
const SOURCE_CONFIG: NamesOf<SourceConfig> = { ...CONFIG, client: true, connection: true };

function databaseOver<TSchema extends AnySchema>(
  client: Client,
  { schema, casing, logger, cache }: DrizzleConfig<TSchema> = {},
): AiosqliteDatabase<TSchema> {
  return new AiosqliteDatabase<TSchema>(client, {
    dialect: new SQLiteAsyncDialect(casing && { casing }),
    schema: schema && relationsOf(schema),
    logger: logger === true ? new DefaultLogger() : logger || undefined,
    cache,
  });
}

function relationsOf<TSchema extends AnySchema>(fullSchema: TSchema) {
  const { tables, tableNamesMap } = extractTablesRelationalConfig<ExtractTablesWithRelations<TSchema>>(
    fullSchema,
    createTableRelationsHelpers,
  );
  return { fullSchema, schema: tables, tableNamesMap };
}
