import { CALL_OPTIONS, type NamesOf } from '../arguments.js';
import type { Connection } from '../connection/api.js';
import { LaneConnection } from '../connection/connection.js';
import type { CheckedOptions } from '../connection/options.js';
import { type Blocks, beginLane, endLane } from '../connection/transaction.js';
import { warnForgotten } from '../errors.js';
import type { CallOptions, Query } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import { MAIN_LANE, nextLane, type Port, sharedLimits } from '../wire/port.js';
import { BeginMode, EndMode, Policy, type Request } from '../wire/protocol.js';
import type { Workers } from './workers.js';

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
  readonly #giveBack: () => Promise<void>;
  override readonly blocks: Blocks;
  #used = false;

  constructor(from: LeaseSource, lane: number, worker: Port, giveBack: () => Promise<void>) {
    const policy = from.role === 'reader' ? Policy.readOnly : Policy.none;
    super(from.database, from.options, from.workers.port, lane, policy, worker);
    this.#giveBack = giveBack;
    this.blocks = from.blocks;
  }

  release(): void {
    void this.finish();
  }

  /** Notes that its user goes on. */
  touch(): void {
    this.#used = true;
  }

  /** Releases it if it has not been used since the last time. */
  releaseIfIdle(): void {
    if (!this.#used && !this.stats().running) this.release();
    this.#used = false;
  }

  protected override submit(
    request: Request,
    sql: string | readonly Query[],
    options: CallOptions | undefined,
  ): Promise<Outcome> {
    this.#used = true;
    return super.submit(request, sql, options);
  }

  protected end(): Promise<void> {
    forgotten.unregister(this);
    return this.#giveBack();
  }
}

export interface LeaseSource {
  workers: Workers;
  role: Role;
  /** Limits of the wait for a worker. */
  limits: CallOptions | undefined;
  database: string;
  options: CheckedOptions;
  /** The connection came back altered and has closed. */
  onAltered: () => void;
  /** Calls that wait until the lease comes back. */
  blocks: Blocks;
  /** Holds the lease, weakly, until it comes back. */
  lent: Set<WeakRef<WorkerLease>> | undefined;
}

/** Waits for a worker to hold. Until the lease is given back, the worker serves the lease's lane alone. */
export async function acquireLease(from: LeaseSource): Promise<WorkerLease> {
  const { workers, database } = from;
  const limits = sharedLimits(from.limits, 'the call');
  const letGo = await workers.hold(limits());
  const lane = nextLane();
  let worker: number;
  try {
    const outcome = await beginLane(workers.port, MAIN_LANE, lane, BeginMode.lease, Policy.none, limits());
    worker = outcome.worker;
  } catch (error) {
    letGo();
    throw error;
  }
  const port = workers.leased(worker);
  const giveBack = async () => {
    from.lent?.delete(ref);
    const altered = await endLane(workers.port, lane, EndMode.release);
    letGo();
    workers.returned(worker, altered);
    if (altered) from.onAltered();
  };
  const lease = new WorkerLease(from, lane, port, giveBack);
  const ref = new WeakRef(lease);
  from.lent?.add(ref);
  forgotten.register(lease, { giveBack, database }, lease);
  return lease;
}

/** Tells of leases that were dropped without release(), and gives them back. */
const forgotten = new FinalizationRegistry<{ giveBack: () => Promise<void>; database: string }>(
  ({ giveBack, database }) => {
    warnForgotten(`A lease of ${database}`, 'without release()');
    void giveBack();
  },
);
