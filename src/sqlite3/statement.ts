import { EventEmitter } from 'node:events';
import type { Connection, Row, RunResult, SqlParam } from '../index.js';
import { bind, type Given, hasValues } from './bind.js';
import {
  type Args,
  type Callback,
  deliver,
  type EachArgs,
  type ErrorCallback,
  type MapCallback,
  type RowCallback,
  type RowsCallback,
  type RunCallback,
  split,
} from './callbacks.js';
import type { Database } from './database.js';
import { misuse } from './errors.js';

/**
 * A prepared statement, as {@link Database.prepare} makes it. Its calls run in their order. Values stay bound until others
 * are given. Without a callback, a failure is an `'error'` event.
 */
export class Statement extends EventEmitter {
  /** SQL of the statement. */
  readonly sql: string;
  /** Rowid of the last insert into the database, once `run()` has called back. Absent before. */
  declare lastID: number;
  /** Number of rows that the last `run()` has changed. Absent before. */
  declare changes: number;
  readonly #db: Database;
  #given: Given = [];
  #isFinalized = false;
  /** Rows that `get()` has not given yet. At their end there are none until `reset()`. */
  #rows: AsyncIterator<Row> | undefined;

  /** Made by {@link Database.prepare}. */
  constructor(db: Database, sql: string) {
    super();
    if (typeof sql !== 'string') throw new TypeError('SQL query expected');
    this.#db = db;
    this.sql = sql;
  }

  /** Binds values, and ends the rows of `get()`. Fails if the statement can't be prepared or has no such parameter. */
  bind(...args: Args<ErrorCallback>): this {
    return this.prepared(args);
  }

  /** @internal bind(), which a program may replace. */
  prepared(args: readonly unknown[]): this {
    const work = async (connection: Connection) => {
      await this.#endRows();
      await connection.describe(this.sql);
    };
    return this.#run(args, work, () => []);
  }

  /** Ends the rows of `get()`: the next call begins with the first row. Values stay bound. */
  reset(callback?: ErrorCallback): this {
    return this.#call(() => this.#endRows(), callback);
  }

  /** Ends the statement. Later calls fail with `SQLITE_MISUSE`. Returns the database. */
  finalize(callback?: ErrorCallback): Database {
    this.reset(callback);
    this.#isFinalized = true;
    return this.#db;
  }

