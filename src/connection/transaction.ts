import { AsyncLocalStorage } from 'node:async_hooks';
import { checkNames, oneOf, TRANSACTION_OPTIONS } from '../arguments.js';
import { AiosqliteError, invalidArgument } from '../errors.js';
import type { CallOptions, Query, Transaction, TransactionMode, TransactionOptions } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import * as packet from '../wire/packet.js';
import { checkCallOptions, nextLane, type Port, readOptions } from '../wire/port.js';
import { BeginMode, EndMode, Policy, Request } from '../wire/protocol.js';
import type { IntegerMode } from '../wire/rows.js';
import { Watch } from '../wire/watch.js';
import { type CursorHost, openLaneCursor } from './lane-cursor.js';
import type { Cursor } from './row-iterator.js';
import { succeeded, Verbs } from './verbs.js';

/** Whether a call on `executor` would wait for the end of what is held, and so for ever. */
export type Blocks = (executor: object, need: Need) => boolean;

/** A transaction or lease that the running function holds, within those that its caller holds. */
interface Holding {
  readonly parent: Holding | undefined;
  readonly blocks: Blocks;
  /** False once the function has ended: calls that it has started may outlive it. */
  open: boolean;
}

/** A call needs a connection to read with, one to write with, or (close) the end of everything. */
export type Need = 'read' | 'write' | 'close';

const holdings = new AsyncLocalStorage<Holding>();
let holders = 0;

/**
 * Runs `fn`, which holds something. Asynchronous context costs every promise of the process something (before Node 24
 * some 3 µs of the 15 µs that an append takes, measured), so there is none while nothing is held.
 */
export async function holding<T>(blocks: Blocks, fn: () => Promise<T>): Promise<T> {
  const held: Holding = { parent: holdings.getStore(), blocks, open: true };
  holders++;
  try {
    return await holdings.run(held, fn);
  } finally {
    held.open = false;
    holders--;
    if (holders === 0) holdings.disable();
  }
}

/** Throws where a call on `executor` would wait for the function that makes it. */
export function checkNotNested(executor: object, need: Need): void {
  for (let held = holdings.getStore(); held !== undefined; held = held.parent) {
    if (held.open && held.blocks(executor, need)) {
      throw new AiosqliteError(
        'ERR_NESTED_ACQUIRE',
        'this call would wait for the transaction or lease that it is made in: use the object that the function was given',
      );
    }
  }
}

/** Where a transaction runs: what a Connection, a Pool or an outer transaction knows of itself. */
export interface TransactionHost {
  readonly port: Port;
  readonly lane: number;
  readonly policy: number;
  readonly integerMode: IntegerMode;
  /** The object that transaction() was called on. It refuses calls from inside. */
  readonly outer: object;
  /** Further calls that would wait for the transaction: those which wait for the lease that it runs on. */
  readonly outerBlocks?: Blocks | undefined;
  /** Deadline of calls that have none of their own. */
  readonly defaultTimeoutMs?: number | undefined;
}

export function checkTransactionMode(options: TransactionOptions | undefined, fallback: TransactionMode): BeginMode {
  if (options !== undefined) checkNames('options', options, TRANSACTION_OPTIONS);
  return BeginMode[oneOf(options ?? {}, 'mode', ['deferred', 'immediate', 'exclusive'] as const, fallback)];
}

class TransactionScope extends Verbs implements Transaction {
  readonly #host: TransactionHost;
  readonly #lane: number;
  readonly #children = new Set<TransactionScope>();
  readonly #watch: Watch;
  #open = true;

  constructor(host: TransactionHost, lane: number, watch: Watch) {
    super();
    this.#host = host;
    this.#lane = lane;
    this.#watch = watch;
  }

  protected get integerMode(): IntegerMode {
    return this.#host.integerMode;
  }

  readonly blocks: Blocks = (executor, need) => {
    const { outer, outerBlocks } = this.#host;
    return this.#open && (executor === outer || outerBlocks?.(executor, need) === true);
  };

  /** No more calls. Those already made, nested transactions too, stand in the lane before its end. */
  close(): void {
    this.#open = false;
  }

