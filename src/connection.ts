import { AiosqliteError } from './errors.js';
import type { CallOptions, Executor, Query, Transaction } from './executor.js';
import { openLaneCursor } from './lane-cursor.js';
import type { Message } from './native.js';
import { type CheckedOptions, type ConnectionOptions, checkDatabase, checkOptions, packOpen } from './options.js';
import { MAIN_LANE, Policy, Port, Request, type Tally } from './port.js';
import type { Cursor } from './row-iterator.js';
import type { IntegerMode } from './rows.js';
import {
  checkNotNested,
  checkTransactionMode,
  runTransaction,
  type TransactionHost,
  type TransactionOptions,
} from './transaction.js';
import { succeeded, Verbs } from './verbs.js';

export interface ConnectionStats {
  /** Calls that wait. */
  pending: number;
  /** Whether one runs now. */
  running: boolean;
  /** Calls that have succeeded, and that have failed, since opening. */
  completed: number;
  failed: number;
  statementCache: { size: number; hits: number; misses: number };
}

/** One open database on its own native thread. Calls run in the order in which they were made. */
export interface Connection extends Executor, AsyncDisposable {
  /** As it was given to connect(). */
  readonly database: string;
  stats(): ConnectionStats;
  /**
   * Waits for what is queued, then closes; only a job that is waiting for another process's lock is cut short, with
   * `'SQLITE_BUSY'`. Idempotent; later calls reject `'ERR_CLOSED'`.
   */
  close(): Promise<void>;
}

/** A Connection over a lane of a worker: its own, or one that a lease holds. */
export abstract class LaneConnection extends Verbs implements Connection {
  readonly database: string;
  protected readonly port: Port;
  protected readonly lane: number;
  protected readonly policy: number;
  protected readonly options: CheckedOptions;
  #closing: Promise<void> | undefined;

  constructor(database: string, options: CheckedOptions, port: Port, lane: number, policy: number) {
    super();
    this.database = database;
    this.options = options;
    this.port = port;
    this.lane = lane;
    this.policy = policy;
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
  ): Promise<Message> {
    this.#checkUsable();
    // A transaction around these makes them one: they can't end it by hand.
    const whole = request === Request.batch || request === Request.many;
    const policy = whole ? this.policy | Policy.noTransactionControl : this.policy;
    return this.port.submit(request, this.lane, policy, options);
  }

  /** @internal */
  openCursor(_sql: string, arrays: boolean, options: CallOptions | undefined): Cursor {
    const submit = (request: Request, limits: CallOptions | undefined) => this.submit(request, '', limits);
    return openLaneCursor(this.port, this.lane, this.database, submit, arrays, options);
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.#checkUsable();
    // A reader can't take the write lock.
    const fallback = this.policy & Policy.readOnly ? 'deferred' : this.options.transactionMode;
    const mode = checkTransactionMode(options, fallback);
    const { port, lane, policy, integerMode } = this;
    const host: TransactionHost = { port, lane, policy, integerMode, outer: this };
    return runTransaction(host, mode, fn, options);
  }

  stats(): ConnectionStats {
    const [pending, running, completed, failed, size, hits, misses] = this.port.native.stats() as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return { pending, running: running === 1, completed, failed, statementCache: { size, hits, misses } };
  }

  async close(): Promise<void> {
    if (this.#closing === undefined) {
      // It would wait for the transaction that it is called in, and the transaction for it.
      checkNotNested(this, true);
      this.#closing = this.end();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkUsable(): void {
    if (this.#closing !== undefined) throw new AiosqliteError('ERR_CLOSED', 'the connection is closed');
    checkNotNested(this, true);
  }
}

/** What connect() gives: the only user of its worker. */
class OwnConnection extends LaneConnection {
  protected end(): Promise<void> {
    forgotten.unregister(this);
    return this.port.close();
  }
}

/** Tells of connections that were dropped without close(), and closes them. */
const forgotten = new FinalizationRegistry<{ port: Port; database: string }>(({ port, database }) => {
  process.emitWarning(`A connection to ${database} was garbage-collected without close()`, 'AiosqliteWarning');
  void port.close();
});

/**
 * Opens one connection.
 * @param database a path, ':memory:' or a 'file:' URI (sqlite.org/uri.html)
 * @returns rejects with what SQLite says of the file: `'SQLITE_CANTOPEN'`, `'SQLITE_NOTADB'`, …
 * @example await using db = await connect('app.db');
 */
export async function connect(database: string, options: ConnectionOptions = {}): Promise<Connection> {
  const checked = checkOptions(options, '');
  const port = Port.create(checked.maxPending, checked.maxPendingBytes, newTally());
  packOpen(checkDatabase(database), checked, false);
  const message = await port.open(0, MAIN_LANE);
  if (message[1] !== 0) port.native.join();
  succeeded(message, undefined);
  const connection = new OwnConnection(database, checked, port, MAIN_LANE, Policy.none);
  forgotten.register(connection, { port, database }, connection);
  return connection;
}

export function newTally(): Tally {
  return { commits: 0, groupedWrites: 0, walPages: 0 };
}
