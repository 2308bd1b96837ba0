import { CALL_OPTIONS, checkFunction, checkNames, oneOf } from '../arguments.js';
import type { Connection } from '../connection/api.js';
import { connect } from '../connection/connect.js';
import type { BlobHandle, BlobLocation } from '../connection/features/blob.js';
import { BACKUP_OPTIONS, type BackupOptions, truncateWal } from '../connection/features/files.js';
import { checkNotNested, type Need } from '../connection/nesting.js';
import type { Cursor } from '../connection/row-iterator.js';
import { checkTransactionMode, runTransaction } from '../connection/transaction.js';
import { Verbs } from '../connection/verbs.js';
import { warnForgotten } from '../errors.js';
import type { CallOptions, Transaction, TransactionOptions } from '../executor.js';
import type { Call } from '../wire/call.js';
import {
  type Limits,
  limitsOf,
  NO_LIMITS,
  NO_SHARED_LIMITS,
  type SharedLimits,
  sharedLimits,
  withDefaultTimeout,
} from '../wire/limits.js';
import type { Outcome } from '../wire/outcome/outcome.js';
import type { IntegerMode } from '../wire/outcome/rows.js';
import { Policy, Request } from '../wire/protocol.js';
import type { Pool, PoolStats } from './api.js';
import { Connections, poolClosed } from './connections.js';
import { LEASE_OPTIONS, type Lease, type LeaseOptions, type WorkerLease } from './lease.js';
import { type CheckedPoolOptions, checkPoolOptions, type PoolOptions, poolOptionsOf } from './options.js';
import { lentBlob, lentCursor, lentDump, type OpenedCursor } from './readers/lent.js';
import { isReadCall } from './route.js';
import type { Workers } from './workers.js';

