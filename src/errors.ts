/** A failure that SQLite reports. `code` and `errcode` are contract, `message` is not. */
export class SqliteError extends Error {
  /** Extended result code by name: `'SQLITE_CONSTRAINT_UNIQUE'`, `'SQLITE_BUSY'`, … (sqlite.org/rescode.html). */
  readonly code: string;
  /** Extended result code by number: 2067, 5, … */
  readonly errcode: number;
  /** The SQL text that failed, of which a very long one has its first MiB. Bound values are never part of an error. */
  declare readonly sql?: string;
  /** Byte offset of the offending token in `sql`, where SQLite knows it (sqlite.org/c3ref/errcode.html). */
  declare readonly offset?: number;

  constructor(message: string, code: string, errcode: number, details: { sql?: string; offset?: number } = {}) {
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
  readonly code: string;
  /** In a batch: position of the query that failed, from 0. */
  declare readonly index?: number;
  /** With `'ERR_INVALID_JSON'`: the column. */
  declare readonly column?: string;

  constructor(code: string, message: string, details: { index?: number; column?: string; cause?: unknown } = {}) {
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

/** Tells of something that was dropped, and that nobody can end any more. */
export function warnForgotten(what: string, how = 'without close()'): void {
  process.emitWarning(`${what} was garbage-collected ${how}`, 'AiosqliteWarning');
}

/** Throws unless `value` is an object; an array is none, where options are expected. */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(name, 'an object', value);
  }
}

/** What kind of thing a value is. Never the value itself, nor anything of its own: errors hold no data. */
function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'an array';
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return `an instance of ${typeof name === 'string' && name !== '' ? name : 'Object'}`;
}

/** For what a listener throws: it is not the failure of the call that it was told of. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
