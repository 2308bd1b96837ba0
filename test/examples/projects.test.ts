import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { install, pack } from './support/packed.js';
import { root } from './support/programs.js';

// Signals that a program can catch are not to be had on Windows, and these projects end by them.
const names = readdirSync(join(root, 'examples/projects')).filter((name) => !name.endsWith('.md'));

let folder: string;
const pathOf = (name: string) => join(folder, name);

/** Each project as a user has it: copied out of the repository, installed with the packed package. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-projects-'));
  const tarballs = mkdtempSync(join(folder, 'pack-'));
  const tarball = await pack(tarballs);
  cpSync(join(root, 'examples/projects'), folder, {
    recursive: true,
    filter: (source) => !source.includes('node_modules'),
  });
  await Promise.all(names.map((name) => install(pathOf(name), tarball)));
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }), 600_000);

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program of a project, to its end. */
async function run(name: string, ...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const child = execFile(process.execPath, args, { cwd: pathOf(name), env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    children.push(child);
  });
}

/** Starts a service of a project, and gives its address once it listens. */
async function start(name: string): Promise<{ url: string; child: ChildProcess; printed: () => string }> {
  const env = { ...process.env, PORT: '0', DATABASE: 'service.db', GEMINI_API_KEY: undefined };
  const child = spawn(process.execPath, ['server.mjs'], { cwd: pathOf(name), env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      text += chunk;
      const match = /listens on (http\S+)/.exec(text);
      if (match) resolve(match[1] as string);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', () => reject(new Error(`it has ended: ${text}`)));
  });
  return { url, child, printed: () => text };
}

const send = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('every project', () => {
  it('has a README, exact versions, and depends on what it imports', () => {
    for (const name of names) {
      const manifest = readFileSync(join(root, 'examples/projects', name, 'package.json'), 'utf8');
      const { dependencies, devDependencies, scripts = {} } = JSON.parse(manifest);
      const versions = Object.values({ ...dependencies, ...devDependencies });
      expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
      expect(readdirSync(pathOf(name))).toContain('README.md');

      const sources = readdirSync(pathOf(name), { recursive: true, encoding: 'utf8' }).filter(
        (file) => file.endsWith('.mjs') && !file.includes('node_modules'),
      );
      // The command serves ADK's own server.
      const served = Object.values<string>(scripts).some((script) => script.startsWith('aiosqlite web'));
      const imported = sources.flatMap((file) =>
        [...readFileSync(join(pathOf(name), file), 'utf8').matchAll(/^import .*'([^'.][^']*)';$/gm)].map(
          ([, from]) => from,
        ),
      );
      const packages = imported
        .filter((from) => !from?.startsWith('node:'))
        .map((from) => from?.match(/^(@[^/]+\/)?[^/]+/)?.[0]);
      if (served) packages.push('aiosqlite', '@google/adk-devtools');
      expect([...new Set(packages)].sort(), name).toEqual(Object.keys(dependencies).sort());
    }
  });

  it('has correct types', () => {
    const files = names.flatMap((name) =>
      readdirSync(pathOf(name))
        .filter((file) => file.endsWith('.mjs'))
        .map((file) => join(pathOf(name), file)),
    );
    const program = ts.createProgram(files, {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      allowJs: true,
      checkJs: true,
      strict: true,
      noImplicitAny: false,
      skipLibCheck: true,
      noEmit: true,
    });
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
    expect(problems).toEqual([]);
  });
});

describe.skipIf(process.platform === 'win32')('chat-service', () => {
  it('streams an answer, remembers after a restart, and finishes what runs at SIGTERM', async () => {
    const path = '/users/ada/sessions/s1';
    const first = await start('chat-service');
    const answer = await (await send(`${first.url}${path}/messages`, { text: 'Hello' })).text();
    expect(answer.match(/^event: piece$/gm)?.length).toBeGreaterThan(5);
    expect(answer).toContain('data: "You have said 1 things, the last was: Hello"');
    expect(answer).toMatch(/event: end\ndata: null\n\n$/);
    expect((await send(`${first.url}${path}/messages`, { text: '' })).status).toBe(400);
    expect((await fetch(`${first.url}/users/eve/sessions/s1`)).status).toBe(404);

    // A second message is under way when the signal comes.
    const exited = once(first.child, 'exit');
    const response = await send(`${first.url}${path}/messages`, { text: 'Goodbye' });
    first.child.kill('SIGTERM');
    expect(await response.text()).toContain('event: whole\ndata: "You have said 2 things, the last was: Goodbye"');
    expect(await exited).toEqual([0, null]);
    expect(first.printed()).toContain('closed');

    const second = await start('chat-service');
    expect(await (await fetch(second.url + path)).json()).toEqual([
      { author: 'user', text: 'Hello' },
      { author: 'assistant', text: 'You have said 1 things, the last was: Hello' },
      { author: 'user', text: 'Goodbye' },
      { author: 'assistant', text: 'You have said 2 things, the last was: Goodbye' },
    ]);
    expect(await (await fetch(`${second.url}/users/ada/sessions`)).json()).toMatchObject({ total: 1 });
  });
});

