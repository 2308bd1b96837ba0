import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { connect } from 'aiosqlite';
import { importSessions, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { makeStore } from '../fixtures.js';
import { contentsOf, fixture } from './support.js';

const on = databases();
let store: SessionStore;
let folder: string;
beforeEach(async () => {
  store = await makeStore(on.pool({ database: on.file('target.db') }));
  folder = on.file('source');
  mkdirSync(folder);
});

const key = { appName: 'app', userId: 'ada', sessionId: 's1' };

const TABLES = `
  CREATE TABLE app_states (app_name TEXT PRIMARY KEY, state, update_time);
  CREATE TABLE user_states (app_name TEXT, user_id TEXT, state, update_time, PRIMARY KEY (app_name, user_id));
  CREATE TABLE sessions (id TEXT, app_name TEXT, user_id TEXT, state, create_time, update_time, PRIMARY KEY (id, app_name, user_id));
  CREATE TABLE events (id TEXT, app_name TEXT, user_id TEXT, session_id TEXT, invocation_id TEXT, timestamp, event_data);
  CREATE TABLE adk_internal_metadata (key TEXT PRIMARY KEY, value TEXT);
  INSERT INTO adk_internal_metadata VALUES ('schema_version', '1');`;

/** A file with the tables of ADK for JavaScript, without their constraints. */
async function make(script: string, tables = TABLES): Promise<string> {
  const file = join(folder, 'source.db');
  const db = await connect(file);
  await db.exec(/journal_mode/.test(script) ? tables + script : `BEGIN; ${tables}${script}; COMMIT;`);
  await db.close();
  return file;
}

const session = (id: string, state = "'{}'", times = '1700000000000, 1700000000000') =>
  `INSERT INTO sessions VALUES ('${id}', 'app', 'ada', ${state}, ${times});`;
const event = (id: string, fields: { session?: string; time?: string | number; data?: string } = {}) => {
  const { session = 's1', time = 1_700_000_000_000, data = `{"author":"user"}` } = fields;
  return `INSERT INTO events VALUES ('${id}', 'app', 'ada', '${session}', 'i1', ${time}, '${data}');`;
};

async function refusal(source: string | Readable): Promise<string> {
  const before = contentsOf(folder);
  const error = await rejection(importSessions(source, store));
  expect(error).toMatchObject({ name: 'StoreError', code: 'ADK_IMPORT_SOURCE' });
  expect(await store.listApps()).toEqual([]);
  expect(contentsOf(folder)).toEqual(before);
  return error.message;
}

describe('a source is refused, and nothing is stored,', () => {
  test('if it is missing', async () => {
    expect(await refusal(join(folder, 'none.db'))).toContain('no such file');
  });

  test('if it is of no known kind', async () => {
    expect(await refusal(await make('', 'CREATE TABLE note (text)'))).toContain('no known kind');
    expect(await refusal(folder)).toContain('no known kind');
    writeFileSync(join(folder, 'text'), 'secret words\n');
    expect(await refusal(join(folder, 'text'))).toMatch(/^line 1 is no exported session: it is not JSON$/);
    expect(await refusal(Readable.from(['\n', '{"secret": 1}\n']))).toMatch(/^line 2 is no exported session/);
  });

  test('if it is of an evaluation', async () => {
    const set = { eval_set_id: 'secret', eval_cases: [] };
    for (const text of [JSON.stringify(set), JSON.stringify(set, null, 2), '{"evalSetResultId": "secret"}']) {
      expect(await refusal(Readable.from([text]))).toBe('it is of an evaluation, and holds no sessions');
    }
  });

  test('if it holds data of two kinds', async () => {
    const other = `CREATE TABLE adk_session (id TEXT, app_name, user_id, state, create_time, update_time);
      CREATE TABLE adk_event (id TEXT, session_id TEXT, timestamp, event_data);`;
    expect(await refusal(await make(other))).toMatch(
      /two kinds: .*sqlspec.* and .*adk-js|two kinds: .*adk-js.* and .*sqlspec/,
    );
  });

  test('if it is a database of this package', async () => {
    const db = await connect(join(folder, 'own.db'));
    await new SessionStore(db).createTables();
    await db.close();
    expect(await refusal(join(folder, 'own.db'))).toContain('aiosqlite copy');
  });

  test('if it is of a version to come', async () => {
    const file = await make("UPDATE adk_internal_metadata SET value = '999';");
    expect(await refusal(file)).toMatch(/version 999.*version 1/);
  });

  test.each(['a file', 'a stream'])('if %s of JSON is no UTF-8, with the number of the line', async (kind) => {
    const text = JSON.stringify({ id: 's1', appName: 'app', userId: 'a\xffda', state: {}, events: [] }, null, 1);
    const bytes = Buffer.from(text, 'latin1');
    const file = join(folder, 's1.session.json');
    writeFileSync(file, bytes);
    const source = kind === 'a file' ? file : Readable.from([bytes.subarray(0, 30), bytes.subarray(30)]);
    expect(await refusal(source)).toContain('line 4 is no valid UTF-8');
  });

  test('if it is cut off', async () => {
    const file = await make(session('s1') + event('e1'));
    writeFileSync(file, readFileSync(file).subarray(0, 5000));
    expect(await refusal(file)).toMatch(/damaged|no database/);
  });
});

describe('rows are refused by name, and the rest is stored:', () => {
  test('events that are no JSON, have no time, or belong to no session', async () => {
    const file = await make(
      session('s1') +
        event('e1') +
        event('e2', { data: '{"secret' }) +
        event('e3', { data: '["secret"]' }) +
        event('e4', { time: "'2026-01-01 00:00:00'" }) +
        event('e5', { session: 'missing' }),
    );
    const report = await importSessions(file, store);
    expect(report.sessions).toEqual({ read: 1, converted: 1, unchanged: 0, refused: 0 });
    expect(report.events).toEqual({ read: 5, converted: 1, unchanged: 0, refused: 4 });
    expect(Object.fromEntries(report.refused.map(({ row, reason }) => [row, reason]))).toEqual({
      e2: 'event_data is no JSON object',
      e3: 'event_data is no JSON object',
      e4: expect.stringContaining('--timezone'),
      e5: 'its session is missing',
    });
    expect(JSON.stringify(report)).not.toContain('secret');
    expect(await importSessions(file, store)).toMatchObject({ sessions: { unchanged: 1 }, events: { refused: 4 } });
  });

  test('two events of one id', async () => {
    const file = await make(session('s1') + event('e1') + event('e1', { data: '{"author":"secret"}' }));
    const report = await importSessions(file, store);
    const reason = 'the session has another event with this id';
    expect(report.refused).toEqual([{ table: 'events', row: 'e1', reason }]);
    expect((await store.getEvents(key)).map(({ author }) => author)).toEqual(['user']);
  });

  test('sessions without a state or a time, with their events', async () => {
    const file = await make(
      session('s1', "'[secret'") +
        event('e1') +
        event('e2') +
        session('s2', "'{}'", "'never', 1") +
        session('s3') +
        "INSERT INTO app_states VALUES ('app', 'secret', 1);",
    );
    const report = await importSessions(file, store);
    expect(report.sessions).toEqual({ read: 3, converted: 1, unchanged: 0, refused: 2 });
    expect(report.events).toEqual({ read: 2, converted: 0, unchanged: 0, refused: 2 });
    expect(report.refused).toEqual([
      { table: 'app_states', row: 'app', reason: 'its state is no JSON object' },
      { table: 'sessions', row: 's1', reason: 'its state is no JSON object' },
      { table: 'sessions', row: 's2', reason: 'its create_time is no time' },
    ]);
    expect((await store.listSessions({ appName: 'app' })).map(({ id }) => id)).toEqual(['s3']);
  });

  test('a session that the database has with other content, which stays', async () => {
    const file = await make(session('s1') + event('e1') + session('s2'));
    await store.createSession({ ...key, state: { mine: true } });
    const report = await importSessions(file, store);
    expect(report).toMatchObject({ sessions: { converted: 1, refused: 1 }, events: { refused: 1 } });
    expect(report.refused).toEqual([
      { table: 'sessions', row: 's1', reason: 'the database has another session with this id' },
    ]);
    expect(await store.loadSession(key)).toMatchObject({ session: { state: { mine: true } }, events: [] });
  });

  test('values of shared states that the database has otherwise, which stay', async () => {
    const file = await make(`INSERT INTO app_states VALUES ('app', '{"a":1,"b":2,"c":3}', 1);`);
    await store.updateAppState('app', { a: 'mine', b: 2 });
    const report = await importSessions(file, store);
    const reason = 'the database has other values of 1 keys, which stay';
    expect(report.refused).toEqual([{ table: 'app_states', row: 'app', reason }]);
    expect(await store.getAppState('app')).toEqual({ a: 'mine', b: 2, c: 3 });
  });
});

test('rows on a damaged page are named, and the others are stored', async () => {
  const text = 'x'.repeat(400);
  const events = (id: string, count: number) =>
    Array.from({ length: count }, (_, i) => event(`${id}-${i}`, { session: id, data: `{"author":"${text}"}` })).join(
      '',
    );
  const unique = TABLES.replace('event_data)', 'event_data, PRIMARY KEY (id, app_name, user_id, session_id))');
  const file = await make(session('s1') + events('s1', 300) + session('s2') + events('s2', 300), unique);
  const db = await connect(file, { readonly: true });
  const pages = await db.all<{ pageno: number }>(
    "SELECT pageno FROM dbstat WHERE name = 'events' AND pagetype = 'leaf' ORDER BY path",
  );
  await db.close();
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, 4096 * (pages[10]!.pageno - 1));
  closeSync(handle);
  const before = contentsOf(folder);

  const report = await importSessions(file, store);
  expect(contentsOf(folder)).toEqual(before);
  const { converted, refused } = report.events;
  expect(converted + refused).toBe(600);
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThan(20);
  expect(report.sessions).toEqual({ read: 2, converted: 2, unchanged: 0, refused: 0 });
  expect(report.refused).toHaveLength(refused);
  for (const { table, row, reason } of report.refused) {
    expect({ table, reason }).toEqual({ table: 'events', reason: 'its page in the file is damaged' });
    expect(row).toMatch(/^s1-\d+$/);
  }
  expect(await store.getEvents({ ...key, sessionId: 's2' })).toHaveLength(300);
});

