import { AiosqliteError } from '../../errors.js';
import type { PgPool } from './client.js';

interface ClosablePool extends PgPool {
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
}

interface Pg {
  Pool: new (options: object) => ClosablePool;
}

/** A pool that a store makes from a URL, at its first call. */
export class OwnPool {
  readonly #url: string;
  readonly #connectMs: number;
  #pool: Promise<ClosablePool> | undefined;
  #closed = false;

  constructor(url: string, connectMs: number) {
    this.#url = url;
    this.#connectMs = connectMs;
  }

  /** Rejects `'ERR_CLOSED'` after close(), and `'ERR_MISSING_PACKAGE'` where `pg` is not installed. */
  async get(): Promise<PgPool> {
    if (this.#closed) throw new AiosqliteError('ERR_CLOSED', 'the store is closed');
    this.#pool ??= this.#make();
    return await this.#pool;
  }

  async #make(): Promise<ClosablePool> {
    const { Pool } = await importPg();
    const pool = new Pool({
      connectionString: this.#url,
      connectionTimeoutMillis: this.#connectMs,
      allowExitOnIdle: true,
    });
    // An idle connection that breaks leaves the pool; without a listener it would end the process.
    pool.on('error', () => {});
    return pool;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await (await this.#pool?.catch(() => undefined))?.end();
  }
}

async function importPg(): Promise<Pg> {
  let module: Pg & { default?: Pg };
  try {
    module = (await import('pg' as string)) as Pg & { default?: Pg };
  } catch (cause) {
    throw new AiosqliteError(
      'ERR_MISSING_PACKAGE',
      "a 'postgres://' URL needs the package pg: npm install pg, or pass a pool of your own",
      { cause },
    );
  }
  return module.default ?? module;
}
