/** Numbers that a double does not hold: they are stored as the source has written them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { connect } from 'aiosqlite';
import { type ImportReport, importSessions, type SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { noCounts, Sink } from '../../../lib/store/import/target/sink.js';
import { storedSession } from '../../../lib/store/import/target/stored-session.js';
import { parseExactly } from '../../../lib/store/import/values/exact.js';
import { databases } from '../../support/databases.js';
import { describePostgres, postgres } from '../../support/postgres.js';
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
const SNOWFLAKE = '12345678901234567890';
const NEGATIVE = '-9007199254740993';
const NUMBERS = [SNOWFLAKE, NEGATIVE, '0.12345678901234567890', '1e400', '-0.0', '1.000000000000000000001e3'];
/** Strings that read like numbers, and numbers that a double holds. */
const OTHERS = [
  '"12345678901234567890"',
  '"[1e400]"',
  '1000',
  '0.1',
  '1152921504606846976',
  '1700000000.123456',
  '-0.5',
];
const LIST = `[${[...NUMBERS, ...OTHERS].join(',')}]`;
const STATE = `{"snow_flake":${SNOWFLAKE},"list":${LIST}}`;
const EVENT = `{"author":"user","invocation_id":"i1","timestamp":1700000000.5,"branch":${NEGATIVE},"partial":false,
  "content":{"parts":[{"function_call":{"name":"f","args":{"order_id":${SNOWFLAKE}}}}]},"custom_metadata":{"a_b":${LIST}},
  "usage_metadata":{"token_count":${NEGATIVE}},"actions":{"state_delta":${STATE},"transfer_to_agent":"x"}}`;

const TABLES = `
  CREATE TABLE app_states (app_name TEXT PRIMARY KEY, state, update_time);
  CREATE TABLE user_states (app_name TEXT, user_id TEXT, state, update_time, PRIMARY KEY (app_name, user_id));
  CREATE TABLE sessions (id TEXT, app_name TEXT, user_id TEXT, state, create_time, update_time, PRIMARY KEY (id, app_name, user_id));
  CREATE TABLE events (id TEXT, app_name TEXT, user_id TEXT, session_id TEXT, invocation_id TEXT, timestamp, event_data);`;

async function adkFile(): Promise<string> {
  const file = join(folder, 'session.db');
  await using db = await connect(file);
  await db.exec(TABLES);
  await db.run("INSERT INTO app_states VALUES ('app', ?, 1)", [STATE]);
  await db.run("INSERT INTO sessions VALUES ('s1', 'app', 'ada', ?, 1.7e9, 1.7e9)", [STATE]);
  await db.run("INSERT INTO events VALUES ('e1', 'app', 'ada', 's1', 'i1', 1.7e9, ?)", [EVENT]);
  return file;
}

/** All texts of the target in one, as `json_extract()` would not give them. */
async function textsOf(): Promise<Record<string, string>> {
  await using db = await connect(on.file('target.db'), { readonly: true });
  const row = await db.get<Record<string, string>>(`SELECT s.state, (SELECT state FROM adk_app_states) AS app,
    CAST(e.actions AS TEXT) AS actions, e.content, e.custom_metadata AS custom, e.extra, e.branch
    FROM adk_sessions AS s LEFT JOIN adk_events AS e USING (session_key)`);
  return row ?? {};
}

const COUNTS = { sessions: { read: 1, refused: 0 }, events: { read: 1, refused: 0 }, refused: [] };

