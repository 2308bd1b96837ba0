import type { Pool } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, MemoryStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { contentsOf, fixture, plain, s1 } from './support.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ database: on.file('target.db') });
  store = new SessionStore(pool);
  await store.createTables();
});

/** The events of fixtures/adk-python.py as ADK for JavaScript has them. */
const EVENTS = [
  {
    id: 'e0',
    invocationId: 'i1',
    author: 'user',
    timestamp: 1_700_000_000_000,
    content: { role: 'user', parts: [{ text: 'héllo 🙂' }] },
    actions: {
      stateDelta: { plain_key: 1, 'app:theme': 'dark', 'user:name': null },
      artifactDelta: { 'a_b.txt': 0 },
      requestedAuthConfigs: {},
      requestedToolConfirmations: {},
    },
  },
  {
    id: 'e1',
    invocationId: 'i1',
    author: 'agent',
    timestamp: 1_700_000_000_000,
    branch: 'root.child',
    partial: false,
    turnComplete: true,
    interrupted: false,
    errorCode: 'E1',
    errorMessage: 'went wrong',
    finishReason: 'STOP',
    modelVersion: 'm-1',
    longRunningToolIds: ['t1'],
    content: {
      role: 'model',
      parts: [
        { functionCall: { id: 'f1', name: 'look_up', args: { snake_key: 1, camelKey: { in_ner: 2 } } } },
        { functionResponse: { id: 'f1', name: 'look_up', response: { some_result: [{ deep_key: null }] } } },
        { inlineData: { mimeType: 'image/png', data: 'AAAA', displayName: 'a.png' } },
        { thought: true, thoughtSignature: 'c2ln', text: 'hm' },
      ],
    },
    groundingMetadata: { webSearchQueries: ['tea'], searchEntryPoint: { renderedContent: '<b>' } },
    citationMetadata: { citations: [{ startIndex: 1 }] },
    usageMetadata: { promptTokenCount: 3, totalTokenCount: 5 },
    customMetadata: { my_key: 1, myOther: { a_b: 2 } },
    inputTranscription: { text: 'hi', finished: true },
    liveSessionResumptionUpdate: { newHandle: 'h' },
    futureField: { someThing: 1 },
    actions: {
      stateDelta: {},
      artifactDelta: {},
      requestedAuthConfigs: {},
      requestedToolConfirmations: {},
      skipSummarization: true,
      transferToAgent: 'other',
      escalate: true,
      agentState: { node_a: 1 },
      compaction: { startTimestamp: 1.5, endTimestamp: 2.5, compactedContent: { role: 'model', parts: [] } },
    },
  },
  {
    id: 'e2',
    invocationId: 'i2',
    author: 'user',
    timestamp: 1_700_000_000_000,
    content: { role: 'user', parts: [{ text: 'undone' }] },
    actions: { stateDelta: { plain_key: 2 } },
  },
  {
    id: 'e3',
    invocationId: 'i3',
    author: 'user',
    timestamp: 1_711_846_800_500,
    actions: { stateDelta: { plain_key: 1 }, rewindBeforeInvocationId: 'i2' },
  },
  {
    id: 'e4',
    invocationId: 'i4',
    author: 'agent',
    timestamp: 1_711_850_400_250,
    content: { role: 'model', parts: [{ text: 'after' }] },
  },
];
const WITHOUT_REWOUND = EVENTS.filter(({ id }) => id !== 'e2' && id !== 'e3');

