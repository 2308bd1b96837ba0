import type { Pool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { anotherStore, event, ids, key, makeStore, sqliteTest } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
});

describe('deleteIdleSessions()', () => {
  async function make(appName: string, updates: number[]) {
    for (const timestamp of updates) {
      const session = { appName, userId: 'ada', sessionId: `t${timestamp}` };
      await store.createSession(session);
      await store.appendEvent(event('e', { ...session, timestamp }));
    }
  }
  const left = async (appName: string) => ids(await store.listSessions({ appName, order: 'asc' }));

  sqliteTest('deletes what was last updated strictly before the time, with its events', async () => {
    await make('app', [1_000, 2_000, 3_000]);
    expect(await store.deleteIdleSessions({ idleSince: 2_000 })).toBe(1);
    expect(await left('app')).toEqual(['t2000', 't3000']);
    expect(await pool.get('SELECT count(*) AS n FROM adk_events')).toEqual({ n: 2 });
    expect(await store.countSessions({ appName: 'app' })).toBe(2);
  });

  test('of one app, or of all', async () => {
    for (const app of ['a', 'b', "c'"]) await make(app, [1_000, 3_000]);
    expect(await store.deleteIdleSessions({ idleSince: 2_000, appName: 'b' })).toBe(1);
    expect(await Promise.all(['a', 'b', "c'"].map(left))).toEqual([['t1000', 't3000'], ['t3000'], ['t1000', 't3000']]);
    expect(await store.deleteIdleSessions({ idleSince: 2_000 })).toBe(2);
    expect(await Promise.all(['a', 'b', "c'"].map(left))).toEqual([['t3000'], ['t3000'], ['t3000']]);
  });

  sqliteTest('in batches, between which others write', async () => {
    await make(
      'app',
      Array.from({ length: 130 }, (_, at) => 1_000 + at),
    );
    const deleting = store.deleteIdleSessions({ idleSince: 5_000 });
    const busy = { appName: 'app', userId: 'ada', sessionId: 't1000' };
    await store.appendEvent(event('now', { ...busy, timestamp: 9_000 }));
    const deleted = await deleting;
    expect(deleted).toBe(129);
    expect(ids(await store.getEvents(busy))).toEqual(['e', 'now']);
  });

  test('finds none', async () => {
    expect(await store.deleteIdleSessions({ idleSince: Date.now() })).toBe(0);
  });
});

describe('deleteOldEvents()', () => {
  test('deletes the events strictly before the time, and no session', async () => {
    await store.createSession(key);
    await store.appendEvents([10, 30, 20, 30, 40].map((timestamp, at) => event(`e${at}`, { timestamp })));
    expect(await store.deleteOldEvents({ before: 30 })).toBe(2);
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e3', 'e4']);
    expect(await store.getSession(key)).toBeDefined();
  });

  test('of one app, or of all; and goes through all events, however many', async () => {
    const other = { ...key, appName: 'other' };
    await store.createSession(key);
    await store.createSession(other);
    const many = (session: typeof key) =>
      Array.from({ length: 1_500 }, (_, at) => event(`e${at}`, { ...session, timestamp: at < 1_400 ? 1 : 9 }));
    await store.appendEvents(many(key));
    await store.appendEvents(many(other));
    expect(await store.deleteOldEvents({ before: 5, appName: 'other' })).toBe(1_400);
    expect(await store.getEvents(key)).toHaveLength(1_500);
    expect(await store.deleteOldEvents({ before: 5 })).toBe(1_400);
    expect(await store.getEvents(key)).toHaveLength(100);
    expect(await store.getEvents(other)).toHaveLength(100);
  });

  sqliteTest('goes through all events also where integers are bigints', async () => {
    const bigints = new SessionStore(await on.connect({ integerMode: 'bigint' }));
    await store.createSession(key);
    await store.appendEvents(Array.from({ length: 1_200 }, (_, at) => event(`e${at}`, { timestamp: 1 })));
    expect(await bigints.deleteOldEvents({ before: 2 })).toBe(1_200);
  });

  test('leaves the state at every other event, also where several delete at once', async () => {
    const sessions = ['s1', 's2', 's3'].map((sessionId) => ({ ...key, sessionId }));
    for (const session of sessions) {
      await store.createSession({ ...session, state: { start: 1, gone: 1 } });
      for (let at = 0; at < 10; at += 1) {
        const delta = { [`k${at % 4}`]: at, gone: at === 4 ? undefined : at };
        // Some old events stand behind younger ones.
        const fields = { ...session, timestamp: at % 3 === 2 ? 1_000 + at : at, actions: { stateDelta: delta } };
        await store.appendEvent(event(`e${at}`, fields), { session: delta });
        if (at === 3) await store.mergeSessionState(session, { merged: 3, start: undefined });
        if (at === 6) await store.updateSessionState(session, { replaced: 6, gone: undefined });
      }
    }
    const states = async () => {
      const found = new Map<string, unknown>();
      for (const session of sessions) {
        found.set(session.sessionId, (await store.getSession(session))?.state);
        for (const { id, seq } of await store.getEvents(session)) {
          found.set(`${session.sessionId} ${id}`, await store.stateAt(session, seq as number));
        }
      }
      return found;
    };
    const before = await states();
    const other = anotherStore(on.pool());
    const deleted = [
      ...(await Promise.all([store, other, store].map((each) => each.deleteOldEvents({ before: 5 })))),
      await other.deleteOldEvents({ before: 900 }),
    ];
    expect(deleted.reduce((sum, count) => sum + count, 0)).toBe(3 * 7);
    const after = await states();
    expect(after.size).toBe(3 * (1 + 3));
    for (const [name, state] of after) expect([name, state]).toEqual([name, before.get(name)]);
    await store.rewind(key, { toSeq: (await store.getEvents(key))[0]?.seq as number });
    expect((await store.getSession(key))?.state).toEqual(before.get('s1 e2'));
  });

  test('makes no difference to what an id replaces', async () => {
    await store.createSession(key);
    for (const [at, id] of ['a', 'b', 'c'].entries()) await store.appendEvent(event(id, { timestamp: at }));
    await store.deleteOldEvents({ before: 3 });
    for (const id of ['b', 'd', 'b']) await store.appendEvent(event(id));
    expect(ids(await store.getEvents(key))).toEqual(['b', 'd']);
  });
});

test.each<[any, string, string]>([
  [undefined, 'TypeError', 'filter must be an object, not undefined'],
  [{}, 'TypeError', 'must be a number, not undefined'],
  [{ time: Number.NaN }, 'RangeError', 'must be finite'],
  [{ time: new Date() }, 'TypeError', 'must be a number, not an instance of Date'],
  [{ time: 1, appName: 1 }, 'TypeError', 'appName must be a string, not number'],
])('both reject %j', async (filter, name, message) => {
  const { time, ...rest } = filter ?? {};
  const of = (key: string) => filter && { ...rest, ...('time' in filter && { [key]: time }) };
  for (const call of [() => store.deleteIdleSessions(of('idleSince')), () => store.deleteOldEvents(of('before'))]) {
    expect(await rejection(call())).toMatchObject({ name, message: expect.stringContaining(message) });
  }
});
