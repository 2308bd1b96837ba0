import type { Connection } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import type { SessionStore } from 'aiosqlite/store';
import { beforeEach, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { event, ids, key, makeStore } from '../fixtures.js';

/** A store over a connection on which the caller begins and ends transactions by hand, and one of another process. */
const on = databases();
let connection: Connection;
let store: SessionStore;
let other: SessionStore;
beforeEach(async () => {
  connection = await on.connect({ journalMode: 'wal', synchronous: 'off' });
  store = await makeStore(connection);
  other = await makeStore(await on.connect());
  await store.createSession(key);
  await store.appendEvent(event('first'));
});

/** The other one appends with the same seqs, revisions and last id as what was rolled back. */
async function sameNumbersByAnother(): Promise<void> {
  await other.appendEvent(event('q'));
  await other.appendEvent(event('y'));
  await store.appendEvent(event('q', { author: 'corrected' }));
}

const authors = async () => (await store.getEvents(key)).map(({ id, author }) => `${id} ${author}`);
const SOUND = ['first user', 'q corrected', 'y user'];

test('an event is replaced at its place after a rolled-back transaction and appends by another process', async () => {
  await connection.exec('BEGIN IMMEDIATE');
  await store.appendEvent(event('x'));
  await store.appendEvent(event('y'));
  await connection.exec('ROLLBACK');
  await sameNumbersByAnother();
  expect(await authors()).toEqual(SOUND);
});

test('also where nothing of it was awaited', async () => {
  const calls = [
    connection.exec('BEGIN IMMEDIATE'),
    store.appendEvent(event('x')),
    store.appendEvent(event('y')),
    connection.exec('ROLLBACK'),
  ];
  await Promise.all(calls);
  await sameNumbersByAnother();
  expect(await authors()).toEqual(SOUND);
});

test('also where the session itself was created in it', async () => {
  const session = { ...key, sessionId: 's2' };
  await connection.exec('BEGIN IMMEDIATE');
  await store.createSession(session);
  await store.appendEvent(event('x', session));
  await connection.exec('ROLLBACK');
  await other.createSession(session);
  await other.appendEvent(event('x', session));
  await store.appendEvent(event('x', { ...session, author: 'corrected' }));
  expect((await store.getEvents(session)).map(({ author }) => author)).toEqual(['corrected']);
});

test('a savepoint that is rolled back is as good', async () => {
  await connection.exec('BEGIN IMMEDIATE; SAVEPOINT s');
  await store.appendEvent(event('x'));
  await store.appendEvent(event('y'));
  await connection.exec('ROLLBACK TO s; COMMIT');
  await sameNumbersByAnother();
  expect(await authors()).toEqual(SOUND);
});

test('through the session service as well', async () => {
  const service = new SqliteSessionService(store);
  const session = await service.getSession(key);
  if (!session) throw new Error('no session');
  await connection.exec('BEGIN IMMEDIATE');
  for (const id of ['x', 'y']) await service.appendEvent({ session, event: event(id) as never });
  await connection.exec('ROLLBACK');
  await sameNumbersByAnother();
  expect(await authors()).toEqual(SOUND);
});

test('what was committed by hand is known afterwards like anything else', async () => {
  await connection.exec('BEGIN');
  await store.appendEvent(event('x'));
  await store.appendEvent(event('x', { author: 'again' }));
  await connection.exec('COMMIT');
  await store.appendEvent(event('z'));
  await store.appendEvent(event('x', { author: 'and again' }));
  expect(await authors()).toEqual(['first user', 'x and again', 'z user']);
  expect(ids(await other.getEvents(key))).toEqual(['first', 'x', 'z']);
});
