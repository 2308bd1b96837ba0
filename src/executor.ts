/** What SQLite gives back. INTEGER outside ±(2^53-1) arrives as bigint (see {@link ConnectionOptions.integerMode}). */
export type SqlValue = null | number | bigint | string | Uint8Array;

/**
 * What can be bound. boolean → 0/1; safe integers except -0 → INTEGER, all other numbers → REAL (NaN becomes NULL, as
 * SQLite has none); bigint → INTEGER (out of 64 bits: RangeError); `undefined` is a TypeError.
 */
export type SqlParam = SqlValue | boolean | ArrayBuffer | ArrayBufferView;

/**
 * What `carray(?)` reads as rows (sqlite.org/carray.html): values of one type, without null, in their order. Anywhere else
 * an array rejects `'ERR_PARAMETERS'`. Its texts may not hold U+0000.
 * @example await db.all('SELECT * FROM note WHERE id IN carray(?)', [[1, 2, 3]]);
 */
export type SqlArray =
  | readonly (number | boolean)[]
  | readonly bigint[]
  | readonly string[]
  | readonly (ArrayBuffer | ArrayBufferView)[];

/**
 * Values of one statement, taken at the moment of the call. An array binds by index and its length must be the
 * statement's parameter count; an object binds by name, bare or with the prefix. A missing, unknown or surplus one
 * rejects `'ERR_PARAMETERS'`, never binds NULL.
 */
export type Params = readonly (SqlParam | SqlArray)[] | Readonly<Record<string, SqlParam | SqlArray>>;

/** A row by column name. Of two columns of one name it keeps the last. */
export type Row = Record<string, SqlValue>;

/** What iterate() gives: for one consumer. */
export interface RowIterator<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  return(): Promise<IteratorResult<T>>;
}

/** One statement and its values. */
export interface Query {
  sql: string;
  params?: Params;
}

/** A query inside a {@link Executor.batch}. */
export interface BatchQuery extends Query {
  /** As {@link RowOptions.jsonColumns}, for this query's rows. */
  jsonColumns?: readonly string[];
  /**
   * What follows when this query neither returns a row nor changes one: `'continue'` (default) with the next one;
   * `'stop'`: end the batch here, commit what ran, give no result for the rest; `'rollback'`: undo the batch, which
   * rejects `'ERR_NO_MATCH'` with this query's `index`. So a decision stays inside the transaction, in one hop.
   */
  ifNone?: 'continue' | 'stop' | 'rollback';
}

export interface RunResult {
  /** Rows inserted, updated or deleted by this call, as SQLite counts them: 0 for a SELECT and for DDL; triggers and cascades not counted. */
  changes: number;
  /** Rowid of this call's last insert, 0 if it inserted nothing. */
  lastInsertRowid: number | bigint;
}

export interface QueryResult<T = Row> extends RunResult {
  rows: T[];
  columns: string[];
}

export interface CallOptions {
  /**
   * Cancels this call only: a queued one is removed, a running one is interrupted. Rejects with `signal.reason`.
   * A write that rejects so has changed nothing; one whose statements have already run ignores it and settles with its real result.
   */
  signal?: AbortSignal;
  /** Deadline of this call in milliseconds, queueing included, with the same promise. Rejects with code `'ERR_TIMEOUT'`. */
  timeoutMs?: number;
}

export interface RowOptions extends CallOptions {
  /** `'object'` (default): rows by column name. `'array'`: rows as arrays in column order, duplicates kept. */
  rowMode?: 'object' | 'array';
  /**
   * Columns whose TEXT is JSON (RFC 8259, at most 1,000 levels): validated on the worker, delivered parsed; other types pass as they are.
   * Invalid JSON rejects `'ERR_INVALID_JSON'` naming the column; so does the name of a column that is not there.
   */
  jsonColumns?: readonly string[];
}

export interface BatchOptions extends Omit<RowOptions, 'jsonColumns'> {
  /** `false`: who knows the columns already, or needs none, spares their names; `columns` of the results may be empty. Default: `true`. */
  columns?: boolean;
  /**
   * Overwrites what this batch deletes or replaces with zeros (sqlite.org/pragma.html#pragma_secure_delete), whatever the
   * connection's own setting: after the next checkpoint neither the file nor its WAL contains it. Costs more pages written.
   * Default: `false`.
   */
  secureDelete?: boolean;
}

export interface IterateOptions extends RowOptions {
  /** Rows that cross at a time; wide rows cross earlier. Default: 250. */
  batchSize?: number;
}

