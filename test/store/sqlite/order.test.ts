import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool } from 'aiosqlite';
import { MemoryStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { AcrossSessions } from '../../../src/store/sqlite/append/across-sessions.js';
import { start } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { event, ids, key, makeStore } from '../fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
  await store.createSession({ ...key, state: { at: 'created' } });
});

describe('an append that goes again, since another connection has written the session, comes before a later call of', () => {
  const b = () => store.appendEvent(event('b', { invocationId: 'i2' }), { session: { at: 'b' } });
  beforeEach(async () => {
    await store.appendEvent(event('a'));
    await new SessionStore(await on.connect()).appendEvent(event('x'));
  });
  const stored = async () => ids(await store.getEvents(key));
  const state = async () => (await store.getSession(key))?.state;

  test('appendEvent() and appendEvents()', async () => {
    await Promise.all([
      b(),
      store.appendEvents([event('c')]),
      store.appendEvent(event('d')),
      store.appendEvents([event('e')]),
    ]);
    expect(await stored()).toEqual(['a', 'x', 'b', 'c', 'd', 'e']);
  });

  test('appendEvents() of several sessions', async () => {
    const other = { ...key, sessionId: 's2' };
    await store.createSession(other);
    const begun = [b(), store.appendEvents([event('c', other), event('c')]), store.appendEvent(event('d', other))];
    await Promise.all(begun);
    expect(await stored()).toEqual(['a', 'x', 'b', 'c']);
    expect(ids(await store.getEvents(other))).toEqual(['c', 'd']);
  });

  test('mergeSessionState()', async () => {
    const [, merged] = await Promise.all([b(), store.mergeSessionState(key, { at: 'merged' })]);
    expect(merged.revision).toBe(5);
    expect(await state()).toEqual({ at: 'merged' });
  });

  test('updateSessionState()', async () => {
    await Promise.all([b(), store.updateSessionState(key, { at: 'replaced' })]);
    expect(await state()).toEqual({ at: 'replaced' });
  });

  test('deleteSession() and createSession()', async () => {
    const ends = await Promise.all([
      b(),
      store.deleteSession(key),
      store.createSession(key),
      store.appendEvent(event('c')),
    ]);
    expect(ends.map((end) => (end as { revision?: number }).revision ?? end)).toEqual([4, true, 1, 2]);
    expect(await stored()).toEqual(['c']);
  });

  test('createSession() that returns the session if it exists', async () => {
    const [, created] = await Promise.all([b(), store.createSession({ ...key, ifExists: 'return' })]);
    expect(created).toMatchObject({ revision: 4, state: { at: 'b' } });
  });

  test('rewind() and undoRewind()', async () => {
    const [, { removed }, { restored }] = await Promise.all([
      b(),
      store.rewind(key, { beforeInvocationId: 'i2' }),
      store.undoRewind(key),
    ]);
    expect([removed, restored]).toEqual([1, 1]);
    expect(await stored()).toEqual(['a', 'x', 'b']);
  });

  test('fork()', async () => {
    await Promise.all([b(), store.fork(key, { sessionId: 'fork' })]);
    expect(ids(await store.getEvents({ ...key, sessionId: 'fork' }))).toEqual(['a', 'x', 'b']);
  });

  test('deleteInvocation()', async () => {
    const [, deleted] = await Promise.all([b(), store.deleteInvocation(key, 'i2')]);
    expect(deleted).toBe(1);
    expect(await stored()).toEqual(['a', 'x']);
  });

  test('deleteUser(), and every call behind that one', async () => {
    const other = { ...key, sessionId: 's2' };
    await store.createSession(other);
    const ends = await Promise.allSettled([
      b(),
      store.deleteUser({ appName: 'app', userId: 'ada' }),
      store.appendEvent(event('c')),
      store.appendEvent(event('d', other)),
      store.createSession({ ...key, sessionId: 's3' }),
    ]);
    expect(ends.map((end) => (end.status === 'fulfilled' ? 'done' : end.reason.code))).toEqual([
      'done',
      'done',
      'ADK_SESSION_NOT_FOUND',
      'ADK_SESSION_NOT_FOUND',
      'done',
    ]);
    expect(ends[1]).toMatchObject({ value: { sessions: 2 } });
    expect(ids(await store.listSessions({ appName: 'app' }))).toEqual(['s3']);
  });

  test('deleteIdleSessions()', async () => {
    const idleSince = Date.now() + 1_000;
    const [, ...deleted] = await Promise.all([
      store.appendEvent(event('b', { timestamp: idleSince })),
      store.deleteIdleSessions({ idleSince, appName: 'app' }),
      store.deleteIdleSessions({ idleSince }),
    ]);
    expect(deleted).toEqual([0, 0]);
    expect(await stored()).toEqual(['a', 'x', 'b']);
  });

  test('deleteOldEvents()', async () => {
    const [, deleted] = await Promise.all([
      store.appendEvent(event('b', { timestamp: 1_000 })),
      store.deleteOldEvents({ before: 2_000 }),
    ]);
    expect(deleted).toBe(1);
    expect(await stored()).toEqual(['a', 'x']);
  });

  test('updateAppState(), updateUserState(), and createSession() with shared states', async () => {
    const at = (value: string) => ({ app: { app: value, later: value }, user: { user: value, later: value } });
    await Promise.all([
      store.appendEvent(event('b'), at('b')),
      store.updateAppState('app', { app: 'updated' }),
      store.updateUserState('app', 'ada', { user: 'updated' }),
      store.createSession({ ...key, sessionId: 's2', app: { later: 'created' }, user: { later: 'created' } }),
      store.appendEvent(event('c', { sessionId: 's2' }), { app: { last: 'c' }, user: { last: 'c' } }),
      store.updateAppState('app', { last: 'updated' }),
    ]);
    expect(await store.getAppState('app')).toEqual({ app: 'updated', later: 'created', last: 'updated' });
    expect(await store.getUserState('app', 'ada')).toEqual({ user: 'updated', later: 'created', last: 'c' });
    expect(await stored()).toEqual(['a', 'x', 'b']);
  });
});

