import { readFileSync } from 'node:fs';
import type { Pool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key, makeStore } from './fixtures.js';

const on = databases();
let pool: Pool;
beforeEach(() => {
  pool = on.pool();
});

const schema = () => pool.all('SELECT type, name, sql FROM sqlite_schema ORDER BY name');

describe('createTables()', () => {
  test('makes tables of the columns that are documented', async () => {
    await makeStore(pool);
    const columns = await pool.all<{ tbl: string; columns: string }>(
      `SELECT t.name AS tbl, group_concat(c.name, ' ') AS columns FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
       WHERE t.name LIKE 'adk%' AND t.type = 'table' GROUP BY t.name`,
    );
    expect(Object.fromEntries(columns.map(({ tbl, columns }) => [tbl, columns]))).toEqual({
      adk_sessions: 'session_key id app_name user_id state create_time update_time revision initial_state',
      adk_events:
        'seq session_key id session_id app_name user_id invocation_id author actions long_running_tool_ids_json branch timestamp ' +
        'content grounding_metadata custom_metadata partial turn_complete interrupted error_code error_message extra',
      adk_app_states: 'app_name state update_time',
      adk_user_states: 'app_name user_id state update_time',
      adk_metadata: 'key value',
      adk_rewound_events:
        'seq session_key rewind_key id session_id app_name user_id invocation_id author actions long_running_tool_ids_json branch ' +
        'timestamp content grounding_metadata custom_metadata partial turn_complete interrupted error_code error_message extra',
      adk_sessions_changes: 'change_key session_key seq kind value removed revision time undone_by',
    });
    expect(await pool.all('SELECT * FROM adk_metadata')).toEqual([{ key: 'schema_version', value: '2' }]);
  });

  test('stores times as Julian Days and actions as JSON bytes', async () => {
    const store = await makeStore(pool);
    await store.createSession(key);
    const timestamp = Date.UTC(2024, 1, 29, 12, 30, 15, 125);
    await store.appendEvent(event('e1', { timestamp, actions: { é: 1 } }));
    const row = await pool.get(
      `SELECT strftime('%Y-%m-%d %H:%M:%f', timestamp) AS time, typeof(actions) AS type, hex(actions) AS hex, update_time = timestamp AS same
       FROM adk_events JOIN adk_sessions USING (session_key)`,
    );
    const hex = Buffer.from('{"é":1}').toString('hex').toUpperCase();
    expect(row).toEqual({ time: '2024-02-29 12:30:15.125', type: 'blob', hex, same: 1 });
  });

  test('changes nothing when all is there', async () => {
    await makeStore(pool);
    const [before, { commits }] = [await schema(), pool.stats()];
    await makeStore(pool);
    expect(await schema()).toEqual(before);
    expect(pool.stats().commits).toBe(commits);
  });

  test('may be called by many at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => makeStore(pool)));
    await makeStore(on.pool());
    expect(await pool.get("SELECT count(*) AS n FROM adk_metadata WHERE key = 'schema_version'")).toEqual({ n: 1 });
  });

  test('may be called by many processes at once', async () => {
    const children = Array.from({ length: 4 }, () =>
      run(new URL('./children/create-tables.mjs', import.meta.url), [on.file('raced.db')]),
    );
    for (const { code, stdout, stderr } of await Promise.all(children)) {
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'done\n', stderr: '' });
    }
  });

  test('adds what is missing beside tables that are there', async () => {
    const store = await makeStore(pool);
    await store.createSession(key);
    const complete = await schema();
    await pool.exec(
      'DROP INDEX adk_events_session_seq; DROP TRIGGER adk_sessions_counted_delete; DROP TABLE adk_app_states;',
    );
    await store.createTables();
    expect(await schema()).toEqual(complete);
    expect(await store.getSession(key)).toBeDefined();
  });

  test('works inside a transaction of the caller, and is undone with it', async () => {
    const store = new SessionStore(pool);
    const undone = pool.transaction(async (tx) => {
      await store.with(tx).createTables();
      await store.with(tx).createSession(key);
      throw new Error('undo');
    });
    await rejection(undone);
    expect(await schema()).toEqual([]);
    await pool.transaction((tx) => store.with(tx).createTables());
    expect(await store.getSession(key)).toBeUndefined();
  });

  test('needs no write on a file that is only read', async () => {
    const store = await makeStore(pool);
    await store.createSession(key);
    const reader = new SessionStore(await on.connect({ readonly: true }));
    await reader.createTables();
    expect(await reader.getSession(key)).toMatchObject({ id: 's1' });
  });

  test('uses only what any SQLite has: another program can write to the tables', async () => {
    await makeStore(pool);
    const tables = await pool.all<{ sql: string | null }>(
      "SELECT sql FROM sqlite_schema WHERE sql LIKE '%json_merge%'",
    );
    expect(tables).toEqual([]);
  });
});

