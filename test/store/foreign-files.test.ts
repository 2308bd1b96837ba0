import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { connect, createPool } from 'aiosqlite';
import { openServices, SqliteMemoryService, SqliteSessionService } from 'aiosqlite/adk';
import {
  ArtifactStore,
  copySessions,
  importSessions,
  MemoryStore,
  prune,
  SessionStore,
  type SessionStoreOptions,
} from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key } from './fixtures.js';
import { fixture } from './import/support.js';

const on = databases();

const shared = (time: string) => `
  CREATE TABLE app_states (app_name TEXT PRIMARY KEY, state TEXT NOT NULL, update_time ${time} NOT NULL);
  CREATE TABLE user_states (app_name TEXT NOT NULL, user_id TEXT NOT NULL, state TEXT NOT NULL, update_time ${time} NOT NULL, PRIMARY KEY (app_name, user_id));
  CREATE TABLE sessions (app_name TEXT NOT NULL, user_id TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, create_time ${time} NOT NULL, update_time ${time} NOT NULL, PRIMARY KEY (app_name, user_id, id));
  CREATE TABLE events (id TEXT NOT NULL, app_name TEXT NOT NULL, user_id TEXT NOT NULL, session_id TEXT NOT NULL, invocation_id TEXT NOT NULL, timestamp ${time} NOT NULL, event_data TEXT NOT NULL, PRIMARY KEY (app_name, user_id, session_id, id));
  INSERT INTO sessions VALUES ('app', 'ada', 's1', '{}', 1, 1);`;

const RENAMED = { sessionsTable: 'our_sessions', eventsTable: 'our_events' };

interface ForeignFile {
  program: string;
  /** Its table of sessions. */
  sessions: string;
  /** The tables as the program makes them, or a file that it has written. */
  script?: string;
  written?: string;
  /** Names for our tables beside them, where the program has taken the default ones. */
  names?: Pick<SessionStoreOptions, 'sessionsTable' | 'eventsTable' | 'memoryTable'>;
}

/** Files of other programs. */
const FILES: Record<string, ForeignFile> = {
  SQLSpec: {
    program: "SQLSpec's ADK store",
    sessions: 'adk_session',
    script: `CREATE TABLE adk_session (id TEXT PRIMARY KEY, app_name TEXT NOT NULL, user_id TEXT NOT NULL, state TEXT NOT NULL DEFAULT '{}', create_time REAL NOT NULL, update_time REAL NOT NULL);
     CREATE TABLE adk_event (id TEXT PRIMARY KEY, app_name TEXT NOT NULL, user_id TEXT NOT NULL, session_id TEXT NOT NULL, invocation_id TEXT, timestamp REAL NOT NULL, event_data TEXT NOT NULL);
     CREATE TABLE adk_internal_metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL);
     INSERT INTO adk_session VALUES ('s1', 'app', 'ada', '{}', 1, 1);`,
  },
  'SQLSpec with memory': {
    program: "SQLSpec's ADK store",
    sessions: 'adk_session',
    written: 'sqlspec.db',
    names: { memoryTable: 'our_memory' },
  },
  'SQLSpec 0.27 to 0.41': {
    program: "SQLSpec's ADK store",
    sessions: 'adk_sessions',
    written: 'sqlspec-0.41.db',
    names: RENAMED,
  },
  'SQLSpec 0.42 to 0.50': {
    program: "SQLSpec's ADK store",
    sessions: 'adk_sessions',
    written: 'sqlspec-0.45.db',
    names: RENAMED,
  },
  'SqliteSessionService of adk-python': {
    program: 'a session service of ADK for Python',
    sessions: 'sessions',
    script: shared('REAL'),
  },
  'DatabaseSessionService of adk-python or adk-js': {
    program: "ADK's DatabaseSessionService (Python or JavaScript)",
    sessions: 'sessions',
    script: `CREATE TABLE adk_internal_metadata (key VARCHAR(128) PRIMARY KEY, value VARCHAR(256)); ${shared('DATETIME')}`,
  },
};

async function makeFile({ script, written }: Pick<ForeignFile, 'script' | 'written'>): Promise<string> {
  const file = on.file();
  if (written !== undefined) return fixture(written, dirname(file));
  return await make(script ?? '');
}

