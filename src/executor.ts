/** A value of a row. INTEGER outside ±(2^53-1) arrives as bigint (see {@link ConnectionOptions.integerMode}). */
export type SqlValue = null | number | bigint | string | Uint8Array;

/**
 * A value that can be bound. boolean → 0/1; safe integers except -0 → INTEGER, all other numbers → REAL (NaN becomes NULL, as
 * SQLite has none). bigint → INTEGER (out of 64 bits: RangeError); `undefined` is a TypeError.
 */
export type SqlParam = SqlValue | boolean | ArrayBuffer | ArrayBufferView;

/**
 * An array that `carray(?)` reads as rows (sqlite.org/carray.html): values of one type, without null, in their order. Anywhere else
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

/**
 * Values by name, for objects whose type is an interface and so has no index signature. A property that can't be bound,
 * or that may be absent, is refused by the compiler.
 * @example
 * interface User { id: number; name: string }
 * const add = (user: User) => db.run('INSERT INTO user VALUES (:id, :name)', user);
 */
export type NamedParams<P> = object & { readonly [K in keyof P]-?: SqlParam | SqlArray } & {
  // A function is an object with no properties of its own to check.
  readonly [Symbol.hasInstance]?: never;
};

/** A row by column name. Of two columns of one name it keeps the last. */
export type Row = Record<string, SqlValue>;

/** Result of {@link Executor.iterate}, for one consumer. */
export interface RowIterator<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  /** Ends the iteration and gives the reader of a pool back. A `for await` loop that is left does so itself. */
  return(): Promise<IteratorResult<T>>;
}

/** One statement and its values. */
export interface Query {
  /** SQL of one statement. */
  sql: string;
  /** Values of its parameters. Default: none. */
  params?: Params;
}

/** A query inside a {@link Executor.batch}. */
export interface BatchQuery extends Query {
  /** As {@link RowOptions.jsonColumns}, for this query's rows. */
  jsonColumns?: readonly string[];
  /**
   * Effect on the batch if this query neither returns a row nor changes one. `'continue'` (default) goes on;
   * `'stop'` ends the batch here, commits what ran and gives no result for the rest; `'rollback'` undoes the batch, which
   * rejects `'ERR_NO_MATCH'` with this query's `index`. So a decision stays inside the transaction, in one hop.
   */
  ifNone?: 'continue' | 'stop' | 'rollback';
}

/** Effect of one statement. */
export interface RunResult {
  /** Rows inserted, updated or deleted by this call, as SQLite counts them: 0 for a SELECT and for DDL; triggers and cascades not counted. */
  changes: number;
  /** Rowid of this call's last insert, 0 if it inserted nothing. */
  lastInsertRowid: number | bigint;
}

/** Everything about one statement. */
export interface QueryResult<T = Row> extends RunResult {
  /** Rows, in the order in which SQLite returns them. */
  rows: T[];
  /** Names of the columns, in order; empty for a statement without rows. */
  columns: string[];
}

/** Results of {@link Executor.batch} whose rows have these types, in the order of its queries. */
export type BatchResults<T extends readonly unknown[]> = { -readonly [K in keyof T]: QueryResult<T[K]> };

/** Options of every call. */
export interface CallOptions {
  /**
   * Cancels this call only: a queued one is removed, a running one is interrupted. Rejects with `signal.reason`.
   * A write that rejects so has changed nothing; one whose statements have already run ignores it and settles with its real result.
   */
  signal?: AbortSignal;
  /** Deadline of this call in milliseconds, queueing included, with the same promise. Rejects with code `'ERR_TIMEOUT'`. */
  timeoutMs?: number;
}

/** Options of calls that return rows. */
export interface RowOptions extends CallOptions {
  /** `'object'` (default): rows by column name. `'array'`: rows as arrays in column order, duplicates kept. */
  rowMode?: 'object' | 'array';
  /**
   * Columns whose TEXT is JSON (RFC 8259, at most 1,000 levels): validated on the worker, delivered parsed; other types pass as they are.
   * Invalid JSON rejects `'ERR_INVALID_JSON'` naming the column; so does the name of a column that is not there.
   */
  jsonColumns?: readonly string[];
}

/** Options of calls whose rows are arrays. */
export interface ArrayRowOptions extends RowOptions {
  /** Rows as arrays in column order. */
  rowMode: 'array';
}

