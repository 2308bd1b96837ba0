import { AiosqliteError, throwLater } from '../errors.js';
import { Call } from './call.js';
import { LONGEST_TIMER_MS, onAbort } from './deadline.js';
import { type Limits, NO_LIMITS } from './limits.js';
import { inFlight, type NativeQueue, native } from './native.js';
import { type CommittedChange, type Failure, failed, type Outcome } from './outcome/outcome.js';
import { LaneNumber, Policy, Request } from './protocol.js';
import { calls, publish as publishTrace, type SlowCalls } from './trace.js';

/** Names of requests, as traces have them. */
const NAMES = Object.fromEntries(Object.entries(Request).map(([name, code]) => [code, name])) as Record<
  Request,
  string
>;

/** The lane of every caller; a transaction or a lease has one of its own. */
export const MAIN_LANE: number = LaneNumber.main;
let lastLane = MAIN_LANE;

export function nextLane(): number {
  lastLane = lastLane >= 0xffff_ffff ? 1 : lastLane + 1;
  return lastLane;
}

/** Counters of one database, shared by all of its queues. */
export interface PoolCounters {
  readonly database: string;
  readonly slowCalls: SlowCalls | undefined;
  commits: number;
  groupedWrites: number;
  walPages: number;
}

/** Read at loading: fake timers may replace the global one later, and would send no call. */
export const enqueue = queueMicrotask;

type CommitListeners = Map<number, Set<(changes: readonly CommittedChange[]) => void>>;

/** A queue of calls, from which workers take. It settles calls that end while they wait; the worker settles the others. */
export class Queue {
  /** Workers are made over it. */
  readonly native: NativeQueue;
  readonly counters: PoolCounters;
  /** Called with the changes of each commit, by the number of the worker that commits. */
  readonly commitListeners: CommitListeners;
  #publishing = false;

  private constructor(queue: NativeQueue, counters: PoolCounters, commitListeners: CommitListeners) {
    this.native = queue;
    this.counters = counters;
    this.commitListeners = commitListeners;
  }

  static create(maxPending: number, maxPendingBytes: number, counters: PoolCounters): Queue {
    return new Queue(new (native().Queue)(maxPending, maxPendingBytes), counters, new Map());
  }

  /** The same queue, without the listeners of its user. */
  heir(): Queue {
    return new Queue(this.native, { ...this.counters, slowCalls: undefined }, new Map());
  }

  /** Number of calls that wait. */
  get pending(): number {
    return this.native.pending();
  }

  /**
   * Sends a call. Resolves to the outcome, failed or not: failureOf() makes its Error, where the caller's stack is still
   * known. Throws if the call can't be sent.
   */
  send(call: Call, lane: number, policy: number, { signal, timeoutMs = 0 }: Limits): Promise<Outcome> {
    if (signal?.aborted) throw signal.reason;
    const id = inFlight.nextId();
    // Calls in a lane can be interrupted together, when their transaction is cancelled.
    const cancellable = signal !== undefined || timeoutMs > 0 || lane !== MAIN_LANE;
    const traced = calls.hasSubscribers || this.counters.slowCalls !== undefined;
    call.prepare(id, lane, traced ? policy | Policy.trace : policy, timeoutMs, cancellable);
    // The worker gets the call last: where the caller has used up the stack, each step before can fail.
    this.#publishSoon();
    const outcome = this.#outcomeOf(id, signal, timeoutMs);
    let taken = false;
    try {
      taken = call.submit(this.native);
    } finally {
      if (!taken) fail([id], 'ERR_QUEUE_FULL', ''); // no caller waits for it
    }
    if (!taken) {
      throw new AiosqliteError('ERR_QUEUE_FULL', 'too many calls, or too many bytes, wait for this connection');
    }
    return traced ? this.#trace(call, outcome) : outcome;
  }