async function make(script: string): Promise<string> {
  const file = on.file();
  const db = await connect(file);
  await db.exec(script);
  await db.close();
  return file;
}

const contentOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

describe.each(Object.entries(FILES))('a file of %s', (_, foreign) => {
  const { program, names = {} } = foreign;
  const refused = {
    name: 'StoreError',
    code: 'ADK_SCHEMA_MISMATCH',
    message: expect.stringMatching(/^(?=.*import)(?=.*foreignTables: 'beside')/),
  };

  test('is refused by the service and the store, and stays byte for byte, journal mode included', async () => {
    const file = await makeFile(foreign);
    const before = contentOf(file);
    const service = new SqliteSessionService(file);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const error = await rejection(service.listSessions({ appName: 'app' }));
      expect(error).toMatchObject(refused);
      expect(error.message).toContain(program);
    }
    await service.close();
    const pool = createPool({ database: file });
    expect(await rejection(new SessionStore(pool).createTables())).toMatchObject(refused);
    await pool.close();
    const db = await connect(file);
    expect(await rejection(new SessionStore(db).createTables())).toMatchObject(refused);
    expect(await db.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'delete' });
    await db.close();
    expect(contentOf(file)).toBe(before);
    expect(readdirSync(dirname(file))).toHaveLength(1);
  });

  test('is refused by a store of memory or artifacts alone, and by their services', async () => {
    const file = await makeFile(foreign);
    const before = contentOf(file);
    for (const Store of [MemoryStore, ArtifactStore]) {
      const pool = createPool(file);
      const error = await rejection(new Store(pool).createTables());
      expect(error).toMatchObject(refused);
      expect(error.message).toContain(program);
      await pool.close();
    }
    const memory = new SqliteMemoryService(file);
    const searching = memory.searchMemory({ appName: 'app', userId: 'ada', query: 'tea' });
    expect(await rejection(searching)).toMatchObject(refused);
    await memory.close();
    expect(contentOf(file)).toBe(before);
    expect(readdirSync(dirname(file))).toHaveLength(1);
  });

  test('is refused by services on one pool, by copySessions() and by prune()', async () => {
    const file = await makeFile(foreign);
    const before = contentOf(file);
    const services = openServices(file);
    const { sessionService, artifactService, memoryService } = services;
    const session = { appName: 'app', userId: 'ada', sessionId: 's1' };
    const calls = [
      () => sessionService.getSession(session),
      () => artifactService.listArtifactKeys(session),
      () => memoryService.searchMemory({ ...session, query: 'tea' }),
    ];
    for (const call of calls) expect(await rejection(call())).toMatchObject({ ...refused, program });
    await services.close();
    await using source = await connect(':memory:');
    const from = new SessionStore(source);
    await from.createTables();
    const pool = createPool(file);
    expect(await rejection(copySessions(from, new SessionStore(pool)))).toMatchObject(refused);
    expect(await rejection(prune(pool, { idleDays: 1, memoryDays: 1 }))).toMatchObject(refused);
    await pool.close();
    expect(contentOf(file)).toBe(before);
  });

  test('can be imported, as the error says', async () => {
    const file = await makeFile(foreign);
    const target = new SessionStore(on.pool({ database: on.file('target.db') }));
    await target.createTables();
    expect((await importSessions(file, target)).sessions.converted).toBeGreaterThan(0);
  });

  test("holds the tables of all stores with foreignTables: 'beside', which later ones take as they are", async () => {
    const pool = createPool(await makeFile(foreign));
    const { memoryTable, ...tables } = names;
    await new MemoryStore(pool, { ...names, foreignTables: 'beside' }).createTables();
    await new ArtifactStore(pool, tables).createTables();
    await new SessionStore(pool, tables).createTables();
    await prune(pool, { idleDays: 1 }, { tables });
    await pool.close();
  });

  test("holds those of services on one session store with foreignTables: 'beside'", async () => {
    const pool = createPool(await makeFile(foreign));
    const memory = new SqliteMemoryService(new SessionStore(pool, { ...names, foreignTables: 'beside' }));
    expect(await memory.searchMemory({ appName: 'app', userId: 'ada', query: 'tea' })).toEqual({ memories: [] });
    await pool.close();
  });

  test("holds our tables, too, with foreignTables: 'beside'", async () => {
    const file = await makeFile(foreign);
    const db = await connect(file);
    const countTheirs = async () => (await db.get<{ n: number }>(`SELECT count(*) AS n FROM ${foreign.sessions}`))?.n;
    const theirs = await countTheirs();
    expect(theirs).toBeGreaterThan(0);
    const service = new SqliteSessionService({ database: file, ...names, foreignTables: 'beside' });
    const session = await service.createSession(key);
    await service.appendEvent({ session, event: event('e1') as never });
    await service.close();
    // Our tables are there: later services take them without the option.
    const again = new SqliteSessionService({ database: file, ...names });
    expect((await again.getSession(key))?.events).toHaveLength(1);
    await again.close();
    expect(await countTheirs()).toBe(theirs);
    await db.close();
  });
});

