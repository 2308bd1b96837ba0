import { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, ids, key, makeStore, sqliteTest } from './fixtures.js';

const on = databases();
let store: SessionStore;
beforeEach(async () => {
  store = await makeStore(on.pool());
});

describe('createSession()', () => {
  test('resolves to what is stored', async () => {
    const before = Date.now();
    const session = await store.createSession({ ...key, state: { cart: ['tea'], none: null } });
    expect(session).toEqual({
      id: 's1',
      appName: 'app',
      userId: 'ada',
      state: { cart: ['tea'], none: null },
      createTime: expect.any(Number),
      updateTime: session.createTime,
      revision: 1,
    });
    expect(session.createTime).toBeGreaterThanOrEqual(before);
    expect(session.createTime).toBeLessThanOrEqual(Date.now());
    expect(await store.getSession(key)).toEqual(session);
  });

  test('takes a time of creation, as an import needs it', async () => {
    const createTime = 1_600_000_000_123;
    const session = await store.createSession({ ...key, createTime });
    expect(session).toMatchObject({ createTime, updateTime: createTime });
    expect(await store.getSession(key)).toEqual(session);
    await store.createSession({ ...key, createTime: 1, ifExists: 'return' });
    await store.appendEvent(event('e1', { timestamp: 1_700_000_000_000 }));
    expect(await store.getSession(key)).toMatchObject({ createTime, updateTime: 1_700_000_000_000 });
  });

  test('makes up an id where none is given', async () => {
    const [one, other] = await Promise.all([
      store.createSession({ appName: 'app', userId: 'ada' }),
      store.createSession({ appName: 'app', userId: 'ada', sessionId: '' }),
    ]);
    for (const { id } of [one, other]) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(one.id).not.toBe(other.id);
  });

  async function checkId(sessionId: string) {
    const odd = { appName: sessionId, userId: sessionId, sessionId };
    await store.createSession(odd);
    await store.appendEvent(event(sessionId, odd));
    expect(await store.loadSession(odd)).toMatchObject({
      session: { id: sessionId, appName: sessionId, userId: sessionId },
      events: [{ id: sessionId }],
    });
    expect(await store.countSessions({ appName: sessionId, userId: sessionId })).toBe(1);
    expect(await store.deleteSession(odd)).toBe(true);
  }

  test.each([' s1 ', "'; DROP TABLE adk_sessions; --", '"', '%', '\u{1f600}', '\n', 'x'.repeat(800)])(
    'keeps the id %j exactly',
    checkId,
  );
  sqliteTest('keeps ids with U+0000, and long ones', async () => {
    await checkId('a\u0000b');
    await checkId('x'.repeat(10_000));
  });

  test('rejects a session that exists, and leaves everything as it is', async () => {
    await store.createSession({ ...key, state: { a: 1 } });
    const error = await rejection(store.createSession({ ...key, state: { b: 2 }, app: { c: 3 }, user: { d: 4 } }));
    expect(error).toMatchObject({
      name: 'StoreError',
      code: 'ADK_SESSION_EXISTS',
      message: 'Session s1 already exists',
    });
    expect(await store.loadSession(key)).toMatchObject({
      session: { state: { a: 1 }, revision: 1 },
      appState: {},
      userState: {},
    });
  });

  test("with ifExists: 'return' finds it instead, and still changes nothing", async () => {
    const first = await store.createSession({ ...key, state: { a: 1 }, ifExists: 'return' });
    await store.updateAppState('app', { x: 1 });
    const second = await store.createSession({ ...key, state: { b: 2 }, app: { c: 3 }, ifExists: 'return' });
    expect(second).toEqual(first);
    expect(await store.getAppState('app')).toEqual({ x: 1 });
  });

  sqliteTest("with ifExists: 'return' reads no events, of which one may be damaged", async () => {
    await store.createSession(key);
    await store.appendEvent(event('e1'));
    const db = await on.connect();
    await db.run("UPDATE adk_events SET content = '{'");
    expect(await store.createSession({ ...key, ifExists: 'return' })).toMatchObject({ id: 's1', revision: 2 });
  });

  test("gives any number of concurrent callers with ifExists: 'return' one session", async () => {
    const calls = Array.from({ length: 50 }, (_, at) =>
      store.createSession({ ...key, state: { at }, ifExists: 'return' }),
    );
    const sessions = await Promise.all(calls);
    expect(new Set(sessions.map(({ state }) => state.at)).size).toBe(1);
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
  });

  test('gives exactly one of any number of concurrent callers the session otherwise', async () => {
    const calls = await Promise.allSettled(Array.from({ length: 50 }, () => store.createSession(key)));
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('merges deltas to app and user state in the same write', async () => {
    await store.updateAppState('app', { kept: 1, replaced: { deep: 1 } });
    await store.createSession({ ...key, app: { replaced: { other: 2 }, none: null }, user: { language: 'en' } });
    expect(await store.getAppState('app')).toEqual({ kept: 1, replaced: { other: 2 }, none: null });
    expect(await store.getUserState('app', 'ada')).toEqual({ language: 'en' });
  });

  test('lets another user, or another app, have the same session id', async () => {
    await store.createSession({ ...key, state: { of: 'ada' } });
    await store.createSession({ ...key, userId: 'bob', state: { of: 'bob' } });
    await store.createSession({ ...key, appName: 'other', state: { of: 'other' } });
    expect((await store.getSession(key))?.state).toEqual({ of: 'ada' });
    expect((await store.getSession({ ...key, userId: 'bob' }))?.state).toEqual({ of: 'bob' });
  });

  test('stores what the state was at the call', async () => {
    const state = { list: [1] };
    const creating = store.createSession({ ...key, state });
    state.list.push(2);
    expect((await creating).state).toEqual({ list: [1] });
    expect((await store.getSession(key))?.state).toEqual({ list: [1] });
  });
});

describe('getSession()', () => {
  test('resolves to undefined for one that is not there', async () => {
    expect(await store.getSession(key)).toBeUndefined();
    expect(await store.loadSession(key)).toBeUndefined();
  });

  test('never shares objects between two results', async () => {
    await store.createSession({ ...key, state: { list: [] } });
    const [one, other] = [await store.getSession(key), await store.getSession(key)];
    (one as any).state.list.push(1);
    expect(other?.state).toEqual({ list: [] });
  });
});

describe('updateSessionState()', () => {
  test('replaces the whole state, with keys as they are, and raises the revision', async () => {
    const { updateTime } = await store.createSession({ ...key, state: { a: 1, b: 2 } });
    await store.updateSessionState(key, { b: 3, 'app:x': 4, 'temp:y': 5 });
    const session = await store.getSession(key);
    expect(session).toMatchObject({ state: { b: 3, 'app:x': 4, 'temp:y': 5 }, revision: 2 });
    expect(session?.updateTime).toBeGreaterThanOrEqual(updateTime);
    expect(await store.getAppState('app')).toEqual({});
  });

  test('rejects a session that is not there', async () => {
    expect(await rejection(store.updateSessionState(key, {}))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
      message: 'Session s1 not found',
    });
  });
});

describe('deleteSession()', () => {
  test('deletes the events too, and nothing of others', async () => {
    const other = { ...key, userId: 'bob' };
    await store.createSession(key);
    await store.createSession(other);
    await store.appendEvent(event('e1'));
    await store.appendEvent(event('e1', other));
    expect(await store.deleteSession(key)).toBe(true);
    expect(await store.deleteSession(key)).toBe(false);
    expect(await store.getEvents(key)).toEqual([]);
    expect(ids(await store.getEvents(other))).toEqual(['e1']);
  });

  sqliteTest('leaves no events behind on a connection without foreign keys', async () => {
    const db = await on.connect({ foreignKeys: false });
    const plain = new SessionStore(db);
    await plain.createSession(key);
    await plain.appendEvent(event('e1'));
    await plain.deleteSession(key);
    expect(await db.get('SELECT count(*) AS n FROM adk_events')).toEqual({ n: 0 });
  });

  test('makes room for a new session of the same name, which is another one', async () => {
    await store.createSession({ ...key, state: { old: true } });
    const { revision } = await store.appendEvent(event('e1'));
    await store.deleteSession(key);
    await store.createSession(key);
    expect(await store.loadSession(key)).toMatchObject({ session: { state: {} }, events: [] });
    await store.appendEvent(event('e2'));
    expect(await rejection(store.appendEvent(event('e3'), {}, { expectedRevision: revision + 1 }))).toMatchObject({
      code: 'ADK_STALE_SESSION',
    });
  });
});
