import type { Executor, Transaction, TransactionMode } from '../index.js';

/** A transaction() that is begun by one call and ended by another, as Kysely drives it, and not by its function. */
export class OpenTransaction {
  readonly tx: Transaction;
  /** Name of the savepoint; undefined for an outermost transaction. */
  readonly name: string | undefined;
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