test('events and states in JSON keep their numbers', async () => {
  const file = await adkFile();
  const before = contentsOf(folder);
  expect(await importSessions(file, store)).toMatchObject({ ...COUNTS, events: { converted: 1 } });
  const texts = await textsOf();
  expect(texts.state).toBe(STATE);
  expect(texts.app).toBe(STATE);
  expect(texts.actions).toBe(`{"stateDelta":${STATE},"transferToAgent":"x"}`);
  expect(texts.content).toBe(`{"parts":[{"functionCall":{"name":"f","args":{"order_id":${SNOWFLAKE}}}}]}`);
  expect(texts.custom).toBe(`{"a_b":${LIST}}`);
  expect(texts.extra).toContain(`"usageMetadata":{"tokenCount":${NEGATIVE}}`);
  // A text column holds no number: it is noted beside the event's other fields.
  expect(texts.branch).toBeNull();
  expect(texts.extra).toContain(`"branch":${NEGATIVE}`);
  expect((await store.getEvents(key))[0]).toMatchObject({ branch: Number(NEGATIVE), timestamp: 1_700_000_000_500 });

  expect(await importSessions(file, store)).toMatchObject({ ...COUNTS, events: { unchanged: 1 } });
  expect(contentsOf(folder)).toEqual(before);
});

test('a session whose numbers differ beyond the digits of a double is another one', async () => {
  await importSessions(await adkFile(), store);
  {
    await using db = await connect(join(folder, 'session.db'));
    await db.run('UPDATE events SET event_data = replace(event_data, ?, ?)', [SNOWFLAKE, '12345678901234567891']);
    await db.run('UPDATE app_states SET state = replace(state, ?, ?)', [SNOWFLAKE, '12345678901234567891']);
  }
  const { refused } = await importSessions(join(folder, 'session.db'), store);
  expect(refused).toEqual([
    { table: 'app_states', row: 'app', reason: expect.stringContaining('other values') },
    { table: 'sessions', row: 's1', reason: expect.stringContaining('another session') },
  ]);
});

test('columns of JSON beside pickled actions keep their numbers', async () => {
  const file = fixture('adk-python-v0.db', folder);
  {
    await using db = await connect(file);
    await db.run('UPDATE events SET content = ? WHERE id = (SELECT min(id) FROM events)', [
      `{"role":"user","n":${LIST}}`,
    ]);
    await db.run('UPDATE sessions SET state = ?', [STATE]);
  }
  await importSessions(file, store);
  await using db = await connect(on.file('target.db'), { readonly: true });
  const contents = await db.all<{ content: string }>('SELECT content FROM adk_events WHERE content IS NOT NULL');
  expect(contents.map(({ content }) => content)).toContain(`{"role":"user","n":${LIST}}`);
  const states = await db.all<{ state: string }>('SELECT state FROM adk_sessions');
  expect(states.map(({ state }) => state)).toContain(STATE);
});

test('a session in JSON keeps its numbers', async () => {
  const file = join(folder, 's1.session.json');
  const event = EVENT.replace('{', '{"id":"e1",');
  writeFileSync(file, `{"id":"s1","appName":"app","userId":"ada","state":${STATE},"events":[${event}]}`);
  expect(await importSessions(file, store)).toMatchObject(COUNTS);
  const texts = await textsOf();
  expect(texts.state).toBe(STATE);
  expect(texts.custom).toBe(`{"a_b":${LIST}}`);
  expect(await importSessions(file, store)).toMatchObject({ ...COUNTS, events: { unchanged: 1 } });
});

