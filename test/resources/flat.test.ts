import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { expectFlat } from './flat.js';

const on = databases();

// Sizes of memory are looked at by flat.soak.ts: the collector and neighbours change them.
describe('a process that does a bit of everything, over and over', () => {
  test('holds no more threads or files at the end than when it had warmed up', async () => {
    await expectFlat(on.file(), 5);
  });
});

describe('a text of a million characters that is read 500 times', () => {
  test('is freed by the garbage collector, and outlives connection and environment until then', async () => {
    const end = await run(new URL('children/long-texts.mjs', import.meta.url), [500]);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null, stderr: '' });
    // All of them together are 1,500 MB.
    expect(JSON.parse(end.stdout).grownMb).toBeLessThan(500);
  });
});

describe('a result of 64 MB that the program has let go', () => {
  test('is freed while no further call is made', async () => {
    const end = await run(new URL('children/idle-result.mjs', import.meta.url), [], ['--expose-gc']);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(JSON.parse(end.stdout).heldMb).toBeLessThan(20);
  });
});

describe('30,000 appends without awaiting, while another holds the lock', () => {
  test('are queued as far as maxPendingBytes allows, and what is queued is stored', async () => {
    const end = await run(
      new URL('children/queue.mjs', import.meta.url),
      [on.file(), 30_000, 2 ** 24],
      ['--expose-gc'],
    );
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    const { appended, refused, stored } = JSON.parse(end.stdout);
    expect(appended + refused).toBe(30_000);
    expect(stored).toBe(appended);
    // The packed event is between 1 and 3 KB: what 16 MiB can hold, and not much more.
    expect(appended).toBeGreaterThan(5_000);
    expect(appended).toBeLessThan(16_800);
  });
});
