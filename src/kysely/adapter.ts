import { type Kysely, SqliteAdapter } from 'kysely';

/** The last migrator of each source. They run one after another. */
const migrating = new WeakMap<object, Promise<void>>();

/**
 * Capabilities of SQLite for Kysely. Unlike with Kysely's own dialect, migrations run inside one transaction. BEGIN
 * IMMEDIATE holds off other processes before the list of migrations is read. A failed migration leaves nothing behind,
 * and a process that dies leaves no lock. With `disableTransactions`, migrators of one pool or connection wait for each
 * other; other processes are not held off.
 */
export class AiosqliteAdapter extends SqliteAdapter {
  readonly #source: object;
  #release = () => {};

  /** `source`: one object for all that migrate the same database in this process. */
  constructor(source: object) {
    super();
    this.#source = source;
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
    const before = migrating.get(this.#source);
    let release = () => {};
    migrating.set(
      this.#source,
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
