import { AsyncResource } from 'node:async_hooks';
import { toSqlite3Error } from './errors.js';

/** Functions that follow a call. They must not throw. */
interface Settled<T> {
  resolved: (result: T) => void;
  rejected: (error: Error) => void;
}

/** A place in the order of callbacks; `deliver` is set once the call has settled. */
interface Place {
  deliver: (() => void) | undefined;
}

/** Order of the calls of one database: they are sent in their order, and call back in their order. */
export class Calls {
  /** Settles when calls may be sent; undefined: now. */
  #gate: Promise<void> | undefined;
  /** Calls that have not called back yet begin at `#first`. */
  #places: Place[] = [];
  #first = 0;
  #isDelivering = false;

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
    const gate = this.#gate;
    const delivered = new Promise<void>((resolve) => this.#settled(this.#take(), resolve));
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
    const place = this.#take();
    sent.then(
      (result) => this.#settled(place, () => resolved(result)),
      (reason) => this.#settled(place, () => rejected(toSqlite3Error(reason))),
    );
  }

  #take(): Place {
    const place: Place = { deliver: undefined };
    this.#places.push(place);
    return place;
  }

  #settled(place: Place, deliver: () => void): void {
    // One that waits is delivered by another call, and keeps its own asynchronous context.
    const isNext = !this.#isDelivering && this.#places[this.#first] === place;
    place.deliver = isNext ? deliver : AsyncResource.bind(deliver);
    if (this.#isDelivering) return; // a callback has made this call: it must return first
    this.#isDelivering = true;
    for (;;) {
      const next = this.#places[this.#first];
      if (next?.deliver === undefined) break;
      this.#first++;
      next.deliver();
    }
    this.#isDelivering = false;
    if (this.#first < this.#places.length / 2) return;
    this.#places = this.#places.slice(this.#first);
    this.#first = 0;
  }
}
