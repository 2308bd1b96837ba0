import type { Connection } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
let db: Connection;

beforeEach(async () => {
  db = await on.connect({}, ':memory:');
});

describe('a row', () => {
  test('as an object has its columns in their order, with each type', async () => {
    const row = await db.get("SELECT 1 AS i, 1.5 AS r, 'text' AS t, x'00ff' AS b, NULL AS n");
    expect(Object.entries(row as object)).toEqual([
      ['i', 1],
      ['r', 1.5],
      ['t', 'text'],
      ['b', new Uint8Array([0, 255])],
      ['n', null],
    ]);
  });

  test('as an object keeps the last of two columns of one name', async () => {
    expect(await db.all('SELECT 1 AS a, 2 AS b, 3 AS a')).toEqual([{ b: 2, a: 3 }]);
    expect(await db.get("SELECT x'01' AS a, x'02' AS a")).toEqual({ a: new Uint8Array([2]) });
    expect(await db.get('SELECT 9007199254740993 AS a, 1 AS a')).toEqual({ a: 1 });
    expect(await db.get('SELECT 1 AS a, 9007199254740993 AS a')).toEqual({ a: 9007199254740993n });
    expect(await db.get('SELECT 1 AS a, 2 AS A')).toEqual({ a: 1, A: 2 });
  });

  test('as an array keeps duplicates, in column order', async () => {
    expect(await db.all('SELECT 1 AS a, 2 AS b, 3 AS a', [], { rowMode: 'array' })).toEqual([[1, 2, 3]]);
    expect(await db.get("SELECT x'01', 9007199254740993, x'02'", [], { rowMode: 'array' })).toEqual([
      new Uint8Array([1]),
      9007199254740993n,
      new Uint8Array([2]),
    ]);
  });

  test("may have columns called '__proto__', 'constructor' and '2'", async () => {
    for (const value of ['1', "x'01'", '9007199254740993', 'NULL', "'text'"]) {
      const row = (await db.get(
        `SELECT ${value} AS "__proto__", ${value} AS "constructor", ${value} AS "toString", ${value} AS "2"`,
      )) as object;
      expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
      expect(Object.keys(row).sort()).toEqual(['2', '__proto__', 'constructor', 'toString']);
      const values = Object.entries(row).map(([, own]) => own);
      expect(values).toEqual([values[0], values[0], values[0], values[0]]);
    }
  });

  test('may have any column name', async () => {
    for (const name of [
      '',
      ' ',
      'a"b',
      "a'b",
      'a\\b',
      'a\nb',
      'ä😀',
      '\u2028',
      'a:b',
      '{}',
      '\u0001',
      'x'.repeat(3000),
    ]) {
      const quoted = `"${name.replaceAll('"', '""')}"`;
      for (const value of ['1', "x'01'", '9007199254740993']) {
        const { rows, columns } = await db.query(`SELECT ${value} AS ${quoted}`);
        expect(columns).toEqual([name]);
        expect(Object.keys(rows[0] as object)).toEqual([name]);
      }
    }
  });

  test('without an alias has the name that SQLite gives', async () => {
    await db.exec('CREATE TABLE t (x)');
    expect((await db.query('SELECT 1 + 1, t.x, count(*) FROM t')).columns).toEqual(['1 + 1', 'x', 'count(*)']);
  });

  test('is a plain object that the caller may change', async () => {
    const [row] = await db.all('SELECT 1 AS a, 9007199254740993 AS big');
    Object.assign(row as object, { a: 2, big: 3, c: 4 });
    delete (row as any).big;
    expect(row).toEqual({ a: 2, c: 4 });
  });

  test('can have 2,000 columns', async () => {
    const list = Array.from({ length: 2000 }, (_, i) => `${i} AS c${i}`).join(', ');
    const row = (await db.get(`SELECT ${list}`)) as Record<string, number>;
    expect(Object.keys(row)).toHaveLength(2000);
    expect(row.c1999).toBe(1999);
  });
});

