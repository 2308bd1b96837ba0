import type { Session } from '@google/adk';
import type { Pool } from 'aiosqlite';
import { SqliteArtifactService, SqliteMemoryService, SqliteSessionService } from 'aiosqlite/adk';
import { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key, withDelta } from './fixtures.js';

const on = databases();
let pool: Pool;
let service: any;
let session: Session;
beforeEach(async () => {
  pool = on.pool();
  service = new SqliteSessionService(new SessionStore(pool));
  session = await service.createSession(key);
});

const methods = [
  'createSession',
  'getOrCreateSession',
  'getSession',
  'listSessions',
  'deleteSession',
  'appendEvent',
  'getAppState',
  'getUserState',
  'deleteUser',
];

describe.each(methods)('%s() rejects', (method) => {
  test.each([undefined, null, 1, 'app'])('%j', async (request) => {
    expect(await rejection(service[method](request))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('request must be an object'),
    });
  });
});

describe.each(methods.filter((method) => method !== 'appendEvent'))('%s() rejects', (method) => {
  const { sessionId: _, ...user } = key;
  const request = method === 'deleteUser' ? user : key;
  test.each<[any, string, string]>([
    [{ ...request, appName: null }, 'TypeError', 'appName must be a string, not null'],
    [{ ...request, appName: 5 }, 'TypeError', 'appName must be a string, not number'],
    [{ ...request, appName: '\ud800' }, 'RangeError', 'appName must be well-formed text'],
  ])('%j', async (request, name, message) => {
    expect(await rejection(service[method](request))).toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
  });
});

test('deleteUser() refuses the key of a session, which would delete more than that', async () => {
  expect(await rejection(service.deleteUser(key))).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
  expect(await service.getSession(key)).toBeDefined();
});

test.each<[string, any, string, string]>([
  ['createSession', { ...key, userId: null }, 'TypeError', 'userId must be a string, not null'],
  ['createSession', { ...key, sessionId: 7 }, 'TypeError', 'sessionId must be a string, not number'],
  ['createSession', { ...key, sessionId: 'new', state: 5 }, 'TypeError', 'state must be an object, not number'],
  ['createSession', { ...key, sessionId: 'new', state: [] }, 'TypeError', 'state must be an object, not an array'],
  ['createSession', { ...key, sessionId: 'new', state: { a: { b: 1n } } }, 'StoreError', 'state.a.b is a bigint'],
  ['createSession', { ...key, sessionId: 'new', state: { 'app:a': 1n } }, 'StoreError', 'app.a is a bigint'],
  ['getSession', { ...key, sessionId: undefined }, 'TypeError', 'sessionId must be a string, not undefined'],
  ['getSession', { ...key, config: { numRecentEvents: '1' } }, 'TypeError', 'numRecentEvents must be a number'],
  ['getSession', { ...key, config: { numRecentEvents: -1 } }, 'RangeError', 'numRecentEvents must be a whole number'],
  ['getSession', { ...key, config: { afterTimestamp: Number.NaN } }, 'RangeError', 'must be finite'],
  ['listSessions', { appName: 'app', userId: 5 }, 'TypeError', 'userId must be a string, not number'],
  ['listSessions', { appName: 'app', limit: 1, page: '2' }, 'TypeError', 'page must be a number, not string'],
  ['listSessions', { appName: 'app', limit: 1, page: 1.5 }, 'RangeError', 'page must be a whole number'],
  ['listSessions', { appName: 'app', limit: 1, page: 0 }, 'RangeError', 'page must be a whole number, 1 or more'],
  ['listSessions', { appName: 'app', order: 'newest' }, 'RangeError', "order must be 'asc' or 'desc'"],
  ['getUserState', { appName: 'app' }, 'TypeError', 'userId must be a string, not undefined'],
])('%s() rejects %o', async (method, request, name, message) => {
  expect(await rejection(service[method](request))).toMatchObject({ name, message: expect.stringContaining(message) });
  expect((await service.listSessions({ appName: 'app' })).totalItems).toBe(1);
});

