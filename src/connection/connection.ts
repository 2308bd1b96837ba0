import { AiosqliteError, invalidArgument, warnForgotten } from '../errors.js';
import type { CallOptions, Query, SqlParam, SqlValue, Transaction, TransactionOptions } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import { MAIN_LANE, type PoolCounters, Port } from '../wire/port.js';
import { Policy, Request } from '../wire/protocol.js';
import type { IntegerMode } from '../wire/rows.js';
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
import type { AuthorizerRules, ConnectionStatus, LimitName, StatementDescription } from './features/control.js';
import * as control from './features/control.js';
import { dump } from './features/dump.js';
import type { BackupOptions } from './features/files.js';
import * as files from './features/files.js';
import { type Aggregate, type FunctionOptions, functionsOf } from './features/functions.js';
import type { Send } from './features/send.js';
import { type CursorHost, openLaneCursor } from './lane-cursor.js';
import {
  type CheckedOptions,
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  checkDatabase,
  checkOptions,
  packOpen,
} from './options.js';
import type { Cursor } from './row-iterator.js';
import {
  type Blocks,
  checkNotNested,
  checkTransactionMode,
  runTransaction,
  type TransactionHost,
} from './transaction.js';
import { succeeded, Verbs } from './verbs.js';

/** A Connection over a lane of a worker: its own, or one that a lease holds. */
export abstract class LaneConnection extends Verbs implements Connection {
  readonly database: string;
  protected readonly port: Port;
  protected readonly lane: number;
  protected readonly policy: number;
  protected readonly options: CheckedOptions;
  readonly #worker: Port;
  readonly #listening = new Set<() => void>();
  #closing: Promise<void> | undefined;

  /** `worker`: the one that serves the lane, where `port` is a queue of several. */
  constructor(
    database: string,
    options: CheckedOptions,
    port: Port,
    lane: number,
    policy: number,
    worker: Port = port,
  ) {
    super();
    this.#worker = worker;
    this.database = database;
    this.options = options;
    this.port = port;
    this.lane = lane;
    this.policy = policy;
  }

  /** Calls on other objects that would wait for the end of this one. */
  protected readonly blocks: Blocks | undefined;

  /** Whether its end is under way: what is open on the worker closes with it. */
  protected get hasEnded(): boolean {
    return this.#closing !== undefined;
  }

  /** Ends what this object holds; called once. */
  protected abstract end(): Promise<void>;

  protected get integerMode(): IntegerMode {
    return this.options.integerMode;
  }

  protected submit(
    request: Request,
    _sql: string | readonly Query[],
    options: CallOptions | undefined,
  ): Promise<Outcome> {
    this.#checkUsable();
    // A transaction around these makes them one: they can't end it by hand.
    const whole = request === Request.batch || request === Request.many;
    const policy = whole ? this.policy | Policy.noTransactionControl : this.policy;
    return this.port.submit(request, this.lane, policy, options);
  }

  /** @internal */
  openCursor(_sql: string, arrays: boolean, options: CallOptions | undefined): Cursor {
    const host: CursorHost = {
      port: this.port,
      lane: this.lane,
      name: this.database,
      submit: (request, limits) => this.submit(request, '', limits),
      hasEnded: () => this.hasEnded,
    };
    return openLaneCursor(host, arrays, options);
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.#checkUsable();
    // A reader can't take the write lock.
    const fallback = this.policy & Policy.readOnly ? 'deferred' : this.options.transactionMode;
    const mode = checkTransactionMode(options, fallback);
    const { port, lane, policy, integerMode } = this;
    const host: TransactionHost = { port, lane, policy, integerMode, outer: this, outerBlocks: this.blocks };
    return runTransaction(host, mode, fn, options);
  }

  stats(): ConnectionStats {
    const { pending, running, completed, failed, cacheSize, cacheHits, cacheMisses } = this.#worker.stats();
    const statementCache = { size: cacheSize, hits: cacheHits, misses: cacheMisses };
    return { pending, running: running === 1, completed, failed, statementCache };
  }

  get inTransaction(): boolean {
    return this.#worker.stats().inTransaction === 1;
  }

  get totalChanges(): number {
    return this.#worker.stats().totalChanges;
  }

  interrupt(): void {
    this.#worker.native.interrupt();
  }

  /** Sends the current packet as a call of this connection. */
  readonly #send: Send = async (request, options) => succeeded(await this.submit(request, '', options), options);

