import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A package without an addon, and a file that is none. */
let folder: string;
let broken: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'late-'));
  for (const name of ['lib', 'package.json', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
  broken = join(folder, 'broken.node');
  writeFileSync(broken, 'no addon');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Imports both entry points as ES modules and as CommonJS, then opens a service. */
const program = `
  import { createRequire } from 'node:module';
  const { SqliteSessionService } = await import('./lib/adk/index.mjs');
  const { SessionStore } = await import('./lib/store/index.mjs');
  const require = createRequire(process.cwd() + '/');
  const names = [require('./lib/adk/index.js'), require('./lib/store/index.js')].flatMap(Object.keys);
  console.log(typeof SqliteSessionService, typeof SessionStore, names.includes('SessionStore'));
  try {
    const service = new SqliteSessionService(':memory:');
    console.log(typeof (await service.createSession({ appName: 'a', userId: 'u' })).id);
    await service.close();
  } catch ({ code, message }) {
    console.log(code, message);
  }
`;

async function output(addon: string | undefined): Promise<string> {
  const flags = ['--preserve-symlinks', '--preserve-symlinks-main', '--input-type=module', '--eval', program];
  const env = { ...process.env, AIOSQLITE_ADDON: addon, AIOSQLITE_PREBUILD: undefined, PREBUILDS_ONLY: undefined };
  const { stdout } = await run(process.execPath, flags, { cwd: folder, env });
  return stdout;
}

describe('aiosqlite/adk and aiosqlite/store import without an addon, and opening a service throws ERR_ADDON', () => {
  test('where AIOSQLITE_ADDON names a file that is none', async () => {
    expect(await output(broken)).toMatch(/^function function true\nERR_ADDON .*broken\.node does not load/);
  });

  test('where the package has none', async () => {
    expect(await output(undefined)).toMatch(/^function function true\nERR_ADDON There is no .* addon of aiosqlite/);
  });

  test('and with one, it works', async () => {
    expect(await output(join(root, 'build/Release/aiosqlite.node'))).toBe('function function true\nstring\n');
  });
});
