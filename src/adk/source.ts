import { createPool, type Pool, type PoolOptions } from '../index.js';
import {
  ArtifactStore,
  type ArtifactStoreOptions,
  checkObject,
  type Database,
  SessionStore,
  type SessionStoreOptions,
} from '../store/index.js';

/** Sources of a session service. */
export type SessionServiceSource = SessionStore | string | (PoolOptions & SessionStoreOptions);

/** Sources of an artifact service. Of a session store it takes the database and the names of the tables. */
export type ArtifactServiceSource = ArtifactStore | SessionStore | string | (PoolOptions & ArtifactStoreOptions);

/** A store, and the pool if one was opened for it. */
interface Opened<Store> {
  store: Store;
  pool?: Pool;
}

export function openSessionStore(source: SessionServiceSource): Opened<SessionStore> {
  if (source instanceof SessionStore) return { store: source };
  const options = optionsOf(source);
  const pool = openPool(options, [...SESSION_OPTIONS, 'staleSessions']);
  return { store: new SessionStore(pool, pick(options, SESSION_OPTIONS)), pool };
}

export function openArtifactStore(source: ArtifactServiceSource): Opened<ArtifactStore> {
  if (source instanceof ArtifactStore) return { store: source };
  if (source instanceof SessionStore) return { store: new ArtifactStore(databaseOf(source), tablesOf(source)) };
  const options = optionsOf(source);
  const pool = openPool(options, ARTIFACT_OPTIONS);
  return { store: new ArtifactStore(pool, pick(options, ARTIFACT_OPTIONS)), pool };
}

const SESSION_OPTIONS = [
  'sessionsTable',
  'eventsTable',
  'appStatesTable',
  'userStatesTable',
  'metadataTable',
  'artifactsTable',
  'ownerIdColumn',
] as const satisfies (keyof SessionStoreOptions)[];

const ARTIFACT_OPTIONS = [
  'artifactsTable',
  'blobsTable',
  'sessionsTable',
  'eventsTable',
  'metadataTable',
  'maxBytes',
] as const satisfies (keyof ArtifactStoreOptions)[];

function optionsOf<Options extends object>(source: string | Options): Options & PoolOptions {
  const options = typeof source === 'string' ? { database: source } : source;
  checkObject('source', options);
  return options as Options & PoolOptions;
}

/** A pool with every option that is no store's. */
function openPool(options: PoolOptions, storeOptions: readonly string[]): Pool {
  const rest = Object.entries(options).filter(([name]) => !storeOptions.includes(name));
  const poolOptions = Object.fromEntries(rest) as unknown as PoolOptions;
  return createPool({ ...poolOptions, database: pathOf(options.database) });
}

/** The options that are there, of those named. */
function pick<Options extends object, Name extends keyof Options>(
  options: Options,
  names: readonly Name[],
): Pick<Options, Name> {
  const picked = names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  return Object.fromEntries(picked) as Pick<Options, Name>;
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
