import { checkNames, type NamesOf, pick } from '../arguments.js';
import { type Connection, createPool, type Executor, type Pool, type PoolOptions } from '../index.js';
import { POOL_OPTIONS } from '../pool/options.js';
import { isExecutor } from './executor.js';
import { ServiceCalls } from './service-calls.js';
import { TablesOnce } from './tables-once.js';

/** Databases of an adapter: a pool or connection, which stays open, or a path or options, from which it opens a pool. */
export type AdapterSource<Own> = Pool | Connection | string | URL | (PoolOptions & Own);

/** The tables of an adapter: name → statements that create it, its indexes and its triggers where they are missing. */
export type AdapterTables = Readonly<Record<string, string>>;

/** The database of an adapter. Its tables are created at the first call. */
export class AdapterDatabase {
  readonly #db: Executor;
  readonly #calls: ServiceCalls;
  readonly #tables: TablesOnce;

  /** `pool`: the one that was opened for this adapter alone, if any. */
  constructor(db: Executor, pool: Pool | undefined, tables: AdapterTables) {
    this.#db = db;
    this.#calls = new ServiceCalls(pool ?? { closeAfter: (work) => work() });
    this.#tables = new TablesOnce(() => createTables(db, tables));
  }

  /**
   * Calls `work` once the tables are there, with what `prepare` resolves to, which is called at once. Rejects `'ERR_CLOSED'`
   * after close().
   */
  call<T>(work: (db: Executor) => Promise<T>): Promise<T>;
  call<T, P>(work: (db: Executor, prepared: P) => Promise<T>, prepare: () => Promise<P>): Promise<T>;
  call<T, P>(work: (db: Executor, prepared: P) => Promise<T>, prepare?: () => Promise<P>): Promise<T> {
    return this.#calls.make(async () => {
      const [prepared] = await Promise.all([prepare?.() as Promise<P>, this.#tables.ready()]);
      return await work(this.#db, prepared);
    });
  }

  /** Lets calls made before it finish, then closes the pool that was opened here. A pool or connection that was given stays open. */
  close(): Promise<void> {
    return this.#calls.close();
  }
}

/**
 * The database of an adapter, and those of the options that are the adapter's own. `further`: options beside a path, where
 * they may be a pool's too, or beside a pool or connection.
 */
export function openAdapter<Own extends object>(
  source: AdapterSource<Own>,
  further: Omit<PoolOptions, 'database'> & Own,
  own: NamesOf<Own>,
  tables: AdapterTables,
): { database: AdapterDatabase; options: Own } {
  const all = { ...POOL_OPTIONS, ...own } as NamesOf<PoolOptions & Own>;
  if (isExecutor(source)) {
    checkNames<Own>('options', further, own);
    return { database: new AdapterDatabase(source, undefined, tables), options: further };
  }
  const isPath = typeof source === 'string' || source instanceof URL;
  const { database: _, ...besidePath } = all;
  checkNames<object>('options', further, isPath ? besidePath : own);
  if (!isPath) checkNames('source', source, all);
  const options = isPath ? { ...further, database: source } : { ...source, ...further };
  const pool = createPool(pick<PoolOptions>(options, POOL_OPTIONS));
  return { database: new AdapterDatabase(pool, pool, tables), options: pick<Own>(options, own) };
}

const COUNT_TABLES = 'SELECT count(*) FROM sqlite_schema WHERE name IN (SELECT value FROM json_each(?))';

/** Takes the write lock only where a table is missing, so that a read-only file with tables can be used. */
async function createTables(db: Executor, tables: AdapterTables): Promise<void> {
  const names = Object.keys(tables);
  const row = await db.get<[number]>(COUNT_TABLES, [JSON.stringify(names)], { rowMode: 'array' });
  if (row?.[0] === names.length) return;
  await db.transaction((tx) => tx.exec(Object.values(tables).join('\n')), { mode: 'immediate' });
}
