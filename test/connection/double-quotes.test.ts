import { existsSync } from 'node:fs';
import type { Connection, ConnectionOptions } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const LEGACY = { doubleQuotedStrings: true };

/** A file as Python's sqlite3, PHP or the shell of SQLite let one write it. */
beforeEach(async () => {
  const db = await on.connect(LEGACY);
  await db.exec(`
    CREATE TABLE t (status TEXT DEFAULT "open" CHECK (status <> "bad"), n);
    CREATE INDEX i ON t (n) WHERE status = "new";
    CREATE VIEW v AS SELECT n FROM t WHERE status = "new";
    CREATE TABLE log (x); CREATE TABLE u (n);
    CREATE TRIGGER tr AFTER INSERT ON u BEGIN INSERT INTO log VALUES ("inserted"); END;
    INSERT INTO t VALUES ('new', 1)`);
  await db.close();
});

const USES: [string, (db: Connection) => Promise<unknown>, string][] = [
  ['a view', (db) => db.all('SELECT * FROM v'), 'new'],
  ['a trigger', (db) => db.run('INSERT INTO u VALUES (1)'), 'inserted'],
  ['VACUUM', (db) => db.exec('VACUUM'), 'bad'],
  ['vacuumInto()', (db) => db.vacuumInto(on.file('copy.db')), 'bad'],
  ['ALTER TABLE RENAME', (db) => db.exec('ALTER TABLE t RENAME TO renamed'), 'bad'],
  ['ALTER TABLE RENAME COLUMN', (db) => db.exec('ALTER TABLE t RENAME COLUMN n TO m'), 'bad'],
];

describe('a file with strings in double quotes in its schema', () => {
  test.each(USES)('works with doubleQuotedStrings: %s', async (_, use) => {
    const db = await on.connect(LEGACY);
    await use(db);
    expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
  });

  test.each(USES)('without it the error names the string and the option: %s', async (_, use, string) => {
    const db = await on.connect();
    const error = await rejection(use(db));
    expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_ERROR' });
    expect(error.message).toContain(`no such column: "${string}"`);
    expect(error.message).toContain('doubleQuotedStrings: true');
    expect(existsSync(on.file('copy.db'))).toBe(false);
  });

  test('without it its tables can be read, written, indexed and checked', async () => {
    const db = await on.connect();
    await db.run('INSERT INTO t (n) VALUES (2)');
    await db.exec('REINDEX; ANALYZE; ALTER TABLE t ADD COLUMN m');
    expect(await db.all('SELECT status, n FROM t ORDER BY n')).toEqual([
      { status: 'new', n: 1 },
      { status: 'open', n: 2 },
    ]);
    expect(await rejection(db.run("INSERT INTO t (status) VALUES ('bad')"))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_CHECK',
    });
    expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
  });

  test('opens through a pool, writer and readers alike', async () => {
    const pool = on.pool(LEGACY);
    await pool.run('INSERT INTO u VALUES (1)');
    expect(await pool.all('SELECT * FROM v')).toEqual([{ n: 1 }]);
    expect(await pool.all('SELECT * FROM log')).toEqual([{ x: 'inserted' }]);
  });
});

test.each<[string, ConnectionOptions]>([
  ['SELECT "typo" FROM t', {}],
  ['CREATE TABLE q (x CHECK (x <> "typo"))', {}],
  ['CREATE INDEX q ON t ("typo")', {}],
])('in SQL of your own a string in double quotes stays a missing column: %s', async (sql, options) => {
  const db = await on.connect(options);
  const error = await rejection(db.run(sql));
  expect(error.message).toBe('no such column: "typo" - should this be a string literal in single-quotes?');
  expect(error).toMatchObject({ offset: sql.indexOf('"typo"') });
});