/**
 * @internal Stands on the results of a batch that wrote and is not committed yet: it ran inside a transaction that is still
 * open, and can be rolled back.
 */
export const UNCOMMITTED: unique symbol = Symbol.for('aiosqlite.uncommitted');

/** When a transaction takes its locks (sqlite.org/lang_transaction.html). */
export type TransactionMode = 'deferred' | 'immediate' | 'exclusive';

export interface TransactionOptions extends CallOptions {
  /** Default: the connection's option `transactionMode`. A nested transaction has none. */
  mode?: TransactionMode;
}

/**
 * Anything that runs SQL: Connection, Transaction and Pool share these verbs.
 * Where a verb takes (sql, params, options) it also takes (query, options).
 * Misuse rejects, it never throws synchronously. One statement per call, except in exec: a second one, or none at all,
 * rejects `'ERR_STATEMENT_COUNT'` and nothing runs.
 */
export interface Executor {
  /**
   * Runs one statement for its effect. Rows that it returns are discarded.
   * @example const { lastInsertRowid } = await db.run('INSERT INTO note (text) VALUES (?)', ['hello']);
   */
  run(sql: string, params?: Params, options?: CallOptions): Promise<RunResult>;
  run(query: Query, options?: CallOptions): Promise<RunResult>;
  /**
   * The first row, or `undefined`. A statement that writes still runs to its end.
   * @example const note = await db.get<{ text: string }>('SELECT text FROM note WHERE id = ?', [1]);
   */
  get<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<T | undefined>;
  get<T = Row>(query: Query, options?: RowOptions): Promise<T | undefined>;
  /**
   * All rows.
   * @example const notes = await db.all('SELECT * FROM note WHERE author = :author', { author: 'ada' });
   */
  all<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<T[]>;
  all<T = Row>(query: Query, options?: RowOptions): Promise<T[]>;
  /**
   * Everything about one statement at once: rows, columns, changes (for RETURNING, query builders, adapters).
   * @example const { rows, changes } = await db.query('DELETE FROM note WHERE id < ? RETURNING id', [10]);
   */
  query<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<QueryResult<T>>;
  query<T = Row>(query: Query, options?: RowOptions): Promise<QueryResult<T>>;
  /**
   * Rows in batches with back-pressure: the worker stops stepping when the consumer is slow; it is one batch ahead at
   * most. Until its end the iterator holds a snapshot; on a pool it has a reader of its own, for which calls inside the
   * loop don't wait. Leaving the loop, by `break`, an exception or `signal`, lets go of it. A statement that writes is
   * refused: `'ERR_NOT_A_READ'`. `timeoutMs` is the deadline of the whole iteration.
   * @example for await (const note of db.iterate('SELECT * FROM note')) console.log(note);
   */
  iterate<T = Row>(sql: string, params?: Params, options?: IterateOptions): RowIterator<T>;
  iterate<T = Row>(query: Query, options?: IterateOptions): RowIterator<T>;
  /**
   * A script of any number of statements, no parameters (`'ERR_PARAMETERS'`), no rows. Not a transaction of its own:
   * a script that fails stays where it failed, and one that fails inside its own BEGIN leaves that open, as SQLite does.
   * @example await db.exec('CREATE TABLE a (x); CREATE TABLE b (y);');
   */
  exec(script: string, options?: CallOptions): Promise<void>;
  /**
   * One statement, many parameter sets: one hop, one transaction, all or nothing.
   * @example await db.executeMany('INSERT INTO point VALUES (?, ?)', [[1, 2], [3, 4]]);
   */
  executeMany(sql: string, rows: readonly Params[], options?: CallOptions): Promise<{ changes: number }>;
  /**
   * Several statements: one hop, one transaction, all or nothing.
   * @example await db.batch([{ sql: 'INSERT INTO a VALUES (1)' }, { sql: 'SELECT count(*) AS n FROM a' }]);
   */
  batch(queries: readonly BatchQuery[], options?: BatchOptions): Promise<QueryResult[]>;
  /**
   * Commits when `fn` resolves, rolls back when it rejects. Nested calls are savepoints, siblings run one after another.
   * While it is open, other calls on the same connection wait; a call on the connection or pool itself from inside `fn`
   * rejects `'ERR_NESTED_ACQUIRE'`, a call on `tx` after the end `'ERR_TRANSACTION_CLOSED'`.
   * @example await db.transaction(async (tx) => { await tx.run('…'); await tx.run('…'); });
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

/** The verbs inside one open transaction. */
export interface Transaction extends Executor {}
