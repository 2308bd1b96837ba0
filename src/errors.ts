/** Result codes of SQLite by name (sqlite.org/rescode.html). A later SQLite may have more. */
export type SqliteErrorCode =
  | 'SQLITE_ERROR'
  | 'SQLITE_INTERNAL'
  | 'SQLITE_PERM'
  | 'SQLITE_ABORT'
  | 'SQLITE_BUSY'
  | 'SQLITE_LOCKED'
  | 'SQLITE_NOMEM'
  | 'SQLITE_READONLY'
  | 'SQLITE_INTERRUPT'
  | 'SQLITE_IOERR'
  | 'SQLITE_CORRUPT'
  | 'SQLITE_NOTFOUND'
  | 'SQLITE_FULL'
  | 'SQLITE_CANTOPEN'
  | 'SQLITE_PROTOCOL'
  | 'SQLITE_EMPTY'
  | 'SQLITE_SCHEMA'
  | 'SQLITE_TOOBIG'
  | 'SQLITE_CONSTRAINT'
  | 'SQLITE_MISMATCH'
  | 'SQLITE_MISUSE'
  | 'SQLITE_NOLFS'
  | 'SQLITE_AUTH'
  | 'SQLITE_FORMAT'
  | 'SQLITE_RANGE'
  | 'SQLITE_NOTADB'
  | 'SQLITE_NOTICE'
  | 'SQLITE_WARNING'
  | 'SQLITE_ERROR_MISSING_COLLSEQ'
  | 'SQLITE_ERROR_RETRY'
  | 'SQLITE_ERROR_SNAPSHOT'
  | 'SQLITE_IOERR_READ'
  | 'SQLITE_IOERR_SHORT_READ'
  | 'SQLITE_IOERR_WRITE'
  | 'SQLITE_IOERR_FSYNC'
  | 'SQLITE_IOERR_DIR_FSYNC'
  | 'SQLITE_IOERR_TRUNCATE'
  | 'SQLITE_IOERR_FSTAT'
  | 'SQLITE_IOERR_UNLOCK'
  | 'SQLITE_IOERR_RDLOCK'
  | 'SQLITE_IOERR_DELETE'
  | 'SQLITE_IOERR_BLOCKED'
  | 'SQLITE_IOERR_NOMEM'
  | 'SQLITE_IOERR_ACCESS'
  | 'SQLITE_IOERR_CHECKRESERVEDLOCK'
  | 'SQLITE_IOERR_LOCK'
  | 'SQLITE_IOERR_CLOSE'
  | 'SQLITE_IOERR_DIR_CLOSE'
  | 'SQLITE_IOERR_SHMOPEN'
  | 'SQLITE_IOERR_SHMSIZE'
  | 'SQLITE_IOERR_SHMLOCK'
  | 'SQLITE_IOERR_SHMMAP'
  | 'SQLITE_IOERR_SEEK'
  | 'SQLITE_IOERR_DELETE_NOENT'
  | 'SQLITE_IOERR_MMAP'
  | 'SQLITE_IOERR_GETTEMPPATH'
  | 'SQLITE_IOERR_CONVPATH'
  | 'SQLITE_IOERR_VNODE'
  | 'SQLITE_IOERR_AUTH'
  | 'SQLITE_IOERR_BEGIN_ATOMIC'
  | 'SQLITE_IOERR_COMMIT_ATOMIC'
  | 'SQLITE_IOERR_ROLLBACK_ATOMIC'
  | 'SQLITE_IOERR_DATA'
  | 'SQLITE_IOERR_CORRUPTFS'
  | 'SQLITE_IOERR_IN_PAGE'
  | 'SQLITE_LOCKED_SHAREDCACHE'
  | 'SQLITE_LOCKED_VTAB'
  | 'SQLITE_BUSY_RECOVERY'
  | 'SQLITE_BUSY_SNAPSHOT'
  | 'SQLITE_BUSY_TIMEOUT'
  | 'SQLITE_CANTOPEN_NOTEMPDIR'
  | 'SQLITE_CANTOPEN_ISDIR'
  | 'SQLITE_CANTOPEN_FULLPATH'
  | 'SQLITE_CANTOPEN_CONVPATH'
  | 'SQLITE_CANTOPEN_SYMLINK'
  | 'SQLITE_CORRUPT_VTAB'
  | 'SQLITE_CORRUPT_SEQUENCE'
  | 'SQLITE_CORRUPT_INDEX'
  | 'SQLITE_READONLY_RECOVERY'
  | 'SQLITE_READONLY_CANTLOCK'
  | 'SQLITE_READONLY_ROLLBACK'
  | 'SQLITE_READONLY_DBMOVED'
  | 'SQLITE_READONLY_CANTINIT'
  | 'SQLITE_READONLY_DIRECTORY'
  | 'SQLITE_ABORT_ROLLBACK'
  | 'SQLITE_CONSTRAINT_CHECK'
  | 'SQLITE_CONSTRAINT_COMMITHOOK'
  | 'SQLITE_CONSTRAINT_FOREIGNKEY'
  | 'SQLITE_CONSTRAINT_FUNCTION'
  | 'SQLITE_CONSTRAINT_NOTNULL'
  | 'SQLITE_CONSTRAINT_PRIMARYKEY'
  | 'SQLITE_CONSTRAINT_TRIGGER'
  | 'SQLITE_CONSTRAINT_UNIQUE'
  | 'SQLITE_CONSTRAINT_VTAB'
  | 'SQLITE_CONSTRAINT_ROWID'
  | 'SQLITE_CONSTRAINT_PINNED'
  | 'SQLITE_CONSTRAINT_DATATYPE'
  | 'SQLITE_NOTICE_RECOVER_WAL'
  | 'SQLITE_NOTICE_RECOVER_ROLLBACK'
  | 'SQLITE_WARNING_AUTOINDEX'
  | 'SQLITE_AUTH_USER'
  | (string & {});

