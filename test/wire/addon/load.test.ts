import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const builtHere = join(root, 'build', 'Release', 'aiosqlite.node');
const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
const glibc = header.glibcVersionRuntime;

/** A package as an installation leaves it, but for its addon. */
let folder: string;
beforeEach(() => {
  const project = mkdtempSync(join(tmpdir(), 'aiosqlite-load-'));
  folder = join(project, 'node_modules', 'aiosqlite');
  mkdirSync(folder, { recursive: true });
  for (const name of ['lib', 'package.json']) cpSync(join(root, name), join(folder, name), { recursive: true });
  const finder = dirname(dirname(folder));
  cpSync(join(root, 'node_modules', 'node-gyp-build'), join(finder, 'node_modules', 'node-gyp-build'), {
    recursive: true,
  });
});
afterEach(() => rmSync(dirname(dirname(folder)), { recursive: true, force: true }));

function put(file: string, bytes: Buffer): string {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** What importing the package says: its version of SQLite, or code and message of the error. */
async function importIt(preload = '', env: Record<string, string> = {}, flags: string[] = []): Promise<string> {
  const program = `${preload};
    import(${JSON.stringify(`file://${join(folder, 'lib', 'index.js')}`)}).then(
      ({ sqliteVersion }) => console.log(sqliteVersion),
      ({ name, code, message }) => console.log(name, code, message))`;
  const { stdout } = await run(process.execPath, [...flags, '--input-type=module', '--eval', program], {
    // The folder under test is what is looked at, wherever the addon is that the other tests use.
    env: { ...process.env, AIOSQLITE_PREBUILD: undefined, PREBUILDS_ONLY: undefined, ...env },
  });
  return stdout.trim();
}

/** The addon built here, with the same number of other bytes in some places. */
function altered([from, to]: [from: string | RegExp, to: string]): Buffer {
  const text = readFileSync(builtHere, 'latin1');
  expect(text).toMatch(from);
  return Buffer.from(typeof from === 'string' ? text.replaceAll(from, to) : text.replace(from, to), 'latin1');
}

test('the addon built here loads', async () => {
  put('build/Release/aiosqlite.node', readFileSync(builtHere));
  expect(await importIt()).toMatch(/^3\./);
});

test('two copies of the package in one process each get what is theirs', async () => {
  put('build/Release/aiosqlite.node', readFileSync(builtHere));
  cpSync(join(folder, 'lib'), join(folder, 'lib-2'), { recursive: true });
  const program = `
    const [one, two] = await Promise.all(['lib', 'lib-2'].map((lib) => import(\`file://${folder}/\${lib}/index.js\`)));
    const dbs = await Promise.all([one, two].map(({ connect }) => connect(':memory:')));
    await Promise.all(dbs.map((db, i) => db.createFunction('which', () => i)));
    const told = dbs.map((db) => Promise.all(Array.from({ length: 100 }, () => db.get('SELECT which() AS i'))));
    console.log((await Promise.all(told)).map((rows, i) => rows.every((row) => row.i === i)));
    for (const db of dbs) await db.close();`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, AIOSQLITE_PREBUILD: undefined, PREBUILDS_ONLY: undefined },
  });
  expect(stdout.trim()).toBe('[ true, true ]');
});

