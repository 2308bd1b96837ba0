import type { Pool } from 'aiosqlite';
import { type EventRecord, type HistoryPoint, prune, type SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { event, ids, key, makeStore, sqliteTest } from '../fixtures.js';

const DAY = 86_400_000;
const OLD = Date.now() - 10 * DAY;
const NEW = Date.now() - DAY;
const before = (OLD + NEW) / 2;
/** The same cut as `before`, for `prune()`. */
const eventDays = 5;

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await store.createSession({ ...key, state: { first: true } });
});

async function append(id: string, invocationId: string, timestamp: number, delta: object = {}) {
  const record = event(id, { invocationId, timestamp, actions: { stateDelta: delta } });
  return (await store.appendEvent(record, { session: { ...delta } })).seq as number;
}

const NOTE = "SELECT value FROM adk_metadata WHERE key = 'adk_events:markers'";
const shown = async () => ids((await store.loadSession(key))?.events ?? []);

describe('events deleted between a rewind and its undo', () => {
  test('leave state that was set in between behind what comes back', async () => {
    await append('e1', 'i1', OLD, { a: 1 });
    const last = await append('e2', 'i2', NEW, { a: 2 });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    await store.mergeSessionState(key, { a: 3, b: 3 });
    expect(await store.deleteOldEvents({ before })).toBe(1);
    expect(await store.undoRewind(key)).toMatchObject({ restored: 1, session: { state: { first: true, a: 3, b: 3 } } });
    expect(await store.stateAt(key, last)).toEqual({ first: true, a: 2 });
  });

  test('do not bring back values that later events have replaced', async () => {
    await append('e0', 'i0', NEW);
    await append('e1', 'i1', OLD, { a: 1 });
    const second = await append('e2', 'i1', NEW, { a: 2 });
    await append('e3', 'i2', NEW, { b: 1 });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await store.deleteOldEvents({ before })).toBe(1);
    expect(await store.undoRewind(key)).toMatchObject({ session: { state: { first: true, a: 2, b: 1 } } });
    expect(await store.stateAt(key, second)).toEqual({ first: true, a: 2 });
  });

  sqliteTest('of the rewind itself leave their changes to the events that come back', async () => {
    await append('e1', 'i1', NEW);
    await append('e2', 'i2', OLD, { a: 1, first: undefined });
    const last = await append('e3', 'i2', NEW, { b: 1 });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await prune(pool, { eventDays })).toMatchObject({ events: 1 });
    expect(await store.undoRewind(key)).toMatchObject({ restored: 1, session: { state: { a: 1, b: 1 } } });
    expect(await shown()).toEqual(['e1', 'e3']);
    expect(await store.stateAt(key, last)).toEqual({ a: 1, b: 1 });
  });

  test('and a marker that is deleted with them leave the state before it to later events', async () => {
    await append('e1', 'i1', NEW, { a: 1 });
    await store.rewind(key, { beforeInvocationId: 'i1' }, { mode: 'mark' });
    await store.mergeSessionState(key, { b: 1 });
    expect(await store.deleteOldEvents({ before: Date.now() + DAY })).toBe(2);
    expect(await store.undoRewind(key)).toMatchObject({ restored: 0, session: { state: { first: true, a: 1, b: 1 } } });
    const later = await append('e2', 'i2', NEW, { c: 1 });
    expect(await store.stateAt(key, later)).toEqual({ first: true, a: 1, b: 1, c: 1 });
  });

  test('and a marker that is deleted before them leave the state before it to later events', async () => {
    const first = await append('e0', 'i0', Date.now() + 10 * DAY, { z: 1 });
    const second = await append('e1', 'i1', Date.now() + 10 * DAY, { a: 1 });
    await store.rewind(key, { beforeInvocationId: 'i1' }, { mode: 'mark' });
    expect(await store.deleteOldEvents({ before: Date.now() + DAY })).toBe(1);
    expect(await store.undoRewind(key)).toMatchObject({ restored: 1, session: { state: { first: true, z: 1, a: 1 } } });
    const later = await append('e2', 'i2', NEW, { c: 1 });
    const states = await Promise.all([first, second, later].map((seq) => store.stateAt(key, seq)));
    expect(states).toEqual([
      { first: true, z: 1 },
      { first: true, z: 1, a: 1 },
      { first: true, z: 1, a: 1, c: 1 },
    ]);
  });

  test('under a marker do not count as restored', async () => {
    await append('e1', 'i1', OLD, { a: 1 });
    await append('e2', 'i1', NEW, { a: 2 });
    await store.rewind(key, { beforeInvocationId: 'i1' }, { mode: 'mark' });
    await store.deleteOldEvents({ before });
    expect(await store.undoRewind(key)).toMatchObject({ restored: 1, session: { state: { first: true, a: 2 } } });
    expect(await shown()).toEqual(['e2']);
  });

  test('let state that is set afterwards follow their changes', async () => {
    const first = await append('e1', 'i1', NEW);
    await store.mergeSessionState(key, { a: 1 });
    await append('e2', 'i2', OLD, { a: 2 });
    await store.deleteOldEvents({ before });
    await store.mergeSessionState(key, { a: 3 });
    const last = await append('e3', 'i3', NEW);
    expect(await store.stateAt(key, last)).toEqual({ first: true, a: 3 });
    expect(await store.stateAt(key, first)).toEqual({ first: true });
  });
});

