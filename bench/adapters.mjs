/**
 * The adapters, each beside what its users have otherwise. Both sides are opened on a file in WAL mode, with a table `t`. They
 * have some of these: `query` takes long and gives one row, `read` gives a large result, `write` makes a small, durable change.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importOurs } from './drivers/shared/package.mjs';

const LONG = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT sum(i) AS s FROM n`;
const LARGE = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
  SELECT i AS c, 'text of row ' || i AS a, i * 1.5 AS b FROM n`;
const INSERT = `INSERT INTO t VALUES ('new', 1.5, 7)`;
const ITEMS = 5_000;
const SOURCE = { source: 'loop', step: 1, parents: {} };

const sqlAdapter = ({ all, run, close }) => ({
  query: () => all(LONG),
  read: () => all(LARGE),
  write: () => run(INSERT),
  close,
});

async function betterSqlite3(file) {
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(file);
  db.pragma('synchronous = full');
  return db;
}

function overCallbacks(sqlite3, file) {
  const db = new sqlite3.Database(file);
  const called = (verb) => (sql) =>
    new Promise((resolve, reject) => {
      db[verb](sql, (error, result) => (error ? reject(error) : resolve(result)));
    });
  const close = () => new Promise((resolve) => db.close(resolve));
  db.configure('busyTimeout', 5_000);
  return sqlAdapter({ all: called('all'), run: called('run'), close });
}

async function overKysely(dialect) {
  const { Kysely, sql } = await import('kysely');
  const db = new Kysely({ dialect });
  const run = (text) => sql.raw(text).execute(db);
  return sqlAdapter({ all: run, run, close: () => db.destroy() });
}

// Their calls run before they return: an async function has them begin at the same moment as ours.
const overDrizzle = (db, close) =>
  sqlAdapter({ all: async (text) => db.all(text), run: async (text) => db.run(text), close });

async function overPrisma(factory) {
  const db = await factory.connect();
  await db.executeScript('PRAGMA synchronous = full');
  const queryOf = (sql) => ({ sql, args: [], argTypes: [] });
  return sqlAdapter({
    all: (text) => db.queryRaw(queryOf(text)),
    run: (text) => db.executeRaw(queryOf(text)),
    close: () => db.dispose(),
  });
}

/** A thread of 200 checkpoints, each of 40 messages. */
async function overSaver(saver, close) {
  const messages = Array.from({ length: 40 }, (_, i) => ({ id: `${i}`, role: 'assistant', text: 'x'.repeat(380) }));
  let made = 0;
  let config = { configurable: { thread_id: 'thread', checkpoint_ns: '' } };
  const write = async () => {
    const versions = { messages: ++made };
    const id = `1f0c9a00-${String(made).padStart(12, '0')}`;
    const checkpoint = { v: 4, id, ts: '2026-11-30T12:00:00.000Z', channel_values: { messages } };
    config = await saver.put(
      config,
      { ...checkpoint, channel_versions: versions, versions_seen: {} },
      SOURCE,
      versions,
    );
  };
  for (let i = 0; i < 200; i++) await write();
  const read = async () => {
    let count = 0;
    for await (const _ of saver.list({ configurable: { thread_id: 'thread' } }, { limit: 200 })) count++;
    return count;
  };
  return { read, write, close };
}

async function overSession(session, close, isMemory) {
  const item = (i) => ({ type: 'message', role: 'user', content: `message ${i} ${'x'.repeat(380)}` });
  await session.addItems(Array.from({ length: ITEMS }, (_, i) => item(i)));
  return { read: () => session.getItems(), write: () => session.addItems([item(0)]), close, isMemory };
}

/** A conversation as the Claude Agent SDK stores it. */
function conversation(sessionId, cwd) {
  let parentUuid = null;
  return Array.from({ length: ITEMS }, (_, i) => {
    const [type, uuid] = [i % 2 === 0 ? 'user' : 'assistant', randomUUID()];
    const content = type === 'user' ? 'x'.repeat(380) : [{ type: 'text', text: 'y'.repeat(380) }];
    const timestamp = new Date(1_700_000_000_000 + i).toISOString();
    const entry = {
      parentUuid,
      isSidechain: false,
      cwd,
      sessionId,
      type,
      message: { role: type, content },
      uuid,
      timestamp,
    };
    parentUuid = uuid;
    return entry;
  });
}

