import type { Pool } from 'aiosqlite';
import { ArtifactStore, type EventRecord, MemoryStore, prune, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { all, anotherStore, event, ids, key, makeStore, sqliteDescribe, sqliteTest, within } from '../fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await store.createSession({ ...key, state: { kept: true, cart: [] } });
});

/** Appends an event of an invocation with a delta; resolves to its seq. */
async function append(id: string, invocationId: string, delta: object = {}, fields: Partial<EventRecord> = {}) {
  const actions = { stateDelta: delta, ...fields.actions };
  const stored = await store.appendEvent(event(id, { invocationId, ...fields, actions }), { session: { ...delta } });
  return stored.seq;
}

async function threeTurns(): Promise<number[]> {
  return [
    await append('e1', 'i1', { cart: ['tea'] }),
    await append('e2', 'i2', { cart: ['tea', 'milk'], late: 1 }),
    await append('e3', 'i2', { late: 2, kept: undefined }),
    await append('e4', 'i3', { last: null }),
  ];
}

const stateOf = async () => (await store.getSession(key))?.state;
const everything = async () => ({
  session: await store.getSession(key),
  events: await store.getEvents(key),
  tables: [
    ...(await all(pool, 'SELECT * FROM adk_sessions_changes ORDER BY change_key')),
    ...(await all(pool, 'SELECT * FROM adk_rewound_events ORDER BY seq')),
  ],
});