describe.each(['adk-python-sqlite', 'adk-python-v1', 'sqlspec'])('a file of %s', (format) => {
  const memory = (counts: object) => (format === 'sqlspec' ? { memory: counts } : {});

  test('comes out with every field, without what was undone, and stays as it was', async () => {
    const file = fixture(`${format}.db`, on.file('source'));
    const before = contentsOf(on.file('source'));
    expect(await importSessions(file, store)).toEqual({
      format,
      timezone: null,
      sessions: { read: 3, converted: 3, unchanged: 0, refused: 0 },
      events: { read: 5, converted: 3, unchanged: 0, refused: 0 },
      ...memory({ read: 2, converted: 2, unchanged: 0, refused: 0 }),
      refused: [],
    });
    expect(contentsOf(on.file('source'))).toEqual(before);

    const service = new SqliteSessionService(store);
    expect(plain(await service.getSession(s1))).toEqual({
      id: 's1',
      appName: 'shop',
      userId: 'ada',
      state: { plain_key: 1, keep: { a_b: [null] }, 'app:theme': 'dark', 'user:name': null },
      lastUpdateTime: 1_711_850_400_250,
      events: WITHOUT_REWOUND,
    });
    expect(await store.getSession(s1)).toMatchObject({ createTime: 1_699_999_999_250, updateTime: 1_711_850_400_250 });
    const padded = await service.getSession({
      ...s1,
      userId: 'bob',
      sessionId: format === 'sqlspec' ? 'bob- padded ' : ' padded ',
    });
    expect(padded).toMatchObject({ state: { n: 1.5, 'app:theme': 'dark' }, events: [] });
    expect(await store.getUserState('shop', 'eve')).toEqual({ no: 'session' });
    expect(await store.getAppState('lonely')).toEqual({ x: 1 });

    expect(await importSessions(file, store)).toMatchObject({
      sessions: { read: 3, converted: 0, unchanged: 3, refused: 0 },
      events: { read: 5, converted: 0, unchanged: 3, refused: 0 },
      ...memory({ read: 2, converted: 0, unchanged: 2, refused: 0 }),
      refused: [],
    });
  });

  test('keeps what was undone if told, and loads hide it', async () => {
    const file = fixture(`${format}.db`, on.file('source'));
    const report = await importSessions(file, store, { keepRewound: true });
    expect(report.events).toEqual({ read: 5, converted: 5, unchanged: 0, refused: 0 });
    const stored = await store.getEvents(s1);
    expect(stored.map(({ id }) => id)).toEqual(EVENTS.map(({ id }) => id));
    const service = new SqliteSessionService(store);
    expect(plain(await service.getSession(s1)).events).toEqual(WITHOUT_REWOUND);
  });

  test('a dry run counts, and writes nothing', async () => {
    const file = fixture(`${format}.db`, on.file('source'));
    const report = await importSessions(file, store, { dryRun: true });
    const counts = { sessions: { converted: 3 }, events: { converted: 3 } };
    expect(report).toMatchObject({ ...counts, ...memory({ converted: 2 }) });
    expect(await store.listApps()).toEqual([]);
    expect(await store.getAppState('shop')).toEqual({});
  });

  test('another app than the one that is asked for stays out', async () => {
    const file = fixture(`${format}.db`, on.file('source'));
    const report = await importSessions(file, store, { app: 'lonely' });
    expect(report.sessions.read).toBe(0);
    expect(await store.listApps()).toEqual([]);
    expect(await store.getAppState('shop')).toEqual({});
    expect(await store.getAppState('lonely')).toEqual({ x: 1 });
  });
});

test('memory of SQLSpec is found by its words, by its user or by the whole app', async () => {
  await importSessions(fixture('sqlspec.db', on.file('source')), store);
  const memory = new MemoryStore(pool);
  const search = (userId: string, query: string) => memory.search({ appName: 'shop', userId, query });
  expect(await search('ada', 'tea?')).toEqual([
    {
      id: 'm0',
      appName: 'shop',
      userId: 'ada',
      scope: 'user',
      sessionId: 's1',
      eventId: 'e0',
      author: 'agent',
      timestamp: 1_711_850_400_250,
      content: { role: 'model', parts: [{ text: 'Ada likes tea' }, { inlineData: { mimeType: 'a/b', data: 'AAAA' } }] },
      customMetadata: { my_key: 1 },
      score: expect.any(Number),
    },
  ]);
  expect(await search('bob', 'tea?')).toEqual([]);
});
