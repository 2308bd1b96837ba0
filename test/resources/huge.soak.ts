/** What JavaScript can't hold: no string is longer than 2^29 - 24 characters. The figures are the smallest that show it. */
import { type Connection, connect } from 'aiosqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let db: Connection;
beforeEach(async () => {
  db = await connect(':memory:');
  await db.exec('CREATE TABLE t (x)');
});
afterEach(() => db.close());

/** U+0000 takes six characters while it crosses: of plain text it would take six times as much. */
const TOO_LONG = 'CAST(zeroblob(95000000) AS TEXT)';
const tooLong = { name: 'SqliteError', code: 'SQLITE_TOOBIG', errcode: 18 };

describe('a row whose texts are too long', () => {
  it.each([
    ['the first', `SELECT ${TOO_LONG} AS x`],
    ['a later one', `SELECT printf('%.*c', 3000, 'x') AS x UNION ALL SELECT ${TOO_LONG}`],
  ])('is an error: %s', async (_, sql) => {
    await expect(db.all(sql)).rejects.toMatchObject(tooLong);
    expect(await db.get('SELECT 1 AS x')).toEqual({ x: 1 });
  });

  it('is one for iterate() too', async () => {
    const rows = db.iterate(`SELECT ${TOO_LONG} AS x`);
    await expect(rows.next()).rejects.toMatchObject(tooLong);
  });
});