describe('rewind()', () => {
  test('removes the events of an invocation and all after it, and gives back the state before', async () => {
    await threeTurns();
    const before = await store.getSession(key);
    const { removed, session } = await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(removed).toBe(3);
    expect(session.state).toEqual({ kept: true, cart: ['tea'] });
    expect(session).toEqual(await store.getSession(key));
    expect(session.revision).toBeGreaterThan(before?.revision as number);
    expect(ids(await store.getEvents(key))).toEqual(['e1']);
  });

  test('and what is called around it without waiting count in the order of the calls', async () => {
    const rewind = () => store.rewind(key, { beforeInvocationId: 'i1' });
    await Promise.all([
      append('e1', 'i1', { cart: ['tea'] }),
      rewind(),
      append('e2', 'i1', { cart: ['milk'] }),
      store.appendEvents([event('e3', { invocationId: 'i2' }), event('e4', { invocationId: 'i2' })]),
      rewind(),
      append('e5', 'i1', { cart: ['salt'] }),
      store.mergeSessionState(key, { cart: ['none'], merged: true }),
    ]);
    const events = await store.getEvents(key);
    expect(ids(events)).toEqual(['e5']);
    expect(await stateOf()).toEqual({ kept: true, cart: ['none'], merged: true });
    expect(await store.stateAt(key, events[0]?.seq as number)).toEqual({ kept: true, cart: ['salt'] });
  });

  test('goes back to the first state of all before the first invocation', async () => {
    await threeTurns();
    expect(await store.rewind(key, { beforeInvocationId: 'i1' })).toMatchObject({ removed: 4 });
    expect(await stateOf()).toEqual({ kept: true, cart: [] });
    expect(await store.getEvents(key)).toEqual([]);
  });

  test('keeps the event of a seq, and removes what comes after it', async () => {
    const [, , third] = await threeTurns();
    expect(await store.rewind(key, { toSeq: third as number })).toMatchObject({ removed: 1 });
    expect(await stateOf()).toEqual({ cart: ['tea', 'milk'], late: 2 });
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2', 'e3']);
  });

  test('changes nothing at the end of the history', async () => {
    const [, , , last] = await threeTurns();
    const before = await everything();
    expect(await store.rewind(key, { toSeq: last as number })).toEqual({ removed: 0, session: before.session });
    expect(await everything()).toEqual(before);
  });

  test('leaves the states of app and user, and the title', async () => {
    await append('e1', 'i1', {}, { actions: { stateDelta: { 'app:a': 1, 'user:u': 1 } } });
    await store.updateAppState('app', { a: 1 });
    await store.updateUserState('app', 'ada', { u: 1 });
    await append('e2', 'i2', { x: 1 });
    await store.mergeSessionState(key, { __session_metadata__: { displayName: 'Tea' } });
    const { session } = await store.rewind(key, { beforeInvocationId: 'i1' });
    expect(session.state).toEqual({ kept: true, cart: [], __session_metadata__: { displayName: 'Tea' } });
    expect(await store.getAppState('app')).toEqual({ a: 1 });
    expect(await store.getUserState('app', 'ada')).toEqual({ u: 1 });
  });

  test('leaves other sessions alone', async () => {
    const other = { ...key, sessionId: 's2' };
    await store.createSession({ ...other, state: { mine: 1 } });
    await threeTurns();
    await store.appendEvent(event('e1', { ...other, invocationId: 'i2' }));
    const before = [await store.getSession(other), await store.getEvents(other)];
    await store.rewind(key, { beforeInvocationId: 'i2' });
    await store.undoRewind(key);
    expect([await store.getSession(other), await store.getEvents(other)]).toEqual(before);
  });

  test('makes appends with an older revision stale, and takes new ones under the same ids', async () => {
    await threeTurns();
    const { revision } = (await store.getSession(key)) as { revision: number };
    await store.rewind(key, { beforeInvocationId: 'i2' });
    const stale = store.appendEvent(event('e5'), undefined, { expectedRevision: revision });
    expect(await rejection(stale)).toMatchObject({ code: 'ADK_STALE_SESSION' });
    await append('e2', 'i4', { again: true });
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2']);
    expect(await stateOf()).toEqual({ kept: true, cart: ['tea'], again: true });
  });

  test('never brings an event back through a writer that knew it', async () => {
    const other = anotherStore(on.pool());
    await threeTurns();
    await other.appendEvent(event('e5', { invocationId: 'i4' }));
    await store.rewind(key, { beforeInvocationId: 'i2' });
    await other.appendEvent(event('e6', { invocationId: 'i5' }));
    await store.appendEvent(event('e7', { invocationId: 'i6' }));
    expect(ids(await other.getEvents(key))).toEqual(['e1', 'e6', 'e7']);
  });

  test('happens in one transaction of the caller, and is undone with it', async () => {
    await threeTurns();
    const before = await everything();
    const undone = within(pool, store, async (inside) => {
      await inside.rewind(key, { beforeInvocationId: 'i1' });
      throw new Error('undo');
    });
    await rejection(undone);
    expect(await everything()).toEqual(before);
  });

  test('removes a summary that reaches past the point, by the clock of either language', async () => {
    const timestamp = 1_800_000_000_000;
    await append('e1', 'i1', {}, { timestamp });
    const range = { isCompacted: true, startTime: timestamp, endTime: timestamp + 50 };
    await append('s1', 'i1', {}, { timestamp: timestamp + 60, extra: range });
    const compaction = { start_timestamp: timestamp / 1000, end_timestamp: (timestamp + 50) / 1000 };
    await append('s2', 'i1', {}, { timestamp: timestamp + 61, actions: { compaction } });
    await append('s3', 'i1', {}, { timestamp: timestamp + 62, extra: { ...range, endTime: timestamp + 10 } });
    await append('e2', 'i2', {}, { timestamp: timestamp + 50 });
    expect(await store.rewind(key, { beforeInvocationId: 'i2' })).toMatchObject({ removed: 3 });
    expect(ids(await store.getEvents(key))).toEqual(['e1', 's3']);
    await store.undoRewind(key);
    expect(ids(await store.getEvents(key))).toEqual(['e1', 's1', 's2', 's3', 'e2']);
  });

  test('replays what was applied, where deltas and the state delta of an event differ', async () => {
    const first = await store.appendEvent(event('e1', { actions: { stateDelta: { told: 1 } } }), {
      session: { done: 1 },
    });
    await store.appendEvent(event('e2', { actions: { stateDelta: { told: 2 } } }), { session: {} });
    await append('e3', 'i2', { done: 3 });
    expect(await store.stateAt(key, first.seq)).toEqual({ kept: true, cart: [], done: 1 });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await stateOf()).toEqual({ kept: true, cart: [], done: 1 });
    expect((await store.getEvents(key))[0]).toMatchObject({ actions: { stateDelta: { told: 1 } } });
  });

  test('keeps what was stored without an event with the moment at which it was set', async () => {
    const first = await append('e1', 'i1');
    await store.mergeSessionState(key, { between: 1, gone: 1 });
    await store.mergeSessionState(key, { between: 2, gone: undefined });
    await append('e2', 'i2', { x: 1 });
    await store.updateSessionState(key, { all: 'new' });
    await append('e3', 'i3', { y: 1 });
    expect(await store.stateAt(key, first)).toEqual({ kept: true, cart: [] });
    await store.rewind(key, { beforeInvocationId: 'i3' });
    expect(await stateOf()).toEqual({ all: 'new' });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await stateOf()).toEqual({ kept: true, cart: [], between: 2 });
    await store.rewind(key, { toSeq: first });
    expect(await stateOf()).toEqual({ kept: true, cart: [] });
  });

  test('rejects points, modes and sessions that are not there, and writes nothing', async () => {
    await threeTurns();
    const before = await everything();
    const code = async (call: Promise<unknown>) => ((await rejection(call)) as { code: string }).code;
    expect(await code(store.rewind(key, { beforeInvocationId: 'i9' }))).toBe('ADK_POINT_NOT_FOUND');
    expect(await code(store.rewind(key, { toSeq: 99 }))).toBe('ADK_POINT_NOT_FOUND');
    expect(await code(store.rewind({ ...key, sessionId: 'no' }, { toSeq: 1 }))).toBe('ADK_SESSION_NOT_FOUND');
    for (const [to, options, name] of [
      [{}, {}, 'to'],
      [{ toSeq: 1, beforeInvocationId: 'i1' }, {}, 'to'],
      [{ toSeq: -1 }, {}, 'to.toSeq'],
      [{ toSeq: Number.NaN }, {}, 'to.toSeq'],
      [{ toSeq: '1' }, {}, 'to.toSeq'],
      [{ beforeInvocationId: '\ud800' }, {}, 'to.beforeInvocationId'],
      [{ before: 1 }, {}, 'to.before'],
      [{ toSeq: 1 }, { mode: 'mark' }, 'to.toSeq'],
      [{ toSeq: 1 }, { mode: 'hide' }, 'options.mode'],
      [{ toSeq: 1 }, { archive: 1 }, 'options.archive'],
      [{ toSeq: 1 }, { artefacts: 'keep' }, 'options.artefacts'],
      [{ beforeInvocationId: 'i1' }, { mode: 'mark', archive: false }, 'options.archive'],
    ] as const) {
      const error = (await rejection(store.rewind(key, to as never, options as never))) as Error & { code: string };
      expect(error.message).toContain(name);
      expect(error.code).toMatch(/^ERR_/);
    }
    expect(await rejection(store.rewind(key, { toSeq: 1 }, { mode: 'mark' }))).toBeInstanceOf(TypeError);
    expect(await everything()).toEqual(before);
  });
});

