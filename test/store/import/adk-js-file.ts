import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BaseSessionService, createEvent, DatabaseSessionService, type Event, type Session } from '@google/adk';
import { SqliteDriver } from '@mikro-orm/sqlite';
import sqlite3 from 'aiosqlite/sqlite3';
import { plain } from './support.js';

const require = createRequire(import.meta.url);
const KnexSqlite3 = require('knex/lib/dialects/sqlite3');

/** The sqlite3 package has no binding here: the same API of this package is in its place. */
class Client extends KnexSqlite3 {
  _driver() {
    return sqlite3;
  }
}

/** Makes a file with ADK's own DatabaseSessionService over MikroORM, in a folder of its own. */
export async function makeAdkFile(
  folder: string,
  work: (service: DatabaseSessionService) => Promise<void>,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const filename = join(folder, 'adk.db');
  const service = new DatabaseSessionService({
    driver: SqliteDriver,
    dbName: filename,
    driverOptions: { client: Client, connection: { filename }, useNullAsDefault: true },
  } as never);
  await service.init();
  await work(service);
  await (service as unknown as { orm: { close(): Promise<void> } }).orm.close();
  return filename;
}

/** An event with a value in every field. */
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

/** Three sessions with events and states. */
export async function fill(service: BaseSessionService): Promise<void> {
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

/** The same sessions as a service gives them. */
export async function sessionsOf(service: BaseSessionService): Promise<Session[]> {
  const keys = [
    { appName: 'shop', userId: 'ada', sessionId: 's1' },
    { appName: 'shop', userId: 'bob', sessionId: 's1' },
    { appName: 'other', userId: 'ada', sessionId: ' s 1 ' },
  ];
  return await Promise.all(keys.map(async (key) => plain(await service.getSession(key))));
}
