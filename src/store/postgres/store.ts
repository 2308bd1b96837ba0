import { boolean, checkTimeoutMs } from '../../arguments.js';
import { invalidArgument, outOfRange } from '../../errors.js';
import type { Transaction } from '../../executor.js';
import type { JsonObject } from '../records.js';
import { SessionStore } from '../session-store.js';
import { PostgresBackend } from './backend.js';
import type { PgClient, PgPool } from './client.js';
import { Connections } from './connections.js';
import { Layout, type PostgresSessionStoreOptions } from './layout.js';
import { OwnPool } from './own-pool.js';

/**
 * The contract of {@link SessionStore} over PostgreSQL 13 and newer. Each write is one statement; appends that wait share a
 * statement and its commit. Errors of the server are a {@link PostgresError} whose `code` is the SQLSTATE; a message never
 * holds content.
 *
 * @example
 * const store = new PostgresSessionStore(new pg.Pool({ host: 'db' }), { schema: 'agents' });
 * await store.createTables();
 * const session = await store.createSession({ appName: 'shop', userId: 'ada' });
 */
export class PostgresSessionStore<S extends JsonObject = JsonObject>
  extends SessionStore<S>
  implements AsyncDisposable
{
  readonly #own: OwnPool | undefined;

  /**
   * `source`: a pool of `pg` (or of what speaks its API), which is never closed by the store; or a URL, from which the store
   * makes its own with the package `pg`. Throws a TypeError, a RangeError or `'ADK_INVALID_NAME'` for wrong options.
   */
  constructor(source: PgPool | string, options: PostgresSessionStoreOptions = {}) {
    const layout = new Layout(options);
    const sending = { batch: boolean(options, 'batch', true), prepare: boolean(options, 'prepare', true) };
    const { retryMs = 15_000 } = options;
    checkTimeoutMs('options.retryMs', retryMs);
    const own = typeof source === 'string' ? new OwnPool(checkUrl(source), retryMs) : undefined;
    const pool = own ? () => own.get() : checkPool(source);
    super(new PostgresBackend(layout, new Connections(pool, sending.prepare, retryMs), sending));
    this.#own = own;
  }

  /**
   * The same store inside the caller's own transaction, on a client that the caller has begun it with: its writes commit or
   * roll back with it. Nothing is tried again there.
   * @example await client.query('BEGIN'); await store.with(client).deleteSession(key); await client.query('COMMIT');
   */
  override with(client: PgClient | Transaction): SessionStore<S> {
    return super.with(client as Transaction);
  }

  /**
   * Closes the pool that the store made from a URL, after the statements under way; a pool that was given stays open. Await your
   * calls first: one that has yet to send a statement rejects `'ERR_CLOSED'`. A service waits for its calls by itself.
   * @example process.once('SIGTERM', () => void store.close());
   */
  async close(): Promise<void> {
    await this.#own?.close();
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Never repeats the URL, which may hold a password. */
function checkUrl(url: string): string {
  // Without a host, the query names one, or a folder of sockets.
  if (!/^postgres(?:ql)?:\/\//i.test(url) || !URL.canParse(url.replace(/(^\w+:\/\/|@)(?=[/?]|$)/, '$1host'))) {
    throw outOfRange('source', "a URL that begins with 'postgres://'");
  }
  return url;
}

function checkPool(source: unknown): () => PgPool {
  const { query, connect } = (source ?? {}) as Partial<PgPool>;
  if (typeof query !== 'function' || typeof connect !== 'function') {
    throw invalidArgument('source', "a pool of pg or a 'postgres://' URL", source);
  }
  return () => source as PgPool;
}
