import { type Connection, connect, type SqlParam } from 'aiosqlite';
import fc from 'fast-check';
import { expect } from 'vitest';
import { anyParam, type Expected, expected } from './arbitraries.js';
import { type Budget, check } from './check.js';

/**
 * A record of one column as the file format has it (sqlite.org/fileformat2.html#record_format). What stands in the
 * database's image is compared with it, so that the truth is neither our binding nor SQLite's own reading of it. Other
 * drivers are no truth here: better-sqlite3 and node:sqlite bind every number as REAL.
 */
function recordOf(value: Expected): Buffer {
  switch (value.type) {
    case 'null':
      return Buffer.from([2, 0]);
    case 'real': {
      const body = Buffer.alloc(8);
      body.writeDoubleBE(value.value);
      return Buffer.concat([Buffer.from([2, 7]), body]);
    }
    case 'integer': {
      if (value.value === 0n || value.value === 1n) return Buffer.from([2, 8 + Number(value.value)]);
      const sizes = [1, 2, 3, 4, 6, 8];
      const type = sizes.findIndex((size) => BigInt.asIntN(size * 8, value.value) === value.value);
      const body = Buffer.alloc(8);
      body.writeBigInt64BE(value.value);
      return Buffer.concat([Buffer.from([2, type + 1]), body.subarray(8 - (sizes[type] ?? 8))]);
    }
    default: {
      const type = 2 * value.value.length + (value.type === 'text' ? 13 : 12);
      const varint = type < 128 ? [type] : [0x80 | (type >> 7), type & 0x7f];
      return Buffer.concat([Buffer.from([1 + varint.length, ...varint]), value.value]);
    }
  }
}

/** What comes back with `integerMode: 'bigint'`, in which INTEGER and REAL can be told apart. */
function returned(value: Expected): unknown {
  if (value.type === 'null') return null;
  if (value.type === 'text') return value.value.toString('utf8');
  if (value.type === 'blob') return new Uint8Array(value.value);
  return value.value;
}

/** The same with `'mixed'`, the default. */
function returnedMixed(value: Expected): unknown {
  const exact =
    value.type === 'integer' && BigInt.asIntN(54, value.value) === value.value && value.value !== -(2n ** 53n);
  return exact ? Number(value.value) : returned(value);
}

type Insert = (db: Connection, values: SqlParam[]) => Promise<unknown>;
const INSERTS: Record<string, Insert> = {
  run: async (db, values) => {
    for (const value of values) await db.run('INSERT INTO t (x) VALUES (?)', [value]);
  },
  together: (db, values) => Promise.all(values.map((v) => db.run('INSERT INTO t (x) VALUES (:v)', { v }))),
  executeMany: (db, values) =>
    db.executeMany(
      'INSERT INTO t (x) VALUES (?)',
      values.map((value) => [value]),
    ),
  batch: (db, values) => db.batch(values.map((value) => ({ sql: 'INSERT INTO t (x) VALUES (?1)', params: [value] }))),
  transaction: (db, values) =>
    db.transaction(async (tx) => {
      for (const value of values) await tx.run('INSERT INTO t (x) VALUES ($v)', { $v: value });
    }),
};

/** Rows beyond the first two kilobytes of a result cross in another form. */
const TIMES = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT i FROM n';

async function isExact(values: SqlParam[], how: string, mode: 'bigint' | 'mixed'): Promise<void> {
  const db = await connect(':memory:', { integerMode: mode });
  try {
    await db.exec('CREATE TABLE t (x)');
    await (INSERTS[how] as Insert)(db, values);
    const wanted = values.map(expected);
    const back = wanted.map(mode === 'bigint' ? returned : returnedMixed);

    const image = Buffer.from(await db.serialize());
    for (const [i, value] of wanted.entries()) {
      expect(image.includes(recordOf(value)), `record of value ${i}: ${recordOf(value).toString('hex')}`).toBe(true);
    }
    const told = await db.all<{ type: string; bytes: string }>(
      'SELECT typeof(x) AS type, hex(x) AS bytes FROM t ORDER BY rowid',
    );
    for (const [i, value] of wanted.entries()) {
      expect(told[i]?.type).toBe(value.type);
      if (value.type === 'text' || value.type === 'blob')
        expect(told[i]?.bytes).toBe(value.value.toString('hex').toUpperCase());
    }
    // Stored, and read back: as objects, as arrays, row by row, few and many.
    const select = 'SELECT x FROM t ORDER BY rowid';
    expect((await db.all(select)).map((row) => row.x)).toStrictEqual(back);
    expect((await db.all<unknown[]>(select, [], { rowMode: 'array' })).map(([x]) => x)).toStrictEqual(back);
    const iterated: unknown[] = [];
    for await (const row of db.iterate(select, [], { batchSize: 3 })) iterated.push(row.x);
    expect(iterated).toStrictEqual(back);
    const many = await db.all(`SELECT * FROM (${TIMES}) CROSS JOIN (SELECT rowid, x FROM t) ORDER BY i, rowid`);
    expect(many.map((row) => row.x)).toStrictEqual(Array.from({ length: 40 }, () => back).flat());
    // Bound and given back, without having been stored.
    for (const [i, value] of values.entries()) {
      expect((await db.get('SELECT ? AS x', [value]))?.x).toStrictEqual(back[i]);
    }
  } finally {
    await db.close();
  }
}

/** Every value arrives as the file format says, bit for bit, and comes back the same, by every way in and out. */
export const checkValues = (budget: Budget) =>
  check(
    'values',
    fc.asyncProperty(
      fc.array(anyParam, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(...Object.keys(INSERTS)),
      fc.constantFrom('bigint' as const, 'mixed' as const),
      isExact,
    ),
    budget,
  );