describe('writes that wait for appends come before a later call', () => {
  const LONG =
    'INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT max(i) FROM n';
  beforeEach(() => pool.run('CREATE TABLE t (x)'));

  test('also after an append whose id was known, but is stored no more', async () => {
    for (const id of ['a', 'b', 'c']) await store.appendEvent(event(id, { invocationId: id }));
    await store.deleteInvocation(key, 'b');
    await store.appendEvent(event('d'));
    const again = store.appendEvent(event('b'));
    const long = pool.run(LONG);
    const behind = store.appendEvent(event('e'));
    const first = store.mergeSessionState(key, { at: 'first' });
    await again;
    const second = store.mergeSessionState(key, { at: 'second' });
    const ends = await Promise.all([long, behind, first, second]);
    expect(ends[3].revision).toBe(ends[2].revision + 1);
    expect((await store.getSession(key))?.state).toEqual({ at: 'second' });
  });

  test('also where the session was created again meanwhile', async () => {
    for (const id of ['a', 'b', 'c']) await store.appendEvent(event(id));
    const deleted = store.deleteSession(key);
    const created = store.createSession(key);
    const long = pool.run(LONG);
    const first = store.appendEvent(event('x'), { session: { at: 'first' } });
    await created;
    const second = store.appendEvent(event('y'), { session: { at: 'second' } });
    await Promise.all([deleted, long, first, second]);
    expect(ids(await store.getEvents(key))).toEqual(['x', 'y']);
    expect((await store.getSession(key))?.state).toEqual({ at: 'second' });
    await store.appendEvent(event('z'));
    expect((await store.getSession(key))?.revision).toBe(4);
  });
});