class WorkerPool extends Verbs implements Pool {
  readonly #options: CheckedPoolOptions;
  readonly #connections: Connections;
  #closing: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    super();
    this.#options = checkPoolOptions(options);
    this.#connections = new Connections(this, this.#options);
    forgotten.register(this, { database: this.#options.database, groups: this.#connections.groups }, this);
  }

  protected get integerMode(): IntegerMode {
    return this.#options.connection.integerMode;
  }

  #check(need: Need): void {
    if (this.#closing !== undefined) throw poolClosed();
    checkNotNested(this, need);
  }

  /** @internal */
  checkWrite(): void {
    this.#check('write');
  }

  #sharedLimits(limits: Limits, what: string): SharedLimits {
    return sharedLimits(withDefaultTimeout(limits, this.#options.operationTimeoutMs), what);
  }

  protected send(call: Call, limits: Limits): Promise<Outcome> {
    const reads = isReadCall(call);
    this.#check(reads ? 'read' : 'write');
    if (call.request !== Request.batch) call.policy |= Policy.noConnectionCounters;
    const connections = this.#connections;
    return connections.isOpen ? connections.send(call, reads, limits) : this.#sendWhenOpen(call, reads, limits);
  }

  async #sendWhenOpen(call: Call, reads: boolean, limits: Limits): Promise<Outcome> {
    const left = this.#sharedLimits(limits, 'the call');
    call.keep();
    await this.#connections.open(left());
    return this.#connections.send(call, reads, left());
  }

  protected openCursor(call: Call, arrays: boolean, limits: Limits): Cursor {
    this.#check('read');
    call.keep();
    const opening = this.#openCursor(call, arrays, this.#sharedLimits(limits, 'the iteration'));
    return lentCursor(opening, this.#options.database);
  }

  async #openCursor(call: Call, arrays: boolean, limits: SharedLimits): Promise<OpenedCursor> {
    const reading = await this.#connections.open(limits());
    const lent = await reading.lend(limits);
    try {
      return { cursor: lent.connection.openCursor(call, arrays, limits()), lent };
    } catch (error) {
      await lent.giveBack();
      throw error;
    }
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.#check('write');
    const mode = checkTransactionMode(options, this.#options.connection.transactionMode);
    const limits = limitsOf(options);
    const { writing } = this.#connections;
    // In an open pool the transaction begins in the order of the calls.
    if (this.#connections.readingIfOpen() !== undefined) return runTransaction(writing, mode, fn, limits);
    const left = this.#sharedLimits(limits, 'the call');
    await this.#connections.open(left());
    return runTransaction(writing, mode, fn, left());
  }

  async read<T>(fn: (tx: Transaction) => Promise<T>, options?: CallOptions): Promise<T> {
    this.#check('read');
    if (options !== undefined) checkNames('options', options, CALL_OPTIONS);
    const limits = this.#sharedLimits(limitsOf(options), 'the call');
    const reading = this.#connections.readingIfOpen() ?? (await this.#connections.open(limits()));
    return reading.read(fn, limits);
  }

  async acquire(options: LeaseOptions = {}): Promise<Lease> {
    return this.#lease(options);
  }

  async withConnection<T>(fn: (connection: Connection) => Promise<T>, options: LeaseOptions = {}): Promise<T> {
    checkFunction('fn', fn);
    const lease = await this.#lease(options);
    return lease.use(fn);
  }

  async #lease(options: LeaseOptions): Promise<WorkerLease> {
    checkNames('options', options, LEASE_OPTIONS);
    const role = oneOf(options, 'role', ['writer', 'reader'] as const, 'writer');
    const limits = sharedLimits(limitsOf(options), 'the call');
    this.#check(role === 'writer' ? 'write' : 'read');
    const reading = this.#connections.readingIfOpen() ?? (await this.#connections.open(limits()));
    return role === 'writer' ? this.#connections.leases.open(limits) : reading.lease(limits);
  }

  async openBlob(at: BlobLocation): Promise<BlobHandle> {
    const writes = at?.writable === true;
    this.#check(writes ? 'write' : 'read');
    const reading = await this.#connections.open(NO_LIMITS);
    return writes ? this.#connections.shared.openBlob(at) : lentBlob(await reading.lend(NO_SHARED_LIMITS), at);
  }

  async *dump(): AsyncGenerator<string, void> {
    this.#check('read');
    const reading = await this.#connections.open(NO_LIMITS);
    yield* lentDump(await reading.lend(NO_SHARED_LIMITS));
  }

  async backup(destination: string, options: BackupOptions = {}): Promise<void> {
    checkNames('options', options, BACKUP_OPTIONS);
    const limits = sharedLimits(limitsOf(options), 'the backup');
    return this.#onSnapshot((db) => db.backup(destination, { ...options, ...limits() }), limits);
  }

  serialize(): Promise<Uint8Array> {
    return this.#onSnapshot((db) => db.serialize());
  }

  integrityCheck(): Promise<{ ok: boolean; problems: string[] }> {
    return this.#onSnapshot((db) => db.integrityCheck());
  }

  async #onSnapshot<T>(work: (db: Connection) => Promise<T>, limits: SharedLimits = NO_SHARED_LIMITS): Promise<T> {
    this.#check('read');
    const reading = await this.#connections.open(limits());
    return reading.onSnapshot(work, limits);
  }

  vacuumInto(destination: string): Promise<void> {
    return this.withConnection((db) => db.vacuumInto(destination));
  }

  async checkpoint(): Promise<void> {
    this.#check('write');
    await this.#connections.open(NO_LIMITS);
    await truncateWal(this);
    this.#connections.counters.walPages = 0;
  }

  stats(): PoolStats {
    return this.#connections.stats();
  }

  close(): Promise<void> {
    return this.closeAfter(undefined);
  }

  /** @internal As close(), but refuses calls only once `work` has settled. */
  async closeAfter(work: (() => Promise<void>) | undefined): Promise<void> {
    checkNotNested(this, 'close'); // also while another close() is under way: it waits for the caller, too
    if (work !== undefined) await work();
    if (this.#closing === undefined) {
      forgotten.unregister(this);
      this.#closing = this.#connections.close();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * @internal Reads the file as it is, before the pool sets its journal mode. Resolves to `undefined` if the pool has
   * begun to open it, or if there is no file to read.
   */
  async beforeOpening<T>(read: (file: Connection) => Promise<T>): Promise<T | undefined> {
    const { database, connection } = this.#options;
    if (this.#connections.haveBegun || this.#closing !== undefined || database === ':memory:') return undefined;
    const { readonly, doubleQuotedStrings, busyTimeoutMs } = connection;
    const options = { readonly, doubleQuotedStrings, busyTimeoutMs, mustExist: true };
    // If it can't be opened, the pool's own attempt will say why.
    const file = await connect(database, options).catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  }
}

/** Warns of pools that were collected without close(), and closes them. A pool that has opened nothing needs neither. */
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
/** With the database among the options. */
export function createPool(options: PoolOptions): Pool;
export function createPool(source: string | URL | PoolOptions, options?: Omit<PoolOptions, 'database'>): Pool {
  return new WorkerPool(poolOptionsOf(source, options));
}
