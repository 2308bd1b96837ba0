import { EventEmitter } from 'node:events';
import type { Connection } from '../index.js';
import type { Callback, ErrorCallback } from './callbacks.js';
import { BUSY, ERROR, LOCKED } from './constants.js';
import type { Database } from './database.js';
import { misuse, type Sqlite3Error, sqlite3Error, toSqlite3Error } from './errors.js';

/**
 * A copy of a database into a file, or the other way, made by {@link Database.backup}. Other calls run between the steps of a copy
 * into a file, which appears, or is replaced, once it is complete.
 */
export class Backup extends EventEmitter {
  /** The file. */
  readonly filename: string;
  /** Codes of errors after which `step()` may be called again. After any other the copy has failed. */
  retryErrors: number[] = [BUSY, LOCKED];
  /** Whether the file is complete. */
  completed = false;
  /** Whether it ended before that. */
  failed = false;
  /** Pages still to be copied, after `step()`; -1 before. */
  remaining = -1;
  /** Pages of the database, after `step()`; -1 before. */
  pageCount = -1;
  readonly #db: Database;
  #pending = 0;
  #isFinished = false;

  /** Made by {@link Database.backup}. */
  constructor(
    db: Database,
    filename: string,
    /** Schema of the copy: `'main'`. */
    readonly destName: string,
    /** Schema that is copied: `'main'`. */
    readonly sourceName: string,
    /** Whether the file is the copy, not what is copied. */
    readonly filenameIsDest: boolean,
    callback?: ErrorCallback<Backup>,
  ) {
    super();
    if (typeof filename !== 'string') throw new TypeError('Filename expected');
    this.#db = db;
    this.filename = filename;
    const work = async () => {
      if (destName === 'main' && sourceName === 'main') return;
      throw sqlite3Error('SQLITE_ERROR', ERROR, 'schemas other than main are not copied');
    };
    this.#call(work, callback);
  }

  /** Whether no call runs or waits. */
  get idle(): boolean {
    return this.#pending === 0;
  }

  /**
   * Copies everything that is left: `pages` is the number of pages that are copied at a time; -1: as many as fit. A file replaces
   * the database at once.
   */
  step(pages: number, callback?: (this: Backup, error: Error | null, completed: boolean) => void): this {
    if (typeof pages !== 'number') throw new TypeError('Argument 0 must be an integer');
    const work = async (connection: Connection) => {
      if (this.completed) return;
      const onProgress = ({ totalPages, remainingPages }: { totalPages: number; remainingPages: number }) => {
        this.pageCount = totalPages;
        this.remaining = remainingPages;
      };
      if (this.filenameIsDest)
        await connection.backup(this.filename, { onProgress, ...(pages > 0 && { pagesPerStep: pages }) });
      else onProgress(await connection.restore(this.filename));
      this.remaining = 0;
      this.completed = true;
    };
    return this.#call(work, callback, () => [true]);
  }

  /** Ends the copy. Unless it is complete, it has failed. Later calls fail with `SQLITE_MISUSE`. */
  finish(callback?: ErrorCallback<Backup>): this {
    return this.#call(async () => this.#finish(), callback);
  }

  #finish(): void {
    this.#isFinished = true;
    this.failed = !this.completed;
  }

  #call(
    work: (connection: Connection) => Promise<void>,
    callback: Callback | undefined,
    results?: () => unknown[],
  ): this {
    const counted = async (connection: Connection) => {
      try {
        if (this.#isFinished) throw misuse('Backup is already finished');
        await work(connection);
      } catch (reason) {
        const error = toSqlite3Error(reason) as Sqlite3Error;
        if (!this.retryErrors.includes(error.errno)) this.#finish();
        throw error;
      } finally {
        this.#pending--;
      }
    };
    this.#db.call({ owner: this, sql: '', work: counted, callback, results });
    this.#pending++; // a callback that is none has thrown
    return this;
  }
}
