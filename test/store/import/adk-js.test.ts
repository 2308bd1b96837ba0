import { createEvent, type DatabaseSessionService, type Event, type Session } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, SessionStore } from 'aiosqlite/store';
import { expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { makeAdkFile } from './adk-js-file.js';
import { contentsOf, plain } from './support.js';

const on = databases();

const every = (id: string, timestamp: number): Event =>
  createEvent({
    id,
    invocationId: 'e-1',
    author: 'agent',
    branch: 'root.child',
    timestamp,
    longRunningToolIds: ['t1'],
    partial: false,
    turnComplete: true,
    interrupted: false,
    errorCode: 'E1',
    errorMessage: 'went wrong',
    content: {
      role: 'model',
      parts: [
        { text: 'héllo 🙂', thought: true, thoughtSignature: 'c2ln' },
        { functionCall: { id: 'f1', name: 'look_up', args: { snake_key: 1, camelKey: { inner_key: 2 } } } },
        { functionResponse: { id: 'f1', name: 'look_up', response: { some_result: [1, { deep_key: null }] } } },
        { inlineData: { mimeType: 'image/png', data: 'AAAA', displayName: 'a.png' } },
      ],
    },
    groundingMetadata: { webSearchQueries: ['tea'], searchEntryPoint: { renderedContent: '<b>' } },
    citationMetadata: { citations: [{ startIndex: 1, endIndex: 2 }] },
    usageMetadata: { promptTokenCount: 3, totalTokenCount: 5 },
    customMetadata: { my_key: 1, myOther: { a_b: 2 } },
    finishReason: 'STOP' as never,
    modelVersion: 'm-1',
    inputTranscription: { text: 'hi', finished: true },
    actions: {
      stateDelta: { plain_key: 1, camelKey: { in_side: true }, 'app:theme': 'dark', 'user:name': null },
      artifactDelta: { 'my_file.txt': 2 },
      requestedAuthConfigs: {},
      requestedToolConfirmations: { f1: { hint: 'sure?', confirmed: false } as never },
      transferToAgent: 'other',
      escalate: true,
      skipSummarization: true,
    },
  });

async function fill(service: DatabaseSessionService): Promise<void> {
  const session = await service.createSession({
    appName: 'shop',
    userId: 'ada',
    sessionId: 's1',
    state: { first: { a_b: 1 }, 'app:currency': 'EUR', 'user:tongue': 'de' },
  });
  for (let i = 0; i < 3; i += 1) await service.appendEvent({ session, event: every(`e${i}`, 1_700_000_000_000 + i) });
  await service.createSession({ appName: 'shop', userId: 'bob', sessionId: 's1', state: {} });
  await service.createSession({ appName: 'other', userId: 'ada', sessionId: ' s 1 ', state: { x: [null] } });
}

async function sessionsOf(service: DatabaseSessionService | SqliteSessionService): Promise<Session[]> {
  const keys = [
    { appName: 'shop', userId: 'ada', sessionId: 's1' },
    { appName: 'shop', userId: 'bob', sessionId: 's1' },
    { appName: 'other', userId: 'ada', sessionId: ' s 1 ' },
  ];
  return await Promise.all(keys.map(async (key) => plain(await service.getSession(key))));
}

async function target() {
  const db = on.pool({ database: on.file('target.db') });
  const store = new SessionStore(db);
  await store.createTables();
  return store;
}

test('every field of every session comes back as the old service gives it, and the file stays as it was', async () => {
  let expected: Session[] = [];
  const file = await makeAdkFile(on.file('source'), async (service) => {
    await fill(service);
    expected = await sessionsOf(service);
  });
  const before = contentsOf(on.file('source'));
  const store = await target();
  const counts = { read: 3, converted: 3, unchanged: 0, refused: 0 };
  expect(await importSessions(file, store)).toEqual({
    format: 'adk-js',
    timezone: null,
    sessions: counts,
    events: counts,
    refused: [],
  });
  expect(contentsOf(on.file('source'))).toEqual(before);
  const service = new SqliteSessionService(store);
  expect(await sessionsOf(service)).toEqual(expected);
  expect(await store.getAppState('shop')).toEqual({ currency: 'EUR', theme: 'dark' });
  expect(await store.getUserState('shop', 'ada')).toEqual({ tongue: 'de', name: null });

  const again = await importSessions(file, store);
  const unchanged = { read: 3, converted: 0, unchanged: 3, refused: 0 };
  expect(again).toMatchObject({ sessions: unchanged, events: unchanged, refused: [] });
  expect(await sessionsOf(service)).toEqual(expected);
});
