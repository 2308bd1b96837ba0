import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { connect, createPool } from 'aiosqlite';
import { SqliteMemoryService, SqliteSessionService } from 'aiosqlite/adk';
import { ArtifactStore, MemoryStore, SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key } from './fixtures.js';

const on = databases();

const shared = (time: string) => `
  CREATE TABLE app_states (app_name TEXT PRIMARY KEY, state TEXT NOT NULL, update_time ${time} NOT NULL);
  CREATE TABLE user_states (app_name TEXT NOT NULL, user_id TEXT NOT NULL, state TEXT NOT NULL, update_time ${time} NOT NULL, PRIMARY KEY (app_name, user_id));
  CREATE TABLE sessions (app_name TEXT NOT NULL, user_id TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, create_time ${time} NOT NULL, update_time ${time} NOT NULL, PRIMARY KEY (app_name, user_id, id));
  CREATE TABLE events (id TEXT NOT NULL, app_name TEXT NOT NULL, user_id TEXT NOT NULL, session_id TEXT NOT NULL, invocation_id TEXT NOT NULL, timestamp ${time} NOT NULL, event_data TEXT NOT NULL, PRIMARY KEY (app_name, user_id, session_id, id));
  INSERT INTO sessions VALUES ('app', 'ada', 's1', '{}', 1, 1);`;

/** The tables that other programs make, as they write them. */
const FILES: Record<string, [program: string, script: string]> = {
  SQLSpec: [
    "SQLSpec's ADK store",
    `CREATE TABLE adk_session (id TEXT PRIMARY KEY, app_name TEXT NOT NULL, user_id TEXT NOT NULL, state TEXT NOT NULL DEFAULT '{}', create_time REAL NOT NULL, update_time REAL NOT NULL);
     CREATE TABLE adk_event (id TEXT PRIMARY KEY, app_name TEXT NOT NULL, user_id TEXT NOT NULL, session_id TEXT NOT NULL, invocation_id TEXT, timestamp REAL NOT NULL, event_data TEXT NOT NULL);
     CREATE TABLE adk_internal_metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL);
     INSERT INTO adk_session VALUES ('s1', 'app', 'ada', '{}', 1, 1);`,
  ],
  'SqliteSessionService of adk-python': ['a session service of ADK for Python', shared('REAL')],
  'DatabaseSessionService of adk-python or adk-js': [
    "ADK's DatabaseSessionService (Python or JavaScript)",
    `CREATE TABLE adk_internal_metadata (key VARCHAR(128) PRIMARY KEY, value VARCHAR(256)); ${shared('DATETIME')}`,
  ],
};

async function make(script: string): Promise<string> {
  const file = on.file();
  const db = await connect(file);
  await db.exec(script);
  await db.close();
  return file;
}

const contentOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

describe.each(Object.entries(FILES))('a file of %s', (_, [program, script]) => {
  const refused = {
    name: 'StoreError',
    code: 'ADK_SCHEMA_MISMATCH',
    message: expect.stringMatching(/^(?=.*import)(?=.*foreignTables: 'beside')/),
  };

  test('is refused by the service and the store, and stays byte for byte, journal mode included', async () => {
    const file = await make(script);
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
    const file = await make(script);
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

  test("holds the tables of all stores with foreignTables: 'beside', which later ones take as they are", async () => {
    const file = await make(script);
    const pool = createPool(file);
    await new MemoryStore(pool, { foreignTables: 'beside' }).createTables();
    await new ArtifactStore(pool).createTables();
    await new SessionStore(pool).createTables();
    await pool.close();
  });

  test("holds those of services on one session store with foreignTables: 'beside'", async () => {
    const pool = createPool(await make(script));
    const memory = new SqliteMemoryService(new SessionStore(pool, { foreignTables: 'beside' }));
    expect(await memory.searchMemory({ appName: 'app', userId: 'ada', query: 'tea' })).toEqual({ memories: [] });
    await pool.close();
  });

  test("holds our tables, too, with foreignTables: 'beside'", async () => {
    const file = await make(script);
    const service = new SqliteSessionService({ database: file, foreignTables: 'beside' });
    const session = await service.createSession(key);
    await service.appendEvent({ session, event: event('e1') as never });
    await service.close();
    // Whoever opens it next finds our tables there.
    const again = new SqliteSessionService(file);
    expect((await again.getSession(key))?.events).toHaveLength(1);
    await again.close();
    const db = await connect(file);
    const [theirs] = await db.all<{ n: number }>(
      `SELECT count(*) AS n FROM ${script.includes('adk_session ') ? 'adk_session' : 'sessions'}`,
    );
    expect(theirs).toEqual({ n: 1 });
    await db.close();
  });
});

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

test('no file is made by looking at one that is not there', async () => {
  const pool = createPool({ database: on.file(), mustExist: true });
  expect(await rejection(new SessionStore(pool).createTables())).toMatchObject({ code: 'SQLITE_CANTOPEN' });
  expect(existsSync(on.file())).toBe(false);
  await pool.close();
});

test('a pool that is open already, or in memory, is looked at through itself', async () => {
  for (const database of [on.file(), ':memory:']) {
    const pool = createPool({ database });
    await pool.exec(FILES.SQLSpec?.[1] as string);
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
