import { setImmediate } from 'node:timers'; // fake timers replace the global one
import { CALL_OPTIONS, checkNames, oneOf } from '../arguments.js';
import type { Connection } from '../connection/api.js';
import { connect, newCounters } from '../connection/connection.js';
import type { BlobHandle, BlobLocation } from '../connection/features/blob.js';
import { BACKUP_OPTIONS, type BackupOptions, checkpoint, truncateWal } from '../connection/features/files.js';
import { type CursorHost, openLaneCursor } from '../connection/lane-cursor.js';
import type { Cursor } from '../connection/row-iterator.js';
import {
  checkNotNested,
  checkTransactionMode,
  holding,
  type Need,
  runTransaction,
  type TransactionHost,
  withDefaultTimeout,
  withTimeLeft,
} from '../connection/transaction.js';
import { succeeded, Verbs } from '../connection/verbs.js';
import { invalidArgument, warnForgotten } from '../errors.js';
import type { CallOptions, Query, Transaction, TransactionOptions } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import * as packet from '../wire/packet.js';
import {
  CLOSE_GRACE_MS,
  checkCallOptions,
  enqueue,
  MAIN_LANE,
  type PoolCounters,
  readOptions,
  sharedLimits,
} from '../wire/port.js';
import { BeginMode, Policy, Request } from '../wire/protocol.js';
import type { IntegerMode } from '../wire/rows.js';
import type { Pool, PoolStats } from './api.js';
import { acquireLease, LEASE_OPTIONS, type Lease, type LeaseOptions, type Role, type WorkerLease } from './lease.js';
import { LeasedBlob } from './leased-blob.js';
import { leasedCursor, type OpenedCursor } from './leased-cursor.js';
import { type CheckedPoolOptions, checkPoolOptions, type PoolOptions, poolOptionsOf } from './options.js';
import { type Route, routeOf } from './route.js';
import { POOL_TIMEOUT, waitFor } from './wait.js';
import { WalRelief } from './wal-relief.js';
import { Workers } from './workers.js';
import { closed, WriterView } from './writer-view.js';

/** A transaction over the pool may not change the connection that others use after it. */
const TRANSACTION_POLICY = Policy.noTransactionControl | Policy.noSettings;
const VERB_POLICY = TRANSACTION_POLICY | Policy.noSessionFunctions;

