import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { connect } from 'aiosqlite';
import { type EventRecord, SessionStore } from 'aiosqlite/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pack, Running, run } from './support.js';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-cli-test-'));
  file = join(folder, 'agent.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const key = (sessionId: string, userId = 'ada') => ({ appName: 'shop', userId, sessionId });
const event = (id: string, sessionId: string, fields: Partial<EventRecord> = {}): EventRecord => ({
  ...key(sessionId),
  id,
  invocationId: 'i1',
  author: 'user',
  timestamp: 1_700_000_000_000.25,
  actions: {},
  ...fields,
});

/** A file with three sessions; `s2` has state, events of every kind, and shares states. */
async function fill(): Promise<void> {
  await using db = await connect(file, { journalMode: 'wal' });
  const store = new SessionStore(db);
  await store.createTables();
  for (const id of ['s1', 's2', 's3'])
    await store.createSession({ ...key(id), createTime: 1_600_000_000_000, state: { id } });
  await store.appendEvent(event('e1', 's2', { content: { parts: [{ text: 'ünï\u0007\u009B31m\u2028"' }] } }), {
    session: { a: 1 },
  });
  await store.appendEvent(
    event('e2', 's2', {
      partial: false,
      extra: { ofTomorrow: [1] },
      actions: { stateDelta: { b: null, a: 2 } },
      errorCode: '',
    }),
    { session: { b: null, a: 2 }, app: { currency: 'EUR' }, user: { tone: 'warm' } },
  );
  await store.updateSessionState(key('s2'), { a: 'changed later', __proto: 1 });
}

const NAMES = ['doctor', 'build', 'web', 'inspect', 'tail', 'check', 'backup', 'prune', 'export', 'import', 'copy'];

describe('every command', () => {
  test('is listed by --help with its arguments', () => {
    const { status, stdout } = run(['--help']);
    expect(status).toBe(0);
    for (const name of NAMES) expect(stdout).toMatch(new RegExp(`aiosqlite ${name} `));
  });

  test.each(NAMES)('%s has --help with an example and --json', (name) => {
    const { status, stdout, stderr } = run([name, '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`Usage: aiosqlite ${name} `);
    expect(stdout).toContain('--json');
    expect(stdout).toMatch(new RegExp(`Examples?:\n {2}npx aiosqlite ${name}`));
  });

  test.each([
    ['unknown command', ['tial', 'x.db'], 'Did you mean tail?'],
    ['unknown option', ['tail', 'x.db', '--sesion', 's1'], 'Did you mean --session?'],
    ['no argument', ['tail'], 'file'],
    ['too many arguments', ['check', 'a', 'b'], 'too many arguments'],
    ['no database', ['import', 'x.jsonl'], '--db'],
    ['no database', ['web', 'agents'], '--db'],
    ['a port that is none', ['web', 'agents', '--db', 'x.db', '--port', '99999'], '--port'],
    ['no rule', ['prune', 'x.db', '--app', 'shop'], 'prune needs a rule'],
    ['days that are no number', ['prune', 'x.db', '--idle-days', 'old'], '--idle-days'],
    ['an option without its value', ['tail', 'x.db', '--app'], '--app'],
  ])('ends with 2 and its usage: %s', (_, args, said) => {
    const { status, stdout, stderr } = run(args, { cwd: folder });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/Usage: aiosqlite|--help/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  const reading = (path: string) => [
    ['inspect', path],
    ['check', path],
    ['tail', path],
    ['backup', path, join(folder, 'copy.db')],
    ['export', path],
    ['import', join(folder, 'empty.jsonl'), '--db', path],
  ];

  test('ends with 1 and one sentence for a file that is no database, and leaves it as it is', () => {
    writeFileSync(join(folder, 'empty.jsonl'), '');
    writeFileSync(file, 'this is no database, whatever its name says'.repeat(100));
    const before = readFileSync(file);
    for (const args of reading(file)) {
      const { status, stdout, stderr } = run(args);
      expect({ args, status, stdout }).toEqual({ args, status: 1, stdout: '' });
      expect(stderr).toBe(`aiosqlite: ${file} is not a SQLite database\n`);
    }
    expect(readFileSync(file)).toEqual(before);
  });

  test('ends with 1 for a missing file, which stays missing, and for a folder', () => {
    for (const args of reading(file).slice(0, 5)) {
      expect(run(args)).toMatchObject({ status: 1, stdout: '', stderr: `aiosqlite: there is no file ${file}\n` });
      const inFolder = args.map((arg) => (arg === file ? folder : arg));
      expect(run(inFolder)).toMatchObject({ status: 1, stdout: '', stderr: `aiosqlite: ${folder} is no file\n` });
    }
  });

  test('ends with 1 for a file of a newer version, unchanged', async () => {
    await fill();
    writeFileSync(join(folder, 'empty.jsonl'), '');
    {
      await using db = await connect(file);
      await db.exec(
        "UPDATE adk_metadata SET value = '99' WHERE key = 'schema_version'; PRAGMA wal_checkpoint(TRUNCATE)",
      );
    }
    const hash = () => createHash('sha256').update(readFileSync(file)).digest('hex');
    const before = hash();
    for (const args of reading(file)) {
      const { status, stdout, stderr } = run(args);
      expect({ args, status, stdout }).toEqual({ args, status: 1, stdout: '' });
      expect(stderr).toBe(`aiosqlite: ${file} was written by a newer version of aiosqlite\n`);
    }
    expect(hash()).toBe(before);
  });
});

test('files of the first version are read as they are', async () => {
  const packed = readFileSync(new URL('../store/fixtures/version-1.db.gz', import.meta.url));
  writeFileSync(file, gunzipSync(packed));
  const hash = () => createHash('sha256').update(readFileSync(file)).digest('hex');
  const before = hash();
  expect(run(['inspect', file, '--json']).json()).toMatchObject({ sessions: 2, events: 3 });
  expect(run(['check', file, '--json']).json()).toEqual({ ok: true, problems: [] });
  const { stdout } = run(['export', file]);
  expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  await using inspector = new Running(['inspect', file, '--serve', '--json']);
  await inspector.until(() => inspector.stdout.includes('\n'));
  const { url } = JSON.parse(inspector.stdout);
  const session = await (await fetch(`${url}session?app=shop&user=ada&session=s1`)).json();
  expect((session as any).events).toHaveLength(3);
  expect((await fetch(`${url}state?app=shop&user=ada&session=s1&seq=1`)).status).toBe(501);
  expect(hash()).toBe(before);
});

describe('inspect', () => {
  test('gives sizes and rows of all tables', async () => {
    await fill();
    const { status, stderr, json } = run(['inspect', file, '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { size, sessions, events, tables } = json();
    expect({ sessions, events }).toEqual({ sessions: 3, events: 2 });
    expect(tables).toContainEqual({ name: 'adk_events', rows: 2, bytes: expect.any(Number) });
    const sum = tables.reduce((all: number, { bytes }: { bytes: number }) => all + bytes, 0);
    expect(sum).toBeGreaterThan(20_000);
    expect(sum).toBeLessThanOrEqual(size);
    const text = run(['inspect', file]).stdout;
    expect(text).toMatch(/3 sessions, 2 events/);
    expect(text).toMatch(/adk_events +│ +2 │/);
  });

  test('takes a database without sessions', async () => {
    await using db = await connect(file);
    await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)');
    expect(run(['inspect', file, '--json']).json()).toMatchObject({
      sessions: 0,
      events: 0,
      tables: [{ name: 't', rows: 2 }],
    });
  });
});

describe('inspect shows', () => {
  test('a table of an extension that is missing here, without its rows', async () => {
    await fill();
    {
      await using db = await connect(file);
      await db.exec('CREATE VIRTUAL TABLE words USING fts5(x); PRAGMA wal_checkpoint(TRUNCATE)');
    }
    const bytes = readFileSync(file);
    bytes.write('gone', bytes.indexOf('USING fts5') + 'USING '.length);
    writeFileSync(file, bytes);
    const { status, stderr, json } = run(['inspect', file, '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(json()).toMatchObject({ sessions: 3, events: 2 });
    expect(json().tables).toContainEqual({ name: 'words', rows: null, bytes: 0 });
    expect(run(['inspect', file]).stdout).toMatch(/words +│ unknown │/);
  });

  test('names of tables without the characters that drive a terminal', async () => {
    await using db = await connect(file);
    await db.exec('CREATE TABLE "a\u001B[31m\u0007b" (x)');
    expect(run(['inspect', file]).stdout).toContain('a [31m b');
  });
});

describe('check', () => {
  test('finds nothing in a whole file', async () => {
    await fill();
    expect(run(['check', file, '--json'])).toMatchObject({ status: 0, stderr: '' });
    expect(run(['check', file, '--json']).json()).toEqual({ ok: true, problems: [] });
    expect(run(['check', file]).stdout).toBe(`${file} is whole\n`);
  });

  test('names each damaged row with table, key and column, and never its content', async () => {
    await fill();
    {
      await using db = await connect(file);
      await db.exec(`UPDATE adk_events SET content = '{"secret":' WHERE id = 'e1';
        UPDATE adk_events SET timestamp = 'secret' WHERE id = 'e2';
        UPDATE adk_sessions SET state = '[]' WHERE id = 's1';
        UPDATE adk_app_states SET state = 'secret';`);
    }
    const { status, stdout, stderr, json } = run(['check', file, '--json']);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).not.toContain('secret');
    const { ok, problems } = json();
    expect(ok).toBe(false);
    const places = problems.map(({ table, key, column }: any) => `${table}/${key}/${column}`).sort();
    expect(places).toEqual(
      expect.arrayContaining(['adk_events/e1/content', 'adk_events/e2/timestamp', 'adk_sessions/s1/state']),
    );
    expect(places.some((place: string) => place.startsWith('adk_app_states/'))).toBe(true);
    expect(run(['check', file]).stdout).toMatch(/table adk_events, key e1, column content/);
  });

  test('finds broken references and damaged pages', async () => {
    await fill();
    {
      await using db = await connect(file, { foreignKeys: false });
      await db.exec("DELETE FROM adk_sessions WHERE id = 's2'; PRAGMA wal_checkpoint(TRUNCATE)");
    }
    const { problems } = run(['check', file, '--json']).json();
    expect(problems).toContainEqual(
      expect.objectContaining({ table: 'adk_events', problem: 'refers to no row of adk_sessions' }),
    );
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096 * 4, 4096 * 5);
    writeFileSync(file, bytes);
    const { status, stdout } = run(['check', file, '--json']);
    expect(status).toBe(1);
    if (stdout) expect(JSON.parse(stdout).ok).toBe(false);
  });
});

describe('backup', () => {
  test('copies what is in the file and in its WAL, while it is in use', async () => {
    await fill();
    await using db = await connect(file);
    await db.exec("BEGIN IMMEDIATE; UPDATE adk_sessions SET state = '{}'");
    const copy = join(folder, 'copy.db');
    const { status, json } = run(['backup', file, copy, '--json']);
    expect(status).toBe(0);
    expect(json()).toEqual({ file, destination: copy, bytes: readFileSync(copy).length });
    await db.exec('ROLLBACK');
    expect(run(['export', copy]).stdout).toBe(run(['export', file]).stdout);
  });

  test('refuses the database itself, and a folder that is not there', async () => {
    await fill();
    expect(run(['backup', file, file])).toMatchObject({
      status: 1,
      stderr: `aiosqlite: ${file} is the database itself\n`,
    });
    expect(run(['backup', file, join(folder, 'none', 'copy.db')]).status).toBe(1);
  });
});

describe('prune', () => {
  const rows = async (sql: string) => {
    await using db = await connect(file, { readonly: true });
    return (await db.all<[string]>(sql, [], { rowMode: 'array' })).map(([id]) => id);
  };

  test('removes what the rules say, and with --dry-run says what it would remove', async () => {
    await fill();
    {
      await using db = await connect(file);
      await new SessionStore(db).updateSessionState(key('s1'), { fresh: true });
    }
    const before = run(['export', file]).stdout;
    const dry = run(['prune', file, '--idle-days', '30', '--dry-run', '--json']);
    expect(dry).toMatchObject({ status: 0, stderr: '' });
    expect(dry.json()).toMatchObject({ sessions: 1, events: 0 });
    expect(run(['export', file]).stdout).toBe(before);
    expect(run(['prune', file, '--idle-days', '30', '--app', 'other', '--json']).json()).toMatchObject({ sessions: 0 });
    expect(run(['prune', file, '--idle-days', '30']).stdout).toMatch(/^removed: 1 sessions, 0 events, /);
    expect(await rows('SELECT id FROM adk_sessions ORDER BY id')).toEqual(['s1', 's2']);
    expect(run(['prune', file, '--max-events-per-session', '1', '--json']).json()).toMatchObject({ events: 1 });
    expect(await rows('SELECT id FROM adk_events')).toEqual(['e2']);
  });

  test('refuses a file without sessions', async () => {
    await using db = await connect(file);
    await db.exec('CREATE TABLE t (x)');
    expect(run(['prune', file, '--idle-days', '1'])).toMatchObject({
      status: 1,
      stderr: `aiosqlite: ${file} holds no sessions\n`,
    });
  });
});

describe('export and import', () => {
  test('are lossless', async () => {
    await fill();
    const { status, stdout, stderr } = run(['export', file]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toEqual(['s1', 's2', 's3']);
    const [, line] = stdout.split('\n').map((text) => text && JSON.parse(text));
    expect(line).toMatchObject({
      appName: 'shop',
      userId: 'ada',
      createTime: 1_600_000_000_000,
      state: { a: 'changed later' },
      appState: { currency: 'EUR' },
      userState: { tone: 'warm' },
    });
    const other = join(folder, 'other.db');
    const imported = run(['import', '-', '--db', other, '--json'], { input: stdout });
    expect(imported).toMatchObject({ status: 0, stderr: '' });
    expect(imported.json()).toEqual({
      format: 'aiosqlite',
      timezone: null,
      sessions: { read: 3, converted: 3, unchanged: 0, refused: 0 },
      events: { read: 2, converted: 2, unchanged: 0, refused: 0 },
      refused: [],
    });
    expect(run(['export', other]).stdout).toBe(stdout);
    expect(run(['check', other]).status).toBe(0);
    const again = run(['import', '-', '--db', other, '--json'], { input: stdout });
    expect(again.json().sessions).toEqual({ read: 3, converted: 0, unchanged: 3, refused: 0 });
  });

  test('choose by app, user and session', async () => {
    await fill();
    {
      await using db = await connect(file);
      await new SessionStore(db).createSession(key('s2', 'bob'));
    }
    const ids = (...args: string[]) =>
      run(['export', file, ...args])
        .stdout.split('\n')
        .filter(Boolean)
        .map((line) => `${JSON.parse(line).userId}/${JSON.parse(line).id}`);
    expect(ids('--session', 's2')).toEqual(['ada/s2', 'bob/s2']);
    expect(ids('--user', 'bob')).toEqual(['bob/s2']);
    expect(ids('--app', 'none')).toEqual([]);
  });

  test('keep a session that the database has with other content, name it, and import the rest', async () => {
    await fill();
    const { stdout } = run(['export', file]);
    {
      await using db = await connect(file);
      const store = new SessionStore(db);
      await store.updateSessionState(key('s2'), { mine: true });
      await store.deleteSession(key('s3'));
    }
    const { status, json } = run(['import', '-', '--db', file, '--json'], { input: stdout });
    expect(status).toBe(1);
    expect(json()).toMatchObject({
      sessions: { read: 3, converted: 1, unchanged: 1, refused: 1 },
      refused: [{ table: 'adk_sessions', row: 's2', reason: 'the database has another session with this id' }],
    });
    await using db = await connect(file);
    expect((await new SessionStore(db).getSession(key('s2')))?.state).toEqual({ mine: true });
  });

  test.each([
    ['no JSON', '{"secret'],
    ['no object', '["secret"]'],
    ['no session', '{"id":"secret"}'],
    [
      'events that are no list',
      '{"appName":"a","userId":"u","id":"i","createTime":1,"updateTime":1,"state":{},"appState":{},"userState":{},"events":{"secret":1}}',
    ],
  ])('name the line that is %s, without its content', (_, line) => {
    const { status, stderr } = run(['import', '-', '--db', file], { input: `\n${line}\n` });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^aiosqlite: line 2 is no exported session: .+\n$/);
    expect(stderr).not.toContain('secret');
  });

  test('refuse a session with an event that can not be stored, and store nothing of it', () => {
    const session = {
      appName: 'a',
      userId: 'u',
      id: 's',
      createTime: 1,
      updateTime: 1,
      state: {},
      appState: {},
      userState: {},
    };
    const lines = [
      { ...session, events: [{ id: 1, author: 'user' }] },
      { ...session, id: 't', events: [] },
    ];
    const input = lines.map((line) => JSON.stringify(line)).join('\n');
    const { status, json } = run(['import', '-', '--db', file, '--json'], { input });
    expect(status).toBe(1);
    expect(json()).toMatchObject({ sessions: { converted: 1, refused: 1 }, refused: [{ row: 's' }] });
    expect(run(['export', file]).stdout.split('\n').filter(Boolean)).toHaveLength(1);
  });

  test('a reader of the pipe that leaves ends export without a trace', async () => {
    await fill();
    {
      await using db = await connect(file);
      const store = new SessionStore(db);
      const text = 'x'.repeat(1000);
      await store.appendEvents(Array.from({ length: 2000 }, (_, i) => event(`many-${i}`, 's1', { content: { text } })));
    }
    const program = join(import.meta.dirname, '../..', pack.bin.aiosqlite);
    const said = execFileSync('sh', ['-c', `${process.execPath} ${program} export ${file} 2>&1 | head -c 100`], {
      encoding: 'utf8',
    });
    expect(said).toMatch(/^\{"appName":"shop"/);
    expect(said).toHaveLength(100);
  });

  test('a reader of the progress that leaves ends no import', async () => {
    const program = join(import.meta.dirname, '../..', pack.bin.aiosqlite);
    const child = spawn(process.execPath, [program, 'import', '-', '--db', file], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stderr.destroy();
    for (const id of ['s1', 's2', 's3', 's4']) {
      const times = { createTime: 1, updateTime: 1 };
      child.stdin.write(
        `${JSON.stringify({ ...key(id), id, ...times, state: {}, appState: {}, userState: {}, events: [] })}\n`,
      );
      await setTimeout(1_100); // a line of progress a second
    }
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(run(['export', file]).stdout.split('\n').filter(Boolean)).toHaveLength(4);
  });

  test('an export that fails says so by its exit code, though its message has no reader', async () => {
    await fill();
    {
      await using db = await connect(file);
      await db.exec("UPDATE adk_events SET content = 'no JSON'");
    }
    const program = join(import.meta.dirname, '../..', pack.bin.aiosqlite);
    const child = spawn(process.execPath, [program, 'export', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stderr.destroy();
    expect(await ended).toBe(1);
  });

  test.skipIf(!existsSync('/dev/full'))('a full disk is one sentence and exit code 1', async () => {
    await fill();
    const program = join(import.meta.dirname, '../..', pack.bin.aiosqlite);
    const { status, stderr } = spawnSync('sh', ['-c', `${process.execPath} ${program} export ${file} > /dev/full`], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^aiosqlite: ENOSPC.*\n$/);
  });
});

describe.skipIf(process.platform === 'win32')('tail', () => {
  test('shows the events that other processes append from now on, in order, and ends with 0', async () => {
    await fill();
    await using tail = new Running(['tail', file]);
    await tail.until(() => tail.stderr.includes('following'));
    await using db = await connect(file);
    const store = new SessionStore(db);
    await store.appendEvent(event('new-1', 's1'));
    await store.appendEvent(event('new-2', 's3', { content: { parts: [{ text: 'hi' }] } }));
    await tail.until(() => tail.stdout.split('\n').length === 3);
    const events = tail.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ id, sessionId }) => `${sessionId}/${id}`)).toEqual(['s1/new-1', 's3/new-2']);
    expect(events[1]).toMatchObject({ author: 'user', content: { parts: [{ text: 'hi' }] }, seq: expect.any(Number) });
    tail.child.kill('SIGINT');
    expect(await tail.ended).toBe(0);
  });

  test('shows only the sessions that were chosen', async () => {
    await fill();
    await using tail = new Running(['tail', file, '--app', 'shop', '--session', 's3']);
    await tail.until(() => tail.stderr.includes('following'));
    await using db = await connect(file);
    const store = new SessionStore(db);
    await store.appendEvents([event('no', 's1'), event('yes', 's3')]);
    await tail.until(() => tail.stdout.includes('\n'));
    expect(
      tail.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toEqual(['yes']);
  });

  test('shows a deleted and an emptied session nothing, and goes on', async () => {
    await fill();
    await using tail = new Running(['tail', file]);
    await tail.until(() => tail.stderr.includes('following'));
    await using db = await connect(file);
    const store = new SessionStore(db);
    await store.deleteSession(key('s2'));
    await store.appendEvent(event('after', 's1'));
    await tail.until(() => tail.stdout.includes('after'));
    expect(tail.stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('web', () => {
  test('says in one sentence what is missing', () => {
    mkdirSync(join(folder, 'agents'));
    const web = (agents: string, db: string) => run(['web', agents, '--db', db, '--port', '0'], { cwd: folder });
    expect(web('none', file)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^aiosqlite: there is no folder .*none\n$/),
    });
    expect(web('agents', file).stderr).toMatch(/^aiosqlite: no agent in agents: .*\n$/);
    writeFileSync(join(folder, 'text.db'), 'this is no database, whatever its name says'.repeat(100));
    expect(web('agents', 'text.db').stderr).toBe('aiosqlite: text.db is not a SQLite database\n');
  });

  test('prints one line with its address, serves, and ends with 0', async () => {
    mkdirSync(join(folder, 'agents'));
    writeFileSync(
      join(folder, 'agents', 'hello.cjs'),
      `const { LlmAgent } = require('${join(import.meta.dirname, '../../node_modules/@google/adk')}');
       exports.rootAgent = new LlmAgent({ name: 'hello', model: 'gemini-2.5-flash' });`,
    );
    await using web = new Running(['web', 'agents', '--db', file, '--port', '0', '--json'], folder);
    await web.until(() => web.stdout.includes('\n'));
    const { url } = JSON.parse(web.stdout);
    expect(await (await fetch(`${url}/list-apps`)).json()).toEqual(['hello']);
    const created = await fetch(`${url}/apps/hello/users/u/sessions`, { method: 'POST' });
    expect(created.status).toBe(200);
    web.child.kill('SIGTERM');
    expect(await web.ended).toBe(0);
    expect(web.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(run(['inspect', file, '--json']).json().sessions).toBe(1);
  });
});
