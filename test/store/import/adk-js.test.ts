import type { Session } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, SessionStore } from 'aiosqlite/store';
import { expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { fill, makeAdkFile, sessionsOf } from './adk-js-file.js';
import { contentsOf } from './support.js';

const on = databases();

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
