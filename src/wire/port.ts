import { checkNames, checkTimeoutMs, type NamesOf } from '../arguments.js';
import { AiosqliteError, checkObject, invalidArgument, SqliteError, throwLater } from '../errors.js';
import type { BatchOptions, CallOptions, IterateOptions, ManyOptions } from '../executor.js';
import { expect, type NativeConnection, native, nextId, settle, takeException } from './native.js';
import { type CommittedChange, type Failure, failed, type Outcome } from './outcome.js';
import * as packet from './packet.js';
import { LaneNumber, Policy, Request, Stat } from './protocol.js';
import { calls, publish, type SlowCalls } from './trace.js';
import { forgetUnpackers } from './unpack.js';
import { LONGEST_TIMER_MS, onAbort } from './watch.js';

/** Names of requests, as traces have them. */
const NAMES = Object.fromEntries(Object.entries(Request).map(([name, code]) => [code, name])) as Record<
  Request,
  string
>;

/** The lane in which everybody waits; a transaction or a lease has one of its own. */
export const MAIN_LANE: number = LaneNumber.main;
let lastLane = MAIN_LANE;
let openWorkers = 0;

/**
 * How long closing leaves those alone that wait for a lock. A lock that lasts longer is another process's; shorter ones
 * are also those of connections beside this one that commit, recover or close.
 */
export const CLOSE_GRACE_MS = 100;

export function nextLane(): number {
  lastLane = lastLane >= 0xffff_ffff ? 1 : lastLane + 1;
  return lastLane;
}

/** Counters of one database, shared by all of its ports. */
export interface PoolCounters {
  readonly database: string;
  readonly slowCalls: SlowCalls | undefined;
  commits: number;
  groupedWrites: number;
  walPages: number;
}

/** As it is now: where fake timers take its place, as in tests, no call would ever be sent. */
export const enqueue = queueMicrotask;

export type CommitListeners = Map<number, Set<(changes: readonly CommittedChange[]) => void>>;

/**
 * The TypeScript end of one worker and its queue. It submits the current packet (see packet.ts), and settles calls that
 * are cancelled while they wait; for those that run, the worker does.
 */
export class Port {
  readonly native: NativeConnection;
  readonly counters: PoolCounters;
  /** Called with the changes of each commit, by the number of the worker that commits. */
  readonly commitListeners: CommitListeners;
  /** Of the worker, where it is one's own. */
  number = 0;
  #releasing = false;

  private constructor(connection: NativeConnection, counters: PoolCounters, commitListeners: CommitListeners) {
    this.native = connection;
    this.counters = counters;
    this.commitListeners = commitListeners;
  }

  /** A queue of its own. It has no worker until {@link open}. */
  static create(maxPending: number, maxPendingBytes: number, counters: PoolCounters): Port {
    return new Port(new (native().Connection)(maxPending, maxPendingBytes), counters, new Map());
  }

  /** Another worker for the same queue. */
  sibling(): Port {
    return new Port(new (native().Connection)(this.native), this.counters, this.commitListeners);
  }

  /** The same worker, for whoever closes it once its user is gone: knows none of the user's listeners and functions. */
  heir(): Port {
    return new Port(this.native, { ...this.counters, slowCalls: undefined }, new Map());
  }

  /** Starts the worker on the current packet. */
  open(worker: number, lane: number): Promise<Outcome> {
    const id = nextId();
    this.number = worker;
    packet.setHeader(id, Request.open, lane, Policy.none, 0, false);
    const opened = new Promise<Outcome>((resolve) => expect(id, resolve));
    this.native.open(worker, packet.textsOf(), packet.blobsOf());
    openWorkers++;
    return opened;
  }

  /** Counts of the queue, and of the worker if it has one of its own. */
  stats(): Record<keyof typeof Stat, number> {
    const numbers = this.native.stats();
    const named = Object.entries(Stat).map(([name, at]) => [name, numbers[at]]);
    return Object.fromEntries(named) as Record<keyof typeof Stat, number>;
  }

  /** Waits for the worker's thread, whose database has closed or could not be opened. */
  join(): void {
    this.native.join();
    openWorkers--;
    if (openWorkers === 0) forgetUnpackers();
  }

