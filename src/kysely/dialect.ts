import {
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { type Connection, createPool, type Executor, type Pool, type PoolOptions, type Transaction } from '../index.js';
import { AiosqliteAdapter } from './adapter.js';
import { AiosqliteDriver } from './driver.js';

/**
 * Kysely over this package.
 *
 * - Over a **pool**, single queries run as the pool's own verbs do: reads on readers beside each other, independent writes
 *   in shared commits. A transaction, and `db.connection()` from its second query on, has a connection of its own.
 *   `setAccessMode('read only')` takes a reader, on one snapshot, and leaves the writer to others.
 * - Over a **connection**, `db.connection()` is that connection, which others use meanwhile; a transaction keeps them out.
 * - Over a **transaction**, everything happens in it, beside what else does: `db.transaction()` is a savepoint.
 *
 * `stream()` reads through `iterate()`. Migrations run in one immediate transaction, which is their lock, between
 * processes too, and all or nothing. One that has to set `PRAGMA foreign_keys` rejects `'ERR_CONTROL_STATEMENT'` there,
 * as SQLite would ignore it: it goes into a Migrator with `disableTransactions: true`.
 */
export class AiosqliteDialect implements Dialect {
  readonly #executor: Executor;
  readonly #close: () => Promise<void>;

  /**
   * @param source what to run on, or the options of a pool of its own, which opens at the first query and which
   * `db.destroy()` closes. What was given stays open. Wrong options throw.
   * @example const db = new Kysely<Database>({ dialect: new AiosqliteDialect({ database: 'app.db' }) });
   */
  constructor(source: Pool | Connection | Transaction | PoolOptions) {
    if (isExecutor(source)) {
      this.#executor = source;
      this.#close = async () => {};
    } else {
      const pool = createPool(source);
      this.#executor = pool;
      this.#close = () => pool.close();
    }
  }

  createDriver(): Driver {
    return new AiosqliteDriver(this.#executor, this.#close);
  }

  createAdapter(): DialectAdapter {
    return new AiosqliteAdapter(this.#executor);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

function isExecutor(source: Executor | PoolOptions): source is Executor {
  return 'transaction' in source && typeof source.transaction === 'function';
}
