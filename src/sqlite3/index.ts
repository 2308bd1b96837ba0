import { resolve } from 'node:path';
import { Backup } from './backup.js';
import type { DatabaseCallback } from './callbacks.js';
import * as constants from './constants.js';
import { Database } from './database.js';
import { Statement } from './statement.js';
import { setVerbose } from './verbose.js';

export { Backup } from './backup.js';
export type {
  Args,
  CompleteCallback,
  DatabaseCallback,
  EachArgs,
  ErrorCallback,
  MapCallback,
  Param,
  RowCallback,
  RowsCallback,
  RunCallback,
} from './callbacks.js';
export * from './constants.js';
export { Database } from './database.js';
export type { Sqlite3Error } from './errors.js';
export { Statement } from './statement.js';

const objects: Record<string, Database> = {};

/** Opens each file once. Called with `new` or without. */
function CachedDatabase(filename: string, callback?: DatabaseCallback): Database;
function CachedDatabase(filename: string, mode?: number, callback?: DatabaseCallback): Database;
function CachedDatabase(filename: string, ...args: unknown[]): Database {
  const given = args as [number, DatabaseCallback];
  if (filename === '' || filename === ':memory:') return new Database(filename, ...given);
  const file = resolve(filename);
  const known = objects[file];
  if (known === undefined) {
    const database = new Database(file, ...given);
    objects[file] = database;
    return database;
  }
  const callback = args.find((arg) => typeof arg === 'function') as DatabaseCallback | undefined;
  if (callback !== undefined) known.wait(callback);
  return known;
}

/** Databases by file: `new cached.Database(file)` gives the same object for the same file. */
export const cached = { objects, Database: CachedDatabase };

/** Lets errors name the place of the call, at the cost of a stack trace for each call. Returns the module. */
export function verbose(): typeof sqlite3 {
  setVerbose();
  return sqlite3;
}

/** Everything of this module, for `import sqlite3 from 'aiosqlite/sqlite3'`. */
const sqlite3 = { ...constants, Database, Statement, Backup, cached, verbose };
export default sqlite3;