  /**
   * Hands the current packet over. Resolves to the outcome, failed or not: {@link failureOf} makes its Error, where the
   * caller's stack is still known. Throws when the call can't be made at all.
   */
  submit(request: Request, lane: number, policy: number, options: CallOptions | undefined): Promise<Outcome> {
    const { signal, timeoutMs } = checkCallOptions(options);
    if (signal?.aborted) throw signal.reason;
    const id = nextId();
    // Calls in a lane can be interrupted together, when their transaction is cancelled.
    const cancellable = signal !== undefined || timeoutMs > 0 || lane !== MAIN_LANE;
    const traced = calls.hasSubscribers || this.counters.slowCalls !== undefined;
    packet.setHeader(id, request, lane, policy | flagsOf(options, traced), timeoutMs, cancellable);
    // The worker hears of the call last: where the caller has used up the stack, all before that can fail.
    this.#releaseSoon();
    const outcome = this.#outcomeOf(id, signal, timeoutMs);
    let taken = false;
    try {
      taken = this.native.submit(packet.textsOf(), packet.blobsOf());
    } finally {
      if (!taken) settle(cancelled(id, 'ERR_QUEUE_FULL', '')); // nobody waits for it
    }
    if (!taken) {
      throw new AiosqliteError('ERR_QUEUE_FULL', 'too many calls, or too many bytes, wait for this connection');
    }
    return traced ? this.#trace(request, packet.sqlOf(), outcome) : outcome;
  }

  async #trace(request: Request, sql: string, pending: Promise<Outcome>): Promise<Outcome> {
    const since = performance.now();
    const { failure, groupSize, trace } = await pending;
    const { database, slowCalls } = this.counters;
    if (trace === undefined) return pending; // cancelled before it ran
    const call = {
      database,
      request: NAMES[request],
      sql,
      totalMs: performance.now() - since,
      groupSize,
      outcome: failure ? failure.code : 'ok',
    };
    publish(call, trace, slowCalls);
    return pending;
  }

  #outcomeOf(id: number, signal: AbortSignal | undefined, timeoutMs: number): Promise<Outcome> {
    if (signal === undefined && timeoutMs === 0) {
      return new Promise((resolve) => expect(id, (outcome) => resolve(this.#count(outcome))));
    }
    return this.#submitCancellable(id, signal, timeoutMs);
  }

  #submitCancellable(id: number, signal: AbortSignal | undefined, timeoutMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      // A queued call leaves at once; one that runs is interrupted, and its outcome comes from the worker. The worker
      // watches the deadline of what runs by itself.
      const abort = () => {
        if (this.native.cancel(id, true)) settle(cancelled(id, 'ERR_CANCELLED', 'the call was cancelled'));
      };
      const onTimeout = () => {
        if (this.native.cancel(id, false)) settle(cancelled(id, 'ERR_TIMEOUT', 'the call has passed its timeoutMs'));
      };
      // Beyond what a timer can wait, the worker's deadline is enough.
      const timer = timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS ? setTimeout(onTimeout, timeoutMs) : undefined;
      const forget = signal && onAbort(signal, abort);
      expect(id, (outcome) => {
        clearTimeout(timer);
        forget?.();
        resolve(this.#count(outcome));
      });
    });
  }

  /** One publication for all calls of a turn: they cost one wake-up, and their writes meet in one commit. */
  #releaseSoon(): void {
    if (this.#releasing) return;
    enqueue(this.#release);
    this.#releasing = true;
  }

  readonly #release = () => {
    this.#releasing = false;
    this.native.publish();
  };

  #count(outcome: Outcome): Outcome {
    if (outcome.committed) {
      this.counters.commits++;
      this.counters.walPages = outcome.walPages; // of the writer: a reader commits nothing
    }
    if (outcome.groupSize > 1) this.counters.groupedWrites++;
    if (outcome.changes.length > 0) this.#report(outcome);
    return outcome;
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

  /** Rejects everything that waits in a lane, and interrupts what runs there. */
  abortLane(lane: number, code: string, message: string): void {
    for (const id of this.native.drain(lane)) settle(cancelled(id, code, message));
  }

  /** Rejects everything that waits in the main lane, where no worker is left to do it. */
  failAll(failure: Failure): void {
    for (const id of this.native.drain(MAIN_LANE)) settle(failed(id, failure));
  }

  /** Rejects what has waited in the main lane for longer than this. */
  expire(ageMs: number, code: string, message: string): void {
    for (const id of this.native.expire(ageMs)) settle(cancelled(id, code, message));
  }

  /** Ends the only worker, after what waits in the lane, and waits for its thread. */
  async close(lane = MAIN_LANE): Promise<void> {
    const hurry = setTimeout(() => this.native.beginClose(), CLOSE_GRACE_MS);
    await this.submitClose(lane);
    clearTimeout(hurry);
    this.join();
  }

  /** Asks for the end of a worker. The outcome names the one that took it: its thread is to be joined. */
  submitClose(lane = MAIN_LANE): Promise<Outcome> {
    packet.begin();
    return this.submit(Request.close, lane, Policy.none, undefined);
  }
}

