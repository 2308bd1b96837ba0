import { readFileSync } from 'node:fs';
import { julianDay, type Pool } from 'aiosqlite';
import {
  ArtifactStore,
  MemoryStore,
  type PruneOptions,
  prune,
  type RetentionPolicy,
  SessionStore,
} from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, ids, makeStore } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
});

const DAY = 86_400_000;
const ago = (days: number) => Date.now() - days * DAY;
const NOTHING = { sessions: 0, events: 0, memory: 0, userStates: 0, artifacts: 0 };
const session = (sessionId: string, appName = 'app', userId = 'ada') => ({ appName, userId, sessionId });

/** A session with events of so many days ago; its time is that of the last one. */
async function make(key: ReturnType<typeof session>, ...days: number[]) {
  await store.createSession(key);
  for (const [at, each] of days.entries()) {
    await store.appendEvent(event(`e${at}`, { ...key, timestamp: ago(each) }));
  }
}
const events = async (key: ReturnType<typeof session>) => ids(await store.getEvents(key));

/** Numbers of a dry run, which must change nothing and be those of the run itself; a second run finds nothing. */
async function pruneChecked(policy: RetentionPolicy, options: PruneOptions = {}) {
  const total =
    'SELECT sum(n) AS n FROM (SELECT count(*) AS n FROM adk_events UNION ALL SELECT count(*) FROM adk_sessions)';
  const before = await pool.get(total);
  const { commits } = pool.stats();
  const found = await prune(pool, policy, { ...options, dryRun: true });
  expect(pool.stats().commits).toBe(commits);
  expect(await pool.get(total)).toEqual(before);
  expect(await prune(pool, policy, options)).toEqual(found);
  expect(await prune(pool, policy, options)).toEqual(NOTHING);
  return found;
}

