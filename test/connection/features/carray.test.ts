import { type Connection, type SqlArray, type SqlValue, sql } from 'aiosqlite';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { collect, fillItems } from './support/rows.js';

const on = databases();
let db: Connection;
beforeEach(async () => {
  db = await on.connect();
  await fillItems(db, 10);
});

const LIST = 'SELECT value AS v, typeof(value) AS t FROM carray(?)';
const IDS = 'SELECT id FROM item WHERE id IN carray(?)';

describe('an array as the parameter of carray()', () => {
  test.each<[string, SqlArray, SqlValue[], string]>([
    ['whole numbers', [3, -1, 2 ** 53 - 1], [3, -1, 2 ** 53 - 1], 'integer'],
    ['booleans', [true, false], [1, 0], 'integer'],
    ['bigints', [1n, 2n ** 63n - 1n, -(2n ** 63n)], [1, 2n ** 63n - 1n, -(2n ** 63n)], 'integer'],
    ['numbers of both kinds, as reals', [1, 2.5, -0], [1, 2.5, -0], 'real'],
    ['texts', ['a', '', 'ä😀', '0'], ['a', '', 'ä😀', '0'], 'text'],
    ['a lone surrogate', ['\ud800', 'b'], ['\ufffd', 'b'], 'text'],
    ['bytes', [new Uint8Array([1, 0, 2]), new ArrayBuffer(0)], [new Uint8Array([1, 0, 2]), new Uint8Array()], 'blob'],
    ['one element', ['one'], ['one'], 'text'],
  ])('is rows of %s, in their order', async (_, values, expected, type) => {
    const rows = await db.all<{ v: SqlValue; t: string }>(LIST, [values]);
    expect(rows.map(({ v }) => v)).toEqual(expected);
    expect(new Set(rows.map(({ t }) => t))).toEqual(new Set([type]));
  });

  test('may be empty', async () => {
    expect(await db.all(IDS, [[]])).toEqual([]);
  });

  test('may hold anything of one type', async () => {
    const lists = fc.oneof(
      fc.array(fc.maxSafeInteger()),
      fc.array(fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n })),
      fc.array(fc.double({ noNaN: true }), { minLength: 1 }).map((list) => [...list, 0.5]),
      fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))), // well-formed ones
      fc.array(fc.uint8Array()),
    );
    await fc.assert(
      fc.asyncProperty(lists, async (list) => {
        const rows = await db.all<[SqlValue]>('SELECT value FROM carray(?)', [list as SqlArray], { rowMode: 'array' });
        expect(rows.map(([value]) => value)).toEqual(list);
      }),
    );
  });

  test('serves every verb, and IN', async () => {
    const ids = [2, 3, 5];
    expect(await db.all(IDS, [ids])).toEqual(ids.map((id) => ({ id })));
    expect(await db.get(`SELECT count(*) AS n FROM (${IDS})`, [ids])).toEqual({ n: 3 });
    expect(
      await db.all('SELECT id FROM item WHERE id IN carray(:ids) AND id > :least', { ids, least: 2 }),
    ).toHaveLength(2);
    expect(await db.all(sql`SELECT id FROM item WHERE id IN carray(${ids}) AND id > ${2}`)).toHaveLength(2);
    expect(await collect(db.iterate(IDS, [ids], { batchSize: 1 }))).toHaveLength(3);
    expect(await db.run('DELETE FROM item WHERE id IN carray(?)', [ids])).toMatchObject({ changes: 3 });
    const many = await db.executeMany('DELETE FROM item WHERE id IN carray(?) OR id = ?', [
      [[1], 4],
      [[6, 7], 0],
      [[], 8],
    ]);
    expect(many.changes).toBe(5);
    const [, left] = await db.batch([
      { sql: 'INSERT INTO item (id, name) SELECT value, ? FROM carray(?)', params: ['new', [20, 21]] },
      { sql: 'SELECT id FROM item WHERE name = ? AND id IN carray(?)', params: ['new', [21, 22]] },
    ]);
    expect(left?.rows).toEqual([{ id: 21 }]);
  });

  test('is taken at the moment of the call, also by a pool that has yet to open', async () => {
    const pool = on.pool({ database: on.file('pool.db') });
    const ids = [1, 2];
    const texts = ['a', 'b'];
    const reading = pool.all('SELECT a.value AS n, b.value AS t FROM carray(?) AS a JOIN carray(?) AS b', [ids, texts]);
    ids.push(3);
    texts.length = 0;
    expect(await reading).toHaveLength(4);
  });

  test('leaves the statement ready for another array, of another type and length', async () => {
    for (const list of [[1, 2, 3], ['a'], [], [0.5, 1.5], [new Uint8Array(3)], [7n]] as SqlArray[]) {
      expect(await db.all(LIST, [list])).toHaveLength(list.length);
    }
    expect((await db.stats()).statementCache.hits).toBeGreaterThanOrEqual(5);
  });

  test('counts 100,000 values, sharing a commit with others', async () => {
    const many = Array.from({ length: 100_000 }, (_, i) => i);
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY)');
    const writes = [0, 1, 2].map((part) =>
      db.run('INSERT INTO t SELECT value FROM carray(?) WHERE value % 3 = ?', [many, part]),
    );
    const changes = (await Promise.all(writes)).map((result) => result.changes);
    expect(changes).toEqual([33_334, 33_333, 33_333]);
    const [row] = await db.all('SELECT count(*) AS n, sum(id) AS s FROM t WHERE id IN carray(?)', [many]);
    expect(row).toEqual({ n: 100_000, s: 4_999_950_000 });
  });
});