  async #trace(call: Call, pending: Promise<Outcome>): Promise<Outcome> {
    const since = performance.now();
    const { failure, groupSize, trace } = await pending;
    const { database, slowCalls } = this.counters;
    if (trace === undefined) return pending; // cancelled before it ran
    const finished = {
      database,
      request: NAMES[call.request],
      sql: call.sqlText,
      totalMs: performance.now() - since,
      groupSize,
      outcome: failure ? failure.code : 'ok',
    };
    publishTrace(finished, trace, slowCalls);
    return pending;
  }

  #outcomeOf(id: number, signal: AbortSignal | undefined, timeoutMs: number): Promise<Outcome> {
    if (signal === undefined && timeoutMs === 0) {
      const outcome = new Promise(keepResolve);
      const resolve = resolveLast;
      resolveLast = undefined; // it would keep the outcome
      if (resolve !== undefined) inFlight.expect(id, resolve, this); // else the promise has rejected
      return outcome;
    }
    return this.#cancellableOutcomeOf(id, signal, timeoutMs);
  }

  #cancellableOutcomeOf(id: number, signal: AbortSignal | undefined, timeoutMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      // A queued call leaves at once. One that runs is interrupted, and its outcome comes from the worker, which also
      // ends it at its deadline.
      const abort = () => {
        if (this.native.cancel(id, true)) fail([id], 'ERR_CANCELLED', 'the call was cancelled');
      };
      const onTimeout = () => {
        if (this.native.cancel(id, false)) fail([id], 'ERR_TIMEOUT', 'the call has passed its timeoutMs');
      };
      // Beyond what a timer can wait, the worker's deadline is enough.
      const timer = timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS ? setTimeout(onTimeout, timeoutMs) : undefined;
      const forget = signal && onAbort(signal, abort);
      inFlight.expect(
        id,
        (outcome) => {
          clearTimeout(timer);
          forget?.();
          resolve(outcome);
        },
        this,
      );
    });
  }

  /** Publishes all calls of a turn together: one wake-up for them, and one commit for their writes. */
  #publishSoon(): void {
    if (this.#publishing) return;
    enqueue(this.#publish);
    this.#publishing = true;
  }

  readonly #publish = () => {
    this.#publishing = false;
    this.native.publish();
  };

  /** Counts the outcome of one of its calls. */
  count(outcome: Outcome): void {
    if (outcome.countsCommit) {
      this.counters.commits++;
      this.counters.walPages = outcome.walPages; // of the writer: a reader commits nothing
    }
    if (outcome.groupSize > 1) this.counters.groupedWrites++;
    if (outcome.changes.length > 0) this.#report(outcome);
  }

  /** Calls the listeners of a worker's commits outside the request that has committed or whose outcome came with it. */
  #report({ worker, changes }: Outcome): void {
    // The listeners of this moment: one that subscribes anew would be called again and again.
    for (const listener of [...(this.commitListeners.get(worker) ?? [])]) {
      native().callOutside(() => {
        try {
          listener(changes);
        } catch (error) {
          throwLater(error);
        }
      });
    }
  }

  /** Rejects the calls that wait in a lane, and interrupts the one that runs there. */
  abortLane(lane: number, code: string, message: string): void {
    fail(this.native.drain(lane), code, message);
  }

  /** Rejects the calls that wait in the main lane, where no worker is left to do it. */
  failAll(failure: Failure): void {
    settleAll(this.native.drain(MAIN_LANE), failure);
  }

  /** Rejects calls that have waited in the main lane for longer than this. */
  expire(ageMs: number, code: string, message: string): void {
    fail(this.native.expire(ageMs), code, message);
  }

  /** Asks for the end of a worker. The outcome names the one that took it: its thread is to be joined. */
  sendClose(lane = MAIN_LANE): Promise<Outcome> {
    return this.send(Call.of(Request.close), lane, Policy.none, NO_LIMITS);
  }
}

let resolveLast: ((outcome: Outcome) => void) | undefined;
/** Shared by all promises: very many calls may wait, and a function of its own would take each 100 bytes. */
const keepResolve = (resolve: (outcome: Outcome) => void) => {
  resolveLast = resolve;
};

function fail(ids: readonly number[], code: string, message: string): void {
  settleAll(ids, { code, message, errcode: 0 });
}

/** Settles calls that no worker has. */
function settleAll(ids: readonly number[], failure: Failure): void {
  for (const id of ids) inFlight.settle(failed(id, failure));
}