describe('one sentence says what was looked for, where, and what to do', () => {
  const errorStart = 'AiosqliteError ERR_ADDON';

  test('of a missing prebuilt addon', async () => {
    const libc = process.platform === 'linux' ? (glibc ? 'glibc' : 'musl') : undefined;
    const name = `${process.platform}-${process.arch}`;
    expect(await importIt()).toMatch(
      new RegExp(
        `^${errorStart} There is no ${name}${libc ? ` \\(${libc}\\)` : ''} addon of aiosqlite: looked for prebuilds/${name}/` +
          `aiosqlite${libc ? `.${libc}` : ''}.node from ${folder}/lib/.*; install the package where the program runs, .*\\.$`,
      ),
    );
  });

  test('of a platform that none is built for', async () => {
    const pretend = `Object.defineProperty(process, 'arch', { value: 'riscv64' })`;
    expect(await importIt(pretend)).toMatch(
      new RegExp(
        `^${errorStart} There is no ${process.platform}-riscv64 .*looked for ` +
          `prebuilds/.*; it is not prebuilt for this platform, so compile it with "npx aiosqlite build", ` +
          'which needs CMake and a C\\+\\+17 compiler\\.$',
      ),
    );
  });

  const doesNotLoad = (file: string, why: RegExp) =>
    new RegExp(
      `^${errorStart} ${file} does not load in this Node for ${process.platform}-${process.arch}[^:]*: .*${why.source}.*; ` +
        'install the package again on this machine, or compile it with "npx aiosqlite build", which needs CMake and a ' +
        'C\\+\\+17 compiler\\.$',
    );

  test('of a file that is no addon, with what the loader says', async () => {
    const file = put('build/Release/aiosqlite.node', Buffer.from('version https://git-lfs.github.com/spec/v1'));
    expect(await importIt()).toMatch(doesNotLoad(file, /\w/));
  });

  test('of an addon of another version', async () => {
    const file = put('build/Release/aiosqlite.node', altered([`\0${version}\0`, `\0${version.replace(/^./, '9')}\0`]));
    expect(await importIt()).toBe(
      `${errorStart} ${file} belongs to aiosqlite ${version.replace(/^./, '9')}, but this code is aiosqlite ${version}: ` +
        'take both from the same version.',
    );
  });

  test('of an addon of another package', async () => {
    const file = put('build/Release/aiosqlite.node', altered(['packageVersion', 'packageVersio_']));
    expect(await importIt()).toContain(`${errorStart} ${file} belongs to another package, but this code is aiosqlite`);
  });

  test('of an old Node', async () => {
    put('build/Release/aiosqlite.node', readFileSync(builtHere));
    const pretend = "Object.defineProperty(process.versions, 'node', { value: '18.20.8' })";
    expect(await importIt(pretend)).toBe(
      `${errorStart} aiosqlite needs Node 20.19 or newer, and this is Node 18.20.8 (${process.execPath}): run it with a newer one.`,
    );
  });

  describe.runIf(process.platform === 'linux' && glibc)('on Linux with glibc', () => {
    test('of an addon for another architecture', async () => {
      const bytes = readFileSync(builtHere);
      bytes.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
      expect(await importIt()).toMatch(/addon of aiosqlite: looked for/);
      const file = put('build/Release/aiosqlite.node', bytes);
      expect(await importIt()).toMatch(doesNotLoad(file, /cannot open shared object file/));
    });

    test('of a glibc that is too old', async () => {
      const file = put('build/Release/aiosqlite.node', altered([/GLIBC_2\.\d\d/, 'GLIBC_2.99']));
      expect(await importIt()).toMatch(doesNotLoad(file, /GLIBC_2\.99/));
    });

    test('of an addon that asks for a function that this Node does not have', async () => {
      const file = put('build/Release/aiosqlite.node', altered(['napi_create_function', 'napi_create_fun_tion']));
      expect(await importIt()).toMatch(doesNotLoad(file, /napi_create_fun_tion/));
    });
  });
});

test('a Node that may not read the package is told how to start it', async () => {
  put('build/Release/aiosqlite.node', readFileSync(builtHere));
  const permission = Number(process.versions.node.split('.')[0]) < 24 ? '--experimental-permission' : '--permission';
  const readable = [`--allow-fs-read=${folder}/lib`, `--allow-fs-read=${folder}/package.json`];
  const said = await importIt('', {}, [permission, '--allow-addons', ...readable]);
  expect(said).toMatch(
    /^AiosqliteError ERR_ADDON aiosqlite can't look for its addon: .*; start Node with --allow-fs-read/,
  );
  expect(said).not.toContain('compile it');
});

test('a Node that loads no addons is told how to start it', async () => {
  put('build/Release/aiosqlite.node', readFileSync(builtHere));
  expect(await importIt('', {}, ['--no-addons'])).toBe(
    'AiosqliteError ERR_ADDON This process may not load addons: start Node with --allow-addons beside --permission, ' +
      'or without --no-addons.',
  );
});
