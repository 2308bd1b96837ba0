import type { Connection, SqlParam, SqlValue } from 'aiosqlite';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
let db: Connection;

beforeEach(async () => {
  db = await on.connect({}, ':memory:');
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v)');
});

/** Lone surrogates become U+FFFD. */
const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** What comes back for what was bound, if all is well. */
function expected(value: SqlParam): SqlValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return Number.isNaN(value) ? null : value;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) && BigInt(number) === value ? number : value;
  }
  if (typeof value === 'string') return wellFormed(value);
  if (value === null) return null;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  return new Uint8Array(value).slice();
}

const same = (a: unknown, b: unknown) =>
  a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : Object.is(a, b);

/** Binds the values in one call, and reads them in another from what was stored. */
async function roundTrip(values: readonly SqlParam[]): Promise<void> {
  const places = values.map((_, i) => `? AS c${i}`).join(', ');
  const direct = await db.get<SqlValue[]>(`SELECT ${places}`, values, { rowMode: 'array' });
  await db.run('DELETE FROM t');
  await db.executeMany(
    'INSERT INTO t (v) VALUES (?)',
    values.map((value) => [value]),
  );
  const stored = await db.all<SqlValue[]>('SELECT v FROM t ORDER BY id', [], { rowMode: 'array' });
  for (const [i, value] of values.entries()) {
    const wanted = expected(value);
    if (!same(direct?.[i], wanted)) expect.fail(`bound ${String(value)}, selected ${String(direct?.[i])}`);
    // A column without a type keeps REAL as it is, but an integral REAL is stored as INTEGER: -0.0 comes back as 0.
    const kept = Object.is(wanted, -0) ? stored[i]?.[0] === 0 : same(stored[i]?.[0], wanted);
    if (!kept) expect.fail(`bound ${String(value)}, stored ${String(stored[i]?.[0])}`);
  }
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary-ascii' }),
  // Lone surrogates, pairs, U+0000 and plain text in every order.
  fc
    .array(fc.constantFrom('\ud800', '\udc00', '😀', '\0', 'a', 'ä', '€', '\uffff', '\u2028', '"', '\\'), {
      maxLength: 30,
    })
    .map((units) => units.join('')),
);
const param: fc.Arbitrary<SqlParam> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  text,
  fc.uint8Array({ maxLength: 100 }),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => bytes.buffer as ArrayBuffer),
  fc.float64Array({ maxLength: 10 }),
  fc
    .tuple(fc.uint8Array({ minLength: 10, maxLength: 40 }), fc.nat(5), fc.nat(5))
    .map(([bytes, from, less]) => bytes.subarray(from, bytes.length - less)),
);

