import type { Executor, Query, SqlParam, SqlValue, StatementDescription } from '../executor.js';
import type { BlobHandle, BlobLocation } from './features/blob.js';
import type { ApplyOptions, ChangeRecorder, CommitListener } from './features/changes.js';
import type { AuthorizerRules, ConnectionStatus, LimitName } from './features/control.js';
import type { BackupOptions, BackupProgress } from './features/files.js';
import type { Aggregate, FunctionOptions } from './features/functions.js';

/** Counters of one connection, as {@link Connection.stats} gives them. */
export interface ConnectionStats {
  /** Calls that wait. */
  pending: number;
  /** Whether one runs now. */
  running: boolean;
  /** Calls that have succeeded, and that have failed, since opening. */
  completed: number;
  /** Calls that have failed since opening. */
  failed: number;
  /** Prepared statements that are kept, and how often a statement was among them since opening. */
  statementCache: { size: number; hits: number; misses: number };
}

/** One open database on its own native thread. Calls run in the order in which they were made. */
export interface Connection extends Executor, AsyncDisposable {
  /** The name given to connect(); of a URL its text. */
  readonly database: string;
  /** Counters since opening. Needs no call to the thread. */
  stats(): ConnectionStats;
  /**
   * Waits for what is queued, then closes; only a job that is waiting for another process's lock is cut short, with
   * `'SQLITE_BUSY'`. Idempotent; later calls reject `'ERR_CLOSED'`.
   */
  close(): Promise<void>;

  /** Inside a transaction that the user's own SQL began. Answers from the last finished call, without a hop. */
  readonly inTransaction: boolean;
  /** Rows changed since opening, as SQLite's total_changes(). Answers from the last finished call, without a hop. */
  readonly totalChanges: number;
  /** Memory and cache of this connection, and the data version. */
  status(): Promise<ConnectionStatus>;
  /** Stops the call that runs now, if any; it rejects `'SQLITE_INTERRUPT'`. Queued calls are not touched. */
  interrupt(): void;
  /**
   * Describes a statement without running it.
   * @example const { columns } = await db.describe('SELECT * FROM note WHERE id = :id');
   */
  describe(sql: string | Query): Promise<StatementDescription>;
  /**
   * A function for SQL. It runs on the JavaScript thread while the worker waits; an exception, and a Promise as result,
   * rejects the call that ran the SQL with `'ERR_FUNCTION'`, with the exception as its `cause`.
   * @example await db.createFunction('slug', (text) => String(text).toLowerCase(), { deterministic: true });
   */
  createFunction(
    name: string,
    // biome-ignore lint/suspicious/noConfusingVoidType: a function without a result gives NULL
    fn: (...args: SqlValue[]) => SqlParam | void,
    options?: FunctionOptions,
  ): Promise<void>;
  /**
   * An aggregate; with `inverse` a window function, too.
   * @example await db.createAggregate('product', { start: () => 1, step: (p, x) => p * Number(x) });
   */
  createAggregate<S>(name: string, aggregate: Aggregate<S>, options?: FunctionOptions): Promise<void>;
  /**
   * An order of texts. Each comparison costs a round trip: see `UNICODE_NOCASE` and `NATURAL_NOCASE` for native ones.
   * @example await db.createCollation('de', new Intl.Collator('de').compare);
   */
  createCollation(name: string, compare: (a: string, b: string) => number): Promise<void>;
  /** Loads an SQLite extension. Needs the option `allowExtensions`, or rejects `'ERR_EXTENSIONS_DISABLED'`. */
  loadExtension(path: string, entryPoint?: string): Promise<void>;
  /**
   * Copies the database into a file. The destination, a path, is replaced only at success; the database itself (by file
   * identity, through links too) rejects `'ERR_SAME_FILE'`, a `file:` URI RangeError. Removes what an earlier backup to
   * the same destination left behind when its process was killed.
   * @example await db.backup('copy.db', { onProgress: ({ remainingPages }) => console.log(remainingPages) });
   */
  backup(destination: string, options?: BackupOptions): Promise<void>;
  /**
   * Replaces everything in this database by what another database file holds, as one job: all of it, or nothing if it rejects.
   * Both files may be in use. Rejects `'SQLITE_CANTOPEN'`, `'SQLITE_NOTADB'`, `'SQLITE_READONLY'` also for another page size in
   * WAL mode or memory, `'SQLITE_BUSY'`, `'ERR_SAME_FILE'` for the database itself, and `'SQLITE_ERROR'` inside a transaction or
   * while rows are read. Resolves to the number of pages.
   * @example await db.restore('copy.db');
   */
  restore(source: string): Promise<BackupProgress>;
  /**
   * A copy without free pages, made by VACUUM INTO. The destination, a path, appears only at success. Rejects if it exists
   * and is not empty.
   */
  vacuumInto(destination: string): Promise<void>;
  /** The database as the bytes of its file: see deserialize(). */
  serialize(): Promise<Uint8Array>;
  /**
   * SQL that rebuilds the database, statement by statement (Python's iterdump). Of one moment, but for what this very
   * connection writes meanwhile.
   */
  dump(): AsyncIterableIterator<string>;
  /**
   * Moves the whole WAL into the database file and empties it; without a WAL it does nothing. Rejects `'SQLITE_BUSY'` if
   * readers hold on to it for longer than `busyTimeoutMs`.
   */
  checkpoint(): Promise<void>;
  /** sqlite.org/pragma.html#pragma_integrity_check */
  integrityCheck(): Promise<{ ok: boolean; problems: string[] }>;
  /**
   * One value, read and written in parts.
   * @example await using blob = await db.openBlob({ table: 'file', column: 'content', rowid: 1 });
   */
  openBlob(at: BlobLocation): Promise<BlobHandle>;
  /**
   * After each COMMIT, never before, once: what it changed, without what was rolled back inside it. Rowid tables alone,
   * without what REPLACE removes (sqlite.org/c3ref/update_hook.html). Listeners run in no AsyncLocalStorage context.
   * Returns the unsubscribe function.
   * @example const stop = db.onCommit((changes) => console.log(changes.length));
   */
  onCommit(listener: CommitListener): () => void;
  /** Records what this connection changes, as changesets. */
  recordChanges(options?: { tables?: readonly string[] }): Promise<ChangeRecorder>;
  /** Applies a changeset or patchset, all or nothing. Rejects `'SQLITE_CORRUPT'` if it is neither. */
  applyChangeset(changeset: Uint8Array, options?: ApplyOptions): Promise<void>;
  /**
   * Sets declarative rules, which the worker checks while it prepares statements: no JavaScript runs per statement. Deny
   * rules win; if `allow` is given, even empty, everything else is denied. A denied statement rejects `'SQLITE_AUTH'`.
   * `null` removes the rules.
   * @example await db.authorize({ deny: [{ action: 'delete', table: 'account' }] });
   */
  authorize(rules: AuthorizerRules | null): Promise<void>;
  /** sqlite.org/c3ref/limit.html. Resolves to the previous value; rejects `'ERR_OUT_OF_RANGE'` outside SQLite's bounds. */
  setLimit(name: LimitName, value: number): Promise<number>;
}
