/** SQLSpec's settings name its tables: the same files under other names. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Pool } from 'aiosqlite';
import { importSessions, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { makeStore } from '../fixtures.js';
import { contentsOf, fixture } from './support.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ database: on.file('target.db') });
  store = await makeStore(pool);
});

const LATE = {
  adk_session: 'chat',
  adk_event: 'chat_turns',
  adk_app_state: 'chat_apps',
  adk_user_state: 'chat_users',
  adk_memory: 'odd "name", of memory',
};
const EARLY = { adk_sessions: 'chat', adk_events: 'chat_turns', adk_memory_entries: 'notes' };

async function renamed(name: string, tables: object): Promise<string> {
  const file = fixture(name, on.file('source'));
  await using db = await connect(file);
  for (const [from, to] of Object.entries(tables)) {
    await db.exec(`ALTER TABLE "${from}" RENAME TO "${String(to).replaceAll('"', '""')}"`);
  }
  return file;
}

describe.each([
  ['sqlspec', 'sqlspec.db', LATE],
  ['sqlspec', 'sqlspec.db', { ...LATE, adk_session: 'sessions', adk_event: 'events' }],
  ['sqlspec', 'sqlspec.db', { adk_memory: 'notes', adk_user_state: 'people' }],
  ['sqlspec-0.42', 'sqlspec-0.45.db', EARLY],
  ['sqlspec-0.27', 'sqlspec-0.41.db', EARLY],
  ['sqlspec-0.27', 'sqlspec-0.41.db', { ...EARLY, adk_sessions: 'sessions', adk_events: 'events' }],
])('a file of %s (%s)', (format, name, tables) => {
  test('with tables of other names is read as one with the default names', async () => {
    const other = new SessionStore(on.pool({ database: on.file('other.db') }));
    await other.createTables();
    const expected = await importSessions(fixture(name, on.file('default')), other);
    const file = await renamed(name, tables);
    const before = contentsOf(on.file('source'));
    const report = await importSessions(file, store);
    expect(report).toMatchObject({ format, sessions: expected.sessions, events: expected.events });
    expect(report.memory).toEqual(expected.memory);
    expect(report.memory?.converted).toBeGreaterThan(0);
    for (const { appName } of await other.listApps()) {
      expect(await store.getAppState(appName)).toEqual(await other.getAppState(appName));
      expect(await store.listSessions({ appName })).toEqual(await other.listSessions({ appName }));
    }
    expect(contentsOf(on.file('source'))).toEqual(before);
  });
});

describe('a file with two stores', () => {
  /** The default tables, and a second store whose session has the id of the first one's. */
  async function two(prefixed: string): Promise<string> {
    const file = fixture('sqlspec.db', on.file('source'));
    await using db = await connect(file);
    await db.exec(`
      CREATE TABLE ${prefixed}_session (id TEXT PRIMARY KEY, app_name TEXT, user_id TEXT, state TEXT, create_time REAL, update_time REAL);
      CREATE TABLE ${prefixed}_event (id TEXT PRIMARY KEY, app_name TEXT, user_id TEXT, session_id TEXT, invocation_id TEXT,
        timestamp REAL, event_data TEXT, FOREIGN KEY (session_id) REFERENCES ${prefixed}_session (id) ON DELETE CASCADE);
      CREATE TABLE ${prefixed}_app_state (app_name TEXT PRIMARY KEY, state TEXT, update_time REAL);
      INSERT INTO ${prefixed}_session VALUES ('s1', 'second', 'ada', '{}', 2460000.5, 2460000.5);
      INSERT INTO ${prefixed}_event VALUES ('e1', 'second', 'ada', 's1', 'i1', 2460000.5, '{"author":"user"}');
      INSERT INTO ${prefixed}_app_state VALUES ('second', '{"app:colour":"red"}', 2460000.5);`);
    return file;
  }

  test('needs the name of the table of sessions, and reads what belongs to it', async () => {
    const file = await two('second');
    const error = await rejection(importSessions(file, store));
    expect(error).toMatchObject({ code: 'ADK_IMPORT_SOURCE' });
    expect(error.message).toMatch(/adk_session.*second_session|second_session.*adk_session/);
    expect(error.message).toContain('--table');
    expect(await store.listApps()).toEqual([]);

    const report = await importSessions(file, store, { table: 'Second_Session' });
    expect(report).toMatchObject({
      format: 'sqlspec',
      sessions: { converted: 1 },
      events: { converted: 1 },
      refused: [],
    });
    expect(report.memory).toBeUndefined();
    expect(await store.getAppState('second')).toEqual({ colour: 'red' });
    expect(await importSessions(file, store, { table: 'adk_session' })).toMatchObject({ sessions: { converted: 3 } });
  });

  test('refuses a name that is none of them', async () => {
    const error = await rejection(importSessions(await two('second'), store, { table: 'third' }));
    expect(error).toMatchObject({
      code: 'ADK_IMPORT_SOURCE',
      message: expect.stringContaining('no sessions in a table'),
    });
    const misuse = await rejection(importSessions(on.file('none'), store, { table: 7 } as never));
    expect(misuse.message).toContain('options.table');
  });
});