const EARLY = Object.values(FILES).filter(({ names }) => names !== undefined);

test.each(EARLY)(
  "a table of another program with one of our names is called its, with 'beside': $written",
  async (foreign) => {
    const file = await makeFile(foreign);
    const before = contentOf(file);
    const db = await connect(file);
    const Store = foreign.names?.memoryTable === undefined ? SessionStore : MemoryStore;
    expect(await rejection(new Store(db, { foreignTables: 'beside' }).createTables())).toMatchObject({
      code: 'ADK_SCHEMA_MISMATCH',
      program: foreign.program,
      message: expect.stringMatching(/adk_(sessions|memory) .*SQLSpec.*names/),
    });
    await db.close();
    expect(contentOf(file)).toBe(before);
  },
);

test.each([
  'CREATE TABLE sessions (sid TEXT PRIMARY KEY, data TEXT); CREATE TABLE events (id INTEGER PRIMARY KEY)',
  'CREATE TABLE app_states (state TEXT)',
  'CREATE VIEW adk_session AS SELECT 1',
])("a program's own tables of similar names are no hindrance: %s", async (script) => {
  const pool = createPool({ database: await make(script) });
  await new SessionStore(pool).createTables();
  expect(await pool.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
  await pool.close();
});

test('a virtual table of such a name is no hindrance, even if its module is missing', async () => {
  const file = await make('CREATE TABLE sessions (id); CREATE VIRTUAL TABLE events USING fts5(event)');
  writeFileSync(file, readFileSync(file, 'latin1').replace('events USING fts5', 'events USING fts0'), 'latin1');
  const pool = on.pool();
  expect(await rejection(pool.all('SELECT * FROM events'))).toMatchObject({ code: 'SQLITE_ERROR' });
  await new SessionStore(pool).createTables();
});

test('no file is made by looking at one that is not there', async () => {
  const pool = createPool({ database: on.file(), mustExist: true });
  expect(await rejection(new SessionStore(pool).createTables())).toMatchObject({ code: 'SQLITE_CANTOPEN' });
  expect(existsSync(on.file())).toBe(false);
  await pool.close();
});

test('a pool that is open already, or in memory, is looked at through itself', async () => {
  for (const database of [on.file(), ':memory:']) {
    const pool = createPool({ database });
    await pool.exec(FILES.SQLSpec?.script as string);
    expect(await rejection(new SessionStore(pool).createTables())).toMatchObject({ code: 'ADK_SCHEMA_MISMATCH' });
    expect(
      await pool.get("SELECT count(*) AS n FROM sqlite_schema WHERE name LIKE 'adk\\_sessions%' ESCAPE '\\'"),
    ).toEqual({
      n: 0,
    });
    await pool.close();
  }
});

test('any other value of foreignTables is refused', () => {
  expect(() => new SessionStore(createPool({ database: ':memory:' }), { foreignTables: 'yes' as never })).toThrow(
    "foreignTables must be 'refuse' or 'beside'",
  );
});

test.each([
  { sessionsTable: 'sessions', eventsTable: 'events', appStatesTable: 'app_states' },
  { sessionsTable: 'adk_session', eventsTable: 'adk_event', metadataTable: 'adk_internal_metadata' },
])('a store whose own tables have names of another program is opened again: %j', async (names) => {
  const pool = on.pool();
  for (const store of [new SessionStore(pool, names), new SessionStore(pool, names)]) await store.createTables();
  await new SessionStore(pool, names).dropTables();
});
