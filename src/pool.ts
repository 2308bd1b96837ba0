import { type Connection, LaneConnection, newTally } from './connection.js';
import { AiosqliteError, invalidArgument, SqliteError } from './errors.js';
import type { CallOptions, Executor, Query, Transaction } from './executor.js';
import type { Message } from './native.js';
import { type CheckedOptions, type ConnectionOptions, checkDatabase, checkOptions, integer, oneOf } from './options.js';
import * as packet from './packet.js';
import { checkCallOptions, MAIN_LANE, nextLane, Policy, Request } from './port.js';
import { routeOf } from './route.js';
import type { IntegerMode } from './rows.js';
import {
  BeginMode,
  checkNotNested,
  checkTransactionMode,
  currentHolding,
  EndMode,
  endLane,
  holding,
  runTransaction,
  type TransactionHost,
  type TransactionOptions,
  withDefaultTimeout,
} from './transaction.js';
import { succeeded, Verbs } from './verbs.js';
import { Watch } from './watch.js';
import { Workers } from './workers.js';

export interface PoolOptions extends ConnectionOptions {
  /** A path, ':memory:' or a 'file:' URI. */
  database: string;
  /** Connections at most. Default: 5, one writer and four readers. ':memory:' is always one connection. */
  poolSize?: number;
  /** Longest wait for a connection in milliseconds, by acquire() and by any verb. Default: 30,000. Then: `'ERR_POOL_TIMEOUT'`. */
  acquireTimeoutMs?: number;
  /** Readers that have had nothing to do for so long are closed, in milliseconds. Default: 3,600,000. */
  idleTimeoutMs?: number;
  /** Default deadline of every call in milliseconds: see CallOptions.timeoutMs. Default: none. */
  operationTimeoutMs?: number;
  /**
   * Runs once on every new connection, after the PRAGMA profile. If it fails, the call that needed the connection rejects
   * with its error and the next one tries again.
   */
  onConnect?: (connection: Connection) => Promise<void>;
}

export type Role = 'writer' | 'reader';

/**
 * One writer and N read-only readers over one database (WAL). Opens lazily, at the first call.
 * Statements that only read go to a reader, all others to the writer; a read started after a write has resolved sees
 * that write. Independent writes that wait together share one commit.
 */
export interface Pool extends Executor, AsyncDisposable {
  /**
   * Leases one connection for `fn` (default role: writer); a transaction left open is rolled back, a broken or altered
   * connection is discarded.
   * @example await pool.withConnection(async (db) => { await db.exec('PRAGMA defer_foreign_keys = 1'); … });
   */
  withConnection<T>(fn: (connection: Connection) => Promise<T>, options?: { role?: Role }): Promise<T>;
  /**
   * Leases one connection until it is released. Rejects `'ERR_POOL_TIMEOUT'`.
   * @example await using lease = await pool.acquire({ role: 'reader' });
   */
  acquire(options?: { role?: Role }): Promise<Lease>;
  /** All reads in `fn` see one snapshot. A write rejects `'SQLITE_READONLY'`. */
  read<T>(fn: (tx: Transaction) => Promise<T>, options?: CallOptions): Promise<T>;
  /** Moves the whole WAL into the database file and empties it. Rejects `'SQLITE_BUSY'` if readers hold on to it for too long. */
  checkpoint(): Promise<void>;
  stats(): PoolStats;
  /** Waits for what is queued and for leases, then closes all connections. Idempotent; later calls reject `'ERR_CLOSED'`. */
  close(): Promise<void>;
}

/** A connection of the pool, for one user at a time. */
export interface Lease extends Connection {
  /** Gives the connection back, after the calls already made on it. Later calls reject `'ERR_CLOSED'`. */
  release(): void;
  /** As release(), and waits for it. */
  [Symbol.asyncDispose](): Promise<void>;
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
  readonly #database: string;
  readonly #options: CheckedOptions;
  readonly #poolSize: number;
  readonly #acquireTimeoutMs: number;
  readonly #operationTimeoutMs: number | undefined;
  readonly #tally = newTally();
  readonly #writer: Workers;
  /** The writer itself, where there is only one connection: set when the writer has opened. */
  #readers: Workers | undefined;
  readonly #makeReaders: () => Workers;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #closing: Promise<void> | undefined;
  /** Ends calls that have waited for too long, as long as any wait. */
  #waitTimer: NodeJS.Timeout | undefined;
  /** While the WAL is made short, new reads wait for this. */
  #relief: Promise<void> | undefined;
  #relieveAt = LONG_WAL_PAGES;

