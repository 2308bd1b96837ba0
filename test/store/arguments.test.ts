import type { Pool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key, makeStore } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await store.createSession(key);
});

test.each([undefined, null, 'agent.db', {}, { run() {} }])('a store can not be made on %j', (db: any) => {
  expect(() => new SessionStore(db)).toThrow(
    expect.objectContaining({
      name: 'TypeError',
      message: expect.stringContaining('db must be a Pool or a Connection'),
    }),
  );
});

test.each([null, 1, 'adk_sessions'])('a store does not take %j for options', (options: any) => {
  expect(() => new SessionStore(pool, options)).toThrow(expect.objectContaining({ name: 'TypeError' }));
});

/** Wrong keys, and what the error says of each. */
const keys: [any, string, string][] = [
  [undefined, 'TypeError', 'key must be an object, not undefined'],
  [null, 'TypeError', 'key must be an object, not null'],
  ['s1', 'TypeError', 'key must be an object, not string'],
  [{}, 'TypeError', 'appName must be a string, not undefined'],
  [{ ...key, userId: 1 }, 'TypeError', 'userId must be a string, not number'],
  [{ ...key, userId: ['ada'] }, 'TypeError', 'userId must be a string, not an array'],
  [{ ...key, sessionId: null }, 'TypeError', 'sessionId must be a string, not null'],
  [{ ...key, sessionId: '\ud800' }, 'RangeError', 'sessionId must be well-formed text'],
];

describe('every method that takes a key', () => {
  test.each(keys)('rejects %j', async (wrong, name, message) => {
    for (const call of [
      () => store.getSession(wrong),
      () => store.loadSession(wrong),
      () => store.updateSessionState(wrong, {}),
      () => store.deleteSession(wrong),
      () => store.getEvents(wrong),
    ]) {
      expect(await rejection(call())).toMatchObject({ name, message: expect.stringContaining(message) });
    }
  });
});

describe('createSession() rejects', () => {
  test.each<[any, string, string]>([
    [undefined, 'TypeError', 'input must be an object'],
    [{ userId: 'ada' }, 'TypeError', 'appName must be a string'],
    [{ ...key, sessionId: 5 }, 'TypeError', 'sessionId must be a string'],
    [{ ...key, sessionId: 0 }, 'TypeError', 'sessionId must be a string, not number'],
    [{ ...key, sessionId: false }, 'TypeError', 'sessionId must be a string, not boolean'],
    [{ ...key, state: null }, 'TypeError', 'state must be an object, not null'],
    [{ ...key, state: [] }, 'TypeError', 'state must be an object, not an array'],
    [{ ...key, state: 'x' }, 'TypeError', 'state must be an object, not string'],
    [{ ...key, app: [] }, 'TypeError', 'app must be an object, not an array'],
    [{ ...key, user: 1 }, 'TypeError', 'user must be an object, not number'],
    [{ ...key, createTime: '2020' }, 'TypeError', 'createTime must be a number, not string'],
    [{ ...key, createTime: Number.NaN }, 'RangeError', 'createTime must be finite'],
    [{ ...key, ifExists: 'replace' }, 'RangeError', "ifExists must be 'error' or 'return'"],
    [{ ...key, state: { n: 1n } }, 'StoreError', 'state.n is a bigint'],
  ])('%o', async (input, name, message) => {
    expect(await rejection(store.createSession(input))).toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
  });
});

