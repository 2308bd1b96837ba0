import {
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteIntrospector,
} from 'kysely';
import { type Connection, createPool, type Executor, type Pool, type PoolOptions, type Transaction } from '../index.js';
import { isExecutor } from '../source/executor.js';
import { AiosqliteAdapter } from './adapter.js';
import { AiosqliteQueryCompiler } from './compiler.js';
import { AiosqliteDriver } from './driver.js';

/**
 * Kysely over this package.
 *
 * - Over a **pool**, single queries run as the pool's own verbs do: reads on readers beside each other, independent writes
 *   in shared commits. A transaction, and `db.connection()` from its second query on, has a connection of its own.
 *   `setAccessMode('read only')` takes a reader on one snapshot and leaves the writer free.
 * - Over a **connection**, `db.connection()` is that connection, shared with its other callers; a transaction makes them
 *   wait.
 * - Over a **transaction**, every query runs inside it, and `db.transaction()` is a savepoint.
 *
 * `stream()` reads through `iterate()`. Migrations run in one immediate transaction, all or nothing; it is their lock,
 * between processes too. A migration that sets `PRAGMA foreign_keys` rejects `'ERR_CONTROL_STATEMENT'` there, because
 * SQLite would ignore it: run it in a Migrator with `disableTransactions: true`.
 */
export class AiosqliteDialect implements Dialect {
  /** The executor that was given, if one was. */
  readonly #executor: Executor | undefined;
  readonly #createPool: () => Pool;

  /**
   * @param source an executor, which stays open; or a path or the options of a pool. Such a pool is made for each Kysely
   * instance, opens at its first query and is closed by `db.destroy()`. Wrong options throw.
   * @param options of the pool, where `source` is a path
   * @example const db = new Kysely<Database>({ dialect: new AiosqliteDialect('app.db') });
   */
  constructor(source: Pool | Connection | Transaction | PoolOptions);
  constructor(database: string | URL, options?: Omit<PoolOptions, 'database'>);
  constructor(
    source: Pool | Connection | Transaction | PoolOptions | string | URL,
    options?: Omit<PoolOptions, 'database'>,
  ) {
    this.#executor = isExecutor(source) ? source : undefined;
    this.#createPool = () => createPool(source as string, options);
    if (this.#executor === undefined) this.#createPool(); // checks the options, opens nothing
  }

  /** Called by Kysely. */
  createDriver(): Driver {
    if (this.#executor !== undefined) return new AiosqliteDriver(this.#executor, async () => {});
    const pool = this.#createPool();
    return new AiosqliteDriver(pool, () => pool.close());
  }

  /** Called by Kysely. */
  createAdapter(): DialectAdapter {
    return new AiosqliteAdapter(this.#executor ?? this);
  }

  /** Called by Kysely. */
  createQueryCompiler(): QueryCompiler {
    return new AiosqliteQueryCompiler();
  }

  /** Called by Kysely. */
  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}
