import { EventEmitter } from 'node:events';
import { resolve } from 'node:path';
import { type Connection, connect, type Row } from '../index.js';
import { Backup } from './backup.js';
import {
  type Args,
  type Callback,
  type DatabaseCallback,
  deliver,
  type EachArgs,
  type ErrorCallback,
  type MapCallback,
  type RowCallback,
  type RowsCallback,
  type RunCallback,
} from './callbacks.js';
import { Calls } from './calls.js';
import { configuration } from './configure.js';
import { OPEN_CREATE, OPEN_READONLY, OPEN_READWRITE, OPEN_SHAREDCACHE, OPEN_URI } from './constants.js';
import { misuse } from './errors.js';
import { Statement } from './statement.js';
import { traced } from './verbose.js';

/** One call of a database or of what belongs to it. */
export interface DatabaseCall<T> {
  /** The object that is `this` in callbacks, and that emits `'error'` where there is no callback. */
  owner: EventEmitter;
  sql: string;
  work: (connection: Connection) => Promise<T>;
  callback: Callback | undefined;
  /** Arguments of the callback after the error. Default: none. */
  results?: ((result: T) => unknown[]) | undefined;
  /** Whether earlier calls must have called back before, and later ones wait for its end. */
  alone?: boolean;
  /** Event of the database that follows the callback. */
  event?: 'open' | 'close';
}

/**
 * A database of node-sqlite3, over a connection of this package: its calls never block the event loop. They run and call back
 * in the order in which they are made, always as inside `serialize()`. Calls may be made before it is open.
 *
 * Events: `'open'`, `'close'`, `'error'` (of a call without a callback), `'trace'`, `'profile'` and, after each commit,
 * `'change'`.
 */
export class Database extends EventEmitter {
  /** Name that was given. */
  readonly filename: string;
  /** Flags that were given, or `OPEN_READWRITE | OPEN_CREATE`. */
  readonly mode: number;
  #connection: Connection | undefined;
  #isClosing = false;
  /** Error of the opening, with which later calls fail, too. */
  #failure: unknown;
  #lastId = 0;
  readonly #calls = new Calls();
  #stopChanges: Promise<() => void> | undefined;

  /** Opens a file, or `':memory:'`. Fails with `SQLITE_CANTOPEN` and others, to the callback or as an `'error'` event. */
  constructor(filename: string, callback?: DatabaseCallback);
  /** Opens a file with flags. */
  constructor(filename: string, mode?: number, callback?: DatabaseCallback);
  constructor(filename: string, ...args: unknown[]) {
    super();
    if (typeof filename !== 'string') throw new TypeError('String expected');
    const mode = typeof args[0] === 'number' ? args[0] : OPEN_READWRITE | OPEN_CREATE;
    const callback = args.find((arg) => typeof arg === 'function') as DatabaseCallback | undefined;
    this.filename = filename;
    this.mode = mode;
    const opening = open(filename, mode).then(
      (connection) => {
        this.#connection = connection;
      },
      (error) => {
        this.#failure = error;
        throw error;
      },
    );
    this.#calls.enter(opening);
    this.#settle(opening, { owner: this, sql: '', callback, event: 'open' });
  }

  /** Whether it is open. */
  get open(): boolean {
    return this.#connection !== undefined;
  }

  /** Closes the database after the calls that were made. Ends its statements. Later calls fail with `SQLITE_MISUSE`. */
  close(callback?: DatabaseCallback): this {
    const work = async (connection: Connection) => {
      this.#isClosing = true;
      await connection.close();
      this.#connection = undefined;
    };
    this.call({ owner: this, sql: '', work, callback, alone: true, event: 'close' });
    return this;
  }

  /** Prepares a statement. With values, they are bound. */
  prepare(sql: string, ...args: Args<ErrorCallback>): Statement {
    return new Statement(this, sql).prepared(args);
  }

  /** Runs a statement. `this` of the callback has `lastID` and `changes`. */
  run(sql: string, ...args: Args<RunCallback>): this {
    new Statement(this, sql).run(...args);
    return this;
  }