  constructor(options: PoolOptions) {
    super();
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    this.#database = checkDatabase(options.database);
    this.#options = checkOptions(options, 'wal');
    this.#poolSize = integer(options, 'poolSize', 5, 1, 1_000);
    this.#acquireTimeoutMs = integer(options, 'acquireTimeoutMs', 30_000, 1, 2 ** 31 - 1);
    const idleTimeoutMs = integer(options, 'idleTimeoutMs', 3_600_000, 1, 2 ** 31 - 1);
    this.#operationTimeoutMs =
      checkCallOptions({ timeoutMs: options.operationTimeoutMs } as CallOptions).timeoutMs || undefined;
    if (options.onConnect !== undefined && typeof options.onConnect !== 'function') {
      throw invalidArgument('options.onConnect', 'a function', options.onConnect);
    }
    const onConnect = options.onConnect && this.#guarded(options.onConnect);
    const common = { database: this.#database, options: this.#options, onConnect, tally: this.#tally };
    this.#writer = new Workers({ ...common, role: 'writer', limit: 1, idleTimeoutMs: 0 });
    this.#makeReaders = () => new Workers({ ...common, role: 'reader', limit: this.#poolSize - 1, idleTimeoutMs });
  }

  protected get integerMode(): IntegerMode {
    return this.#options.integerMode;
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
    this.#checkUsable(route === 'writer');
    const options = withDefaultTimeout(given, this.#operationTimeoutMs);
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
    await this.#ready(options);
    packet.unpark(parked);
    this.#watchWaiting();
    if (route === 'writer' || this.#single) return this.#write(request, policy, options);
    return this.#read(request, policy, route, options);
  }

  #write(request: Request, policy: number, options: CallOptions | undefined): Promise<Message> {
    if (this.#tally.walPages > this.#relieveAt) this.#relieve();
    return this.#writer.port.submit(request, MAIN_LANE, policy, options);
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
    const parked = packet.park();
    if (this.#relief !== undefined) {
      await this.#relief;
      packet.unpark(parked);
    }
    const message = await readers.submit(
      request,
      policy | (route === 'trial' ? Policy.route : Policy.readOnly),
      options,
    );
    if (message[1] === 0 || message[1].code !== 'ERR_NEEDS_WRITER') return message;
    checkNotNested(this, true);
    packet.unpark(parked);
    return this.#write(request, policy, options);
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.#checkUsable(true);
    const mode = checkTransactionMode(options, this.#options.transactionMode);
    await this.#ready(options);
    this.#watchWaiting();
    return runTransaction(this.#hostOf(this.#writer, TRANSACTION_POLICY), mode, fn, options);
  }

  async read<T>(fn: (tx: Transaction) => Promise<T>, options?: CallOptions): Promise<T> {
    this.#checkUsable(false);
    await this.#ready(options);
    await this.#relief;
    this.#watchWaiting();
    const readers = this.#readers as Workers;
    const host = this.#hostOf(readers, TRANSACTION_POLICY | Policy.readOnly);
    return readers.use(() => runTransaction(host, BeginMode.deferred, fn, options));
  }

  #hostOf(workers: Workers, policy: number): TransactionHost {
    return {
      port: workers.port,
      lane: MAIN_LANE,
      policy,
      integerMode: this.integerMode,
      outer: this,
      defaultTimeoutMs: this.#operationTimeoutMs,
    };
  }

  async acquire(options: { role?: Role } = {}): Promise<Lease> {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    const role = oneOf(options, 'role', ['writer', 'reader'] as const, 'writer');
    this.#checkUsable(role === 'writer');
    await this.#ready(undefined);
    if (role === 'reader') await this.#relief;
    this.#watchWaiting();
    const workers = role === 'writer' ? this.#writer : (this.#readers as Workers);
    const lane = nextLane();
    return new Promise<Lease>((resolve, reject) => {
      // The worker counts as busy from the request to the return.
      workers
        .use(async () => {
          packet.begin();
          packet.addNumber(lane);
          packet.addNumber(BeginMode.lease);
          const message = succeeded(
            await workers.port.submit(Request.begin, MAIN_LANE, Policy.none, undefined),
            undefined,
          );
          await new Promise<void>((returned) => {
            resolve(this.#leaseOf(workers, role, lane, message[4], returned));
          });
        })
        .catch(reject);
    });
  }

  #leaseOf(workers: Workers, role: Role, lane: number, worker: number, returned: () => void): Lease {
    workers.leased(worker);
    const giveBack = async () => {
      const altered = await endLane(workers.port, lane, EndMode.release);
      workers.returned(worker, altered);
      returned();
      if (altered && workers === this.#writer) this.#reopenWriter();
    };
    const policy = role === 'reader' ? Policy.readOnly : Policy.none;
    const lease = new PoolLease(this.#database, this.#options, workers, lane, policy, giveBack);
    forgotten.register(lease, { giveBack, database: this.#database }, lease);
    return lease;
  }

  async withConnection<T>(fn: (connection: Connection) => Promise<T>, options: { role?: Role } = {}): Promise<T> {
    if (typeof fn !== 'function') throw invalidArgument('fn', 'a function', fn);
    const lease = await this.acquire(options);
    let open = true;
    const held = {
      parent: currentHolding(),
      // Other readers may be free; the writer is this one.
      blocks: (executor: object, writes: boolean) =>
        open && executor === this && (this.#single || (writes && options.role !== 'reader')),
    };
    try {
      return await holding(held, async () => fn(lease));
    } finally {
      open = false;
      await lease.close();
    }
  }

  async checkpoint(): Promise<void> {
    this.#checkUsable(true);
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
      ...this.#tally,
    };
  }

  async close(): Promise<void> {
    if (this.#closing === undefined) {
      checkNotNested(this, true);
      this.#closing = this.#close();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {}); // told to whoever asked for it
    await this.#relief;
    // The writer last: the last to close moves the WAL into the file.
    if (!this.#single) await this.#readers?.close();
    await this.#writer.close();
    clearInterval(this.#waitTimer);
  }

  #checkUsable(writes: boolean): void {
    if (this.#closing !== undefined) throw new AiosqliteError('ERR_CLOSED', 'the pool is closed');
    checkNotNested(this, writes);
  }

  /** The pool with its writer, opened by whoever comes first. */
  async #ready(given: CallOptions | undefined): Promise<void> {
    if (this.#isOpen) return;
    this.#opening ??= this.#openWriter();
    const { signal, timeoutMs } = checkCallOptions(withDefaultTimeout(given, this.#operationTimeoutMs));
    signal?.throwIfAborted();
    const hurried = timeoutMs > 0 && timeoutMs < this.#acquireTimeoutMs;
    const watch = new Watch(signal, hurried ? timeoutMs : this.#acquireTimeoutMs, () =>
      hurried ? new AiosqliteError('ERR_TIMEOUT', 'the call has passed its timeoutMs') : poolTimeout(),
    );
    try {
      await Promise.race([this.#opening, watch.expired]);
    } finally {
      watch.stop();
    }
  }

  /** It sets the journal mode, which tells whether there can be readers beside it. */
  async #openWriter(): Promise<void> {
    try {
      const journalMode = await this.#writer.open();
      if (this.#readers === undefined) {
        const single = journalMode !== 'wal' || this.#poolSize === 1;
        this.#readers = single ? this.#writer : this.#makeReaders();
      }
      this.#isOpen = true;
    } catch (error) {
      this.#writer.port.failAll(error);
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  /** After a lease has altered it. What waits for it goes on waiting. */
  #reopenWriter(): void {
    if (this.#closing !== undefined) return;
    this.#isOpen = false;
    this.#opening = this.#openWriter();
    this.#opening.catch(() => {}); // told to what waits, and the next call tries again
  }

  #watchWaiting(): void {
    if (this.#waitTimer !== undefined) return;
    const step = Math.min(Math.max(this.#acquireTimeoutMs / 8, 5), 1_000);
    this.#waitTimer = setInterval(() => {
      for (const workers of new Set([this.#writer, this.#readers ?? this.#writer])) {
        workers.port.expire(this.#acquireTimeoutMs, 'ERR_POOL_TIMEOUT', POOL_TIMEOUT);
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
    this.#relief = relieve().finally(() => {
      this.#relief = undefined;
    });
  }
}

const POOL_TIMEOUT = 'no connection became free within acquireTimeoutMs';

function poolTimeout(): AiosqliteError {
  return new AiosqliteError('ERR_POOL_TIMEOUT', POOL_TIMEOUT);
}

class PoolLease extends LaneConnection implements Lease {
  readonly #giveBack: () => Promise<void>;

  constructor(
    database: string,
    options: CheckedOptions,
    workers: Workers,
    lane: number,
    policy: number,
    giveBack: () => Promise<void>,
  ) {
    super(database, options, workers.port, lane, policy);
    this.#giveBack = giveBack;
  }

  release(): void {
    void this.close();
  }

  protected end(): Promise<void> {
    forgotten.unregister(this);
    return this.#giveBack();
  }
}

/** Tells of leases that were dropped without release(), and gives them back. */
const forgotten = new FinalizationRegistry<{ giveBack: () => Promise<void>; database: string }>(
  ({ giveBack, database }) => {
    process.emitWarning(`A lease of ${database} was garbage-collected without release()`, 'AiosqliteWarning');
    void giveBack();
  },
);

/**
 * Makes a pool; nothing is opened before the first call. Wrong options throw.
 * @example await using pool = createPool({ database: 'app.db' });
 */
export function createPool(options: PoolOptions): Pool {
  return new WriterAndReaders(options);
}