class WriterAndReaders extends Verbs implements Pool {
  readonly #options: CheckedPoolOptions;
  readonly #counters: PoolCounters;
  readonly #writer: Workers;
  /** The writer itself, where there is only one connection: set when the writer has opened. */
  #readers: Workers | undefined;
  readonly #makeReaders: () => Workers;
  /** In the order in which they close: the last to close moves the WAL into the file, which a reader can't. */
  readonly #groups: Workers[] = [];
  #opening: Promise<Outcome> | undefined;
  #isOpen = false;
  #closing: Promise<void> | undefined;
  /** Ends calls that have waited for too long, as long as any wait. */
  #waitTimer: NodeJS.Timeout | undefined;
  #watchesWaiting = false;
  readonly #relief = new WalRelief({
    reads: () => this.#readers?.calls ?? 0,
    walPages: () => this.#counters.walPages,
    checkpoint: (mode, limits) => this.#checkpoint(mode, limits),
  });
  /** Leases of the pool's own iterators, blobs and dumps. */
  readonly #lent = new Set<WeakRef<WorkerLease>>();

  constructor(options: PoolOptions) {
    super();
    this.#options = checkPoolOptions(options);
    const { database, connection, poolSize, acquireTimeoutMs, idleTimeoutMs, onConnect } = this.#options;
    this.#counters = newCounters(database, connection);
    const common = {
      database,
      options: connection,
      onConnect: onConnect && this.#guarded(onConnect),
      acquireTimeoutMs,
      counters: this.#counters,
    };
    this.#writer = new Workers({ ...common, role: 'writer', limit: 1, idleTimeoutMs: 0 });
    this.#makeReaders = () => new Workers({ ...common, role: 'reader', limit: poolSize - 1, idleTimeoutMs });
    this.#groups.push(this.#writer);
    forgotten.register(this, { database, groups: this.#groups }, this);
  }

  protected get integerMode(): IntegerMode {
    return this.#options.connection.integerMode;
  }

  /** onConnect must not call the pool: it would wait for itself. Workers know it, and must not keep the pool alive. */
  #guarded(onConnect: (connection: Connection) => Promise<void>): (connection: Connection) => Promise<void> {
    const pool = new WeakRef<object>(this);
    const setUp = new WeakRef(onConnect); // the options hold it; mostly it was written where the pool is at hand
    const blocks = (executor: object) => executor === pool.deref();
    return (connection) => holding(blocks, async () => setUp.deref()?.(connection));
  }

  get #single(): boolean {
    return this.#readers === this.#writer;
  }

  protected submit(request: Request, sql: string | readonly Query[], given: CallOptions | undefined): Promise<Outcome> {
    const route = request === Request.script ? 'writer' : routeOf(sql);
    this.#checkUsable(route === 'writer' ? 'write' : 'read');
    const options = withDefaultTimeout(given, this.#options.operationTimeoutMs);
    const policy = request === Request.batch ? TRANSACTION_POLICY : VERB_POLICY;
    if (!this.#isOpen) return this.#submitWhenOpen(request, policy, route, options);
    this.#watchWaiting();
    if (route === 'writer' || this.#single) return this.#write(request, policy, options);
    return this.#read(request, policy, options);
  }

  async #submitWhenOpen(
    request: Request,
    policy: number,
    route: Route,
    options: CallOptions | undefined,
  ): Promise<Outcome> {
    const parked = packet.park();
    const left = await this.#ready(options);
    packet.unpark(parked);
    this.#watchWaiting();
    if (route === 'writer' || this.#single) return this.#write(request, policy, left);
    return this.#read(request, policy, left);
  }

  #write(request: Request, policy: number, options: CallOptions | undefined): Promise<Outcome> {
    const outcome = this.#writer.port.submit(request, MAIN_LANE, policy, options);
    if (!this.#single && this.#options.relievesWal) this.#relief.startIfDue();
    return outcome;
  }

  async #read(request: Request, policy: number, options: CallOptions | undefined): Promise<Outcome> {
    const readers = this.#readers as Workers;
    const under = this.#relief.under;
    if (under === undefined) return readers.submit(request, policy | Policy.readOnly, options);
    const since = performance.now();
    const parked = packet.park();
    await waitFor(under, options, this.#options.acquireTimeoutMs);
    packet.unpark(parked);
    return readers.submit(request, policy | Policy.readOnly, withTimeLeft(options, since));
  }

  /** On a reader of its own, whose snapshot it holds until its end; never on the writer, unless there is only that. */
  protected openCursor(_sql: string, arrays: boolean, options: CallOptions | undefined): Cursor {
    this.#checkUsable('read');
    const limits = withDefaultTimeout(options, this.#options.operationTimeoutMs);
    const parked = packet.park();
    const opening = this.#openReaderCursor(parked, arrays, limits);
    return leasedCursor(opening, this.#options.database);
  }

  async #openReaderCursor(
    parked: packet.ParkedPacket,
    arrays: boolean,
    options: CallOptions | undefined,
  ): Promise<OpenedCursor> {
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
    const lease = await this.#lend(withTimeLeft(options, since));
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
    if (options !== undefined) checkNames('options', options, CALL_OPTIONS);
    const ready = this.#isOpen && this.#relief.under === undefined;
    const left = ready ? options : await this.#readyToRead(options);
    this.#watchWaiting();
    const readers = this.#readers as Workers;
    const host = this.#hostOf(readers, TRANSACTION_POLICY | Policy.readOnly);
    return readers.use(() => runTransaction(host, BeginMode.deferred, fn, left));
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

  async acquire(options: LeaseOptions = {}): Promise<Lease> {
    checkNames('options', options, LEASE_OPTIONS);
    const role = oneOf(options, 'role', ['writer', 'reader'] as const, 'writer');
    checkCallOptions(options);
    this.#checkUsable(role === 'writer' ? 'write' : 'read');
    return this.#lease(role, readOptions(options, LEASE_OPTIONS));
  }

  /** A reader for an iterator, a blob or a dump. It is released when close() finds it idle. */
  #lend(limits: CallOptions | undefined): Promise<WorkerLease> {
    return this.#lease('reader', limits, this.#lent);
  }

  async #lease(role: Role, limits: CallOptions | undefined, lent?: Set<WeakRef<WorkerLease>>): Promise<WorkerLease> {
    const since = performance.now();
    if (role === 'reader') await this.#readyToRead(limits);
    else if (!this.#isOpen) await this.#ready(limits);
    this.#watchWaiting();
    return acquireLease({
      workers: role === 'writer' ? this.#writer : (this.#readers as Workers),
      role,
      limits: withTimeLeft(limits, since),
      lent,
      database: this.#options.database,
      options: this.#options.connection,
      onAltered: role === 'writer' || this.#single ? () => this.#reopenWriter() : () => {},
      blocks: (executor, need) => executor === this && this.#waitsFor(role, need),
    });
  }

  async withConnection<T>(fn: (connection: Connection) => Promise<T>, options: LeaseOptions = {}): Promise<T> {
    if (typeof fn !== 'function') throw invalidArgument('fn', 'a function', fn);
    const lease = (await this.acquire(options)) as WorkerLease;
    try {
      return await holding(lease.blocks, async () => fn(lease));
    } finally {
      await lease.close();
    }
  }

  /** Whether a call that needs this waits until a lease of this role comes back. For readers there is another one. */
  #waitsFor(role: Role, need: Need): boolean {
    return need === 'close' || this.#single || (role === 'writer' && need === 'write');
  }

  async backup(destination: string, options: BackupOptions = {}): Promise<void> {
    checkNames('options', options, BACKUP_OPTIONS);
    const limits = sharedLimits(options, 'the backup');
    const left = () => ({ ...options, ...limits() });
    return this.#onSnapshot((db) => db.backup(destination, left()), limits);
  }

  serialize(): Promise<Uint8Array> {
    return this.#onSnapshot((db) => db.serialize());
  }

  integrityCheck(): Promise<{ ok: boolean; problems: string[] }> {
    return this.#onSnapshot((db) => db.integrityCheck());
  }

  vacuumInto(destination: string): Promise<void> {
    return this.withConnection((db) => db.vacuumInto(destination));
  }

  async *dump(): AsyncGenerator<string, void> {
    this.#checkUsable('read');
    await this.#ready(undefined);
    if (this.#single) return yield* this.#writerView().dump();
    const lease = await this.#lend(undefined);
    try {
      for await (const statement of lease.dump()) {
        yield statement;
        lease.touch();
      }
    } finally {
      await lease.close();
    }
  }

  async openBlob(at: BlobLocation): Promise<BlobHandle> {
    this.#checkUsable(at?.writable === true ? 'write' : 'read');
    await this.#ready(undefined);
    if (this.#single || at?.writable === true) return this.#writerView().openBlob(at);
    const lease = await this.#lend(undefined);
    try {
      return new LeasedBlob(await lease.openBlob(at), lease);
    } catch (error) {
      await lease.close();
      throw error;
    }
  }

  /** The writer as a connection that is nobody's own: calls of others come in between. */
  #writerView(): Connection {
    const { database, connection } = this.#options;
    return new WriterView(database, connection, this.#writer.port, () => this.#closing !== undefined);
  }

  /** A snapshot that lasts: neither do writers wait for it, nor do they start the copying anew. */
  async #onSnapshot<T>(
    work: (db: Connection) => Promise<T>,
    limits: () => CallOptions | undefined = () => undefined,
  ): Promise<T> {
    this.#checkUsable('read');
    await this.#ready(limits());
    if (this.#single) return work(this.#writerView());
    return this.withConnection(
      async (db) => {
        await db.exec('BEGIN', limits());
        await db.get('SELECT 1 FROM sqlite_schema', [], limits());
        return work(db);
      },
      { ...limits(), role: 'reader' },
    );
  }

  async checkpoint(): Promise<void> {
    this.#checkUsable('write');
    await this.#ready(undefined);
    await truncateWal(this);
    this.#counters.walPages = 0;
  }

  async #checkpoint(mode: 'PASSIVE' | 'RESTART', limits: CallOptions): Promise<boolean> {
    const done = await checkpoint(this, mode, limits);
    if (done && mode === 'RESTART') this.#counters.walPages = 0;
    return done;
  }

  stats(): PoolStats {
    const sum = (of: (workers: Workers) => number) => this.#groups.reduce((total, group) => total + of(group), 0);
    return {
      size: sum((group) => group.size),
      idle: sum((group) => group.idle),
      waiting: sum((group) => group.waiting),
      commits: this.#counters.commits,
      groupedWrites: this.#counters.groupedWrites,
      walPages: this.#counters.walPages,
    };
  }

  close(): Promise<void> {
    return this.closeAfter(undefined);
  }

  /** @internal As close(), but refuses calls only once `work` has settled. */
  async closeAfter(work: (() => Promise<void>) | undefined): Promise<void> {
    checkNotNested(this, 'close'); // also while another close() is under way: it waits for the caller, too
    if (work !== undefined) await work();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    forgotten.unregister(this);
    const hurry = setInterval(() => {
      for (const workers of this.#groups) workers.beginClose();
      for (const lease of this.#lent) lease.deref()?.releaseIfIdle();
    }, CLOSE_GRACE_MS);
    this.#relief.stop();
    await this.#opening;
    await this.#relief.under;
    // Calls that have waited for these are on their way now.
    await new Promise((resolve) => setImmediate(resolve));
    for (const workers of this.#groups) await workers.close();
    clearInterval(hurry);
    clearInterval(this.#waitTimer);
  }

  #checkUsable(need: Need): void {
    if (this.#closing !== undefined) throw closed();
    checkNotNested(this, need);
  }

  /**
   * @internal Reads the file as it is, before the pool sets its journal mode. Resolves to `undefined` if the pool has
   * begun to open it, or if there is no file to read.
   */
  async beforeOpening<T>(read: (file: Connection) => Promise<T>): Promise<T | undefined> {
    const { database, connection } = this.#options;
    if (this.#isOpen || this.#opening !== undefined || this.#closing !== undefined || database === ':memory:')
      return undefined;
    const { readonly, doubleQuotedStrings, busyTimeoutMs } = connection;
    const options = { readonly, doubleQuotedStrings, busyTimeoutMs, mustExist: true };
    // Where it can't be opened, the pool says why when it tries.
    const file = await connect(database, options).catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  }

  /** The pool with its writer, opened by whoever comes first. Gives the options with the time that is left. */
  async #ready(given: CallOptions | undefined): Promise<CallOptions | undefined> {
    const since = performance.now();
    const options = withDefaultTimeout(given, this.#options.operationTimeoutMs);
    checkCallOptions(options).signal?.throwIfAborted();
    if (this.#isOpen) return options;
    this.#opening ??= this.#openWriter();
    succeeded(await waitFor(this.#opening, options, this.#options.acquireTimeoutMs), options);
    return withTimeLeft(options, since);
  }

  /** As {@link #ready}, with the WAL relieved. */
  async #readyToRead(given: CallOptions | undefined): Promise<CallOptions | undefined> {
    const left = await this.#ready(given);
    const under = this.#relief.under;
    if (under === undefined) return left;
    const since = performance.now();
    await waitFor(under, left, this.#options.acquireTimeoutMs);
    return withTimeLeft(left, since);
  }

  /** It sets the journal mode, which tells whether there can be readers beside it. */
  async #openWriter(): Promise<Outcome> {
    const outcome = await this.#writer.open();
    this.#opening = undefined;
    const { failure, info: journalMode } = outcome;
    if (failure !== undefined) {
      this.#writer.port.failAll(failure); // the next call tries again
      return outcome;
    }
    if (this.#readers === undefined) {
      const single = journalMode !== 'wal' || this.#options.poolSize === 1;
      this.#readers = single ? this.#writer : this.#makeReaders();
      if (!single) this.#groups.unshift(this.#readers);
    }
    this.#isOpen = true;
    return outcome;
  }

  /** After a lease has altered it. What waits for it goes on waiting, be it the order to close. */
  #reopenWriter(): void {
    this.#isOpen = false;
    this.#opening = this.#openWriter();
  }

  #watchWaiting(): void {
    if (this.#watchesWaiting) return;
    enqueue(this.#startWaitTimer);
    this.#watchesWaiting = true;
  }

  /** Runs on a stack of its own: a timer that starts where the caller has used up the stack can lose its handle. */
  readonly #startWaitTimer = () => {
    const step = Math.min(Math.max(this.#options.acquireTimeoutMs / 8, 5), 1_000);
    this.#waitTimer = setInterval(() => {
      for (const workers of this.#groups) {
        workers.port.expire(this.#options.acquireTimeoutMs, 'ERR_POOL_TIMEOUT', POOL_TIMEOUT);
      }
      if (this.stats().waiting > 0) return;
      clearInterval(this.#waitTimer);
      this.#watchesWaiting = false;
    }, step).unref();
  };
}

/** Tells of pools that were dropped without close(), and closes them. One that has opened nothing is nobody's loss. */
const forgotten = new FinalizationRegistry<{ database: string; groups: Workers[] }>(async ({ database, groups }) => {
  if (groups.every((workers) => workers.size === 0)) return;
  warnForgotten(`A pool over ${database}`);
  for (const workers of groups) await workers.close();
});

/**
 * Makes a pool; nothing is opened before the first call. Wrong options throw.
 * @example await using pool = createPool('app.db', { poolSize: 3 });
 */
export function createPool(database: string | URL, options?: Omit<PoolOptions, 'database'>): Pool;
export function createPool(options: PoolOptions): Pool;
export function createPool(source: string | URL | PoolOptions, options?: Omit<PoolOptions, 'database'>): Pool {
  return new WriterAndReaders(poolOptionsOf(source, options));
}
