/** A file that the real DatabaseSessionService of google-adk 1.4.2 has written in Berlin: fixtures/adk-python-v0.py. */
import { connect } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, type SessionStore } from 'aiosqlite/store';
import { beforeEach, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { makeStore } from '../fixtures.js';
import { actions, at, common, contentsOf, fixture, plain, s1, text } from './support.js';

const on = databases();
let store: SessionStore;
beforeEach(async () => {
  store = await makeStore(on.pool({ database: on.file('target.db') }));
});

const source = () => fixture('adk-python-v0.db', on.file('source'));

const UNREADABLE = Buffer.from(
  '\x80\x05\x95\x27\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x0cecho hostile\x94\x85\x94R\x94.',
  'latin1',
).toString('base64');

const EVENTS = [
  { ...common, id: 'e0', timestamp: at('2024-10-26T20:00:03.123'), content: text('hello'), actions },
  {
    id: 'e1',
    invocationId: 'i1',
    author: 'agent',
    branch: 'root.child',
    timestamp: at('2024-10-27T00:30:00.000'),
    content: {
      role: 'model',
      parts: [
        { functionCall: { id: 'f1', name: 'look_up', args: { snake_key: 1, in_ner: { a_b: null } } } },
        { inlineData: { mimeType: 'image/png', data: '-_8A' } },
      ],
    },
    partial: false,
    turnComplete: true,
    interrupted: false,
    errorCode: 'E1',
    errorMessage: 'went wrong',
    longRunningToolIds: ['f1'],
    groundingMetadata: { webSearchQueries: ['tea'] },
    actions: {
      skipSummarization: true,
      stateDelta: { count: 2 ** 60, nested_key: { a_b: [null, 1.5, true] }, 'app:theme': 'light' },
      artifactDelta: { 'a_b.txt': 0 },
      transferToAgent: 'other',
      escalate: true,
      requestedAuthConfigs: {
        fc_1: {
          authScheme: { type: 'apiKey', in: 'header', name: 'X-Key' },
          rawAuthCredential: { authType: 'apiKey', apiKey: 'k' },
          credentialKey: 'c',
        },
      },
    },
  },
  {
    ...common,
    id: 'e2',
    timestamp: at('2024-10-27T00:30:00.000'),
    content: text('in the same microsecond'),
    actions,
  },
  {
    ...common,
    id: 'e3',
    timestamp: at('2024-10-27T01:10:00.500'),
    content: text('after the clock went back'),
    actions,
  },
  {
    ...common,
    id: 'e4',
    timestamp: at('2024-10-27T01:40:00.000'),
    content: text('unreadable'),
    pickledActions: UNREADABLE,
  },
  {
    ...common,
    id: 'e5',
    invocationId: 'i2',
    timestamp: at('2024-10-27T09:00:00.250'),
    content: text('undone'),
    actions: { ...actions, stateDelta: { undone: 1 } },
  },
  {
    ...common,
    id: 'e6',
    invocationId: 'i3',
    timestamp: at('2024-10-27T09:00:01'),
    actions: { ...actions, stateDelta: { undone: null }, rewindBeforeInvocationId: 'i2' },
  },
  {
    ...common,
    id: 'e7',
    invocationId: 'i4',
    timestamp: at('2024-10-27T09:00:02.500'),
    content: text('last'),
    actions,
    customMetadata: { my_key: { a_b: 1 } },
    usageMetadata: { promptTokenCount: 3 },
  },
];

const REFUSED = [
  {
    table: 'events',
    row: 'e4',
    reason:
      "its actions can't be read (REDUCE at byte 47: posix.system is none of the types that are read); their bytes are kept as pickledActions",
  },
];

test('every field comes out, at its time in UTC, and the file stays as it was', async () => {
  const file = source();
  const before = contentsOf(on.file('source'));
  const report = await importSessions(file, store);
  expect(report).toEqual({
    format: 'adk-python-v0',
    timezone: report.timezone,
    sessions: { read: 5, converted: 5, unchanged: 0, refused: 0 },
    events: { read: 12, converted: 9, unchanged: 0, refused: 1 },
    refused: REFUSED,
  });
  expect(contentsOf(on.file('source'))).toEqual(before);

  const service = new SqliteSessionService(store);
  expect(plain(await service.getSession(s1))).toEqual({
    id: 's1',
    appName: 'shop',
    userId: 'ada',
    state: {
      first: 1,
      count: 2 ** 60,
      nested_key: { a_b: [null, 1.5, true] },
      lost: 1,
      undone: null,
      'app:theme': 'light',
      'user:name': 'Ada',
    },
    lastUpdateTime: at('2024-10-27T09:00:02'),
    events: EVENTS.filter(({ id }) => id !== 'e5' && id !== 'e6'),
  });
  expect(await store.getSession(s1)).toMatchObject({ createTime: at('2024-10-26T20:00:00') });
  const times = async (userId: string, sessionId: string, appName = 'shop') =>
    (await store.getEvents({ appName, userId, sessionId })).map(({ timestamp }) => new Date(timestamp).toISOString());
  expect(await times('ada', 'summer')).toEqual(['2024-07-01T10:00:01.000Z', '2024-07-01T10:00:09.000Z']);
  expect(await times('bob', 's1')).toEqual(['2024-12-01T10:00:01.000Z']);
  expect(await times('eve', 'march', 'other')).toEqual(['2025-03-30T01:30:00.000Z']);
  const padded = await service.getSession({ appName: 'shop', userId: 'bob', sessionId: ' padded ' });
  expect(padded).toMatchObject({ state: { n: 1.5, 'app:theme': 'light' }, events: [] });
});

test('integers beyond 2^53 keep their digits, in actions and in state', async () => {
  await importSessions(source(), store);
  const db = await on.connect({}, on.file('target.db'));
  const rows = await db.all<{ json: string }>(
    `SELECT json_extract(actions, '$.stateDelta.count') || '' AS json FROM adk_events WHERE author = 'agent'
     UNION ALL SELECT json_extract(state, '$.count') || '' FROM adk_sessions WHERE id = 's1' AND user_id = 'ada'`,
  );
  expect(rows.map(({ json }) => json)).toEqual(['1152921504606846977', '1152921504606846977']);
});

test('a second import finds everything there', async () => {
  const file = source();
  await importSessions(file, store);
  expect(await importSessions(file, store)).toMatchObject({
    sessions: { read: 5, converted: 0, unchanged: 5, refused: 0 },
    events: { read: 12, converted: 0, unchanged: 9, refused: 1 },
    refused: REFUSED,
  });
});

test('what a rewind has undone stays if told', async () => {
  const report = await importSessions(source(), store, { keepRewound: true });
  expect(report.events).toEqual({ read: 12, converted: 11, unchanged: 0, refused: 1 });
  const stored = await store.getEvents(s1);
  expect(stored.map(({ id }) => id)).toEqual(EVENTS.map(({ id }) => id));
  expect(stored.map(({ timestamp }) => timestamp)).toEqual(EVENTS.map(({ timestamp }) => timestamp));
});

test('the time zone is found by votes, in summer and in winter, and can be given', async () => {
  const file = source();
  const { timezone } = await importSessions(file, store, { dryRun: true });
  const offset = (date: string) =>
    new Intl.DateTimeFormat('en', { timeZone: timezone ?? '', timeZoneName: 'longOffset' }).format(Date.parse(date));
  expect(offset('2024-07-01')).toContain('GMT+02:00');
  expect(offset('2024-12-01')).toContain('GMT+01:00');
  const report = await importSessions(file, store, { timezone: 'America/New_York' });
  expect(report.timezone).toBe('America/New_York');
  const [first] = await store.getEvents(s1);
  expect(first?.timestamp).toBe(at('2024-10-27T02:00:03.123'));
});

test('a file whose sessions do not tell the zone is refused until it is given', async () => {
  const file = source();
  const db = await connect(file);
  await db.exec("UPDATE sessions SET create_time = '2000-01-01 00:00:00', update_time = '2000-01-01 00:00:00'");
  await db.close();
  const refused = await rejection(importSessions(file, store));
  expect(refused).toMatchObject({ code: 'ADK_IMPORT_SOURCE' });
  expect(refused.message).toContain('--timezone');
  expect(await store.listApps()).toEqual([]);
  expect(await importSessions(file, store, { timezone: 'Europe/Berlin' })).toMatchObject({
    timezone: 'Europe/Berlin',
    sessions: { converted: 5 },
  });
});

test('columns that can not be read refuse their event alone', async () => {
  const file = source();
  const db = await connect(file);
  await db.exec(`UPDATE events SET content = '{"parts": [NaN]}' WHERE id = 'e0' AND session_id = 'summer';
    UPDATE events SET actions = 'text' WHERE id = 'e1' AND session_id = 'summer';
    UPDATE events SET timestamp = 'yesterday' WHERE user_id = 'bob'`);
  await db.close();
  const { refused, events } = await importSessions(file, store, { timezone: 'Europe/Berlin' });
  expect(events).toEqual({ read: 12, converted: 6, unchanged: 0, refused: 4 });
  expect(refused.map(({ row, reason }) => `${row}: ${reason}`).sort()).toEqual([
    'e0: its content has NaN or Infinity, which JSON has not',
    'e0: its timestamp is no time',
    'e1: its actions are no pickle',
    expect.stringContaining('e4: '),
  ]);
});