describe('of several stores with tables of other names,', () => {
  const ALL = ['app_state', 'user_state', 'mem'];

  /** Each with its sessions and events, and beside them the given tables. */
  async function stores(tables: Record<string, string[]>): Promise<string> {
    await using db = await connect(on.file('stores.db'));
    for (const [name, beside] of Object.entries(tables)) {
      await db.exec(`
        CREATE TABLE ${name}_sessions (id TEXT PRIMARY KEY, app_name TEXT, user_id TEXT, state TEXT, create_time REAL, update_time REAL);
        CREATE TABLE ${name}_events (id TEXT PRIMARY KEY, app_name TEXT, session_id TEXT REFERENCES ${name}_sessions (id),
          invocation_id TEXT, timestamp REAL, event_data TEXT);
        INSERT INTO ${name}_sessions VALUES ('${name}', 'app', 'ada', '{}', 2460000.5, 2460000.5);`);
      const columns: Record<string, string> = {
        app_state: '(app_name, state, update_time); INSERT INTO %s VALUES (\'app\', \'{"of":"%"}\', 2460000.5)',
        user_state:
          "(app_name, user_id, state, update_time); INSERT INTO %s VALUES ('app', 'ada', '{\"of\":\"%\"}', 2460000.5)",
        mem: `(id, session_id, app_name, user_id, event_id, author, timestamp, content_json, content_text, metadata_json);
          INSERT INTO %s VALUES ('m-%', '%', 'app', 'ada', 'e1', 'user', 2460000.5, '{"parts":[{"text":"of %"}]}', 'of %', NULL)`,
      };
      for (const table of beside) {
        const sql = `CREATE TABLE %s ${columns[table]}`;
        await db.exec(sql.replaceAll('%s', `${name}_${table}`).replaceAll('%', name));
      }
    }
    return on.file('stores.db');
  }

  const statesOf = async () => [await store.getAppState('app'), await store.getUserState('app', 'ada')];

  test('one without memory and states takes none of another', async () => {
    const file = await stores({ shop: ALL, blog: [] });
    const report = await importSessions(file, store, { table: 'blog_sessions' });
    expect(report).toMatchObject({ format: 'sqlspec', sessions: { converted: 1 }, refused: [] });
    expect(report.memory).toBeUndefined();
    expect(await statesOf()).toEqual([{}, {}]);
    const other = await importSessions(file, store, { table: 'shop_sessions' });
    expect(other).toMatchObject({ sessions: { converted: 1 }, memory: { converted: 1 }, refused: [] });
    expect(await statesOf()).toEqual([{ of: 'shop' }, { of: 'shop' }]);
  });

  test('each has the memory whose name is nearest to its own, and one with the default names none of theirs', async () => {
    const file = await stores({ shop: ALL, shop_blog: ['mem'], adk: [] });
    const report = await importSessions(file, store, { table: 'shop_blog_sessions' });
    expect(report).toMatchObject({ sessions: { converted: 1 }, memory: { read: 1, converted: 1 } });
    const adk = await importSessions(file, store, { table: 'adk_sessions' });
    expect(adk.memory).toBeUndefined();
  });

  test('two share a memory whose name is as near to both: each has the entries of its own sessions', async () => {
    const file = await stores({ shop: [], blog: ['mem'] });
    {
      await using db = await connect(file);
      await db.exec(`ALTER TABLE blog_mem RENAME TO notes;
        INSERT INTO notes SELECT 'm-shop', 'shop', app_name, user_id, event_id, author, timestamp, content_json, content_text, NULL FROM notes;
        INSERT INTO notes SELECT 'm-none', 'none', app_name, user_id, event_id, author, timestamp, content_json, content_text, NULL FROM notes LIMIT 1;
        INSERT INTO blog_sessions SELECT 'both', app_name, user_id, state, create_time, update_time FROM blog_sessions;
        INSERT INTO shop_sessions SELECT * FROM blog_sessions WHERE id = 'both';
        INSERT INTO notes SELECT 'm-both', 'both', app_name, user_id, event_id, author, timestamp, content_json, content_text, NULL FROM notes LIMIT 1`);
    }
    for (const name of ['blog', 'shop']) {
      const report = await importSessions(file, store, { table: `${name}_sessions` });
      expect(report).toMatchObject({ sessions: { refused: 0 }, memory: { read: 3, converted: 1, refused: 2 } });
      expect(report.refused.map(({ table, row }) => [table, row])).toEqual([
        ['notes', 'm-none'],
        ['notes', 'm-both'],
      ]);
      for (const { reason } of report.refused)
        expect(reason).toMatch(/may belong to .*(blog|shop)_sessions or (blog|shop)_sessions/);
    }
    expect(await pool.all('SELECT id FROM adk_memory ORDER BY id')).toEqual([{ id: 'm-blog' }, { id: 'm-shop' }]);
  });

  test('two share states whose names are as near to both: each has those of its own apps and users', async () => {
    const file = await stores({ shop: [], blog: ['app_state', 'user_state'] });
    {
      await using db = await connect(file);
      await db.exec(`ALTER TABLE blog_app_state RENAME TO apps; ALTER TABLE blog_user_state RENAME TO users;
        UPDATE shop_sessions SET user_id = 'bob';
        INSERT INTO blog_sessions SELECT 'own', 'blog', 'ada', state, create_time, update_time FROM blog_sessions;
        INSERT INTO apps VALUES ('blog', '{"of":"blog"}', 2460000.5);
        INSERT INTO users VALUES ('app', 'bob', '{"of":"shop"}', 2460000.5)`);
    }
    const unclear = { table: 'apps', row: 'app', reason: expect.stringContaining('blog_sessions') };
    const shop = await importSessions(file, store, { table: 'shop_sessions' });
    expect(shop.refused).toEqual([unclear]);
    expect(await store.getUserState('app', 'bob')).toEqual({ of: 'shop' });
    expect([await store.getAppState('blog'), ...(await statesOf())]).toEqual([{}, {}, {}]);
    const blog = await importSessions(file, store, { table: 'blog_sessions' });
    expect(blog.refused).toEqual([unclear]);
    expect([await store.getAppState('blog'), ...(await statesOf())]).toEqual([{ of: 'blog' }, {}, { of: 'blog' }]);
  });
});

