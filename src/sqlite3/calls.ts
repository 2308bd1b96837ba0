import { toSqlite3Error } from './errors.js';

/** Order of the calls of one database: they are sent in their order, and call back in their order. */
export class Calls {
  /** Settles when calls may be sent; undefined: now. */
  #gate: Promise<unknown> | undefined;
  /** Resolves when all calls that were made have called back. */
  #delivered: Promise<void> = Promise.resolve();

  /** Keeps later calls back until `work` has settled. */
  enter(work: Promise<unknown>): void {
    const gate = work.catch(() => {});
    this.#gate = gate;
    void gate.then(() => {
      if (this.#gate === gate) this.#gate = undefined;
    });
  }

  /** Sends a call now, if no gate is closed. `alone`: all earlier calls have called back before, and later ones wait. */
  send<T>(work: () => Promise<T>, alone: boolean): Promise<T> {
    if (!alone) return this.#gate === undefined ? work() : this.#gate.then(work);
    const sent = Promise.all([this.#gate, this.#delivered]).then(work);
    this.enter(sent);
    return sent;
  }

  /** Runs what follows a call once it has settled, after that of all earlier calls. Neither function may throw. */
  settle<T>(sent: Promise<T>, resolved: (result: T) => void, rejected: (error: Error) => void): void {
    sent.catch(() => {}); // handled in its turn
    this.#delivered = this.#delivered.then(() => sent).then(resolved, (reason) => rejected(toSqlite3Error(reason)));
  }
}
