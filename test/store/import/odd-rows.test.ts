/** Rows as no program writes them: each is named, and the rest is stored. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Connection, connect, type SqlParam } from 'aiosqlite';
import { type ImportReport, importSessions, type SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { makeStore } from '../fixtures.js';
import { fixture } from './support.js';

const on = databases();
let store: SessionStore;
beforeEach(async () => {
  store = await makeStore(on.pool({ database: on.file('target.db') }));
  mkdirSync(on.file('source'));
});

const key = { appName: 'app', userId: 'ada', sessionId: 's1' };
const TABLES = `
  CREATE TABLE app_states (app_name, state, update_time);
  CREATE TABLE user_states (app_name, user_id, state, update_time);
  CREATE TABLE sessions (id, app_name, user_id, state, create_time, update_time);
  CREATE TABLE events (id, app_name, user_id, session_id, invocation_id TEXT, timestamp, event_data);`;

/** Makes tables without constraints, fills them, and imports them: a dry run tells the same, and a second run changes nothing. */
async function imported(
  fill: (add: ReturnType<typeof adder>) => Promise<void>,
  tables = TABLES,
): Promise<ImportReport> {
  const file = join(on.file('source'), 'session.db');
  {
    await using db = await connect(file);
    await db.exec(tables);
    await fill(adder(db));
  }
  const dry = await importSessions(file, store, { dryRun: true });
  const report = await importSessions(file, store);
  expect(report).toEqual(dry);
  const again = await importSessions(file, store);
  const { converted } = report.sessions;
  expect(again).toMatchObject({ sessions: { converted: 0, unchanged: converted }, refused: report.refused });
  return report;
}

const adder = (db: Connection) => ({
  session: (id: SqlParam, { app = 'app' as SqlParam, user = 'ada' as SqlParam, state = '{}' as SqlParam } = {}) =>
    db.run('INSERT INTO sessions VALUES (?, ?, ?, ?, 1.7e9, 1.7e9)', [id, app, user, state]),
  event: (
    id: SqlParam,
    { app = 'app' as SqlParam, time = 1.7e9 as SqlParam, data = '{"author":"user"}' as SqlParam } = {},
  ) => db.run("INSERT INTO events VALUES (?, ?, 'ada', 's1', 'i1', ?, ?)", [id, app, time, data]),
  state: (table: string, ...values: SqlParam[]) =>
    db.run(`INSERT INTO ${table} VALUES (${values.map(() => '?').join(', ')}, 1)`, values),
  /** Makes texts of all bytes that were stored. */
  async bytesAsTexts() {
    const columns = await db.all<{ name: string; column: string }>(
      'SELECT t.name, c.name AS "column" FROM sqlite_schema AS t, pragma_table_info(t.name) AS c',
    );
    for (const { name, column } of columns) {
      await db.run(`UPDATE ${name} SET ${column} = CAST(${column} AS TEXT) WHERE typeof(${column}) = 'blob'`);
    }
  },
});

/** A text with a byte before its last two characters that is no UTF-8. */
const damaged = (text: string) =>
  Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.from([0xff]), Buffer.from(text.slice(-2))]);

const reasonsOf = ({ refused }: ImportReport) => refused.map(({ table, row, reason }) => [table, row, reason]);
const idsOf = async () => (await store.getEvents(key)).map(({ id }) => id);

test('of two sessions with one id the first one is stored, with the events', async () => {
  const report = await imported(async ({ session, event }) => {
    await session('s1', { state: '{"first":true}' });
    await session('s1', { state: '{"second":true}' });
    await event('e1');
  });
  expect(reasonsOf(report)).toEqual([['sessions', 's1', 'the source has another session with this id']]);
  expect(await store.getSession(key)).toMatchObject({ state: { first: true } });
  expect(await idsOf()).toEqual(['e1']);
});