  status(): Promise<ConnectionStatus> {
    return control.status(this.#send);
  }

  describe(sql: string | Query): Promise<StatementDescription> {
    return control.describe(this.#send, sql);
  }

  setLimit(name: LimitName, value: number): Promise<number> {
    return control.setLimit(this.#send, name, value);
  }

  authorize(rules: AuthorizerRules | null): Promise<void> {
    return control.authorize(this.#send, rules);
  }

  loadExtension(path: string, entryPoint?: string): Promise<void> {
    return control.loadExtension(this.#send, this.options.allowExtensions, path, entryPoint);
  }

  createFunction(
    name: string,
    // biome-ignore lint/suspicious/noConfusingVoidType: a function without a result gives NULL
    fn: (...args: SqlValue[]) => SqlParam | void,
    options?: FunctionOptions,
  ): Promise<void> {
    return functionsOf(this.#worker, this.integerMode).createFunction(this.#send, name, fn, options);
  }

  createAggregate<S>(name: string, aggregate: Aggregate<S>, options?: FunctionOptions): Promise<void> {
    return functionsOf(this.#worker, this.integerMode).createAggregate(this.#send, name, aggregate, options);
  }

  createCollation(name: string, compare: (a: string, b: string) => number): Promise<void> {
    return functionsOf(this.#worker, this.integerMode).createCollation(this.#send, name, compare);
  }

  backup(destination: string, options?: BackupOptions): Promise<void> {
    return files.backup(this, this.#send, destination, options);
  }

  vacuumInto(destination: string): Promise<void> {
    return files.vacuumInto(this, destination);
  }

  serialize(): Promise<Uint8Array> {
    return files.serialize(this.#send);
  }

  /** @internal Makes a database in memory one with this image. */
  load(image: Uint8Array): Promise<void> {
    return files.deserialize(this.#send, image);
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
    return openBlob(this.#send, at);
  }

  onCommit(listener: CommitListener): () => void {
    this.#checkUsable();
    const stop = onCommit(this.#send, this.port.commitListeners, this.#worker.number, listener);
    this.#listening.add(stop);
    return () => {
      this.#listening.delete(stop);
      stop();
    };
  }

  recordChanges(options?: { tables?: readonly string[] }): Promise<ChangeRecorder> {
    return recordChanges(this.#send, options);
  }

  applyChangeset(changeset: Uint8Array, options?: ApplyOptions): Promise<void> {
    return applyChangeset(this.#send, changeset, options);
  }

  async close(): Promise<void> {
    // Inside a transaction it would wait for its own caller, also while another close() is under way.
    checkNotNested(this, 'close');
    return this.finish();
  }

  /** As close(), for those who won't wait for it. */
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkUsable(): void {
    if (this.#closing !== undefined) throw new AiosqliteError('ERR_CLOSED', 'the connection is closed');
    checkNotNested(this, 'write');
  }
}

/** What connect() gives: the only user of its worker. */
class OwnConnection extends LaneConnection {
  protected end(): Promise<void> {
    forgotten.unregister(this);
    return this.port.close().finally(() => functionsOf(this.port, this.integerMode).clear());
  }
}

/**
 * Tells of connections that were dropped without close(), and closes them. It must not hold their port: listeners and
 * functions hang on that, and mostly they know their connection.
 */
const forgotten = new FinalizationRegistry<{ heir: Port; database: string }>(({ heir, database }) => {
  warnForgotten(`A connection to ${database}`);
  void heir.close();
});

/**
 * Opens one connection.
 * @param database a path, ':memory:', a 'file:' URI (sqlite.org/uri.html) or a URL of a file
 * @returns rejects with what SQLite says of the file: `'SQLITE_CANTOPEN'`, `'SQLITE_NOTADB'`, …
 * @example await using db = await connect('app.db');
 */
export async function connect(database: string | URL, options: ConnectionOptions = {}): Promise<Connection> {
  const checked = checkOptions(options, CONNECTION_OPTIONS, '');
  const name = checkDatabase(database);
  const port = Port.create(checked.maxPending, checked.maxPendingBytes, newCounters(name, checked));
  packOpen(name, checked, false);
  const outcome = await port.open(0, MAIN_LANE);
  if (outcome.failure !== undefined) port.join();
  succeeded(outcome, undefined);
  const connection = new OwnConnection(name, checked, port, MAIN_LANE, Policy.none);
  forgotten.register(connection, { heir: port.heir(), database: name }, connection);
  return connection;
}

export function newCounters(database: string, { slowCalls }: CheckedOptions): PoolCounters {
  return { database, slowCalls, commits: 0, groupedWrites: 0, walPages: 0 };
}

/**
 * Opens a database image from memory, as serialize() gives it (an image in WAL mode too).
 * @returns rejects `'SQLITE_NOTADB'` or `'SQLITE_CORRUPT'` for what is none
 * @example const copy = await deserialize(await db.serialize());
 */
export async function deserialize(image: Uint8Array, options: ConnectionOptions = {}): Promise<Connection> {
  if (!(image instanceof Uint8Array)) throw invalidArgument('image', 'a Uint8Array', image);
  const bytes = new Uint8Array(image); // as it is at the moment of the call; slice() of a Buffer copies nothing
  const connection = (await connect(':memory:', options)) as LaneConnection;
  try {
    await connection.load(bytes);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}
