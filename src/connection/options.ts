import {
  boolean,
  checkNames,
  checkPath,
  checkTimeoutMs,
  integer,
  type NamesOf,
  oneOf,
  optionalFunction,
} from '../arguments.js';
import { invalidArgument, outOfRange } from '../errors.js';
import type { TransactionMode } from '../executor.js';
import { Call } from '../wire/call.js';
import type { IntegerMode } from '../wire/outcome/rows.js';
import { IntegerMode as IntegerModes, Request } from '../wire/protocol.js';
import type { SlowCalls, TracedCall } from '../wire/trace.js';

/** Options of {@link connect}, and of each connection of a pool. Checked before anything is opened. */
export interface ConnectionOptions {
  /** Opens the file for reading alone: writes reject `'SQLITE_READONLY'`. Default: false. */
  readonly?: boolean;
  /** Rejects `'SQLITE_CANTOPEN'` if the file is missing. Default: false: it is created, private to its owner (0600). */
  mustExist?: boolean;
  /**
   * Reads a double-quoted word that names no column as a string, as older SQLite did. For files whose views, triggers,
   * CHECK constraints or indexes are written so: without it such a view or trigger, VACUUM and ALTER TABLE reject
   * `'SQLITE_ERROR'`. Applies to your own SQL, too: a misspelled `"column"` becomes a string. Default: false.
   * @example await connect('legacy.db', { doubleQuotedStrings: true })
   */
  doubleQuotedStrings?: boolean;
  /** Default of transaction(). Default: `'immediate'`, which takes the write lock at once; `'deferred'` if readonly. */
  transactionMode?: TransactionMode;
  /** How long a call waits for a lock that another process holds, in milliseconds. Default: 5,000. Then: `'SQLITE_BUSY'`. */
  busyTimeoutMs?: number;
  /**
   * `'mixed'` (default): number, or bigint outside the safe range; `'number'`: rejects outside it, RangeError naming the
   * column, and a write with RETURNING is rolled back; `'bigint'`: always bigint. lastInsertRowid follows.
   */
  integerMode?: IntegerMode;
  /** Prepared statements that are kept, least recently used goes first. Default: 128. */
  statementCacheSize?: number;
  /** Jobs that may wait, the running one not counted; the next call rejects `'ERR_QUEUE_FULL'`. Default: 100,000. */
  maxPending?: number;
  /** Bytes that waiting jobs may hold; the next call rejects `'ERR_QUEUE_FULL'`. Default: 268,435,456 (256 MiB). */
  maxPendingBytes?: number;
  /** sqlite.org/pragma.html#pragma_journal_mode. Default: connect(): left as the file has it; createPool(): `'wal'`. */
  journalMode?: 'wal' | 'delete' | 'truncate' | 'persist' | 'memory';
  /**
   * Default: `'full'`: an acknowledged write survives power loss. With a rollback journal that takes what SQLite calls
   * EXTRA (sqlite.org/pragma.html#pragma_synchronous), and is it.
   */
  synchronous?: 'full' | 'normal' | 'extra' | 'off';
  /** Default: true. */
  foreignKeys?: boolean;
  /** Applied once per connection, after the built-in profile. Names and values are validated. */
  pragmas?: Readonly<Record<string, string | number | boolean>>;
  /** Whether loadExtension() is allowed. Default: false. The SQL function load_extension() stays off in any case. */
  allowExtensions?: boolean;
  /** Paths of extensions, loaded on every connection as it opens, through the C API; implies nothing for `allowExtensions`. */
  extensions?: readonly string[];
  /** Called after each call whose statements took longer than `slowQueryMs`: see TracedCall. */
  onSlowQuery?: (call: TracedCall) => void;
  /** In milliseconds. Default: 100. */
  slowQueryMs?: number;
}

export const CONNECTION_OPTIONS: NamesOf<ConnectionOptions> = {
  readonly: true,
  mustExist: true,
  transactionMode: true,
  busyTimeoutMs: true,
  integerMode: true,
  statementCacheSize: true,
  maxPending: true,
  maxPendingBytes: true,
  journalMode: true,
  synchronous: true,
  foreignKeys: true,
  doubleQuotedStrings: true,
  pragmas: true,
  allowExtensions: true,
  extensions: true,
  onSlowQuery: true,
  slowQueryMs: true,
};

/** Every option with its value: what a connection is opened with. */
export interface CheckedOptions {
  readonly: boolean;
  mustExist: boolean;
  doubleQuotedStrings: boolean;
  transactionMode: TransactionMode;
  busyTimeoutMs: number;
  integerMode: IntegerMode;
  statementCacheSize: number;
  maxPending: number;
  maxPendingBytes: number;
  journalMode: string;
  pragmas: string[];
  extensions: readonly string[];
  allowExtensions: boolean;
  slowCalls: SlowCalls | undefined;
}

const TRANSACTION_MODES = ['deferred', 'immediate', 'exclusive'] as const;
const INTEGER_MODES = ['mixed', 'number', 'bigint'] as const;
const JOURNAL_MODES = ['wal', 'delete', 'truncate', 'persist', 'memory'] as const;
const SYNCHRONOUS = ['full', 'normal', 'extra', 'off'] as const;