test('sessions that lose events keep their revision and their time: an append that saw it is not stale', async () => {
  await append('e1', 'i1', OLD, { a: 1 });
  await append('e2', 'i2', NEW, { a: 2 });
  const session = await store.getSession(key);
  expect(await store.deleteOldEvents({ before })).toBe(1);
  expect(await store.getSession(key)).toEqual(session);
  await store.appendEvent(event('e3'), undefined, { expectedRevision: session?.revision as number });
});

/** A marker as ADK appends it: no record of a rewind goes with it. */
function appendMarker(id: string, before: string, more: Partial<EventRecord> = {}) {
  const actions = { stateDelta: {}, artifactDelta: {}, rewindBeforeInvocationId: before };
  return store.appendEvent(event(id, { invocationId: id, timestamp: NEW, actions, ...more }));
}

describe('events deleted under a marker', () => {
  describe.each<[string, () => Promise<unknown>]>([
    ['of the store', () => store.rewind(key, { beforeInvocationId: 'i2' }, { mode: 'mark' })],
    ['that ADK has appended', () => appendMarker('m', 'i2')],
  ])('%s', (_, mark) => {
    async function checkHidden(remove: () => Promise<unknown>): Promise<void> {
      await append('e1', 'i1', OLD);
      await append('e2', 'i2', OLD);
      await append('e3', 'i3', NEW);
      await append('e4', 'i3', NEW);
      await mark();
      await append('e5', 'i5', NEW);
      expect(await shown()).toEqual(['e1', 'e5']);
      await remove();
      expect(await shown()).toEqual(['e5']);
    }

    test('by deleteOldEvents() show none of the others that it undoes', async () => {
      await checkHidden(() => store.deleteOldEvents({ before }));
    });

    sqliteTest('by prune(), too', async () => {
      await checkHidden(() => prune(pool, { eventDays }));
    });

    sqliteTest('by a number of events that are kept, too', async () => {
      await checkHidden(() => prune(pool, { maxEventsPerSession: 4 }));
    });

    sqliteTest('one by one by a number of events that are kept, too', async () => {
      await checkHidden(async () => {
        for (const most of [5, 4, 3]) await prune(pool, { maxEventsPerSession: most });
      });
    });
  });

  test('in a fork, which has no record of the rewind, show none of the others', async () => {
    await append('e1', 'i1', NEW);
    await append('e2', 'i2', OLD);
    await append('e3', 'i3', NEW);
    await store.rewind(key, { beforeInvocationId: 'i2' }, { mode: 'mark' });
    await store.fork(key, { sessionId: 's2' });
    await store.deleteOldEvents({ before });
    for (const sessionId of ['s1', 's2']) {
      expect(ids((await store.loadSession({ ...key, sessionId }))?.events ?? [])).toEqual(['e1']);
    }
  });

  test('that undoes a marker bring nothing back that this one had undone, and hide nothing more', async () => {
    await append('e1', 'i1', NEW);
    await append('e2', 'i2', OLD);
    await append('e3', 'i3', OLD);
    await append('e4', 'i3', NEW);
    await appendMarker('m1', 'i2');
    await append('e5', 'i5', NEW);
    await appendMarker('m2', 'i3');
    await append('e6', 'i6', NEW);
    expect(await shown()).toEqual(['e1', 'e2', 'e6']);
    expect(await store.deleteOldEvents({ before })).toBe(2);
    expect(await shown()).toEqual(['e1', 'e6']);
  });

  test('of several sessions and many batches show none of the others', async () => {
    const sessions = ['s1', 's2', 's3'].map((sessionId) => ({ ...key, sessionId }));
    for (const session of sessions) {
      if (session.sessionId !== 's1') await store.createSession(session);
      const append = (id: string, invocationId: string, timestamp: number) =>
        event(id, { ...session, invocationId, timestamp });
      const old = Array.from({ length: 900 }, (_, at) => append(`o${at}`, `i${at}`, OLD));
      const young = [append('e1', 'i700', NEW), append('e2', 'j', NEW)];
      await store.appendEvents([...old, ...young]);
      if (session.sessionId !== 's2') await appendMarker('m', 'i500', session);
      await store.appendEvent(append('e3', 'k', NEW));
    }
    expect(await store.deleteOldEvents({ before })).toBe(2_700);
    const found = await Promise.all(sessions.map((session) => store.loadSession(session)));
    expect(found.map((loaded) => ids(loaded?.events ?? []))).toEqual([['e3'], ['e1', 'e2', 'e3'], ['e3']]);
  });

  sqliteTest(
    'are found by a note of the file, which looks at each event once, and is made again where it is damaged',
    async () => {
      const note = async () => JSON.parse(String((await pool.get(NOTE))?.value));
      const seqs: number[] = [await append('e0', 'i0', OLD - DAY)];
      expect(await store.deleteOldEvents({ before: OLD })).toBe(1);
      expect(await note()).toEqual({ seq: seqs[0], sessions: [] });
      for (const id of ['2', '3']) seqs.push(await append(`e${id}`, `i${id}`, id === '2' ? OLD : NEW));
      await appendMarker('m', 'i2');
      await store.rewind(key, { beforeInvocationId: 'm' });
      await append('e4', 'i4', OLD - DAY);
      // A marker that a rewind has removed is seen, too: it may come back.
      expect(await prune(pool, { eventDays: 10.5 })).toMatchObject({ events: 1 });
      expect((await note()).sessions).toHaveLength(1);
      await pool.run("UPDATE adk_metadata SET value = '{' WHERE key = 'adk_events:markers'");
      await appendMarker('m2', 'i2');
      expect(await shown()).toEqual([]);
      expect(await prune(pool, { eventDays })).toMatchObject({ events: 1 });
      expect(await shown()).toEqual([]);
      expect((await note()).sessions).toHaveLength(1);
    },
  );

  test('by deleteInvocation() of the one that the marker names, too', async () => {
    await append('e1', 'i1', NEW);
    await append('e2', 'i2', NEW);
    await append('e3', 'i3', NEW);
    await store.rewind(key, { beforeInvocationId: 'i2' }, { mode: 'mark' });
    await store.deleteInvocation(key, 'i2');
    expect(await shown()).toEqual(['e1']);
  });

  test('by deleteInvocation() of one that markers of ADK itself name, too', async () => {
    await append('e1', 'i1', NEW);
    await append('e2', 'i2', NEW);
    await append('e3', 'i3', NEW);
    await appendMarker('m1', 'i2');
    await append('e4', 'i4', NEW);
    await appendMarker('m2', 'i2');
    await append('e5', 'i5', NEW);
    expect(await shown()).toEqual(['e1', 'e5']);
    expect(await store.deleteInvocation(key, 'i2')).toBe(1);
    expect(await shown()).toEqual(['e1', 'e5']);
    expect(await store.deleteInvocation(key, 'i3')).toBe(1);
    expect(await shown()).toEqual(['e1', 'e5']);
  });

  test('leave a marker alone that undoes nothing any more', async () => {
    await append('e1', 'i1', OLD);
    await store.rewind(key, { beforeInvocationId: 'i1' }, { mode: 'mark' });
    await append('e2', 'i2', NEW);
    await store.deleteOldEvents({ before });
    expect(await shown()).toEqual(['e2']);
  });
});

