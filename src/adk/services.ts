import { checkNames, checkObject, checkString, type NamesOf, pick } from '../arguments.js';
import { outOfRange } from '../errors.js';
import type { PoolOptions } from '../index.js';
import { POOL_OPTIONS } from '../pool/options.js';
import { ServiceCalls } from '../source/service-calls.js';
import { TablesOnce } from '../source/tables-once.js';
import {
  ArtifactStore,
  checkChoice,
  MemoryStore,
  type MemoryStoreOptions,
  SESSION_STORE_OPTIONS,
  SessionStore,
  type SessionStoreOptions,
} from '../store/internal.js';
import { SqliteArtifactService } from './artifact-service.js';
import { SqliteMemoryService } from './memory-service.js';
import { SERVICE_OPTIONS, type SessionServiceOptions } from './options.js';
import { PostgresSessionService } from './postgres-session-service.js';
import { SqliteSessionService } from './session-service.js';
import { artifactStoreBeside, memoryStoreBeside, Opened, openPool, sqliteOf } from './source.js';

/** How the memory of {@link openServices} is filled and searched. */
export interface MemoryOptions
  extends Pick<MemoryStoreOptions, 'embed' | 'embedModel' | 'onEmbedError' | 'functionResponses'> {
  /**
   * `'append'` (default): an event is in memory with the commit that appends it; `embed` follows in the background.
   * `'session-end'`: `addSessionToMemory(session)` adds all that is stored of the session and lacks in memory, however much of
   * it the session object shows. `'manual'`: it adds the events of the object alone.
   */
  index?: 'append' | 'session-end' | 'manual';
}

/** Options of {@link openServices}. */
export interface ServicesOptions extends SessionServiceOptions {
  /** Filling and searching of the memory. Default: `{}`. */
  memory?: MemoryOptions;
  /** For a source that is no SQLite file: the path of one for memory and artifacts. */
  local?: string;
}

/** Session, memory and artifact service on one pool. */
export interface Services extends AsyncDisposable {
  /** Sessions and events. */
  sessionService: SqliteSessionService;
  /** Memory across sessions. */
  memoryService: SqliteMemoryService;
  /** Files of sessions and users. */
  artifactService: SqliteArtifactService;
  /**
   * Closes the pool. Every call made before finishes first; later calls of the services reject `'ERR_CLOSED'`. `close()` of a
   * single service leaves the pool open for the others.
   * @example process.once('SIGTERM', () => void services.close());
   */
  close(): Promise<void>;
}

/** Sessions in PostgreSQL; memory and artifacts in the SQLite file `local`, absent without it. */
export interface PostgresServices extends AsyncDisposable {
  /** Sessions and events. */
  sessionService: PostgresSessionService;
  /** Memory across sessions. A `MemoryPlugin` fills it after each run, `addSessionToMemory()` when you call it. */
  memoryService?: SqliteMemoryService;
  /** Files of sessions and users. */
  artifactService?: SqliteArtifactService;
  /**
   * Closes both pools. Every call made before finishes first; later calls of the services reject `'ERR_CLOSED'`.
   * @example process.once('SIGTERM', () => void services.close());
   */
  close(): Promise<void>;
}

/** Options of the pool and the stores that {@link openServices} opens. */
export type ServicesSourceOptions = PoolOptions & SessionStoreOptions;

const SOURCE: NamesOf<ServicesSourceOptions> = { ...POOL_OPTIONS, ...SESSION_STORE_OPTIONS };
const OPTIONS: NamesOf<ServicesOptions> = { ...SERVICE_OPTIONS, memory: true, local: true };
const STORE_OPTIONS: NamesOf<Omit<MemoryOptions, 'index'>> = {
  embed: true,
  embedModel: true,
  onEmbedError: true,
  functionResponses: true,
};
const MEMORY: NamesOf<MemoryOptions> = { index: true, ...STORE_OPTIONS };

/**
 * Everything that ADK's Runner needs, in one file: sessions, memory and artifacts on one pool, with one `close()`. `source` is a
 * path, `':memory:'`, a `'file:'` URI or ADK's `'sqlite://'` form, or the options of a pool and a store. A `'postgres://'` URL
 * gives a {@link PostgresSessionService}; `local` then names the file for memory and artifacts. Tables are made at the first
 * call of any of the services. Throws a TypeError or RangeError that names a wrong option.
 *
 * @example
 * await using services = openServices('agent.db');
 * const runner = new Runner({ appName: 'shop', agent, ...services });
 */