describe.skipIf(process.platform === 'win32')('agent-web', () => {
  it('serves an agent at the first try, keeps sessions, artifacts and memory, and ends in order', async () => {
    const serve = async () => {
      const args = ['aiosqlite', 'web', './agents', '--db', 'agent.db', '--port', '0', '--json'];
      const env = { ...process.env, GEMINI_API_KEY: undefined };
      const child = spawn('npx', args, {
        cwd: pathOf('agent-web'),
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
        detached: true,
      });
      children.push(child);
      const [line] = await once(child.stdout, 'data');
      return { child, url: JSON.parse(String(line)).url as string };
    };
    const stop = async (child: ChildProcess) => {
      const exited = once(child, 'exit');
      // As Ctrl+C does: the whole group.
      process.kill(-(child.pid as number), 'SIGINT');
      await exited;
    };
    const say = async (url: string, sessionId: string, text: string) => {
      const newMessage = { role: 'user', parts: [{ text }] };
      const response = await send(`${url}/run`, { appName: 'clerk', userId: 'user', sessionId, newMessage });
      return ((await response.json()) as any).at(-1).content.parts[0].text;
    };
    const sessions = '/apps/clerk/users/user/sessions';
    const first = await serve();
    expect(await (await fetch(`${first.url}/list-apps`)).json()).toEqual(['clerk']);
    expect((await fetch(`${first.url}/dev-ui/`)).status).toBe(200);
    await send(first.url + sessions, { sessionId: 's1' });
    expect(await say(first.url, 's1', 'order Darjeeling')).toBe('Your order: Darjeeling');
    expect(await say(first.url, 's1', 'receipt')).toBe('Receipt 1 is in receipts/latest.txt');
    await stop(first.child);

    const second = await serve();
    const artifact = await fetch(`${second.url}${sessions}/s1/artifacts/receipts/latest.txt`);
    expect(await artifact.json()).toEqual({ text: 'Darjeeling\n' });
    await send(second.url + sessions, { sessionId: 's2' });
    expect(await say(second.url, 's2', 'remember Darjeeling')).toContain('Darjeeling');
    expect(await (await fetch(second.url + sessions)).json()).toHaveLength(2);
    await stop(second.child);
    const cli = 'node_modules/aiosqlite/lib/cli/main.js';
    expect((await run('agent-web', cli, 'check', 'agent.db')).stdout).toBe('agent.db is whole\n');
    const page = 'node_modules/aiosqlite/lib/cli/page/page.js';
    expect(readFileSync(join(pathOf('agent-web'), page), 'utf8').length).toBeGreaterThan(10_000);
  });
});

describe('agent-workers', () => {
  it('serves conversations from several threads, and goes on with them in a second run', async () => {
    const first = await run('agent-workers', 'main.mjs', 'agents.db', '6');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('user 0, question 1: It is 196418.\nuser 0, question 2: It is 832040.');
    expect(first.stdout).toContain('{ sessions: 6 }\n{ events: 48 }');
    const second = await run('agent-workers', 'main.mjs', 'agents.db', '6');
    expect(second.stdout).toContain('user 0, question 4: It is 832040.');
    expect(second.stdout).toContain('{ sessions: 6 }\n{ events: 96 }');
  });
});

