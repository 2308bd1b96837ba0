/**
 * Behaviours that programs for sqlite3 (node-sqlite3) rely on, in our own words. Run on aiosqlite/sqlite3, and on sqlite3
 * itself where its addon is built: `npm rebuild sqlite3`, or SQLITE3_PEER names a built copy.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync, writeFileSync } from 'node:fs';
import * as ours from 'aiosqlite/sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { modules } from './support/modules.js';

const on = databases();

describe.each(modules)('%s', (name, sqlite3) => {
  const isOurs = name !== 'sqlite3';
  const opened: ours.Database[] = [];
  const open = (file = ':memory:', ...args: any[]): ours.Database => {
    const db = new (sqlite3.Database as any)(file, ...args);
    opened.push(db);
    return db;
  };
  afterEach(async () => {
    for (const db of opened.splice(0)) if (db.open) await closed(db);
  });

  /** Settles with what the callback of a call gets. */
  const called = <T = any>(call: (callback: (...args: any[]) => void) => unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      call((error: Error | null, result: T) => (error ? reject(error) : resolve(result)));
    });
  /** Resolves to `this` of the callback of run(). */
  const ran = (call: (callback: (this: any, error: Error | null) => void) => unknown): Promise<any> =>
    new Promise((resolve, reject) => {
      call(function (error) {
        if (error) reject(error);
        else resolve(this);
      });
    });
  const closed = (db: ours.Database) => called((done) => db.close(done));
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => expect.fail('no failure'),
      (error) => error,
    );

  describe('opening', () => {
    test('connections with a shared cache have one database in memory', async () => {
      const flags = sqlite3.OPEN_URI | sqlite3.OPEN_SHAREDCACHE | sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE;
      const [one, two] = [1, 2].map(() => open(`file:${on.file('shared')}?mode=memory`, flags));
      await called((done) => one?.exec('PRAGMA user_version = 42', done));
      expect(await called((done) => two?.get('PRAGMA user_version', done))).toEqual({ user_version: 42 });
    });

    test('the module knows the sources of its SQLite', async () => {
      const row = await called((done) =>
        open().get('SELECT sqlite_source_id() AS id, sqlite_version() AS version', done),
      );
      expect(row).toEqual({ id: (sqlite3 as any).SOURCE_ID, version: sqlite3.VERSION });
    });

    test('calls back with null, emits open, and knows its name and flags', async () => {
      const file = on.file();
      const events: unknown[] = [];
      const db = open(file, (error: unknown) => events.push(['callback', error, db.open]));
      expect(db.open).toBe(false);
      await new Promise((resolve) => db.once('open', resolve));
      expect(events).toEqual([['callback', null, true]]);
      expect([db.filename, db.mode & 7, db.open]).toEqual([file, 6, true]);
    });

    test('a file in a folder that is not there fails with CANTOPEN', async () => {
      const error = await failure(called((done) => open(on.file('no/such.db'), done)));
      expect(error).toMatchObject({
        errno: 14,
        code: 'SQLITE_CANTOPEN',
        message: expect.stringMatching(/^SQLITE_CANTOPEN: unable to open/),
      });
    });

    test('without a callback, the failure is an event', async () => {
      const db = open(on.file('no/such.db'));
      const error = await new Promise((resolve) => db.on('error', resolve));
      expect(error).toMatchObject({ errno: 14, code: 'SQLITE_CANTOPEN' });
    });

    test('OPEN_READONLY and a missing OPEN_CREATE make no file', async () => {
      for (const mode of [sqlite3.OPEN_READONLY, sqlite3.OPEN_READWRITE]) {
        const error = await failure(called((done) => open(on.file('none.db'), mode, done)));
        expect(error).toMatchObject({ code: 'SQLITE_CANTOPEN' });
      }
    });

    test('flags that do not say how to open fail with MISUSE', async () => {
      for (const mode of [0, sqlite3.OPEN_CREATE, sqlite3.OPEN_READONLY | sqlite3.OPEN_CREATE, 3, 7]) {
        expect(await failure(called((done) => open(on.file(), mode, done)))).toMatchObject({
          code: 'SQLITE_MISUSE',
          errno: 21,
          message: 'SQLITE_MISUSE: bad parameter or other API misuse',
        });
      }
    });

    test('OPEN_READONLY refuses writes', async () => {
      const file = on.file();
      const writer = open(file);
      await called((done) => writer.exec('CREATE TABLE t (x)', done));
      const reader = open(file, sqlite3.OPEN_READONLY);
      expect(await failure(called((done) => reader.run('INSERT INTO t VALUES (1)', done)))).toMatchObject({
        code: 'SQLITE_READONLY',
        errno: 8,
      });
    });

    test('a name that is no string throws', () => {
      expect(() => new (sqlite3.Database as any)(5)).toThrow(TypeError);
      expect(() => new (sqlite3.Database as any)()).toThrow(TypeError);
    });

    test("has SQLite's own defaults: no foreign keys, a rollback journal, double-quoted strings", async () => {
      const db = open(on.file());
      expect(await called((done) => db.get('PRAGMA foreign_keys', done))).toEqual({ foreign_keys: 0 });
      expect(await called((done) => db.get('PRAGMA journal_mode', done))).toEqual({ journal_mode: 'delete' });
      expect(await called((done) => db.get('SELECT "text" AS x', done))).toEqual({ x: 'text' });
    });

    test('cached.Database gives one object for one file, and calls back each time', async () => {
      const Cached = sqlite3.cached.Database as any;
      const file = on.file();
      const first = new Cached(file);
      const again = await new Promise((resolve) => {
        const db = new Cached(file, () => resolve(db));
      });
      expect(again).toBe(first);
      expect(new Cached(':memory:')).not.toBe(new Cached(':memory:'));
      await closed(first);
      delete (sqlite3.cached as any).objects[file];
    });
  });

  describe('closing', () => {
    test('waits for the calls before, emits close, and ends the database', async () => {
      const db = open(on.file());
      const order: string[] = [];
      db.run('CREATE TABLE t (x)', () => order.push('run'));
      db.on('close', () => order.push('event'));
      await new Promise<void>((resolve) => {
        db.close((error) => {
          order.push(`callback ${error} ${db.open}`);
          setImmediate(resolve);
        });
      });
      expect(order).toEqual(['run', 'callback null false', 'event']);
      const error = await failure(called((done) => db.run('SELECT 1', done)));
      expect(error).toMatchObject({ code: 'SQLITE_MISUSE', errno: 21 });
      expect(await failure(called((done) => db.close(done)))).toMatchObject({ code: 'SQLITE_MISUSE' });
    });

    test('a call that was made behind it fails with MISUSE', async () => {
      const db = open();
      const ending = closed(db);
      expect(await failure(called((done) => db.exec('SELECT 1', done)))).toMatchObject({ code: 'SQLITE_MISUSE' });
      await ending;
    });
  });

  describe('run()', () => {
    test("tells lastID and changes by the callback's this, and returns the database", async () => {
      const db = open();
      const create = 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)';
      await ran((done) => expect(db.run(create, done)).toBe(db));
      const inserted = await ran((done) => db.run('INSERT INTO t (x) VALUES (?)', ['a'], done));
      expect([inserted.lastID, inserted.changes, inserted.sql]).toEqual([1, 1, 'INSERT INTO t (x) VALUES (?)']);
      await ran((done) => db.run('INSERT INTO t (x) VALUES (1), (2)', done));
      const updated = await ran((done) => db.run('UPDATE t SET x = 0', done));
      expect([updated.lastID, updated.changes]).toEqual([3, 3]);
    });

    test('takes values one by one, in an array, and by name or number', async () => {
      const db = open();
      await ran((done) => db.run('CREATE TABLE t (a, b)', done));
      const insert = 'INSERT INTO t VALUES (?, ?)';
      await ran((done) => db.run(insert, 1, 2, done));
      await ran((done) => db.run(insert, [3, 4], done));
      await ran((done) => db.run(insert, { 1: 5, 2: 6 }, done));
      await ran((done) => db.run('INSERT INTO t VALUES ($a, :b)', { $a: 7, ':b': 8 }, done));
      await ran((done) => db.run('INSERT INTO t VALUES (@a, @a)', { '@a': 9 }, done));
      await ran((done) => db.run('INSERT INTO t VALUES (?2, ?1)', [11, 10], done));
      expect(await called((done) => db.all('SELECT a, b FROM t', done))).toEqual(
        [
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
          [9, 9],
          [10, 11],
        ].map(([a, b]) => ({ a, b })),
      );
    });

    test('takes values that an object inherits', async () => {
      const values = Object.create({ $a: 7 });
      expect(await called((done) => open().get('SELECT $a AS a', values, done))).toEqual({ a: 7 });
    });

    test('a value that is missing or undefined is NULL, one too many is RANGE', async () => {
      const db = open();
      const select = 'SELECT ? AS a, ? AS b';
      expect(await called((done) => db.get(select, [1], done))).toEqual({ a: 1, b: null });
      expect(await called((done) => db.get(select, done))).toEqual({ a: null, b: null });
      expect(await called((done) => db.get(select, [undefined, 2], done))).toEqual({ a: null, b: 2 });
      expect(await called((done) => db.get('SELECT $a AS a', {}, done))).toEqual({ a: null });
      for (const params of [[1, 2, 3], { $no: 1 }]) {
        expect(await failure(called((done) => db.get(select, params, done)))).toMatchObject({
          code: 'SQLITE_RANGE',
          errno: 25,
        });
      }
    });

    test('what looks like a parameter within strings, names and comments is none', async () => {
      const db = open();
      const sql = `SELECT '?' AS "a?", ? AS [b:c], 'it''s :x' AS d -- ?\n /* $e ? */ , ? AS f`;
      expect(await called((done) => db.get(sql, [1, 2], done))).toEqual({ 'a?': '?', 'b:c': 1, d: "it's :x", f: 2 });
    });

    test('converts values as ever', async () => {
      const db = open();
      const at = new Date(1_700_000_000_000);
      const values = [true, false, null, 1.5, 'text', at, /a+/g, Buffer.from([0, 255]), ''];
      const columns = values.map((_, i) => `? AS v${i}`).join(', ');
      const row: any = await called((done) => db.get(`SELECT ${columns}`, values, done));
      expect(Object.values(row)).toEqual([1, 0, null, 1.5, 'text', +at, '/a+/g', Buffer.from([0, 255]), '']);
      expect(Buffer.isBuffer(row.v7)).toBe(true);
    });

    test('a violated constraint has the primary code', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1)', done));
      const error = await failure(called((done) => db.run('INSERT INTO t VALUES (1)', done)));
      expect(error).toMatchObject({
        errno: sqlite3.CONSTRAINT,
        code: 'SQLITE_CONSTRAINT',
        message: 'SQLITE_CONSTRAINT: UNIQUE constraint failed: t.x',
      });
    });

    test('a syntax error names the place', async () => {
      const error = await failure(called((done) => open().run('SELEC 1', done)));
      expect(error).toMatchObject({
        errno: 1,
        code: 'SQLITE_ERROR',
        message: 'SQLITE_ERROR: near "SELEC": syntax error',
      });
    });
  });

  test('lastID is the last rowid of the database, however it was inserted', async () => {
    const db = open();
    const lastID = async () => (await ran((done) => db.run('UPDATE t SET y = 1', done))).lastID;
    await called((done) => db.exec('CREATE TABLE t (x INTEGER PRIMARY KEY, y); INSERT INTO t VALUES (5, 0)', done));
    expect(await lastID()).toBe(5);
    await called((done) => db.all('INSERT INTO t VALUES (7, 0) RETURNING x', done));
    expect(await lastID()).toBe(7);
    await called((done) => db.get('insert into t values (8, 0) returning x', done));
    expect(await lastID()).toBe(8);
    await called((done) => db.each('REPLACE INTO t VALUES (9, 0) RETURNING x', () => {}, done));
    expect(await lastID()).toBe(9);
    const statement = db.prepare('INSERT INTO t VALUES (?, 0) RETURNING x', 11);
    await called((done) => statement.get(done));
    await called((done) => statement.finalize(done));
    expect(await lastID()).toBe(11);
  });

  describe('get(), all(), each(), map()', () => {
    test('get gives the first row, or nothing', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)', done));
      expect(await called((done) => db.get('SELECT x FROM t', done))).toEqual({ x: 1 });
      expect(
        await new Promise((resolve) => db.get('SELECT x FROM t WHERE 0', (...args: any[]) => resolve(args))),
      ).toEqual([null]);
      expect(await called((done) => db.get('INSERT INTO t VALUES (3) RETURNING x', done))).toEqual({ x: 3 });
    });

    test('all gives an array, empty without rows', async () => {
      const db = open();
      expect(await called((done) => db.all('SELECT 1 AS a UNION SELECT 2', done))).toEqual([{ a: 1 }, { a: 2 }]);
      expect(await called((done) => db.all('SELECT 1 WHERE 0', done))).toEqual([]);
    });

    test('each calls back for each row, then with their number; later calls see its end', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3)', done));
      const seen: unknown[] = [];
      db.serialize(() => {
        db.each(
          'SELECT x FROM t WHERE x > ?',
          [1],
          (error: Error | null, row: any) => seen.push(error ?? row.x),
          (error: Error | null, count: number) => seen.push(`end ${error} ${count}`),
        );
        db.run('DELETE FROM t', () => seen.push('deleted'));
      });
      await called((done) => db.wait(done));
      expect(seen).toEqual([2, 3, 'end null 2', 'deleted']);
    });

    test('a failure to prepare goes to the last callback of each, one of a row to the first', async () => {
      const db = open();
      const fails = (sql: string) =>
        new Promise((resolve) => {
          const row = (error: Error | null) => error && resolve(['row', error]);
          db.each(sql, row, (error: Error | null) => resolve(['end', error]));
        });
      expect(await fails('SELECT x FROM nothing')).toMatchObject(['end', { code: 'SQLITE_ERROR' }]);
      const overflow = 'SELECT 1 UNION ALL SELECT abs(-9223372036854775808)';
      expect(await fails(overflow)).toMatchObject(['row', { code: 'SQLITE_ERROR' }]);
    });

    test('each comes to its end after a failure, and tells how many rows came before', async () => {
      const db = open();
      const each = async (sql: string, ...params: unknown[]) => {
        const seen: unknown[] = [];
        await new Promise<void>((resolve) => {
          const row = (error: any) => error && seen.push(error.code);
          db.each(sql, ...(params as []), row, (error: any, count: number) => resolve(void seen.push([error, count])));
        });
        return seen;
      };
      expect(await each('SELECT ?', 1, 2)).toEqual(['SQLITE_RANGE', [null, 0]]);
      const [failed, [error]] = (await each('SELECT abs(-9223372036854775808)')) as any;
      expect([failed, error]).toEqual(['SQLITE_ERROR', null]);
    });

    test('map gives an object by the first column', async () => {
      const db = open();
      const two = 'SELECT 1 AS id, 10 AS x UNION SELECT 2, 20';
      expect(await called((done) => db.map(two, done))).toEqual({ 1: 10, 2: 20 });
      expect(await called((done) => db.map('SELECT 1 AS id, 2 AS a, 3 AS b', done))).toEqual({
        1: { id: 1, a: 2, b: 3 },
      });
    });

    test('of two columns of one name a row keeps the last', async () => {
      expect(await called((done) => open().get('SELECT 1 AS a, 2 AS a', done))).toEqual({ a: 2 });
    });
  });

  describe('statements', () => {
    test('a statement is used again and again, and keeps its values', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)', done));
      const insert = db.prepare('INSERT INTO t (x) VALUES (?)');
      for (let i = 0; i < 100; i++) insert.run(i);
      insert.run();
      await called((done) => expect(insert.finalize(done)).toBe(db));
      const row = await called((done) => db.get('SELECT count(*) AS n, sum(x) AS s FROM t', done));
      expect(row).toEqual({ n: 101, s: 4950 + 99 });
    });

    test('a statement that can not be prepared calls back with the error', async () => {
      const error = await failure(called((done) => open().prepare('SELECT no_such_column', done)));
      expect(error).toMatchObject({ code: 'SQLITE_ERROR', message: 'SQLITE_ERROR: no such column: no_such_column' });
    });

    test('get gives no row after a call that has read or written all, and writes nothing again', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)', done));
      const get = (statement: any) => called((done) => statement.get(done));
      const all = db.prepare('SELECT x FROM t');
      await called((done) => all.all(done));
      expect(await get(all)).toBeUndefined();
      const each = db.prepare('SELECT x FROM t');
      await called((done) => each.each(() => {}, done));
      expect(await get(each)).toBeUndefined();
      const insert = db.prepare('INSERT INTO t VALUES (3) RETURNING x');
      await called((done) => insert.run(done));
      expect(await get(insert)).toBeUndefined();
      expect(await called((done) => db.get('SELECT count(*) AS n FROM t', done))).toEqual({ n: 3 });
      await called((done) => all.reset(done));
      expect(await get(all)).toEqual({ x: 1 });
      for (const statement of [all, each, insert]) await called((done) => statement.finalize(done));
    });

    test('get goes on to the next row, reset begins anew', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)', done));
      const statement = db.prepare('SELECT x FROM t WHERE x >= ?', 1);
      const next = () => called((done) => statement.get(done));
      expect([await next(), await next(), await next()]).toEqual([{ x: 1 }, { x: 2 }, undefined]);
      await called((done) => statement.reset(done));
      expect(await next()).toEqual({ x: 1 });
      expect(await called((done) => statement.get(2, done))).toEqual({ x: 2 });
      await called((done) => statement.finalize(done));
    });

    test('bind keeps values for later calls, and replaces them', async () => {
      const db = open();
      const statement = db.prepare('SELECT ? AS a, ? AS b', [1, 2]);
      expect(await called((done) => statement.get(done))).toEqual({ a: 1, b: 2 });
      await called((done) => statement.bind([3], done));
      expect(await called((done) => statement.all(done))).toEqual([{ a: 3, b: null }]);
      statement.finalize();
    });

    test('a finalized statement fails with MISUSE', async () => {
      const db = open();
      const statement = db.prepare('SELECT 1');
      await called((done) => statement.finalize(done));
      const error = await failure(called((done) => statement.run(done)));
      expect(error).toMatchObject({
        errno: 21,
        code: 'SQLITE_MISUSE',
        message: 'SQLITE_MISUSE: Statement is already finalized',
      });
    });

    test('get gives nothing after its last row, until a reset or other values', async () => {
      const db = open();
      const statement = db.prepare('SELECT 1 AS x UNION SELECT 2');
      const next = () => called((done) => statement.get(done));
      expect([await next(), await next(), await next(), await next()]).toEqual([
        { x: 1 },
        { x: 2 },
        undefined,
        undefined,
      ]);
      await called((done) => statement.reset(done));
      expect(await next()).toEqual({ x: 1 });
      await called((done) => statement.all(done));
      expect(await next()).toBe(undefined);
      statement.finalize();
    });

    test('an empty array or object keeps the values that are bound', async () => {
      const db = open();
      const statement = db.prepare('SELECT ? AS a', 1);
      for (const none of [[], {}]) expect(await called((done) => statement.all(none, done))).toEqual([{ a: 1 }]);
      statement.finalize();
    });

    test('lastID and changes are there once run() has called back', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (x)', done));
      const statement = db.prepare('INSERT INTO t VALUES (1)');
      const told = () => ['lastID' in statement, 'changes' in statement, statement.changes];
      expect(told()).toEqual([false, false, undefined]);
      await called((done) => statement.run(done));
      expect(told()).toEqual([true, true, 1]);
      statement.finalize();
    });

    test('map and each of a statement', async () => {
      const db = open();
      const statement = db.prepare('SELECT ? AS k, ? AS v');
      expect(await called((done) => statement.map('a', 1, done))).toEqual({ a: 1 });
      const rows: unknown[] = [];
      await called((done) => statement.each((_: unknown, row: unknown) => rows.push(row), done));
      expect(rows).toEqual([{ k: 'a', v: 1 }]);
      statement.finalize();
    });
  });

  describe('the order of calls', () => {
    test('calls before the opening run when it is open, in their order', async () => {
      const db = open();
      const order: number[] = [];
      db.serialize(() => {
        db.run('CREATE TABLE t (x)', () => order.push(1));
        db.run('INSERT INTO t VALUES (1)', () => order.push(2));
        db.get('SELECT x FROM t', () => order.push(3));
        db.all('SELECT x FROM t', () => order.push(4));
        db.exec('DROP TABLE t', () => order.push(5));
      });
      await called((done) => db.wait(done));
      expect(order).toEqual([1, 2, 3, 4, 5]);
    });

    test('a callback that makes calls returns before the next one is called', async () => {
      const db = open();
      const order: string[] = [];
      db.serialize(() => {
        db.get('SELECT 1', () => {
          order.push('begins');
          db.wait(() => order.push('waited'));
          order.push('returns');
        });
        db.get('SELECT 2', () => order.push('next'));
      });
      await called((done) => db.wait(done));
      await called((done) => db.wait(done));
      expect(order).toEqual(['begins', 'returns', 'next', 'waited']);
    });

    test('serialize and parallelize call their function at once, with the database', () => {
      const db = open();
      const seen: unknown[] = [];
      db.serialize(function (this: unknown) {
        seen.push(this);
      });
      db.parallelize(function (this: unknown) {
        seen.push(this);
      });
      expect(seen).toEqual([db, db]);
    });

    test('transactions by hand', async () => {
      const db = open(on.file());
      db.serialize(() => {
        db.run('CREATE TABLE t (x)');
        db.run('BEGIN');
        db.run('INSERT INTO t VALUES (1)');
        db.run('ROLLBACK');
        db.run('BEGIN IMMEDIATE');
        db.run('INSERT INTO t VALUES (2)');
        db.run('COMMIT');
      });
      expect(await called((done) => db.all('SELECT x FROM t', done))).toEqual([{ x: 2 }]);
    });
  });

  describe('events and settings', () => {
    test('a failure without a callback is an event of the statement', async () => {
      const db = open();
      const statement = db.prepare('INSERT INTO nothing VALUES (1)');
      const error = await new Promise((resolve) => statement.on('error', resolve));
      expect(error).toMatchObject({ code: 'SQLITE_ERROR' });
    });

    test('a failure of exec without a callback is an event of the database', async () => {
      const db = open();
      const failed = new Promise((resolve) => db.on('error', resolve));
      db.exec('nonsense');
      expect(await failed).toMatchObject({ code: 'SQLITE_ERROR' });
    });

    test('change tells kind, database, table and rowid', async () => {
      const db = open(on.file());
      const changes: unknown[] = [];
      await called((done) => db.exec('CREATE TABLE t (x)', done));
      db.on('change', (...args) => changes.push(args));
      await called((done) => db.run('INSERT INTO t VALUES (1)', done));
      await called((done) => db.run('UPDATE t SET x = 2', done));
      await called((done) => db.run('DELETE FROM t WHERE x = 2', done));
      await called((done) => db.wait(done));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(changes).toEqual(['insert', 'update', 'delete'].map((kind) => [kind, 'main', 't', 1]));
    });

    test.each([
      ['trace', ['SELECT 1']],
      ['profile', ['SELECT 1', expect.any(Number)]],
    ])('%s tells the SQL', async (event, args) => {
      const db = open();
      const seen = new Promise((resolve) => db.on(event, (...told) => resolve(told)));
      await called((done) => db.wait(done));
      await called((done) => db.all('SELECT 1', done));
      expect(await seen).toEqual(args);
    });

    test.each(['trace', 'profile'])(
      'a listener of %s that throws is uncaught, and no failure of a call',
      async (event) => {
        const db = open();
        await called((done) => db.wait(done));
        const before = process.listeners('uncaughtException');
        process.removeAllListeners('uncaughtException');
        const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
        try {
          const error = new Error('of the listener');
          db.once(event, () => {
            throw error;
          });
          const calls = ['SELECT 1 AS x', 'SELECT 2 AS x'].map((sql) => called((done) => db.all(sql, done)));
          expect(await Promise.all(calls)).toEqual([[{ x: 1 }], [{ x: 2 }]]);
          expect(await uncaught).toBe(error);
        } finally {
          process.removeAllListeners('uncaughtException');
          for (const each of before) process.on('uncaughtException', each);
        }
      },
    );

    test('busyTimeout and limits are set; a wrong setting throws', async () => {
      const db = open();
      db.configure('busyTimeout', 7);
      db.configure('limit', sqlite3.LIMIT_COMPOUND_SELECT, 2);
      const error = await failure(called((done) => db.all('SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3', done)));
      expect(error).toMatchObject({ code: 'SQLITE_ERROR' });
      expect(await called((done) => db.get('PRAGMA busy_timeout', done))).toEqual({ timeout: 7 });
      expect(() => db.configure('nothing' as never, 1)).toThrow(TypeError);
      expect(() => db.configure('busyTimeout', 'x' as never)).toThrow(TypeError);
    });

    test('a callback that is no function, and a name that is no string, throw', async () => {
      const db = open() as any;
      for (const call of [() => db.exec('SELECT 1', 5), () => db.wait(5), () => db.close(5), () => db.loadExtension(5)])
        expect(call).toThrow(TypeError);
      expect(await called((done) => db.get('SELECT 1 AS one', done))).toEqual({ one: 1 });
    });

    test('a setting of a closed database throws', async () => {
      const db = open();
      await closed(db);
      expect(() => db.configure('busyTimeout', 5)).toThrow('SQLITE_MISUSE: Database is closed');
    });

    test('change is told to listeners that come after all were removed', async () => {
      const db = open();
      await called((done) => db.exec('CREATE TABLE t (x)', done));
      db.removeAllListeners();
      const changed = new Promise((resolve) => db.once('change', (...change: unknown[]) => resolve(change)));
      await called((done) => db.run('INSERT INTO t VALUES (1)', done));
      expect(await changed).toEqual(['insert', 'main', 't', 1]);
      expect(db.listenerCount('change')).toBe(0);
      await called((done) => db.run('INSERT INTO t VALUES (2)', done));
    });

    test('interrupt ends what runs', async () => {
      const db = open();
      expect(() => db.interrupt()).toThrow('Database is not open');
      await called((done) => db.wait(done));
      const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
      const failed = failure(called((done) => db.all(endless, done)));
      const timer = setInterval(() => db.interrupt(), 5);
      expect(await failed).toMatchObject({ code: 'SQLITE_INTERRUPT', errno: 9 });
      clearInterval(timer);
    });

    test('interrupt ends what runs, also while close() waits for it', async () => {
      const db = open();
      await called((done) => db.wait(done));
      const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
      const failed = failure(called((done) => db.all(endless, done)));
      const end = closed(db);
      const timer = setInterval(() => db.interrupt(), 5);
      void failed.finally(() => clearInterval(timer));
      expect(await failed).toMatchObject({ code: 'SQLITE_INTERRUPT' });
      await end;
    });

    test('a failure without a callback on a closed database is an event of the database', async () => {
      const db = open();
      await closed(db);
      const failed = new Promise((resolve) => db.on('error', resolve));
      db.run('SELECT 1');
      expect(await failed).toMatchObject({ code: 'SQLITE_MISUSE', message: 'SQLITE_MISUSE: Database is closed' });
    });

    test('methods of statements can be replaced, and prepare() does not need them', () => {
      const { bind } = sqlite3.Statement.prototype;
      sqlite3.Statement.prototype.bind = (() => 'replaced') as never;
      try {
        const statement = open().prepare('SELECT 1');
        expect(statement).toBeInstanceOf(sqlite3.Statement);
        expect(statement.bind()).toBe('replaced');
        statement.finalize();
      } finally {
        sqlite3.Statement.prototype.bind = bind;
      }
    });

    // There, those of calls that wait have none.
    test.runIf(isOurs)('a callback has the asynchronous context of its call', async () => {
      const context = new AsyncLocalStorage<string>();
      const db = open();
      const seen: unknown[] = [];
      const long =
        'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT count(*) FROM n';
      const call = (name: string, sql: string, ...params: unknown[]) =>
        context.run(name, () =>
          called((done) =>
            db.all(sql, ...params, (error: Error | null) => done(null, seen.push([name, context.getStore(), !error]))),
          ),
        );
      // The second call has failed before the first one is answered, and calls back after it.
      await Promise.all([call('a', long), call('b', 'SELECT ?', 1, 2, 3), call('c', 'SELECT 1')]);
      expect(seen).toEqual([
        ['a', 'a', true],
        ['b', 'b', false],
        ['c', 'c', true],
      ]);
    });

    test('an extension that is not there fails', async () => {
      const error = await failure(called((done) => open().loadExtension(on.file('no-such-extension'), done)));
      expect(error).toMatchObject({ code: 'SQLITE_ERROR' });
    });
  });

  describe('backup', () => {
    test('copies to a file, and tells its state', async () => {
      const db = open(on.file());
      await called((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)', done));
      const backup = await new Promise<ours.Backup>((resolve) => {
        const made = db.backup(on.file('copy.db'), () => resolve(made));
      });
      expect([backup.completed, backup.failed, backup.remaining, backup.pageCount]).toEqual([false, false, -1, -1]);
      expect(await called((done) => backup.step(-1, done))).toBe(true);
      expect([backup.completed, backup.failed, backup.remaining]).toEqual([true, false, 0]);
      expect(backup.pageCount).toBeGreaterThan(1);
      await called((done) => backup.finish(done));
      const copy = open(on.file('copy.db'));
      expect(await called((done) => copy.get('SELECT x FROM t', done))).toEqual({ x: 1 });
    });

    test('a file replaces what a database has', async () => {
      const source = open(on.file('source.db'));
      await called((done) => source.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)', done));
      for (const name of [':memory:', on.file('restored.db')]) {
        const db = open(name);
        await called((done) => db.exec('CREATE TABLE old (x); INSERT INTO old VALUES (1)', done));
        const backup = db.backup(on.file('source.db'), 'main', 'main', false);
        expect(await called((done) => backup.step(-1, done))).toBe(true);
        expect([backup.completed, backup.failed, backup.remaining, backup.pageCount]).toEqual([true, false, 0, 2]);
        expect([backup.filename, backup.filenameIsDest]).toEqual([on.file('source.db'), false]);
        await called((done) => backup.finish(done));
        expect(await called((done) => db.all('SELECT x FROM t', done))).toEqual([{ x: 1 }, { x: 2 }]);
        expect(await failure(called((done) => db.all('SELECT x FROM old', done)))).toMatchObject({
          code: 'SQLITE_ERROR',
        });
      }
    });

    test('names may be given for a copy to a file', async () => {
      const db = open(on.file());
      await called((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)', done));
      const backup = db.backup(on.file('copy.db'), 'main', 'main', true);
      await called((done) => backup.step(-1, done));
      await called((done) => backup.finish(done));
      expect(await called((done) => open(on.file('copy.db')).get('SELECT x FROM t', done))).toEqual({ x: 1 });
    });

    test.runIf(isOurs)('a file that is missing replaces nothing, and other schemas than main are refused', async () => {
      const db = open(on.file());
      await called((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)', done));
      const backup = db.backup(on.file('missing.db'), 'main', 'main', false);
      expect(await failure(called((done) => backup.step(-1, done)))).toMatchObject({
        code: 'SQLITE_CANTOPEN',
        errno: 14,
      });
      expect(await called((done) => db.get('SELECT x FROM t', done))).toEqual({ x: 1 });
      const refused = new Promise((resolve) => db.backup(on.file('x.db'), 'temp', 'main', false, resolve));
      expect(await refused).toMatchObject({ code: 'SQLITE_ERROR', message: expect.stringMatching(/main/) });
    });

    test('one that has ended fails with MISUSE, and errors that may be retried are BUSY and LOCKED', async () => {
      const backup = open(on.file()).backup(on.file('copy.db'));
      expect(backup.retryErrors).toEqual([sqlite3.BUSY, sqlite3.LOCKED]);
      await called((done) => backup.step(-1, done));
      await called((done) => backup.finish(done));
      expect(backup.idle).toBe(true);
      for (const call of [(done: any) => backup.step(-1, done), (done: any) => backup.finish(done)])
        expect(await failure(called(call))).toMatchObject({
          message: 'SQLITE_MISUSE: Backup is already finished',
          errno: 21,
        });
    });

    test.runIf(isOurs)('one whose step fails has failed', async () => {
      const backup = open(on.file()).backup(on.file('no/such/copy.db'));
      expect(await failure(called((done) => backup.step(-1, done)))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
      expect(() => backup.step(-1, 5 as any)).toThrow(TypeError);
      expect([backup.failed, backup.completed, backup.idle]).toEqual([true, false, true]);
      expect(await failure(called((done) => backup.step(-1, done)))).toMatchObject({ code: 'SQLITE_MISUSE' });
    });

    test('one that is finished early has failed', async () => {
      const db = open(on.file());
      const backup = db.backup(on.file('copy.db'));
      await called((done) => backup.finish(done));
      expect([backup.completed, backup.failed]).toEqual([false, true]);
    });
  });

  test.runIf(isOurs)('what differs: exact integers, no objects as values, one statement a call', async () => {
    const db = open();
    const big = 2n ** 60n;
    expect(await called((done) => db.get('SELECT ? AS x, typeof(?) AS t', [big, 2 ** 40], done))).toEqual({
      x: big,
      t: 'integer',
    });
    expect(await failure(called((done) => db.get('SELECT ?', [{}], done)))).toBeInstanceOf(TypeError);
    expect(await failure(called((done) => db.run('SELECT 1; SELECT 2', done)))).toMatchObject({
      code: 'ERR_STATEMENT_COUNT',
    });
  });

  test('a file is an ordinary database file', async () => {
    const db = open(on.file());
    await called((done) => db.exec('CREATE TABLE t (x)', done));
    await closed(db);
    expect(readFileSync(on.file()).subarray(0, 15).toString()).toBe('SQLite format 3');
    writeFileSync(on.file('text.db'), 'this is no database, however long it may be '.repeat(100));
    const text = open(on.file('text.db'));
    text.on('error', () => {});
    const error = await failure(called((done) => text.get('SELECT * FROM sqlite_schema', done)));
    expect(error).toMatchObject({ code: 'SQLITE_NOTADB' });
  });
});

test('verbose() lets an error name the place of the call', async () => {
  const db = new ours.Database(':memory:');
  expect(ours.verbose().Database).toBe(ours.Database);
  const error: Error = await new Promise((resolve) => {
    function theCaller() {
      db.run('SELEC 1', (failed) => resolve(failed as Error));
    }
    theCaller();
  });
  expect(error.stack).toMatch(/--> in SELEC 1\n\s+at theCaller/);
  db.close();
});
