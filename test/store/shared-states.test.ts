import type { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { makeStore } from './fixtures.js';

const on = databases();
let store: SessionStore;
beforeEach(async () => {
  store = await makeStore(on.pool());
});

describe('app and user state', () => {
  test('are empty until something is set', async () => {
    expect(await store.getAppState('app')).toEqual({});
    expect(await store.getUserState('app', 'ada')).toEqual({});
    await store.updateAppState('app', {});
    expect(await store.getAppState('app')).toEqual({});
  });

  test('merge by key: values are replaced, null is stored, other keys stay in their order', async () => {
    await store.updateAppState('app', { b: { x: 1 }, a: 1 });
    await store.updateAppState('app', { c: null, b: { y: 2 } });
    expect(JSON.stringify(await store.getAppState('app'))).toBe('{"b":{"y":2},"a":1,"c":null}');
  });

  test('belong to an app, or to a user of an app', async () => {
    await store.updateAppState('app', { of: 'app' });
    await store.updateUserState('app', 'ada', { of: 'ada' });
    await store.updateUserState('app', 'bob', { of: 'bob' });
    await store.updateUserState('other', 'ada', { of: 'ada elsewhere' });
    expect(await store.getAppState('other')).toEqual({});
    expect(await store.getUserState('app', 'ada')).toEqual({ of: 'ada' });
    expect(await store.getUserState('app', 'bob')).toEqual({ of: 'bob' });
    expect(await store.getUserState('other', 'ada')).toEqual({ of: 'ada elsewhere' });
  });

  test('lose nothing to concurrent writers of other keys', async () => {
    const writes = Array.from({ length: 100 }, (_, at) => store.updateUserState('app', 'ada', { [`k${at}`]: at }));
    await Promise.all(writes);
    expect(Object.keys(await store.getUserState('app', 'ada'))).toHaveLength(100);
  });
});
