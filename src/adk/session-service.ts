import { AiosqliteError } from '../errors.js';
import type { BackupOptions, Pool } from '../index.js';
import type { SessionStore } from '../store/internal.js';
import type { SessionServiceOptions } from './options.js';
import { databaseOf, type Opened, openSessionStore, type SessionSourceOptions } from './source.js';
import { StoreSessionService } from './store-session-service.js';

/**
 * Sessions for ADK's Runner, in SQLite. Tables are made at the first call; every call is one job on the database's thread.
 * Wrong arguments reject a TypeError or RangeError that names the argument, all else a StoreError or the driver's errors.
 *
 * @example
 * const sessionService = new SqliteSessionService('agent.db');
 * const runner = new Runner({ appName: 'shop', agent, sessionService });
 */
export class SqliteSessionService extends StoreSessionService {
  /**
   * `database`: a path, `':memory:'`, a `'file:'` URI or URL, or ADK's `'sqlite://'` form; with the options of a pool, a
   * store and the service together. Throws what {@link SessionStore} and `createPool` throw on wrong options.
   * @example new SqliteSessionService('agent.db', { poolSize: 3, staleSessions: 'reject' });
   */
  constructor(database: string | URL, options?: Omit<SessionSourceOptions, 'database'>);
  /** `source`: a store, or those options with `database` among them. */
  constructor(source: SessionStore | string | SessionSourceOptions, options?: SessionServiceOptions);
  /** @internal */
  constructor(source: Opened<SessionStore>, options?: SessionServiceOptions);
  constructor(
    source: SessionStore | string | URL | SessionSourceOptions | Opened<SessionStore>,
    options?: Omit<SessionSourceOptions, 'database'>,
  ) {
    const { opened, staleSessions } = openSessionStore(source, options);
    super(opened, staleSessions);
  }

  /**
   * The pool beneath, for `stats()`, `checkpoint()` and queries of your own. Throws `'ERR_NO_POOL'` if the service was given
   * a store over a connection.
   */
  get pool(): Pool {
    const db = databaseOf(this.store) as Partial<Pool>;
    if (typeof db.acquire === 'function') return db as Pool;
    throw new AiosqliteError('ERR_NO_POOL', 'the store of this service works on a connection, not on a pool');
  }

  /**
   * Copies the whole database to a file, as one consistent snapshot, while the service is in use. An existing file is
   * replaced only at success.
   * @example await service.backup('backup/agent.db');
   */
  async backup(destination: string, options?: BackupOptions): Promise<void> {
    const db = databaseOf(this.store) as Partial<Pool>;
    await this.call(async () => {
      if (db.backup === undefined) throw new AiosqliteError('ERR_NO_POOL', 'a transaction has no backup()');
      await db.backup(destination, options);
    });
  }
}
