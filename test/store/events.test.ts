import type { Pool } from 'aiosqlite';
import { type EventRecord, SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { anotherStore, event, ids, key, makeStore, sqliteDescribe, sqliteTest } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await store.createSession({ ...key, state: { a: 1 } });
});

const stored = async () => ids(await store.getEvents(key));

describe('appendEvent()', () => {
  test('stores the event, sets the time of the session and raises its revision', async () => {
    const first = event('e1', { content: { parts: [{ text: 'hello' }] } });
    expect(await store.appendEvent(first)).toEqual({ seq: 1, updateTime: first.timestamp, revision: 2 });
    const second = event('e2');
    expect(await store.appendEvent(second)).toEqual({ seq: 2, updateTime: second.timestamp, revision: 3 });
    expect(await store.getEvents(key)).toEqual([
      { ...first, seq: 1 },
      { ...second, seq: 2 },
    ]);
    expect(await store.getSession(key)).toMatchObject({ updateTime: second.timestamp, revision: 3 });
  });

  test('keeps every field of an event: those without a column go to extra, as through the session service', async () => {
    const fields = { usageMetadata: { promptTokenCount: 3 }, finishReason: null, output: undefined };
    const given: EventRecord = event('e1', { ...fields, extra: { old: 1, finishReason: 'STOP' } } as object);
    Object.defineProperty(given, '__proto__', { value: 2, enumerable: true });
    const before = structuredClone(given);
    await store.appendEvent(given);
    await store.appendEvents([event('e2', fields as object)]);
    const [first, second] = await store.getEvents(key);
    const { output: _, ...kept } = fields;
    expect(first?.extra).toEqual({ old: 1, ...kept, ['__proto__']: 2 });
    expect(second?.extra).toEqual(kept);
    expect(given).toEqual(before);
    await store.appendEvent({ ...first, id: 'e3' } as EventRecord);
    expect((await store.getEvents(key))[2]?.extra).toEqual(first?.extra);
  });

  test('sets the time that is read afterwards, also where a timestamp has more digits than are kept', async () => {
    for (const [at, timestamp] of [1_732_968_271_123.4568, 0.5, 8.64e15].entries()) {
      const { updateTime } = await store.appendEvent(event(`e${at}`, { timestamp }));
      expect(await store.getSession(key)).toMatchObject({ updateTime });
    }
  });

  test('keeps the order of the appends, whatever the timestamps say', async () => {
    for (const [id, timestamp] of Object.entries({ a: 3_000, b: 1_000, c: 2_000, d: 2_000 })) {
      await store.appendEvent(event(id, { timestamp }));
    }
    expect(await stored()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('applies deltas to each scope: values are replaced, null is stored, other keys stay', async () => {
    await store.updateSessionState(key, { a: { deep: 1 }, b: 2, c: 3 });
    await store.updateAppState('app', { x: 1 });
    const deltas = { session: { a: { other: 2 }, b: null }, app: { y: [2] }, user: { z: 3 } };
    await store.appendEvent(event('e1'), deltas);
    expect(await store.loadSession(key)).toMatchObject({
      session: { state: { a: { other: 2 }, b: null, c: 3 } },
      appState: { x: 1, y: [2] },
      userState: { z: 3 },
    });
  });

  test("does not apply the event's own stateDelta, but stores it", async () => {
    await store.appendEvent(event('e1', { actions: { stateDelta: { a: 2 } } }));
    expect(await store.loadSession(key)).toMatchObject({
      session: { state: { a: 1 } },
      events: [{ actions: { stateDelta: { a: 2 } } }],
    });
  });

  test('takes any key in a delta', async () => {
    const delta = JSON.parse('{"__proto__": 1, "constructor": 2, "a\\u0000b": 3, "q\\"": 4, "": 5, "a.b[0]": 6}');
    await store.appendEvent(event('e1'), { session: delta, app: delta, user: delta });
    await store.appendEvent(event('e2'), { session: { 'a\u0000': 7 } });
    const loaded = await store.loadSession(key);
    expect(loaded?.appState).toEqual(delta);
    expect(loaded?.userState).toEqual(delta);
    expect(Object.entries(loaded?.session.state ?? {})).toEqual([['a', 1], ...Object.entries(delta), ['a\u0000', 7]]);
    expect(({} as any).polluted).toBeUndefined();
  });

  test('replaces an event of the same id at its place, and applies the deltas again', async () => {
    for (const id of ['e1', 'e2', 'e3']) await store.appendEvent(event(id), { session: { last: id } });
    const again = event('e2', { author: 'model' });
    expect(await store.appendEvent(again, { session: { last: 'again' } })).toMatchObject({ seq: 2, revision: 5 });
    expect(await stored()).toEqual(['e1', 'e2', 'e3']);
    expect((await store.getEvents(key))[1]).toEqual({ ...again, seq: 2 });
    expect((await store.getSession(key))?.state.last).toBe('again');
  });

  test('finds the event to replace also where this store has never seen the session', async () => {
    for (const id of ['e1', 'e2', 'e3']) await store.appendEvent(event(id));
    const fresh = anotherStore(pool);
    for (const id of ['e2', 'e4', 'e1', 'e4']) await fresh.appendEvent(event(id));
    expect(await stored()).toEqual(['e1', 'e2', 'e3', 'e4']);
  });

  test('finds the event to replace also where somebody else has appended it', async () => {
    const other = anotherStore(pool);
    await store.appendEvent(event('mine'));
    await other.appendEvent(event('theirs'));
    await store.appendEvent(event('theirs', { author: 'me' }));
    await other.appendEvent(event('mine', { author: 'them' }));
    await other.appendEvent(event('unseen'));
    await store.appendEvent(event('seen'));
    await store.appendEvent(event('unseen', { author: 'me' }));
    expect((await store.getEvents(key)).map(({ id, author }) => `${id} by ${author}`)).toEqual([
      'mine by them',
      'theirs by me',
      'unseen by me',
      'seen by user',
    ]);
  });

  test('lets sessions have events of the same id', async () => {
    const other = { ...key, sessionId: 's2' };
    await store.createSession(other);
    await store.appendEvent(event('e1'));
    await store.appendEvent(event('e1', other));
    expect(await stored()).toEqual(['e1']);
    expect(ids(await store.getEvents(other))).toEqual(['e1']);
  });

  test('with the same id many times at once stores one event', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, at) => store.appendEvent(event(`e${at % 3}`))));
    expect((await stored()).sort()).toEqual(['e0', 'e1', 'e2']);
    expect(await store.getSession(key)).toMatchObject({ revision: 31 });
  });

  sqliteTest('rejects a session that is not there, and writes nothing', async () => {
    const other = { ...key, sessionId: 'none' };
    const deltas = { session: { a: 2 }, app: { x: 1 }, user: { y: 1 } };
    expect(await rejection(store.appendEvent(event('e1', other), deltas))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
      message: 'Session none not found',
    });
    expect(await store.getAppState('app')).toEqual({});
    expect(await pool.get('SELECT count(*) AS n FROM adk_events')).toEqual({ n: 0 });
  });

  test('rejects one that is not there any more, though it was known', async () => {
    await store.appendEvent(event('e1'));
    await anotherStore(pool).deleteSession(key);
    expect(await rejection(store.appendEvent(event('e2')))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    await store.createSession(key);
    expect(await store.appendEvent(event('e3'))).toMatchObject({ revision: 2 });
    expect(await stored()).toEqual(['e3']);
  });

  sqliteTest('rejects one that has another name now, though it was known', async () => {
    await store.appendEvent(event('e1'));
    await pool.run("UPDATE adk_sessions SET user_id = 'bob' WHERE id = 's1'");
    expect(await rejection(store.appendEvent(event('e2')))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    await store.appendEvent(event('e2', { userId: 'bob' }));
    expect(ids(await store.getEvents({ ...key, userId: 'bob' }))).toEqual(['e1', 'e2']);
  });

  test('meets the new session where a known one was deleted and created again by others', async () => {
    const other = anotherStore(pool);
    await store.appendEvent(event('e1'));
    await other.deleteSession(key);
    await other.createSession(key);
    await other.appendEvent(event('e2'));
    expect(await store.appendEvent(event('e1'))).toMatchObject({ revision: 3 });
    expect(await stored()).toEqual(['e2', 'e1']);
  });

  sqliteTest('stays exact where a transaction of the caller undid appends that were known', async () => {
    const db = await on.connect();
    const mine = new SessionStore(db);
    await mine.appendEvent(event('e1'));
    await db.exec('BEGIN');
    await mine.appendEvent(event('undone'));
    await db.exec('ROLLBACK');
    await store.appendEvent(event('theirs'));
    await mine.appendEvent(event('theirs', { author: 'me' }));
    await mine.appendEvent(event('undone'));
    await mine.appendEvent(event('undone'));
    expect(await stored()).toEqual(['e1', 'theirs', 'undone']);
  });

  test('with expectedRevision appends to that revision only, and otherwise writes nothing', async () => {
    const { revision } = await store.appendEvent(event('e1'), {}, { expectedRevision: 1 });
    await store.appendEvent(event('e2'), {}, { expectedRevision: revision });
    const late = store.appendEvent(event('e3'), { session: { a: 2 }, app: { x: 1 } }, { expectedRevision: revision });
    expect(await rejection(late)).toMatchObject({
      code: 'ADK_STALE_SESSION',
      message: 'Session s1 was changed since it was read',
    });
    expect(await stored()).toEqual(['e1', 'e2']);
    expect(await store.loadSession(key)).toMatchObject({ session: { state: { a: 1 }, revision: 3 }, appState: {} });
  });

  test('lets one of many with the same expectedRevision through', async () => {
    const calls = Array.from({ length: 20 }, (_, at) =>
      store.appendEvent(event(`e${at}`), {}, { expectedRevision: 1 }),
    );
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await stored()).toHaveLength(1);
  });

  test('counts every kind of write to the session, and none to shared states', async () => {
    const revisions: (number | undefined)[] = [];
    const look = async () => revisions.push((await store.getSession(key))?.revision);
    for (const write of [
      () => store.appendEvent(event('e1')),
      () => store.appendEvent(event('e1')),
      () => store.updateSessionState(key, {}),
      () => store.appendEvents([event('e2'), event('e3')]),
      () => store.updateAppState('app', { a: 1 }),
      () => store.updateUserState('app', 'ada', { a: 1 }),
    ]) {
      await write();
      await look();
    }
    expect(revisions).toEqual([2, 3, 4, 6, 6, 6]);
  });

  test('stores the event and the deltas as they were at the call', async () => {
    const mine = event('e1', { content: { parts: ['before'] }, actions: { stateDelta: { a: 2 } } });
    const delta = { a: 2 };
    const appending = store.appendEvent(mine, { session: delta });
    Object.assign(mine, { id: 'changed', sessionId: 'changed', content: {} });
    mine.actions.stateDelta = {};
    delta.a = 3;
    await appending;
    expect(await store.loadSession(key)).toMatchObject({
      session: { state: { a: 2 } },
      events: [{ id: 'e1', content: { parts: ['before'] }, actions: { stateDelta: { a: 2 } } }],
    });
  });

  sqliteTest('whoever appends which ids at the same time: each is there, once', async () => {
    const writers = [store, anotherStore(pool), anotherStore(pool)];
    const steps = fc.array(
      fc.record({
        who: fc.nat({ max: 2 }),
        id: fc.nat({ max: 8 }),
        what: fc.constantFrom('append', 'append', 'append', 'many', 'undone', 'state', 'recreate', 'forget'),
        waits: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        await store.createSession({ ...key, ifExists: 'return' });
        await pool.run('DELETE FROM adk_events');
        let expected = new Set<string>();
        let sent: Promise<unknown>[] = [];
        for (const { who, id, what, waits } of list) {
          const writer = writers[who] as SessionStore;
          const name = `e${id}`;
          if (what !== 'append' && what !== 'state') {
            await Promise.all(sent);
            sent = [];
          }
          if (what === 'append') sent.push(writer.appendEvent(event(name)));
          if (what === 'many') await writer.appendEvents([event(name), event('x'), event(name)]);
          if (what === 'state') sent.push(writer.updateSessionState(key, {}));
          if (what === 'append' || what === 'many') expected.add(name);
          if (what === 'many') expected.add('x');
          if (what === 'undone') {
            const undone = pool.transaction(async (tx) => {
              await writer.with(tx).appendEvent(event(name));
              throw new Error('undone');
            });
            await rejection(undone);
          }
          if (what === 'recreate') {
            await writer.deleteSession(key);
            await (writers[id % 3] as SessionStore).createSession(key);
            expected = new Set();
          }
          if (what === 'forget') writers[who] = anotherStore(pool);
          if (waits) await Promise.all(sent);
        }
        await Promise.all(sent);
        expect((await stored()).sort()).toEqual([...expected].sort());
      }),
      { numRuns: 150 },
    );
  });

  sqliteTest('64 at once on 64 sessions share commits', async () => {
    const sessions = Array.from({ length: 64 }, (_, at) => ({ ...key, sessionId: `many-${at}` }));
    await Promise.all(sessions.map((session) => store.createSession(session)));
    const { commits } = pool.stats();
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        sessions.map((session) => store.appendEvent(event(`e${round}`, session), { session: { round } })),
      );
    }
    expect(pool.stats().commits - commits).toBeLessThan(320 / 3); // 5 on a machine at rest
    for (const session of sessions) expect(await store.getEvents(session)).toHaveLength(5);
  });
});

