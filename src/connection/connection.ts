import { AiosqliteError } from '../errors.js';
import type { Query, SqlParam, SqlValue, StatementDescription, Transaction, TransactionOptions } from '../executor.js';
import type { Call } from '../wire/call.js';
import { type Limits, limitsOf } from '../wire/limits.js';
import { orThrow } from '../wire/outcome/failure.js';
import type { Outcome } from '../wire/outcome/outcome.js';
import type { IntegerMode } from '../wire/outcome/rows.js';
import { BeginMode, Policy, Request } from '../wire/protocol.js';
import { Worker } from '../wire/worker.js';
import type { Connection, ConnectionStats } from './api.js';
import { type BlobHandle, type BlobLocation, openBlob } from './features/blob.js';
import {
  type ApplyOptions,
  applyChangeset,
  type ChangeRecorder,
  type CommitListener,
  onCommit,
  recordChanges,
} from './features/changes.js';
import type { AuthorizerRules, ConnectionStatus, LimitName } from './features/control.js';
import * as control from './features/control.js';
import { dump } from './features/dump.js';
import type { BackupOptions, BackupProgress } from './features/files.js';
import * as files from './features/files.js';
import { type Aggregate, type FunctionOptions, functionsOf } from './features/functions.js';
import type { Send } from './features/send.js';
import type { Lane } from './lane.js';
import { checkNotNested } from './nesting.js';
import type { CheckedOptions } from './options.js';
import type { Cursor } from './row-iterator.js';
import { checkTransactionMode, runTransaction } from './transaction.js';
import { Verbs } from './verbs.js';

/** A Connection over a lane: its worker's own, or one that a lease or a set-up holds. */
export class LaneConnection extends Verbs implements Connection {
  readonly database: string;
  /** @internal */
  readonly lane: Lane;
  protected readonly options: CheckedOptions;
  protected readonly worker: Worker;
  readonly #listening = new Set<() => void>();
  #closing: Promise<void> | undefined;

  /** `worker`: the worker that serves the lane. */
  constructor(lane: Lane, worker: Worker, options: CheckedOptions) {
    super();
    this.database = lane.name;
    this.lane = lane;
    this.options = options;
    this.worker = worker;
  }

  protected get integerMode(): IntegerMode {
    return this.options.integerMode;
  }

  protected send(call: Call, limits: Limits): Promise<Outcome> {
    // A transaction around these makes them one: they can't end it by hand.
    const { request } = call;
    if (request === Request.batch || request === Request.many) call.policy |= Policy.noTransactionControl;
    return this.lane.send(call, limits);
  }

  /** @internal */
  checkWrite(): void {
    this.lane.check();
  }

  /** @internal Sends a call. Resolves to its outcome if it succeeded, rejects with its Error if it failed. */
  readonly perform: Send = async (call, limits) => orThrow(await this.lane.send(call, limits), limits);

  /** @internal */
  openCursor(call: Call, arrays: boolean, limits: Limits): Cursor {
    return this.lane.openCursor(call, arrays, limits);
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.lane.check();
    // A reader can't take the write lock.
    const fallback = this.lane.policy & Policy.readOnly ? 'deferred' : this.options.transactionMode;
    return runTransaction(this.lane, checkTransactionMode(options, fallback), fn, limitsOf(options));
  }

  /** A savepoint: the caller's SQL may have begun a transaction. */
  protected override async atomically<T>(work: (tx: Transaction) => Promise<T>, limits: Limits): Promise<T> {
    this.lane.check();
    return runTransaction(this.lane, BeginMode.savepoint, work, limits);
  }

  stats(): ConnectionStats {
    const { running, completed, failed, cacheSize, cacheHits, cacheMisses } = this.worker.stats();
    const statementCache = { size: cacheSize, hits: cacheHits, misses: cacheMisses };
    return { pending: this.worker.queue.pending, running: running === 1, completed, failed, statementCache };
  }

  get inTransaction(): boolean {
    return this.worker.stats().inTransaction === 1;
  }