export function openServices(
  source: `postgres://${string}` | `postgresql://${string}`,
  options?: ServicesOptions,
): PostgresServices;
/** Everything that ADK's Runner needs, in one SQLite file. */
export function openServices(source: string | URL | ServicesSourceOptions, options?: ServicesOptions): Services;
export function openServices(
  source: string | URL | ServicesSourceOptions,
  options: ServicesOptions = {},
): Services | PostgresServices {
  checkNames('options', options, OPTIONS);
  const { memory = {}, local, ...sessionOptions } = options;
  checkNames('options.memory', memory, MEMORY);
  const { index: mode = 'append' } = memory;
  checkChoice('options.memory.index', mode, ['append', 'session-end', 'manual']);
  if (local !== undefined) checkString('options.local', local);
  if (isPostgres(source)) return openPostgres(String(source), local, memory, sessionOptions as SessionServiceOptions);
  if (local !== undefined) throw outOfRange('options.local', 'absent, since the source is a SQLite file itself');

  const { pool, options: known } = openPool(sourceOptions(source), SOURCE);
  const plain = new SessionStore(pool, pick<SessionStoreOptions>(known, SESSION_STORE_OPTIONS));
  const artifacts = artifactStoreBeside(plain);
  const memories = memoryStoreBeside(plain, pick(memory, STORE_OPTIONS));
  const index = mode === 'append' ? memories.appendIndex() : undefined;
  const sessions = index ? new SessionStore(sqliteOf(plain).attaching(index)) : plain;
  const calls = new ServiceCalls(pool, (made) => memories.finish(made.then(() => index?.close())));
  const tables = new TablesOnce(async () => {
    // The session store's first: it refuses a file of another ADK program.
    for (const store of [sessions, artifacts, memories]) await store.createTables();
  });
  const close = () => calls.close();
  return {
    sessionService: new SqliteSessionService(
      new Opened(sessions, undefined, calls.shared(), tables),
      sessionOptions as SessionServiceOptions,
    ),
    artifactService: new SqliteArtifactService(new Opened(artifacts, undefined, calls.shared(), tables)),
    memoryService: new SqliteMemoryService(new Opened(memories, undefined, calls.shared(), tables), {
      completes: mode === 'session-end',
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function sourceOptions(source: string | URL | ServicesSourceOptions): ServicesSourceOptions {
  if (typeof source === 'string' || source instanceof URL) return { database: source };
  checkObject('source', source);
  return source;
}

const isPostgres = (source: string | URL | ServicesSourceOptions) =>
  (typeof source === 'string' || source instanceof URL) && /^postgres(ql)?:/i.test(String(source));

function openPostgres(
  url: string,
  local: string | undefined,
  memory: MemoryOptions,
  sessionOptions: SessionServiceOptions,
): PostgresServices {
  if (memory.index !== undefined && memory.index !== 'manual') {
    throw outOfRange('options.memory.index', "'manual', since memory is in another database than the sessions");
  }
  const sessionService = new PostgresSessionService(url, sessionOptions);
  const { memoryService, artifactService, calls } = local === undefined ? {} : openLocal(local, memory);
  const close = async () => {
    await sessionService.close();
    await calls?.close();
  };
  return {
    sessionService,
    ...(memoryService && { memoryService }),
    ...(artifactService && { artifactService }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Memory and artifacts in a file of their own. */
function openLocal(path: string, memory: MemoryOptions) {
  const { pool } = openPool({ database: path }, POOL_OPTIONS);
  const artifacts = new ArtifactStore(pool);
  const memories = new MemoryStore(pool, pick(memory, STORE_OPTIONS));
  const calls = new ServiceCalls(pool, (made) => memories.finish(made));
  return {
    calls,
    artifactService: new SqliteArtifactService(new Opened(artifacts, undefined, calls.shared())),
    memoryService: new SqliteMemoryService(new Opened(memories, undefined, calls.shared()), { completes: false }),
  };
}
