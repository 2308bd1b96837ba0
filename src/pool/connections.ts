import { setImmediate } from 'node:timers'; // fake timers replace the global one
import type { Connection } from '../connection/api.js';
import { newCounters } from '../connection/connect.js';
import { SharedConnection } from '../connection/connection.js';
import { checkpoint } from '../connection/features/files.js';
import { Lane } from '../connection/lane.js';
import { holding, type Need } from '../connection/nesting.js';
import { AiosqliteError } from '../errors.js';
import type { Call } from '../wire/call.js';
import { type Limits, withDefaultTimeout } from '../wire/limits.js';
import type { Outcome } from '../wire/outcome/outcome.js';
import { Policy } from '../wire/protocol.js';
import { MAIN_LANE, type PoolCounters } from '../wire/queue.js';
import type { Pool, PoolStats } from './api.js';
import { Leases, type Role } from './lease.js';
import type { CheckedPoolOptions } from './options.js';
import { OnlyConnection } from './readers/only-connection.js';
import { Readers } from './readers/readers.js';
import type { Reading } from './readers/reading.js';
import { WalRelief } from './readers/wal-relief.js';
import { WaitLimit } from './wait-limit.js';
import { Workers } from './workers.js';
import { Writer } from './writer.js';

/** Calls of a pool may not change the connection that other callers use after them. */
const POOL_POLICY = Policy.noTransactionControl | Policy.noSettings;

/** While the pool closes, it looks this often for readers whose callers have left them, and for workers opened since. */
const CLOSE_CHECK_MS = 100;

/** The connections of a pool: the writer, and what reads beside it. */
export class Connections {
  /** In the order in which they close: the last to close moves the WAL into the file, which a reader can't. */
  readonly groups: Workers[] = [];
  readonly counters: PoolCounters;
  /** The lane of writes. */
  readonly writing: Lane;
  /** Leases of the writer. */
  readonly leases: Leases;
  /** The writer for blobs that write between other calls. It ends with the pool. */
  readonly shared: SharedConnection;
  readonly #pool: Pool;
  readonly #options: CheckedPoolOptions;
  readonly #writer: Writer;
  readonly #waitLimit: WaitLimit;
  #reading: Reading | undefined;
  /** Of a pool with readers, unless its options say otherwise. */
  #relief: WalRelief | undefined;

