import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'aiosqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contentsOf, fixture } from '../store/import/support.js';
import { Running, run } from './support.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

const path = (name: string) => join(folder, name);

test('the report is a table, or JSON, and the exit code tells whether all is there', () => {
  const file = fixture('adk-python-v1.db', folder);
  const { status, stdout } = run(['import', file, '--db', path('agent.db')]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^format adk-python-v1$/m);
  expect(stdout).toMatch(/sessions\D+3\D+3\D+0\D+0/);
  expect(stdout).toMatch(/events\D+5\D+3\D+0\D+0/);
  expect(stdout).toContain('left out 2 events that a rewind has undone: --keep-rewound stores them');

  const again = run(['import', file, '--db', path('agent.db'), '--json']);
  expect(again.status).toBe(0);
  expect(again.json()).toEqual({
    format: 'adk-python-v1',
    timezone: null,
    sessions: { read: 3, converted: 0, unchanged: 3, refused: 0 },
    events: { read: 5, converted: 0, unchanged: 3, refused: 0 },
    refused: [],
  });

  const kept = run(['import', file, '--db', path('agent.db'), '--keep-rewound']);
  expect(kept.status).toBe(1);
  expect(kept.stdout).toContain('refused sessions s1: the database has another session with this id');
});

test('lines of JSON end where one is no UTF-8, and those before it are there', () => {
  const line = (id: string, user: string) => {
    const session = { appName: 'app', userId: user, id, createTime: 1, updateTime: 1, events: [] };
    return `${JSON.stringify({ ...session, state: {}, appState: {}, userState: {} })}\n`;
  };
  const input = Buffer.from(line('s1', 'ada') + line('s2', 'b\xffb'), 'latin1');
  const { status, stderr } = run(['import', '-', '--db', path('agent.db')], { input });
  expect(status).toBe(1);
  expect(stderr).toContain('line 2 is no valid UTF-8');
  const stored = run(['export', path('agent.db')]).stdout;
  expect(
    stored
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
  ).toEqual(['s1']);
});

test('a dry run makes no database, and changes none', () => {
  const file = fixture('adk-python-sqlite.db', path('source'));
  const dry = run(['import', file, '--db', path('agent.db'), '--dry-run', '--json']);
  expect(dry.json()).toMatchObject({ sessions: { converted: 3 } });
  expect(existsSync(path('agent.db'))).toBe(false);
  mkdirSync(path('target'));
  run(['import', file, '--db', path('target/agent.db'), '--app', 'none']);
  const before = contentsOf(path('target'))['agent.db'];
  expect(run(['import', file, '--db', path('target/agent.db'), '--dry-run', '--json']).json()).toEqual(dry.json());
  expect(contentsOf(path('target'))['agent.db']).toBe(before);
});

test('what can not be imported is said in one sentence, and makes no database', () => {
  const file = fixture('adk-python-v1.db', folder);
  writeFileSync(path('text'), 'secret\n');
  const db = path('agent.db');
  const said = (...args: string[]) => {
    const { status, stdout, stderr } = run(['import', ...args]);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('secret');
    expect(existsSync(db)).toBe(false);
    return { status, stderr };
  };
  expect(said(path('text'), '--db', db)).toEqual({ status: 1, stderr: expect.stringContaining('line 1 is no') });
  expect(said(path('none'), '--db', db)).toEqual({ status: 1, stderr: expect.stringContaining('no such file') });
  expect(said(file, '--db', file)).toEqual({ status: 2, stderr: expect.stringContaining('same file') });
  expect(said(file, '--db', db, '--timezone', 'Nowhere')).toEqual({
    status: 2,
    stderr: expect.stringContaining('--timezone'),
  });
  expect(said(file)).toEqual({ status: 2, stderr: expect.stringContaining('--db') });
});