describe('prune() applies', () => {
  test('idleDays: sessions without a write for so long go, with events, artifacts and their place in the counts', async () => {
    const artifacts = new ArtifactStore(pool);
    await artifacts.createTables();
    await make(session('old'), 50, 40);
    await make(session('revived'), 50, 3);
    await make(session('old', 'other'), 40);
    for (const id of ['old', 'revived']) await artifacts.save({ ...session(id), name: 'a' }, { text: id });
    expect(await pruneChecked({ idleDays: 30, appName: 'app' })).toEqual({ ...NOTHING, sessions: 1 });
    expect(ids(await store.listSessions({ appName: 'app' }))).toEqual(['revived']);
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
    expect(await events(session('revived'))).toEqual(['e0', 'e1']);
    expect(await pool.get('SELECT count(*) AS n FROM adk_artifacts')).toEqual({ n: 1 });
    expect(await pruneChecked({ idleDays: 30 })).toEqual({ ...NOTHING, sessions: 1 });
  });

  test('eventDays: older events go, those of idle sessions are not counted twice', async () => {
    await make(session('s1'), 50, 20, 3);
    await make(session('idle'), 50, 40);
    await make(session('s1', 'other'), 50);
    const policy = { eventDays: 10, idleDays: 30, appName: 'app' };
    expect(await pruneChecked(policy)).toEqual({ ...NOTHING, sessions: 1, events: 2 });
    expect(await events(session('s1'))).toEqual(['e2']);
    expect(await events(session('s1', 'other'))).toEqual(['e0']);
    await store.appendEvent(event('e9', session('s1')));
    expect(await events(session('s1'))).toEqual(['e2', 'e9']);
  });

  test('eventDays: events that a rewind has removed go, too', async () => {
    await make(session('s1'), 50, 20, 3);
    const [first] = await store.getEvents(session('s1'));
    await store.rewind(session('s1'), { toSeq: first?.seq as number });
    expect(await pool.get('SELECT count(*) AS n FROM adk_rewound_events')).toEqual({ n: 2 });
    expect(await pruneChecked({ eventDays: 10 })).toEqual({ ...NOTHING, events: 2 });
    expect(await pool.get('SELECT count(*) AS n FROM adk_rewound_events')).toEqual({ n: 1 });
  });

  test('maxEventsPerSession: the newest stay, beside rules that take events and sessions already', async () => {
    await make(session('s1'), 9, 8, 7, 2, 1);
    await make(session('s2'), 1, 1);
    await make(session('idle'), 50, 50, 50, 50);
    await make(session('s1', 'other'), 1, 1, 1, 1);
    const policy = { maxEventsPerSession: 3, eventDays: 8.5, idleDays: 30, appName: 'app' };
    expect(await pruneChecked(policy)).toEqual({ ...NOTHING, sessions: 1, events: 2 });
    expect(await events(session('s1'))).toEqual(['e2', 'e3', 'e4']);
    expect(await events(session('s2'))).toEqual(['e0', 'e1']);
    expect(await pruneChecked({ maxEventsPerSession: 0 })).toEqual({ ...NOTHING, events: 3 + 2 + 4 });
    expect(await events(session('s1', 'other'))).toEqual([]);
  });

  test('memoryDays: older entries are erased, with scopes that are empty; those without a time stay', async () => {
    const memory = new MemoryStore(pool);
    await memory.createTables();
    const word = 'wordthatiserased';
    const entry = (id: string, days: number | undefined, userId = 'ada', appName = 'app') => ({
      id,
      appName,
      userId,
      scope: 'user' as const,
      content: { parts: [{ text: days && days > 30 ? `${word} ${id}` : 'kept' }] },
      ...(days !== undefined && { timestamp: ago(days) }),
    });
    await memory.add([entry('m1', 40), entry('m2', 3), entry('m3', undefined), entry('m1', 40, 'bob')]);
    await memory.add([entry('m1', 40, 'ada', 'other')]);
    await memory.add(Array.from({ length: 250 }, (_, at) => entry(`n${at}`, 35)));
    expect(await pruneChecked({ memoryDays: 30, appName: 'app' })).toEqual({ ...NOTHING, memory: 252 });
    expect(ids(await memory.search({ appName: 'app', userId: 'ada', query: 'kept?' })).sort()).toEqual(['m2', 'm3']);
    expect(await memory.search({ appName: 'app', userId: 'ada', query: word })).toEqual([]);
    expect(await pool.all('SELECT app_name, user_id FROM adk_memory_scopes')).toEqual([
      { app_name: 'app', user_id: 'ada' },
      { app_name: 'other', user_id: 'ada' },
    ]);
    expect(await pruneChecked({ memoryDays: 30 })).toEqual({ ...NOTHING, memory: 1 });
    await pool.checkpoint();
    for (const file of [on.file(), `${on.file()}-wal`]) expect(readFileSync(file).includes(word)).toBe(false);
  });

  test('userStateIdleDays: states without a write for so long go, unless a session of the user was written since', async () => {
    for (const userId of ['gone', 'active', 'recent', 'idle']) await store.updateUserState('app', userId, { a: 1 });
    await store.updateUserState('other', 'gone', { a: 1 });
    await pool.run("UPDATE adk_user_states SET update_time = ? WHERE user_id <> 'recent'", [
      julianDay.encode(ago(100)),
    ]);
    await make(session('s1', 'app', 'active'), 3);
    await make(session('s1', 'app', 'idle'), 60);
    const policy = { userStateIdleDays: 90, idleDays: 30, appName: 'app' };
    expect(await pruneChecked(policy)).toEqual({ ...NOTHING, sessions: 1, userStates: 2 });
    const left = await pool.all('SELECT app_name, user_id FROM adk_user_states ORDER BY app_name, user_id');
    expect(left.map(Object.values)).toEqual([
      ['app', 'active'],
      ['app', 'recent'],
      ['other', 'gone'],
    ]);
  });

  test('artifactOrphanDays: versions that no event mentions go, those of idle sessions with their session', async () => {
    const artifacts = new ArtifactStore(pool);
    await artifacts.createTables();
    for (const key of [session('s1'), session('idle'), session('s1', 'other')]) {
      await make(key, key.sessionId === 'idle' ? 50 : 1);
      for (const text of ['zero', 'one']) await artifacts.save({ ...key, name: 'a' }, { text });
      const actions = { artifactDelta: { a: 1 } };
      const { updateTime: timestamp } = (await store.getSession(key))!;
      await store.appendEvent(event('saved', { ...key, timestamp, actions }));
    }
    await pool.run('UPDATE adk_artifacts SET create_time = create_time - 9');
    const policy = { artifactOrphanDays: 7, idleDays: 30, appName: 'app' };
    expect(await pruneChecked(policy)).toEqual({ ...NOTHING, sessions: 1, artifacts: 1 });
    expect((await artifacts.versions({ ...session('s1'), name: 'a' })).map(({ version }) => version)).toEqual([1]);
    expect(await artifacts.versions({ ...session('s1', 'other'), name: 'a' })).toHaveLength(2);
  });
});

