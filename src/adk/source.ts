import { checkNames, type NamesOf, pick } from '../arguments.js';
import { invalidArgument } from '../errors.js';
import type { Pool, PoolOptions } from '../index.js';
import { POOL_OPTIONS } from '../pool/options.js';
import { createPool } from '../pool/pool.js';
import { type Calls, ServiceCalls } from '../source/service-calls.js';
import { TablesOnce } from '../source/tables-once.js';
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
  SqliteBackend,
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

/** A store for a service, its calls, and its tables. Services on one pool are given an object of this class. */
export class Opened<Store extends { createTables(): Promise<void> }> {
  readonly store: Store;
  readonly calls: Calls;
  readonly tables: TablesOnce;

  /** `pool`: the one that was opened for this store alone, if any. */
  constructor(
    store: Store,
    pool?: Pool,
    calls: Calls = new ServiceCalls(pool),
    tables = new TablesOnce(() => store.createTables()),
  ) {
    this.store = store;
    this.calls = calls;
    this.tables = tables;
  }
}

/** `further`: options of everything if `source` is a path, otherwise of the service only. */
export function openSessionStore(
  source: SessionServiceSource | Opened<SessionStore>,
  further: Omit<SessionSourceOptions, 'database'> = {},
): { opened: Opened<SessionStore>; staleSessions: SessionServiceOptions['staleSessions'] | undefined } {
  const isPath = typeof source === 'string' || source instanceof URL;
  checkNames<object>('options', further, isPath ? FURTHER_OPTIONS : SERVICE_OPTIONS);
  if (source instanceof Opened) return { opened: source, staleSessions: further.staleSessions };
  if (source instanceof SessionStore) return { opened: new Opened(source), staleSessions: further.staleSessions };
  const { pool, options } = openPool(isPath ? { ...further, database: source } : source, SESSION_SOURCE);
  const store = new SessionStore(pool, pick<SessionStoreOptions>(options, SESSION_STORE_OPTIONS));
  return { opened: new Opened(store, pool), staleSessions: further.staleSessions ?? options.staleSessions };
}

export function openArtifactStore(
  source: ArtifactServiceSource | Opened<ArtifactStore>,
  further?: unknown,
): Opened<ArtifactStore> {
  if (source instanceof Opened) return source;
  checkNoOptions(further);
  if (source instanceof ArtifactStore) return new Opened(source);
  if (source instanceof SessionStore) return new Opened(artifactStoreBeside(source));
  const { pool, options } = openPool(source, ARTIFACT_SOURCE);
  return new Opened(new ArtifactStore(pool, pick(options, ARTIFACT_STORE_OPTIONS)), pool);
}

export function openMemoryStore(
  source: MemoryServiceSource | Opened<MemoryStore>,
  further?: unknown,
): Opened<MemoryStore> {
  if (source instanceof Opened) return source;
  checkNoOptions(further);
  if (source instanceof MemoryStore) return new Opened(source);
  if (source instanceof SessionStore) return new Opened(memoryStoreBeside(source));
  const { pool, options } = openPool(source, MEMORY_SOURCE);
  const store = new MemoryStore(pool, pick(options, MEMORY_STORE_OPTIONS));
  return new Opened(store, pool, new ServiceCalls(pool, (made) => store.finish(made)));
}

/** Options behind a path, as a session service takes them, would be lost. */
function checkNoOptions(further: unknown): void {
  if (further !== undefined) throw invalidArgument('options', "part of the first argument, beside 'database'", further);
}

/** An artifact store on the database of a session store, with its table names. */
export const artifactStoreBeside = (store: SessionStore) =>
  new ArtifactStore(databaseOf(store), pick<ArtifactStoreOptions>(tablesOf(store), ARTIFACT_STORE_OPTIONS));

/** A memory store on the database of a session store, with its table names. */
export const memoryStoreBeside = (store: SessionStore, options: MemoryStoreOptions = {}) =>
  new MemoryStore(databaseOf(store), {
    ...pick<MemoryStoreOptions>(tablesOf(store), MEMORY_STORE_OPTIONS),
    ...options,
  });

/** A pool with those of the options that are a pool's. */
export function openPool<Options extends PoolOptions>(source: string | Options, known: NamesOf<Options>) {
  const options = (typeof source === 'string' ? { database: source } : source) as Options;
  checkNames('source', options, known);
  const pool = createPool({ ...pick<PoolOptions>(options, POOL_OPTIONS), database: pathOf(options.database) });
  return { pool, options };
}

/** The database of a session store: a pool or connection, or the transaction that it works in. */
export const databaseOf = (store: SessionStore) => sqliteOf(store).db as Database;

/** The table names of a session store, and whether a file of another program may hold them, for a store beside it. */
function tablesOf(store: SessionStore) {
  const { names, layout } = sqliteOf(store);
  return {
    foreignTables: layout.schema.refusesForeign ? ('refuse' as const) : ('beside' as const),
    sessionsTable: names.sessions,
    eventsTable: names.events,
    metadataTable: names.metadata,
    artifactsTable: names.artifacts,
    memoryTable: names.memory,
  };
}

export function sqliteOf(store: SessionStore): SqliteBackend {
  const { backend } = store; // not in the signature: it is internal
  if (backend instanceof SqliteBackend) return backend;
  throw invalidArgument('source', 'a store on an SQLite database', backend);
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
