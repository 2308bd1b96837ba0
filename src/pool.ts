import { LaneConnection, newTally } from './connection.js';
import type { Connection } from './connection-api.js';
import type { BackupOptions } from './driver/files.js';
import { AiosqliteError, checkObject, invalidArgument, SqliteError } from './errors.js';
import type { CallOptions, Executor, Query, Transaction } from './executor.js';
import { type CursorHost, openLaneCursor } from './lane-cursor.js';
import { acquireLease, type Lease, type Role, type WorkerLease } from './lease.js';
import type { Message } from './native.js';
import { oneOf } from './options.js';
import * as packet from './packet.js';
import { type CheckedPoolOptions, checkPoolOptions, type PoolOptions } from './pool-options.js';
import { CLOSE_GRACE_MS, checkCallOptions, MAIN_LANE, Policy, Request, type Tally } from './port.js';
import { routeOf } from './route.js';
import type { Cursor } from './row-iterator.js';
import type { IntegerMode } from './rows.js';
import {
  BeginMode,
  checkNotNested,
  checkTransactionMode,
  currentHolding,
  holding,
  type Need,
  runTransaction,
  type TransactionHost,
  type TransactionOptions,
  withDefaultTimeout,
  withTimeLeft,
} from './transaction.js';
import { succeeded, Verbs } from './verbs.js';
import { Watch } from './watch.js';
import { Workers } from './workers.js';

/**
 * One writer and N read-only readers over one database (WAL). Opens lazily, at the first call.
 * Statements that only read go to a reader, all others to the writer; a read started after a write has resolved sees
 * that write. Independent writes that wait together share one commit.
 */
export interface Pool extends Executor, AsyncDisposable {
  /**
   * Leases one connection for `fn` (default role: writer); a transaction left open is rolled back, a broken or altered
   * connection is discarded.
   * @example await pool.withConnection(async (db) => { await db.exec('PRAGMA foreign_keys = OFF'); … });
   */
  withConnection<T>(fn: (connection: Connection) => Promise<T>, options?: { role?: Role }): Promise<T>;
  /**
   * Leases one connection until it is released. Rejects `'ERR_POOL_TIMEOUT'`.
   * @example await using lease = await pool.acquire({ role: 'reader' });
   */
  acquire(options?: { role?: Role }): Promise<Lease>;
  /** All reads in `fn` see one snapshot. A write rejects `'SQLITE_READONLY'`. */
  read<T>(fn: (tx: Transaction) => Promise<T>, options?: CallOptions): Promise<T>;
  /**
   * One consistent snapshot, copied on a reader while writers go on. An existing destination is replaced only at success;
   * the database itself rejects `'ERR_SAME_FILE'`.
   */
  backup(destination: string, options?: BackupOptions): Promise<void>;
  /** The database as the bytes of its file, of one snapshot: see deserialize(). */
  serialize(): Promise<Uint8Array>;
  /** Moves the whole WAL into the database file and empties it. Rejects `'SQLITE_BUSY'` if readers hold on to it for too long. */
  checkpoint(): Promise<void>;
  stats(): PoolStats;
  /** Waits for what is queued and for leases, then closes all connections. Idempotent; later calls reject `'ERR_CLOSED'`. */
  close(): Promise<void>;
}

/** `commits` and `groupedWrites` (writes that went through shared commits) count from 0 since opening. */
export interface PoolStats {
  /** Open connections. */
  size: number;
  /** Those that neither run anything nor are leased. */
  idle: number;
  /** Calls that wait. */
  waiting: number;
  /** Length of the WAL after the last commit, in pages. */
  walPages: number;
  commits: number;
  groupedWrites: number;
}

/** A transaction over the pool may not change the connection that others use after it. */
const TRANSACTION_POLICY = Policy.noTransactionControl | Policy.noSettings;
const VERB_POLICY = TRANSACTION_POLICY | Policy.noSessionFunctions;

/** A WAL of so many pages that is not getting shorter is held by readers: 8 times SQLite's checkpoint threshold. */
const LONG_WAL_PAGES = 8_000;