describe('such a number at the place of an id is no text, like a small one:', () => {
  const SESSION = { appName: 'app', userId: 'ada', id: 's1', state: { n: 1, 'app:n': 1, 'user:n': 1 }, events: [] };
  const EXPORTED = { ...SESSION, createTime: 1, updateTime: 2, state: {}, appState: { n: 1 }, userState: { n: 1 } };
  const CASES = (['id', 'appName', 'userId'] as const).flatMap((name) => [
    ['a session in JSON', name, `session 1 has no ${name}`, SESSION] as const,
    ['a line of an export', name, `${name} is no text`, { ...EXPORTED, revision: 1 }] as const,
    ['a line of an earlier export', name, `${name} is no text`, EXPORTED] as const,
  ]);

  test.each(CASES)('%s is refused with the number as its %s', async (_, name, reason, session) => {
    for (const number of ['12', SNOWFLAKE]) {
      const text = JSON.stringify({ ...session, [name]: 'HERE' }).replace('"HERE"', number);
      const error = await rejection(importSessions(Readable.from([text]), store));
      expect(error).toMatchObject({ code: 'ADK_IMPORT_SOURCE', message: expect.stringContaining(reason) });
      expect(error.message).not.toContain(number);
    }
    expect(await store.listApps()).toEqual([]);
    await using db = await connect(on.file('target.db'), { readonly: true });
    expect(await db.all('SELECT app_name FROM adk_app_states')).toEqual([]);
    expect(await db.all('SELECT app_name FROM adk_user_states')).toEqual([]);
  });

  test('an event of SQLSpec before 0.51 has the id of its row', async () => {
    const file = fixture('sqlspec-0.45.db', folder);
    const ids: string[] = [];
    {
      await using db = await connect(file);
      const set = "UPDATE adk_events SET event_data = json_set(event_data, '$.id', json(?)) WHERE id = ?";
      const rows = await db.all<{ id: string }>('SELECT id FROM adk_events ORDER BY rowid LIMIT 2');
      ids.push(...rows.map(({ id }) => id));
      for (const [at, id] of ids.entries()) await db.run(set, [at === 0 ? '12' : SNOWFLAKE, id]);
    }
    expect(await importSessions(file, store)).toMatchObject({ format: 'sqlspec-0.42', refused: [] });
    await using db = await connect(on.file('target.db'), { readonly: true });
    const stored = await db.all<{ id: string }>('SELECT id FROM adk_events');
    expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  });

  test('a file of an artifact service is read as if its metadata had none', async () => {
    const METADATA = ['fileName', 'mimeType', 'fileUri'].map((name) => `{"fileName":"n.txt","${name}":HERE}`);
    for (const [at, metadata] of METADATA.flatMap((text) => [text, text]).entries()) {
      const version = join(folder, 'users', 'ada', 'sessions', 's1', 'artifacts', 'n.txt', 'versions', String(at));
      mkdirSync(version, { recursive: true });
      writeFileSync(join(version, 'metadata.json'), metadata.replace('HERE', at % 2 === 0 ? '12' : SNOWFLAKE));
      writeFileSync(join(version, 'n.txt'), 'hello');
    }
    const { artifacts, refused } = await importSessions(folder, store, { app: 'app' });
    expect({ artifacts, refused }).toMatchObject({ artifacts: { converted: 6 }, refused: [] });
    await using db = await connect(on.file('target.db'), { readonly: true });
    const rows = await db.all('SELECT DISTINCT name, mime_type, CAST(part AS TEXT) AS part FROM adk_artifacts');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ name: 'n.txt' });
  });

  test('a key with one is refused, whichever format has read it', async () => {
    const [marked] = parseExactly(`[${SNOWFLAKE}]`) as [string];
    const found = { kind: 'session', table: 'sessions', eventTable: 'events', events: [] } as const;
    for (const name of ['appName', 'userId', 'sessionId']) {
      const session = { ...found, key: { ...key, [name]: marked }, state: {}, createTime: 1, updateTime: 1 };
      expect(storedSession(session)).toEqual({ reason: 'its ids are not all texts' });
    }
    const report = {
      format: '',
      timezone: null,
      sessions: noCounts(),
      events: noCounts(),
      refused: [],
    } as ImportReport;
    const sink = new Sink((store as unknown as { backend: never }).backend, {}, report);
    await sink.take({ kind: 'state', table: 'states', appName: marked, state: { n: 1 } });
    await sink.take({ kind: 'state', table: 'states', appName: 'app', userId: marked, state: { n: 1 } });
    const artifact = { kind: 'artifact', key: { appName: 'app', userId: 'ada', name: 'n.txt' }, version: 0 } as const;
    const times = { createTime: 1 };
    await sink.take({ ...artifact, ...times, key: { ...artifact.key, sessionId: marked }, part: { text: '' } });
    await sink.take({ ...artifact, ...times, part: { inlineData: { mimeType: marked, data: '' } } });
    await sink.end();
    expect(report.refused.map(({ reason }) => reason)).toEqual(Array(4).fill('it has a number at the place of a text'));
  });
});

