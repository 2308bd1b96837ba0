import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
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
import { connect, sqliteVersion } from 'aiosqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkLocks } from '../../lib/cli/checks.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const program = join(root, pack.bin.aiosqlite);
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-doctor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(args: string[], script = program) {
  const { NODE_OPTIONS: _, AIOSQLITE_PREBUILD: __, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    cwd: folder,
    env,
  });
  return { status, stdout, stderr };
}
const check = (report: any, name: string) => report.checks.find((one: { name: string }) => one.name === name);

describe('aiosqlite doctor', () => {
  test('says that a local folder is fit, what it has found, and leaves nothing behind', () => {
    const { status, stdout, stderr } = run(['doctor', '--json', folder]);
    expect(stderr).toBe('');
    const report = JSON.parse(stdout);
    expect(report.checks.filter((one: { status: string }) => one.status === 'fail')).toEqual([]);
    expect(report).toMatchObject({ fit: true, folder });
    expect(status).toBe(0);
    expect(report.versions).toMatchObject({
      aiosqlite: pack.version,
      node: process.versions.node,
      nodeApi: process.versions.napi,
      sqlite: sqliteVersion,
      platform: `${process.platform} ${process.arch}`,
      '@google/adk': pack.devDependencies['@google/adk'],
    });
    expect(existsSync(report.addon)).toBe(true);
    expect(report.addon).toMatch(/aiosqlite\.node$/);
    expect(report.compileOptions).toContain('THREADSAFE=2');
    expect(report.checks.map(({ name }: { name: string }) => name)).toEqual([
      'node',
      'addon',
      'self-test',
      'folder',
      'free space',
      'locks',
      'WAL',
      'private files',
      'sync',
      'replace',
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('looks at a database file, and then at its folder', async () => {
    const file = join(folder, 'app.db');
    await using db = await connect(file, { journalMode: 'wal' });
    await db.exec('CREATE TABLE t (x)');
    const before = readdirSync(folder);
    const { status, stdout } = run(['doctor', '--json', file]);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ fit: true, folder });
    expect(check(report, 'database')).toEqual({
      name: 'database',
      status: 'ok',
      detail: `${file}: 1 tables, 0.0 MiB, journal mode 'wal'`,
    });
    expect(check(report, 'locks')).toMatchObject({ status: 'ok' });
    expect(status).toBe(0);
    expect(readdirSync(folder)).toEqual(before);
  });

  test('fails for a file that is no database, with the reason', () => {
    const file = join(folder, 'notes.txt');
    writeFileSync(file, 'no database, but long enough to have a header\n'.repeat(100));
    const { status, stdout } = run(['doctor', '--json', file]);
    expect(check(JSON.parse(stdout), 'database')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('SQLITE_NOTADB'),
    });
    expect(status).toBe(1);
    expect(readdirSync(folder)).toEqual(['notes.txt']);
  });

  test('looks at the current folder unless told otherwise, and speaks to people', () => {
    const { status, stdout } = run(['doctor']);
    expect(stdout).toContain(sqliteVersion);
    expect(stdout).toMatch(/^WAL +ok/m);
    expect(stdout).toMatch(/Fit for use\.\n$/);
    expect(status).toBe(0);
  });

  test('exits 1 if the folder is not there', () => {
    const { status, stdout } = run(['doctor', '--json', join(folder, 'no', 'where')]);
    const report = JSON.parse(stdout);
    expect(report.fit).toBe(false);
    expect(check(report, 'folder')).toMatchObject({ status: 'fail', detail: expect.stringContaining('ENOENT') });
    expect(status).toBe(1);
  });

  test.skipIf(!existsSync('/proc/self'))('exits 1 where nothing can be written', () => {
    const { status, stdout } = run(['doctor', '/proc/self']);
    expect(stdout).toMatch(/^folder +fail/m);
    expect(stdout).toMatch(/Not fit for use/);
    expect(status).toBe(1);
  });

  test('exits 1 and says why if there is no addon that can be loaded', () => {
    cpSync(join(root, 'lib'), join(folder, 'lib'), { recursive: true });
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(
      join(root, 'node_modules', 'node-gyp-build'),
      join(folder, 'node_modules', 'node-gyp-build'),
      'junction',
    );
    const { status, stdout } = run(['doctor', '--json'], join(folder, pack.bin.aiosqlite));
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ fit: false, addon: null });
    expect(check(report, 'addon')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('addon of aiosqlite: looked for prebuilds/'),
    });
    expect(status).toBe(1);
  });

  test.each([[['doctor', '--jsno']], [['doctor', 'a', 'b']], [['docter']], [[]]])(
    'exits 2 and shows its usage: %j',
    (args) => {
      const { status, stdout, stderr } = run(args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain('Usage: aiosqlite doctor');
    },
  );

  test('has --help and --version', () => {
    expect(run(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage:') });
    expect(run(['--version'])).toMatchObject({ status: 0, stdout: `${pack.version}\n` });
  });
});

// SQLite's own file access without locks: what a file system is that grants every lock to everybody.
describe.skipIf(process.platform === 'win32')('where locks are not kept', () => {
  const withoutLocks = () => `file:${join(folder, 'test.db')}?vfs=unix-none`;

  test('the check of locks fails', async () => {
    await expect(checkLocks(withoutLocks(), 'delete')).rejects.toThrow("locks don't work");
  });

  test('the check of the WAL fails', async () => {
    await expect(checkLocks(withoutLocks(), 'wal')).rejects.toThrow("the journal mode is 'delete' instead of 'wal'");
  });

  test('both pass with locks', async () => {
    await checkLocks(join(folder, 'a.db'), 'delete');
    await checkLocks(join(folder, 'b.db'), 'wal');
  });
});

test('the package brings its command along', () => {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { stdout } = spawnSync(npm, ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files: string[] = JSON.parse(stdout)[0].files.map(({ path }: { path: string }) => path);
  for (const name of ['main', 'commands/doctor', 'checks', 'probe']) expect(files).toContain(`lib/cli/${name}.js`);
  expect(readFileSync(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});
