import { sql, type Transaction } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
let kept: Transaction | undefined;

async function notes() {
  const db = await on.connect();
  await db.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, "text" VARCHAR(20) NOT NULL, time)');
  return db;
}

describe('describe()', () => {
  test('tells name, declared type and origin of each column', async () => {
    const db = await notes();
    expect(await db.describe('SELECT id, n.text AS content, time, 1 + 1 AS sum, max(id) FROM note AS n')).toEqual({
      readonly: true,
      parameters: [],
      columns: [
        { name: 'id', declaredType: 'INTEGER', database: 'main', table: 'note', column: 'id' },
        { name: 'content', declaredType: 'VARCHAR(20)', database: 'main', table: 'note', column: 'text' },
        { name: 'time', database: 'main', table: 'note', column: 'time' },
        { name: 'sum' },
        { name: 'max(id)' },
      ],
    });
  });

  test('looks through views, subqueries and attached databases', async () => {
    const db = await notes();
    await db.exec(
      `CREATE VIEW v AS SELECT id AS key FROM note; ATTACH ':memory:' AS other; CREATE TABLE other.t (x TEXT)`,
    );
    expect((await db.describe('SELECT key FROM v')).columns).toEqual([
      { name: 'key', declaredType: 'INTEGER', database: 'main', table: 'note', column: 'id' },
    ]);
    expect((await db.describe('SELECT y FROM (SELECT x AS y FROM other.t)')).columns).toEqual([
      { name: 'y', declaredType: 'TEXT', database: 'other', table: 't', column: 'x' },
    ]);
  });

  test('tells parameters as they are written, prefix included', async () => {
    const db = await notes();
    const { parameters } = await db.describe('SELECT :name, @at, $dollar, ?, ?7, :name');
    expect(parameters).toEqual([':name', '@at', '$dollar', '?', '?', '?', '?7']);
    expect((await db.describe(sql`SELECT ${1}, ${2}`)).parameters).toEqual(['?', '?']);
    expect((await db.describe({ sql: 'SELECT 1' })).parameters).toEqual([]);
  });

  test.each([
    ['SELECT * FROM note', true],
    ['EXPLAIN QUERY PLAN DELETE FROM note', true],
    ['PRAGMA table_info(note)', true],
    ['PRAGMA foreign_keys', true],
    ["INSERT INTO note (text) VALUES ('x')", false],
    ["UPDATE note SET text = 'x' RETURNING id", false],
    ['DELETE FROM note', false],
    ['CREATE TABLE other (x)', false],
    ['DROP TABLE note', false],
    ['BEGIN', false],
    ["ATTACH ':memory:' AS other", false],
    ['VACUUM', false],
  ])('tells whether it only reads: %s', async (text, readonly) => {
    const db = await notes();
    expect((await db.describe(text)).readonly).toBe(readonly);
  });

  test('in a transaction knows the tables that it has made, also below a savepoint', async () => {
    const db = await notes();
    const columns = [{ name: 'at', declaredType: 'DATETIME', database: 'main', table: 'own', column: 'at' }];
    await db.transaction(async (tx) => {
      await tx.exec('CREATE TABLE own (at DATETIME)');
      expect(await tx.describe('SELECT at FROM own')).toMatchObject({ readonly: true, columns });
      await tx.transaction(async (inner) =>
        expect((await inner.describe('SELECT at FROM own')).columns).toEqual(columns),
      );
      kept = tx;
    });
    await expect(kept?.describe('SELECT 1')).rejects.toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
  });

  test('runs nothing', async () => {
    const db = await notes();
    for (const text of ["INSERT INTO note (text) VALUES ('x')", 'CREATE TABLE other (x)', 'DROP TABLE note', 'BEGIN']) {
      await db.describe(text);
    }
    expect(db.inTransaction).toBe(false);
    expect(await db.all('SELECT name FROM sqlite_schema')).toEqual([{ name: 'note' }]);
    expect(await db.get('SELECT count(*) AS n FROM note')).toEqual({ n: 0 });
  });

  test('refuses a PRAGMA that sets, as preparing it would already run it', async () => {
    const db = await notes();
    for (const text of [
      'PRAGMA foreign_keys = 0',
      ' /* c */ pragma foreign_keys=OFF',
      'EXPLAIN PRAGMA foreign_keys = 0',
    ]) {
      expect(await rejection(db.describe(text))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    }
    expect(await db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
  });

  test('describes what RETURNING gives', async () => {
    const db = await notes();
    const { columns } = await db.describe('DELETE FROM note RETURNING id AS gone, 1 AS one');
    expect(columns).toEqual([
      { name: 'gone', declaredType: 'INTEGER', database: 'main', table: 'note', column: 'id' },
      { name: 'one' },
    ]);
  });

  test('follows changes of the schema', async () => {
    const db = await notes();
    await db.describe('SELECT * FROM note');
    await db.all('SELECT * FROM note');
    await db.exec('ALTER TABLE note ADD COLUMN added BLOB');
    expect((await db.describe('SELECT * FROM note')).columns.at(-1)).toMatchObject({
      name: 'added',
      declaredType: 'BLOB',
    });
  });

  test('keeps names as they are', async () => {
    const db = await on.connect();
    await db.exec(`CREATE TABLE "ta""ble ä" ("__proto__", "😀 'x'" TEXT)`);
    expect((await db.describe(`SELECT * FROM "ta""ble ä"`)).columns).toEqual([
      { name: '__proto__', database: 'main', table: 'ta"ble ä', column: '__proto__' },
      { name: "😀 'x'", declaredType: 'TEXT', database: 'main', table: 'ta"ble ä', column: "😀 'x'" },
    ]);
  });

  test.each([
    ['a syntax error', 'SELEKT', 'SQLITE_ERROR'],
    ['a table that is not there', 'SELECT * FROM missing', 'SQLITE_ERROR'],
    ['two statements', 'SELECT 1; SELECT 2', 'ERR_STATEMENT_COUNT'],
    ['none', '', 'ERR_STATEMENT_COUNT'],
    ['U+0000', 'SELECT 1\0', 'ERR_INVALID_ARG_VALUE'],
    ['a number', 1, 'ERR_INVALID_ARG_TYPE'],
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
    ['undefined', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['an object without sql', {}, 'ERR_INVALID_ARG_TYPE'],
  ])('rejects %s', async (_, text, code) => {
    const db = await notes();
    expect(await rejection(db.describe(text as never))).toMatchObject({ code });
  });

  test('leaves a lease as it was', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.exec('CREATE TABLE t (x)');
    await pool.withConnection(async (db) => {
      await db.describe('SELECT * FROM t');
      await db.describe('PRAGMA foreign_keys = 0').catch(() => {});
    });
    expect(await pool.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
    await pool.withConnection(async (db) => expect(await db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 }));
  });
});
