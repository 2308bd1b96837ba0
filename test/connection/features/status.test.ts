import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();

describe('inTransaction', () => {
  test("tells of a transaction that the user's own SQL began, without a hop", async () => {
    const db = await on.connect();
    expect(db.inTransaction).toBe(false);
    await db.exec('BEGIN');
    expect(db.inTransaction).toBe(true);
    await db.exec('COMMIT');
    expect(db.inTransaction).toBe(false);
    await db.exec('SAVEPOINT s');
    expect(db.inTransaction).toBe(true);
    await db.exec('RELEASE s');
    expect(db.inTransaction).toBe(false);
    await db.exec('BEGIN IMMEDIATE');
    await db.exec('ROLLBACK');
    expect(db.inTransaction).toBe(false);
  });

  test("is false inside transaction(), which is none of the user's SQL", async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)');
      expect(db.inTransaction).toBe(false);
    });
    expect(db.inTransaction).toBe(false);
  });

  test('is true after a script that failed inside its own BEGIN', async () => {
    const db = await on.connect();
    await rejection(db.exec('BEGIN; CREATE TABLE t (x); SELEKT'));
    expect(db.inTransaction).toBe(true);
    await db.exec('ROLLBACK');
    expect(await db.all('SELECT * FROM sqlite_schema')).toEqual([]);
  });

  test('is false once SQLite itself has rolled back', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2)');
    expect(await rejection(db.run('INSERT OR ROLLBACK INTO t VALUES (1)'))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_UNIQUE',
    });
    expect(db.inTransaction).toBe(false);
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }]);
  });

  test('is that of the lease', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.withConnection(async (db) => {
      expect(db.inTransaction).toBe(false);
      await db.exec('BEGIN');
      expect(db.inTransaction).toBe(true);
    });
    await pool.withConnection(async (db) => expect(db.inTransaction).toBe(false));
  });

  test('is false after close()', async () => {
    const db = await on.connect();
    await db.exec('BEGIN');
    await db.close();
    expect(db.inTransaction).toBe(false);
  });
});

describe('totalChanges', () => {
  test('counts what has changed since opening, as total_changes() does, without a hop', async () => {
    const db = await on.connect();
    await db.exec(
      'CREATE TABLE t (x); CREATE TABLE log (x); CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END',
    );
    expect(db.totalChanges).toBe(0);
    await db.run('INSERT INTO t VALUES (1), (2)');
    expect(db.totalChanges).toBe(4); // what triggers change, too
    await db.executeMany('INSERT INTO log VALUES (?)', [[1], [2], [3]]);
    await db.run('DELETE FROM log');
    const { n } = (await db.get<{ n: number }>('SELECT total_changes() AS n'))!;
    expect(db.totalChanges).toBe(n);
    await db.all('SELECT * FROM t');
    expect(db.totalChanges).toBe(n);
  });

  test('is 0 on a new connection to the same file', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
    expect((await on.connect()).totalChanges).toBe(0);
  });
});

describe('status()', () => {
  test('tells memory and cache of the connection', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.run('INSERT INTO t VALUES (zeroblob(100000))');
    await db.all('SELECT length(x) FROM t');
    const status = await db.status();
    for (const value of Object.values(status)) expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
    expect(status.cacheUsedBytes).toBeGreaterThan(100_000);
    expect(status.schemaUsedBytes).toBeGreaterThan(0);
    expect(status.statementUsedBytes).toBeGreaterThan(0);
    expect(status.cacheHits).toBeGreaterThan(0);
    expect(status.cacheWrites).toBeGreaterThan(20);
  });

  test('dataVersion changes when another connection commits, and not when this one does', async () => {
    const db = await on.connect();
    const other = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const { dataVersion } = await db.status();
    await db.run('INSERT INTO t VALUES (1)');
    expect((await db.status()).dataVersion).toBe(dataVersion);
    await other.run('INSERT INTO t VALUES (2)');
    expect((await db.status()).dataVersion).not.toBe(dataVersion);
  });

  test('rejects on a closed connection', async () => {
    const db = await on.connect();
    await db.close();
    expect(await rejection(db.status())).toMatchObject({ code: 'ERR_CLOSED' });
  });
});