class WriterAndReaders extends Verbs implements Pool {
  readonly #options: CheckedPoolOptions;
  readonly #tally: Tally;
  readonly #writer: Workers;
  /** The writer itself, where there is only one connection: set when the writer has opened. */
  #readers: Workers | undefined;
  readonly #makeReaders: () => Workers;
  #opening: Promise<Message> | undefined;
  #isOpen = false;
  #closing: Promise<void> | undefined;
  /** Ends calls that have waited for too long, as long as any wait. */
  #waitTimer: NodeJS.Timeout | undefined;
  /** While the WAL is made short, new reads wait for this. */
  #relief: Promise<void> | undefined;
  #relieveAt = LONG_WAL_PAGES;

  constructor(options: PoolOptions) {
    super();
    this.#options = checkPoolOptions(options);
    const { database, connection, poolSize, idleTimeoutMs, onConnect } = this.#options;
    this.#tally = newTally(database, connection);
    const common = {
      database,
      options: connection,
      onConnect: onConnect && this.#guarded(onConnect),
      tally: this.#tally,
    };
    this.#writer = new Workers({ ...common, role: 'writer', limit: 1, idleTimeoutMs: 0 });
    this.#makeReaders = () => new Workers({ ...common, role: 'reader', limit: poolSize - 1, idleTimeoutMs });
  }

  protected get integerMode(): IntegerMode {
    return this.#options.connection.integerMode;
  }

