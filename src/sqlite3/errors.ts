import { AiosqliteError, SqliteError } from '../index.js';
import { MISUSE } from './constants.js';

/** An error of node-sqlite3: `errno` is SQLite's primary result code, `code` its name, with which the message begins. */
export interface Sqlite3Error extends Error {
  /** Primary result code: 19 for every violated constraint. */
  errno: number;
  /** Name of that code: `'SQLITE_CONSTRAINT'`. */
  code: string;
  /** The error of this package, with the extended code. */
  cause?: unknown;
}

export function sqlite3Error(code: string, errno: number, message: string, cause?: unknown): Sqlite3Error {
  const error = new Error(`${code}: ${message}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { errno, code });
}

export const misuse = (message: string, cause?: unknown): Sqlite3Error =>
  sqlite3Error('SQLITE_MISUSE', MISUSE, message, cause);

/** Turns an error of this package into one of node-sqlite3. */
export function toSqlite3Error(error: unknown): Error {
  if (error instanceof SqliteError) {
    const [primary = ''] = /^SQLITE_[A-Z]+/.exec(error.code) ?? [];
    return sqlite3Error(primary, error.errcode & 0xff, error.message, error);
  }
  if (error instanceof AiosqliteError && error.code === 'ERR_CLOSED') {
    return misuse('Database handle is closed', error);
  }
  return error instanceof Error ? error : new Error(String(error));
}
