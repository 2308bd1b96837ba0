import { checkNames, type NamesOf, pick } from '../arguments.js';
import { createPool, type Pool, type PoolOptions } from '../index.js';
import { POOL_OPTIONS } from '../pool/options.js';
import {
  ARTIFACT_STORE_OPTIONS,
  ArtifactStore,
  type ArtifactStoreOptions,
  type Database,
  MEMORY_STORE_OPTIONS,
  MemoryStore,
  type MemoryStoreOptions,
  SESSION_STORE_OPTIONS,
  SessionStore,
  type SessionStoreOptions,
} from '../store/internal.js';
import { SERVICE_OPTIONS, type SessionServiceOptions } from './options.js';

/** Options of the pool, store and service that a session service opens. */
export type SessionSourceOptions = PoolOptions & SessionStoreOptions & SessionServiceOptions;
/** Options of the pool and store that an artifact service opens. */
export type ArtifactSourceOptions = PoolOptions & ArtifactStoreOptions;
/** Options of the pool and store that a memory service opens. */
export type MemorySourceOptions = PoolOptions & MemoryStoreOptions;

/** Sources of a session service. */
export type SessionServiceSource = SessionStore | string | URL | SessionSourceOptions;

/** Sources of an artifact service. Of a session store it takes the database and the names of the tables. */
export type ArtifactServiceSource = ArtifactStore | SessionStore | string | ArtifactSourceOptions;

/** Sources of a memory service. Of a session store it takes the database and the names of the tables. */
export type MemoryServiceSource = MemoryStore | SessionStore | string | MemorySourceOptions;

const SESSION_SOURCE: NamesOf<SessionSourceOptions> = { ...POOL_OPTIONS, ...SESSION_STORE_OPTIONS, ...SERVICE_OPTIONS };
const { database: _, ...FURTHER_OPTIONS } = SESSION_SOURCE;
const ARTIFACT_SOURCE: NamesOf<ArtifactSourceOptions> = { ...POOL_OPTIONS, ...ARTIFACT_STORE_OPTIONS };
const MEMORY_SOURCE: NamesOf<MemorySourceOptions> = { ...POOL_OPTIONS, ...MEMORY_STORE_OPTIONS };

/** A store, and the pool if one was opened for it. */
interface Opened<Store> {
  store: Store;
  pool?: Pool;
}

/** `further`: options of everything if `source` is a path, otherwise of the service only. */
export function openSessionStore(
  source: SessionServiceSource,
  further: Omit<SessionSourceOptions, 'database'> = {},
): Opened<SessionStore> & { staleSessions: SessionServiceOptions['staleSessions'] | undefined } {
  const isPath = typeof source === 'string' || source instanceof URL;
  checkNames<object>('options', further, isPath ? FURTHER_OPTIONS : SERVICE_OPTIONS);
  if (source instanceof SessionStore) return { store: source, staleSessions: further.staleSessions };
  const { pool, options } = openPool(isPath ? { ...further, database: source } : source, SESSION_SOURCE);
  const store = new SessionStore(pool, pick<SessionStoreOptions>(options, SESSION_STORE_OPTIONS));
  return { store, pool, staleSessions: further.staleSessions ?? options.staleSessions };
}

export function openArtifactStore(source: ArtifactServiceSource): Opened<ArtifactStore> {
  if (source instanceof ArtifactStore) return { store: source };
  if (source instanceof SessionStore)
    return {
      store: new ArtifactStore(
        databaseOf(source),
        pick<ArtifactStoreOptions>(tablesOf(source), ARTIFACT_STORE_OPTIONS),
      ),
    };
  const { pool, options } = openPool(source, ARTIFACT_SOURCE);
  return { store: new ArtifactStore(pool, pick(options, ARTIFACT_STORE_OPTIONS)), pool };
}

export function openMemoryStore(source: MemoryServiceSource): Opened<MemoryStore> {
  if (source instanceof MemoryStore) return { store: source };
  if (source instanceof SessionStore) {
    return {
      store: new MemoryStore(databaseOf(source), pick<MemoryStoreOptions>(tablesOf(source), MEMORY_STORE_OPTIONS)),
    };
  }
  const { pool, options } = openPool(source, MEMORY_SOURCE);
  return { store: new MemoryStore(pool, pick(options, MEMORY_STORE_OPTIONS)), pool };
}

/** A pool with those of the options that are a pool's. */
function openPool<Options extends PoolOptions>(source: string | Options, known: NamesOf<Options>) {
  const options = (typeof source === 'string' ? { database: source } : source) as Options;
  checkNames('source', options, known);
  const pool = createPool({ ...pick<PoolOptions>(options, POOL_OPTIONS), database: pathOf(options.database) });
  return { pool, options };
}

/** The database of a session store: where it came from, or the transaction that it works in. */
const databaseOf = ({ context }: SessionStore) => context.db as Database;

/** The table names of a session store, for a store beside it. */
function tablesOf({ context: { names } }: SessionStore) {
  return {
    sessionsTable: names.sessions,
    eventsTable: names.events,
    metadataTable: names.metadata,
    artifactsTable: names.artifacts,
  };
}

/** Turns ADK's `sqlite://` form into what it means there: what follows is the path, or ':memory:'. */
function pathOf(text: string | URL): string | URL {
  if (typeof text !== 'string') return text;
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  if (scheme === undefined || scheme === 'file') return text;
  if (scheme === 'sqlite' && rest) return rest;
  const error = new RangeError("source must be a path, ':memory:', a 'file:' URI or ADK's 'sqlite://' with a path");
  throw Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
}