describe('appendEvents()', () => {
  test('stores all, of several sessions, in their order', async () => {
    const other = { ...key, sessionId: 's2' };
    await store.createSession(other);
    await store.appendEvents([event('a'), event('x', other), event('b'), event('a', { author: 'again' })]);
    expect((await store.getEvents(key)).map(({ id, author }) => id + author)).toEqual(['aagain', 'buser']);
    expect(ids(await store.getEvents(other))).toEqual(['x']);
  });

  test('stores all or nothing', async () => {
    const batch = [event('a'), event('b', { sessionId: 'none' }), event('c')];
    expect(await rejection(store.appendEvents(batch))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
      message: 'Session none not found',
    });
    expect(await stored()).toEqual([]);
  });

  test('takes none, and thousands', async () => {
    await store.appendEvents([]);
    await store.appendEvents(Array.from({ length: 2_000 }, (_, at) => event(`e${at}`)));
    expect(await stored()).toHaveLength(2_000);
    expect(await store.getSession(key)).toMatchObject({ revision: 2_001 });
    await store.appendEvent(event('e7'));
    expect(await stored()).toHaveLength(2_000);
  });
});

describe('getEvents()', () => {
  const at = (timestamp: number) => event(`t${timestamp}`, { timestamp });
  beforeEach(async () => {
    await store.appendEvents([at(10), at(30), at(20), at(20.5), at(40)]);
  });

  test.each<[Parameters<SessionStore['getEvents']>[1], string[]]>([
    [{}, ['t10', 't30', 't20', 't20.5', 't40']],
    [{ last: 2 }, ['t20.5', 't40']],
    [{ last: 100 }, ['t10', 't30', 't20', 't20.5', 't40']],
    [{ last: 0 }, []],
    [{ limit: 2 }, ['t10', 't30']],
    [{ limit: 0 }, []],
    [{ after: 20 }, ['t30', 't20.5', 't40']],
    [{ after: 20, last: 2 }, ['t20.5', 't40']],
    [{ after: 20, limit: 1 }, ['t30']],
    [{ after: -5 }, ['t10', 't30', 't20', 't20.5', 't40']],
    [{ after: 40 }, []],
    [{ afterSeq: 3 }, ['t20.5', 't40']],
    [{ afterSeq: 1, after: 20, limit: 2 }, ['t30', 't20.5']],
  ])('with %j', async (filter, expected) => {
    expect(ids(await store.getEvents(key, filter))).toEqual(expected);
    expect(ids((await store.loadSession(key, filter))?.events ?? [])).toEqual(expected);
  });

  test('of a session that is not there are none', async () => {
    expect(await store.getEvents({ ...key, userId: 'bob' })).toEqual([]);
  });

  test.each<[any, string, string]>([
    [{ limit: 1, last: 1 }, 'RangeError', 'limit must be absent where last is given'],
    [{ limit: -1 }, 'RangeError', 'limit must be a whole number, 0 or more'],
    [{ last: -1 }, 'RangeError', 'last must be'],
    [{ last: 1.5 }, 'RangeError', 'last must be'],
    [{ afterSeq: -1 }, 'RangeError', 'afterSeq must be'],
    [{ afterSeq: Number.NaN }, 'RangeError', 'afterSeq must be'],
    [{ after: Number.NaN }, 'RangeError', 'after must be finite'],
    [{ after: '1' }, 'TypeError', 'after must be a number, not string'],
    [{ last: '1' }, 'TypeError', 'last must be a number, not string'],
    [null, 'TypeError', 'filter must be an object, not null'],
  ])('rejects %j', async (filter, name, message) => {
    expect(await rejection(store.getEvents(key, filter))).toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
    expect(await rejection(store.loadSession(key, filter))).toMatchObject({ name });
  });
});

sqliteDescribe('with integerMode', () => {
  for (const integerMode of ['bigint', 'number'] as const)
    test(`${integerMode} everything is the same`, async () => {
      const db = await on.connect({ integerMode });
      const other = new SessionStore(db);
      const mine: EventRecord = event('e1', { partial: false, turnComplete: true, interrupted: false });
      expect(await other.appendEvent(mine, { session: { b: 2 } })).toEqual({
        seq: 1,
        updateTime: mine.timestamp,
        revision: 2,
      });
      await other.appendEvent(event('e2'));
      await other.appendEvent(event('e1', mine));
      expect((await other.getEvents(key))[0]).toEqual({ ...mine, seq: 1 });
      expect(await other.loadSession(key)).toEqual(await store.loadSession(key));
      expect(await other.listSessionPage({ appName: 'app' })).toEqual(await store.listSessionPage({ appName: 'app' }));
    });
});
