import type { Pool } from 'aiosqlite';
import { ArtifactStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { all, anotherStore, event, ids, key, makeStore, sqliteTest } from '../fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await store.createSession({ ...key, state: { first: 1 } });
});

async function append(id: string, invocationId: string, delta: Record<string, unknown> = {}) {
  const stored = event(id, { invocationId, actions: { stateDelta: delta }, content: { parts: [{ text: id }] } });
  return (await store.appendEvent(stored, { session: delta })).seq;
}

describe('fork()', () => {
  test('makes a session of its own with the whole history', async () => {
    await append('e1', 'i1', { a: 1 });
    await store.mergeSessionState(key, { between: 1 });
    await append('e2', 'i2', { a: 2 });
    const original = [await store.getSession(key), await store.getEvents(key)];
    const fork = await store.fork(key);
    expect(fork).toMatchObject({ appName: 'app', userId: 'ada', state: { first: 1, a: 2, between: 1 } });
    expect(fork.id).toMatch(/^[0-9a-f-]{36}$/);
    const forkKey = { ...key, sessionId: fork.id };
    const events = await store.getEvents(forkKey);
    expect(events.map(({ content }) => content)).toEqual([{ parts: [{ text: 'e1' }] }, { parts: [{ text: 'e2' }] }]);
    expect(events.every(({ sessionId }) => sessionId === fork.id)).toBe(true);
    // The fork has its own history, too.
    await store.rewind(forkKey, { beforeInvocationId: 'i2' });
    expect((await store.getSession(forkKey))?.state).toEqual({ first: 1, a: 1, between: 1 });
    await store.appendEvent(event('e3', { ...forkKey, invocationId: 'i3' }), { session: { b: 1 } });
    expect([await store.getSession(key), await store.getEvents(key)]).toEqual(original);
    expect(await store.countSessions({ appName: 'app' })).toBe(2);
    expect((await store.fork(key, { sessionId: '' })).id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('ends at a point, for another user if asked', async () => {
    await append('e1', 'i1', { a: 1 });
    const second = await append('e2', 'i2', { a: 2 });
    await append('e3', 'i3', { a: 3 });
    const at = await store.fork(key, { sessionId: 'fork', userId: 'bob', at: { toSeq: second } });
    expect(at).toMatchObject({ id: 'fork', userId: 'bob', state: { first: 1, a: 2 } });
    const forkKey = { appName: 'app', userId: 'bob', sessionId: 'fork' };
    expect(ids(await store.getEvents(forkKey))).toEqual(['e1', 'e2']);
    expect((await store.getEvents(forkKey))[0]).toMatchObject(forkKey);
    const before = await store.fork(key, { at: { beforeInvocationId: 'i1' } });
    expect(before.state).toEqual({ first: 1 });
    expect(await store.getEvents({ ...key, sessionId: before.id })).toEqual([]);
  });

  test('carries the owner over', async () => {
    const other = await makeStore(on.pool({ database: on.file('owned.db') }), {
      ownerIdColumn: 'tenant VARCHAR(9) NOT NULL',
    });
    await other.createSession({ ...key, ownerId: 'acme' });
    expect(await other.fork(key)).toMatchObject({ ownerId: 'acme' });
  });

  sqliteTest('sees the artifacts up to the point, whose bytes are stored once', async () => {
    const artifacts = new ArtifactStore(pool);
    await artifacts.createTables();
    const save = (name: string, text: string) => artifacts.save({ ...key, name }, { text });
    await save('a', 'old');
    await store.appendEvent(event('e1', { invocationId: 'i1', actions: { artifactDelta: { a: 0 } } }));
    await save('a', 'new');
    await store.appendEvent(event('e2', { invocationId: 'i2', actions: { artifactDelta: { a: 1 } } }));
    const blobs = await pool.get('SELECT count(*) AS n FROM adk_artifact_blobs');
    await store.fork(key, { sessionId: 'all' });
    await store.fork(key, { sessionId: 'at', at: { beforeInvocationId: 'i2' } });
    await store.fork(key, { sessionId: 'none', artifacts: 'none' });
    expect(await pool.get('SELECT count(*) AS n FROM adk_artifact_blobs')).toEqual(blobs);
    const load = async (sessionId: string) => (await artifacts.load({ ...key, sessionId, name: 'a' }))?.part;
    expect(await load('all')).toEqual({ text: 'new' });
    expect(await load('at')).toEqual({ text: 'old' });
    expect(await load('none')).toBeUndefined();
    await store.deleteSession(key);
    expect(await load('all')).toEqual({ text: 'new' });
  });

  sqliteTest('rejects an id under which artifacts were saved before there was a session, and keeps them', async () => {
    const artifacts = new ArtifactStore(pool);
    await artifacts.createTables();
    await artifacts.save({ ...key, name: 'a' }, { text: 'mine' });
    await artifacts.save({ ...key, sessionId: 'early', name: 'a' }, { text: 'early' });
    const refused = await rejection(store.fork(key, { sessionId: 'early' }));
    expect(refused).toMatchObject({ code: 'ADK_SESSION_EXISTS', message: expect.stringContaining('Artifacts') });
    expect(await store.getSession({ ...key, sessionId: 'early' })).toBeUndefined();
    expect((await artifacts.load({ ...key, sessionId: 'early', name: 'a' }))?.part).toEqual({ text: 'early' });
  });

  test('rejects an id that exists, and what is not there, and writes nothing', async () => {
    await append('e1', 'i1');
    await store.createSession({ ...key, sessionId: 's2' });
    const before = await all(pool, 'SELECT * FROM adk_sessions');
    for (const [options, code] of [
      [{ sessionId: 's2' }, 'ADK_SESSION_EXISTS'],
      [{ sessionId: 's1' }, 'ADK_SESSION_EXISTS'],
      [{ at: { toSeq: 99 } }, 'ADK_POINT_NOT_FOUND'],
      [{ at: { beforeInvocationId: 'no' } }, 'ADK_POINT_NOT_FOUND'],
      [{ at: {} }, 'ERR_OUT_OF_RANGE'],
      [{ artifacts: 'copy' }, 'ERR_OUT_OF_RANGE'],
      [{ userId: '\ud800' }, 'ERR_OUT_OF_RANGE'],
      [{ id: 'x' }, 'ERR_UNKNOWN_OPTION'],
    ] as const) {
      expect(await rejection(store.fork(key, options as never))).toMatchObject({ code });
    }
    expect(await rejection(store.fork({ ...key, sessionId: 'no' }))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    expect(await all(pool, 'SELECT * FROM adk_sessions')).toEqual(before);
  });
});

describe('stateAt()', () => {
  test('is the state after each event', async () => {
    const seqs = [
      await append('e1', 'i1', { a: 1 }),
      await append('e2', 'i2', { a: undefined, b: null }),
      await append('e3', 'i3', { a: 3 }),
    ];
    const states = await Promise.all(seqs.map((seq) => store.stateAt(key, seq)));
    expect(states).toEqual([
      { first: 1, a: 1 },
      { first: 1, b: null },
      { first: 1, b: null, a: 3 },
    ]);
  });

  sqliteTest('is a read: a connection that only reads can ask', async () => {
    const seq = await append('e1', 'i1', { a: 1 });
    const reader = new SessionStore(await on.connect({ readonly: true }));
    expect(await reader.stateAt(key, seq)).toEqual({ first: 1, a: 1 });
  });

  test('holds for keys of any kind', async () => {
    const odd = Object.fromEntries([
      ['__proto__', 1],
      ['\0', 2],
      ['a"b', 3],
      ['', 4],
    ]);
    const seq = await append('e1', 'i1', odd);
    await append('e2', 'i2', Object.fromEntries(Object.keys(odd).map((name) => [name, undefined])));
    expect(await store.stateAt(key, seq)).toEqual(Object.fromEntries([['first', 1], ...Object.entries(odd)]));
    expect((await store.getSession(key))?.state).toEqual({ first: 1 });
  });

  test('rejects a seq of no event of the session', async () => {
    const other = { ...key, sessionId: 's2' };
    await store.createSession(other);
    const { seq } = await store.appendEvent(event('e1', other));
    expect(await rejection(store.stateAt(key, seq))).toMatchObject({ code: 'ADK_POINT_NOT_FOUND' });
    expect(await rejection(store.stateAt({ ...key, sessionId: 'no' }, seq))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
    for (const seq of [-1, 1.5, Number.NaN, '1']) {
      expect(((await rejection(store.stateAt(key, seq as number))) as { code: string }).code).toMatch(/^ERR_/);
    }
  });

  test('names the damaged row, be it the initial state or a change', async () => {
    await store.mergeSessionState(key, { x: 1 });
    const seq = await append('e1', 'i1');
    await all(pool, "UPDATE adk_sessions SET initial_state = '[]'");
    expect(await rejection(store.stateAt(key, seq))).toMatchObject({
      code: 'ADK_CORRUPT_ROW',
      message: 'Damaged row in table adk_sessions, key s1: column initial_state',
    });
    await all(pool, "UPDATE adk_sessions SET initial_state = '{}'");
    await all(pool, "UPDATE adk_sessions_changes SET value = '7'");
    expect(await rejection(store.stateAt(key, seq))).toMatchObject({
      code: 'ADK_CORRUPT_ROW',
      message: expect.stringContaining('table adk_sessions_changes'),
    });
  });
});

describe('deleteInvocation()', () => {
  test('deletes the events of an invocation; the state, now and at every other event, stays', async () => {
    await append('e1', 'i1', { a: 1 });
    await append('e2', 'i2', { a: 2, b: 2 });
    const third = await append('e3', 'i3', { c: 3 });
    await append('e4', 'i2', { a: undefined, d: 4 });
    const last = await append('e5', 'i5');
    const states = [await store.stateAt(key, third), await store.stateAt(key, last)];
    const session = await store.getSession(key);
    expect(await store.deleteInvocation(key, 'i2')).toBe(2);
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e3', 'e5']);
    expect(await store.getSession(key)).toMatchObject({
      state: session?.state,
      revision: (session?.revision ?? 0) + 1,
    });
    expect([await store.stateAt(key, third), await store.stateAt(key, last)]).toEqual(states);
    await store.rewind(key, { beforeInvocationId: 'i3' });
    expect((await store.getSession(key))?.state).toEqual({ first: 1, a: 2, b: 2 });
  });

  test('finds none of an invocation that is not there, and rejects a session that is not there', async () => {
    expect(await store.deleteInvocation(key, 'no')).toBe(0);
    expect(await rejection(store.deleteInvocation({ ...key, sessionId: 'no' }, 'i1'))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
    expect(await rejection(store.deleteInvocation(key, 1 as never))).toMatchObject({
      message: expect.stringContaining('invocationId'),
    });
  });
});

describe('getEventPage()', () => {
  test('pages in either direction by seq', async () => {
    for (let i = 1; i <= 7; i += 1) await append(`e${i}`, 'i1');
    const events = await store.getEvents(key);
    const seqOf = (at: number) => events[at]?.seq as number;
    const page = async (options?: object) => {
      const { events, hasMore } = await store.getEventPage(key, options);
      return [ids(events).join(' '), hasMore];
    };
    expect(await page()).toEqual(['e1 e2 e3 e4 e5 e6 e7', false]);
    expect(await page({ limit: 3 })).toEqual(['e1 e2 e3', true]);
    expect(await page({ limit: 3, afterSeq: seqOf(2) })).toEqual(['e4 e5 e6', true]);
    expect(await page({ limit: 1, afterSeq: seqOf(5) })).toEqual(['e7', false]);
    expect(await page({ order: 'desc', limit: 3 })).toEqual(['e7 e6 e5', true]);
    expect(await page({ order: 'desc', limit: 3, beforeSeq: seqOf(3) })).toEqual(['e3 e2 e1', false]);
    expect(await page({ limit: 2, beforeSeq: seqOf(3) })).toEqual(['e1 e2', true]);
    expect(await page({ afterSeq: seqOf(1), beforeSeq: seqOf(4) })).toEqual(['e3 e4', false]);
    expect(await page({ limit: 0 })).toEqual(['', true]);
    expect((await store.getEventPage(key, { limit: 1 })).events[0]).toEqual(events[0]);
    expect(await store.getEventPage({ ...key, sessionId: 'no' })).toEqual({ events: [], hasMore: false });
  });

  test('gives a hundred events unless told otherwise', async () => {
    await store.appendEvents(Array.from({ length: 101 }, (_, i) => event(`e${i}`)));
    const { events, hasMore } = await store.getEventPage(key);
    expect([events.length, hasMore]).toEqual([100, true]);
  });

  test.each([
    [{ limit: -1 }],
    [{ limit: 0.5 }],
    [{ order: 'up' }],
    [{ beforeSeq: -1 }],
    [{ afterSeq: Number.NaN }],
    [{ after: 1 }],
  ])('rejects %j', async (page) => {
    expect(((await rejection(store.getEventPage(key, page as never))) as { code: string }).code).toMatch(/^ERR_/);
  });
});

describe('mergeSessionState()', () => {
  test('merges key by key without an event, and raises the revision', async () => {
    await store.mergeSessionState(key, { a: { deep: 1 }, b: null });
    const { revision } = (await store.getSession(key)) as { revision: number };
    const merged = await store.mergeSessionState(key, { a: { other: 2 }, first: undefined });
    expect(merged).toMatchObject({ state: { a: { other: 2 }, b: null }, revision: revision + 1 });
    expect(merged.state).not.toHaveProperty('first');
    expect(merged).toEqual(await store.getSession(key));
    expect(await store.getEvents(key)).toEqual([]);
  });

  test('loses nothing when many callers merge at once', async () => {
    const other = anotherStore(on.pool());
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? store : other).mergeSessionState(key, { [`k${i}`]: i })),
    );
    expect(Object.keys((await store.getSession(key))?.state ?? {})).toHaveLength(41);
    // Between two events all of them are one change.
    expect(await all(pool, 'SELECT change_key FROM adk_sessions_changes')).toHaveLength(1);
  });

  test('rejects a session that is not there, and what JSON can not hold', async () => {
    expect(await rejection(store.mergeSessionState({ ...key, sessionId: 'no' }, {}))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
    expect(await rejection(store.mergeSessionState(key, { a: 1n }))).toMatchObject({ code: 'ADK_NOT_SERIALIZABLE' });
    expect(await rejection(store.mergeSessionState(key, [] as never))).toBeInstanceOf(TypeError);
    expect(await all(pool, 'SELECT * FROM adk_sessions_changes')).toEqual([]);
  });
});

describe('a deleted session takes its history along', () => {
  const deleted = (deletion: () => Promise<unknown>) => async () => {
    await append('e1', 'i1');
    await store.mergeSessionState(key, { a: 1 });
    await append('e2', 'i2');
    await store.rewind(key, { beforeInvocationId: 'i2' });
    await deletion();
    for (const table of ['adk_events', 'adk_rewound_events', 'adk_sessions_changes'])
      expect(await all(pool, `SELECT * FROM ${table}`)).toEqual([]);
  };
  test(
    'with deleteSession()',
    deleted(() => store.deleteSession(key)),
  );
  test(
    'with deleteUser()',
    deleted(() => store.deleteUser({ appName: 'app', userId: 'ada' })),
  );
  test(
    'with deleteIdleSessions()',
    deleted(() => store.deleteIdleSessions({ idleSince: Number.MAX_SAFE_INTEGER })),
  );
  sqliteTest(
    'with any statement',
    deleted(() => pool.run('DELETE FROM adk_sessions')),
  );
});