describe('what is no array for carray()', () => {
  test.each<[string, unknown[]]>([
    ['two types', [1, 'a']],
    ['null', [1, null]],
    ['null alone', [null]],
    ['a fraction beside a bigint, which is more exact', [0.5, 1n]],
    ['undefined', [undefined]],
    ['an array', [[1]]],
    ['an object', [{}]],
    ['a hole', new Array(1)],
  ])('an array that holds %s', async (_, list) => {
    const error = await rejection(db.all(LIST, [list as never]));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(error.message).toContain('params[0]');
    await rejection(db.all(LIST, [[list]] as never));
  });

  test('a bigint beyond 64 bits', async () => {
    expect(await rejection(db.all(LIST, [[1n, 2n ** 63n]]))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });

  test('a text with U+0000, where SQLite would stop reading', async () => {
    expect(await rejection(db.all(LIST, [['fine', 'a\0b']]))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  test('an array anywhere else, which would be NULL there', async () => {
    for (const text of ['SELECT ?', 'SELECT id FROM item WHERE id IN (?)', 'INSERT INTO item (name) VALUES (?)']) {
      expect(await rejection(db.all(text, [[1]]))).toMatchObject({ code: 'ERR_PARAMETERS' });
    }
    expect(await db.all('SELECT count(*) AS n FROM item')).toEqual([{ n: 10 }]);
  });

  test('binary data: a typed array is a blob here as everywhere', async () => {
    expect(await db.get('SELECT ? AS b', [new Int32Array([1])])).toEqual({ b: new Uint8Array([1, 0, 0, 0]) });
    expect(await rejection(db.all(IDS, [new Int32Array([1, 2])]))).toMatchObject({ code: 'ERR_PARAMETERS' });
    expect(await db.all(IDS, [Array.from(new Int32Array([1, 2]))])).toHaveLength(2);
  });

  test('what SQL can write: an address is no pointer', async () => {
    for (const address of ['1', 'NULL', "'x'", '4096']) {
      expect(await rejection(db.all(`SELECT value FROM carray(${address}, 3, 'int32')`))).toMatchObject({
        code: 'ERR_PARAMETERS',
      });
    }
  });

  test('the result of a function, the rowid of a blob, the bytes of an image', async () => {
    await db.createFunction('list', (() => [1, 2]) as never);
    expect(await rejection(db.get('SELECT list()'))).toMatchObject({ code: 'ERR_FUNCTION' });
    const at = { table: 'item', column: 'name', rowid: [1] as never };
    expect(await rejection(db.openBlob(at))).toMatchObject({ name: 'TypeError' });
    expect(await rejection(db.applyChangeset([1] as never))).toMatchObject({ name: 'TypeError' });
  });
});