describe('values that are bound', () => {
  test('come back as they were: any of any type, many at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(param, { minLength: 1, maxLength: 30 }), async (values) => {
        await roundTrip(values);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['ASCII', 'a'],
    ['Latin-1', 'é'],
    ['wider', '日'],
    ['in pairs', '😀'],
  ])(
    'come back as they were: more text than crosses as one string, %s, with halves of pairs on either side',
    async (_, unit) => {
      // Some 200,000 units in texts of 0 to 98, one that is far longer, and one right behind another half.
      const texts = Array.from({ length: 4_000 }, (_, i) => (i % 7 === 0 ? '\udc00' : '') + unit.repeat(i % 49));
      const ascii =
        unit === 'a'
          ? texts.filter((_, i) => i % 7 !== 0)
          : texts.map((text, i) => `${text}${i % 5 === 0 ? '\ud800' : ''}`);
      await roundTrip([...ascii.slice(0, 900), unit.repeat(300_000)]);
      await db.run('DELETE FROM t');
      await db.executeMany(
        'INSERT INTO t (v) VALUES (?)',
        [...ascii, unit.repeat(100_000), '', 'end'].map((text) => [text]),
      );
      const stored = await db.all<[string]>('SELECT v FROM t ORDER BY id', [], { rowMode: 'array' });
      const wanted = [...ascii, unit.repeat(100_000), '', 'end'].map(wellFormed);
      expect(stored.length).toBe(wanted.length);
      expect(stored.findIndex(([text], i) => text !== wanted[i])).toBe(-1);
    },
  );

  test('come back as they were: by name', async () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_ä]{0,10}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(name, param, { minKeys: 1, maxKeys: 10 }),
        fc.constantFrom(':', '@', '$', ''),
        async (params, prefix) => {
          const keys = Object.keys(params);
          const sql = `SELECT ${keys.map((key, i) => `${prefix || ':'}${key} AS c${i}`).join(', ')}`;
          const given = Object.fromEntries(keys.map((key) => [prefix + key, params[key] as SqlParam]));
          const row = await db.get<SqlValue[]>(sql, given, { rowMode: 'array' });
          for (const [i, key] of keys.entries()) {
            if (!same(row?.[i], expected(params[key] as SqlParam))) expect.fail(`${key}: ${String(row?.[i])}`);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('doubles are exact bit for bit, the odd ones too', async () => {
    const view = new DataView(new ArrayBuffer(8));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 50 }),
        async (bits) => {
          await roundTrip(
            bits.map((of) => {
              view.setBigUint64(0, of);
              return view.getFloat64(0);
            }),
          );
        },
      ),
      { numRuns: 100 },
    );
    await roundTrip([
      5e-324,
      2.2250738585072014e-308,
      1.7976931348623157e308,
      0.1,
      1 / 3,
      1e21,
      1e22,
      123456789012345680000,
      -0,
      0,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      Number.EPSILON,
      2 ** 53,
      -(2 ** 53),
      2 ** 63,
    ]);
  });

  test('64-bit integers are exact', async () => {
    await roundTrip([
      0n,
      1n,
      -1n,
      2n ** 53n - 1n,
      2n ** 53n,
      2n ** 53n + 1n,
      -(2n ** 53n) + 1n,
      -(2n ** 53n),
      -(2n ** 53n) - 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ]);
  });

  test.each<[SqlParam, string]>([
    [true, 'integer'],
    [false, 'integer'],
    [1, 'integer'],
    [0, 'integer'],
    [-0, 'real'],
    [1.5, 'real'],
    [2 ** 53 - 1, 'integer'],
    [2 ** 53, 'real'],
    [1e300, 'real'],
    [Number.POSITIVE_INFINITY, 'real'],
    [Number.NaN, 'null'],
    [1n, 'integer'],
    [2n ** 62n, 'integer'],
    ['', 'text'],
    ['1', 'text'],
    [new Uint8Array(0), 'blob'],
    [new ArrayBuffer(0), 'blob'],
    [new Float64Array(0), 'blob'],
    [null, 'null'],
  ])('%o is of type %s', async (value, type) => {
    expect(await db.get('SELECT typeof(?) AS type', [value])).toEqual({ type });
  });

  test('-0 keeps its sign', async () => {
    const row = await db.get<{ x: number }>('SELECT ? AS x', [-0]);
    expect(Object.is(row?.x, -0)).toBe(true);
  });

  test('binary data is what the view shows, of whatever kind', async () => {
    const bytes = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    for (const [value, from, to] of [
      [bytes, 0, 16],
      [bytes.subarray(3, 7), 3, 7],
      [bytes.subarray(5, 5), 5, 5],
      [Buffer.from(bytes.buffer, 2, 5), 2, 7],
      [new DataView(bytes.buffer, 1, 3), 1, 4],
      [new Float64Array(bytes.buffer, 8, 1), 8, 16],
      [new Uint16Array(bytes.buffer, 2, 3), 2, 8],
      [new BigInt64Array(bytes.buffer), 0, 16],
      [bytes.buffer, 0, 16],
    ] as [SqlParam, number, number][]) {
      expect(await db.get('SELECT ? AS x', [value])).toEqual({ x: bytes.slice(from, to) });
    }
  });

  test('shared memory is copied at the moment of the call', async () => {
    const shared = new SharedArrayBuffer(4);
    const bytes = new Uint8Array(shared);
    bytes.set([1, 2, 3, 4]);
    const calls = [db.get('SELECT ? AS x', [bytes]), db.get('SELECT ? AS x', [shared as never])];
    bytes.fill(0);
    for (const row of await Promise.all(calls)) expect(row).toEqual({ x: new Uint8Array([1, 2, 3, 4]) });
  });

  test('memory that was given away rejects, and does nothing', async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    for (const value of [bytes, bytes.buffer]) {
      expect(await rejection(db.run('INSERT INTO t (v) VALUES (?)', [value]))).toMatchObject({
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringContaining('params[0]'),
      });
    }
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('lone surrogates become U+FFFD, in values, names and SQL', async () => {
    expect(await db.get('SELECT ? AS x', ['a\ud800b'])).toEqual({ x: 'a\ufffdb' });
    expect(await db.get('SELECT ? AS a, ? AS b', ['\ud83d', '\ude00'])).toEqual({ a: '\ufffd', b: '\ufffd' });
    expect(await db.get('SELECT :a\ufffd AS x', { 'a\ud800': 1 })).toEqual({ x: 1 });
    expect(await db.get("SELECT '\udfff' AS x")).toEqual({ x: '\ufffd' });
  });

  test('U+0000 is kept in values', async () => {
    const row = await db.get('SELECT ? AS x, length(CAST(?1 AS BLOB)) AS n', ['a\0b\0']);
    expect(row).toEqual({ x: 'a\0b\0', n: 4 });
  });

  test('text in the file that is not UTF-8 arrives with U+FFFD', async () => {
    expect(await db.get("SELECT CAST(x'61ff62' AS TEXT) AS x, 'ä' AS y")).toEqual({ x: 'a\ufffdb', y: 'ä' });
    expect(await db.get("SELECT CAST(x'eda080' AS TEXT) AS x")).toEqual({ x: '\ufffd\ufffd\ufffd' });
    expect(await db.get("SELECT CAST(x'e2' AS TEXT) AS x, 1 AS y")).toEqual({ x: '\ufffd', y: 1 });
  });

  test.each([4_095, 8_191, 8_192, 8_193, 100_000, 3_000_000])(
    'texts of %i units mix ASCII and all else',
    async (length) => {
      for (const unit of ['a', 'ä', '€', '😀', 'aä', 'a😀\ud800€\0', '"\\\n']) {
        const value = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
        const row = await db.get<any>('SELECT ? AS a, ? AS b, ? AS c', ['ä before', value, 'behind 😀']);
        expect(row.a).toBe('ä before');
        expect(row.b === wellFormed(value)).toBe(true);
        expect(row.c).toBe('behind 😀');
      }
    },
  );

  test('large blobs are whole', async () => {
    const blob = new Uint8Array(20_000_000).map((_, i) => i * 7);
    const row = await db.get<{ x: Uint8Array }>('SELECT ? AS x', [blob]);
    expect(Buffer.compare(row?.x as Uint8Array, blob)).toBe(0);
  });
});