describe('a later call comes behind', () => {
  const other = { ...key, sessionId: 's2' };
  beforeEach(async () => {
    await store.createSession(other);
    await store.appendEvent(event('a'));
    await store.appendEvent(event('o', other));
    await new SessionStore(await on.connect()).appendEvent(event('x'));
  });

  test.each<[string, () => Promise<unknown>]>([
    ['updateAppState()', () => store.updateAppState('app', { at: 'later' })],
    ['an append of another session', () => store.appendEvent(event('c', other), { app: { at: 'later' } })],
  ])('a creation with shared states that waits for its session: %s', async (_, later) => {
    const created = { ...key, app: { at: 'created' } };
    await Promise.all([store.appendEvent(event('b')), store.deleteSession(key), store.createSession(created), later()]);
    expect(await store.getAppState('app')).toEqual({ at: 'later' });
  });

  test('deleteSession() of a session that is made anew by fork()', async () => {
    await Promise.all([
      store.appendEvent(event('b')),
      store.deleteSession(key),
      store.fork(other, { sessionId: key.sessionId }),
    ]);
    expect(ids(await store.getEvents(key))).toEqual(['o']);
  });

  test('deleteSession() with memory', async () => {
    await new MemoryStore(pool).createTables();
    const deleted = store.deleteSession({ ...key, memory: true });
    const ends = await Promise.all([deleted, store.createSession(key), store.appendEvent(event('c'))]);
    expect(ends[0]).toBe(true);
    expect(ids(await store.getEvents(key))).toEqual(['c']);
  });
});

test('a shared state that no append merges any more is forgotten, also after a write that waited', async () => {
  const across = new AcrossSessions(() => undefined);
  for (let i = 0; i < 3; i += 1) {
    const end = across.begin([`state ${i}`]);
    const sent = across.send([], async () => {}, [`state ${i}`]);
    end();
    await sent;
    await new Promise(setImmediate);
  }
  expect(across.size).toBe(0);
});

test('a call that waits for a write of another caller is made in the async context of its own caller', async () => {
  const other = { ...key, sessionId: 's2' };
  await store.createSession(other);
  await store.appendEvent(event('a'));
  const caller = new AsyncLocalStorage<string>();
  const callers: unknown[] = [];
  const watched = new SessionStore(pool);
  const { batch } = pool;
  pool.batch = ((...call: Parameters<typeof batch>) => {
    callers.push(caller.getStore());
    return batch.apply(pool, call);
  }) as typeof batch;
  await Promise.all([
    caller.run('append', () => watched.appendEvent(event('b'), { app: { at: 'b' } })),
    caller.run('update', () => watched.updateAppState('app', { at: 'updated' })),
    caller.run('append of another session', () => watched.appendEvent(event('c', other))),
    caller.run('creation', () => watched.createSession({ ...key, sessionId: 's3' })),
  ]);
  expect(callers).toEqual(['append', 'update', 'append of another session', 'creation']);
});

test('writes that another process comes between are stored in the order of their calls', async () => {
  const script = new URL('../children/append-in-turns.mjs', import.meta.url);
  await using child = start(script, [on.file(), JSON.stringify(key)]);
  await child.said('begun');
  const calls: Promise<unknown>[] = [];
  const called: string[] = [];
  for (let at = 0; at < 150; at += 1) {
    const [single, one, two] = ['s', 'm', 'n'].map((kind) => `${kind}${at}`) as [string, string, string];
    called.push(single, one, two);
    calls.push(store.appendEvent(event(single), { session: { at: single } }));
    calls.push(store.appendEvents([event(one), event(two)]));
    if (at % 3 === 0) calls.push(store.mergeSessionState(key, { at, last: at }));
    if (at % 4 === 0) await new Promise(setImmediate);
    if (at % 10 === 0) await Promise.all(calls.splice(0));
  }
  calls.push(store.mergeSessionState(key, { at: 'end' }));
  await Promise.all(calls);
  child.process.stdin?.end();
  expect((await child.ended).code).toBe(0);
  const events = await store.getEvents(key);
  expect(ids(events.filter(({ author }) => author !== 'other'))).toEqual(called);
  expect(events.length).toBeGreaterThan(called.length);
  expect((await store.getSession(key))?.state).toEqual({ at: 'end', last: 147 });
});