describe.skipIf(process.platform === 'win32')('web-service', () => {
  it('keeps notes, finds them, refuses by code, and ends in order', async () => {
    const { url, child, printed } = await start('web-service');
    const added = await Promise.all(
      ['Tea', 'Coffee', 'Soup'].map((title, i) => send(`${url}/notes`, { title, text: `${i + 2} minutes, "stirred"` })),
    );
    expect(added.map(({ status }) => status)).toEqual([201, 201, 201]);
    const twice = await send(`${url}/notes`, { title: 'Tea', text: 'again' });
    expect([twice.status, await twice.json()]).toEqual([409, { error: 'SQLITE_CONSTRAINT_UNIQUE' }]);
    expect((await send(`${url}/notes`, { title: 1 })).status).toBe(400);

    const page = await (await fetch(`${url}/notes?limit=2`)).json();
    expect(page).toMatchObject({ total: 3, notes: [{ id: 1 }, { id: 2 }] });
    const found = await (await fetch(`${url}/search?q=${encodeURIComponent('4 "stirred"')}`)).json();
    expect(found).toEqual([{ id: expect.any(Number), title: 'Soup', found: expect.stringContaining('[stirred]') }]);
    expect((await fetch(`${url}/notes/1`, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(`${url}/notes/1`)).status).toBe(404);

    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(printed()).toContain('closed');
  });
});

describe('data-import', () => {
  it.skipIf(process.platform === 'win32')(
    'shows how far it is, stops at Ctrl-C after the batch that runs, and goes on from there',
    async () => {
      expect(await run('data-import', 'import.mjs', '--sample', '300000', 'r.csv', 'other.db')).toMatchObject({
        code: 0,
      });

      let text = '';
      let stoppedAt: string | undefined;
      // On a busy machine the signal may come when all is done: again, from the beginning.
      while (stoppedAt === undefined) {
        for (const suffix of ['', '-wal', '-shm'])
          rmSync(join(pathOf('data-import'), `r.db${suffix}`), { force: true });
        text = '';
        const child = spawn(process.execPath, ['import.mjs', 'r.csv', 'r.db'], { cwd: pathOf('data-import') });
        children.push(child);
        const exited = once(child, 'exit');
        child.stdout.on('data', (chunk) => {
          if (text === '') child.kill('SIGINT'); // once, as soon as it shows something
          text += chunk;
        });
        expect(await exited).toEqual([0, null]);
        [, stoppedAt] = /stopped after (\d+) lines/.exec(text) ?? [];
      }
      expect(Number(stoppedAt)).toBeGreaterThan(0);
      expect(Number(stoppedAt)).toBeLessThan(300_000);
      expect(text).toContain(`{ readings: ${stoppedAt}, sensors: 50 }`);

      const { code, stdout } = await run('data-import', 'import.mjs', 'r.csv', 'r.db');
      expect(code).toBe(0);
      expect(stdout).toContain(`r.csv: ${stoppedAt} lines are there already`);
      expect(stdout).toMatch(/100 % {2}300000 lines/);
      expect(stdout).toContain('{ readings: 300000, sensors: 50 }');
    },
  );
});

describe('drizzle-seed', () => {
  it('fills the tables, and replaces the rows when it runs again', async () => {
    for (const _ of ['first', 'again']) {
      const { code, stdout, stderr } = await run('drizzle-seed', 'seed.mjs', 'books.db');
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '[ { books: 100 } ]\n[]\n', stderr: '' });
    }
  });
});

describe('query-builders', () => {
  it.each([
    ['mikro-orm.mjs', "undo\nSketch of the Engine [ 'history' ] 1970-01-01T00:00:00.000Z\n"],
    [
      'knex.mjs',
      "[ 1 ]\n[ { id: 2 } ]\n1\nundo\n[ { title: 'Sketch of the Engine' }, { title: 'More notes' } ] [ 'id', 'title', 'isbn' ]\n",
    ],
  ])('%s writes, reads, changes the schema and undoes a transaction', async (program, printed) => {
    const { code, stdout, stderr } = await run('query-builders', program, 'own.db');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: printed, stderr: '' });
    rmSync(join(pathOf('query-builders'), 'own.db'), { force: true });
  });
});

describe('langgraph', () => {
  it('waits for a person between processes, answers anew, and finds what it remembers', async () => {
    const desk = async (...args: string[]) => {
      const { code, stdout, stderr } = await run('langgraph', 'desk.mjs', ...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    };
    expect(await desk('ask', 'ada', 'Please send me 20 euros for the teapot')).toBe('20 euros are on their way.\n');
    expect(await desk('ask', 'bob', 'I want 250 euros back for the samovar')).toBe('Send bob 250 euros?\n');
    expect(await desk('decide', 'bob', 'yes')).toBe('250 euros are on their way.\n');
    expect((await desk('history', 'bob')).match(/^\S+ (\S+)/gm)).toHaveLength(5);
    expect(await desk('redo', 'bob', 'no')).toBe('We are sorry, this is not possible.\n');
    expect(await desk('find', 'customers with teapots')).toMatch(/^ada .* paid\n$/);
    expect((await desk('find', 'samovars')).split('\n').sort()).toEqual([
      '',
      'bob I want 250 euros back for the samovar paid',
      'bob I want 250 euros back for the samovar refused',
    ]);
  });
});

describe('knex', () => {
  it('migrates, sells, pages and streams', async () => {
    for (const again of ['Batch 1 run: 2 migrations', 'Already up to date']) {
      const { code, stdout, stderr } = await run('knex', 'shop.mjs');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain(again);
      expect(stdout).toContain('sold out: Teapot');
      expect(stdout).toContain("third page: [ 'Tea 021',");
      expect(stdout).toContain('streamed: 101 products');
    }
  });
});

describe('test-setup', () => {
  it('has tests that pass', async () => {
    const { code, stdout } = await run('test-setup', '--test');
    expect(stdout).toMatch(/pass 5\b/);
    expect(code).toBe(0);
  });
});