describe('very many values', () => {
  test.each([4_087, 4_088, 4_089, 9_000])('%i sets in one executeMany', async (count) => {
    const rows = Array.from({ length: count }, (_, i) => [i]);
    expect(await db.executeMany('INSERT INTO t (v) VALUES (?)', rows)).toEqual({ changes: count });
    expect(await db.get('SELECT count(*) AS n, sum(v) AS sum, max(v) AS last FROM t')).toEqual({
      n: count,
      sum: (count * (count - 1)) / 2,
      last: count - 1,
    });
  });

  test('150,000 sets of every type in one executeMany, and small calls after it', async () => {
    await db.exec('CREATE TABLE wide (i, text, big, blob)');
    const rows = Array.from({ length: 150_000 }, (_, i) => [
      i,
      i % 3 === 0 ? `ä${i}` : `a${i}`,
      2n ** 60n + BigInt(i),
      i % 1000 === 0 ? new Uint8Array([i & 255, (i >> 8) & 255]) : null,
    ]);
    expect(await db.executeMany('INSERT INTO wide VALUES (?, ?, ?, ?)', rows)).toEqual({ changes: 150_000 });
    for (const i of [0, 1, 2, 3_000, 77_777, 149_999]) {
      const [, text, big, blob] = rows[i] as [number, string, bigint, Uint8Array | null];
      expect(await db.get('SELECT text, big, blob FROM wide WHERE i = ?', [i])).toEqual({ text, big, blob });
    }
    expect(await db.get('SELECT count(DISTINCT text) AS n FROM wide')).toEqual({ n: 150_000 });
  });

  test('32,766 parameters in one statement', async () => {
    const values = Array.from({ length: 32_766 }, (_, i) => i);
    const places = values.map(() => '?').join(', ');
    expect(
      await db.get(`SELECT sum(column1) AS sum FROM (VALUES (${values.map(() => '?').join('), (')}))`, values),
    ).toEqual({
      sum: (32_766 * 32_765) / 2,
    });
    const error = await rejection(db.get(`SELECT ${places}, ?`, [...values, 1]));
    expect(error).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('many queries in one batch', async () => {
    const queries = Array.from({ length: 5_000 }, (_, i) => ({
      sql: 'INSERT INTO t (v) VALUES (:v)',
      params: { v: `ä${i}` },
    }));
    const results = await db.batch(queries);
    expect(results).toHaveLength(5_000);
    expect(results[4_999]).toMatchObject({ changes: 1, lastInsertRowid: 5_000 });
    expect(await db.get('SELECT v FROM t WHERE id = 5000')).toEqual({ v: 'ä4999' });
  });

  test('a call that is refused half way leaves nothing behind for the next one', async () => {
    const rows: any[] = Array.from({ length: 10_000 }, (_, i) => [`text ${i}`]);
    rows.push([undefined]);
    expect(await rejection(db.executeMany('INSERT INTO t (v) VALUES (?)', rows))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    expect(await db.get('SELECT ? AS a, ? AS b', ['ä', new Uint8Array([1])])).toEqual({
      a: 'ä',
      b: new Uint8Array([1]),
    });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });
});

describe('statements that come again', () => {
  const sqlOf = (i: number) => `SELECT ${i} AS number_of_this_statement, ? AS parameter_of_this_statement`;

  test('are told apart, however many there are and in whatever order they come', async () => {
    for (const count of [10, 250, 260, 600]) {
      for (let round = 0; round < 4; round++) {
        const order = Array.from({ length: count }, (_, i) => (round % 2 === 0 ? i : count - 1 - i));
        const rows = await Promise.all(order.map((i) => db.get<SqlValue[]>(sqlOf(i), [i + 0.5], { rowMode: 'array' })));
        expect(rows).toEqual(order.map((i) => [i, i + 0.5]));
        const results = await db.batch(
          order.map((i) => ({ sql: sqlOf(i), params: [`é ${i}`] })),
          { rowMode: 'array' },
        );
        expect(results.map((result) => result.rows[0])).toEqual(order.map((i) => [i, `é ${i}`]));
      }
    }
  });

  test('are themselves, though the call has to wait and others come meanwhile', async () => {
    const pool = on.pool();
    await pool.exec('CREATE TABLE t (number INTEGER, parameter TEXT)');
    const insert = (i: number) => `WITH n(i) AS (SELECT ${i}) INSERT INTO t (number, parameter) SELECT i, ? FROM n`;
    for (let round = 0; round < 4; round++) {
      const fresh = on.pool(); // calls wait until it has opened
      const some = Array.from({ length: 300 }, (_, i) => fresh.run(insert(i), [`ü ${i}`]));
      for (let i = 0; i < 300; i++) void pool.get(sqlOf(i), [i]);
      await Promise.all(some);
    }
    expect(await pool.get("SELECT count(*) AS n FROM t WHERE parameter = 'ü ' || number")).toEqual({ n: 1_200 });
    expect(await pool.get('SELECT count(DISTINCT number) AS n FROM t')).toEqual({ n: 300 });
  });
});

describe('a call within the arguments of another', () => {
  /** Params whose getter makes a call with params of the same kind, and so on. */
  const nested = (depth: number, calls: Promise<unknown>[]): Record<string, SqlParam> => ({
    before: `before ${depth}`,
    get depth() {
      if (depth > 0) calls.push(db.run(INSERT, nested(depth - 1, calls)));
      return depth;
    },
    after: new Uint8Array([depth]),
  });
  const INSERT = "INSERT INTO t (id, v) VALUES (:depth, :before || ' ' || hex(:after))";

  test('is sent first, and neither mixes up the values of the other: ten deep', async () => {
    const calls: Promise<unknown>[] = [];
    calls.push(db.run(INSERT, nested(10, calls)));
    await Promise.all(calls);
    const rows = await db.all<[number, string]>('SELECT id, v FROM t ORDER BY id', [], { rowMode: 'array' });
    expect(rows).toEqual(Array.from({ length: 11 }, (_, i) => [i, `before ${i} ${hex(i)}`]));
  });
  const hex = (byte: number) => byte.toString(16).padStart(2, '0').toUpperCase();

  test('may bring so many statements that others take the numbers of earlier ones', async () => {
    const known = `SELECT 'the statement of the outer call' AS outer_call, :value AS value`;
    for (let i = 0; i < 3; i++) await db.get(known, { value: 0 });
    const inner: Promise<unknown>[] = [];
    const params = {
      get value() {
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < 300; i++) inner.push(db.get(`SELECT ${i} AS number_of_an_inner_statement_${i}`));
        }
        return 1;
      },
    };
    expect(await db.get(known, params)).toEqual({ outer_call: 'the statement of the outer call', value: 1 });
    await Promise.all(inner);
  });
});

describe('a call', () => {
  test('is sent once', async () => {
    const { Call } = await import('../../lib/wire/call.js');
    const { Request } = await import('../../lib/wire/protocol.js');
    const call = Call.of(Request.status);
    expect(await (db as any).perform(call)).toMatchObject({ failure: undefined });
    await expect((db as any).perform(call)).rejects.toThrow('a call is sent once');
    expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });
});

describe('a pool that opens only now', () => {
  test('binds the values of the moment of the call', async () => {
    const pool = on.pool();
    const bytes = new Uint8Array([1, 2, 3]);
    const values: SqlParam[] = ['ä', 2n ** 60n, bytes, 1.5, null];
    const calls = Array.from({ length: 5 }, (_, i) =>
      pool.get('SELECT ? AS i, ? AS a, ? AS b, ? AS c, ? AS d, ? AS e', [i, ...values]),
    );
    bytes.fill(0);
    values.fill('changed');
    for (const [i, row] of (await Promise.all(calls)).entries()) {
      expect(row).toEqual({ i, a: 'ä', b: 2n ** 60n, c: new Uint8Array([1, 2, 3]), d: 1.5, e: null });
    }
    expect(
      await on.pool({ database: on.file('other.db') }).get('SELECT sum(column1) AS n FROM (VALUES (?), (?))', [1, 2]),
    ).toEqual({ n: 3 });
  });

  test('binds very many values', async () => {
    const pool = on.pool();
    const many = pool.batch([
      { sql: 'CREATE TABLE t (x)' },
      ...Array.from({ length: 10_000 }, (_, i) => ({ sql: 'INSERT INTO t VALUES (?)', params: [i] })),
    ]);
    await pool.exec('SELECT 1');
    await many;
    expect(await pool.get('SELECT sum(x) AS sum FROM t')).toEqual({ sum: 49_995_000 });
  });
});