describe.each(['sqlspec.db', 'sqlspec-0.45.db'])('a file of SQLSpec: %s', (name) => {
  test('is refused by name, and left as it is, by every command that needs sessions of our own', () => {
    const file = fixture(name, path('theirs'));
    const ours = fixture('adk-python-v1.db', path('ours'));
    const before = contentsOf(path('theirs'));
    expect(run(['import', ours, '--db', path('agent.db')]).status).toBe(0);
    const agents = path('agents');
    mkdirSync(agents);
    for (const args of [
      ['prune', file, '--idle-days', '1'],
      ['export', file],
      ['copy', '--from', file, '--to', path('copy.db')],
      ['copy', '--from', path('agent.db'), '--to', file],
      ['import', ours, '--db', file],
      ['import', ours, '--db', file, '--dry-run'],
      ['web', agents, '--db', file, '--no-ui', '--port', '0'],
    ]) {
      const { status, stdout, stderr } = run(args);
      expect({ args, status, stdout, stderr }).toEqual({
        args,
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(/belongs to SQLSpec's ADK store: aiosqlite import /),
      });
    }
    expect(contentsOf(path('theirs'))).toEqual(before);
  });

  test.each(['in the file', 'in its log', 'in a log that has lost its shared memory'])(
    'is refused without a trace, with tables %s',
    async (where) => {
      const source = fixture(name, path('source'));
      const ours = fixture('adk-python-v1.db', path('ours'));
      const theirs = path('theirs');
      mkdirSync(theirs);
      const file = join(theirs, 'a b?.db');
      {
        await using db = await connect(where === 'in the file' ? source : file, { journalMode: 'wal' });
        if (where === 'in the file') {
          await db.exec('CREATE TABLE later (x)');
          await db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
          await db.run('INSERT INTO later VALUES (1)');
        } else {
          await using other = await connect(source);
          const tables = await other.all<{ sql: string }>("SELECT sql FROM sqlite_schema WHERE type = 'table'");
          for (const { sql } of tables.filter(({ sql }) => !sql.includes('sqlite_'))) await db.exec(sql);
        }
        // As a process leaves them that was killed.
        const from = where === 'in the file' ? source : file;
        for (const suffix of ['', '-wal', ...(where.startsWith('in a log') ? [] : ['-shm'])])
          cpSync(`${from}${suffix}`, join(folder, `kept${suffix}`));
      }
      rmSync(theirs, { recursive: true });
      mkdirSync(theirs);
      for (const suffix of ['', '-wal', '-shm'].filter((suffix) => existsSync(path(`kept${suffix}`))))
        cpSync(path(`kept${suffix}`), `${file}${suffix}`);
      expect(run(['import', ours, '--db', path('agent.db')]).status).toBe(0);
      const traces = () =>
        readdirSync(theirs).map((name) => {
          const { mtimeNs, size, ino } = statSync(join(theirs, name), { bigint: true });
          return { name, mtimeNs, size, ino };
        });
      const before = [traces(), contentsOf(theirs)];
      expect(before[0]).toHaveLength(where.startsWith('in a log') ? 2 : 3);
      for (const args of [
        ['copy', '--from', path('agent.db'), '--to', file],
        ['import', ours, '--db', file],
        ['prune', file, '--idle-days', '1'],
      ]) {
        expect(run(args)).toMatchObject({ status: 1, stderr: expect.stringMatching(/belongs to SQLSpec's ADK store/) });
        expect([traces(), contentsOf(theirs)]).toEqual(before);
      }
    },
  );

  test('is checked, copied by backup, and named by doctor', () => {
    const file = fixture(name, path('theirs'));
    expect(run(['check', file])).toMatchObject({ status: 0, stdout: expect.stringContaining('is whole') });
    expect(run(['backup', file, path('copy.db')]).status).toBe(0);
    const { checks } = run(['doctor', file, '--json']).json();
    expect(checks).toContainEqual({
      name: 'database',
      status: 'warn',
      detail: expect.stringMatching(/it belongs to SQLSpec's ADK store: aiosqlite import /),
    });
  });

  test('is shown by inspect without sessions and memory of our own', async () => {
    await using inspector = new Running(['inspect', fixture(name, path('theirs')), '--serve', '--json']);
    await inspector.until(() => inspector.stdout.includes('\n'));
    const { url } = JSON.parse(inspector.stdout);
    expect(await (await fetch(new URL('overview', url))).json()).toMatchObject({ memory: false, users: [] });
    expect(await (await fetch(new URL('memory?app=shop&user=ada&query=tea', url))).json()).toEqual([]);
  });
});

test('an import that is killed goes on where it was, and ends as one that was not', async () => {
  const source = path('old.db');
  {
    await using db = await connect(source, { synchronous: 'off' });
    await db.exec(`CREATE TABLE app_states (app_name, state, update_time); CREATE TABLE user_states (app_name, user_id, state, update_time);
      CREATE TABLE sessions (id, app_name, user_id, state, create_time, update_time);
      CREATE TABLE events (id, app_name, user_id, session_id, invocation_id, timestamp, event_data, PRIMARY KEY (session_id, id));
      WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 1500)
      INSERT INTO sessions SELECT 's' || value, 'app', 'ada', '{"n":1}', 1.7e9, 1.7e9 FROM n;
      WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 20)
      INSERT INTO events SELECT 'e' || n.value, 'app', 'ada', s.id, 'i1', 1.7e9 + n.value, '{"author":"user"}'
        FROM sessions AS s, n;`);
  }
  const [whole, killed] = [path('whole.db'), path('killed.db')];
  expect(run(['import', source, '--db', whole]).status).toBe(0);
  const count = async () => {
    if (!existsSync(killed)) return 0;
    await using db = await connect(killed, { readonly: true });
    const row = await db.get<{ n: number }>('SELECT count(*) AS n FROM adk_sessions').catch(() => undefined);
    return row?.n ?? 0;
  };
  for (const least of [1, 400, 800]) {
    await using running = new Running(['import', source, '--db', killed]);
    // It may end before it is killed, on a fast machine.
    while ((await count()) < least && running.child.exitCode === null) await new Promise((next) => setTimeout(next, 5));
  }
  const { status, json } = run(['import', source, '--db', killed, '--json']);
  expect(status).toBe(0);
  const { sessions, events } = json();
  expect(sessions.unchanged).toBeGreaterThanOrEqual(800);
  expect(sessions.converted + sessions.unchanged).toBe(1_500);
  expect(events.converted + events.unchanged).toBe(30_000);
  const sorted = (file: string) => run(['export', file]).stdout.split('\n').sort().join('\n');
  expect(sorted(killed)).toBe(sorted(whole));
}, 120_000);

const guides = join(import.meta.dirname, '../../docs/guides');
const pages = readdirSync(guides).filter((name) => /^migrate.*\.md$/.test(name));

describe.each(pages)('the commands of docs/guides/%s', (page) => {
  const blocks = [...readFileSync(join(guides, page), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)];
  const commands = blocks.flatMap(([, block = '']) => block.trim().split('\n'));

  test('all run', () => {
    const python = fixture('adk-python-sqlite.db', folder);
    fixture('sqlspec.db', folder);
    cpSync(fixture('adk-python-v1.db', folder), path('old-python.db'));
    for (const name of ['old.db', 'adk.db', 'session.db']) cpSync(python, path(name));
    mkdirSync(path('my_agent/.adk'), { recursive: true });
    cpSync(python, path('my_agent/.adk/session.db'));
    mkdirSync(path('artifacts/users/ada/artifacts/note.txt/versions/0'), { recursive: true });
    writeFileSync(path('artifacts/users/ada/artifacts/note.txt/versions/0/note.txt'), 'hi');
    writeFileSync(path('artifacts/users/ada/artifacts/note.txt/versions/0/metadata.json'), '{}');
    writeFileSync(path('s1.session.json'), JSON.stringify({ id: 's1', appName: 'a', userId: 'u', events: [] }));
    const failed: string[] = [];
    for (const command of commands.filter((line) => !line.includes('postgres://'))) {
      const [first, second] = command.split(' | ').map((part) => part.replace(/^npx aiosqlite /, '').split(' '));
      const { status, stdout, stderr } = run(first!, { cwd: folder });
      const last = second === undefined ? { status, stderr } : run(second, { cwd: folder, input: stdout });
      if (last.status !== 0) failed.push(`${command}: ${last.stderr}`);
    }
    expect(failed).toEqual([]);
    expect(commands.length).toBeGreaterThan(0);
  });
});
