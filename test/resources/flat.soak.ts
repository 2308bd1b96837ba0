import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { expectFlat } from './flat.js';

const on = databases();
const SECONDS = 600;

describe('a process that does a bit of everything, over and over', () => {
  test('holds no more memory, threads, files or disk after 10 minutes than after 3', async () => {
    const figures = await expectFlat(on.file(), SECONDS, { rssMb: 20, heapMb: 1 });
    expect(figures).toContain(`${SECONDS} s`);
    console.log(figures);
  });
});

describe('100,000 appends without awaiting, while another holds the lock', () => {
  const flood = async (file: string, maxPendingBytes: number) => {
    const script = new URL('children/queue.mjs', import.meta.url);
    const end = await run(script, [file, 100_000, maxPendingBytes], ['--expose-gc'], 600_000);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    return JSON.parse(end.stdout);
  };

  test('hold a bounded amount of memory, and none once they are done', async () => {
    const narrow = await flood(on.file('narrow.db'), 2 ** 24);
    const roomy = await flood(on.file('roomy.db'), 2 ** 30);
    const figures = `${roomy.appended} appends of 1 KB queued hold ${roomy.heldMb} MB; with 16 MiB allowed, ${narrow.appended} queued and ${narrow.refused} refused hold ${narrow.heldMb} MB`;
    console.log(figures);
    expect(roomy, figures).toMatchObject({ appended: 100_000, refused: 0, stored: 100_000 });
    // Measured: 8.7 KB each, with the caller's promises, on a machine of 64 bits.
    expect(roomy.heldMb, figures).toBeLessThan(1_500);
    // A refused append is garbage at the latest with the next turn.
    expect(narrow.heldMb, figures).toBeLessThan(roomy.heldMb / 2);
    for (const { leftMb } of [roomy, narrow]) expect(leftMb, figures).toBeLessThan(8);
  });
});