/** Checks the name of a database. A URL of a file becomes a URI. */
export function checkDatabase(database: unknown): string {
  if (database instanceof URL) {
    if (database.protocol !== 'file:') throw outOfRange('database', "a URL that begins with 'file:'");
    return database.href;
  }
  if (typeof database !== 'string') throw invalidArgument('database', 'a string or a URL', database);
  if (database === '') throw outOfRange('database', "a path, ':memory:' or a 'file:' URI, not empty");
  checkPath('database', database);
  return database;
}

/** Checks all options at once, so that no half-configured connection exists. */
export function checkOptions<Options extends ConnectionOptions>(
  options: Options,
  known: NamesOf<Options>,
  defaultJournalMode: '' | 'wal',
): CheckedOptions {
  checkNames('options', options, known);
  const readonly = boolean(options, 'readonly', false);
  const synchronous = oneOf(options, 'synchronous', SYNCHRONOUS, 'full');
  const foreignKeys = boolean(options, 'foreignKeys', true);
  const journalMode =
    options.journalMode === undefined ? defaultJournalMode : oneOf(options, 'journalMode', JOURNAL_MODES, '');
  // A deleted journal whose folder was not synced can come back after a power cut, and undo the last commit. In WAL
  // mode, which the file may have by itself, both are the same.
  const level = synchronous === 'full' && journalMode !== 'wal' ? 'extra' : synchronous;
  const durable = synchronous === 'full' || synchronous === 'extra';
  return {
    readonly,
    mustExist: boolean(options, 'mustExist', false),
    doubleQuotedStrings: boolean(options, 'doubleQuotedStrings', false),
    transactionMode: oneOf(options, 'transactionMode', TRANSACTION_MODES, readonly ? 'deferred' : 'immediate'),
    busyTimeoutMs: integer(options, 'busyTimeoutMs', 5_000, 0, 2 ** 31 - 1),
    integerMode: oneOf(options, 'integerMode', INTEGER_MODES, 'mixed'),
    statementCacheSize: integer(options, 'statementCacheSize', 128, 0, 1_000_000),
    maxPending: integer(options, 'maxPending', 100_000, 1, 2 ** 31 - 1),
    maxPendingBytes: integer(options, 'maxPendingBytes', 2 ** 28, 1, Number.MAX_SAFE_INTEGER),
    journalMode,
    pragmas: [
      `PRAGMA synchronous = ${level}`,
      `PRAGMA foreign_keys = ${foreignKeys ? 1 : 0}`,
      // Plain fsync leaves data in the drive's cache there (sqlite.org/pragma.html#pragma_fullfsync).
      ...(durable && process.platform === 'darwin' ? ['PRAGMA fullfsync = 1', 'PRAGMA checkpoint_fullfsync = 1'] : []),
      ...pragmaStatements(options.pragmas),
    ],
    extensions: extensions(options.extensions),
    allowExtensions: boolean(options, 'allowExtensions', false),
    slowCalls: slowCalls(options),
  };
}

/** The call that opens a database (binding/engine/job.h, OpenOptions). */
export function openCall(database: string, options: CheckedOptions, reader: boolean): Call {
  const call = Call.of(Request.open)
    .text(database)
    .flag(options.readonly)
    .flag(options.mustExist || reader)
    .flag(reader)
    .flag(options.doubleQuotedStrings)
    .number(options.busyTimeoutMs)
    .number(IntegerModes[options.integerMode])
    .number(options.statementCacheSize)
    // The journal mode belongs to the file: the writer sets it.
    .text(reader ? '' : options.journalMode);
  return call.texts(options.pragmas).texts(options.extensions);
}

function slowCalls(options: ConnectionOptions): SlowCalls | undefined {
  const { slowQueryMs: thresholdMs = 100 } = options;
  checkTimeoutMs('options.slowQueryMs', thresholdMs);
  const listener = optionalFunction(options, 'onSlowQuery');
  return listener && { thresholdMs, listener };
}

function pragmaStatements(pragmas: unknown): string[] {
  if (pragmas === undefined) return [];
  if (typeof pragmas !== 'object' || pragmas === null || Array.isArray(pragmas)) {
    throw invalidArgument('options.pragmas', 'an object', pragmas);
  }
  return Object.entries(pragmas).map(([name, value]) => {
    if (!/^[A-Za-z_]+(\.[A-Za-z_]+)?$/.test(name)) {
      throw outOfRange('options.pragmas', 'an object whose keys are names of PRAGMAs');
    }
    return `PRAGMA ${name} = ${pragmaValue(`options.pragmas.${name}`, value)}`;
  });
}

function pragmaValue(name: string, value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return value ? '1' : '0';
    case 'number':
      if (!Number.isFinite(value)) throw outOfRange(name, 'a finite number');
      return String(value);
    case 'string':
      if (value.includes('\0')) throw outOfRange(name, 'a string without U+0000');
      return `'${value.replaceAll("'", "''")}'`;
    default:
      throw invalidArgument(name, 'a string, number or boolean', value);
  }
}

function extensions(paths: unknown): readonly string[] {
  if (paths === undefined) return [];
  if (!Array.isArray(paths)) throw invalidArgument('options.extensions', 'an array of paths', paths);
  return Array.from(paths, (path: unknown, i) => {
    checkPath(`options.extensions[${i}]`, path);
    return path;
  });
}
