import { setTimeout as sleep } from 'node:timers/promises';
import { AiosqliteError } from '../../errors.js';
import { StoreError } from '../errors.js';
import { type PgClient, type PgParam, type PgPool, plainQuery, queryConfig, type Statement } from './client.js';
import { canReconnect, failureOf, publicError } from './errors.js';

export type Rows = unknown[][];

/** Runs the statements of a store. */
export interface Runner {
  /** Whether statements are part of a transaction of the caller's. */
  readonly inTransaction: boolean;
  /** Runs one statement, as a transaction of its own unless the caller has one. */
  run(statement: Statement, values: readonly PgParam[], options?: RunOptions): Promise<Rows>;
  /** Runs a statement without parameters, such as DDL. */
  script(sql: string): Promise<void>;
  /** Runs some work as one transaction; a savepoint inside the caller's. */
  transaction<T>(work: (runner: Runner) => Promise<T>, options?: RunOptions): Promise<T>;
}

export interface RunOptions {
  /**
   * Called when the connection broke while the statement ran, so that it may have been executed. It returns whether to run
   * it again; without it, the error of the connection rejects.
   */
  onUnknown?: () => boolean;
  /** When the call was made, of `performance.now()`: its `retryMs` begin there. Now by default. */
  since?: number;
}

/** A client as a pool hands it out. */
interface PooledClient extends PgClient {
  release(destroy?: boolean): void;
  on?(event: 'error', listener: () => void): unknown;
  removeListener?(event: 'error', listener: () => void): unknown;
}

const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 250;

/** Statements over a pool, tried again until `retryMs` have passed where the server or the network fails. */
export class Connections implements Runner {
  readonly inTransaction = false;
  readonly #pool: () => PgPool | Promise<PgPool>;
  readonly #prepare: boolean;
  readonly #retryMs: number;

  /** `pool`: gives the pool, which may have to be made first. */
  constructor(pool: () => PgPool | Promise<PgPool>, prepare: boolean, retryMs: number) {
    this.#pool = pool;
    this.#prepare = prepare;
    this.#retryMs = retryMs;
  }

  run(statement: Statement, values: readonly PgParam[], options?: RunOptions): Promise<Rows> {
    const config = queryConfig(statement, values, this.#prepare);
    return this.#onClient(async (client) => (await client.query(config)).rows, options);
  }

  async script(sql: string): Promise<void> {
    await this.#onClient((client) => client.query(plainQuery(sql)));
  }

  transaction<T>(work: (runner: Runner) => Promise<T>, options?: RunOptions): Promise<T> {
    let commits = false;
    // Before its COMMIT is sent, a transaction whose connection broke is rolled back for certain.
    const onUnknown = () => !commits || options?.onUnknown?.() === true;
    return this.#onClient(
      async (client) => {
        commits = false;
        let failure: unknown;
        const asFailure = (error: unknown) => {
          failure = error;
          return error;
        };
        const inside = new InTransaction(client, this.#prepare, asFailure);
        try {
          await inside.script('BEGIN');
          const result = await work(inside);
          commits = true;
          await inside.script('COMMIT');
          return result;
        } catch (error) {
          // A connection that broke rolls back by itself.
          await client.query(plainQuery('ROLLBACK')).catch(() => {});
          throw error === failure ? error : new Thrown(error);
        }
      },
      { ...options, onUnknown },
    );
  }

  /** Runs work on a client of the pool, again where it may succeed later. */
  async #onClient<T>(work: (client: PgClient) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const deadline = (options.since ?? performance.now()) + this.#retryMs;
    let last: unknown;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      const client = await this.#connect(deadline, last);
      try {
        const result = await work(client);
        client.release();
        return result;
      } catch (error) {
        if (error instanceof Thrown) {
          client.release();
          throw error.error;
        }
        const failure = failureOf(error);
        // An old primary refuses writes: the next connection may lead to the new one.
        client.release(failure !== 'final');
        const again = failure === 'retry' || (failure === 'unknown' && options.onUnknown?.() === true);
        if (!again || performance.now() + pause >= deadline) throw publicError(error);
        last = error;
      }
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /** A client of the pool, within the deadline. `last`: of the attempt before, if there was one. */
  async #connect(deadline: number, last: unknown): Promise<PooledClient> {
    let failure = last;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      let pool: (PgPool & { ending?: boolean; ended?: boolean }) | undefined;
      try {
        pool = await this.#pool();
        return await this.#withDeadline(checkOut(pool), deadline);
      } catch (error) {
        // At the deadline, the reason of the last attempt says more.
        if (failure !== undefined && hasTimedOut(error)) throw publicError(failure);
        if (isOwn(error)) throw error;
        failure = error;
        const closed = pool === undefined || pool.ending === true || pool.ended === true;
        if (closed || !canReconnect(error) || performance.now() + pause >= deadline) throw publicError(error);
      }
      await sleep(pause);
    }
  }

  /** A client that comes too late goes back to the pool unused. */
  #withDeadline(connecting: Promise<PooledClient>, deadline: number): Promise<PooledClient> {
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = setTimeout(
        () => {
          late = true;
          reject(new AiosqliteError('ERR_TIMEOUT', `no connection to PostgreSQL within ${this.#retryMs} ms`));
        },
        Math.max(deadline - performance.now(), 1),
      );
      connecting.then(
        (client) => {
          clearTimeout(timer);
          if (late) client.release();
          else resolve(client);
        },
        (error) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}

