import { type Kysely, SqliteAdapter } from 'kysely';
import type { Executor } from '../index.js';

/** Who migrates on an executor, one after another. */
const migrating = new WeakMap<Executor, Promise<void>>();

/**
 * What Kysely should know of SQLite. Other than in its own dialect, migrations run inside one transaction: BEGIN IMMEDIATE
 * holds off other processes before the list of migrations is read, a failed migration leaves nothing behind, and a process
 * that dies leaves no lock. With `disableTransactions` migrators of one pool or connection wait for each other; other
 * processes can't be held off then.
 */
export class AiosqliteAdapter extends SqliteAdapter {
  readonly #executor: Executor;
  #release = () => {};

  constructor(executor: Executor) {
    super();
    this.#executor = executor;
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  /** Kysely 0.29 would let one query wait for another. */
  get supportsMultipleConnections(): boolean {
    return true;
  }

  override async acquireMigrationLock(db: Kysely<unknown>): Promise<void> {
    if (db.isTransaction) return; // it holds the writer, for which others would wait with the lock in their hands
    const before = migrating.get(this.#executor);
    let release = () => {};
    migrating.set(
      this.#executor,
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    await before;
    this.#release = release;
  }

  override async releaseMigrationLock(): Promise<void> {
    this.#release();
  }
}