  get totalChanges(): number {
    return this.worker.stats().totalChanges;
  }

  interrupt(): void {
    this.worker.interrupt();
  }

  status(): Promise<ConnectionStatus> {
    return control.status(this.perform);
  }

  describe(sql: string | Query): Promise<StatementDescription> {
    return control.describe(this.perform, sql);
  }

  setLimit(name: LimitName, value: number): Promise<number> {
    return control.setLimit(this.perform, name, value);
  }

  authorize(rules: AuthorizerRules | null): Promise<void> {
    return control.authorize(this.perform, rules);
  }

  loadExtension(path: string, entryPoint?: string): Promise<void> {
    return control.loadExtension(this.perform, this.options.allowExtensions, path, entryPoint);
  }

  createFunction(
    name: string,
    // biome-ignore lint/suspicious/noConfusingVoidType: a function without a result gives NULL
    fn: (...args: SqlValue[]) => SqlParam | void,
    options?: FunctionOptions,
  ): Promise<void> {
    return functionsOf(this.worker, this.integerMode).createFunction(this.perform, name, fn, options);
  }

  createAggregate<S>(name: string, aggregate: Aggregate<S>, options?: FunctionOptions): Promise<void> {
    return functionsOf(this.worker, this.integerMode).createAggregate(this.perform, name, aggregate, options);
  }

  createCollation(name: string, compare: (a: string, b: string) => number): Promise<void> {
    return functionsOf(this.worker, this.integerMode).createCollation(this.perform, name, compare);
  }

  backup(destination: string, options?: BackupOptions): Promise<void> {
    return files.backup(this, this.perform, destination, options);
  }

  restore(source: string): Promise<BackupProgress> {
    return files.restore(this.perform, source);
  }

  vacuumInto(destination: string): Promise<void> {
    return files.vacuumInto(this, destination);
  }

  serialize(): Promise<Uint8Array> {
    return files.serialize(this.perform);
  }

  /** @internal Makes a database in memory one with this image. */
  load(image: Uint8Array): Promise<void> {
    return files.deserialize(this.perform, image);
  }

  integrityCheck(): Promise<{ ok: boolean; problems: string[] }> {
    return files.integrityCheck(this);
  }

  checkpoint(): Promise<void> {
    return files.truncateWal(this);
  }

  dump(): AsyncGenerator<string, void> {
    return dump(this);
  }

  openBlob(at: BlobLocation): Promise<BlobHandle> {
    return openBlob(this.perform, at);
  }

  onCommit(listener: CommitListener): () => void {
    this.lane.check();
    const stop = onCommit(this.perform, this.worker, listener);
    this.#listening.add(stop);
    return () => {
      this.#listening.delete(stop);
      stop();
    };
  }

  recordChanges(options?: { tables?: readonly string[] }): Promise<ChangeRecorder> {
    return recordChanges(this.perform, options);
  }

  applyChangeset(changeset: Uint8Array, options?: ApplyOptions): Promise<void> {
    return applyChangeset(this.perform, changeset, options);
  }

  async close(): Promise<void> {
    // Inside a transaction it would wait for its own caller, also while another close() is under way.
    checkNotNested(this.lane, 'close');
    return this.finish();
  }

  /** As close(), for callers that don't wait for it. */
  protected finish(): Promise<void> {
    if (this.#closing === undefined) {
      this.stopListening();
      this.#closing = this.end();
    }
    return this.#closing;
  }

  /** Listeners end with the object that they were given to. */
  protected stopListening(): void {
    for (const stop of this.#listening) stop();
  }

  /** Ends what this object holds. Called once. */
  protected async end(): Promise<void> {
    this.lane.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export function connectionClosed(): AiosqliteError {
  return new AiosqliteError('ERR_CLOSED', 'the connection is closed');
}

/** A connection for several callers at a time, which has no worker of its own: their calls go through its lane alone. */
export class SharedConnection extends LaneConnection {
  constructor(lane: Lane, options: CheckedOptions) {
    super(lane, new Worker(lane.queue, 0), options);
  }
}
