import type { SqlDriverAdapter, SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import { checkNames, type NamesOf, oneOf, pick } from '../arguments.js';
import { type Connection, createPool, type Pool, type PoolOptions } from '../index.js';
import { POOL_OPTIONS } from '../pool/options.js';
import { isExecutor } from '../source/executor.js';
import { PrismaDatabase } from './database.js';
import type { TimestampFormat } from './values.js';

/** Options of {@link PrismaAiosqlite}. */
export interface PrismaAiosqliteOptions {
  /**
   * How a DateTime is stored: `'iso8601'` (default) as text, `'unixepoch-ms'` as milliseconds since 1970, as Prisma's own
   * engine did before version 7. Values of either form are read.
   */
  timestampFormat?: 'iso8601' | 'unixepoch-ms';
}

/** Databases of the adapter: a pool or connection, which stays open, or a path, a URL or options, from which it opens a pool. */
export type PrismaAiosqliteSource = Pool | Connection | string | URL | (PoolOptions & PrismaAiosqliteOptions);

const OPTIONS: NamesOf<PrismaAiosqliteOptions> = { timestampFormat: true };
const ALL: NamesOf<PoolOptions & PrismaAiosqliteOptions> = { ...POOL_OPTIONS, ...OPTIONS };
const { database: _, ...BESIDE_PATH } = ALL;

/**
 * Driver adapter of Prisma 7 for SQLite, for the option `adapter` of `PrismaClient`. Queries run on the threads of a pool:
 * reads beside each other, and never on the event loop. An interactive transaction holds the pool's writer from its start.
 *
 * @example
 * const prisma = new PrismaClient({ adapter: new PrismaAiosqlite('file:./prisma/dev.db') });
 */
export class PrismaAiosqlite implements SqlDriverAdapterFactory {
  /** For Prisma: the kind of database. */
  readonly provider = 'sqlite';
  /** For Prisma: the name of this adapter. */
  readonly adapterName = 'aiosqlite';
  readonly #open: () => { database: Pool | Connection; close: () => Promise<void> };
  readonly #timestamps: TimestampFormat;

  /**
   * @param source a pool or connection, which stays open; or a path, a URL or options. From these Prisma's `$connect()` opens
   * a pool, which `$disconnect()` closes. Throws on wrong options.
   * @param options of the adapter; with a path or URL, of the pool too
   * @example new PrismaAiosqlite(pool, { timestampFormat: 'unixepoch-ms' });
   */
  constructor(source: PrismaAiosqliteSource, options: PrismaAiosqliteOptions & Omit<PoolOptions, 'database'> = {}) {
    const isPath = typeof source === 'string' || source instanceof URL;
    checkNames<object>('options', options, isPath ? BESIDE_PATH : OPTIONS);
    if (isExecutor(source)) {
      this.#timestamps = timestampFormat(options);
      this.#open = () => ({ database: source, close: async () => {} });
      return;
    }
    if (!isPath) checkNames('source', source, ALL);
    const all = isPath ? { ...options, database: source } : { ...source, ...options };
    this.#timestamps = timestampFormat(all);
    const open = () => createPool(pick<PoolOptions>(all, POOL_OPTIONS));
    open(); // checks the options, opens nothing
    this.#open = () => {
      const database = open();
      return { database, close: () => database.close() };
    };
  }

  /** Called by Prisma, again after `$disconnect()`. */
  async connect(): Promise<SqlDriverAdapter> {
    const { database, close } = this.#open();
    return new PrismaDatabase(database, close, this.#timestamps);
  }
}

function timestampFormat(options: PrismaAiosqliteOptions): TimestampFormat {
  return oneOf(options, 'timestampFormat', ['iso8601', 'unixepoch-ms'] as const, 'iso8601');
}