describe('undoRewind()', () => {
  test('puts back events, seqs and state exactly, and once', async () => {
    await threeTurns();
    const before = await everything();
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await store.undoRewind(key)).toMatchObject({ restored: 3, session: { state: before.session?.state } });
    const { revision, updateTime, ...session } = (await store.getSession(key)) as Required<
      NonNullable<typeof before.session>
    >;
    expect({ session, events: await store.getEvents(key) }).toMatchObject({
      session: { state: before.session?.state },
      events: before.events,
    });
    expect((await everything()).tables).toEqual([]);
    expect(await rejection(store.undoRewind(key))).toMatchObject({ code: 'ADK_POINT_NOT_FOUND' });
  });

  test('undoes one rewind after the other, newest first, and keeps state that was set since', async () => {
    await threeTurns();
    const { state } = (await store.getSession(key)) as { state: object };
    await store.rewind(key, { beforeInvocationId: 'i3' });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    await store.mergeSessionState(key, { since: 1 });
    expect(await store.undoRewind(key)).toMatchObject({ restored: 2 });
    expect(await store.undoRewind(key)).toMatchObject({ restored: 1 });
    expect(await stateOf()).toEqual({ ...state, since: 1 });
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2', 'e3', 'e4']);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['an event was appended', () => append('e9', 'i9')],
    ['an event was replaced', () => append('e1', 'i1', { other: 1 })],
    ['an invocation was deleted', () => store.deleteInvocation(key, 'i1')],
  ])('rejects if %s since', async (_, change) => {
    await threeTurns();
    await store.rewind(key, { beforeInvocationId: 'i2' });
    await change();
    const before = await everything();
    expect(await rejection(store.undoRewind(key))).toMatchObject({ code: 'ADK_STALE_SESSION' });
    expect(await everything()).toEqual(before);
  });

  test('has nothing to put back after a rewind that kept nothing', async () => {
    await append('e1', 'i1');
    await append('e2', 'i2');
    await store.rewind(key, { beforeInvocationId: 'i2' }, { archive: false });
    expect(await rejection(store.undoRewind(key))).toMatchObject({ code: 'ADK_POINT_NOT_FOUND' });
    expect(await all(pool, 'SELECT seq FROM adk_rewound_events')).toEqual([]);
  });

  sqliteTest('finds no bytes of what a rewind has not kept', async () => {
    await append('e1', 'i1');
    await append('e2', 'i2', {}, { content: { parts: [{ text: 'zxqsecret' }] } });
    await store.rewind(key, { beforeInvocationId: 'i2' }, { archive: false });
    expect(Buffer.from(await pool.serialize()).includes('zxqsecret')).toBe(false);
  });

  test('rejects a session that is not there, and one that was never rewound', async () => {
    expect(await rejection(store.undoRewind(key))).toMatchObject({ code: 'ADK_POINT_NOT_FOUND' });
    expect(await rejection(store.undoRewind({ ...key, sessionId: 'no' }))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
  });
});

