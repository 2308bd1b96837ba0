import { AiosqliteError } from '../errors.js';
import type { Pool } from '../index.js';

/** A pool, or a store on one, that is closed once some work has settled. */
export interface ServicePool {
  closeAfter(work: () => Promise<void>): Promise<void>;
}

/** Calls that a service makes, and the end of them. */
export type Calls = Pick<ServiceCalls, 'make' | 'check' | 'begin' | 'end' | 'close'>;

/**
 * The calls of a service. One call may be several of the pool's, with waits in between: before the pool opens, and in the
 * turns of a session's appends. So close() lets all calls made before it finish, and only then closes the pool.
 */
export class ServiceCalls {
  readonly #pool: ServicePool | undefined;
  #underWay = 0;
  #draining: Promise<void> | undefined;
  #drained = () => {};

  readonly #finish: (calls: Promise<void>) => Promise<void>;

  /**
   * `pool`: the pool that the service opened. Without one, close() does nothing. `finish`: waits for the calls that were made
   * before close(), and for work of its own.
   */
  constructor(
    pool: ServicePool | Pool | undefined,
    finish: (calls: Promise<void>) => Promise<void> = (calls) => calls,
  ) {
    this.#pool = pool as ServicePool | undefined;
    this.#finish = finish;
  }

  /** Makes a call. Rejects `'ERR_CLOSED'` after close(). */
  make<T>(call: () => Promise<T>): Promise<T> {
    try {
      this.check();
    } catch (error) {
      return Promise.reject(error);
    }
    const made = call();
    this.begin();
    made.then(this.end, this.end);
    return made;
  }

  /** Throws `'ERR_CLOSED'` after close(). */
  check(): void {
    if (this.#draining !== undefined) throw new AiosqliteError('ERR_CLOSED', 'the service is closed');
  }

  /** Counts a call whose end the caller tells itself, with {@link end}. */
  begin(): void {
    this.#underWay++;
  }

  readonly end = (): void => {
    this.#underWay--;
    if (this.#underWay === 0) this.#drained();
  };

  /** The same calls for one of several services on the pool: it can't close what the others use. */
  shared(): Calls {
    return {
      make: (call) => this.make(call),
      check: () => this.check(),
      begin: () => this.begin(),
      end: this.end,
      close: async () => {},
    };
  }

  async close(): Promise<void> {
    await this.#pool?.closeAfter(() => this.#finish(this.#drain()));
  }

  #drain(): Promise<void> {
    this.#draining ??= new Promise((resolve) => {
      this.#drained = resolve;
      if (this.#underWay === 0) resolve();
    });
    return this.#draining;
  }
}
