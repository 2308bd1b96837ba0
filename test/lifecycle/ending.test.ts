import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Connection, connect } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { lock, run, start } from '../support/child.js';
import { databases } from '../support/databases.js';

const on = databases();
const script = new URL('children/end.mjs', import.meta.url);
const states = [
  'idle',
  'queued',
  'running',
  'writing',
  'transaction',
  'iterating',
  'backing up',
  'calling a function',
  'calling functions',
  'fetching blobs',
  'inside a function',
  'waiting for a lock',
  'closing',
  'waiting for a pool',
  'opening',
];
/** Runs `work` with another process holding the write lock, if the state needs it. */
async function inState<T>(state: string, work: (file: string) => Promise<T>): Promise<T> {
  const file = on.file();
  if (state !== 'waiting for a lock') return work(file);
  await using db = await connect(file, { journalMode: 'wal' });
  await db.exec('CREATE TABLE t (x)');
  await using _ = await lock(file);
  return await work(file);
}

/** Whatever a process has left behind is a sound database. */
async function expectSound(file: string): Promise<void> {
  let db: Connection | undefined;
  try {
    db = await connect(file);
    expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
  } finally {
    await db?.close();
  }
}

describe.each(states)('a process that ends while its state is "%s"', (state) => {
  test('by returning: exits 0 once nothing is in flight', async () => {
    const end = await inState(state, (file) => run(script, [state, 'return', file]));
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    await expectSound(on.file());
  });

  test('by process.exit(): exits with the code', async () => {
    const end = await inState(state, (file) => run(script, [state, 'exit', file]));
    expect(end, end.stderr).toMatchObject({ code: 7, signal: null });
    await expectSound(on.file());
  });

  test('by an error that nobody catches: exits 1, and shows it', async () => {
    const end = await inState(state, (file) => run(script, [state, 'throw', file]));
    expect(end).toMatchObject({ code: 1, signal: null });
    expect(end.stderr).toContain('Error: uncaught');
    await expectSound(on.file());
  });

  test('by SIGTERM: ends by it', async () => {
    const end = await inState(state, async (file) => {
      await using child = start(script, [state, 'SIGTERM', file]);
      await child.said('ready');
      child.kill('SIGTERM');
      return await child.ended;
    });
    expect(end).toMatchObject({ code: null, signal: 'SIGTERM' });
    await expectSound(on.file());
  });

  test('of a worker thread by terminate(): the process goes on, and exits 0', async () => {
    const end = await inState(state, (file) => run(script, [state, 'terminate', file]));
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null, stdout: 'terminated\n' });
    await expectSound(on.file());
  });
});

describe('worker threads', () => {
  test('can be terminated again and again, in every state', async () => {
    // Each state twice; what the second time leaves behind is a leak.
    const end = await run(new URL('children/rounds.mjs', import.meta.url), [2 * states.length, on.file()]);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(end.stdout)).toEqual({ rounds: 2 * states.length, left: { threads: 0, files: 0 } });
  });
});

describe('the addon', () => {
  // At process.exit() on the main thread Node does not wait for threads of addons: destructors would run under them.
  test.runIf(process.platform === 'linux')('has nothing that is destroyed at the end of the process', () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const addon: string = createRequire(import.meta.url)('node-gyp-build').path(root);
    expect(readFileSync(addon).includes('__cxa_atexit')).toBe(false);
    expect(readFileSync(addon).includes('napi_add_env_cleanup_hook')).toBe(true);
  });
});