/** Codes of {@link AiosqliteError}, each with a row in the README. A later version may have more. */
export type AiosqliteErrorCode =
  | 'ERR_ADDON'
  | 'ERR_CLOSED'
  | 'ERR_CONTROL_STATEMENT'
  | 'ERR_EXTENSIONS_DISABLED'
  | 'ERR_FUNCTION'
  | 'ERR_INTERNAL'
  | 'ERR_INVALID_ARG_VALUE'
  | 'ERR_INVALID_CHANGESET'
  | 'ERR_INVALID_JSON'
  | 'ERR_ITERATOR_BUSY'
  | 'ERR_MIGRATION'
  | 'ERR_MISSING_PACKAGE'
  | 'ERR_NESTED_ACQUIRE'
  | 'ERR_NOT_A_READ'
  | 'ERR_NO_MATCH'
  | 'ERR_NO_POOL'
  | 'ERR_NO_THREAD'
  | 'ERR_PARAMETERS'
  | 'ERR_POOL_TIMEOUT'
  | 'ERR_QUEUE_FULL'
  | 'ERR_SAME_FILE'
  | 'ERR_STATEMENT_COUNT'
  | 'ERR_TIMEOUT'
  | 'ERR_TRANSACTION_CLOSED'
  | (string & {});

/** A failure that SQLite reports. `code` and `errcode` are contract, `message` is not. */
export class SqliteError extends Error {
  /** Extended result code by name: `'SQLITE_CONSTRAINT_UNIQUE'`, `'SQLITE_BUSY'`, … (sqlite.org/rescode.html). */
  readonly code: SqliteErrorCode;
  /** Extended result code by number: 2067, 5, … */
  readonly errcode: number;
  /** The SQL text that failed, of which a very long one has its first MiB. Bound values are never part of an error. */
  declare readonly sql?: string;
  /** Byte offset of the offending token in `sql`, where SQLite knows it (sqlite.org/c3ref/errcode.html). */
  declare readonly offset?: number;

  constructor(
    message: string,
    code: SqliteErrorCode,
    errcode: number,
    details: { sql?: string; offset?: number } = {},
  ) {
    super(message);
    this.name = 'SqliteError';
    this.code = code;
    this.errcode = errcode;
    if (details.sql !== undefined) this.sql = details.sql;
    if (details.offset !== undefined) this.offset = details.offset;
  }
}

/** Misuse and lifecycle: the codes are listed in the README. */
export class AiosqliteError extends Error {
  /** Contract, unlike `message`: one of the codes in the reference of errors. */
  readonly code: AiosqliteErrorCode;
  /** In a batch: position of the query that failed, from 0. */
  declare readonly index?: number;
  /** With `'ERR_INVALID_JSON'`: the column. */
  declare readonly column?: string;

  constructor(
    code: AiosqliteErrorCode,
    message: string,
    details: { index?: number; column?: string; cause?: unknown } = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'AiosqliteError';
    this.code = code;
    if (details.index !== undefined) this.index = details.index;
    if (details.column !== undefined) this.column = details.column;
  }
}

/** A wrong argument, as Node reports it: a TypeError with code `'ERR_INVALID_ARG_TYPE'`. */
export function invalidArgument(name: string, expected: string, actual: unknown): TypeError {
  const error = new TypeError(`${name} must be ${expected}, not ${describe(actual)}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

/** A value outside its range, as Node reports it: a RangeError with code `'ERR_OUT_OF_RANGE'`. */
export function outOfRange(name: string, expected: string): RangeError {
  return Object.assign(new RangeError(`${name} must be ${expected}`), { code: 'ERR_OUT_OF_RANGE' });
}

/** A name that an options object may not have: a TypeError with code `'ERR_UNKNOWN_OPTION'`. */
export function unknownOption(name: string, hint: string): TypeError {
  return Object.assign(new TypeError(`${name} is unknown: ${hint}`), { code: 'ERR_UNKNOWN_OPTION' });
}

/** Warns of an object that was dropped while it was open. */
export function warnForgotten(what: string, how = 'without close()'): void {
  process.emitWarning(`${what} was garbage-collected ${how}`, 'AiosqliteWarning');
}

/** Names the kind of a value, never the value or a part of it: errors hold no data. */
function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'an array';
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return `an instance of ${typeof name === 'string' && name !== '' ? name : 'Object'}`;
}

/** Throws outside of the current call: the exception of a listener is no failure of the call that it listens to. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