function cancelled(id: number, code: string, message: string): Outcome {
  return failed(id, { code, message, errcode: 0 });
}

interface CheckedCallOptions {
  signal: AbortSignal | undefined;
  /** 0: none. */
  timeoutMs: number;
}
const NO_OPTIONS: CheckedCallOptions = { signal: undefined, timeoutMs: 0 };

/** Options of any verb. */
type AnyOptions = IterateOptions & BatchOptions & ManyOptions;

/**
 * Reads the options of a call once, before its packet is begun. A getter among them may make a call of its own, whose
 * packet would otherwise replace this one.
 */
export function readOptions<Options extends CallOptions>(
  options: Options | undefined,
  known: NamesOf<Options>,
): Options | undefined {
  if (options === undefined) return undefined;
  checkNames('options', options, known);
  const { signal, timeoutMs, rowMode, jsonColumns, batchSize, columns, secureDelete, onProgress } =
    options as AnyOptions;
  const read = { signal, timeoutMs, rowMode, jsonColumns, batchSize, columns, secureDelete, onProgress };
  return read as CallOptions as Options;
}

export function checkCallOptions(options: CallOptions | undefined): CheckedCallOptions {
  if (options === undefined) return NO_OPTIONS;
  checkObject('options', options);
  const { signal, timeoutMs } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument('options.signal', 'an AbortSignal', signal);
  }
  if (timeoutMs === undefined) return signal === undefined ? NO_OPTIONS : { signal, timeoutMs: 0 };
  checkTimeoutMs('options.timeoutMs', timeoutMs);
  return { signal, timeoutMs };
}

/** The options of a call, with a deadline if they have none. */
export function withDefaultTimeout<Options extends CallOptions>(
  options: Options | undefined,
  timeoutMs: number | undefined,
): Options | undefined {
  if (timeoutMs === undefined || options?.timeoutMs !== undefined) return options;
  return { ...options, timeoutMs } as Options;
}

/** Gives each of several calls the limits that they share, with the time that is left. */
export type Limits = () => CallOptions | undefined;

export const NO_LIMITS: Limits = () => undefined;

/** One signal and one deadline for several calls. Throws once one of them has ended the whole, which `what` names. */
export function sharedLimits(options: CallOptions | undefined, what: string): Limits {
  const { signal, timeoutMs } = checkCallOptions(options);
  const until = timeoutMs > 0 ? performance.now() + timeoutMs : undefined;
  const limits = signal && { signal };
  return () => {
    if (signal?.aborted) throw signal.reason;
    if (until === undefined) return limits;
    const left = until - performance.now();
    if (left <= 0) throw new AiosqliteError('ERR_TIMEOUT', `${what} has passed its timeoutMs`);
    return { ...limits, timeoutMs: left };
  };
}

/** The bits of a policy that come from the options of a call. */
function flagsOf(options: BatchOptions | undefined, traced: boolean): number {
  return (traced ? Policy.trace : 0) | (options?.secureDelete === true ? Policy.secureDelete : 0);
}

/** The Error for a failed outcome; made by whoever awaited it, so that its stack shows the caller's line. */
export function failureOf(failure: Failure, signal: AbortSignal | undefined): unknown {
  if ('reason' in failure) return failure.reason;
  const { code, message, errcode, offset, index, sql, column, exception } = failure;
  if (code === 'ERR_CANCELLED') {
    return signal?.aborted
      ? signal.reason
      : new AiosqliteError('ERR_TRANSACTION_CLOSED', 'the transaction has ended while this call was running');
  }
  if (code === 'ERR_OUT_OF_RANGE') return Object.assign(new RangeError(message), { code });
  if (code.startsWith('SQLITE_')) {
    return new SqliteError(message, code, errcode, {
      ...(sql !== undefined && { sql }),
      ...(offset !== undefined && { offset }),
    });
  }
  return new AiosqliteError(code, message, {
    ...(exception !== undefined && { cause: takeException(exception) }),
    ...(index !== undefined && { index }),
    ...(column !== undefined && { column }),
  });
}
