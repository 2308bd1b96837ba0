import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-examples-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  code: number | string | null | undefined;
  stdout: string;
  stderr: string;
}

/** Runs an example as a user would, with a folder of its own for temporary files. */
function run(name: string, ...args: string[]): Promise<Run> {
  const env = {
    ...process.env,
    TMPDIR: folder,
    TEMP: folder,
    TMP: folder,
    NODE_TEST_CONTEXT: undefined,
    ROWS: '20000',
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(examples, name), ...args], { env, timeout: 150_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

/** What each program must print, beside exiting with 0. */
const EXPECTED: Record<string, (string | RegExp)[]> = {
  'quick-start.mjs': ["first note: { author: 'ada', text: 'Bring umbrella' }", 'refused: SQLITE_CONSTRAINT_NOTNULL'],
  'in-memory-tests.mjs': [/pass 3\b/, /fail 0\b/],
  'shared-memory-uri.mjs': ["memdb: { x: 'seen by both' }", 'connections of the pool: 1'],
  'pool-configuration.mjs': ['after 100 writes at once: { hits: 100 }', 'ERR_POOL_TIMEOUT', 'ERR_NESTED_ACQUIRE'],
  'custom-table-names.mjs': ['chat_events', 'owner of the session: 1', 'refused: ADK_INVALID_NAME'],
  'wal-and-pragmas.mjs': ['journal_mode wal', 'after checkpoint(): 0 pages', 'WAL file after close(): gone'],
  'context-managed.mjs': ['after the block: ERR_CLOSED', 'rows after the lease: { n: 0 }'],
  'bulk-insert.mjs': ['inserted: 10000', 'rows added: 0'],
  'opentelemetry.mjs': [
    'refused: SQLITE_CONSTRAINT_NOTNULL',
    /(GET \/page > INSERT: some time, group of 3, ok\n){3}/,
    'GET /page > SELECT: some time, group of 0, ok',
    /GET \/page > INSERT: some time, group of \d, SQLITE_CONSTRAINT_NOTNULL/,
  ],
  'postgres.mjs': ['Set DATABASE_URL'],
  'openai-agents.mjs': [
    'How is the weather in Oslo? Sunny in Oslo. Take no umbrella.',
    'Which city was it? You asked about Oslo.',
    'taken back: assistant, user',
    'left: user, function_call, function_call_result, assistant',
  ],
  'claude-agent.mjs': ['entries: 2', 'sessions: 1', "below it: [ 'subagents/agent-1' ]", 'after delete(): null'],
  'csv-export.mjs': ['lines received: 20001', 'pool: { products: 20000 }'],
  'cancel-on-disconnect.mjs': ['query ended: the client has left', 'the connection goes on: { one: 1 }'],
  'backup.mjs': ['several steps: true - writes meanwhile: true', 'copy: sound', '{ entries: 20000 }'],
  'after-crash.mjs': [
    /last event: pay is called\ncalls answered: 1/,
    '"functionResponse":{"id":"call-1"',
    /answered: 0\n$/,
  ],
  'langgraph.mjs': [
    "waits for: Refund 30?\nafter a restart: [ 'approve' ]\nwent on: checked 30, approved: yes, paid\n",
    "remembered: [ 'Paid 30 back for a broken teapot' ]",
    'time travel: checked 30, approved: on second thought, yes, paid',
    'fork: 10 checked 30, approved: gladly, paid',
  ],
  'full-application.mjs': [/purchase 1\npurchase 2\n/, 'no teapot left', '2 purchases, 3 sessions'],
};
/** Tested by themselves, below. */
const SPECIAL = ['agent.mjs', 'graceful-shutdown.mjs'];

describe('every example', () => {
  it('has a test', () => {
    const programs = readdirSync(examples).filter((name) => name.endsWith('.mjs'));
    expect([...Object.keys(EXPECTED), ...SPECIAL].sort()).toEqual(programs.sort());
  });

  it.each(Object.entries(EXPECTED))('%s runs, says what it does and leaves nothing behind', async (name, expected) => {
    const { code, stdout, stderr } = await run(name);
    expect(stderr).toBe('');
    for (const text of expected) expect(stdout).toMatch(text);
    expect(code).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(Object.keys(EXPECTED).filter((name) => !/memory|postgres/.test(name)))(
    '%s keeps a file that it was given, and runs on it again',
    async (name) => {
      const file = join(folder, 'kept.db');
      expect(await run(name, file)).toMatchObject({ code: 0, stderr: '' });
      expect(readdirSync(folder)).toContain('kept.db');
      expect(await run(name, file)).toMatchObject({ code: 0, stderr: '' });
    },
  );
});

describe('docker/Dockerfile', () => {
  it('gives the folder of the volume to the user of the server before it becomes a volume', () => {
    const lines = readFileSync(join(examples, 'docker/Dockerfile'), 'utf8').split('\n');
    const [volume = ''] = lines.flatMap((line) => /^VOLUME (\S+)$/.exec(line)?.slice(1) ?? []);
    const [user = ''] = lines.flatMap((line) => /^USER (\S+)$/.exec(line)?.slice(1) ?? []);
    const owned = lines.indexOf(`RUN mkdir ${volume} && chown ${user}:${user} ${volume}`);
    expect(owned).toBeGreaterThan(0);
    expect(owned).toBeLessThan(lines.indexOf(`VOLUME ${volume}`));
    expect(owned).toBeLessThan(lines.indexOf(`USER ${user}`)); // chown needs root
    expect(lines.find((line) => line.startsWith('ENV DATABASE='))).toContain(`=${volume}/`);
  });
});

// Electron itself isn't run here: a stand-in has the four names that the program imports.
describe('electron/main.mjs', () => {
  it('answers its window, and closes the pool before it lets the app quit', async () => {
    const electron = join(folder, 'node_modules/electron');
    mkdirSync(electron, { recursive: true });
    writeFileSync(join(electron, 'package.json'), '{ "name": "electron", "type": "module", "exports": "./index.mjs" }');
    writeFileSync(
      join(electron, 'index.mjs'),
      `import { EventEmitter } from 'node:events';
       const handlers = {};
       export const ipcMain = { handle: (name, fn) => { handlers[name] = fn; } };
       export const app = Object.assign(new EventEmitter(), {
         getPath: () => process.cwd(),
         whenReady: async () => {},
         exit: () => console.log('exit'),
       });
       export class BrowserWindow {
         async loadFile(name) {
           console.log(name, await handlers.notes());
           setTimeout(() => app.emit('will-quit', { preventDefault: () => console.log('waits') }), 10);
         }
       }`,
    );
    symlinkSync(join(examples, '..'), join(folder, 'node_modules/aiosqlite'), 'junction');
    copyFileSync(join(examples, 'electron/main.mjs'), join(folder, 'main.mjs'));
    const stdout = await new Promise((resolve, reject) => {
      execFile(process.execPath, ['main.mjs'], { cwd: folder }, (error, out) => (error ? reject(error) : resolve(out)));
    });
    expect(stdout).toBe('index.html []\nwaits\nexit\n');
    // An open WAL would still be there.
    expect(readdirSync(folder).filter((name) => name.startsWith('app.db'))).toEqual(['app.db']);
  });
});

describe('agent.mjs', () => {
  it('remembers in a second run what was said in the first', async () => {
    const file = join(folder, 'agent.db');
    const first = await run('agent.mjs', '--db', file);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('Session travel/ada/trip is new.');
    expect(first.stdout).toContain('Welcome, Ada. In Lisbon it is 24 °C and sunny');
    expect(first.stdout).toContain('That was question 2.');

    const second = await run('agent.mjs', '--db', file);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toContain('Found session travel/ada/trip: 22 events, 2 turns. The conversation goes on.');
    expect(second.stdout).toContain('Welcome back, Ada. Before, you asked about Lisbon and Porto. In Porto it is');
    expect(second.stdout).toContain('That was question 4.');
  });

  it('shows events, states by scope, the duration of appends and where the file is', async () => {
    const file = join(folder, 'agent.db');
    const { stdout } = await run('agent.mjs', '--db', file);
    expect(stdout).toContain('Stored: 22 events, 22 of them now');
    expect(stdout).toMatch(/[1-9]\d* partial events were shown and not stored/);
    expect(stdout).toContain('experts.weather_expert');
    expect(stdout).toContain('app:     {"agency":"Sea and Road","questions":2}');
    expect(stdout).toContain('user:    {"name":"Ada"}');
    expect(stdout).toMatch(/session {2}\{"turns":2,"city":"Porto",.*\}/);
    expect(stdout).toContain('temp:    readable while a turn ran, not stored');
    expect(stdout).toMatch(/22 appends.*\n {2}median \d+\.\d\d ms, slowest \d+\.\d\d ms/);
    expect(stdout).toContain(`The file is ${file}`);
  });

  it('shows an artifact with its versions, and a new session that memory tells what was said in the other', async () => {
    const file = join(folder, 'agent.db');
    for (const versions of [2, 4]) {
      const { code, stdout } = await run('agent.mjs', '--db', file);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        new RegExp(`Artifact wishes.txt: ${versions} versions. .*Ada wants to see (Porto|Madrid)`),
      );
      expect(stdout).toMatch(/postcard +calls load_memory/);
      expect(stdout).toMatch(/[1-9]\d* memories. Dear all, In Lisbon it is 24 °C and sunny. Wish you were here./);
    }
  });

  it('rewinds the last question, artifact and state with it, and undoes that', async () => {
    const { code, stdout } = await run('agent.mjs', '--memory');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Rewound to before the last question: (11) events are gone\./);
    expect(stdout).toContain('The state is that of turn 1, Lisbon. Versions of wishes.txt: 1.');
    expect(stdout).toContain('Undone: 11 events are back.');
  });

  it('leaves no file with --memory', async () => {
    const { code, stdout } = await run('agent.mjs', '--memory');
    expect(code).toBe(0);
    expect(stdout).toContain('It was in memory and is gone now.');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('explains itself with --help', async () => {
    const { code, stdout } = await run('agent.mjs', '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^usage: .*--db FILE/s);
  });

  it.each([['--frob'], ['--db'], ['--db='], ['stray'], ['--memory', '--db', 'x.db']])(
    'exits with 2 and the usage for %s',
    async (...args) => {
      const { code, stdout, stderr } = await run('agent.mjs', ...args);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain('usage: node examples/agent.mjs');
    },
  );
});

// Windows has no SIGTERM that a program could catch.
describe.skipIf(process.platform === 'win32')('a server', () => {
  let child: ChildProcess | undefined;
  afterEach(() => {
    child?.kill('SIGKILL');
  });

  /** Resolves with the match once the child has printed it. */
  function printed(service: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      let text = '';
      service.stdout?.on('data', (chunk) => {
        text += chunk;
        const match = pattern.exec(text);
        if (match) resolve(match);
      });
      service.once('exit', () => reject(new Error(`it ended without printing ${pattern}:\n${text}`)));
    });
  }

  it('of adk-web/ lists its agent, stores a session, and ends at SIGTERM', async () => {
    const env = { ...process.env, PORT: '0' };
    const args = [join(examples, 'adk-web/server.mjs'), join(folder, 'agent.db')];
    child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [, url] = await printed(child, /open (\S+)/);
    expect(await (await fetch(new URL('/list-apps', url))).json()).toEqual(['notes']);
    const created = await fetch(new URL('/apps/notes/users/ada/sessions/s1', url), { method: 'POST' });
    expect(await created.json()).toMatchObject({ id: 's1', appName: 'notes', userId: 'ada' });
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(readdirSync(folder)).toEqual(['agent.db']);
  });

  it('of graceful-shutdown.mjs finishes the request that runs at SIGTERM, closes the pool and exits with 0', async () => {
    const env = { ...process.env, TMPDIR: folder };
    child = spawn(process.execPath, [join(examples, 'graceful-shutdown.mjs')], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const begun = printed(child, /a slow request has begun/);
    const closed = printed(child, /closed/);
    const [, url] = await printed(child, /listens on (\S+)/);

    expect(await (await fetch(`${url}/quick`)).json()).toEqual({ visits: 1 });
    const slow = fetch(`${url}/slow`);
    await begun;
    child.kill('SIGTERM');

    const response = await slow;
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ visits: 2 });
    await closed;
    expect(await exited).toEqual([0, null]);
    await expect(fetch(`${url}/late`)).rejects.toThrow();
    expect(readdirSync(folder)).toEqual([]);
  });
});