test('a session with more events than are held at a time is one transaction, too', async () => {
  const events = Array.from({ length: 2_500 }, (_, i) => event(`e${i}`, { time: 1_700_000_000_000 + i }));
  events[1_700] = event('e1700', { time: 1_700_000_001_700, data: '{"secret' });
  const file = await make(session('s1') + events.join('') + session('s2') + event('last', { session: 's2' }));
  const dry = await importSessions(file, store, { dryRun: true });
  expect(await store.listApps()).toEqual([]);
  const report = await importSessions(file, store);
  expect(report.events).toEqual({ read: 2_501, converted: 2_500, unchanged: 0, refused: 1 });
  expect(dry).toEqual(report);
  const stored = await store.getEvents(key);
  expect(stored.map(({ id }) => id)).toEqual(
    Array.from({ length: 2_500 }, (_, i) => `e${i}`).filter((id) => id !== 'e1700'),
  );
  const again = await importSessions(file, store);
  expect(again).toMatchObject({ sessions: { unchanged: 2 }, events: { unchanged: 2_500, refused: 1 } });

  await store.appendEvent({ ...stored[0]!, id: 'more' });
  const other = await importSessions(file, store);
  expect(other).toMatchObject({ sessions: { unchanged: 1, refused: 1 }, events: { read: 2_501, unchanged: 1 } });
});