describe('forks', () => {
  const points: [string, HistoryPoint | undefined][] = [
    ['the end', undefined],
    ['a point', { beforeInvocationId: 'i3' }],
  ];
  test.each(points)('of forks have the history up to %s, however it was cut before', async (_, at) => {
    await append('e1', 'i1', OLD, { a: 1 });
    await append('e2', 'i2', NEW, { a: 2 });
    await store.mergeSessionState(key, { b: 1 });
    await store.deleteOldEvents({ before });
    const child = { ...key, sessionId: 's2' };
    await store.fork(key, { sessionId: 's2' });
    await store.appendEvent(event('e3', { ...child, invocationId: 'i3', actions: { stateDelta: { a: 3 } } }), {
      session: { a: 3 },
    });
    const grandchild = { ...key, sessionId: 's3' };
    const made = await store.fork(child, { sessionId: 's3', ...(at && { at }) });
    expect(made.state).toEqual({ first: true, a: at ? 2 : 3, b: 1 });
    const events = await store.getEvents(grandchild);
    expect(ids(events)).toEqual(at ? ['e2'] : ['e2', 'e3']);
    expect(await store.stateAt(grandchild, events[0]?.seq as number)).toEqual({ first: true, a: 2 });
  });

  test('do not take over what an undone rewind of the origin would bring back', async () => {
    await append('e1', 'i1', NEW, { a: 1 });
    await append('e2', 'i2', NEW, { a: 2 });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    await store.fork(key, { sessionId: 's2' });
    expect(await store.undoRewind({ ...key, sessionId: 's2' }).catch(({ code }) => code)).toBe('ADK_POINT_NOT_FOUND');
    expect(await store.undoRewind(key)).toMatchObject({ restored: 1, session: { state: { a: 2 } } });
    expect(ids(await store.getEvents({ ...key, sessionId: 's2' }))).toEqual(['e1']);
  });

  test('can be rewound after an invocation was deleted, with its changes kept in their place', async () => {
    await append('e1', 'i1', NEW, { a: 1 });
    await append('e2', 'i2', NEW, { a: 2 });
    await append('e3', 'i3', NEW, { a: 3 });
    await store.deleteInvocation(key, 'i2');
    await store.fork(key, { sessionId: 's2' });
    for (const sessionId of ['s1', 's2']) {
      const { session } = await store.rewind({ ...key, sessionId }, { beforeInvocationId: 'i3' });
      expect(session.state).toEqual({ first: true, a: 2 });
    }
  });
});