  /** onConnect must not call the pool: it would wait for itself. */
  #guarded(onConnect: (connection: Connection) => Promise<void>): (connection: Connection) => Promise<void> {
    return (connection) =>
      holding({ parent: currentHolding(), blocks: (executor) => executor === this }, async () => onConnect(connection));
  }

  get #single(): boolean {
    return this.#readers === this.#writer;
  }

  protected submit(request: Request, sql: string | readonly Query[], given: CallOptions | undefined): Promise<Message> {
    const route = request === Request.script ? 'writer' : routeOf(sql);
    this.#checkUsable(route === 'writer' ? 'write' : 'read');
    const options = withDefaultTimeout(given, this.#options.operationTimeoutMs);
    const policy = request === Request.batch ? TRANSACTION_POLICY : VERB_POLICY;
    if (!this.#isOpen) return this.#submitWhenOpen(request, policy, route, options);
    this.#watchWaiting();
    if (route === 'writer' || this.#single) return this.#write(request, policy, options);
    return this.#read(request, policy, route, options);
  }

  async #submitWhenOpen(
    request: Request,
    policy: number,
    route: 'reader' | 'trial' | 'writer',
    options: CallOptions | undefined,
  ): Promise<Message> {
    const parked = packet.park();
    const left = await this.#ready(options);
    packet.unpark(parked);
    this.#watchWaiting();
    if (route === 'writer' || this.#single) return this.#write(request, policy, left);
    return this.#read(request, policy, route, left);
  }

  #write(request: Request, policy: number, options: CallOptions | undefined): Promise<Message> {
    const outcome = this.#writer.port.submit(request, MAIN_LANE, policy, options);
    if (this.#tally.walPages > this.#relieveAt) this.#relieve();
    return outcome;
  }

  async #read(
    request: Request,
    policy: number,
    route: 'reader' | 'trial',
    options: CallOptions | undefined,
  ): Promise<Message> {
    const readers = this.#readers as Workers;
    if (route === 'reader' && this.#relief === undefined) {
      return readers.submit(request, policy | Policy.readOnly, options);
    }
    const since = performance.now();
    const parked = packet.park();
    if (this.#relief !== undefined) {
      await this.#relief;
      packet.unpark(parked);
    }
    const message = await readers.submit(
      request,
      policy | (route === 'trial' ? Policy.route : Policy.readOnly),
      withTimeLeft(options, since),
    );
    if (message[1] === 0 || message[1].code !== 'ERR_NEEDS_WRITER') return message;
    checkNotNested(this, 'write');
    packet.unpark(parked);
    return this.#write(request, policy, withTimeLeft(options, since));
  }

  /** On a reader of its own, whose snapshot it holds until its end; never on the writer, unless there is only that. */
  protected openCursor(_sql: string, arrays: boolean, options: CallOptions | undefined): Cursor {
    this.#checkUsable('read');
    const limits = withDefaultTimeout(options, this.#options.operationTimeoutMs);
    const parked = packet.park();
    const opening = this.#openReaderCursor(parked, arrays, limits);
    let opened: Cursor | undefined;
    const ended = opening.then(async ({ cursor, lease }) => {
      opened = cursor;
      await cursor.ended;
      await lease?.close();
    });
    ended.catch(() => {}); // told to whoever asks for the first row
    return {
      first: opening.then(({ cursor }) => cursor.first),
      name: this.#options.database,
      ended,
      check: () => opened?.check(),
      next: async () => (await opening).cursor.next(),
      close: async () => {
        await opening.then(({ cursor }) => cursor.close()).catch(() => {});
        await ended.catch(() => {});
      },
    };
  }

  async #openReaderCursor(
    parked: packet.ParkedPacket,
    arrays: boolean,
    options: CallOptions | undefined,
  ): Promise<{ cursor: Cursor; lease: LaneConnection | undefined }> {
    const since = performance.now();
    await this.#ready(options);
    if (this.#single) {
      packet.unpark(parked);
      this.#watchWaiting();
      const { port } = this.#writer;
      const host: CursorHost = {
        port,
        lane: MAIN_LANE,
        name: this.#options.database,
        submit: (request, limits) => {
          // The order to close is before it in the line: nobody would be left to answer.
          if (request === Request.nextCursor && this.#closing !== undefined) throw closed();
          return port.submit(request, MAIN_LANE, VERB_POLICY | Policy.readOnly, limits);
        },
        hasEnded: () => this.#closing !== undefined,
      };
      return { cursor: openLaneCursor(host, arrays, withTimeLeft(options, since)), lease: undefined };
    }
    const lease = (await this.#lease('reader', withTimeLeft(options, since))) as WorkerLease;
    packet.unpark(parked);
    try {
      return { cursor: lease.openCursor('', arrays, withTimeLeft(options, since)), lease };
    } catch (error) {
      await lease.close();
      throw error;
    }
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.#checkUsable('write');
    const mode = checkTransactionMode(options, this.#options.connection.transactionMode);
    const left = this.#isOpen ? options : await this.#ready(options);
    this.#watchWaiting();
    return runTransaction(this.#hostOf(this.#writer, TRANSACTION_POLICY), mode, fn, left);
  }

  async read<T>(fn: (tx: Transaction) => Promise<T>, options?: CallOptions): Promise<T> {
    this.#checkUsable('read');
    const since = performance.now();
    const left = this.#isOpen ? options : await this.#ready(options);
    if (this.#relief !== undefined) await this.#relief;
    this.#watchWaiting();
    const readers = this.#readers as Workers;
    const host = this.#hostOf(readers, TRANSACTION_POLICY | Policy.readOnly);
    return readers.use(() => runTransaction(host, BeginMode.deferred, fn, withTimeLeft(left, since)));
  }

  #hostOf(workers: Workers, policy: number): TransactionHost {
    return {
      port: workers.port,
      lane: MAIN_LANE,
      policy,
      integerMode: this.integerMode,
      outer: this,
      defaultTimeoutMs: this.#options.operationTimeoutMs,
    };
  }

  async acquire(options: { role?: Role } = {}): Promise<Lease> {
    checkObject('options', options);
    const role = oneOf(options, 'role', ['writer', 'reader'] as const, 'writer');
    this.#checkUsable(role === 'writer' ? 'write' : 'read');
    return this.#lease(role, undefined);
  }

  async #lease(role: Role, limits: CallOptions | undefined): Promise<Lease> {
    if (!this.#isOpen) await this.#ready(limits);
    if (role === 'reader' && this.#relief !== undefined) await this.#relief;
    this.#watchWaiting();
    return acquireLease({
      workers: role === 'writer' ? this.#writer : (this.#readers as Workers),
      role,
      limits,
      database: this.#options.database,
      options: this.#options.connection,
      onAltered: role === 'writer' || this.#single ? () => this.#reopenWriter() : () => {},
    });
  }

  async withConnection<T>(fn: (connection: Connection) => Promise<T>, options: { role?: Role } = {}): Promise<T> {
    if (typeof fn !== 'function') throw invalidArgument('fn', 'a function', fn);
    const lease = await this.acquire(options);
    let open = true;
    const held = {
      parent: currentHolding(),
      blocks: (executor: object, need: Need) =>
        open && executor === this && this.#waitsFor(options.role ?? 'writer', need),
    };
    try {
      return await holding(held, async () => fn(lease));
    } finally {
      open = false;
      await lease.close();
    }
  }

  /** Whether a call that needs this waits until a lease of this role comes back. Another reader may be free. */
  #waitsFor(role: Role, need: Need): boolean {
    if (need === 'close' || this.#single) return true;
    return role === 'writer' ? need === 'write' : need === 'read' && this.#options.poolSize === 2;
  }

  backup(destination: string, options?: BackupOptions): Promise<void> {
    return this.#onSnapshot((db) => db.backup(destination, options));
  }

  serialize(): Promise<Uint8Array> {
    return this.#onSnapshot((db) => db.serialize());
  }

  /** A snapshot that lasts: neither do writers wait for it, nor do they start the copying anew. */
  async #onSnapshot<T>(work: (db: Connection) => Promise<T>): Promise<T> {
    this.#checkUsable('read');
    await this.#ready(undefined);
    if (this.#single) {
      const { database, connection } = this.#options;
      return work(new PoolView(database, connection, this.#writer.port, MAIN_LANE, Policy.none));
    }
    return this.withConnection(
      async (db) => {
        await db.exec('BEGIN');
        await db.get('SELECT 1 FROM sqlite_schema');
        return work(db);
      },
      { role: 'reader' },
    );
  }

  async checkpoint(): Promise<void> {
    this.#checkUsable('write');
    await this.#ready(undefined);
    await this.#checkpoint('TRUNCATE');
  }

  async #checkpoint(mode: 'TRUNCATE' | 'RESTART'): Promise<void> {
    const [row] = await this.all<{ busy: number }>(`PRAGMA wal_checkpoint(${mode})`);
    if (row?.busy === 1) throw new SqliteError('readers hold on to the WAL', 'SQLITE_BUSY', 5);
    this.#tally.walPages = 0;
  }

  stats(): PoolStats {
    const groups = this.#readers === undefined || this.#single ? [this.#writer] : [this.#writer, this.#readers];
    const sum = (of: (workers: Workers) => number) => groups.reduce((total, group) => total + of(group), 0);
    return {
      size: sum((group) => group.size),
      idle: sum((group) => group.idle),
      waiting: sum((group) => group.waiting),
      commits: this.#tally.commits,
      groupedWrites: this.#tally.groupedWrites,
      walPages: this.#tally.walPages,
    };
  }

  async close(): Promise<void> {
    if (this.#closing === undefined) {
      checkNotNested(this, 'close');
      this.#closing = this.#close();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const hurry = setInterval(() => {
      this.#writer.beginClose();
      this.#readers?.beginClose();
    }, CLOSE_GRACE_MS);
    await this.#opening;
    await this.#relief;
    // Calls that have waited for these are on their way now.
    await new Promise((resolve) => setImmediate(resolve));
    // The writer last: the last to close moves the WAL into the file.
    if (!this.#single) await this.#readers?.close();
    await this.#writer.close();
    clearInterval(hurry);
    clearInterval(this.#waitTimer);
  }

  #checkUsable(need: Need): void {
    if (this.#closing !== undefined) throw closed();
    checkNotNested(this, need);
  }

  /** The pool with its writer, opened by whoever comes first. Gives the options with the time that is left. */
  async #ready(given: CallOptions | undefined): Promise<CallOptions | undefined> {
    const since = performance.now();
    const options = withDefaultTimeout(given, this.#options.operationTimeoutMs);
    const { signal, timeoutMs } = checkCallOptions(options);
    signal?.throwIfAborted();
    if (this.#isOpen) return options;
    this.#opening ??= this.#openWriter();
    const hurried = timeoutMs > 0 && timeoutMs < this.#options.acquireTimeoutMs;
    const watch = new Watch(signal, hurried ? timeoutMs : this.#options.acquireTimeoutMs, () =>
      hurried ? new AiosqliteError('ERR_TIMEOUT', 'the call has passed its timeoutMs') : poolTimeout(),
    );
    try {
      succeeded(await Promise.race([this.#opening, watch.expired]), options);
    } catch (error) {
      throw error === watch ? watch.reason() : error;
    } finally {
      watch.stop();
    }
    return withTimeLeft(options, since);
  }

  /** It sets the journal mode, which tells whether there can be readers beside it. */
  async #openWriter(): Promise<Message> {
    const message = await this.#writer.open();
    this.#opening = undefined;
    const [, failure, , , , journalMode] = message;
    if (failure !== 0) {
      this.#writer.port.failAll(failure); // the next call tries again
      return message;
    }
    if (this.#readers === undefined) {
      const single = journalMode !== 'wal' || this.#options.poolSize === 1;
      this.#readers = single ? this.#writer : this.#makeReaders();
    }
    this.#isOpen = true;
    return message;
  }

  /** After a lease has altered it. What waits for it goes on waiting, be it the order to close. */
  #reopenWriter(): void {
    this.#isOpen = false;
    this.#opening = this.#openWriter();
  }

  #watchWaiting(): void {
    if (this.#waitTimer !== undefined) return;
    const step = Math.min(Math.max(this.#options.acquireTimeoutMs / 8, 5), 1_000);
    this.#waitTimer = setInterval(() => {
      for (const workers of new Set([this.#writer, this.#readers ?? this.#writer])) {
        workers.port.expire(this.#options.acquireTimeoutMs, 'ERR_POOL_TIMEOUT', POOL_TIMEOUT);
      }
      if (this.stats().waiting > 0) return;
      clearInterval(this.#waitTimer);
      this.#waitTimer = undefined;
    }, step);
    this.#waitTimer.unref();
  }

  /** New reads wait until those that run have let go of the WAL, for a second at most, and the WAL starts anew. */
  #relieve(): void {
    if (this.#relief !== undefined || this.#single) return;
    const relieve = async () => {
      const readers = this.#readers as Workers;
      const until = performance.now() + 1_000;
      while (readers.inFlight > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        await this.#checkpoint('RESTART');
        this.#relieveAt = LONG_WAL_PAGES;
      } catch {
        this.#relieveAt = this.#tally.walPages * 2; // held by a lease or another process: later again
      }
    };
    // Not before it is known that there is a relief: its checkpoint is a write, too.
    const relief = Promise.resolve().then(relieve);
    this.#relief = relief.finally(() => {
      this.#relief = undefined;
    });
  }
}

/** The only connection of a pool, for a job of the pool's own; it ends with the pool. */
class PoolView extends LaneConnection {
  protected async end(): Promise<void> {}
}

const POOL_TIMEOUT = 'no connection became free within acquireTimeoutMs';

function closed(): AiosqliteError {
  return new AiosqliteError('ERR_CLOSED', 'the pool is closed');
}

function poolTimeout(): AiosqliteError {
  return new AiosqliteError('ERR_POOL_TIMEOUT', POOL_TIMEOUT);
}

/**
 * Makes a pool; nothing is opened before the first call. Wrong options throw.
 * @example await using pool = createPool({ database: 'app.db' });
 */
export function createPool(options: PoolOptions): Pool {
  return new WriterAndReaders(options);
}
