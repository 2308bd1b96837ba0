import type { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/store/backend.js';
import type { EncodedEvents, PreparedImport } from '../../src/store/prepare.js';
import { databases } from '../support/databases.js';
import { event, ids, key, makeStore } from './fixtures.js';

const on = databases();
let store: SessionStore;
let backend: Backend;
beforeEach(async () => {
  store = await makeStore(on.pool());
  ({ backend } = store as unknown as { backend: Backend });
});

const createTime = 1_600_000_000_123;
const updateTime = 1_600_000_000_456;

function session(fields: Partial<PreparedImport> = {}, state: object = { cart: ['tea'] }): PreparedImport {
  const { sessionId: id, ...scope } = key;
  const params = backend.sessions.encode({ id, ...scope, state, createTime, updateTime });
  return { key, params, ownerId: null, revision: 7, initialState: null, ...fields };
}

const encoded = (...names: string[]) => names.map((id) => backend.events.encode(event(id)));

async function* later(events: EncodedEvents) {
  for await (const params of events) yield params;
}

describe.each([
  ['events in an array', (events: EncodedEvents) => events],
  ['events one after the other', later],
])('importSession() with %s', (_, given) => {
  test('stores times, revision, state and events as they are, in their order', async () => {
    expect(await backend.importSession(session(), given(encoded('c', 'a', 'b')))).toBe(true);
    const loaded = await store.loadSession(key);
    expect(loaded?.session).toEqual({
      id: 's1',
      appName: 'app',
      userId: 'ada',
      state: { cart: ['tea'] },
      createTime,
      updateTime,
      revision: 7,
    });
    expect(ids(loaded!.events)).toEqual(['c', 'a', 'b']);
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
  });

  test('the session goes on as any other', async () => {
    await backend.importSession(session(), given(encoded('a', 'b')));
    await store.appendEvent(event('b', { author: 'again' }));
    const { revision } = await store.appendEvent(event('c'), undefined, { expectedRevision: 8 });
    expect(revision).toBe(9);
    expect(ids(await store.getEvents(key))).toEqual(['a', 'b', 'c']);
  });

  test('leaves a session that is there', async () => {
    await store.createSession({ ...key, state: { own: true } });
    await store.appendEvent(event('own'));
    const before = await store.loadSession(key);
    expect(await backend.importSession(session(), given(encoded('a')))).toBe(false);
    expect(await store.loadSession(key)).toEqual(before);
  });

  test('replaces a session of the revision that is named, and no other', async () => {
    await store.createSession({ ...key, state: { own: true } });
    await store.appendEvent(event('own'));
    const before = await store.loadSession(key);
    expect(await backend.importSession(session(), given(encoded('a')), 1)).toBe(false);
    expect(await store.loadSession(key)).toEqual(before);
    expect(await backend.importSession(session(), given(encoded('a', 'b')), 2)).toBe(true);
    const after = await store.loadSession(key);
    expect(after?.session).toMatchObject({ state: { cart: ['tea'] }, createTime, updateTime, revision: 7 });
    expect(ids(after!.events)).toEqual(['a', 'b']);
    await store.appendEvent(event('a', { author: 'again' }));
    await store.appendEvent(event('own'));
    expect(ids(await store.getEvents(key))).toEqual(['a', 'b', 'own']);
  });

  test('replaces none that is missing', async () => {
    expect(await backend.importSession(session(), given(encoded('a')), 1)).toBe(false);
    expect(await store.getSession(key)).toBeUndefined();
  });
});

test('a source of events that fails leaves nothing', async () => {
  async function* failing() {
    yield* encoded('a', 'b');
    throw new Error('no more');
  }
  await expect(backend.importSession(session(), failing())).rejects.toThrow('no more');
  expect(await store.getSession(key)).toBeUndefined();
  expect(await store.getEvents(key)).toEqual([]);
});
