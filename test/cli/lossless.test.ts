import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { connect, julianDay } from 'aiosqlite';
import { copySessions, type EventRecord, importSessions, type SessionKey, SessionStore } from 'aiosqlite/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HARD, key } from '../store/copy/fixtures.js';
import { event } from '../store/fixtures.js';
import { describePostgres, postgres } from '../support/postgres.js';
import { run } from './support.js';

let folder = '';
let file = '';
let other = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-lines-test-'));
  file = join(folder, 'agent.db');
  other = join(folder, 'other.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const told = key('told');
const marked = key('marked', 'ünï\u2028');
const forked = key('forked');
const empty = key('empty \0');
const folded = key('folded', 'ada', 'other');

/**
 * Sessions with everything that a history has: rewinds of both kinds, a fork, state that was merged, replaced and kept of deleted
 * events, a title, integers beyond 2^53, seqs that alternate between two sessions.
 */
async function tell(): Promise<void> {
  await using db = await connect(file, { journalMode: 'wal' });
  const store = new SessionStore(db);
  await store.createTables();
  for (const session of [told, marked]) {
    await store.createSession({
      ...session,
      state: { first: true, '2': 2, '1': 1 },
      createTime: 1_600_000_000_000,
    });
  }
  for (const [i, fields] of HARD.entries()) {
    for (const session of [told, marked]) {
      const invocationId = `i${i}`;
      await store.appendEvent(event(`e${i}`, { ...session, invocationId, ...fields }), {
        session: { last: i, [`k${i}`]: i, gone: undefined },
        app: { currency: 'EUR', [`app${i}`]: i },
        user: { tone: '\0 \ud800' },
      });
    }
    if (i === 2) await store.mergeSessionState(told, { merged: { deep: [1] }, first: undefined });
    if (i === 3) await store.updateSessionState(told, { replaced: true });
  }
  await store.rewind(told, { beforeInvocationId: 'i4' });
  await store.appendEvent(event('after', { ...told, invocationId: 'after' }), { session: { after: 1 } });
  await store.rewind(told, { beforeInvocationId: 'after' });
  await store.mergeSessionState(told, { __session_metadata__: { displayName: 'Títle' } });
  await store.rewind(marked, { beforeInvocationId: 'i3' }, { mode: 'mark' });
  await store.fork(told, { sessionId: forked.sessionId, at: { beforeInvocationId: 'i2' } });
  await store.createSession({ ...folded, state: { n: 0 } });
  for (let i = 1; i <= 4; i++) {
    const deleted = event(`d${i}`, { ...folded, invocationId: `d${i}`, timestamp: i });
    await store.appendEvent(deleted, { session: { n: i, [`d${i}`]: i } });
  }
  await store.deleteInvocation(folded, 'd3');
  await store.deleteOldEvents({ before: 2, appName: folded.appName });
  await store.createSession(key('gone'));
  await store.deleteSession(key('gone'));
  await store.createSession(empty);
  await db.batch([
    { sql: "UPDATE adk_sessions SET state = json_set(state, '$.big', 9007199254740993) WHERE id = 'told'" },
    { sql: 'UPDATE adk_app_states SET state = \'{"z":9007199254740993,"10":1,"9":2}\' WHERE app_name = \'shop\'' },
    { sql: "UPDATE adk_events SET content = '{\"n\": 9007199254740993}' WHERE session_id = 'forked' AND id = 'e0'" },
  ]);
}

const sessions: SessionKey[] = [told, marked, forked, folded, empty];

/** Everything that a store says of a session, its history among it. At last its rewinds are undone, as far as there are some. */
async function readsOf(store: SessionStore, session: SessionKey): Promise<unknown> {
  const read = async () => {
    const loaded = await store.loadSession(session);
    const { events } = await store.getEventPage(session, { limit: 1_000 });
    const states: unknown[] = [];
    for (const { seq } of events) states.push(await store.stateAt(session, Number(seq)));
    const own = (list: readonly EventRecord[]) => list.map((each) => ({ ...each, seq: 0 }));
    return { loaded: { ...loaded, events: own(loaded!.events) }, events: own(events), states };
  };
  const reads: unknown[] = [await store.getSession(session), await read()];
  for (let undone = 0; undone < 3; undone++) {
    const restored = await store.undoRewind(session).catch(({ code, message }) => `${code} ${message}`);
    reads.push(typeof restored === 'object' ? restored.restored : restored, await read());
  }
  return reads;
}

async function readsIn(database: string): Promise<unknown[]> {
  await using db = await connect(database);
  const store = new SessionStore(db);
  const reads: unknown[] = [];
  for (const session of sessions) reads.push(await readsOf(store, session));
  return reads;
}

/** The times of an undo are those of the clock. */
const timeless = (reads: unknown) =>
  JSON.parse(JSON.stringify(reads, (name, value) => (name === 'updateTime' ? undefined : value)));

/** Columns of times, which the store reads to the millisecond. */
const TIMES = ['create_time', 'update_time', 'timestamp', 'time'];

async function rowsOf(database: string): Promise<unknown> {
  await using db = await connect(database, { readonly: true });
  const rows: unknown[] = [];
  for (const [table, order] of [
    ['adk_sessions', 'id, user_id'],
    ['adk_events', 'seq'],
    ['adk_sessions_changes', 'change_key'],
    ['adk_rewound_events', 'rewind_key, seq'],
  ]) {
    const all = await db.all<any>(`SELECT * FROM ${table} ORDER BY ${order}`);
    for (const row of all) {
      delete row.session_key;
      // The order of notes means nothing.
      if (typeof row.extra === 'string') row.extra = JSON.parse(row.extra);
      for (const name of TIMES) if (name in row) row[name] = julianDay.decode(row[name]);
    }
    rows.push(all);
  }
  return rows;
}

describe('export and import', () => {
  test('keep every column of every row in a new file, and an export of it is the same byte for byte', async () => {
    await tell();
    const { status, stdout, stderr } = run(['export', file]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const imported = run(['import', '-', '--db', other, '--json'], { input: stdout });
    expect(imported.status).toBe(0);
    expect(imported.json()).toMatchObject({ sessions: { read: 5, converted: 5 }, events: { read: 16, converted: 16 } });
    expect(run(['export', other]).stdout).toBe(stdout);
    expect(run(['check', other]).status).toBe(0);
    expect(await rowsOf(other)).toEqual(await rowsOf(file));
    expect(stdout).toContain('"z":9007199254740993,"10":1');
  });

  test('keep the state at every point, and rewinds that can be undone', async () => {
    await tell();
    run(['import', '-', '--db', other], { input: run(['export', file]).stdout });
    const [there, here] = [await readsIn(other), await readsIn(file)];
    expect(timeless(there)).toEqual(timeless(here));
    // The last rewind of the first session was undone, and the one of the second.
    expect((here as unknown[][]).slice(0, 2).map((reads) => reads[2])).toEqual([1, 4]);
  });

  test('give new seqs to a session whose own are taken, and find it unchanged when it comes again', async () => {
    await tell();
    const { stdout } = run(['export', file]);
    {
      await using db = await connect(other);
      const store = new SessionStore(db);
      await store.createTables();
      await store.createSession(key('busy'));
      for (let i = 0; i < 40; i++) await store.appendEvent(event(`b${i}`, { ...key('busy'), invocationId: `b${i}` }));
      await store.rewind(key('busy'), { beforeInvocationId: 'b2' });
    }
    expect(run(['import', '-', '--db', other], { input: stdout }).status).toBe(0);
    const again = run(['import', '-', '--db', other, '--json'], { input: stdout });
    expect(again.status).toBe(0);
    expect(again.json()).toMatchObject({ sessions: { unchanged: 5 }, events: { unchanged: 16 } });
    expect(timeless(await readsIn(other))).toEqual(timeless(await readsIn(file)));
    const later = run(['import', '-', '--db', other, '--json'], { input: stdout });
    // Undone rewinds are a change.
    expect(later.json().refused.map(({ row }: { row: string }) => row)).toEqual(['told', 'marked']);
  });

  test('with --dry-run count as a run would, and write nothing', async () => {
    await tell();
    const { stdout } = run(['export', file]);
    const dry = run(['import', '-', '--db', other, '--dry-run', '--json'], { input: stdout });
    expect(dry.json()).toMatchObject({ sessions: { converted: 5 }, refused: [] });
    expect(run(['inspect', other]).status).toBe(1);
    expect(run(['import', '-', '--db', file, '--dry-run', '--json'], { input: stdout }).json()).toMatchObject({
      sessions: { unchanged: 5 },
      refused: [],
    });
  });

  test('keep JSON that has line breaks, in one line', async () => {
    {
      await using db = await connect(file);
      const store = new SessionStore(db);
      await store.createTables();
      await store.createSession({ ...told, state: { text: 'a\r\nb' } });
      await db.run("UPDATE adk_sessions SET state = replace(state, ':', ':' || char(13, 10))");
    }
    const { stdout } = run(['export', file]);
    expect(stdout.match(/[\r\n]/g)).toEqual(['\n']);
    expect(run(['import', '-', '--db', other], { input: stdout }).status).toBe(0);
    await using db = await connect(other);
    expect((await new SessionStore(db).getSession(told))?.state).toEqual({ text: 'a\r\nb' });
  });

  test('hold a session that is nested as deep as a database allows', async () => {
    {
      await using db = await connect(file);
      const store = new SessionStore(db);
      await store.createTables();
      await store.createSession(told);
      const content = JSON.parse(`${'{"a":'.repeat(999)}{}${'}'.repeat(999)}`);
      await store.appendEvent(event('deep', { ...told, content }));
    }
    const { stdout } = run(['export', file]);
    expect(run(['import', '-', '--db', other], { input: stdout }).status).toBe(0);
    expect(run(['export', other]).stdout).toBe(stdout);
  });

  describePostgres('into PostgreSQL', () => {
    const at = postgres();

    test('bring what a copy brings: states, histories, rewinds that can be undone', async () => {
      await tell();
      const lines = run(['export', file]).stdout.split('\n');
      const store = (await at.store()) as SessionStore;
      const report = await importSessions(Readable.from([lines.join('\n')]), store);
      expect(report.sessions).toEqual({ read: 5, converted: 4, unchanged: 0, refused: 1 });
      expect(report.refused).toMatchObject([{ row: 'empty \0', reason: expect.stringContaining('no id with U+0000') }]);
      const again = await importSessions(Readable.from([lines.join('\n')]), store);
      expect(again.sessions).toMatchObject({ unchanged: 4, refused: 1 });
      await using db = await connect(file);
      const from = new SessionStore(db);
      await from.deleteSession(empty);
      const copy = (await at.store()) as SessionStore;
      await copySessions(from, copy);
      for (const session of sessions.filter((each) => each !== empty)) {
        expect(timeless(await readsOf(store, session))).toEqual(timeless(await readsOf(copy, session)));
      }
    });
  });
});

describe('lines of earlier exports', () => {
  test('are imported as they were', async () => {
    const line = {
      appName: 'shop',
      userId: 'ada',
      id: 's1',
      createTime: 1_600_000_000_000,
      updateTime: 1_700_000_000_000,
      state: { a: 2 },
      appState: { currency: 'EUR' },
      userState: {},
      events: [{ id: 'e1', invocationId: 'i1', author: 'user', actions: { stateDelta: { a: 2 } }, timestamp: 1 }],
    };
    const input = `${JSON.stringify(line)}\n`;
    expect(run(['import', '-', '--db', file], { input }).status).toBe(0);
    expect(run(['import', '-', '--db', file, '--json'], { input }).json().sessions.unchanged).toBe(1);
    await using db = await connect(file);
    expect(await new SessionStore(db).loadSession(key('s1'))).toMatchObject({
      session: { state: { a: 2 }, createTime: 1_600_000_000_000, updateTime: 1_700_000_000_000 },
      appState: { currency: 'EUR' },
      events: [{ id: 'e1', actions: { stateDelta: { a: 2 } } }],
    });
  });
});

describe('a line that was changed', () => {
  const change = (session: any) => session.changes[0];
  const edits: [string, (session: any) => void, string][] = [
    ['a revision that is text', (s) => (s.revision = 'secret'), 'the session has no valid revision'],
    ['an initial state that is a list', (s) => (s.initialState = ['secret']), 'the session has no valid initialState'],
    ['an id with a lone surrogate', (s) => (s.userId = 'secret \ud800'), 'its userId is no valid id'],
    ['an event without a seq', (s) => delete s.events[1].seq, 'events[1] has no valid seq'],
    ['an event without actions', (s) => delete s.events[0].actions, 'events[0] has no valid actions'],
    ['an author that is a number', (s) => (s.events[0].author = 5), 'events[0] has no valid author'],
    ['a flag that is text', (s) => (s.events[0].partial = 'secret'), 'events[0] has no valid partial'],
    ['a list that is text', (s) => (s.events[0].longRunningToolIds = 's'), 'events[0] has no valid longRunningToolIds'],
    ['a time that is text', (s) => (s.events[2].timestamp = 'secret'), 'events[2] has no valid timestamp'],
    ['two events of one seq', (s) => (s.events[1].seq = s.events[0].seq), 'events are not in ascending order'],
    ['two events of one id', (s) => (s.events[1].id = s.events[0].id), 'two of its events have one id'],
    ['a change without a value', (s) => delete change(s).value, 'changes[0] has no valid value'],
    ['a change of an unknown kind', (s) => (change(s).kind = 'secret'), 'changes[0] has no valid kind'],
    ['a change of seq -1', (s) => (change(s).seq = -1), 'changes[0] has no valid seq'],
    [
      'an archived event without its rewind',
      (s) => delete s.archived[0].rewindKey,
      'archived[0] has no valid rewindKey',
    ],
  ];

  test('is refused as a whole, with the reason and without its content, and the others are imported', async () => {
    await tell();
    const [line = '', ...rest] = run(['export', file]).stdout.split('\n');
    await using db = await connect(other);
    const store = new SessionStore(db);
    await store.createTables();
    for (const [title, edit, reason] of edits) {
      const session = JSON.parse(line);
      edit(session);
      const input = [JSON.stringify(session), ...rest].join('\n');
      const report = await importSessions(Readable.from([input]), store);
      expect({ title, ...report }).toMatchObject({
        title,
        sessions: { read: 5, refused: 1 },
        refused: [{ table: 'adk_sessions', row: 'told', reason }],
      });
    }
    expect(await store.getSession(told)).toBeUndefined();
    expect(await store.countSessions({ appName: 'shop' })).toBe(3);
  });
});