describe('appendEvent() rejects', () => {
  test.each<[string, () => any, string, string]>([
    ['no session', () => ({ event: event('e') }), 'TypeError', 'session must be an object'],
    ['no event', () => ({ session }), 'TypeError', 'event must be an object'],
    [
      'a session without id',
      () => ({ session: { ...session, id: undefined }, event: event('e') }),
      'TypeError',
      'session.id',
    ],
    [
      'a session without state',
      () => ({ session: { ...session, state: null }, event: event('e') }),
      'TypeError',
      'session.state',
    ],
    [
      'a session without events',
      () => ({ session: { ...session, events: {} }, event: event('e') }),
      'TypeError',
      'session.events must be an array',
    ],
    [
      'a frozen state',
      () => ({ session: { ...session, state: Object.freeze({}) }, event: event('e') }),
      'TypeError',
      'session.state must be extensible',
    ],
    [
      'frozen events',
      () => ({ session: { ...session, events: Object.freeze([]) }, event: event('e') }),
      'TypeError',
      'session.events must be extensible',
    ],
    [
      'an event without id',
      () => ({ session, event: { ...event('e'), id: undefined } }),
      'TypeError',
      'event.id must be a string',
    ],
    [
      'an event without time',
      () => ({ session, event: { ...event('e'), timestamp: undefined } }),
      'TypeError',
      'event.timestamp',
    ],
    [
      'a broken time',
      () => ({ session, event: { ...event('e'), timestamp: Number.NaN } }),
      'RangeError',
      'event.timestamp must be finite',
    ],
    [
      'a delta that is none',
      () => ({ session, event: withDelta('e', 'x' as any) }),
      'TypeError',
      'event.actions.stateDelta must be an object',
    ],
    [
      'a bigint',
      () => ({ session, event: withDelta('e', { 'user:n': [1n] }) }),
      'StoreError',
      'event.actions.stateDelta["user:n"][0] is a bigint',
    ],
  ])('%s', async (_, request, name, message) => {
    expect(await rejection(service.appendEvent(request()))).toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
    expect(session).toMatchObject({ state: {}, events: [] });
    expect((await service.getSession(key)).events).toEqual([]);
  });

  test('what is nested too deeply, on the session object as in storage', async () => {
    const delta: any = {};
    let inner = delta;
    for (let level = 0; level < 1_001; level += 1) inner = inner.a = {};
    expect(await rejection(service.appendEvent({ session, event: withDelta('e', delta) }))).toMatchObject({
      code: 'ADK_NOT_SERIALIZABLE',
      message: expect.stringContaining('deeper than 1000 levels'),
    });
    expect(session.state).toEqual({});
  });
});

test('never through the key of another user', async () => {
  await service.appendEvent({ session, event: withDelta('e1', { secret: 1, 'user:secret': 2 }) });
  for (const other of [
    { userId: 'bob' },
    { appName: 'other' },
    { userId: 'ada ' },
    { userId: 'ADA' },
    { userId: "ada' OR '1'='1" },
  ]) {
    const wrong = { ...key, ...other };
    expect(await service.getSession(wrong)).toBeUndefined();
    await service.deleteSession(wrong);
    expect(
      await rejection(service.appendEvent({ session: { ...session, ...other }, event: event('e2') })),
    ).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
    expect((await service.listSessions(wrong)).sessions).toEqual([]);
    expect(await service.getUserState(wrong)).toEqual({});
  }
  expect((await service.getSession(key)).events).toHaveLength(1);
});

test.each([
  ['memory', SqliteMemoryService, { embed: async () => [] }],
  ['artifact', SqliteArtifactService, { maxBytes: 5 }],
] as const)(
  'options of a %s service behind a path are refused, since they belong beside the database',
  (_, Service, options) => {
    const make = () => Reflect.construct(Service, [on.file('other.db'), options]);
    expect(make).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }));
    expect(make).toThrow(/options must be .*first argument, beside 'database'/);
  },
);

describe('services of memory and artifacts name the member of the request', () => {
  const user = { appName: 'app', userId: 'ada' };
  const artifact = { ...user, sessionId: 's', filename: 'a' };
  test.each<[string, object, string]>([
    ['searchMemory', { ...user, appName: 5, query: 'x' }, 'request.appName'],
    ['searchMemory', { ...user, userId: undefined, query: 'x' }, 'request.userId'],
    ['deleteMemory', { ...user, appName: 5, id: 'x' }, 'request.appName'],
    ['deleteUserMemory', { ...user, appName: undefined }, 'request.appName'],
    ['deleteSessionMemory', { ...user, appName: null, sessionId: 's' }, 'key.appName'],
    ['saveArtifact', { ...artifact, appName: 5, artifact: { text: 'x' } }, 'request.appName'],
    ['loadArtifact', { ...artifact, userId: 5 }, 'request.userId'],
    ['deleteArtifact', { ...artifact, appName: undefined }, 'request.appName'],
    ['listVersions', { ...artifact, userId: null }, 'request.userId'],
    ['listArtifactKeys', { ...artifact, filename: undefined, appName: 5 }, 'request.appName'],
    ['listArtifactKeys', { ...artifact, sessionId: 5 }, 'request.sessionId'],
  ])('%s() %j', async (method, request, name) => {
    const services: any = method.includes('Memory')
      ? new SqliteMemoryService({ database: on.file() } as never)
      : new SqliteArtifactService({ database: on.file() } as never);
    const error = await rejection(services[method](request));
    await services.close();
    expect(error).toMatchObject({ name: 'TypeError', message: expect.stringMatching(`^${name} must be a string`) });
  });
});
