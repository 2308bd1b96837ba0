import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createEvent, InMemorySessionService } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, type SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { makeStore } from '../fixtures.js';
import { plain } from './support.js';

const on = databases();
let store: SessionStore;
beforeEach(async () => {
  store = await makeStore(on.pool({ database: on.file('target.db') }));
});

const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };

/** A session as ADK for JavaScript saves it. */
async function saved() {
  const service = new InMemorySessionService();
  const session = await service.createSession({ ...key, state: { cart: ['tea'], 'app:a_b': 1, 'user:tone': 'warm' } });
  const actions = { stateDelta: { snake_key: 1 }, artifactDelta: { 'a.txt': 0 } };
  const content = { role: 'model', parts: [{ functionCall: { name: 'f', args: { a_b: 1, aB: 2 } } }] };
  const first = createEvent({ id: 'e1', invocationId: 'i1', author: 'user', timestamp: 1_700_000_000_125.5, content });
  const second = createEvent({ ...first, id: 'e2', timestamp: 1_700_000_000_126, actions: actions as never });
  for (const event of [first, second]) await service.appendEvent({ session, event });
  return plain(await service.getSession(key));
}

const seconds = { actions: {}, author: 'user', content: { parts: [{ text: 'hi' }] } };
const PYTHON = {
  'in camel case': {
    id: 's1',
    appName: 'shop',
    userId: 'ada',
    state: { cart: ['tea'], 'app:a_b': 1 },
    lastUpdateTime: 1_700_000_002.5,
    events: [
      {
        ...seconds,
        id: 'e1',
        invocationId: 'i1',
        timestamp: 1_700_000_001.1234,
        usageMetadata: { totalTokenCount: 1 },
      },
    ],
  },
  'in snake case': {
    id: 's1',
    app_name: 'shop',
    user_id: 'ada',
    state: { cart: ['tea'], 'app:a_b': 1 },
    last_update_time: 1_700_000_002.5,
    events: [
      {
        ...seconds,
        id: 'e1',
        invocation_id: 'i1',
        timestamp: 1_700_000_001.1234,
        usage_metadata: { total_token_count: 1 },
      },
    ],
  },
};

test('a session of ADK for JavaScript comes back as it was, and a second import changes nothing', async () => {
  const session = await saved();
  const file = on.file('s1.session.json');
  writeFileSync(file, JSON.stringify(session, null, 2));
  const report = await importSessions(file, store);
  expect(report).toMatchObject({ format: 'session-json', timezone: null, sessions: { converted: 1 }, refused: [] });
  expect(plain(await new SqliteSessionService(store).getSession(key))).toEqual(session);
  expect(await store.getAppState('shop')).toEqual({ a_b: 1 });
  expect(await importSessions(file, store)).toMatchObject({ sessions: { unchanged: 1 }, events: { unchanged: 2 } });
});

describe.each(Object.entries(PYTHON))('a session of ADK for Python %s', (_, session) => {
  test.each([
    ['one line', JSON.stringify(session)],
    ['many lines', `\uFEFF${JSON.stringify(session, null, 1)}`],
    ['a list', JSON.stringify([session])],
  ])('as %s has seconds, which become milliseconds', async (_, text) => {
    const report = await importSessions(Readable.from([text]), store);
    expect(report).toMatchObject({ sessions: { converted: 1 }, events: { converted: 1 }, refused: [] });
    expect(plain(await new SqliteSessionService(store).getSession(key))).toEqual({
      id: 's1',
      appName: 'shop',
      userId: 'ada',
      state: { cart: ['tea'], 'app:a_b': 1 },
      lastUpdateTime: 1_700_000_002_500,
      events: [
        {
          ...seconds,
          id: 'e1',
          invocationId: 'i1',
          timestamp: 1_700_000_001_123,
          usageMetadata: { totalTokenCount: 1 },
        },
      ],
    });
  });
});

test('events that are none, or come twice, are refused by name, and the rest is taken', async () => {
  const [event] = PYTHON['in camel case'].events;
  const events = ['secret', event, { ...event, author: 'secret' }, { id: 'e3' }, { ...event, id: 7 }];
  const text = JSON.stringify({ ...PYTHON['in camel case'], events });
  const report = await importSessions(Readable.from([text]), store);
  expect(report.events).toEqual({ read: 5, converted: 1, unchanged: 0, refused: 4 });
  expect(report.refused).toEqual([
    { table: 'events', row: 'event 1', reason: 'it is no object' },
    { table: 'events', row: 'e1', reason: 'the session has another event with this id' },
    { table: 'events', row: 'event 4', reason: 'it has no time' },
    { table: 'events', row: 'event 5', reason: 'it has no id' },
  ]);
  expect(JSON.stringify(report)).not.toContain('secret');
  expect((await store.getEvents(key)).map(({ author }) => author)).toEqual(['user']);
});

test('every character comes out as it was, wherever the stream is cut', async () => {
  const said = 'é\u0085\u2028\u2029\uFEFF🙂\uFFFD';
  const [event] = PYTHON['in camel case'].events;
  const session = { ...PYTHON['in camel case'], events: [{ ...event, content: { parts: [{ text: said }] } }] };
  const bytes = Buffer.from(JSON.stringify(session, null, 1).replaceAll('\n', '\r\n'));
  const source = Readable.from([...bytes].map((byte) => Buffer.of(byte)));
  expect(await importSessions(source, store)).toMatchObject({ events: { converted: 1 }, refused: [] });
  expect((await store.getEvents(key)).map(({ content }) => content)).toEqual([{ parts: [{ text: said }] }]);
});

test('a session without an app needs one', async () => {
  const { appName: _, ...session } = PYTHON['in camel case'];
  const text = JSON.stringify(session);
  const error = await rejection(importSessions(Readable.from([text]), store));
  expect(error).toMatchObject({ code: 'ADK_IMPORT_SOURCE', message: expect.stringContaining('--app') });
  await importSessions(Readable.from([text]), store, { app: 'mine' });
  expect(await store.listApps()).toEqual([{ appName: 'mine', sessions: 1 }]);
});
