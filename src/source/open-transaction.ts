import { type Blocks, blocksHere, followCallers, holdFromHere } from '../connection/nesting.js';
import { type Executor, SqliteError, type Transaction, type TransactionMode } from '../index.js';

/** A transaction() that is begun by one call and ended by another, and not by its function. */
class OpenTransaction {
  readonly tx: Transaction;
  /** Name of the savepoint; undefined for an outermost transaction. */
  readonly name: string | undefined;
  /** Calls that wait for its end. */
  readonly blocks: Blocks = blocksHere();
  readonly #commit: () => void;
  readonly #rollback: (reason: unknown) => void;
  readonly #ended: Promise<void>;

  private constructor(
    tx: Transaction,
    name: string | undefined,
    commit: () => void,
    rollback: (reason: unknown) => void,
    ended: Promise<void>,
  ) {
    this.tx = tx;
    this.name = name;
    this.#commit = commit;
    this.#rollback = rollback;
    this.#ended = ended;
  }

  static begin(executor: Executor, mode?: TransactionMode, name?: string): Promise<OpenTransaction> {
    return new Promise((resolve, reject) => {
      // The function is called once BEGIN has been answered: by then `ended` is there.
      const ended: Promise<void> = executor.transaction(
        (tx) =>
          new Promise<void>((commit, rollback) => resolve(new OpenTransaction(tx, name, commit, rollback, ended))),
        mode === undefined ? {} : { mode },
      );
      ended.catch(reject); // the one that can't begin; of any other, commit() tells
    });
  }

  async commit(): Promise<void> {
    this.#commit();
    await this.#ended;
  }

  /** Of one that has ended by itself, too: by its deadline, or because SQLite rolled it back. */
  async rollback(): Promise<void> {
    this.#rollback(undefined);
    await this.#ended.catch(() => {});
  }
}

/** A transaction and the savepoints in it, as query builders drive them: by name, each step a call. */
export class OpenTransactions {
  readonly #open: OpenTransaction[] = [];
  #letGo = () => {};

  /** The innermost runs statements. `undefined` without a transaction. */
  get innermost(): Transaction | undefined {
    return this.#open.at(-1)?.tx;
  }

  /** See nesting.ts. */
  static readonly followCallers = followCallers;

  /**
   * Notes that the caller holds what begin() will open, and so do the functions that await it: their calls that would wait
   * for its end reject `'ERR_NESTED_ACQUIRE'`. Call it before the first `await`.
   */
  holdFromHere(): void {
    this.#letGo = holdFromHere((target, need) => this.#open[0]?.blocks(target, need) === true);
  }

  async begin(executor: Executor, mode?: TransactionMode): Promise<void> {
    this.#open.push(await OpenTransaction.begin(executor, mode));
  }

  /** With the savepoints that are still open. */
  async commit(): Promise<void> {
    while (this.#open.length > 0) await this.#last().commit();
    this.#letGo();
  }

  async rollback(): Promise<void> {
    while (this.#open.length > 0) await this.#last().rollback();
    this.#letGo();
  }

  async savepoint(name: string): Promise<void> {
    this.#open.push(await OpenTransaction.begin(this.innermost as Transaction, undefined, name));
  }

  /** As in SQL: what came after the savepoint is undone, the savepoint stays. */
  async rollbackTo(name: string): Promise<void> {
    const index = this.#find(name);
    while (this.#open.length > index) await this.#last().rollback();
    await this.savepoint(name);
  }

  async release(name: string): Promise<void> {
    const index = this.#find(name);
    while (this.#open.length > index) await this.#last().commit();
  }

  /** Takes the innermost one out: however it ends, it has ended. */
  #last(): OpenTransaction {
    return this.#open.pop() as OpenTransaction;
  }

  #find(name: string): number {
    const index = this.#open.findLastIndex((open) => open.name === name);
    if (index < 0) throw new SqliteError(`no such savepoint: ${name}`, 'SQLITE_ERROR', 1);
    return index;
  }
}