describe('appendEvent() and appendEvents() reject', () => {
  test.each<[any, string, string]>([
    [undefined, 'TypeError', 'event must be an object'],
    [{}, 'TypeError', 'event.appName must be a string'],
    [{ ...event('e'), id: undefined }, 'TypeError', 'event.id must be a string'],
    [{ ...event('e'), id: '\udc00' }, 'RangeError', 'event.id must be well-formed text'],
    [{ ...event('e'), timestamp: undefined }, 'TypeError', 'event.timestamp must be a number'],
    [{ ...event('e'), timestamp: '1' }, 'TypeError', 'event.timestamp must be a number, not string'],
    [{ ...event('e'), timestamp: Number.NaN }, 'RangeError', 'event.timestamp must be finite'],
    [{ ...event('e'), extra: 'x' }, 'TypeError', 'event.extra must be an object'],
    [{ ...event('e'), extra: [] }, 'TypeError', 'event.extra must be an object'],
    [{ ...event('e'), extra: 'x', usageMetadata: {} }, 'TypeError', 'event.extra must be an object'],
    [{ ...event('e'), usageMetadata: { n: 1n } }, 'StoreError', 'event.extra.usageMetadata.n is a bigint'],
  ])('%o', async (wrong, name, message) => {
    for (const call of [() => store.appendEvent(wrong), () => store.appendEvents([event('sound'), wrong])]) {
      expect(await rejection(call())).toMatchObject({ name, message: expect.stringContaining(message) });
    }
    expect(await store.getEvents(key)).toEqual([]);
  });

  test.each<[any, any, string, string]>([
    [null, {}, 'TypeError', 'deltas must be an object'],
    [{ session: [] }, {}, 'TypeError', 'deltas.session must be an object'],
    [{ app: 'x' }, {}, 'TypeError', 'deltas.app must be an object'],
    [{ user: { n: [1n] } }, {}, 'StoreError', 'deltas.user.n[0] is a bigint'],
    [{}, null, 'TypeError', 'options must be an object'],
    [{}, { expectedRevision: -1 }, 'RangeError', 'expectedRevision must be'],
    [{}, { expectedRevision: '1' }, 'TypeError', 'expectedRevision must be a number'],
  ])('deltas %o with options %o', async (deltas, options, name, message) => {
    const error = await rejection(store.appendEvent(event('e'), deltas, options));
    expect(error).toMatchObject({ name, message: expect.stringContaining(message) });
    expect(await store.getEvents(key)).toEqual([]);
  });

  test.each([undefined, null, {}, 'events'])('%j in place of events', async (events: any) => {
    expect(await rejection(store.appendEvents(events))).toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining('events must be an array'),
    });
  });
});

describe('the shared states reject', () => {
  test.each<[(store: SessionStore) => Promise<unknown>, string]>([
    [(store: any) => store.getAppState(), 'appName must be a string, not undefined'],
    [(store: any) => store.getUserState('app'), 'userId must be a string, not undefined'],
    [(store: any) => store.updateAppState('app'), 'delta must be an object, not undefined'],
    [(store: any) => store.updateAppState(1, {}), 'appName must be a string, not number'],
    [(store: any) => store.updateUserState('app', 'ada', []), 'delta must be an object, not an array'],
    [(store: any) => store.updateUserState('app', undefined, {}), 'userId must be a string, not undefined'],
  ])('%s', async (call, message) => {
    expect(await rejection(call(store))).toMatchObject({ name: 'TypeError', message });
  });
});

test('errors never hold state or content', async () => {
  const secret = 'hunter2';
  const errors = [
    await rejection(store.appendEvent(event('e', { content: { secret, n: 1n } }))),
    await rejection(store.appendEvent(event('e', { sessionId: 'none', content: { secret } }), { session: { secret } })),
    await rejection(store.createSession({ ...key, state: { secret } })),
    await rejection(store.appendEvent(event('e', { content: { secret } }), {}, { expectedRevision: 9 })),
  ];
  await pool.run('UPDATE adk_sessions SET state = \'{"secret": "hunter2"\'');
  errors.push(await rejection(store.getSession(key)));
  errors.push(await rejection(store.appendEvent(event('e'), { session: { secret } })));
  for (const error of errors) {
    for (let each = error; each; each = each.cause) {
      expect(`${each.message} ${each.stack} ${JSON.stringify(each)}`).not.toContain(secret);
    }
  }
});

test('a closed pool rejects', async () => {
  await pool.close();
  expect(await rejection(store.getSession(key))).toMatchObject({ code: 'ERR_CLOSED' });
  expect(await rejection(store.appendEvent(event('e')))).toMatchObject({ code: 'ERR_CLOSED' });
});
