/** What JavaScript can't hold: no string is longer than 2^29 - 24 characters. The figures are the smallest that show it. */
import { constants } from 'node:buffer';
import { type Connection, connect } from 'aiosqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let db: Connection;
beforeEach(async () => {
  db = await connect(':memory:');
  await db.exec('CREATE TABLE t (x)');
});
afterEach(() => db.close());

/** U+0000 takes six characters while it crosses: of plain text it would take six times as much. Longer texts cross apart. */
const TOO_LONG = Array.from({ length: 1_400 }, (_, i) => `x AS x${i}`).join();
const tooLong = { name: 'SqliteError', code: 'SQLITE_TOOBIG', errcode: 18 };

describe('a row whose texts are too long', () => {
  it('undoes the write that it came from, alone and in a transaction', async () => {
    const write = `INSERT INTO t VALUES (CAST(zeroblob(65000) AS TEXT)) RETURNING ${TOO_LONG}`;
    await expect(db.all(write)).rejects.toMatchObject(tooLong);
    const transaction = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)');
      await tx.all(write);
    });
    await expect(transaction).rejects.toMatchObject(tooLong);
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });
});

describe('what is much, but not too much', () => {
  it('comes as it is: a text of 95 million characters', async () => {
    const row = await db.get<{ x: string }>('SELECT CAST(zeroblob(95000000) AS TEXT) AS x');
    expect(row?.x.length).toBe(95_000_000);
    expect(row?.x === '\0'.repeat(95_000_000)).toBe(true);
  });

  it('comes as it is: many results of a batch', async () => {
    const queries = Array.from({ length: 1_000 }, (_, i) => ({
      sql: 'SELECT ? AS i, ? AS x',
      params: [i, 'x'.repeat(2_000)],
    }));
    const results = await db.batch(queries);
    expect(results.map(({ rows }) => rows)).toEqual(queries.map(({ params: [i, x] }) => [{ i, x }]));
  });

  it('comes as it is: many changes of a commit', async () => {
    const told: unknown[] = [];
    db.onCommit((changes) => told.push(...changes));
    const count = 60_000;
    await db.exec('CREATE TABLE "späße" (x)');
    await db.run(
      'WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO "späße" SELECT i FROM n',
      [count],
    );
    expect(told).toEqual(
      Array.from({ length: count }, (_, i) => ({ table: 'späße', operation: 'insert', rowid: i + 1 })),
    );
  });
});

it('errors name the beginning of a text that is very long', async () => {
  const script = `SELECT ${' '.repeat(2 ** 20)}ä, missing FROM nowhere`;
  const error = await db.exec(script).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'SQLITE_ERROR', sql: script.slice(0, 2 ** 20) });
});

it('texts that are too long together never leave JavaScript', async () => {
  const text = 'x'.repeat(constants.MAX_STRING_LENGTH / 2);
  await expect(db.get('SELECT length(?) + length(?)', [text, text])).rejects.toMatchObject({
    name: 'RangeError',
    code: 'ERR_OUT_OF_RANGE',
    message: `what one call carries in texts must be less than ${constants.MAX_STRING_LENGTH} characters`,
  });
  expect(await db.get('SELECT 1 AS x')).toEqual({ x: 1 });
});
