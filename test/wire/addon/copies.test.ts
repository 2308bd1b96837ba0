import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Holds two packages, `one` and `two`, that each have the compiled code and an addon of their own. */
let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'aiosqlite-copies-')));
  const finder = join('node_modules', 'node-gyp-build');
  cpSync(join(root, finder), join(folder, finder), { recursive: true });
  for (const name of ['one', 'two']) {
    cpSync(join(root, 'lib'), join(folder, name, 'lib'), { recursive: true });
    cpSync(join(root, 'build/Release/aiosqlite.node'), join(folder, name, 'build/Release/aiosqlite.node'));
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Opens the file, runs the statement, closes it, and prints `done` or the code of the error. */
const visitor = (name: string, statement: string) => `
  const { connect } = require('./${name}/lib/index.js');
  async function visit() {
    const db = await connect('data.db', { busyTimeoutMs: 0, mustExist: true });
    await db.run("${statement}").finally(() => db.close());
  }
  module.exports = () => visit().then(() => console.log('done'), ({ code }) => console.log(code));`;

/** Holds an exclusive lock during both visits, and prints the number of rows after its commit. */
const owner = (visit: string) => `
  const { execFileSync } = require('node:child_process');
  const { Worker } = require('node:worker_threads');
  const { connect } = require('./one/lib/index.js');
  (async () => {
    const db = await connect('data.db', { journalMode: 'delete' });
    await db.exec('CREATE TABLE t (x)');
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)');
      ${visit}
      process.stdout.write(execFileSync(process.execPath, ['-e', "require('./outside.cjs')()"]));
    }, { mode: 'exclusive' });
    console.log((await db.all('SELECT x FROM t')).length);
    await db.close();
  })();`;

test.each([
  ['thread', "await require('./inside.cjs')();"],
  [
    'process',
    `await new Promise((done) => new Worker("require('./inside.cjs')()", { eval: true }).once('exit', done));`,
  ],
])('two copies in one %s keep the locks of each other', async (_where, visit) => {
  writeFileSync(join(folder, 'inside.cjs'), visitor('two', 'SELECT * FROM t'));
  writeFileSync(join(folder, 'outside.cjs'), visitor('one', 'INSERT INTO t VALUES (2)'));
  writeFileSync(join(folder, 'owner.cjs'), owner(visit));
  const { stdout } = await run(process.execPath, ['owner.cjs'], {
    cwd: folder,
    env: { ...process.env, AIOSQLITE_PREBUILD: undefined, PREBUILDS_ONLY: undefined },
  });
  expect(stdout.trim().split(/\s+/)).toEqual(['SQLITE_BUSY', 'SQLITE_BUSY', '1']);
});

test('code and addon carry the version in package.json', async () => {
  const { packageVersion } = await import('../../../lib/wire/addon/package-version.js');
  expect(packageVersion).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
});
