import type { Pool } from 'aiosqlite';
import type { JsonObject, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { event, key, makeStore } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
});

/** What JSON has no text for. */
const REMOVES: [string, unknown][] = [
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['an object whose toJSON() gives nothing', { toJSON: () => undefined }],
];
const states = async (): Promise<JsonObject[]> => [
  (await store.getSession(key))?.state as JsonObject,
  await store.getAppState('app'),
  await store.getUserState('app', 'ada'),
];

describe.each(REMOVES)('%s in a delta removes the key', (_, value) => {
  test('from the session, the app and the user, with an event', async () => {
    const state = { token: 'secret', kept: 1 };
    await store.createSession({ ...key, state, app: state, user: state });
    const delta = { token: value, added: null };
    await store.appendEvent(event('e1'), { session: delta, app: delta, user: delta });
    for (const left of await states()) expect(left).toStrictEqual({ kept: 1, added: null });
  });

  test('from shared states', async () => {
    await store.createSession(key);
    await store.updateAppState('app', { token: 1, kept: 1 });
    await store.updateUserState('app', 'ada', { token: 1, kept: 1 });
    await store.updateAppState('app', { token: value });
    await store.updateUserState('app', 'ada', { token: value });
    const [, app, user] = await states();
    expect([app, user]).toStrictEqual([{ kept: 1 }, { kept: 1 }]);
  });

  test('from shared states, with a new session, and not with one that exists', async () => {
    await store.updateAppState('app', { token: 1, kept: 1 });
    await store.updateUserState('app', 'ada', { token: 1, kept: 1 });
    const delta = { token: value };
    await store.createSession({ ...key, app: delta, user: delta });
    await store.updateAppState('app', { later: 1 });
    await store.createSession({ ...key, app: { later: value }, user: delta, ifExists: 'return' });
    const [, app, user] = await states();
    expect([app, user]).toStrictEqual([{ kept: 1, later: 1 }, { kept: 1 }]);
  });
});

test('a key that is not there can be removed, also from a state that was never set', async () => {
  await store.createSession(key);
  const delta = { never: undefined };
  await store.appendEvent(event('e1'), { session: delta, app: delta, user: delta });
  await store.updateAppState('app', delta);
  expect(await states()).toStrictEqual([{}, {}, {}]);
});

test('whatever a key looks like', async () => {
  const names = ['__proto__', 'constructor', 'a"b', "a'b", 'a.b', '$', '', '\0', '\ud800', 'ä', '1'];
  const all = (value: unknown): JsonObject => Object.fromEntries(names.map((name) => [name, value]));
  await store.createSession({ ...key, state: { ...all(1), ['__proto__']: 1, kept: 1 } });
  await store.appendEvent(event('e1'), { session: all(undefined) });
  expect((await store.getSession(key))?.state).toStrictEqual({ kept: 1 });
});

test('an event remembers which keys it has removed', async () => {
  await store.createSession(key);
  const stateDelta = { a: 1, b: undefined, ['__proto__']: undefined };
  const given = [
    event('e1', { actions: { stateDelta: { gone: undefined }, artifactDelta: {}, requestedAuthConfigs: {} } }),
    event('e2', { actions: { stateDelta }, extra: { $row: 'own' } }),
    event('e3', { actions: { stateDelta: [undefined] } }),
  ];
  for (const each of given) await store.appendEvent(each);
  const events = await store.getEvents(key);
  expect(events.map(({ actions }) => actions.stateDelta)).toStrictEqual([{ gone: undefined }, stateDelta, [null]]);
  expect(events.map(({ extra }) => extra)).toStrictEqual([undefined, { $row: 'own' }, undefined]);
});
