import { toSqlite3Error } from './errors.js';

/** Functions that follow a call. They must not throw. */
interface Settled<T> {
  resolved: (result: T) => void;
  rejected: (error: Error) => void;
}

/** Order of the calls of one database: they are sent in their order, and call back in their order. */
export class Calls {
  /** Settles when calls may be sent; undefined: now. */
  #gate: Promise<void> | undefined;
  /** Settles when all calls so far have called back. */
  #delivered: Promise<void> = Promise.resolve();

  /** Keeps later calls back until `work` has settled. */
  enter(work: Promise<unknown>): void {
    const gate: Promise<void> = work.then(
      () => {},
      () => {},
    );
    this.#gate = gate;
    void gate.then(() => {
      if (this.#gate === gate) this.#gate = undefined;
    });
  }

  /** Sends a call now, if no gate is closed. `alone`: all earlier calls have called back before, and later ones wait. */
  send<T>(work: () => Promise<T>, alone: boolean): Promise<T> {
    if (!alone) return this.#gate === undefined ? work() : this.#gate.then(work);
    const [gate, delivered] = [this.#gate, this.#delivered];
    const sent = (async () => {
      await gate;
      await delivered;
      return await work();
    })();
    this.enter(sent);
    return sent;
  }

  /** Runs what follows a call once it has settled, after that of all earlier calls. */
  settle<T>(sent: Promise<T>, { resolved, rejected }: Settled<T>): void {
    const outcome = sent.then(
      (result) => () => resolved(result),
      (reason) => () => rejected(toSqlite3Error(reason)),
    );
    const delivered = this.#delivered;
    this.#delivered = (async () => {
      await delivered;
      (await outcome)();
    })();
  }
}