test('ids that are no texts are refused, also those of a marker', async () => {
  const report = await imported(async ({ session, event, state }) => {
    await session(null);
    await session(5);
    await session(new Uint8Array([1]));
    await session('s1', { app: null });
    await session('s1');
    await event(null);
    await event(7);
    await event(new Uint8Array([2]));
    await event('lost', { app: null, data: '{"actions":{"rewind_before_invocation_id":"x"}}' });
    await event('e1');
    await state('app_states', null, '{"a":1}');
    await state('user_states', 'app', null, '{"a":1}');
  });
  const noTexts = 'its ids are not all texts';
  expect(new Set(reasonsOf(report).map(([table, , reason]) => `${table}: ${reason}`))).toEqual(
    new Set([
      `app_states: ${noTexts}`,
      `user_states: ${noTexts}`,
      `sessions: ${noTexts}`,
      'events: its id is no text',
      'events: its session is missing',
    ]),
  );
  expect(report).toMatchObject({
    sessions: { read: 5, converted: 1, refused: 4 },
    events: { read: 5, converted: 1, refused: 4 },
  });
  expect(await store.getAppState('app')).toEqual({});
  expect(await idsOf()).toEqual(['e1']);
});

test('the id of an event is that of its row', async () => {
  await imported(async ({ session, event }) => {
    await session('s1');
    await event('a', { data: '{"id":"same"}' });
    await event('b', { data: '{"id":"same"}' });
  });
  expect(await idsOf()).toEqual(['a', 'b']);
});

test('a primary key over more than ids lets two events of one id pass, of which the second is refused', async () => {
  const report = await imported(
    async ({ session, event }) => {
      await session('s1');
      await event('a');
      await event('a', { time: 1.7e9 + 1 });
    },
    TABLES.replace('event_data);', 'event_data, PRIMARY KEY (id, timestamp));'),
  );
  expect(reasonsOf(report)).toEqual([['events', 'a', 'the session has another event with this id']]);
  expect(await idsOf()).toEqual(['a']);
});

test('JSON that is nested too deeply is refused by its row', async () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const report = await imported(async ({ session, event }) => {
    await session('s1');
    await session('s2', { state: nested(100_000) });
    for (const depth of [999, 1_000, 1_001, 5_000, 100_000]) {
      await event(`d${depth}`, { data: `{"content":${nested(depth)}}` });
    }
  });
  expect(report.refused.map(({ row }) => row).sort()).toEqual(['d100000', 'd1001', 'd5000', 's2']);
  for (const { reason } of report.refused) expect(reason).toContain('nested deeper than 1000 levels');
});

test('texts that are no UTF-8 are refused by their row, and U+FFFD stays', async () => {
  const report = await imported(async ({ session, event, state, bytesAsTexts }) => {
    await session('s1', { state: '{"a":"\ufffd"}' });
    await session('s2', { state: damaged('{"a":""}') });
    await session('s3\ufffd');
    await session(damaged('s4'));
    await event('e1', { data: '{"author":"\ufffd"}' });
    await event('e2', { data: damaged('{"author":""}') });
    await event(damaged('e3'));
    await event('e4', { app: damaged('app') });
    await state('app_states', 'app', damaged('{"a":""}'));
    await state('app_states', damaged('app2'), '{"a":1}');
    await state('user_states', 'app', 'ada', '{"a":"\ufffd"}');
    await bytesAsTexts();
  });
  expect(new Set(reasonsOf(report).map((row) => row.join(' | ')))).toEqual(
    new Set([
      'app_states | ap\ufffdp2 | its ids are not all valid UTF-8',
      'app_states | app | its state is no valid UTF-8',
      'events | \ufffde3 | its id is no valid UTF-8',
      'events | e2 | event_data is no valid UTF-8',
      'events | e4 | its ids are not all valid UTF-8',
      'sessions | \ufffds4 | its ids are not all valid UTF-8',
      'sessions | s2 | its state is no valid UTF-8',
    ]),
  );
  expect(report).toMatchObject({ sessions: { converted: 2 }, events: { converted: 1 } });
  expect(await store.getEvents(key)).toMatchObject([{ id: 'e1', author: '\ufffd' }]);
  expect(await store.getUserState('app', 'ada')).toEqual({ a: '\ufffd' });
});