/** Options of calls with columns that are delivered parsed. */
export interface JsonRowOptions extends RowOptions {
  /** As {@link RowOptions.jsonColumns}. */
  jsonColumns: readonly string[];
}

/** Options of {@link Executor.batch}. */
export interface BatchOptions extends Omit<RowOptions, 'jsonColumns'> {
  /** `false` leaves out column names; `columns` of the results may then be empty. Default: `true`. */
  columns?: boolean;
  /**
   * Overwrites what this batch deletes or replaces with zeros (sqlite.org/pragma.html#pragma_secure_delete), whatever the
   * connection's own setting: after the next checkpoint neither the file nor its WAL contains it. Costs more pages written.
   * Default: `false`.
   */
  secureDelete?: boolean;
}

/** Options of {@link Executor.iterate}. */
export interface IterateOptions extends RowOptions {
  /** Rows that cross at a time; wide rows cross earlier. Default: 250. */
  batchSize?: number;
}

/** Options of {@link Executor.executeMany}. */
export interface ManyOptions extends CallOptions {
  /**
   * Called with the number of rows run so far, after each slice and before the commit. An exception rolls the call back.
   * With it, an array also goes in slices.
   * @example await db.executeMany(sql, rows, { onProgress: (rows) => console.log(`${rows} rows`) });
   */
  onProgress?: (rows: number) => void;
}

/**
 * @internal Stands on the results of a batch that wrote and is not committed yet: it ran inside a transaction that is still
 * open, and can be rolled back.
 */
export const UNCOMMITTED: unique symbol = Symbol.for('aiosqlite.uncommitted');

/** When a transaction takes its locks (sqlite.org/lang_transaction.html). */
export type TransactionMode = 'deferred' | 'immediate' | 'exclusive';

/** Options of {@link Executor.transaction}. */
export interface TransactionOptions extends CallOptions {
  /** Default: the connection's option `transactionMode`. A nested transaction has none. */
  mode?: TransactionMode;
}

/**
 * Anything that runs SQL: Connection, Transaction and Pool share these verbs.
 * Each verb that takes (sql, params, options) also takes (query, options).
 * Misuse rejects, it never throws synchronously. One statement per call, except in exec: a second one, or none at all,
 * rejects `'ERR_STATEMENT_COUNT'` and nothing runs.
 */
