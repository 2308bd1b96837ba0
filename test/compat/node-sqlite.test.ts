/** Behaviours that users of node:sqlite rely on, in our own words. What differs, and why: docs/explanation/compatibility.md. */
import { type Connection, connect, invertChangeset, sql } from 'aiosqlite';
import { expect, test } from 'vitest';
import { collect } from '../connection/features/support/rows.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();

async function data(): Promise<Connection> {
  const db = await on.connect();
  await db.exec(
    "CREATE TABLE data (key INTEGER PRIMARY KEY, val TEXT) STRICT; INSERT INTO data VALUES (1, 'one'), (2, 'two')",
  );
  return db;
}

test('a database in memory is private to its connection', async () => {
  const [a, b] = [await on.connect({}, ':memory:'), await on.connect({}, ':memory:')];
  await a.exec('CREATE TABLE t (x)');
  expect(await rejection(b.all('SELECT * FROM t'))).toMatchObject({ code: 'SQLITE_ERROR' });
});

test('arguments are checked with codes of Node', async () => {
  expect(await rejection(connect(1 as never))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  const db = await data();
  expect(await rejection(db.exec(1 as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(await rejection(db.createFunction('f', 1 as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
});

test('an error of SQLite carries its code, its number and its message', async () => {
  const db = await data();
  const error = await rejection(db.run("INSERT INTO data VALUES (1, 'again')"));
  expect(error).toMatchObject({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY', errcode: 1555 });
  expect(error.message).toContain('data.key');
  expect(await rejection(db.run("INSERT INTO data VALUES (3, x'00')"))).toMatchObject({ errcode: 3091 });
});

test('foreign keys are enforced by default, and need not be', async () => {
  const setup = 'CREATE TABLE foo (id INTEGER PRIMARY KEY); CREATE TABLE bar (foo REFERENCES foo (id))';
  const strict = await on.connect({}, ':memory:');
  await strict.exec(setup);
  expect(await rejection(strict.run('INSERT INTO bar VALUES (1)'))).toMatchObject({
    code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  });
  const loose = await on.connect({ foreignKeys: false }, ':memory:');
  await loose.exec(setup);
  await loose.run('INSERT INTO bar VALUES (1)');
});

test('double-quoted texts are no texts', async () => {
  const db = await data();
  expect(await rejection(db.get('SELECT * FROM data WHERE val = "one"'))).toMatchObject({ code: 'SQLITE_ERROR' });
});

test('all(), get(), iterate() and run()', async () => {
  const db = await data();
  expect(await db.all('SELECT * FROM data ORDER BY key')).toEqual([
    { key: 1, val: 'one' },
    { key: 2, val: 'two' },
  ]);
  expect(await db.get('SELECT val FROM data WHERE key = 3')).toBeUndefined();
  expect(await collect(db.iterate('SELECT key FROM data'))).toEqual([{ key: 1 }, { key: 2 }]);
  expect(await db.run("INSERT INTO data VALUES (9, 'nine')")).toEqual({ changes: 1, lastInsertRowid: 9 });
  expect(await db.run("UPDATE data SET val = 'x' WHERE key > 100")).toMatchObject({ changes: 0 });
});

test('setReturnArrays: rows as arrays', async () => {
  const db = await data();
  expect(await db.all('SELECT key, val, key FROM data WHERE key = 1', [], { rowMode: 'array' })).toEqual([
    [1, 'one', 1],
  ]);
});

test('the types of SQLite and of JavaScript', async () => {
  const db = await on.connect();
  const row = await db.get('SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f', [
    null,
    1,
    1.5,
    10n,
    'x',
    new Uint8Array([1]),
  ]);
  expect(row).toEqual({ a: null, b: 1, c: 1.5, d: 10, e: 'x', f: new Uint8Array([1]) });
  for (const value of [undefined, {}, [{}], Symbol('s'), () => {}]) {
    expect(await rejection(db.get('SELECT ?', [value as never]))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  }
});

test('named parameters, bare and prefixed', async () => {
  const db = await data();
  for (const params of [{ k: 1 }, { $k: 1 }]) {
    expect(await db.get('SELECT val FROM data WHERE key = $k', params)).toEqual({ val: 'one' });
  }
  expect(await rejection(db.get('SELECT $k', { k: 1, unknown: 2 }))).toMatchObject({ code: 'ERR_PARAMETERS' });
  expect(await rejection(db.get('SELECT $k', { k: 1, $k: 2 }))).toMatchObject({ code: 'ERR_PARAMETERS' });
});

test('setReadBigInts', async () => {
  const db = await on.connect({ integerMode: 'bigint' });
  expect(await db.get('SELECT 1 AS n')).toEqual({ n: 1n });
  const numbers = await on.connect({ integerMode: 'number' });
  expect(await rejection(numbers.get('SELECT 9007199254740992'))).toMatchObject({
    name: 'RangeError',
    code: 'ERR_OUT_OF_RANGE',
  });
});

test('blobs of no bytes, texts with U+0000', async () => {
  const db = await on.connect();
  expect(await db.get('SELECT ? AS b, ? AS t', [new Uint8Array(0), 'a\0b'])).toEqual({
    b: new Uint8Array(0),
    t: 'a\0b',
  });
});

test('functions: arity, varargs, results, exceptions', async () => {
  const db = await on.connect();
  await db.createFunction('two', (a, b) => `${a}-${b}`);
  await db.createFunction('many', (...all) => all.length);
  await db.createFunction('no_result', () => {});
  expect(await db.get("SELECT two('x', 1) AS a, many(1, 2, 3) AS b, no_result() AS c")).toEqual({
    a: 'x-1',
    b: 3,
    c: null,
  });
  for (const bad of [() => ({}), () => [], () => Promise.resolve(1)]) {
    await db.createFunction('bad', bad as never);
    expect(await rejection(db.get('SELECT bad()'))).toMatchObject({ code: 'ERR_FUNCTION' });
  }
  const reason = new Error('thrown');
  await db.createFunction('throws', () => {
    throw reason;
  });
  expect((await rejection(db.get('SELECT throws()'))).cause).toBe(reason);
});

test('aggregates: start, step, result, inverse', async () => {
  const db = await data();
  await db.createAggregate('joined', {
    start: () => [] as string[],
    step: (all, value) => [...all, String(value)],
    inverse: (all) => all.slice(1),
    result: (all) => all.join(),
  });
  expect(await db.get('SELECT joined(val) AS j FROM data')).toEqual({ j: 'one,two' });
  expect(await db.all('SELECT joined(val) OVER (ORDER BY key ROWS CURRENT ROW) AS j FROM data')).toEqual([
    { j: 'one' },
    { j: 'two' },
  ]);
});

test('sessions: what one database changes, another takes', async () => {
  const [a, b] = [await data(), await on.connect({}, ':memory:')];
  await b.exec('CREATE TABLE data (key INTEGER PRIMARY KEY, val TEXT) STRICT');
  const recorder = await a.recordChanges({ tables: ['data'] });
  await a.run("INSERT INTO data VALUES (3, 'three')");
  const changes = await recorder.changeset();
  expect((await recorder.patchset()).length).toBeLessThanOrEqual(changes.length);
  await recorder.close();
  await b.applyChangeset(changes);
  expect(await b.all('SELECT * FROM data')).toEqual([{ key: 3, val: 'three' }]);
  await b.applyChangeset(await invertChangeset(changes));
  expect(await b.all('SELECT * FROM data')).toEqual([]);
});

test('sessions: conflicts are abort, omit or replace', async () => {
  const [a, b] = [await data(), await on.connect({}, ':memory:')];
  await b.exec("CREATE TABLE data (key INTEGER PRIMARY KEY, val TEXT) STRICT; INSERT INTO data VALUES (3, 'ours')");
  const recorder = await a.recordChanges();
  await a.run("INSERT INTO data VALUES (3, 'theirs'), (4, 'new')");
  const changes = await recorder.changeset();
  await recorder.close();
  expect(await rejection(b.applyChangeset(changes))).toMatchObject({ code: 'SQLITE_ABORT' });
  await b.applyChangeset(changes, { onConflict: 'omit' });
  expect(await b.all('SELECT val FROM data')).toEqual([{ val: 'ours' }, { val: 'new' }]);
  await b.applyChangeset(changes, { onConflict: 'replace' });
  expect(await b.all('SELECT val FROM data')).toEqual([{ val: 'theirs' }, { val: 'new' }]);
});

test('sessions: a closed one is closed', async () => {
  const db = await data();
  const recorder = await db.recordChanges();
  await recorder.close();
  expect(await rejection(recorder.changeset())).toMatchObject({ code: 'ERR_CLOSED' });
});

test('backup: progress, abort, and a destination that cannot be written', async () => {
  const db = await data();
  await db.backup(on.file('copy.db'), { pagesPerStep: 1 });
  const copy = await on.connect({}, on.file('copy.db'));
  expect(await copy.get('SELECT count(*) AS n FROM data')).toEqual({ n: 2 });
  expect((await rejection(db.backup(on.file('no/such/folder.db')))).code).toMatch(/^SQLITE_CANTOPEN/);
});

test('isTransaction', async () => {
  const db = await data();
  expect(db.inTransaction).toBe(false);
  await db.exec('BEGIN');
  expect(db.inTransaction).toBe(true);
  await db.exec('ROLLBACK');
  expect(db.inTransaction).toBe(false);
});

test('limits: read, set, and out of range', async () => {
  const db = await data();
  const before = await db.setLimit('variableNumber', 2);
  expect(before).toBeGreaterThan(2);
  expect(await db.setLimit('variableNumber', before)).toBe(2);
  expect(await rejection(db.setLimit('attached', 2 ** 31))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
});

test('the tag makes parameters of values', async () => {
  const db = await data();
  expect(await db.get(sql`SELECT val FROM data WHERE key = ${2} AND val <> ${"'; DROP TABLE data"}`)).toEqual({
    val: 'two',
  });
});

test('statement columns', async () => {
  const db = await data();
  expect((await db.describe('SELECT key AS k, 1 + 1 FROM data')).columns).toEqual([
    { name: 'k', declaredType: 'INTEGER', database: 'main', table: 'data', column: 'key' },
    { name: '1 + 1' },
  ]);
});

test('Symbol.dispose, here asynchronous', async () => {
  const db = await connect(':memory:');
  await db[Symbol.asyncDispose]();
  expect(await rejection(db.get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
});
