import type { Pool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';

import { rejection } from '../support/rejection.js';
import { gate } from '../support/time.js';
import { event, ids, key, makeStore } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await pool.exec('CREATE TABLE orders (id)');
});

describe('with(tx)', () => {
  test("commits with the caller's own writes", async () => {
    await pool.transaction(async (tx) => {
      await tx.run('INSERT INTO orders VALUES (1)');
      const inside = store.with(tx);
      await inside.createSession({ ...key, app: { a: 1 } });
      await inside.appendEvent(event('e1'), { session: { b: 2 } });
      await inside.appendEvents([event('e2'), event('e1')]);
      expect(ids(await inside.getEvents(key))).toEqual(['e1', 'e2']);
    });
    expect(await store.loadSession(key)).toMatchObject({ session: { state: { b: 2 } }, appState: { a: 1 } });
    expect(await pool.get('SELECT count(*) AS n FROM orders')).toEqual({ n: 1 });
  });

  test('is undone with them', async () => {
    await store.createSession(key);
    const undone = pool.transaction(async (tx) => {
      await tx.run('INSERT INTO orders VALUES (1)');
      await store.with(tx).appendEvent(event('e1'), { session: { b: 2 }, user: { c: 3 } });
      await store.with(tx).updateAppState('app', { a: 1 });
      throw new Error('undo');
    });
    expect((await rejection(undone)).message).toBe('undo');
    expect(await store.loadSession(key)).toEqual({
      session: expect.objectContaining({ state: {}, revision: 1 }),
      appState: {},
      userState: {},
      events: [],
    });
  });

  test('remembers nothing that was undone', async () => {
    await store.createSession(key);
    await rejection(
      pool.transaction(async (tx) => {
        await store.with(tx).appendEvent(event('undone'));
        throw new Error('undo');
      }),
    );
    await new SessionStore(pool).appendEvent(event('theirs'));
    for (const id of ['theirs', 'undone', 'theirs']) await store.appendEvent(event(id));
    expect(ids(await store.getEvents(key))).toEqual(['theirs', 'undone']);
  });

  test('what a store refuses undoes only its own call', async () => {
    await pool.transaction(async (tx) => {
      const inside = store.with(tx);
      await inside.createSession(key);
      expect(await rejection(inside.createSession({ ...key, app: { a: 1 } }))).toMatchObject({
        code: 'ADK_SESSION_EXISTS',
      });
      const none = event('e1', { sessionId: 'none' });
      expect(await rejection(inside.appendEvent(none))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
      expect(await rejection(inside.appendEvent(event('e1'), {}, { expectedRevision: 9 }))).toMatchObject({
        code: 'ADK_STALE_SESSION',
      });
      await inside.appendEvent(event('e2'));
    });
    expect(ids(await store.getEvents(key))).toEqual(['e2']);
    expect(await store.getAppState('app')).toEqual({});
  });

  test('does everything that the store does', async () => {
    await store.createSession(key);
    await store.appendEvent(event('e1', { timestamp: 1 }));
    await pool.transaction(async (tx) => {
      const inside = store.with(tx);
      expect(await inside.getSession(key)).toMatchObject({ id: 's1' });
      expect(await inside.listSessionPage({ appName: 'app' })).toMatchObject({ total: 1 });
      expect(await inside.deleteOldEvents({ before: 2 })).toBe(1);
      expect(await inside.deleteIdleSessions({ idleSince: 2 })).toBe(1);
      expect(await inside.countSessions({ appName: 'app' })).toBe(0);
    });
  });

  test('is closed with the transaction', async () => {
    const inside = await pool.transaction(async (tx) => store.with(tx));
    expect(await rejection(inside.getSession(key))).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
  });
});

describe('a write of the store inside a transaction on its own database rejects ERR_NESTED_ACQUIRE, where it would wait for', () => {
  const writes: Record<string, (of: SessionStore) => Promise<unknown>> = {
    'updateAppState()': (of) => of.updateAppState('app', { x: 1 }),
    'mergeSessionState()': (of) => of.mergeSessionState(key, { x: 1 }),
    'appendEvents()': (of) => of.appendEvents([event('inside')]),
    'deleteUser()': (of) => of.deleteUser({ appName: 'app', userId: 'ada' }),
    'appendEvent()': (of) => of.appendEvent(event('inside'), { app: { x: 1 } }),
  };
  const others: Record<string, (of: SessionStore) => Promise<unknown>[]> = {
    'an append': (of) => [of.appendEvent(event('b'), { app: { y: 1 } })],
    'a write behind an append': (of) => [
      of.appendEvent(event('b'), { app: { y: 0 } }),
      of.updateAppState('app', { y: 1 }),
    ],
  };
  const cases = ['pool', 'connection'].flatMap((kind) =>
    Object.keys(others).flatMap((other) => Object.keys(writes).map((name) => [other, name, kind] as const)),
  );

  test.each(cases)('%s: %s, on a %s', async (other, name, kind) => {
    const db = kind === 'pool' ? pool : await on.connect();
    const own = new SessionStore(db);
    await own.createSession(key);
    await own.appendEvent(event('a'));
    const [begun, called] = [gate(), gate()];
    const transaction = db.transaction(async (tx) => {
      await tx.run('INSERT INTO orders VALUES (1)');
      begun.open();
      await called.opened;
      const refused = writes[name]?.(own) as Promise<unknown>;
      expect(await rejection(refused)).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
    await begun.opened;
    const outside = others[other]?.(own);
    called.open();
    await transaction;
    await Promise.all(outside ?? []);
    await own.updateAppState('app', { z: 1 });
    expect(await own.getAppState('app')).toEqual({ y: 1, z: 1 });
    expect(ids(await own.getEvents(key))).toEqual(['a', 'b']);
  });
});