describe('many rows', () => {
  test('arrive in order, of whatever size, with every type', async () => {
    for (const count of [1, 7, 1_000, 20_000]) {
      const rows = await db.all<any>(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         SELECT i, 'text ' || i AS t, CAST(i AS BLOB) AS b, 9007199254740992 + i AS big, i / 2.0 AS half, NULL AS none FROM n`,
        [count],
      );
      expect(rows).toHaveLength(count);
      for (let i = 1; i <= count; i++) {
        const row = rows[i - 1];
        if (
          row.i !== i ||
          row.t !== `text ${i}` ||
          Buffer.from(row.b).toString() !== String(i) ||
          row.big !== 9007199254740992n + BigInt(i) ||
          row.half !== i / 2 ||
          row.none !== null
        ) {
          expect.fail(`row ${i} of ${count}: ${Object.values(row)}`);
        }
      }
    }
  });

  test('have texts of every length and script, side by side', async () => {
    const units = ['a', 'é', '日', '😀', '"', '\\', '\n', '\u0000', '\u007f', 'x\u2028'];
    const texts = Array.from({ length: 2_000 }, (_, i) => {
      const unit = units[i % units.length] as string;
      const filler = i % 3 === 0 ? 'plain' : unit;
      return (filler.repeat(i % 21) + unit).slice(0, (i % 17) + 1).replace(/[\ud800-\udbff]$/, '');
    });
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)');
    await db.executeMany(
      'INSERT INTO t (a, b) VALUES (?, ?)',
      texts.map((text, i) => [text, texts[texts.length - 1 - i] as string]),
    );
    for (const rowMode of ['array', 'object'] as const) {
      const rows = await db.all<any>('SELECT a, b FROM t ORDER BY id', [], { rowMode });
      const found = rows.map((row) => (rowMode === 'array' ? row : [row.a, row.b]));
      expect(found).toEqual(texts.map((text, i) => [text, texts[texts.length - 1 - i]]));
    }
  });

  test('of large texts and blobs arrive whole', async () => {
    await db.exec('CREATE TABLE t (text, blob)');
    const texts = ['a', 'ä', '😀', '"\\\n'].map((unit) => unit.repeat(50_000));
    const blobs = texts.map((_, i) => new Uint8Array(100_000).fill(i + 1));
    await db.executeMany(
      'INSERT INTO t VALUES (?, ?)',
      texts.map((text, i) => [text, blobs[i] as Uint8Array]),
    );
    const rows = await db.all('SELECT text, blob FROM t ORDER BY rowid', [], { rowMode: 'array' });
    expect(rows).toEqual(texts.map((text, i) => [text, blobs[i]]));
  });

  test('have long texts of any script beside other values, in objects and arrays', async () => {
    const units = ['a', 'ä', '日', '😀', '"\\\n\u0000', '\ufeffx'];
    // About the length from which on a text crosses as a string of its own: 64 KiB of UTF-8.
    const texts = units.flatMap((unit) =>
      [65_535, 65_536, 300_000].map((length) => unit.repeat(length).slice(0, length)),
    );
    const sql = "SELECT ? AS a, 1 AS i, x'0102' AS b, ? AS \"__proto__\", 9007199254740993 AS big, 'short' AS s";
    for (const [at, text] of texts.entries()) {
      const other = texts.at(-1 - at) as string;
      const values = [text, 1, new Uint8Array([1, 2]), other, 9007199254740993n, 'short'].map(wellFormed);
      const params = [text, other].map(wellFormed) as string[];
      const row = await db.get(sql, params);
      expect(Object.entries(row as object)).toEqual(
        ['a', 'i', 'b', '__proto__', 'big', 's'].map((k, i) => [k, values[i]]),
      );
      expect(await db.get(sql, params, { rowMode: 'array' })).toEqual(values);
    }
  });

  test('have long texts each of which is nearly as long as a string can be', async () => {
    const half = 300 * 2 ** 20;
    const [a, b] = (await db.get(`SELECT printf('%.*c', ${half}, 'a'), printf('%.*c', ${half}, 'b')`, [], {
      rowMode: 'array',
    })) as [string, string];
    expect([a.length, b.length, a.at(-1), b.at(-1)]).toEqual([half, half, 'a', 'b']);
  });

  test('each have blobs with memory of their own', async () => {
    const [a, b] = await db.all<{ x: Uint8Array }>("SELECT x'0102' AS x UNION ALL SELECT x'0304'");
    expect(a?.x.buffer).not.toBe(b?.x.buffer);
    expect(a?.x.byteOffset).toBe(0);
    expect(a?.x.buffer.byteLength).toBe(2);
    a?.x.fill(0);
    expect(b?.x).toEqual(new Uint8Array([3, 4]));
  });

  test('of several calls that finish together are not mixed up', async () => {
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        db.all<any>(
          `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           SELECT ? AS call, i, CAST(? AS BLOB) AS b, printf('%*s', ?, '') AS pad FROM n`,
          [(i % 5) * 100 + 1, i, `call ${i}`, (i % 7) * 50],
        ),
      ),
    );
    for (const [i, rows] of results.entries()) {
      expect(rows).toHaveLength((i % 5) * 100 + 1);
      for (const row of rows) {
        if (row.call !== i || Buffer.from(row.b).toString() !== `call ${i}` || row.pad.length !== (i % 7) * 50) {
          expect.fail(`a row of call ${i} has ${JSON.stringify(row)}`);
        }
      }
    }
  });
});

describe('integers', () => {
  const values = [
    0n,
    1n,
    -1n,
    9007199254740991n,
    -9007199254740991n,
    9007199254740992n,
    -9007199254740992n,
    9223372036854775807n,
    -9223372036854775808n,
  ];
  const isSafe = (value: bigint) => BigInt.asIntN(54, value) === value && value !== -(2n ** 53n);

  test("'mixed': number, or bigint outside the safe range", async () => {
    for (const value of values) {
      expect(await db.get('SELECT ? AS x', [value])).toEqual({ x: isSafe(value) ? Number(value) : value });
    }
  });

  test("'bigint': always bigint, lastInsertRowid too", async () => {
    const bigints = await on.connect({ integerMode: 'bigint' }, ':memory:');
    await bigints.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    for (const value of values) {
      expect(await bigints.get('SELECT ? AS x, 1.0 AS r', [value])).toEqual({ x: value, r: 1 });
    }
    expect(await bigints.run('INSERT INTO t (x) VALUES (1)')).toEqual({ changes: 1, lastInsertRowid: 1n });
    expect(await bigints.run('UPDATE t SET x = 2')).toEqual({ changes: 1, lastInsertRowid: 0n });
    expect((await bigints.query('INSERT INTO t (x) VALUES (1) RETURNING id')).rows).toEqual([{ id: 2n }]);
    const [result] = await bigints.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }]);
    expect(result?.lastInsertRowid).toBe(3n);
    expect(await bigints.transaction((tx) => tx.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 3n });
  });

  describe("'number'", () => {
    let numbers: Connection;
    beforeEach(async () => {
      numbers = await on.connect({ integerMode: 'number' }, ':memory:');
      await numbers.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    });
    const count = async () => (await numbers.get<{ n: number }>('SELECT count(*) AS n FROM t'))?.n;
    const outOfRange = (column: string) => ({
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
      message: expect.stringContaining(column),
    });

    test('gives numbers, and rejects outside of them, naming the column', async () => {
      for (const value of values) {
        const call = numbers.get('SELECT 1 AS a, ? AS "the column"', [value]);
        if (isSafe(value)) expect(await call).toEqual({ a: 1, 'the column': Number(value) });
        else expect(await rejection(call)).toMatchObject(outOfRange('the column'));
      }
    });

    test('a write with RETURNING that rejects is rolled back', async () => {
      const big = 2n ** 60n;
      const insert = 'INSERT INTO t (x) VALUES (1), (?) RETURNING x';
      for (const call of [
        () => numbers.all(insert, [big]),
        () => numbers.get('INSERT INTO t (x) VALUES (?) RETURNING x', [big]),
        () => numbers.query(insert, [big]),
        () => numbers.batch([{ sql: 'INSERT INTO t (x) VALUES (2)' }, { sql: insert, params: [big] }]),
      ]) {
        expect(await rejection(call())).toMatchObject(outOfRange('x'));
        expect(await count()).toBe(0);
      }
      await numbers.run('INSERT INTO t (x) VALUES (?)', [5]);
      expect(await rejection(numbers.all('UPDATE t SET x = ? RETURNING x', [big]))).toMatchObject(outOfRange('x'));
      expect(await numbers.all('SELECT x FROM t')).toEqual([{ x: 5 }]);
    });

    test('a neighbour in the same commit is not rolled back', async () => {
      const results = await Promise.allSettled([
        numbers.run('INSERT INTO t (x) VALUES (1)'),
        numbers.all('INSERT INTO t (x) VALUES (?) RETURNING x', [2n ** 60n]),
        numbers.run('INSERT INTO t (x) VALUES (3)'),
      ]);
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(await numbers.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[1], [3]]);
    });

    test('an insert whose rowid is outside rejects and is rolled back', async () => {
      expect(await rejection(numbers.run('INSERT INTO t (id) VALUES (?)', [2n ** 60n]))).toMatchObject(
        outOfRange('lastInsertRowid'),
      );
      expect(await count()).toBe(0);
    });

    test('inside a transaction it undoes its own statement alone', async () => {
      await numbers.transaction(async (tx) => {
        await tx.run('INSERT INTO t (x) VALUES (1)');
        expect(await rejection(tx.all('INSERT INTO t (x) VALUES (?) RETURNING x', [2n ** 60n]))).toMatchObject(
          outOfRange('x'),
        );
        await tx.run('INSERT INTO t (x) VALUES (3)');
      });
      expect(await numbers.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[1], [3]]);
    });
  });
});

describe('jsonColumns', () => {
  test('delivers TEXT parsed, and other types as they are', async () => {
    const row = await db.get(
      `SELECT '{"a":[1,2.5,true,null,"ä\\u00e4"]}' AS j, '[]' AS plain, 5 AS i, 1.5 AS r, x'7b7d' AS b, NULL AS n`,
      [],
      { jsonColumns: ['j', 'i', 'r', 'b', 'n'] },
    );
    expect(row).toEqual({
      j: { a: [1, 2.5, true, null, 'ää'] },
      plain: '[]',
      i: 5,
      r: 1.5,
      b: new Uint8Array([0x7b, 0x7d]),
      n: null,
    });
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['"text"', 'text'],
    ['-0', -0],
    ['1e5', 1e5],
    [' \t\n\r{ "a" : 1 } ', { a: 1 }],
    ['"\\ud800"', '\ud800'],
    ['{"a":1,"a":2}', { a: 2 }],
    ['"😀\u2028"', '😀\u2028'],
  ])('%s is valid', async (text, value) => {
    expect(await db.get('SELECT ? AS j', [text], { jsonColumns: ['j'] })).toEqual({ j: value });
    expect(await db.all('SELECT ? AS j', [text], { jsonColumns: ['j'], rowMode: 'array' })).toEqual([[value]]);
  });

  test.each([
    '',
    ' ',
    '{',
    '{"a":1,}',
    "{'a':1}",
    '[1,]',
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    'NaN',
    'Infinity',
    'undefined',
    '{} {}',
    '{}]',
    '"a\nb"',
    '"\\x"',
    '"\\u12"',
    '// a comment\n{}',
    '\ufeff{}',
    '{a:1}',
  ])('%j is not, and rejects ERR_INVALID_JSON naming the column', async (text) => {
    const error = await rejection(db.get('SELECT 1 AS a, ? AS "the column"', [text], { jsonColumns: ['the column'] }));
    expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_INVALID_JSON', column: 'the column' });
    expect(error.message).toContain('the column');
  });

  test('text that is not UTF-8 is no valid JSON', async () => {
    const error = await rejection(db.get(`SELECT CAST(x'22ff22' AS TEXT) AS j`, [], { jsonColumns: ['j'] }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_JSON', column: 'j' });
  });

  test('accepts 1,000 levels and no more', async () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    const read = (levels: number) => db.get('SELECT ? AS j', [nested(levels)], { jsonColumns: ['j'] });
    expect(JSON.stringify(await read(1_000))).toBe(`{"j":${nested(1_000)}}`);
    expect(await rejection(read(1_001))).toMatchObject({ code: 'ERR_INVALID_JSON' });
    expect(await rejection(read(1_000_000))).toMatchObject({ code: 'ERR_INVALID_JSON' });
    const objects = `${'{"a":'.repeat(1_001)}1${'}'.repeat(1_001)}`;
    expect(await rejection(db.get('SELECT ? AS j', [objects], { jsonColumns: ['j'] }))).toMatchObject({
      code: 'ERR_INVALID_JSON',
    });
  });

  test('the name of a column that is not there rejects ERR_INVALID_JSON, rows or none', async () => {
    for (const sql of ['SELECT 1 AS a', 'SELECT 1 AS a WHERE 0', 'CREATE TABLE made (x)']) {
      const error = await rejection(db.all(sql, [], { jsonColumns: ['missing'] }));
      expect(error, sql).toMatchObject({ code: 'ERR_INVALID_JSON', column: 'missing' });
    }
  });

  test('a write whose RETURNING is not valid is rolled back', async () => {
    await db.exec('CREATE TABLE t (j)');
    const insert = `INSERT INTO t VALUES ('{}'), ('{') RETURNING j`;
    expect(await rejection(db.all(insert, [], { jsonColumns: ['j'] }))).toMatchObject({ code: 'ERR_INVALID_JSON' });
    expect(await rejection(db.all(insert, [], { jsonColumns: ['k'] }))).toMatchObject({ code: 'ERR_INVALID_JSON' });
    expect(
      await rejection(
        db
          .run(`INSERT INTO t VALUES ('{}')`)
          .then(() => db.batch([{ sql: 'DELETE FROM t' }, { sql: insert, jsonColumns: ['j'] }])),
      ),
    ).toMatchObject({
      code: 'ERR_INVALID_JSON',
      index: 1,
    });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test('keeps hostile keys as own properties', async () => {
    const row = await db.get<any>('SELECT ? AS j', ['{"__proto__":{"polluted":1},"constructor":2}'], {
      jsonColumns: ['j'],
    });
    expect(Object.keys(row.j)).toEqual(['__proto__', 'constructor']);
    expect(({} as any).polluted).toBeUndefined();
  });

  test('of many rows come back in order', async () => {
    const rows = await db.all<any>(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
       SELECT json_object('i', i, 'text', printf('%.*c', i % 100, 'x')) AS j, x'01' AS b FROM n`,
      [],
      { jsonColumns: ['j'] },
    );
    expect(rows).toHaveLength(5000);
    expect(rows.every((row, i) => row.j.i === i + 1 && row.j.text.length === Math.max((i + 1) % 100, 1))).toBe(true);
  });
});

/** A text that was cut may end with half a character. */
function wellFormed<T>(value: T): T {
  return typeof value === 'string' ? (value.replace(/[\ud800-\udbff]$/, '') as T) : value;
}
