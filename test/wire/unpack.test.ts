import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';

const on = databases();
const script = new URL('children/wide-rows.mjs', import.meta.url);

describe('the code that reads rows of certain columns', () => {
  // Without bounds each of these would need more than twice the heap. A heap of 256 MB would need four times the queries.
  test.each([
    [125, 2_000, 'wide ones are not compiled'],
    [400, 400, 'of the others, few are kept'],
  ])(
    'is bounded: %i queries of %i columns each fit in a heap of 64 MB, since %s',
    async (queries, columns) => {
      const end = await run(script, [queries, columns], ['--max-old-space-size=64'], 230_000);
      expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    },
    240_000,
  );

  test('is freed when the last connection closes', async () => {
    // V8 keeps compiled code for a while in a cache of its own.
    const end = await run(script, [60, 100], ['--expose-gc', '--no-compilation-cache'], 50_000);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    const { before, open, closed } = JSON.parse(end.stdout);
    expect(closed - before, end.stdout).toBeLessThan((open - before) / 3);
  });

  test('reads the same rows for few columns and for very many, compiled or not', async () => {
    const db = await on.connect({}, ':memory:');
    const values = [
      "'short'",
      "'a text that is longer than short ones'",
      "'日本'",
      '1.5',
      'NULL',
      '9007199254740993',
      "x'01ff'",
    ];
    const read = [
      'short',
      'a text that is longer than short ones',
      '日本',
      1.5,
      null,
      9007199254740993n,
      new Uint8Array([1, 255]),
    ];
    const at = (list: readonly unknown[], i: number) => list[i % list.length];
    for (const count of [7, 399, 400, 401, 2_000]) {
      // Every hundredth name comes twice; an object keeps the later one.
      const names = Array.from({ length: count }, (_, i) => (i % 100 === 99 ? `c${i - 50}` : `c${i}`));
      const sql = `SELECT ${names.map((name, i) => `${at(values, i)} AS ${name}`)} FROM (VALUES (1), (2), (3), (4)), (VALUES (1), (2), (3), (4)), (VALUES (1), (2), (3), (4))`;
      const array = names.map((_, i) => at(read, i));
      const object = Object.fromEntries(names.map((name, i) => [name, array[i]]));
      for (let round = 0; round < 2; round++) {
        expect(await db.all(sql, [], { rowMode: 'array' })).toEqual(Array(64).fill(array));
        expect(await db.all(sql)).toEqual(Array(64).fill(object));
      }
    }
  });
});
