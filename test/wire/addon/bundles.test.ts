import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const addon = join(root, 'build', 'Release', 'aiosqlite.node');

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'aiosqlite-bundle-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Bundles a program that prints SQLite's version, or the error, into `dist/`. */
async function bundle(format: 'cjs' | 'esm'): Promise<string> {
  const outfile = join(folder, 'dist', format === 'cjs' ? 'program.cjs' : 'program.mjs');
  const contents = `import('aiosqlite').then(
    ({ sqliteVersion }) => console.log(sqliteVersion),
    ({ name, code, message }) => console.log(name, code, message))`;
  const options = { bundle: true, platform: 'node', outfile, format, sourcemap: 'linked' } as const;
  const { warnings } = await build({ ...options, stdin: { contents, resolveDir: root }, logLevel: 'silent' });
  expect(warnings).toEqual([]);
  return outfile;
}

function putAddon(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(dirname(file), { recursive: true });
  cpSync(addon, file);
  return file;
}

async function output(file: string, { env = {}, cwd = tmpdir() }: { env?: object; cwd?: string } = {}) {
  const { stdout } = await run(process.execPath, [file], {
    cwd,
    env: { ...process.env, AIOSQLITE_PREBUILD: undefined, PREBUILDS_ONLY: undefined, ...env },
  });
  return stdout.trim();
}

const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
const libc = process.platform === 'linux' ? (header.glibcVersionRuntime ? '.glibc' : '.musl') : '';
const prebuild = ['prebuilds', `${process.platform}-${process.arch}`, `aiosqlite${libc}.node`];

describe.each(['cjs', 'esm'] as const)('a bundle (%s) finds the addon', (format) => {
  let program: string;
  beforeEach(async () => {
    program = await bundle(format);
  });

  test('in prebuilds/ beside it', async () => {
    putAddon('dist', ...prebuild);
    expect(await output(program)).toMatch(/^3\./);
  });

  test('as a file beside it, where another program imports it', async () => {
    putAddon('dist', 'aiosqlite.node');
    const importing = join(folder, 'elsewhere.mjs');
    writeFileSync(importing, `import ${JSON.stringify(program)};`);
    expect(await output(importing)).toMatch(/^3\./);
    expect(await output(importing, { env: { NODE_OPTIONS: '--enable-source-maps' } })).toMatch(/^3\./);
  });

  test('in node_modules above it', async () => {
    putAddon('node_modules', 'aiosqlite', ...prebuild);
    expect(await output(program)).toMatch(/^3\./);
  });

  test('in node_modules of the working folder', async () => {
    putAddon('app', 'node_modules', 'aiosqlite', ...prebuild);
    expect(await output(program, { cwd: join(folder, 'app') })).toMatch(/^3\./);
  });

  test('in node_modules of the program that loads it', async () => {
    putAddon('tool', 'node_modules', 'aiosqlite', ...prebuild);
    const tool = join(folder, 'tool', 'bin', 'tool.mjs');
    mkdirSync(dirname(tool));
    writeFileSync(tool, `import ${JSON.stringify(program)};`);
    expect(await output(tool)).toMatch(/^3\./);
  });

  test.each(['file', 'folder'])('where AIOSQLITE_ADDON names its %s', async (kind) => {
    const file = putAddon('native', 'aiosqlite.node');
    const env = { AIOSQLITE_ADDON: kind === 'file' ? file : dirname(file) };
    expect(await output(program, { env })).toMatch(/^3\./);
  });

  test('never in the addon of another package', async () => {
    putAddon('prebuilds', `${process.platform}-${process.arch}`, 'other.node');
    putAddon('dist', 'prebuilds', `${process.platform}-${process.arch}`, 'other.node');
    expect(await output(program)).toMatch(/^AiosqliteError ERR_ADDON There is no /);
  });

  test('or says where it looked and what to do', async () => {
    const dist = join(folder, 'dist');
    expect(await output(program)).toBe(
      `AiosqliteError ERR_ADDON There is no ${process.platform}-${process.arch}${libc.replace(/^\.(.*)/, ' ($1)')} addon ` +
        `of aiosqlite: looked for ${prebuild.join('/')} from ${dist}, ${dirname(process.execPath)}, ${realpathSync(tmpdir())}; install the package where ` +
        'the program runs, or copy its folder prebuilds/ beside the bundle, or set AIOSQLITE_ADDON to the file.',
    );
  });

  test('or says that AIOSQLITE_ADDON names nothing', async () => {
    const missing = join(folder, 'missing.node');
    expect(await output(program, { env: { AIOSQLITE_ADDON: missing } })).toBe(
      `AiosqliteError ERR_ADDON AIOSQLITE_ADDON names ${missing}, which does not exist: set it to the addon of aiosqlite.`,
    );
    expect(await output(program, { env: { AIOSQLITE_ADDON: folder } })).toMatch(
      /There is no .* from .*AIOSQLITE_ADDON/,
    );
  });
});