  /** Runs the statement. Values are given one by one, as an array or as an object by name or number. */
  run(...args: Args<RunCallback>): this {
    const keep = ({ changes, lastInsertRowid }: RunResult) => {
      Object.assign(this, { changes, lastID: lastInsertRowid });
      return [];
    };
    const work = async (connection: Connection, params: SqlParam[]) => {
      const result = await connection.run(this.sql, params);
      if (result.changes > 0) void this.#endRows(ENDED); // get() would write again
      return { ...result, lastInsertRowid: this.#db.lastIdAfter(result.lastInsertRowid) };
    };
    return this.#run(args, work, keep);
  }

  /** Gives the first row, or none; then, without `reset()` and without new values, the next one each time. */
  get<T = Row>(...args: Args<RowCallback<T | undefined>>): this {
    const work = async (connection: Connection, params: SqlParam[], areNew: boolean) => {
      if (areNew) await this.#endRows();
      this.#rows ??= await this.#open(connection, params);
      return (await this.#rows.next()).value;
    };
    return this.#run(args, work, oneOf, true);
  }

  /** @internal Gives the first row of a statement that is used once: one call to the thread. */
  first(args: readonly unknown[]): void {
    const work = (connection: Connection, params: SqlParam[]) =>
      this.#db.inserting(connection, this.sql, connection.get(this.sql, params));
    this.#run(args, work, oneOf);
  }

  /** Gives all rows. */
  all<T = Row>(...args: Args<RowsCallback<T>>): this {
    return this.#run(args, this.#all, (rows) => [rows.map(withBuffers)]);
  }

  /** Calls back for each row, then once with their number. Later calls of the database wait for the last row. */
  each<T = Row>(...args: EachArgs<T>): this {
    const { given, callbacks } = split(args, 2);
    const [onRow, onEnd] = callbacks;
    let count = 0;
    let isOpen = false;
    const work = async (connection: Connection, params: SqlParam[]) => {
      await this.#endRows(ENDED);
      const rows = await this.#open(connection, params);
      isOpen = true;
      for (let row = await rows.next(); row.done !== true; row = await rows.next()) {
        count++;
        if (onRow !== undefined) deliver(this, onRow, [null, withBuffers(row.value)]);
      }
    };
    const settled: Callback = (error) => {
      // There, too, the last callback gets the failure to prepare. Any other goes to the first one, before the end.
      const isUnprepared = error !== null && !isOpen && error.code !== 'SQLITE_RANGE';
      if (error !== null && onRow !== undefined) deliver(this, (isUnprepared && onEnd) || onRow, [error]);
      if (!isUnprepared && onEnd !== undefined) deliver(this, onEnd, [null, count]);
    };
    return this.#run(onRow ? [...given, settled] : given, work, () => [], true);
  }

  /** Gives one object of all rows: of two columns, the first is the key and the second the value; of more, the row. */
  map<T = unknown>(...args: Args<MapCallback<T>>): this {
    return this.#run(args, this.#all, (rows) => [mapOf(rows)]);
  }

  #all = (connection: Connection, params: SqlParam[]) => {
    void this.#endRows(ENDED);
    return this.#db.inserting(connection, this.sql, connection.all(this.sql, params));
  };

  /** Runs `work` with the values of a call, or with those of an earlier one. */
  #run<T>(
    args: readonly unknown[],
    work: (connection: Connection, params: SqlParam[], areNew: boolean) => Promise<T>,
    results: (result: T) => unknown[],
    alone = false,
  ): this {
    const { given, callbacks } = split(args);
    const areNew = hasValues(given);
    if (areNew) this.#given = given;
    const params = this.#bound();
    return this.#call(async (db) => work(db, params(), areNew), callbacks[0], results, alone);
  }

  /** The values as they are now. The result throws if the statement can't take them. */
  #bound(): () => SqlParam[] {
    try {
      const params = bind(this.sql, this.#given);
      return () => params;
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }

  /** The rows one by one; those of a statement that writes all at once, so that it runs to its end. */
  async #open(connection: Connection, params: SqlParam[]): Promise<AsyncIterator<Row>> {
    const { readonly: reads } = await connection.describe(this.sql);
    if (reads) return connection.iterate(this.sql, params);
    const rows = await this.#all(connection, params);
    return (async function* () {
      yield* rows;
    })();
  }

  /** Ends the rows of `get()`. `then`: those that follow. Default: the statement begins anew. */
  async #endRows(then?: AsyncIterator<Row>): Promise<void> {
    const rows = this.#rows;
    this.#rows = then;
    await rows?.return?.();
  }

  #call<T>(
    work: (connection: Connection) => Promise<T>,
    callback: Callback | undefined,
    results?: (result: T) => unknown[],
    alone = false,
  ): this {
    const isFinalized = this.#isFinalized;
    this.#db.call({
      owner: this,
      sql: this.sql,
      work: (connection) => (isFinalized ? Promise.reject(misuse('Statement is already finalized')) : work(connection)),
      callback,
      results,
      alone,
    });
    return this;
  }
}

/** No more rows, until a statement is reset. */
const ENDED: AsyncIterator<Row> = { next: async () => ({ done: true, value: undefined }) };

const oneOf = (row: Row | undefined) => (row === undefined ? [] : [withBuffers(row)]);

/** A BLOB is a Buffer there. */
function withBuffers(row: Row): Row {
  for (const name in row) {
    const value = row[name];
    if (value instanceof Uint8Array) row[name] = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  return row;
}

function mapOf(rows: Row[]): Record<string, unknown> {
  const entries = rows.map(withBuffers).map((row) => {
    const [key = '', value = '', ...more] = Object.keys(row);
    return [String(row[key]), more.length > 0 ? row : row[value]];
  });
  return Object.fromEntries(entries);
}