describe('tables that are not ours', () => {
  /** The file, byte for byte, once all is checkpointed. */
  async function content(): Promise<string> {
    await pool.withConnection((db) => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
    return readFileSync(on.file()).toString('base64');
  }

  test.each<[string, string, string]>([
    [
      'sessions of another kind',
      'CREATE TABLE adk_sessions (id TEXT PRIMARY KEY, app_name TEXT, user_id TEXT, state TEXT, create_time REAL, update_time REAL)',
      'Table adk_sessions is another one: it lacks session_key INTEGER, lacks revision INTEGER',
    ],
    [
      'a column of another type',
      'CREATE TABLE adk_metadata (key TEXT PRIMARY KEY, value INTEGER NOT NULL)',
      'Table adk_metadata is another one: it lacks value TEXT, has value INTEGER',
    ],
    [
      'a column more',
      'CREATE TABLE adk_app_states (app_name TEXT PRIMARY KEY, state TEXT, update_time REAL, extra TEXT)',
      'Table adk_app_states is another one: it has extra TEXT',
    ],
    ['a view', 'CREATE VIEW ADK_EVENTS AS SELECT 1 AS id', 'Table adk_events is another one: it lacks seq INTEGER'],
  ])('are refused: %s', async (_, sql, message) => {
    await pool.exec(`${sql}; CREATE TABLE other (x); INSERT INTO other VALUES (1);`);
    const before = await content();
    const store = new SessionStore(pool);
    for (const call of [() => store.createTables(), () => store.dropTables()]) {
      expect(await rejection(call())).toMatchObject({
        name: 'StoreError',
        code: 'ADK_SCHEMA_MISMATCH',
        message: expect.stringContaining(message),
      });
    }
    expect(await content()).toBe(before);
  });

  test.each(['3', '99', 'x'])('are refused: schema_version %j', async (version) => {
    const store = await makeStore(pool);
    await pool.run("UPDATE adk_metadata SET value = ? WHERE key = 'schema_version'", [version]);
    await pool.exec('ALTER TABLE adk_events ADD COLUMN new TEXT');
    const before = await content();
    for (const call of [() => store.createTables(), () => store.dropTables()]) {
      expect(await rejection(call())).toMatchObject({
        code: 'ADK_SCHEMA_VERSION',
        message: `Table adk_metadata has schema_version ${version}; this version of aiosqlite knows 2`,
      });
    }
    expect(await content()).toBe(before);
  });

  test('are refused: an owner column that this store does not know of, or knows otherwise', async () => {
    await makeStore(pool, { ownerIdColumn: 'tenant_id INTEGER' });
    expect(await rejection(makeStore(pool))).toMatchObject({
      code: 'ADK_SCHEMA_MISMATCH',
      message: expect.stringContaining('has tenant_id INTEGER'),
    });
    expect(await rejection(makeStore(pool, { ownerIdColumn: 'owner TEXT' }))).toMatchObject({
      code: 'ADK_SCHEMA_MISMATCH',
    });
  });
});

describe('dropTables()', () => {
  test('leaves nothing of the store, and everything else', async () => {
    await pool.exec('CREATE TABLE other (x)');
    const before = await schema();
    const store = await makeStore(pool);
    await store.createSession(key);
    await store.appendEvent(event('e1'));
    await store.dropTables();
    expect((await schema()).filter(({ name }) => name !== 'sqlite_sequence')).toEqual(before);
    await store.dropTables();
    await store.createTables();
    await store.createSession(key);
    for (const id of ['e1', 'e1']) await store.appendEvent(event(id));
    expect(await store.getEvents(key)).toHaveLength(1);
  });
});
