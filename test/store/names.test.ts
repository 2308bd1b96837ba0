import { SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { event, ids, key, makeStore } from './fixtures.js';

const on = databases();
const make = (options: any) => new SessionStore(on.pool(), options);

describe('table names', () => {
  const tables = ['sessionsTable', 'eventsTable', 'appStatesTable', 'userStatesTable', 'metadataTable'];

  test.each([
    '',
    '1st',
    'a b',
    'a-b',
    'a"b',
    'a;b',
    'a\n',
    '\na',
    'a.b',
    'sessions--',
    'é',
    'a\u0000',
    'sqlite_sessions',
    'SQLITE_x',
    'x'.repeat(64),
  ])('can not be %j', (name) => {
    for (const option of tables) {
      expect(() => make({ [option]: name })).toThrow(
        expect.objectContaining({ name: 'StoreError', code: 'ADK_INVALID_NAME' }),
      );
    }
  });

  test.each([1, null, {}, []])('can not be %j, which is no string', (name) => {
    for (const option of tables) {
      const message = expect.stringContaining(`${option} must be a string`);
      expect(() => make({ [option]: name })).toThrow(expect.objectContaining({ name: 'TypeError', message }));
    }
  });

  test('must be five different ones, as SQLite compares names', () => {
    expect(() => make({ sessionsTable: 'same', eventsTable: 'SAME' })).toThrow('five different names');
    expect(() => make({ sessionsTable: 'ADK_EVENTS' })).toThrow('five different names');
  });

  test('can be anything else, keywords too, and stores of different names are independent', async () => {
    const pool = on.pool();
    const names = ['select', 'table', '_', 'index', 'x'.repeat(63)];
    const options = Object.fromEntries(tables.map((option, at) => [option, names[at]]));
    const [one, other] = [await makeStore(pool, options), await makeStore(pool)];
    await one.createSession({ ...key, state: { of: 'one' }, app: { of: 'one' }, user: { of: 'one' } });
    await other.createSession({ ...key, state: { of: 'other' } });
    await one.appendEvent(event('e1'), { session: { a: 1 } });
    expect(await one.loadSession(key)).toMatchObject({
      session: { state: { of: 'one', a: 1 } },
      appState: { of: 'one' },
    });
    expect(await other.loadSession(key)).toMatchObject({
      session: { state: { of: 'other' } },
      appState: {},
      events: [],
    });
    await one.dropTables();
    expect(await other.countSessions({ appName: 'app' })).toBe(1);
  });
});

describe('the owner column', () => {
  test.each([
    'tenant_id INTEGER REFERENCES tenants(id) ON DELETE CASCADE',
    '  "tenant_id"  TEXT',
    'tenant_id',
    "tenant_id TEXT NOT NULL DEFAULT 'it''s; not SQL -- here' CHECK (length(tenant_id) < 10 AND tenant_id <> ',')",
    'tenant_id DECIMAL(10, 2) DEFAULT (1 + 2)',
  ])('can be %j', async (ownerIdColumn) => {
    const pool = on.pool();
    await pool.exec('CREATE TABLE tenants (id INTEGER PRIMARY KEY); INSERT INTO tenants VALUES (5);');
    const store = await makeStore(pool, { ownerIdColumn });
    const owned = await store.createSession({ ...key, ownerId: 5 });
    expect(Number(owned.ownerId)).toBe(5);
    expect(await store.getSession(key)).toEqual(owned);
    expect((await store.listSessions({ appName: 'app' }))[0]).toEqual(owned);
    await makeStore(pool, { ownerIdColumn });
  });

  test.each([
    '',
    '   ',
    '; DROP TABLE x',
    'a; DROP TABLE x',
    'a TEXT, b TEXT',
    'a TEXT) --',
    'a TEXT -- x',
    'a TEXT /* x */',
    'a TEXT DEFAULT (1',
    'a TEXT DEFAULT 1)',
    "a TEXT DEFAULT 'x",
    'a "',
    'a TEXT [b]',
    'a `b`',
    'a TEXT\u0000',
    '1a TEXT',
    'a-b TEXT',
    '"a b" TEXT',
    'revision INTEGER',
    'STATE TEXT',
    'x'.repeat(64),
  ])('can not be %j', (ownerIdColumn) => {
    expect(() => make({ ownerIdColumn })).toThrow(expect.objectContaining({ code: 'ADK_INVALID_NAME' }));
  });

  test('may stay empty where it may be NULL', async () => {
    const store = await makeStore(on.pool(), { ownerIdColumn: 'tenant_id INTEGER' });
    expect(await store.createSession(key)).toMatchObject({ ownerId: null });
  });

  test('keeps values of every type', async () => {
    const store = await makeStore(on.pool(), { ownerIdColumn: 'tenant_id' });
    const values = [1, 1.5, 2n ** 60n, 'x', new Uint8Array([1, 2]), null];
    for (const [at, ownerId] of values.entries()) {
      expect((await store.createSession({ ...key, sessionId: `s${at}`, ownerId })).ownerId).toEqual(ownerId);
    }
    expect(ids(await store.listSessions({ appName: 'app' }))).toHaveLength(values.length);
  });

  test('must be there for an ownerId', async () => {
    const store = await makeStore(on.pool());
    await expect(store.createSession({ ...key, ownerId: 1 })).rejects.toThrow('ownerId must be absent');
  });
});