  /** `pool`: the object that users call. */
  constructor(pool: Pool, options: CheckedPoolOptions) {
    this.#pool = pool;
    this.#options = options;
    const { database, connection, acquireTimeoutMs } = options;
    this.counters = newCounters(database, connection);
    const workers = this.#workersOf('writer', 1, 0);
    this.groups.push(workers);
    this.#waitLimit = new WaitLimit(this.groups, acquireTimeoutMs);
    this.#writer = new Writer(workers, acquireTimeoutMs, (journalMode) => {
      this.#reading ??= this.#readingFor(journalMode);
    });
    this.writing = this.#laneOf(workers, 'write', POOL_POLICY);
    this.leases = this.#leasesOf('writer', workers, this.writing, this.#writer.reopen);
    this.shared = new SharedConnection(this.#laneOf(workers, 'write', Policy.none), connection);
  }

  get isOpen(): boolean {
    return this.#writer.isOpen;
  }

  /** Sends a call, once the pool is open: a read to where the pool reads, all else to the writer. */
  send(call: Call, reads: boolean, limits: Limits): Promise<Outcome> {
    this.#waitLimit.watch();
    if (reads) return (this.#reading as Reading).send(call, limits);
    const outcome = this.writing.send(call, limits);
    this.#relief?.startIfDue();
    return outcome;
  }

  /** How the pool reads, if it is open. To be called right before each call, which may have to wait for a connection. */
  readingIfOpen(): Reading | undefined {
    if (!this.isOpen) return undefined;
    this.#waitLimit.watch();
    return this.#reading;
  }

  /** Waits until the pool is open. */
  async open(limits: Limits): Promise<Reading> {
    await this.#writer.ready(withDefaultTimeout(limits, this.#options.operationTimeoutMs));
    this.#waitLimit.watch();
    return this.#reading as Reading;
  }

  /** Whether the pool is open, or opens. */
  get haveBegun(): boolean {
    return this.#writer.hasBegun;
  }

  stats(): PoolStats {
    const sum = (of: (workers: Workers) => number) => this.groups.reduce((total, group) => total + of(group), 0);
    const { commits, groupedWrites, walPages } = this.counters;
    return {
      size: sum((group) => group.size),
      idle: sum((group) => group.idle),
      waiting: sum((group) => group.waiting),
      commits,
      groupedWrites,
      walPages,
    };
  }

  /** Ends everything after the calls that were made before. */
  async close(): Promise<void> {
    for (const workers of this.groups) workers.beginClose();
    const hurry = setInterval(() => {
      for (const workers of this.groups) workers.beginClose();
      this.#reading?.giveBackIdle();
    }, CLOSE_CHECK_MS);
    this.shared.lane.stop();
    await this.#writer.settled;
    await this.#reading?.beginClose();
    // Calls that have waited for these are on their way now.
    await new Promise((resolve) => setImmediate(resolve));
    for (const workers of this.groups) await workers.close();
    clearInterval(hurry);
    this.#waitLimit.stop();
  }

  /** The journal mode of the file decides: without a WAL, readers would wait for writers. */
  #readingFor(journalMode: string): Reading {
    const { connection, poolSize, idleTimeoutMs, relievesWal } = this.#options;
    if (journalMode !== 'wal' || poolSize === 1) {
      const { workers, reopen } = this.#writer;
      const lane = this.#laneOf(workers, 'read', POOL_POLICY | Policy.readOnly);
      return new OnlyConnection(this.writing, lane, this.#leasesOf('reader', workers, lane, reopen), connection);
    }
    const readers = this.#workersOf('reader', poolSize - 1, idleTimeoutMs);
    this.groups.unshift(readers);
    const lane = this.#laneOf(readers, 'read', POOL_POLICY | Policy.readOnly);
    const leases = this.#leasesOf('reader', readers, lane, () => {});
    if (relievesWal) this.#relief = this.#reliefOf(readers);
    return new Readers(readers, lane, leases, this.#relief);
  }

  #workersOf(role: Role, limit: number, idleTimeoutMs: number): Workers {
    const { database, connection: options, acquireTimeoutMs, onConnect: given } = this.#options;
    const onConnect = given && this.#guarded(given);
    const { counters } = this;
    return new Workers({ database, options, role, limit, idleTimeoutMs, acquireTimeoutMs, onConnect, counters });
  }

  /** onConnect must not call the pool: it would wait for itself. Workers hold it, and must not keep the pool alive. */
  #guarded(onConnect: (connection: Connection) => Promise<void>): (connection: Connection) => Promise<void> {
    const pool = new WeakRef(this.#pool);
    const setUp = new WeakRef(onConnect); // the options hold it; it often refers to the pool
    const blocks = (target: object) => target === pool.deref();
    return (connection) => holding(blocks, async () => setUp.deref()?.(connection));
  }

  /** Lane 0 of a role, for the calls of every caller. */
  #laneOf({ queue }: Workers, need: Need, policy: number): Lane {
    const { database: name, connection, operationTimeoutMs: defaultTimeoutMs } = this.#options;
    const { integerMode } = connection;
    const owner = this.#pool;
    return new Lane(queue, MAIN_LANE, { name, policy, integerMode, defaultTimeoutMs, owner, need, ended: poolClosed });
  }

  #leasesOf(role: Role, workers: Workers, lane: Lane, onAltered: () => void): Leases {
    const policy = role === 'reader' ? Policy.readOnly : Policy.none;
    const blocks = (target: object, need: Need) => target === this.#pool && this.#reading?.blocks(role, need) === true;
    return new Leases({ workers, lane, policy, blocks, onAltered });
  }

  #reliefOf(readers: Workers): WalRelief {
    return new WalRelief({
      reads: () => readers.calls,
      walPages: () => this.counters.walPages,
      checkpoint: async (mode, limits) => {
        const done = await checkpoint(this.#pool, mode, limits);
        if (done && mode === 'RESTART') this.counters.walPages = 0;
        return done;
      },
    });
  }
}

export function poolClosed(): AiosqliteError {
  return new AiosqliteError('ERR_CLOSED', 'the pool is closed');
}