  /** Ends what waits and what runs here and in nested transactions. */
  abort(): void {
    for (const child of this.#children) child.#watch.expire(rolledBack);
    this.#host.port.abortLane(this.#lane, 'ERR_TRANSACTION_CLOSED', ROLLED_BACK);
  }

  /** A nested transaction has begun. It may be that this one was aborted while nobody knew of that yet. */
  adopt(child: TransactionScope): void {
    this.#children.add(child);
    if (this.#watch.hasExpired) child.#watch.expire(rolledBack);
  }

  disown(child: TransactionScope): void {
    this.#children.delete(child);
  }

  protected submit(
    request: Request,
    _sql: string | readonly Query[],
    options: CallOptions | undefined,
  ): Promise<Outcome> {
    this.#checkOpen();
    return this.#host.port.submit(
      request,
      this.#lane,
      this.#host.policy | Policy.noTransactionControl,
      withDefaultTimeout(options, this.#host.defaultTimeoutMs),
    );
  }

  protected openCursor(_sql: string, arrays: boolean, options: CallOptions | undefined): Cursor {
    const host: CursorHost = {
      port: this.#host.port,
      lane: this.#lane,
      name: 'a transaction',
      submit: (request, limits) => this.submit(request, '', limits),
      hasEnded: () => !this.#open,
    };
    return openLaneCursor(host, arrays, withDefaultTimeout(options, this.#host.defaultTimeoutMs));
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.#checkOpen();
    checkTransactionMode(options, 'deferred'); // a savepoint has no mode, but a wrong one is a mistake
    const host = { ...this.#host, lane: this.#lane, outer: this, outerBlocks: undefined };
    return runTransaction(host, BeginMode.savepoint, fn, options, this);
  }

  #checkOpen(): void {
    if (!this.#open) {
      throw new AiosqliteError(
        'ERR_TRANSACTION_CLOSED',
        'the transaction has ended: await everything inside its function',
      );
    }
    checkNotNested(this, 'write');
  }
}

/**
 * Begins, runs `fn`, and ends. The transaction has a lane of its own: until its end the worker takes jobs from there
 * alone, so that other calls wait, and what is called inside without being awaited finishes before COMMIT.
 */
export async function runTransaction<T>(
  host: TransactionHost,
  mode: BeginMode,
  fn: (tx: Transaction) => Promise<T>,
  options: CallOptions | undefined,
  outer?: TransactionScope,
): Promise<T> {
  if (typeof fn !== 'function') throw invalidArgument('fn', 'a function', fn);
  const limits = withDefaultTimeout(readOptions(options, TRANSACTION_OPTIONS), host.defaultTimeoutMs);
  const { signal, timeoutMs } = checkCallOptions(limits);
  const until = performance.now() + timeoutMs;
  const lane = nextLane();
  await beginLane(host.port, host.lane, lane, mode, host.policy, limits);

  const watch = new Watch(signal, timeoutMs > 0 ? until - performance.now() : undefined, timedOut);
  const scope = new TransactionScope(host, lane, watch);
  outer?.adopt(scope);
  let value: T;
  try {
    if (watch.hasExpired) throw watch;
    value = await Promise.race([holding(scope.blocks, async () => fn(scope)), watch.expired]);
  } catch (error) {
    scope.close();
    if (watch.hasExpired) scope.abort();
    await end(host.port, lane, EndMode.rollback); // whatever comes of it, `error` is the one to tell
    throw error === watch ? watch.reason() : error;
  } finally {
    watch.stop();
    outer?.disown(scope);
  }
  scope.close();
  succeeded(await end(host.port, lane, EndMode.commit), undefined);
  return value;
}

const ROLLED_BACK = 'the transaction has been rolled back';

function rolledBack(): AiosqliteError {
  return new AiosqliteError('ERR_TRANSACTION_CLOSED', ROLLED_BACK);
}

function timedOut(): AiosqliteError {
  return new AiosqliteError('ERR_TIMEOUT', 'the transaction has passed its timeoutMs and was rolled back');
}

/** Opens a lane from within another; the worker that takes this job serves the new lane alone until its end. */
export async function beginLane(
  port: Port,
  outer: number,
  lane: number,
  mode: BeginMode,
  policy: number,
  options: CallOptions | undefined,
): Promise<Outcome> {
  packet.begin();
  packet.addNumber(lane);
  packet.addNumber(mode);
  return succeeded(await port.submit(Request.begin, outer, policy, options), options);
}

function end(port: Port, lane: number, mode: EndMode): Promise<Outcome> {
  packet.begin();
  packet.addNumber(mode);
  return port.submit(Request.end, lane, Policy.none, undefined);
}

/** Ends a lane that is a lease or a setup. True if the connection was altered, and so has closed. */
export async function endLane(port: Port, lane: number, mode: EndMode): Promise<boolean> {
  return succeeded(await end(port, lane, mode), undefined).altered;
}

export function withDefaultTimeout(
  options: CallOptions | undefined,
  timeoutMs: number | undefined,
): CallOptions | undefined {
  if (timeoutMs === undefined || options?.timeoutMs !== undefined) return options;
  return { ...options, timeoutMs };
}

/** The options of a call that has been waiting since then. */
export function withTimeLeft(options: CallOptions | undefined, since: number): CallOptions | undefined {
  if (options?.timeoutMs === undefined) return options;
  return { ...options, timeoutMs: Math.max(options.timeoutMs - (performance.now() - since), 0.001) };
}
