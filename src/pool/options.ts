import { checkNames, checkTimeoutMs, integer, type NamesOf, optionalFunction } from '../arguments.js';
import type { Connection } from '../connection/api.js';
import {
  type CheckedOptions,
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  checkDatabase,
  checkOptions,
} from '../connection/options.js';
import { invalidArgument } from '../errors.js';

/** Options of {@link createPool}. */
export interface PoolOptions extends ConnectionOptions {
  /** A path, ':memory:', a 'file:' URI or a URL of a file. */
  database: string | URL;
  /**
   * Connections at most. Default: 5, one writer and four readers. ':memory:' is always one connection, and so is a file
   * with the PRAGMA `locking_mode = exclusive`. Calls never wait
   * for iterators, blobs, dumps and leases of readers: while these hold all readers, further ones open beyond
   * `poolSize`.
   */
  poolSize?: number;
  /**
   * Longest wait for a connection in milliseconds, by acquire() and by any verb: for it to open, onConnect included, and
   * then for it to become free. Default: 30,000. Then: `'ERR_POOL_TIMEOUT'`.
   */
  acquireTimeoutMs?: number;
  /** Readers that have had nothing to do for so long are closed, in milliseconds. Default: 3,600,000. */
  idleTimeoutMs?: number;
  /** Default deadline of every call in milliseconds: see CallOptions.timeoutMs. Default: none. */
  operationTimeoutMs?: number;
  /**
   * Runs once on every new connection, after the PRAGMA profile. If it fails, the call that needed the connection rejects
   * with its error and the next one tries again; so does one that has not ended within `acquireTimeoutMs`.
   */
  onConnect?: (connection: Connection) => Promise<void>;
}

/** Options of a pool whose database is named apart. */
const FURTHER_OPTIONS: NamesOf<Omit<PoolOptions, 'database'>> = {
  ...CONNECTION_OPTIONS,
  poolSize: true,
  acquireTimeoutMs: true,
  idleTimeoutMs: true,
  operationTimeoutMs: true,
  onConnect: true,
};

export const POOL_OPTIONS: NamesOf<PoolOptions> = { ...FURTHER_OPTIONS, database: true };

/** The options of a pool, from either form of the arguments of createPool(). */
export function poolOptionsOf(
  source: string | URL | PoolOptions,
  options?: Omit<PoolOptions, 'database'>,
): PoolOptions {
  if (typeof source !== 'string' && !(source instanceof URL)) {
    if (options !== undefined) throw invalidArgument('options', 'absent where the first argument has them', options);
    return source;
  }
  if (options === undefined) return { database: source };
  checkNames('options', options, FURTHER_OPTIONS);
  return { ...options, database: source };
}

/** Every option with its value. */
export interface CheckedPoolOptions {
  database: string;
  connection: CheckedOptions;
  poolSize: number;
  acquireTimeoutMs: number;
  idleTimeoutMs: number;
  operationTimeoutMs: number | undefined;
  onConnect: ((connection: Connection) => Promise<void>) | undefined;
  /** False where automatic checkpoints are off: the user runs them. */
  relievesWal: boolean;
}

export function checkPoolOptions(options: PoolOptions): CheckedPoolOptions {
  const connection = checkOptions(options, POOL_OPTIONS, 'wal');
  const { operationTimeoutMs } = options;
  const onConnect = optionalFunction(options, 'onConnect');
  if (operationTimeoutMs !== undefined) checkTimeoutMs('options.operationTimeoutMs', operationTimeoutMs);
  const poolSize = integer(options, 'poolSize', 5, 1, 1_000);
  return {
    database: checkDatabase(options.database),
    connection,
    poolSize: locksFile(options.pragmas ?? {}) ? 1 : poolSize,
    acquireTimeoutMs: integer(options, 'acquireTimeoutMs', 30_000, 1, 2 ** 31 - 1),
    idleTimeoutMs: integer(options, 'idleTimeoutMs', 3_600_000, 1, 2 ** 31 - 1),
    operationTimeoutMs,
    onConnect,
    relievesWal: checkpointsItself(options.pragmas ?? {}),
  };
}

/** sqlite.org/pragma.html#pragma_locking_mode: a connection that keeps its lock lets no other one in. */
function locksFile(pragmas: object): boolean {
  return Object.entries(pragmas).some(
    ([name, value]) => /(?:^|\.)locking_mode$/i.test(name) && /^exclusive$/i.test(String(value)),
  );
}

/** sqlite.org/pragma.html#pragma_wal_autocheckpoint: a threshold of 0 or less turns automatic checkpoints off. */
function checkpointsItself(pragmas: object): boolean {
  return Object.entries(pragmas).every(
    ([name, value]) => !/(?:^|\.)wal_autocheckpoint$/i.test(name) || Number(value) > 0,
  );
}
