import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { expectFlat } from './flat.js';

const on = databases();

describe('a process that does a bit of everything, over and over', () => {
  test('holds no more memory, threads, files or disk after 15 s than after 5', { timeout: 90_000 }, async () => {
    console.log(await expectFlat(on.file(), 15, { rssMb: 40, heapMb: 2 }));
  });
});

describe('100,000 appends without awaiting, while another holds the lock', () => {
  test('hold a bounded amount of memory, and none once they are done', { timeout: 120_000 }, async () => {
    const script = new URL('children/queue.mjs', import.meta.url);
    const end = await run(script, [on.file()], ['--expose-gc'], 110_000);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    const { narrow, roomy } = JSON.parse(end.stdout);
    const figures = `${roomy.appended} appends of 1 KB queued hold ${roomy.heldMb} MB; with 16 MiB allowed, ${narrow.appended} queued and ${narrow.refused} refused hold ${narrow.heldMb} MB`;
    console.log(figures);
    expect(roomy, figures).toMatchObject({ appended: 100_000, refused: 0, stored: 100_000 });
    // Measured: 8.7 KB each, with the caller's promises, on a machine of 64 bits.
    expect(roomy.heldMb, figures).toBeLessThan(1_500);
    expect(narrow.appended + narrow.refused).toBe(100_000);
    expect(narrow.stored).toBe(narrow.appended);
    // The packed event is about 2 KB: what 16 MiB can hold, and not much more.
    expect(narrow.appended, figures).toBeGreaterThan(5_000);
    expect(narrow.appended, figures).toBeLessThan(16_800);
    // What was refused is garbage at the latest with the next turn.
    expect(narrow.heldMb, figures).toBeLessThan(roomy.heldMb / 2);
    for (const { leftMb } of [roomy, narrow]) expect(leftMb, figures).toBeLessThan(8);
  });
});