test('a file that two versions of SQLSpec have used is read in two steps', async () => {
  const file = fixture('sqlspec.db', on.file('source'));
  const old = fixture('sqlspec-0.45.db', on.file('source'));
  mkdirSync(on.file('both'));
  const both = join(on.file('both'), 'both.db');
  copyFileSync(file, both);
  {
    await using db = await connect(both);
    await db.exec(`ATTACH '${old}' AS old`);
    for (const { sql, name } of await db.all<{ sql: string; name: string }>(
      "SELECT sql, name FROM old.sqlite_schema WHERE type = 'table' AND name NOT IN (SELECT name FROM main.sqlite_schema)",
    )) {
      await db.exec(sql);
      await db.exec(`INSERT INTO main."${name}" SELECT * FROM old."${name}"`);
    }
  }
  expect((await rejection(importSessions(both, store))).message).toMatch(/two kinds: .*--table/);
  const next = await importSessions(both, store, { table: 'adk_session' });
  expect(next).toMatchObject({ format: 'sqlspec', sessions: { converted: 3 } });
  const first = await importSessions(both, store, { table: 'adk_sessions' });
  expect(first).toMatchObject({ format: 'sqlspec-0.42' });
  expect(first.sessions.read).toBe(3);
});

test('a file of ADK has its sessions in the table that ADK gives them', async () => {
  const file = fixture('adk-python-v1.db', on.file('source'));
  expect(await importSessions(file, store, { table: 'sessions' })).toMatchObject({ sessions: { converted: 3 } });
  expect((await rejection(importSessions(file, store, { table: 'events' }))).message).toContain(
    'no sessions in a table',
  );
});
