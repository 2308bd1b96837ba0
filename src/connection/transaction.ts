import { checkFunction, checkNames, oneOf, TRANSACTION_OPTIONS } from '../arguments.js';
import { AiosqliteError } from '../errors.js';
import type { Query, StatementDescription, Transaction, TransactionMode, TransactionOptions } from '../executor.js';
import type { Call } from '../wire/call.js';
import { Deadline } from '../wire/deadline.js';
import { type Limits, limitsOf, withDefaultTimeout } from '../wire/limits.js';
import { orThrow } from '../wire/outcome/failure.js';
import type { Outcome } from '../wire/outcome/outcome.js';
import type { IntegerMode } from '../wire/outcome/rows.js';
import { BeginMode, EndMode, Policy } from '../wire/protocol.js';
import { describe } from './features/control.js';
import type { Lane, LaneSettings } from './lane.js';
import { type Blocks, holding } from './nesting.js';
import type { Cursor } from './row-iterator.js';
import { Verbs } from './verbs.js';

export function checkTransactionMode(options: TransactionOptions | undefined, fallback: TransactionMode): BeginMode {
  if (options !== undefined) checkNames('options', options, TRANSACTION_OPTIONS);
  return BeginMode[oneOf(options ?? {}, 'mode', ['deferred', 'immediate', 'exclusive'] as const, fallback)];
}

class TransactionScope extends Verbs implements Transaction {
  readonly #lane: Lane;
  readonly #deadline: Deadline;
  readonly #children = new Set<TransactionScope>();

  constructor(lane: Lane, deadline: Deadline) {
    super();
    this.#lane = lane;
    this.#deadline = deadline;
  }

  protected get integerMode(): IntegerMode {
    return this.#lane.settings.integerMode;
  }

  /** Ends the calls that wait or run here and in nested transactions. */
  abort(): void {
    for (const child of this.#children) child.#deadline.expire(rolledBack);
    this.#lane.abort('ERR_TRANSACTION_CLOSED', ROLLED_BACK);
  }

  /** Notes a nested transaction. It may have begun just when this one was aborted. */
  adopt(child: TransactionScope): void {
    this.#children.add(child);
    if (this.#deadline.hasExpired) child.#deadline.expire(rolledBack);
  }

  disown(child: TransactionScope): void {
    this.#children.delete(child);
  }

  /** @internal */
  checkWrite(): void {
    this.#lane.check();
  }

  protected send(call: Call, limits: Limits): Promise<Outcome> {
    return this.#lane.send(call, limits);
  }

  protected openCursor(call: Call, arrays: boolean, limits: Limits): Cursor {
    return this.#lane.openCursor(call, arrays, limits);
  }

  describe(sql: string | Query): Promise<StatementDescription> {
    return describe(async (call, limits) => orThrow(await this.#lane.send(call, limits), limits), sql);
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    this.#lane.check();
    checkTransactionMode(options, 'deferred'); // a savepoint has no mode, but a wrong one is a mistake
    return runTransaction(this.#lane, BeginMode.savepoint, fn, limitsOf(options), this);
  }
}

/**
 * Begins a transaction in a lane, runs `fn`, and ends it. The transaction has a lane of its own, so that other calls wait
 * until its end, and calls inside it finish before COMMIT, awaited or not.
 */
export async function runTransaction<T>(
  outer: Lane,
  mode: BeginMode,
  fn: (tx: Transaction) => Promise<T>,
  given: Limits,
  parent?: TransactionScope,
): Promise<T> {
  checkFunction('fn', fn);
  const limits = withDefaultTimeout(given, outer.settings.defaultTimeoutMs);
  const { signal, timeoutMs } = limits;
  const since = performance.now();
  const lane = await outer.begin(mode, limits, settingsWithin(outer.settings));

  const deadline = new Deadline(signal, timeoutMs && since + timeoutMs - performance.now(), timedOut);
  const scope = new TransactionScope(lane, deadline);
  parent?.adopt(scope);
  let value: T;
  try {
    if (deadline.hasExpired) throw deadline;
    const blocks: Blocks = (target, need) => !lane.hasEnded && outer.blocks(target, need);
    value = await Promise.race([holding(blocks, async () => fn(scope)), deadline.expired]);
  } catch (error) {
    lane.stop();
    if (deadline.hasExpired) scope.abort();
    await lane.end(EndMode.rollback); // even if this fails, the caller gets `error`
    throw error === deadline ? deadline.reason() : error;
  } finally {
    deadline.stop();
    parent?.disown(scope);
  }
  orThrow(await lane.end(EndMode.commit));
  return value;
}

const settings = new WeakMap<LaneSettings, LaneSettings>();

/** The settings of transactions in a lane with these settings. */
function settingsWithin(outer: LaneSettings): LaneSettings {
  let inner = settings.get(outer);
  if (inner === undefined) {
    const { policy, integerMode, defaultTimeoutMs } = outer;
    const inside = policy | Policy.noTransactionControl;
    inner = { name: 'a transaction', policy: inside, integerMode, defaultTimeoutMs, ended: transactionEnded };
    settings.set(outer, inner);
  }
  return inner;
}

const ROLLED_BACK = 'the transaction has been rolled back';

function rolledBack(): AiosqliteError {
  return new AiosqliteError('ERR_TRANSACTION_CLOSED', ROLLED_BACK);
}

function timedOut(): AiosqliteError {
  return new AiosqliteError('ERR_TIMEOUT', 'the transaction has passed its timeoutMs and was rolled back');
}

function transactionEnded(): AiosqliteError {
  return new AiosqliteError(
    'ERR_TRANSACTION_CLOSED',
    'the transaction has ended: await everything inside its function',
  );
}
