import { CALL_OPTIONS, type NamesOf } from '../arguments.js';
import type { Connection } from '../connection/api.js';
import { connectionClosed, LaneConnection } from '../connection/connection.js';
import type { Lane, LaneSettings } from '../connection/lane.js';
import { type Blocks, holding } from '../connection/nesting.js';
import { warnForgotten } from '../errors.js';
import type { CallOptions } from '../executor.js';
import type { SharedLimits } from '../wire/limits.js';
import { BeginMode } from '../wire/protocol.js';
import type { Worker } from '../wire/worker.js';
import type { Workers } from './workers.js';

/** `'writer'`: the one connection that writes; `'reader'`: one of those that only read. */
export type Role = 'writer' | 'reader';

/** `signal` and `timeoutMs` end the wait for the connection, not what is done with it. */
export interface LeaseOptions extends CallOptions {
  /** Default: `'writer'`. */
  role?: Role;
}

export const LEASE_OPTIONS: NamesOf<LeaseOptions> = { ...CALL_OPTIONS, role: true };

/** A connection of the pool, for one user at a time. */
export interface Lease extends Connection {
  /** Gives the connection back, after the calls already made on it. Later calls reject `'ERR_CLOSED'`. */
  release(): void;
  /** As release(), and waits for it. */
  [Symbol.asyncDispose](): Promise<void>;
}

export class WorkerLease extends LaneConnection implements Lease {
  /** Gives the connection back. Holds no reference to the lease, which can be collected. */
  readonly giveBack: () => Promise<void>;
  readonly #blocks: Blocks;

  constructor(lane: Lane, worker: Worker, terms: LeaseTerms, giveBack: () => Promise<void>) {
    super(lane, worker, terms.workers.options);
    this.giveBack = giveBack;
    this.#blocks = terms.blocks;
  }

  release(): void {
    void this.finish();
  }

  /** Runs `fn` as the holder of this lease, then gives the connection back. */
  async use<T>(fn: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await holding(this.#blocks, async () => fn(this));
    } finally {
      await this.close();
    }
  }

  protected override end(): Promise<void> {
    forgotten.unregister(this);
    return this.giveBack();
  }
}

export interface LeaseTerms {
  workers: Workers;
  /** The lane in which leases wait. */
  lane: Lane;
  /** Restrictions of every call of a lease. */
  policy: number;
  /** Calls that wait until a lease comes back. */
  blocks: Blocks;
  /** Called when a connection came back altered, and has closed. */
  onAltered: () => void;
}

/** Leases the connections of one role. */
export class Leases {
  readonly #terms: LeaseTerms;
  readonly #settings: LaneSettings;

  constructor(terms: LeaseTerms) {
    const { lane, policy, blocks } = terms;
    const { name, integerMode } = lane.settings;
    this.#terms = terms;
    this.#settings = { name, integerMode, policy, blocks, ended: connectionClosed };
  }

  /** Waits for a worker to hold. Until the lease is given back, the worker serves the lease's lane alone. */
  async open(limits: SharedLimits): Promise<WorkerLease> {
    const { workers, onAltered, lane: outer } = this.#terms;
    if (!workers.tryHold()) await workers.waitToHold(limits());
    let lane: Lane;
    try {
      lane = await outer.begin(BeginMode.lease, limits(), this.#settings);
    } catch (error) {
      workers.letGo();
      throw error;
    }
    const worker = workers.leased(lane.worker);
    const end = async () => {
      const altered = await lane.release();
      workers.letGo();
      workers.returned(lane.worker, altered);
      if (altered) onAltered();
    };
    let ending: Promise<void> | undefined;
    const giveBack = () => {
      ending ??= end();
      return ending;
    };
    const lease = new WorkerLease(lane, worker, this.#terms, giveBack);
    forgotten.register(lease, { giveBack, name: outer.name }, lease);
    return lease;
  }
}

/** Warns of leases that were collected without release(), and gives their connections back. */
const forgotten = new FinalizationRegistry<{ giveBack: () => Promise<void>; name: string }>(({ giveBack, name }) => {
  warnForgotten(`A lease of ${name}`, 'without release()');
  void giveBack();
});