describe("rewind() with mode 'mark'", () => {
  test('appends the marker of adk-python and removes nothing; loads skip what it undoes', async () => {
    await threeTurns();
    const { removed, session } = await store.rewind(key, { beforeInvocationId: 'i2' }, { mode: 'mark' });
    expect(removed).toBe(0);
    expect(session.state).toEqual({ kept: true, cart: ['tea'] });
    const events = await store.getEvents(key);
    expect(ids(events).slice(0, 4)).toEqual(['e1', 'e2', 'e3', 'e4']);
    expect(events).toHaveLength(5);
    expect(events[4]).toMatchObject({ author: 'user', actions: { rewindBeforeInvocationId: 'i2' } });
    expect(events[4]?.invocationId).toMatch(/^e-/);
    const shown = async (filter?: object) => ids((await store.loadSession(key, filter))?.events ?? []);
    expect(await shown()).toEqual(['e1']);
    await append('e5', 'i5', { after: 1 });
    expect(await shown()).toEqual(['e1', 'e5']);
    expect(await shown({ last: 1 })).toEqual(['e5']);
    expect(await shown({ last: 2 })).toEqual(['e1', 'e5']);
    expect(await shown({ last: 9 })).toEqual(['e1', 'e5']);
    expect(await shown({ limit: 1 })).toEqual(['e1']);
    expect(await shown({ limit: 2 })).toEqual(['e1', 'e5']);
    expect(await shown({ afterSeq: events[1]?.seq })).toEqual(['e5']);
    expect(await shown({ after: events[0]?.timestamp })).toEqual(['e5']);
    expect(await shown({ limit: 0 })).toEqual([]);
  });

  test('is undone by taking the marker away', async () => {
    await threeTurns();
    const { state } = (await store.getSession(key)) as { state: object };
    await store.rewind(key, { beforeInvocationId: 'i2' }, { mode: 'mark' });
    expect(await store.undoRewind(key)).toMatchObject({ restored: 3, session: { state } });
    expect(ids((await store.loadSession(key))?.events ?? [])).toEqual(['e1', 'e2', 'e3', 'e4']);
  });
});

