import { readFileSync } from 'node:fs';
import { julianDay, type Pool } from 'aiosqlite';
import { ArtifactStore, MemoryStore, type SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { all, event, key, makeStore, sqliteDescribe, sqliteTest, storable, within } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
});

const tables = ['adk_sessions', 'adk_events', 'adk_app_states', 'adk_user_states', 'adk_metadata'];
/** Every row of the store that mentions a text. */
async function mentions(text: string): Promise<number> {
  const rows = await Promise.all(tables.map((table) => all(pool, `SELECT * FROM ${table}`)));
  return rows.flat().filter((row) => JSON.stringify(Object.values(row)).includes(text)).length;
}

describe('deleteUser()', () => {
  test('deletes sessions, events and user state, of this user of this app alone', async () => {
    for (const [appName, userId] of [
      ['app', 'ada'],
      ['app', 'ada2'],
      ['app', 'bob'],
      ['other', 'ada'],
    ] as const) {
      for (const sessionId of ['s1', 's2']) {
        const session = { appName, userId, sessionId };
        await store.createSession({ ...session, state: { a: 1 }, user: { email: `${userId}@${appName}` } });
        await store.appendEvent(event('e1', session));
      }
    }
    await store.updateAppState('app', { currency: 'EUR' });
    const before = await mentions('ada');
    expect(before).toBeGreaterThanOrEqual(3 * (2 + 2 + 1));
    expect(await store.deleteUser({ appName: 'app', userId: 'ada' })).toEqual({ sessions: 2 });
    expect(await store.getUserState('app', 'ada')).toEqual({});
    expect(await store.countSessions({ appName: 'app', userId: 'ada' })).toBe(0);
    expect(await mentions('ada')).toBe((before * 2) / 3);
    expect(await store.listUsers({ appName: 'app' })).toEqual([
      { userId: 'ada2', sessions: 2 },
      { userId: 'bob', sessions: 2 },
    ]);
    expect(await store.getAppState('app')).toEqual({ currency: 'EUR' });
    expect(await store.deleteUser({ appName: 'app', userId: 'ada' })).toEqual({ sessions: 0 });
  });

  sqliteTest('leaves no content in the file nor in its WAL, once a checkpoint has run', async () => {
    const secret = 'a secret of some length that is easy to find';
    await store.createSession({ ...key, state: { secret }, user: { secret } });
    for (let i = 0; i < 30; i += 1) await store.appendEvent(event(`e${i}`, { content: { text: `${secret} ${i}` } }));
    await pool.checkpoint();
    expect(readFileSync(on.file()).includes(secret)).toBe(true);
    await store.deleteUser({ appName: 'app', userId: 'ada' });
    await pool.checkpoint();
    for (const file of [on.file(), `${on.file()}-wal`]) expect(readFileSync(file).includes(secret)).toBe(false);
  });

  sqliteTest('leaves nothing of events that a rewind has removed, once or put back in between', async () => {
    const secret = 'a secret of some length that is easy to find';
    for (const isUndone of [false, true]) {
      await store.createSession(key);
      for (let i = 0; i < 30; i += 1) {
        const content = { text: `${secret} ${'y'.repeat(i * 60)}` };
        await store.appendEvent(event(`e${i}`, { invocationId: `i${i}`, content }));
      }
      await store.rewind(key, { beforeInvocationId: 'i0' });
      if (isUndone) await store.undoRewind(key);
      await store.deleteUser({ appName: 'app', userId: 'ada' });
      await pool.checkpoint();
      for (const file of [on.file(), `${on.file()}-wal`]) expect(readFileSync(file).includes(secret)).toBe(false);
    }
  });

  sqliteTest("erases the user's memory and artifacts in the same file, of this user alone", async () => {
    const memory = new MemoryStore(pool);
    const artifacts = new ArtifactStore(pool);
    await memory.createTables();
    await artifacts.createTables();
    const secret = 'wordthatiserased';
    for (const userId of ['ada', 'bob']) {
      const owner = { appName: 'app', userId };
      const text = userId === 'ada' ? secret : 'kept';
      await store.createSession({ ...owner, sessionId: 's1' });
      await memory.add(
        Array.from({ length: 230 }, (_, at) => {
          return { id: `m${at}`, ...owner, scope: 'user', content: { parts: [{ text: `${text} ${at}` }] } };
        }),
      );
      await artifacts.save({ ...owner, sessionId: 's1', name: 'a' }, { text });
      await artifacts.save({ ...owner, sessionId: 'elsewhere', name: 'a' }, { text });
      for (let version = 0; version < 15; version += 1) await artifacts.save({ ...owner, name: 'a' }, { text });
    }
    await memory.add([{ id: 'm1', appName: 'app', userId: '', scope: 'app', content: { parts: [{ text: 'kept' }] } }]);
    expect(await store.deleteUser({ appName: 'app', userId: 'ada' })).toEqual({ sessions: 1 });
    expect(await memory.count({ appName: 'app', userId: 'ada' })).toBe(0);
    expect(await memory.count({ appName: 'app' })).toBe(231);
    expect(await pool.all('SELECT DISTINCT user_id FROM adk_artifacts')).toEqual([{ user_id: 'bob' }]);
    expect(await artifacts.load({ appName: 'app', userId: 'bob', name: 'a' })).toMatchObject({
      part: { text: 'kept' },
    });
    await pool.checkpoint();
    for (const file of [on.file(), `${on.file()}-wal`]) expect(readFileSync(file).includes(secret)).toBe(false);
  });

  test('deletes a state without sessions', async () => {
    await store.updateUserState('app', 'ada', { email: 'a@b' });
    expect(await store.deleteUser({ appName: 'app', userId: 'ada' })).toEqual({ sessions: 0 });
    expect(await mentions('ada')).toBe(0);
  });

  sqliteTest('goes in batches, so that writers never wait for all of it', async () => {
    const count = 230;
    const now = julianDay.encode(0);
    await pool.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO adk_sessions (id, app_name, user_id, create_time, update_time) SELECT 's' || i, 'app', 'ada', ?, ? FROM n`,
      [count, now, now],
    );
    const { commits } = pool.stats();
    expect(await store.deleteUser({ appName: 'app', userId: 'ada' })).toEqual({ sessions: count });
    expect(pool.stats().commits - commits).toBeGreaterThan(3);
    expect(await mentions('ada')).toBe(0);
  });

  test("works inside the caller's own transaction", async () => {
    await store.createSession(key);
    const failed = within(pool, store, async (inside) => {
      expect(await inside.deleteUser({ appName: 'app', userId: 'ada' })).toEqual({ sessions: 1 });
      throw new Error('no');
    });
    expect((await rejection(failed)).message).toBe('no');
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
  });

  test.each<[any, string]>([
    [undefined, 'key must be an object'],
    [{ userId: 'ada' }, 'appName must be a string, not undefined'],
    [{ appName: 'app' }, 'userId must be a string, not undefined'],
    [{ appName: 'app', userId: null }, 'userId must be a string, not null'],
  ])('rejects %j and deletes nothing', async (wrong, message) => {
    await store.createSession(key);
    expect(await rejection(store.deleteUser(wrong))).toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining(message),
    });
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
  });
});

sqliteDescribe('deleteSession() with memory', () => {
  test('erases the memory of the session in one transaction with its rest; without, memory stays', async () => {
    const memory = new MemoryStore(pool);
    await memory.createTables();
    const owner = { appName: 'app', userId: 'ada' };
    for (const sessionId of ['s1', 's2', 's3']) {
      await store.createSession({ ...owner, sessionId });
      const content = { parts: [{ text: `remembered ${sessionId}` }] };
      const records = Array.from({ length: 130 }, (_, at) => {
        return { id: `e${at}`, eventId: `e${at}`, ...owner, sessionId, scope: 'user' as const, content };
      });
      await memory.add(records);
    }
    expect(await store.deleteSession({ ...owner, sessionId: 's1' })).toBe(true);
    expect(await memory.count(owner)).toBe(3 * 130);
    expect(await store.deleteSession({ ...owner, sessionId: 's2', memory: true })).toBe(true);
    expect(await memory.count(owner)).toBe(2 * 130);
    expect(await store.deleteSession({ ...owner, sessionId: 's1', memory: true })).toBe(false);
    expect(await memory.count(owner)).toBe(130);
    expect(await store.deleteSession({ ...owner, sessionId: 's3', memory: true })).toBe(true);
    expect(await pool.all('SELECT * FROM adk_memory_scopes')).toEqual([]);
  });

  test('deletes the session of a file without a memory', async () => {
    await store.createSession(key);
    expect(await store.deleteSession({ ...key, memory: true })).toBe(true);
  });

  test('rejects another value than a boolean and deletes nothing', async () => {
    await store.createSession(key);
    expect(await rejection(store.deleteSession({ ...key, memory: 'yes' } as any))).toMatchObject({
      name: 'TypeError',
      message: 'memory must be a boolean, not string',
    });
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
  });
});

describe('listApps() and listUsers()', () => {
  const odd = storable(['', ' ', '"', "'", '\0', 'a', 'a\0b', 'b', '[1]', '\u{1f600}', 'ä']);
  /** SQLite compares bytes. */
  const inOrder = (names: string[]) => [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  test('give every name with the number of its sessions, in the order of the names', async () => {
    expect(await store.listApps()).toEqual([]);
    expect(await store.listUsers({ appName: 'app' })).toEqual([]);
    for (const [at, name] of odd.entries()) {
      for (let i = 0; i <= at % 3; i += 1) {
        await store.createSession({ appName: 'app', userId: name });
        if (name !== 'app') await store.createSession({ appName: name, userId: 'ada' });
      }
    }
    const sessions = (name: string) => (odd.indexOf(name) % 3) + 1;
    const total = odd.reduce((sum, name) => sum + sessions(name), 0);
    expect(await store.listUsers({ appName: 'app' })).toEqual(
      inOrder(odd).map((userId) => ({ userId, sessions: sessions(userId) })),
    );
    expect(await store.listApps()).toEqual(
      inOrder([...odd, 'app']).map((appName) => ({ appName, sessions: appName === 'app' ? total : sessions(appName) })),
    );
  });

  test('listUsers() pages by the last user of the page before', async () => {
    for (let i = 10; i < 35; i += 1) await store.createSession({ appName: 'app', userId: `u${i}` });
    await store.createSession({ appName: 'app2', userId: 'u99' });
    const seen: string[] = [];
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await store.listUsers({ appName: 'app', limit: 10, ...(after !== undefined && { after }) });
      if (page.length === 0) break;
      seen.push(...page.map(({ userId }) => userId));
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => `u${i + 10}`));
    expect(await store.listUsers({ appName: 'app', limit: 0 })).toEqual([]);
    expect(await store.listUsers({ appName: 'app', after: 'u33' })).toEqual([{ userId: 'u34', sessions: 1 }]);
  });

  test.each<[any, string, string]>([
    [{}, 'TypeError', 'appName must be a string, not undefined'],
    [{ appName: 'app', limit: -1 }, 'RangeError', 'limit must be a whole number'],
    [{ appName: 'app', limit: '1' }, 'TypeError', 'limit must be a number, not string'],
    [{ appName: 'app', after: 1 }, 'TypeError', 'after must be a string, not number'],
  ])('listUsers() rejects %j', async (filter, name, message) => {
    expect(await rejection(store.listUsers(filter))).toMatchObject({ name, message: expect.stringContaining(message) });
  });
});