test('a state that is null or empty holds nothing', async () => {
  const report = await imported(async ({ session, state }) => {
    await session('s1', { state: null });
    await session('s2', { state: '' });
    await session('s3', { state: 'null' });
    await state('app_states', 'app', null);
  });
  expect(report).toMatchObject({ sessions: { converted: 3 }, refused: [] });
  expect(await store.getSession(key)).toMatchObject({ state: {} });
});

test('numbers that JSON has not, and times that are none, are refused by name', async () => {
  const report = await imported(async ({ session, event }) => {
    await session('s1');
    await session('s2', { state: '{"secret": NaN}' });
    await event('e1', { data: '{"secret": -Infinity}' });
    await event('e2', { data: '{"NaN": "secret' });
    await event('e3', { time: Number.POSITIVE_INFINITY });
    await event('e4', { time: null });
  });
  expect(reasonsOf(report).sort()).toEqual([
    ['events', 'e1', 'event_data has NaN or Infinity, which JSON has not'],
    ['events', 'e2', 'event_data is no JSON object'],
    ['events', 'e3', 'it has no time'],
    ['events', 'e4', 'it has no time'],
    ['sessions', 's2', 'its state has NaN or Infinity, which JSON has not'],
  ]);
});

describe('sessions in JSON', () => {
  const session = (fields: object) => ({ id: 's1', appName: 'app', userId: 'ada', events: [], ...fields });
  const both = async (document: unknown) => {
    const text = () => Readable.from([JSON.stringify(document)]);
    const dry = await importSessions(text(), store, { dryRun: true });
    expect(await importSessions(text(), store)).toEqual(dry);
    return dry;
  };

  test('of one id are one, and the first one is stored', async () => {
    const report = await both([session({}), session({ state: { n: 1 } }), session({})]);
    expect(report).toMatchObject({ sessions: { read: 3, converted: 1, unchanged: 1, refused: 1 } });
    expect(await store.getSession(key)).toMatchObject({ state: {} });
  });

  test('have events without ids, which are named by their place', async () => {
    const report = await both(
      session({ events: [{ timestamp: 1 }, { id: 5, timestamp: 1 }, { id: 'e', timestamp: 1 }] }),
    );
    expect(reasonsOf(report)).toEqual([
      ['events', 'event 1', 'it has no id'],
      ['events', 'event 2', 'it has no id'],
    ]);
    expect(await idsOf()).toEqual(['e']);
  });
});

test('texts of memory, and of pickled events, that are no UTF-8 are refused by their row', async () => {
  const late = fixture('sqlspec.db', on.file('source'));
  const early = fixture('sqlspec-0.41.db', on.file('source'));
  for (const [file, sql] of [
    [late, "UPDATE adk_memory SET author = CAST(x'61ff' AS TEXT) WHERE id = 'm0'"],
    [early, "UPDATE adk_events SET author = CAST(x'61ff' AS TEXT) WHERE rowid = 1"],
    [early, "UPDATE adk_events SET content = CAST(x'7bff7d' AS TEXT) WHERE rowid = 2"],
  ] as const) {
    await using db = await connect(file);
    await db.run(sql);
  }
  const { memory, refused } = await importSessions(late, store);
  expect(memory).toMatchObject({ read: 2, refused: 1 });
  expect(refused).toMatchObject([{ table: 'adk_memory', row: 'm0', reason: 'its author is no valid UTF-8' }]);
  const pickled = await importSessions(early, store);
  expect(pickled.refused.map(({ reason }) => reason).filter((reason) => reason.includes('UTF-8'))).toEqual([
    'its author is no valid UTF-8',
    'its content is no valid UTF-8',
  ]);
});

test('an entry of memory that can not be stored does not take the others along', async () => {
  const file = fixture('sqlspec.db', on.file('source'));
  {
    await using db = await connect(file);
    await db.run("UPDATE adk_memory SET app_name = CAST(x'6170' AS BLOB) WHERE id = 'm0'");
  }
  const report = await importSessions(file, store);
  expect(report.memory).toEqual({ read: 2, converted: 1, unchanged: 0, refused: 1 });
  expect(report.refused).toMatchObject([{ table: 'adk_memory', row: 'm0' }]);
});
