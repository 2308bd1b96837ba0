import type { Connection } from '../connection/api.js';
import type { BlobHandle, BlobLocation } from '../connection/features/blob.js';
import type { BackupOptions } from '../connection/features/files.js';
import type { CallOptions, Executor, Transaction } from '../executor.js';
import type { Lease, LeaseOptions } from './lease.js';

/**
 * One writer and N read-only readers over one database (WAL). Opens lazily, at the first call.
 * Statements that only read go to a reader, all others to the writer; a read started after a write has resolved sees
 * that write. Independent writes that wait together share one commit.
 */
export interface Pool extends Executor, AsyncDisposable {
  /**
   * Leases one connection for `fn` (default role: writer); a transaction left open is rolled back, a broken or altered
   * connection is discarded. `signal` and `timeoutMs` end the wait for the connection, not `fn`.
   * @example await pool.withConnection(async (db) => { await db.exec('PRAGMA foreign_keys = OFF'); … });
   */
  withConnection<T>(fn: (connection: Connection) => Promise<T>, options?: LeaseOptions): Promise<T>;
  /**
   * Leases one connection until it is released. Calls never wait for a leased reader: where leases hold all of them,
   * another one opens. `signal` and `timeoutMs` end the wait for the connection. Rejects `'ERR_POOL_TIMEOUT'`.
   * @example await using lease = await pool.acquire({ role: 'reader', timeoutMs: 1_000 });
   */
  acquire(options?: LeaseOptions): Promise<Lease>;
  /** All reads in `fn` see one snapshot. A write rejects `'SQLITE_READONLY'`. */
  read<T>(fn: (tx: Transaction) => Promise<T>, options?: CallOptions): Promise<T>;
  /**
   * One consistent snapshot, copied on a reader while writers go on. The destination, a path, is replaced only at success;
   * the database itself rejects `'ERR_SAME_FILE'`, a `file:` URI RangeError. Removes what an earlier backup to the same
   * destination left behind when its process was killed.
   */
  backup(destination: string, options?: BackupOptions): Promise<void>;
  /** The database as the bytes of its file, of one snapshot: see deserialize(). */
  serialize(): Promise<Uint8Array>;
  /**
   * Makes a copy without free pages, by VACUUM INTO on the writer. Writes wait for it, but not for backup().
   * Rejects if the destination exists and is not empty.
   */
  vacuumInto(destination: string): Promise<void>;
  /**
   * SQL that rebuilds the database, statement by statement (Python's iterdump), on a reader's snapshot.
   * @example for await (const statement of pool.dump()) console.log(statement);
   */
  dump(): AsyncIterableIterator<string>;
  /** sqlite.org/pragma.html#pragma_integrity_check, on a reader's snapshot. */
  integrityCheck(): Promise<{ ok: boolean; problems: string[] }>;
  /**
   * One value, read and written in parts: on a reader of its own until it is closed, or, if it is writable, on the writer
   * between the calls of others.
   * @example await using blob = await pool.openBlob({ table: 'file', column: 'content', rowid: 1 });
   */
  openBlob(at: BlobLocation): Promise<BlobHandle>;
  /** Moves the whole WAL into the database file and empties it. Rejects `'SQLITE_BUSY'` if readers hold on to it for too long. */
  checkpoint(): Promise<void>;
  /** Counters of the pool. Needs no call to a thread. */
  stats(): PoolStats;
  /**
   * Waits for what is queued and for leases, then closes all connections. Iterators, blobs and dumps that have not been
   * used for 0.1 seconds are ended: they reject `'ERR_CLOSED'`. Idempotent; later calls reject `'ERR_CLOSED'`.
   */
  close(): Promise<void>;
}

/** Counters of a pool, as {@link Pool.stats} gives them. */
export interface PoolStats {
  /** Open connections. */
  size: number;
  /** Open connections that neither run a call nor are leased. */
  idle: number;
  /** Calls that wait. */
  waiting: number;
  /** Length of the WAL after the last commit, in pages. */
  walPages: number;
  /** Commits since opening. */
  commits: number;
  /** Writes that shared their commit with others, since opening. */
  groupedWrites: number;
}
