/** Behaviours that users of better-sqlite3 rely on, in our own words. What differs, and why: docs/explanation/compatibility.md. */
import { connect, deserialize } from 'aiosqlite';
import { expect, test } from 'vitest';
import { collect } from '../connection/features/support/rows.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();

async function entries() {
  const db = await on.connect();
  await db.exec('CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT)');
  await db.run(
    "INSERT INTO entries WITH RECURSIVE t(a, b, c, d, e, x) AS (SELECT 'foo', 1, 3.14, x'dddddddd', NULL, 1 UNION ALL SELECT a, b + 1, c, d, e, x + 1 FROM t WHERE x < 10) SELECT a, b, c, d, e FROM t",
  );
  return db;
}

test('a readonly connection reads, and refuses to write', async () => {
  await (await entries()).close();
  const db = await on.connect({ readonly: true });
  expect(await db.get('SELECT count(*) AS n FROM entries')).toEqual({ n: 10 });
  expect(await rejection(db.run('DELETE FROM entries'))).toMatchObject({ code: 'SQLITE_READONLY' });
});

test('a missing file that must exist is an error, and is not created', async () => {
  expect(await rejection(connect(on.file('x.db'), { mustExist: true }))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
});

test('run() tells changes and lastInsertRowid', async () => {
  const db = await entries();
  expect(await db.run("INSERT INTO entries (a) VALUES ('x')")).toEqual({ changes: 1, lastInsertRowid: 11 });
  expect(await db.run('UPDATE entries SET a = 1 WHERE b <= 4')).toMatchObject({ changes: 4 });
  expect(await db.run('CREATE TABLE people (name TEXT)')).toMatchObject({ changes: 0 });
});

test('get(), all() and iterate() give rows as objects, in the order of the columns', async () => {
  const db = await entries();
  const row = { a: 'foo', b: 1, c: 3.14, d: new Uint8Array([0xdd, 0xdd, 0xdd, 0xdd]), e: null };
  expect(await db.get('SELECT * FROM entries ORDER BY rowid')).toEqual(row);
  expect(Object.keys((await db.get('SELECT * FROM entries'))!)).toEqual(['a', 'b', 'c', 'd', 'e']);
  const all = await db.all('SELECT * FROM entries ORDER BY rowid');
  expect(all).toEqual(Array.from({ length: 10 }, (_, i) => ({ ...row, b: i + 1 })));
  expect(await collect(db.iterate('SELECT * FROM entries ORDER BY rowid'))).toEqual(all);
});

test('get() of no row is undefined, all() of none is empty', async () => {
  const db = await entries();
  expect(await db.get('SELECT * FROM entries WHERE b > 100')).toBeUndefined();
  expect(await db.all('SELECT * FROM entries WHERE b > 100')).toEqual([]);
});

test('RETURNING gives its rows, and writes though only the first is asked for', async () => {
  const db = await entries();
  expect(await db.get("UPDATE entries SET e = 'x' RETURNING b")).toEqual({ b: 1 });
  expect(await db.get("SELECT count(*) AS n FROM entries WHERE e = 'x'")).toEqual({ n: 10 });
});

test('parameters go by place, by name with any prefix, and by number', async () => {
  const db = await entries();
  expect(await db.get('SELECT ? AS a, ? AS b', ['x', 5])).toEqual({ a: 'x', b: 5 });
  expect(await db.get('SELECT @a AS a, :b AS b, $c AS c', { a: 1, b: 2, c: 3 })).toEqual({ a: 1, b: 2, c: 3 });
  expect(await db.get('SELECT ?2 AS a, ?1 AS b', ['x', 5])).toEqual({ a: 5, b: 'x' });
});

test('too few, too many and foreign values are errors, and nothing runs', async () => {
  const db = await entries();
  for (const params of [[], [1], [1, 2, 3]]) {
    expect(await rejection(db.run('INSERT INTO entries (a, b) VALUES (?, ?)', params))).toMatchObject({
      code: 'ERR_PARAMETERS',
    });
  }
  for (const value of [undefined, {}, new Date(), Symbol('x'), () => {}, /x/]) {
    expect(await rejection(db.run('INSERT INTO entries (a) VALUES (?)', [value as never]))).toMatchObject({
      name: 'TypeError',
    });
  }
  expect(await db.get('SELECT count(*) AS n FROM entries')).toEqual({ n: 10 });
});

test('a Buffer goes in, and bytes of its own come out', async () => {
  const db = await entries();
  const buffer = Buffer.from('hello');
  const row = await db.get<{ b: Uint8Array }>('SELECT ? AS b', [buffer]);
  buffer.fill(0);
  expect(Buffer.from(row!.b).toString()).toBe('hello');
});

test('integers beyond 2^53 are exact as bigint, in both directions', async () => {
  const db = await entries();
  const big = 2n ** 62n + 1n;
  expect(await db.get('SELECT ? AS big', [big])).toEqual({ big });
  expect(await db.run('INSERT INTO entries (rowid) VALUES (?)', [big])).toEqual({ changes: 1, lastInsertRowid: big });
  expect(await rejection(db.get('SELECT ?', [2n ** 64n]))).toMatchObject({ name: 'RangeError' });
});

test('safeIntegers: all integers as bigint', async () => {
  const db = await on.connect({ integerMode: 'bigint' });
  expect(await db.get('SELECT 1 AS i, 1.5 AS r')).toEqual({ i: 1n, r: 1.5 });
});

test('exec() runs a script, and stops where it fails', async () => {
  const db = await on.connect();
  expect(await rejection(db.exec('CREATE TABLE a (x); CREATE TABLE a (x); CREATE TABLE b (x)'))).toMatchObject({
    code: 'SQLITE_ERROR',
  });
  expect(await db.all('SELECT name FROM sqlite_schema')).toEqual([{ name: 'a' }]);
});

test('one statement at a time, but for exec()', async () => {
  const db = await on.connect();
  for (const text of ['SELECT 1; SELECT 2', '', ';', '-- nothing']) {
    expect(await rejection(db.all(text))).toMatchObject({ code: 'ERR_STATEMENT_COUNT' });
  }
  expect(await db.get('SELECT 1 AS one; -- and a comment')).toEqual({ one: 1 });
});

test('PRAGMAs read and set', async () => {
  const db = await on.connect();
  expect(await db.get('PRAGMA user_version = 5')).toBeUndefined();
  expect(await db.get('PRAGMA user_version')).toEqual({ user_version: 5 });
  expect(await db.all('PRAGMA table_info(missing)')).toEqual([]);
});

test('a transaction commits, and rolls back with what is thrown', async () => {
  const db = await entries();
  const value = await db.transaction(async (tx) => {
    await tx.run('DELETE FROM entries WHERE b = 1');
    return 'value';
  });
  expect(value).toBe('value');
  const reason = new Error('back');
  const failing = db.transaction(async (tx) => {
    await tx.run('DELETE FROM entries');
    throw reason;
  });
  expect(await rejection(failing)).toBe(reason);
  expect(await db.get('SELECT count(*) AS n FROM entries')).toEqual({ n: 9 });
});

test('a nested transaction is a savepoint', async () => {
  const db = await entries();
  await db.transaction(async (tx) => {
    await tx.run('DELETE FROM entries WHERE b = 1');
    await tx
      .transaction(async (nested) => {
        await nested.run('DELETE FROM entries');
        throw new Error('back');
      })
      .catch(() => {});
  });
  expect(await db.get('SELECT count(*) AS n FROM entries')).toEqual({ n: 9 });
});

test('functions: names, arity, varargs, deterministic, directOnly, errors', async () => {
  const db = await on.connect();
  await db.createFunction('add2', (a, b) => Number(a) + Number(b));
  await db.createFunction('concat_all', (...all) => all.join(''));
  await db.createFunction('direct', () => 1, { directOnly: true });
  await db.exec('CREATE VIEW v AS SELECT direct() AS x');
  expect(await db.get("SELECT add2(1, 2) AS a, concat_all('a', 'b', 1) AS b, direct() AS c")).toEqual({
    a: 3,
    b: 'ab1',
    c: 1,
  });
  expect(await rejection(db.get('SELECT x FROM v'))).toMatchObject({ code: 'SQLITE_ERROR' });
  const reason = new TypeError('own');
  await db.createFunction('fails', () => {
    throw reason;
  });
  expect(await rejection(db.get('SELECT fails()'))).toMatchObject({ cause: reason });
});

test('aggregates, and windows by inverse', async () => {
  const db = await entries();
  await db.createAggregate('add_all', {
    start: () => 0,
    step: (total, next) => total + Number(next),
    inverse: (total, dropped) => total - Number(dropped),
    result: (total) => Math.round(total),
  });
  expect(await db.get('SELECT add_all(b) AS s FROM entries')).toEqual({ s: 55 });
  const rows = await db.all(
    'SELECT add_all(b) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS s FROM entries LIMIT 3',
  );
  expect(rows).toEqual([{ s: 3 }, { s: 6 }, { s: 9 }]);
});

test('an aggregate keeps each group apart, even with an array as its state', async () => {
  const db = await entries();
  await db.createAggregate('array_agg', {
    start: () => [] as unknown[],
    step(all, next) {
      all.push(next);
      return all;
    },
    result: (all) => JSON.stringify(all),
  });
  expect(await db.all('SELECT array_agg(b) AS a FROM entries GROUP BY b <= 2 ORDER BY 1')).toEqual([
    { a: '[1,2]' },
    { a: '[3,4,5,6,7,8,9,10]' },
  ]);
});

test('serialize() and opening the bytes again', async () => {
  const db = await entries();
  const copy = await deserialize(await db.serialize());
  expect(await copy.all('SELECT * FROM entries')).toEqual(await db.all('SELECT * FROM entries'));
  await copy.run('DELETE FROM entries');
  expect(await db.get('SELECT count(*) AS n FROM entries')).toEqual({ n: 10 });
  await copy.close();
});

test('backup(): to a file, with progress, never onto itself', async () => {
  const db = await entries();
  const progress: unknown[] = [];
  await db.backup(on.file('copy.db'), { onProgress: (step) => progress.push(step) });
  expect(progress.length).toBeGreaterThan(0);
  expect(await rejection(db.backup(on.file()))).toMatchObject({ code: 'ERR_SAME_FILE' });
});

test('columns of a statement, with origin and type', async () => {
  const db = await entries();
  expect((await db.describe('SELECT a, c AS x FROM entries')).columns).toEqual([
    { name: 'a', declaredType: 'TEXT', database: 'main', table: 'entries', column: 'a' },
    { name: 'x', declaredType: 'REAL', database: 'main', table: 'entries', column: 'c' },
  ]);
});

test('a column named __proto__ is a column', async () => {
  const db = await on.connect();
  const row = (await db.get('SELECT 1 AS "__proto__", 2 AS constructor'))!;
  expect(Object.keys(row)).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
});

test('extensions are refused until they are allowed', async () => {
  const db = await on.connect();
  expect(await rejection(db.loadExtension('/tmp/x.so'))).toMatchObject({ code: 'ERR_EXTENSIONS_DISABLED' });
  expect(await rejection(db.get("SELECT load_extension('/tmp/x.so')"))).toMatchObject({ code: 'SQLITE_ERROR' });
});