describe('memory of SQLSpec', () => {
  test('is refused by name where it would lose digits', async () => {
    const file = fixture('sqlspec.db', folder);
    {
      await using db = await connect(file);
      await db.run("UPDATE adk_memory SET metadata_json = ? WHERE id = 'm0'", [`{"order":${SNOWFLAKE}}`]);
    }
    const report = await importSessions(file, store);
    expect(report.memory).toEqual({ read: 2, converted: 1, unchanged: 0, refused: 1 });
    expect(report.refused).toEqual([
      { table: 'adk_memory', row: 'm0', reason: 'memory does not keep all digits of a number in it' },
    ]);
  });
});

describePostgres('with PostgreSQL', () => {
  const pg = postgres();

  test('events and states keep their numbers, and a second import finds them unchanged', async () => {
    const target = await pg.store();
    const file = await adkFile();
    expect(await importSessions(file, target)).toMatchObject({ ...COUNTS, events: { converted: 1 } });
    expect(await importSessions(file, target)).toMatchObject({ ...COUNTS, events: { unchanged: 1 } });
    const { copySessions } = await import('aiosqlite/store');
    expect(await copySessions(target, store)).toMatchObject({ sessions: { copied: 1 }, refused: [] });
    const texts = await textsOf();
    expect(texts.custom).toBe(`{"a_b":${LIST}}`);
    expect(texts.actions).toBe(`{"stateDelta":${STATE},"transferToAgent":"x"}`);
    expect(texts.extra).toContain(`"branch":${NEGATIVE}`);
  });

  test('ids that it can not hold are refused row by row, and the rest goes on', async () => {
    const long = 'x'.repeat(900);
    const file = join(folder, 'session.db');
    {
      await using db = await connect(file);
      await db.exec(TABLES);
      const session = 'INSERT INTO sessions VALUES (?, ?, ?, ?, 1.7e9, 1.7e9)';
      for (const [app, user] of [
        ['app', 'a\0b'],
        ['app', long],
        ['app', 'ada'],
      ] as const) {
        await db.run('INSERT INTO user_states VALUES (?, ?, ?, 1)', [app, user, '{"n":1}']);
        await db.run(session, ['s1', app, user, '{}']);
      }
      await db.run('INSERT INTO app_states VALUES (?, ?, 1)', [long, '{"n":1}']);
      for (const id of ['e1', 'e\0', long]) {
        await db.run("INSERT INTO events VALUES (?, 'app', 'ada', 's1', 'i1', 1.7e9, ?)", [id, '{"author":"user"}']);
      }
    }
    const target = await pg.store();
    const dry = await importSessions(file, target, { dryRun: true });
    const report = await importSessions(file, target);
    expect(report).toEqual(dry);
    expect(report).toMatchObject({
      sessions: { read: 3, converted: 1, refused: 2 },
      events: { converted: 1, refused: 2 },
    });
    const reason = 'the target holds no id with U+0000 or more than 800 bytes';
    const refused = (table: string, row: string) => ({ table, row, reason });
    expect(new Set(report.refused)).toEqual(
      new Set([
        refused('app_states', long),
        refused('user_states', 'app, a\0b'),
        refused('user_states', `app, ${long}`),
        refused('sessions', 's1'),
        refused('sessions', 's1'),
        refused('events', 'e\0'),
        refused('events', long),
      ]),
    );
    expect(await target.getUserState('app', 'ada')).toEqual({ n: 1 });
    expect((await target.getEvents(key)).map(({ id }) => id)).toEqual(['e1']);
    expect(await importSessions(file, target)).toMatchObject({ sessions: { unchanged: 1, refused: 2 } });
  });
});
