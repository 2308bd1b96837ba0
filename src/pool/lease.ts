import type { Connection } from '../connection/api.js';
import { LaneConnection } from '../connection/connection.js';
import type { CheckedOptions } from '../connection/options.js';
import { type Blocks, beginLane, endLane } from '../connection/transaction.js';
import { warnForgotten } from '../errors.js';
import type { CallOptions } from '../executor.js';
import { MAIN_LANE, nextLane, type Port } from '../wire/port.js';
import { BeginMode, EndMode, Policy } from '../wire/protocol.js';
import type { Workers } from './workers.js';

export type Role = 'writer' | 'reader';

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

  constructor(from: LeaseSource, lane: number, worker: Port, giveBack: () => Promise<void>) {
    const policy = from.role === 'reader' ? Policy.readOnly : Policy.none;
    super(from.database, from.options, from.workers.port, lane, policy, worker);
    this.#giveBack = giveBack;
    this.blocks = from.blocks;
  }

  release(): void {
    void this.finish();
  }

  protected end(): Promise<void> {
    forgotten.unregister(this);
    return this.#giveBack();
  }
}

export interface LeaseSource {
  workers: Workers;
  role: Role;
  /** Of the wait for a worker. */
  limits: CallOptions | undefined;
  database: string;
  options: CheckedOptions;
  /** The connection came back altered and has closed. */
  onAltered: () => void;
  /** Calls that wait until the lease comes back. */
  blocks: Blocks;
}

/** Waits for a worker that is free. It counts as busy until the lease is given back, and serves the lease's lane alone. */
export async function acquireLease(from: LeaseSource): Promise<Lease> {
  const { workers, database } = from;
  const lane = nextLane();
  const free = workers.occupy();
  let worker: number;
  try {
    const message = await beginLane(workers.port, MAIN_LANE, lane, BeginMode.lease, Policy.none, from.limits);
    worker = message[4];
  } catch (error) {
    free();
    throw error;
  }
  const port = workers.leased(worker);
  const giveBack = async () => {
    const altered = await endLane(workers.port, lane, EndMode.release);
    free();
    workers.returned(worker, altered);
    if (altered) from.onAltered();
  };
  const lease = new WorkerLease(from, lane, port, giveBack);
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