/** An error event of a client that is in use: its query rejects as well. Without a listener it would end the process. */
const ignoreError = () => {};

/**
 * A client of a pool. The callback guards it while the pool hands it out: the server may end the connection in the same piece of data
 * that tells that it is ready, before a promise resolves.
 */
function checkOut(pool: PgPool): Promise<PooledClient> {
  return new Promise((resolve, reject) => {
    const connect = pool.connect.bind(pool) as (
      callback: (error: unknown, client?: PooledClient) => void,
    ) => Promise<PooledClient> | undefined;
    const promised = connect((error, client) => (client ? resolve(guarded(client)) : reject(error)));
    // A pool that takes no callback returns a promise.
    promised?.then((client) => resolve(guarded(client)), reject);
  });
}

function guarded(client: PooledClient): PooledClient {
  if (client.on === undefined) return client;
  client.on('error', ignoreError);
  return {
    query: (config) => client.query(config),
    release(destroy) {
      client.removeListener?.('error', ignoreError);
      client.release(destroy);
    },
  };
}

/** Statements inside a transaction of the caller's: never tried again, since the transaction would be another one. */
export class InTransaction implements Runner {
  readonly inTransaction = true;
  readonly #client: PgClient;
  readonly #prepare: boolean;
  readonly #errorOf: (error: unknown) => unknown;

  constructor(client: PgClient, prepare: boolean, errorOf: (error: unknown) => unknown = publicError) {
    this.#client = client;
    this.#prepare = prepare;
    this.#errorOf = errorOf;
  }

  async run(statement: Statement, values: readonly PgParam[]): Promise<Rows> {
    return (await this.#query(queryConfig(statement, values, this.#prepare))).rows;
  }

  async script(sql: string): Promise<void> {
    await this.#query(plainQuery(sql));
  }

  async transaction<T>(work: (runner: Runner) => Promise<T>): Promise<T> {
    await this.#query(plainQuery('SAVEPOINT adk_store'));
    try {
      const result = await work(this);
      await this.#query(plainQuery('RELEASE SAVEPOINT adk_store'));
      return result;
    } catch (error) {
      await this.#query(plainQuery('ROLLBACK TO SAVEPOINT adk_store')).catch(() => {});
      throw error;
    }
  }

  async #query(config: object): Promise<{ rows: Rows }> {
    try {
      return await this.#client.query(config);
    } catch (error) {
      throw this.#errorOf(error);
    }
  }
}

/** An error that the work inside a transaction has thrown: no server caused it. */
class Thrown {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

const hasTimedOut = (error: unknown) => error instanceof AiosqliteError && error.code === 'ERR_TIMEOUT';

/** Errors of the store itself: no server caused them. */
const isOwn = (error: unknown) => error instanceof StoreError || error instanceof AiosqliteError;