/** The SDK's own functions, over its files or over a store. Its files are written by a process of its own. */
async function overClaude(file, openStore) {
  const folder = realpathSync(dirname(file));
  process.env.CLAUDE_CONFIG_DIR = folder;
  const { pinnedTool } = await import('../scripts/pinned.mjs');
  const path = join(pinnedTool('@anthropic-ai/claude-agent-sdk'), 'sdk.mjs');
  const sdk = await import(pathToFileURL(path));
  const id = randomUUID();
  const project = join(folder, 'projects', folder.replace(/[^a-zA-Z0-9]/g, '-'));
  mkdirSync(project, { recursive: true });
  const entries = conversation(id, folder);
  writeFileSync(join(project, `${id}.jsonl`), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  const store = openStore?.();
  if (store !== undefined) await sdk.importSessionToStore(id, store, { dir: folder });
  const read = async () => {
    const { length } = await sdk.getSessionMessages(id, { dir: folder, sessionStore: store });
    if (length !== ITEMS) throw new Error(`${length} of ${ITEMS} messages`);
  };
  const key = { projectKey: 'p', sessionId: 's' };
  const write = store && (() => store.append(key, [{ type: 'user', uuid: randomUUID(), message: 'x'.repeat(380) }]));
  return { read, write, close: () => store?.close() };
}

/** name → what it is measured beside, and how both sides are opened. */
export const ADAPTERS = {
  'aiosqlite/sqlite3': {
    beside: 'sqlite3 6.0.1',
    ours: async (file) => overCallbacks((await importOurs('sqlite3/index')).default, file),
    theirs: async (file) => overCallbacks((await import('sqlite3')).default, file),
  },
  'aiosqlite/kysely': {
    beside: "Kysely's SqliteDialect, better-sqlite3 12.11.1",
    ours: async (file) => overKysely(new (await importOurs('kysely/index')).AiosqliteDialect(file)),
    theirs: async (file) =>
      overKysely(new (await import('kysely')).SqliteDialect({ database: await betterSqlite3(file) })),
  },
  'aiosqlite/drizzle': {
    beside: 'drizzle-orm/better-sqlite3 0.45.4',
    ours: async (file) => {
      const db = (await importOurs('drizzle/index')).drizzle(file);
      return overDrizzle(db, () => db.$client.close());
    },
    theirs: async (file) => {
      const client = await betterSqlite3(file);
      return overDrizzle((await import('drizzle-orm/better-sqlite3')).drizzle({ client }), () => client.close());
    },
  },
  'aiosqlite/prisma': {
    beside: '@prisma/adapter-better-sqlite3 7.10.0',
    ours: async (file) => overPrisma(new (await importOurs('prisma/index')).PrismaAiosqlite(`file:${file}`)),
    theirs: async (file) => {
      const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3');
      return overPrisma(new PrismaBetterSqlite3({ url: `file:${file}` }));
    },
  },
  'aiosqlite/langgraph': {
    beside: '@langchain/langgraph-checkpoint-sqlite 1.0.4',
    ours: async (file) => {
      const saver = new (await importOurs('langgraph/index')).SqliteSaver(file);
      return overSaver(saver, () => saver.close());
    },
    theirs: async (file) => {
      const db = await betterSqlite3(file);
      return overSaver(new (await import('@langchain/langgraph-checkpoint-sqlite')).SqliteSaver(db), () => db.close());
    },
  },
  'aiosqlite/openai-agents': {
    beside: "the SDK's MemorySession 0.20.0, in memory",
    ours: async (file) => {
      const session = new (await importOurs('openai-agents/index')).SqliteSession(file);
      return overSession(session, () => session.close());
    },
    theirs: async () => overSession(new (await import('@openai/agents-core')).MemorySession(), () => {}, true),
  },
  'aiosqlite/claude-agent': {
    beside: "the SDK's own files 0.3.332",
    ours: async (file) => {
      const { SqliteSessionStore } = await importOurs('claude-agent/index');
      return overClaude(file, () => new SqliteSessionStore(file));
    },
    theirs: (file) => overClaude(file),
  },
};