  /** Gives the first row, or none. */
  get<T = Row>(sql: string, ...args: Args<RowCallback<T>>): this {
    new Statement(this, sql).first(args);
    return this;
  }

  /** Gives all rows. */
  all<T = Row>(sql: string, ...args: Args<RowsCallback<T>>): this {
    new Statement(this, sql).all(...args);
    return this;
  }

  /** Calls back for each row, then once with their number. Later calls wait for the last row. */
  each<T = Row>(sql: string, ...args: EachArgs<T>): this {
    new Statement(this, sql).each(...args);
    return this;
  }

  /** Gives one object of all rows: see {@link Statement.map}. */
  map<T = unknown>(sql: string, ...args: Args<MapCallback<T>>): this {
    new Statement(this, sql).map(...args);
    return this;
  }

  /** Runs a script of any number of statements. */
  exec(sql: string, callback?: DatabaseCallback): this {
    if (typeof sql !== 'string') throw new TypeError('Argument 0 must be a string');
    this.call({
      owner: this,
      sql,
      work: (connection) => this.inserting(connection, sql, connection.exec(sql)),
      callback,
    });
    return this;
  }

  /** Calls `callback`. Calls always run one after another. */
  serialize(callback?: (this: Database) => void): this {
    callback?.call(this);
    return this;
  }

  /** As {@link serialize}: calls run one after another here, too. */
  parallelize(callback?: (this: Database) => void): this {
    return this.serialize(callback);
  }

  /** Calls back when all calls that were made have done so. */
  wait(callback?: DatabaseCallback): this {
    this.call({ owner: this, sql: '', work: async () => {}, callback, alone: true });
    return this;
  }