export interface Executor {
  /**
   * Runs one statement for its effect. Rows that it returns are discarded.
   * @example const { lastInsertRowid } = await db.run('INSERT INTO note (text) VALUES (?)', ['hello']);
   */
  run(sql: string, params?: Params, options?: CallOptions): Promise<RunResult>;
  /** The same with a Query in place of SQL and parameters. */
  run(query: Query, options?: CallOptions): Promise<RunResult>;
  /** With parameters of an interface type. */
  run<P extends NamedParams<P>>(sql: string, params: P, options?: CallOptions): Promise<RunResult>;
  /** Rows as arrays, with columns delivered parsed. */
  get<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | undefined,
    options: ArrayRowOptions & JsonRowOptions,
  ): Promise<T | undefined>;
  /** Rows as arrays, with columns delivered parsed. */
  get<T extends readonly unknown[] = unknown[]>(
    query: Query,
    options: ArrayRowOptions & JsonRowOptions,
  ): Promise<T | undefined>;
  /** Rows as arrays in column order. */
  get<T extends readonly unknown[] = SqlValue[]>(
    sql: string,
    params: Params | undefined,
    options: ArrayRowOptions,
  ): Promise<T | undefined>;
  /** Rows as arrays in column order. */
  get<T extends readonly unknown[] = SqlValue[]>(query: Query, options: ArrayRowOptions): Promise<T | undefined>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  get<T = Record<string, unknown>>(
    sql: string,
    params: Params | undefined,
    options: JsonRowOptions,
  ): Promise<T | undefined>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  get<T = Record<string, unknown>>(query: Query, options: JsonRowOptions): Promise<T | undefined>;
  /**
   * The first row, or `undefined`. A statement that writes still runs to its end.
   * @example const note = await db.get<{ text: string }>('SELECT text FROM note WHERE id = ?', [1]);
   */
  get<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<T | undefined>;
  /** The same with a Query in place of SQL and parameters. */
  get<T = Row>(query: Query, options?: RowOptions): Promise<T | undefined>;
  /** With parameters of an interface type. */
  get<P extends NamedParams<P>, R extends Row>(sql: string, params: P, options?: RowOptions): Promise<R | undefined>;
  /** Rows as arrays, with columns delivered parsed. */
  all<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | undefined,
    options: ArrayRowOptions & JsonRowOptions,
  ): Promise<T[]>;
  /** Rows as arrays, with columns delivered parsed. */
  all<T extends readonly unknown[] = unknown[]>(query: Query, options: ArrayRowOptions & JsonRowOptions): Promise<T[]>;
  /** Rows as arrays in column order. */
  all<T extends readonly unknown[] = SqlValue[]>(
    sql: string,
    params: Params | undefined,
    options: ArrayRowOptions,
  ): Promise<T[]>;
  /** Rows as arrays in column order. */
  all<T extends readonly unknown[] = SqlValue[]>(query: Query, options: ArrayRowOptions): Promise<T[]>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  all<T = Record<string, unknown>>(sql: string, params: Params | undefined, options: JsonRowOptions): Promise<T[]>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  all<T = Record<string, unknown>>(query: Query, options: JsonRowOptions): Promise<T[]>;
  /**
   * All rows.
   * @example const notes = await db.all('SELECT * FROM note WHERE author = :author', { author: 'ada' });
   */
  all<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<T[]>;
  /** The same with a Query in place of SQL and parameters. */
  all<T = Row>(query: Query, options?: RowOptions): Promise<T[]>;
  /** With parameters of an interface type. */
  all<P extends NamedParams<P>, R extends Row>(sql: string, params: P, options?: RowOptions): Promise<R[]>;
  /** Rows as arrays, with columns delivered parsed. */
  query<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | undefined,
    options: ArrayRowOptions & JsonRowOptions,
  ): Promise<QueryResult<T>>;
  /** Rows as arrays, with columns delivered parsed. */
  query<T extends readonly unknown[] = unknown[]>(
    query: Query,
    options: ArrayRowOptions & JsonRowOptions,
  ): Promise<QueryResult<T>>;
  /** Rows as arrays in column order. */
  query<T extends readonly unknown[] = SqlValue[]>(
    sql: string,
    params: Params | undefined,
    options: ArrayRowOptions,
  ): Promise<QueryResult<T>>;
  /** Rows as arrays in column order. */
  query<T extends readonly unknown[] = SqlValue[]>(query: Query, options: ArrayRowOptions): Promise<QueryResult<T>>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  query<T = Record<string, unknown>>(
    sql: string,
    params: Params | undefined,
    options: JsonRowOptions,
  ): Promise<QueryResult<T>>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  query<T = Record<string, unknown>>(query: Query, options: JsonRowOptions): Promise<QueryResult<T>>;
  /**
   * Everything about one statement at once: rows, columns, changes (for RETURNING, query builders, adapters).
   * @example const { rows, changes } = await db.query('DELETE FROM note WHERE id < ? RETURNING id', [10]);
   */
  query<T = Row>(sql: string, params?: Params, options?: RowOptions): Promise<QueryResult<T>>;
  /** The same with a Query in place of SQL and parameters. */
  query<T = Row>(query: Query, options?: RowOptions): Promise<QueryResult<T>>;
  /** With parameters of an interface type. */
  query<P extends NamedParams<P>, R extends Row>(sql: string, params: P, options?: RowOptions): Promise<QueryResult<R>>;
  /** Rows as arrays, with columns delivered parsed. */
  iterate<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | undefined,
    options: IterateOptions & ArrayRowOptions & JsonRowOptions,
  ): RowIterator<T>;
  /** Rows as arrays, with columns delivered parsed. */
  iterate<T extends readonly unknown[] = unknown[]>(
    query: Query,
    options: IterateOptions & ArrayRowOptions & JsonRowOptions,
  ): RowIterator<T>;
  /** Rows as arrays in column order. */
  iterate<T extends readonly unknown[] = SqlValue[]>(
    sql: string,
    params: Params | undefined,
    options: IterateOptions & ArrayRowOptions,
  ): RowIterator<T>;
  /** Rows as arrays in column order. */
  iterate<T extends readonly unknown[] = SqlValue[]>(
    query: Query,
    options: IterateOptions & ArrayRowOptions,
  ): RowIterator<T>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  iterate<T = Record<string, unknown>>(
    sql: string,
    params: Params | undefined,
    options: IterateOptions & JsonRowOptions,
  ): RowIterator<T>;
  /** Columns delivered parsed. Their values are unknown unless `T` names them. */
  iterate<T = Record<string, unknown>>(query: Query, options: IterateOptions & JsonRowOptions): RowIterator<T>;
  /**
   * Rows in batches with back-pressure: the worker stops stepping when the consumer is slow; it is one batch ahead at
   * most. Until its end the iterator holds a snapshot; on a pool it has a reader of its own, for which calls inside the
   * loop don't wait. Leaving the loop, by `break`, an exception or `signal`, lets go of it. A statement that writes is
   * refused: `'ERR_NOT_A_READ'`. `timeoutMs` is the deadline of the whole iteration.
   * @example for await (const note of db.iterate('SELECT * FROM note')) console.log(note);
   */
  iterate<T = Row>(sql: string, params?: Params, options?: IterateOptions): RowIterator<T>;
  /** The same with a Query in place of SQL and parameters. */
  iterate<T = Row>(query: Query, options?: IterateOptions): RowIterator<T>;
  /** With parameters of an interface type. */
  iterate<P extends NamedParams<P>, R extends Row>(sql: string, params: P, options?: IterateOptions): RowIterator<R>;
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
   * Any iterable of parameter sets, such as a generator or a stream of objects. Its rows run in slices within one
   * transaction: reading and sending a slice takes a few milliseconds, and the event loop runs between slices. The next
   * slice is read while the worker runs the last one. Other writes wait for the transaction, so a slow source delays them.
   *
   * All or nothing: a failure, `signal` and `timeoutMs` roll everything back. The iterator's `return()` is then called.
   * A source that reads from the same connection or transaction rejects `'ERR_NESTED_ACQUIRE'`; on a pool it may read.
   * @example
   * async function* rows() {
   *   for await (const line of createInterface({ input: createReadStream('points.csv') })) yield line.split(',');
   * }
   * await db.executeMany('INSERT INTO point VALUES (?, ?)', rows());
   */
  executeMany(
    sql: string,
    rows: Iterable<Params> | AsyncIterable<Params>,
    options?: ManyOptions,
  ): Promise<{ changes: number }>;
  /** With rows of an interface type. */
  executeMany<P extends NamedParams<P>>(
    sql: string,
    rows: Iterable<P> | AsyncIterable<P>,
    options?: ManyOptions,
  ): Promise<{ changes: number }>;
  /** Rows as arrays in column order. */
  batch(
    queries: readonly BatchQuery[],
    options: BatchOptions & { rowMode: 'array' },
  ): Promise<QueryResult<SqlValue[]>[]>;
  /**
   * Several statements: one hop, one transaction, all or nothing.
   * @example await db.batch([{ sql: 'INSERT INTO a VALUES (1)' }, { sql: 'SELECT count(*) AS n FROM a' }]);
   */
  batch(queries: readonly BatchQuery[], options?: BatchOptions): Promise<QueryResult[]>;
  /**
   * The same with the types of the rows: `T` is a tuple with one type for each query, or an array type for all. After
   * `ifNone: 'stop'` the results of the rest are absent.
   * @example const [ada, count] = await db.batch<[User, { n: number }]>([findUser, countUsers]);
   */
  batch<T extends readonly unknown[]>(queries: readonly BatchQuery[], options?: BatchOptions): Promise<BatchResults<T>>;
  /**
   * Commits when `fn` resolves, rolls back when it rejects. Nested calls are savepoints, siblings run one after another.
   * While it is open, other calls on the same connection wait; a call on the connection or pool itself from inside `fn`
   * rejects `'ERR_NESTED_ACQUIRE'`, a call on `tx` after the end `'ERR_TRANSACTION_CLOSED'`.
   * @example await db.transaction(async (tx) => { await tx.run('…'); await tx.run('…'); });
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

/** The verbs inside one open transaction. */
export interface Transaction extends Executor {
  /**
   * Columns with declared type and origin, parameters, whether a statement only reads; runs nothing. It sees tables that this
   * transaction has made.
   * @example const { columns } = await tx.describe('SELECT * FROM note WHERE id = :id');
   */
  describe(sql: string | Query): Promise<StatementDescription>;
}

/** Description of a prepared statement, as {@link Connection.describe} and {@link Transaction.describe} give it. */
export interface StatementDescription {
  /** Whether it only reads. */
  readonly: boolean;
  /** As they are written, prefix included. */
  parameters: string[];
  /** Columns of its rows. Of a column that comes from a table, also its declared type and its origin. */
  columns: { name: string; declaredType?: string; database?: string; table?: string; column?: string }[];
}