describe('artifactOrphanDays takes versions whose event another rule takes, and a dry run says so', () => {
  test.each<[string, RetentionPolicy, number]>([
    ['eventDays', { eventDays: 20 }, 3],
    ['maxEventsPerSession', { maxEventsPerSession: 1 }, 2],
    ['both', { maxEventsPerSession: 1, eventDays: 45 }, 2],
    ['idleDays, of a session that mentions versions of the user', { idleDays: 30 }, 3],
  ])('%s', async (_, rules, versions) => {
    const artifacts = new ArtifactStore(pool);
    await artifacts.createTables();
    const name = 'user:a';
    for (const text of ['zero', 'one', 'two']) await artifacts.save({ appName: 'app', userId: 'ada', name }, { text });
    await pool.run('UPDATE adk_artifacts SET create_time = create_time - 9');
    const old = session('old');
    await store.createSession(old);
    for (const [version, days] of [50, 40].entries()) {
      const actions = { artifactDelta: { [name]: version } };
      await store.appendEvent(event(`e${version}`, { ...old, timestamp: ago(days), actions }));
    }
    expect(await pruneChecked({ ...rules, artifactOrphanDays: 7 })).toMatchObject({ artifacts: versions });
  });
});

describe('the state at every event that is left is what it was', () => {
  const key = session('s1');
  /** Events with deltas, states set in between, a replaced state. Some values repeat, some keys are removed. */
  async function live(): Promise<void> {
    await store.createSession({ ...key, state: { start: 1, gone: 1 } });
    for (let at = 0; at < 12; at += 1) {
      const stateDelta = at % 3 === 0 ? {} : { [`k${at % 4}`]: at, gone: at === 4 ? undefined : at };
      const actions = { stateDelta };
      const timestamp = ago(at % 5 === 2 ? 1 : 50 - at);
      await store.appendEvent(event(`e${at}`, { ...key, timestamp, actions }), { session: stateDelta });
      if (at === 3) await store.mergeSessionState(key, { merged: 3, start: undefined });
      if (at === 7) await store.updateSessionState(key, { replaced: 7 });
    }
  }
  const states = async () => {
    const found = new Map<string, unknown>();
    for (const { id, seq } of await store.getEvents(key)) found.set(id, await store.stateAt(key, seq as number));
    return found;
  };

  test.each<[string, () => Promise<unknown>]>([
    ['maxEventsPerSession', () => prune(pool, { maxEventsPerSession: 5 })],
    [
      'maxEventsPerSession, one by one',
      async () => {
        for (let most = 11; most >= 4; most -= 1) await prune(pool, { maxEventsPerSession: most });
      },
    ],
    ['eventDays, which leaves younger events among older ones', () => prune(pool, { eventDays: 45 })],
    ['deleteOldEvents()', () => store.deleteOldEvents({ before: ago(42) })],
  ])('after %s', async (_, remove) => {
    await live();
    const before = await states();
    const { state } = (await store.getSession(key))!;
    await remove();
    const after = await states();
    expect(after.size).toBeGreaterThan(3);
    expect(after.size).toBeLessThan(before.size);
    for (const [id, state] of after) expect({ id, state }).toEqual({ id, state: before.get(id) });
    expect((await store.getSession(key))?.state).toEqual(state);
    const last = [...after.keys()].at(-2) as string;
    const seq = (await store.getEvents(key)).find(({ id }) => id === last)?.seq as number;
    const { session: rewound } = await store.rewind(key, { toSeq: seq });
    expect(rewound.state).toEqual(before.get(last));
  });

  test('changes of events that are gone are no rows of their own where no older event is left', async () => {
    await live();
    await prune(pool, { maxEventsPerSession: 0 });
    expect(await pool.get("SELECT count(*) AS n FROM adk_sessions_changes WHERE kind <> 'rewind'")).toEqual({ n: 0 });
    await store.appendEvent(event('e99', { ...key, timestamp: ago(0) }));
    const { state } = (await store.getSession(key))!;
    const [last] = await store.getEvents(key);
    expect(await store.stateAt(key, last?.seq as number)).toEqual(state);
  });
});

