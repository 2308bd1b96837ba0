import { checkNames, type NamesOf, pick } from '../arguments.js';
import { ServiceCalls } from '../source/service-calls.js';
import {
  type PgPool,
  POSTGRES_STORE_OPTIONS,
  PostgresSessionStore,
  type PostgresSessionStoreOptions,
} from '../store/internal.js';
import { SERVICE_OPTIONS, type SessionServiceOptions } from './options.js';
import { Opened } from './source.js';
import { StoreSessionService } from './store-session-service.js';

/** Options of {@link PostgresSessionService}: of the store, if the service makes it, and its own. */
export type PostgresSessionServiceOptions = PostgresSessionStoreOptions & SessionServiceOptions;

const OPTIONS: NamesOf<PostgresSessionServiceOptions> = { ...POSTGRES_STORE_OPTIONS, ...SERVICE_OPTIONS };

/**
 * Sessions for ADK's Runner, in PostgreSQL: the same service over a {@link PostgresSessionStore}. Tables are made at the first
 * call. Loading it loads no native addon.
 *
 * @example
 * const sessionService = new PostgresSessionService('postgres://agents@db/agents');
 * const runner = new Runner({ appName: 'shop', agent, sessionService });
 */
export class PostgresSessionService extends StoreSessionService<PostgresSessionStore> {
  /**
   * `source`: a pool of `pg`, which is never closed, a `'postgres://'` URL, or a store. Throws what
   * {@link PostgresSessionStore} throws on wrong options.
   * @example new PostgresSessionService(pool, { schema: 'agents', staleSessions: 'reject' });
   */
  constructor(source: PgPool | string, options?: PostgresSessionServiceOptions);
  constructor(source: PostgresSessionStore, options?: SessionServiceOptions);
  constructor(source: PostgresSessionStore | PgPool | string, options: PostgresSessionServiceOptions = {}) {
    const isStore = source instanceof PostgresSessionStore;
    checkNames<object>('options', options, isStore ? SERVICE_OPTIONS : OPTIONS);
    const store = isStore
      ? source
      : new PostgresSessionStore(source, pick<PostgresSessionStoreOptions>(options, POSTGRES_STORE_OPTIONS));
    super(new Opened(store, undefined, new ServiceCalls(isStore ? undefined : closing(store))), options.staleSessions);
  }
}

/** The store as something to close behind the last call. Over a pool that was given it closes nothing. */
function closing(store: PostgresSessionStore) {
  return {
    async closeAfter(work: () => Promise<void>) {
      await work();
      await store.close();
    },
  };
}
