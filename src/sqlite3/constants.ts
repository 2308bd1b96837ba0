/** Numbers of node-sqlite3: they are SQLite's own. */

import { sqliteSourceId, sqliteVersion } from '../index.js';

/** Opens for reading only. */
export const OPEN_READONLY = 1;
/** Opens for reading and writing. */
export const OPEN_READWRITE = 2;
/** Makes a missing file. */
export const OPEN_CREATE = 4;
/** Takes a `file:` URI (sqlite.org/uri.html). */
export const OPEN_URI = 0x40;
/** Accepted, without effect: each database has a thread of its own. */
export const OPEN_FULLMUTEX = 0x10000;
/** With `OPEN_URI`: connections of this process to the same URI share a cache, and so a database in memory. */
export const OPEN_SHAREDCACHE = 0x20000;
/** Accepted, without effect. */
export const OPEN_PRIVATECACHE = 0x40000;

/** Result code 0 (sqlite.org/rescode.html), the `errno` of errors. */
export const OK = 0;
/** Result code 1 (sqlite.org/rescode.html), the `errno` of errors. */
export const ERROR = 1;
/** Result code 2 (sqlite.org/rescode.html), the `errno` of errors. */
export const INTERNAL = 2;
/** Result code 3 (sqlite.org/rescode.html), the `errno` of errors. */
export const PERM = 3;
/** Result code 4 (sqlite.org/rescode.html), the `errno` of errors. */
export const ABORT = 4;
/** Result code 5 (sqlite.org/rescode.html), the `errno` of errors. */
export const BUSY = 5;
/** Result code 6 (sqlite.org/rescode.html), the `errno` of errors. */
export const LOCKED = 6;
/** Result code 7 (sqlite.org/rescode.html), the `errno` of errors. */
export const NOMEM = 7;
/** Result code 8 (sqlite.org/rescode.html), the `errno` of errors. */
export const READONLY = 8;
/** Result code 9 (sqlite.org/rescode.html), the `errno` of errors. */
export const INTERRUPT = 9;
/** Result code 10 (sqlite.org/rescode.html), the `errno` of errors. */
export const IOERR = 10;
/** Result code 11 (sqlite.org/rescode.html), the `errno` of errors. */
export const CORRUPT = 11;
/** Result code 12 (sqlite.org/rescode.html), the `errno` of errors. */
export const NOTFOUND = 12;
/** Result code 13 (sqlite.org/rescode.html), the `errno` of errors. */
export const FULL = 13;
/** Result code 14 (sqlite.org/rescode.html), the `errno` of errors. */
export const CANTOPEN = 14;
/** Result code 15 (sqlite.org/rescode.html), the `errno` of errors. */
export const PROTOCOL = 15;
/** Result code 16 (sqlite.org/rescode.html), the `errno` of errors. */
export const EMPTY = 16;
/** Result code 17 (sqlite.org/rescode.html), the `errno` of errors. */
export const SCHEMA = 17;
/** Result code 18 (sqlite.org/rescode.html), the `errno` of errors. */
export const TOOBIG = 18;
/** Result code 19 (sqlite.org/rescode.html), the `errno` of errors. */
export const CONSTRAINT = 19;
/** Result code 20 (sqlite.org/rescode.html), the `errno` of errors. */
export const MISMATCH = 20;
/** Result code 21 (sqlite.org/rescode.html), the `errno` of errors. */
export const MISUSE = 21;
/** Result code 22 (sqlite.org/rescode.html), the `errno` of errors. */
export const NOLFS = 22;
/** Result code 23 (sqlite.org/rescode.html), the `errno` of errors. */
export const AUTH = 23;
/** Result code 24 (sqlite.org/rescode.html), the `errno` of errors. */
export const FORMAT = 24;
/** Result code 25 (sqlite.org/rescode.html), the `errno` of errors. */
export const RANGE = 25;
/** Result code 26 (sqlite.org/rescode.html), the `errno` of errors. */
export const NOTADB = 26;

/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_LENGTH = 0;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_SQL_LENGTH = 1;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_COLUMN = 2;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_EXPR_DEPTH = 3;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_COMPOUND_SELECT = 4;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_VDBE_OP = 5;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_FUNCTION_ARG = 6;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_ATTACHED = 7;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_LIKE_PATTERN_LENGTH = 8;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_VARIABLE_NUMBER = 9;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_TRIGGER_DEPTH = 10;
/** Limit of `configure('limit', …)` (sqlite.org/c3ref/c_limit_attached.html). */
export const LIMIT_WORKER_THREADS = 11;

/** Version of SQLite, such as `'3.53.4'`. */
export const VERSION = sqliteVersion;
/** Date, time and hash of its sources. */
export const SOURCE_ID = sqliteSourceId;
/** VERSION as a number, such as 3053004. */
export const VERSION_NUMBER = numberOf(sqliteVersion);

function numberOf(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return major * 1_000_000 + minor * 1_000 + patch;
}