test('the unit of a time is decided row by row', async () => {
  const file = await make(
    session('s1', "'{}'", '1700000000.25, 1700000009000') +
      event('late', { time: 1_700_000_009_000 }) +
      event('js', { time: 1_700_000_003_000, data: '{"timestamp":1700000003000}' }) +
      event('py', { time: '1700000002.5', data: '{"timestamp":1700000002.5}' }) +
      event('text', { time: "'2001-01-01 00:00:00'", data: '{"timestamp":1700000001.5}' }),
  );
  await importSessions(file, store);
  const events = await store.getEvents(key);
  expect(events.map(({ id, timestamp }) => [id, timestamp])).toEqual([
    ['text', 1_700_000_001_500],
    ['py', 1_700_000_002_500],
    ['js', 1_700_000_003_000],
    ['late', 1_700_000_009_000],
  ]);
  expect(await store.getSession(key)).toMatchObject({ createTime: 1_700_000_000_250, updateTime: 1_700_000_009_000 });
});

describe('a file in WAL mode', () => {
  async function withLog(): Promise<string> {
    const file = join(folder, 'source.db');
    const db = await on.connect({ journalMode: 'wal', pragmas: { wal_autocheckpoint: 0 } }, on.file('live.db'));
    await db.exec(TABLES + session('s1') + event('e1'));
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(on.file(`live.db${suffix}`), file + suffix);
    return file;
  }

  test('is read with its log, and all three files stay as they were', async () => {
    const file = await withLog();
    const before = contentsOf(folder);
    expect(Object.keys(before)).toEqual(['source.db', 'source.db-shm', 'source.db-wal']);
    expect(await importSessions(file, store)).toMatchObject({ sessions: { converted: 1 }, events: { converted: 1 } });
    expect(contentsOf(folder)).toEqual(before);
  });

  // SQLite's log is beside the file itself.
  test.skipIf(process.platform === 'win32')('is read with its log through a symbolic link', async () => {
    const link = on.file('link.db');
    symlinkSync(await withLog(), link);
    expect(await importSessions(link, store)).toMatchObject({ sessions: { converted: 1 }, events: { converted: 1 } });
  });

  test('is read with its log where it may not be written to', async () => {
    const file = await withLog();
    chmodSync(file, 0o444);
    chmodSync(folder, 0o555);
    const before = contentsOf(folder);
    expect(await importSessions(file, store)).toMatchObject({ sessions: { converted: 1 } });
    expect(contentsOf(folder)).toEqual(before);
    chmodSync(folder, 0o755);
  });

  test('without a log gets none', async () => {
    const file = await make(`PRAGMA journal_mode = wal;${session('s1')}${event('e1')}`);
    expect(existsSync(`${file}-wal`)).toBe(false);
    const before = contentsOf(folder);
    expect(await importSessions(file, store)).toMatchObject({ sessions: { converted: 1 } });
    expect(contentsOf(folder)).toEqual(before);
  });
});

test('misuse is rejected by the name of the argument', async () => {
  const file = fixture('adk-python-sqlite.db', on.file('unpacked'));
  const misuse = (options: object) => rejection(importSessions(file, store, options));
  expect((await misuse({ dryrun: true })).message).toContain('options.dryrun is unknown');
  expect((await misuse({ timezone: 'Europe/Nowhere' })).message).toContain('options.timezone');
  expect((await misuse({ app: 7 })).message).toContain('options.app');
  expect((await misuse({ keepRewound: 'yes' })).message).toContain('keepRewound');
  expect((await rejection(importSessions(file, {} as never))).message).toContain('target');
  const signal = AbortSignal.abort(new Error('enough'));
  expect((await misuse({ signal })).message).toBe('enough');
  expect(await store.listApps()).toEqual([]);
});