sqliteDescribe('artifacts follow a rewind', () => {
  const name = (name: string) => ({ ...key, name });
  const text = (text: string) => ({ text });
  let artifacts: ArtifactStore;
  beforeEach(async () => {
    artifacts = new ArtifactStore(pool);
    await artifacts.createTables();
  });
  const versions = async (of: string) => (await artifacts.versions(name(of))).map(({ version }) => version);

  test('those that a removed event names are hidden; numbers are not used again; an undo shows them', async () => {
    await artifacts.save(name('a'), text('0'));
    await append('e1', 'i1', {}, { actions: { artifactDelta: { a: 0 } } });
    await artifacts.save(name('a'), text('1'));
    await artifacts.save(name('b'), text('b'));
    await artifacts.save({ ...name('mine'), sessionId: '' }, text('mine'));
    await append('e2', 'i2', {}, { actions: { artifactDelta: { a: 1, b: 0, 'user:mine': 0 } } });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await versions('a')).toEqual([0]);
    expect(await artifacts.list(key)).not.toContain('b');
    expect(await artifacts.load(name('a'))).toMatchObject({ part: text('0') });
    expect(await artifacts.load({ ...name('mine'), sessionId: '' })).toMatchObject({ part: text('mine') });
    await store.undoRewind(key);
    expect(await versions('a')).toEqual([0, 1]);
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await artifacts.save(name('a'), text('2'))).toMatchObject({ version: 2 });
  });

  test('those that a removed event names survive a sweep, as an undo shows them again', async () => {
    for (const [at, content] of ['0', '1'].entries()) {
      await artifacts.save(name('a'), text(content));
      await append(`e${at}`, `i${at}`, {}, { actions: { artifactDelta: { a: at } } });
    }
    await artifacts.save(name('a'), text('orphan'));
    await store.rewind(key, { beforeInvocationId: 'i1' });
    expect(await artifacts.sweep({ olderThan: Date.now() + 60_000 })).toMatchObject({ versions: 1 });
    await store.undoRewind(key);
    expect(await versions('a')).toEqual([0, 1]);
    expect(await artifacts.load(name('a'))).toMatchObject({ part: text('1') });
  });

  test('those that no event names are hidden by their time', async () => {
    const timestamp = Date.now();
    await artifacts.save(name('early'), text(''));
    await artifacts.save(name('late'), text(''));
    await pool.run("UPDATE adk_artifacts SET create_time = create_time - 1 WHERE name = 'early'");
    await pool.run("UPDATE adk_artifacts SET create_time = create_time + 1 WHERE name = 'late'");
    await append('e1', 'i1', {}, { timestamp });
    await append('e2', 'i2', {}, { timestamp });
    await store.rewind(key, { beforeInvocationId: 'i2' });
    expect(await artifacts.list(key)).toEqual(['early']);
  });

  describe('after retention, of the artifact versions that no event names any more', () => {
    /** Events of long ago, each with the next version of `a`, all of which are saved now. */
    async function save(count: number) {
      for (let at = 0; at < count; at += 1) {
        await artifacts.save(name('a'), text(`${at}`));
        await append(`e${at}`, `i${at}`, {}, { timestamp: 1_000 + at, actions: { artifactDelta: { a: at } } });
      }
    }

    test('those stay that are older than one that an event before the point names, whatever their time', async () => {
      await save(4);
      expect(await prune(pool, { maxEventsPerSession: 2 })).toMatchObject({ events: 2 });
      await store.rewind(key, { beforeInvocationId: 'i3' });
      expect(await versions('a')).toEqual([0, 1, 2]);
      await store.undoRewind(key);
      expect(await versions('a')).toEqual([0, 1, 2, 3]);
    });

    test('those are hidden that are newer than one that an event after the point names, whatever their time', async () => {
      await save(2);
      await artifacts.save(name('a'), text('2'));
      await pool.run('UPDATE adk_artifacts SET create_time = 0 WHERE version = 2');
      await store.rewind(key, { beforeInvocationId: 'i1' });
      expect(await versions('a')).toEqual([0]);
    });

    test('others are judged by their time: all events before the point are gone', async () => {
      await save(3);
      await pool.run('UPDATE adk_artifacts SET create_time = 0 WHERE version = 0');
      expect(await prune(pool, { maxEventsPerSession: 1 })).toMatchObject({ events: 2 });
      await store.rewind(key, { beforeInvocationId: 'i2' });
      expect(await versions('a')).toEqual([0]);
    });

    test('an artifact that was deleted and begun anew is judged by its time', async () => {
      await artifacts.save(name('a'), text('0'));
      await artifacts.save(name('a'), text('1'));
      await append('e1', 'i1', {}, { timestamp: 1_000, actions: { artifactDelta: { a: 1 } } });
      await artifacts.delete(name('a'));
      await append('e2', 'i2', {}, { timestamp: 2_000 });
      await artifacts.save(name('a'), text('anew'));
      await store.rewind(key, { beforeInvocationId: 'i2' });
      expect(await versions('a')).toEqual([]);
    });
  });

  test("they stay with artifacts: 'keep'", async () => {
    await append('e1', 'i1');
    await artifacts.save(name('a'), text('0'));
    await append('e2', 'i2', {}, { actions: { artifactDelta: { a: 0 } } });
    await store.rewind(key, { beforeInvocationId: 'i2' }, { artifacts: 'keep' });
    expect(await versions('a')).toEqual([0]);
  });
});