  /** Sets the time to wait for locks, in milliseconds. Default: 1,000. Throws for a wrong value, and on a closed database. */
  configure(option: 'busyTimeout', value: number): this;
  /** Sets a limit: `id` is one of the `LIMIT_` numbers. */
  configure(option: 'limit', id: number, value: number): this;
  /** Has no effect: listeners of these events are enough. */
  configure(option: 'trace' | 'profile' | 'change', value: unknown): this;
  configure(option: string, ...args: unknown[]): this {
    const work = configuration(option, args);
    if (this.#isClosing) throw misuse('Database is closed');
    if (work !== undefined) this.call({ owner: this, sql: '', work, callback: undefined });
    return this;
  }

  /** Loads an SQLite extension. */
  loadExtension(filename: string, callback?: DatabaseCallback): this {
    if (typeof filename !== 'string') throw new TypeError('Argument 0 must be a string');
    const work = (connection: Connection) => connection.loadExtension(filename);
    this.call({ owner: this, sql: '', work, callback });
    return this;
  }

  /** Interrupts the call that runs, which fails with `SQLITE_INTERRUPT`. Throws unless the database is open. */
  interrupt(): this {
    if (this.#connection === undefined) throw new Error('Database is not open');
    if (this.#isClosing) throw new Error('Database is closing');
    this.#connection.interrupt();
    return this;
  }

  /** Copies the database to a file: see {@link Backup}. */
  backup(filename: string, callback?: ErrorCallback<Backup>): Backup;
  /** With `filenameIsDest` false, copies the file into the database, which loses what it has. */
  backup(
    filename: string,
    destName: string,
    sourceName: string,
    filenameIsDest: boolean,
    callback?: ErrorCallback<Backup>,
  ): Backup;
  backup(filename: string, ...args: unknown[]): Backup {
    const [callback] = args.length > 1 ? args.slice(3) : args;
    const [destName, sourceName, filenameIsDest] = args.length > 1 ? args : ['main', 'main', true];
    const names = [String(destName), String(sourceName), filenameIsDest !== false] as const;
    return new Backup(this, filename, ...names, callback as ErrorCallback<Backup> | undefined);
  }

  /** @internal Learns the rowid of the last insert after SQL other than that of run(). Call it when the SQL was sent. */
  async inserting<T>(connection: Connection, sql: string, sent: Promise<T>): Promise<T> {
    if (!/\b(?:insert|replace)\b/i.test(sql)) return sent;
    const learning = connection.get<[number]>('SELECT last_insert_rowid()', [], { rowMode: 'array' });
    const [result, row] = await Promise.all([sent, learning]);
    this.lastIdAfter(row?.[0] ?? 0);
    return result;
  }

  /** @internal Rowid of the last insert of any call, after one that inserted `rowid`, or nothing if it is 0. */
  lastIdAfter(rowid: number | bigint): number {
    if (rowid !== 0) this.#lastId = rowid as number;
    return this.#lastId;
  }

  /** @internal */
  call<T>(made: DatabaseCall<T>): void {
    const { sql, work, callback, alone = false } = made;
    if (callback !== undefined && typeof callback !== 'function') throw new TypeError('callback must be a function');
    this.#followChanges();
    const sent = traced(this.#send(work, alone), sql);
    if (sql !== '') deliver(this, this.emit, ['trace', sql]);
    this.#settle(sent, made);
  }

  #send<T>(work: (connection: Connection) => Promise<T>, alone: boolean): Promise<T> {
    return this.#calls.send(() => {
      const connection = this.#connection;
      return connection === undefined
        ? Promise.reject(this.#failure ?? misuse('Database is closed'))
        : work(connection);
    }, alone);
  }

  #settle<T>(sent: Promise<T>, { owner, sql, callback, results, event }: Omit<DatabaseCall<T>, 'work'>): void {
    const started = performance.now();
    const resolved = (result: T) => {
      if (callback !== undefined) deliver(owner, callback, [null, ...(results?.(result) ?? [])]);
      if (event !== undefined) deliver(this, this.emit, [event]);
      if (sql !== '') deliver(this, this.emit, ['profile', sql, performance.now() - started]);
    };
    this.#calls.settle(sent, resolved, (error) => {
      // A statement of a closed database has no listener yet.
      const emitter = this.#isClosing ? this : owner;
      deliver(owner, callback ?? emitter.emit.bind(emitter, 'error'), [error]);
    });
  }

  /** Listens for commits while `'change'` has listeners. */
  #followChanges(): void {
    const isWanted = this.listenerCount('change') > 0;
    if (isWanted) this.#stopChanges ??= this.#listen();
    else if (this.#stopChanges !== undefined) {
      void this.#stopChanges.then((stop) => stop());
      this.#stopChanges = undefined;
    }
  }

  #listen(): Promise<() => void> {
    const listening = this.#send(
      async (connection) =>
        connection.onCommit((changes) => {
          for (const { operation, table, rowid } of changes) this.emit('change', operation, 'main', table, rowid);
        }),
      false,
    );
    return listening.catch(() => () => {}); // the failure to open is reported elsewhere
  }
}

/** The flags of which one combination is to be given. */
const ACCESS = OPEN_READONLY | OPEN_READWRITE | OPEN_CREATE;

/** Opens with SQLite's own defaults, where node-sqlite3 has them. */
async function open(filename: string, mode: number): Promise<Connection> {
  const isKnown = [OPEN_READONLY, OPEN_READWRITE, OPEN_READWRITE | OPEN_CREATE].includes(mode & ACCESS);
  if (!isKnown) throw misuse('bad parameter or other API misuse');
  const isUri = filename.startsWith('file:');
  const name = filename === '' ? ':memory:' : isUri && !(mode & OPEN_URI) ? resolve(filename) : filename;
  const isShared = isUri && (mode & OPEN_URI) !== 0 && (mode & OPEN_SHAREDCACHE) !== 0 && !name.includes('cache=');
  return connect(isShared ? `${name}${name.includes('?') ? '&' : '?'}cache=shared` : name, {
    readonly: (mode & OPEN_READONLY) !== 0,
    mustExist: (mode & OPEN_CREATE) === 0,
    foreignKeys: false,
    doubleQuotedStrings: true,
    busyTimeoutMs: 1_000,
    allowExtensions: true,
  });
}