describe('prune() works', () => {
  const many = 2_300;
  async function fill() {
    await store.createSession(session('s1'));
    await store.appendEvents(
      Array.from({ length: many }, (_, at) => event(`e${at}`, { ...session('s1'), timestamp: ago(50) })),
    );
  }

  test('in small batches, and reports each', async () => {
    await fill();
    const { commits } = pool.stats();
    const progress: unknown[] = [];
    await prune(pool, { eventDays: 30 }, { onProgress: (each) => progress.push(each) });
    expect(progress).toEqual([1_000, 2_000, many].map((removed) => ({ kind: 'events', removed })));
    expect(pool.stats().commits - commits).toBe(3);
  });

  test('until it is aborted: what is done stays done, and the next run does the rest', async () => {
    await fill();
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = () => controller.abort(reason);
    const ended = prune(pool, { maxEventsPerSession: 100 }, { onProgress, signal: controller.signal });
    expect(await rejection(ended)).toBe(reason);
    expect(await pool.get('SELECT count(*) AS n FROM adk_events')).toEqual({ n: many - 1_000 });
    expect(await prune(pool, { maxEventsPerSession: 100 })).toEqual({ ...NOTHING, events: many - 1_100 });
    const late = prune(pool, { eventDays: 1 }, { signal: controller.signal });
    expect(await rejection(late)).toBe(reason);
  });

  test('on a file with auto_vacuum = incremental it gives pages back', async () => {
    const connection = await on.connect({}, on.file('small.db'));
    await connection.exec('PRAGMA auto_vacuum = incremental; VACUUM');
    const small = on.pool({ database: on.file('small.db'), synchronous: 'off' });
    store = new SessionStore(small);
    await store.createTables();
    await fill();
    const pages = async () => Number((await small.get('PRAGMA page_count'))?.page_count);
    const before = await pages();
    expect(await prune(small, { eventDays: 30 })).toEqual({ ...NOTHING, events: many });
    expect(await pages()).toBeLessThan(before / 2);
    expect(await small.get('PRAGMA freelist_count')).toEqual({ freelist_count: 0 });
  });

  test('where integers are bigints', async () => {
    const bigints = on.pool({ integerMode: 'bigint' });
    const memory = new MemoryStore(bigints);
    const artifacts = new ArtifactStore(bigints);
    await memory.createTables();
    await artifacts.createTables();
    await fill();
    await artifacts.save({ ...session('s1'), name: 'a' }, { text: 'a' });
    const content = { parts: [{ text: 'old' }] };
    await memory.add([{ id: 'm1', ...session('s1'), scope: 'user', timestamp: ago(50), content }]);
    await bigints.run('UPDATE adk_artifacts SET create_time = create_time - 9');
    const policy = { eventDays: 30, maxEventsPerSession: 5, memoryDays: 30, artifactOrphanDays: 7, idleDays: 900 };
    expect(await prune(bigints, policy, { dryRun: true })).toEqual({
      ...NOTHING,
      events: many,
      memory: 1,
      artifacts: 1,
    });
    expect(await prune(bigints, policy)).toEqual({ ...NOTHING, events: many, memory: 1, artifacts: 1 });
  });

  test('on a file without any of the tables, and on tables of other names', async () => {
    const empty = on.pool({ database: on.file('empty.db') });
    const everything = { idleDays: 0, eventDays: 0, memoryDays: 0, userStateIdleDays: 0, artifactOrphanDays: 0 };
    expect(await prune(empty, { ...everything, maxEventsPerSession: 0 })).toEqual(NOTHING);
    const tables = { sessionsTable: 'my_sessions', eventsTable: 'my_events', userStatesTable: 'my_states' };
    store = new SessionStore(empty, tables);
    await store.createTables();
    await make(session('old'), 50);
    await make(session('new'), 50, 0);
    expect(await prune(empty, { idleDays: 30, eventDays: 30 }, { tables })).toEqual({
      ...NOTHING,
      sessions: 1,
      events: 1,
    });
  });
});

test.each<[string, any, any?]>([
  ['policy must be an object', undefined],
  ['policy must be an object with a rule', {}],
  ['policy must be an object with a rule', { appName: 'app' }],
  ['policy.idledays is unknown: did you mean idleDays?', { idledays: 1 }],
  ['policy.idleDays must be a number', { idleDays: '30' }],
  ['policy.idleDays must be a number of days', { idleDays: -1 }],
  ['policy.memoryDays must be a number of days', { memoryDays: Number.NaN }],
  ['policy.eventDays must be a number of days', { eventDays: Number.POSITIVE_INFINITY }],
  ['policy.maxEventsPerSession must be a whole number', { maxEventsPerSession: 1.5 }],
  ['policy.appName must be a string', { appName: 7, idleDays: 1 }],
  ['options.dryrun is unknown', { idleDays: 1 }, { dryrun: true }],
  ['options.dryRun must be a boolean', { idleDays: 1 }, { dryRun: 'yes' }],
  ['options.onProgress must be a function', { idleDays: 1 }, { onProgress: 7 }],
  ['options.signal must be an AbortSignal', { idleDays: 1 }, { signal: {} }],
  ['eventsTable must be', { idleDays: 1 }, { tables: { eventsTable: 'no table' } }],
])('a wrong argument is named and nothing is deleted: %s', async (message, policy, options) => {
  await make(session('old'), 500);
  expect((await rejection(prune(pool, policy, options))).message).toContain(message);
  expect(await store.countSessions({ appName: 'app' })).toBe(1);
});