sqliteDescribe('memory follows a rewind', () => {
  const say = (text: string) => ({ content: { role: 'user', parts: [{ text }] } });
  /** A memory of events, each an invocation. */
  async function remember(...events: string[]) {
    const memory = new MemoryStore(pool);
    await memory.createTables();
    for (const id of events) await append(id, `i${id}`, {}, say('tea'));
    await memory.backfill();
    const entries = () => pool.all<{ id: string }>('SELECT id FROM adk_memory ORDER BY id');
    const remembered = async () => (await entries()).map(({ id }) => id).join(' ');
    return { memory, remembered };
  }
  const markerInvocation = async () => (await store.getEvents(key)).at(-1)?.invocationId as string;

  test('removed events are not found any more, and are found again after an undo', async () => {
    const memory = new MemoryStore(pool);
    await memory.createTables();
    await append('e1', 'i1', {}, say('green tea'));
    await append('e2', 'i2', {}, say('black coffee'));
    await memory.add([
      { id: 'note', appName: 'app', userId: 'ada', scope: 'user', content: say('coffee of old').content },
    ]);
    const found = async (query: string) =>
      (await memory.search({ appName: 'app', userId: 'ada', query })).map(({ id }) => id).sort();
    await memory.backfill();
    expect(await found('tea coffee')).toEqual(['e1', 'e2', 'note']);
    for (const mode of ['remove', 'mark'] as const) {
      await store.rewind(key, { beforeInvocationId: 'i2' }, { mode });
      expect(await found('tea coffee')).toEqual(['e1', 'note']);
      await store.undoRewind(key);
      expect(await found('tea coffee')).toEqual(['e1', 'e2', 'note']);
    }
    await store.deleteInvocation(key, 'i1');
    expect(await found('tea coffee')).toEqual(['e2', 'note']);
  });

  test('events that a marker has undone are found again, once a rewind removes the marker', async () => {
    const memory = new MemoryStore(pool);
    await memory.createTables();
    for (const id of ['e1', 'e2', 'e3']) await append(id, `i${id}`, {}, say('tea'));
    await memory.backfill();
    const [, second] = await store.getEvents(key);
    await store.rewind(key, { beforeInvocationId: 'ie2' }, { mode: 'mark' });
    await store.rewind(key, { toSeq: second?.seq as number });
    const { appName, userId } = key;
    const found = await memory.search({ appName, userId, query: 'tea please' });
    expect(found.map(({ id }) => id).sort()).toEqual(['e1', 'e2']);
  });

  test('integers that are bigints make no difference', async () => {
    const exact = new SessionStore(on.pool({ integerMode: 'bigint' }));
    const { remembered } = await remember('e1', 'e2');
    await exact.rewind(key, { beforeInvocationId: 'ie2' }, { mode: 'mark' });
    expect(await remembered()).toBe('e1');
    await exact.rewind(key, { beforeInvocationId: await markerInvocation() });
    expect(await remembered()).toBe('e1 e2');
    await exact.undoRewind(key);
    expect(await remembered()).toBe('e1');
  });

  test.each(['remove', 'mark'] as const)(
    'events that a marker has undone come back with a rewind over it, and go with its undo: %s',
    async (mode) => {
      const { memory, remembered } = await remember('e1', 'e2');
      await store.rewind(key, { beforeInvocationId: 'ie2' }, { mode: 'mark' });
      const marker = await markerInvocation();
      for (const before of ['e1', 'e1 e3']) {
        if (before !== 'e1') await append('e3', 'ie3', {}, say('tea'));
        await memory.backfill();
        expect(await remembered()).toBe(before);
        await store.rewind(key, { beforeInvocationId: marker }, { mode });
        expect(await remembered()).toBe('e1 e2');
        await store.undoRewind(key);
        expect(await remembered()).toBe(before);
      }
    },
  );

  test('events that a marker has undone come back once the invocation of the marker is deleted', async () => {
    const { memory, remembered } = await remember('e1', 'e2', 'e3');
    await store.rewind(key, { beforeInvocationId: 'ie2' }, { mode: 'mark' });
    const marker = await markerInvocation();
    for (const id of ['e4', 'e5']) await append(id, `i${id}`, {}, say('tea'));
    await memory.backfill();
    await memory.delete({ appName: key.appName, userId: key.userId, ids: ['e1', 'e4'] });
    expect(await remembered()).toBe('e5');
    await store.deleteInvocation(key, marker);
    expect(await remembered()).toBe('e2 e3 e5');
  });

  test('an entry that was erased does not come back with a marker that undid nothing of it any more', async () => {
    const marker = (id: string, before: string) =>
      append(id, id, {}, { actions: { rewindBeforeInvocationId: before } });
    for (const gone of ['delete', 'rewind']) {
      const { memory, remembered } = await remember(`${gone}1`, `${gone}2`, `${gone}3`);
      await marker(`${gone}4`, `i${gone}2`);
      await marker(`${gone}5`, `i${gone}3`); // takes the marker before it back
      await memory.backfill();
      const before = await remembered();
      await memory.delete({ appName: key.appName, userId: key.userId, ids: [`${gone}2`] });
      if (gone === 'delete') await store.deleteInvocation(key, `${gone}4`);
      else await store.rewind(key, { beforeInvocationId: `i${gone}3` });
      expect(await remembered()).toBe(before.replace(` ${gone}2`, ''));
    }
  });

  test('an entry that was erased does not come back with a summary that is older than it', async () => {
    const { memory, remembered } = await remember('e1');
    const compaction = { startTimestamp: 1, endTimestamp: 4e9, compactedContent: { role: 'model', parts: [] } };
    await append('sum', 'isum', {}, { actions: { compaction } });
    for (const id of ['e2', 'e3']) await append(id, `i${id}`, {}, say('tea'));
    await memory.backfill();
    await memory.delete({ appName: key.appName, userId: key.userId, ids: ['e2'] });
    await store.rewind(key, { beforeInvocationId: 'ie3' });
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2']);
    await store.undoRewind(key);
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'sum', 'e2', 'e3']);
    expect(await remembered()).toBe('e1 e3');
  });

  test.each(['remove', 'mark'] as const)(
    'an entry that was erased does not come back with an undo: %s',
    async (mode) => {
      const memory = new MemoryStore(pool);
      await memory.createTables();
      await append('e1', 'i1', {}, say('green tea'));
      await append('e2', 'i2', {}, say('black coffee'));
      await memory.backfill();
      const { appName, userId } = key;
      await memory.delete({ appName, userId, ids: ['e1'] });
      await store.rewind(key, { beforeInvocationId: 'i2' }, { mode });
      await store.undoRewind(key);
      const found = await memory.search({ appName, userId, query: 'tea coffee' });
      expect(found.map(({ id }) => id)).toEqual(['e2']);
    },
  );
});

test('state that is set after the deletion of the last events counts behind what was set before', async () => {
  await append('e1', 'i1');
  await store.updateSessionState(key, { old: 1 });
  await store.deleteInvocation(key, 'i1');
  await store.updateSessionState(key, { new: 1 });
  await append('e2', 'i2');
  const [event] = await store.getEvents(key);
  expect(await store.stateAt(key, event?.seq as number)).toEqual({ new: 1 });
});
