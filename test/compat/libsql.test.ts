/** Behaviours that users of libsql (the `@libsql/client` interface over a local file) rely on, in our own words. What differs, and why: docs/explanation/compatibility.md. */
import { createPool, sql } from 'aiosqlite';
import { expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();

async function users() {
  const pool = on.pool();
  await pool.exec('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE)');
  return pool;
}

test('wrong options throw where the client is made, and a wrong path where it is used', async () => {
  expect(() => createPool({ database: 1 as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  expect(await rejection(on.pool({ database: on.file('no/such.db') }).query('SELECT 1'))).toMatchObject({
    code: 'SQLITE_CANTOPEN',
  });
});

test('a query gives columns, rows, changes and rowid', async () => {
  const pool = await users();
  expect(await pool.query("INSERT INTO users (name) VALUES ('ada')")).toEqual({
    columns: [],
    rows: [],
    changes: 1,
    lastInsertRowid: 1,
  });
  expect(await pool.query('SELECT 1 AS one, 2 AS two')).toMatchObject({
    columns: ['one', 'two'],
    rows: [{ one: 1, two: 2 }],
  });
  expect(await pool.query("INSERT INTO users (name) VALUES ('bob') RETURNING id, name")).toMatchObject({
    rows: [{ id: 2, name: 'bob' }],
    changes: 1,
  });
});

test('no row, and a row of NULLs', async () => {
  const pool = await users();
  expect(await pool.query('SELECT 1 AS x WHERE 0')).toMatchObject({ columns: ['x'], rows: [] });
  expect((await pool.query('SELECT NULL AS x')).rows).toEqual([{ x: null }]);
});

test('values make the way there and back', async () => {
  const pool = await users();
  const values = ['boomerang', 'žluťoučký kůň', 123, 1.5, null, 2n ** 60n, -(2n ** 62n), Infinity, -Infinity];
  for (const value of values) expect(await pool.get('SELECT ? AS v', [value])).toEqual({ v: value });
  expect(await pool.get('SELECT ? AS t, ? AS f', [true, false])).toEqual({ t: 1, f: 0 });
  expect(await pool.get('SELECT ? AS v', [new Uint8Array([1, 2])])).toEqual({ v: new Uint8Array([1, 2]) });
  expect(await rejection(pool.get('SELECT ?', [2n ** 100n]))).toMatchObject({ name: 'RangeError' });
});

test('arguments by place, by number and by name', async () => {
  const pool = await users();
  expect(await pool.get('SELECT ?, ?3, ?2', ['one', 'two', 'three'], { rowMode: 'array' })).toEqual([
    'one',
    'three',
    'two',
  ]);
  expect(await pool.get('SELECT $a AS a, :b AS b, @a AS c', { $a: 'one', ':b': 'two', '@a': 'three' })).toEqual({
    a: 'one',
    b: 'two',
    c: 'three',
  });
  expect(await rejection(pool.get('SELECT ?, ?', ['one']))).toMatchObject({ code: 'ERR_PARAMETERS' });
});

test("an error carries SQLite's extended code", async () => {
  const pool = await users();
  await pool.run("INSERT INTO users (name) VALUES ('ada')");
  expect(await rejection(pool.run("INSERT INTO users (name) VALUES ('ada')"))).toMatchObject({
    code: 'SQLITE_CONSTRAINT_UNIQUE',
    errcode: 2067,
  });
  expect(await rejection(pool.run('SELECT foobar'))).toMatchObject({ code: 'SQLITE_ERROR', errcode: 1 });
});

test('a batch is one transaction, and sees its own writes', async () => {
  const pool = await users();
  const results = await pool.batch([
    sql`INSERT INTO users (name) VALUES (${'ada'})`,
    { sql: 'SELECT name FROM users' },
    { sql: 'INSERT INTO users (name) VALUES (:name)', params: { name: 'bob' } },
    { sql: 'SELECT count(*) AS n FROM users' },
  ]);
  expect(results.map(({ rows }) => rows)).toEqual([[], [{ name: 'ada' }], [], [{ n: 2 }]]);
});

test('a batch that fails leaves nothing, and tells which query it was', async () => {
  const pool = await users();
  const error = await rejection(
    pool.batch([
      { sql: "INSERT INTO users (name) VALUES ('ada')" },
      { sql: 'SELECT foobar' },
      { sql: "INSERT INTO users (name) VALUES ('bob')" },
    ]),
  );
  expect(error).toMatchObject({ code: 'SQLITE_ERROR' });
  expect(await pool.all('SELECT * FROM users')).toEqual([]);
});

test('a batch can hold very many statements, and none', async () => {
  const pool = await users();
  const many = Array.from({ length: 1_000 }, (_, i) => ({
    sql: 'INSERT INTO users (name) VALUES (?)',
    params: [`user ${i}`],
  }));
  expect(await pool.batch(many)).toHaveLength(1_000);
  expect(await pool.get('SELECT count(*) AS n FROM users')).toEqual({ n: 1_000 });
  expect(await pool.batch([])).toEqual([]);
});

test('BEGIN and COMMIT have no place in a batch', async () => {
  const pool = await users();
  expect(await rejection(pool.batch([{ sql: 'BEGIN' }, { sql: 'COMMIT' }]))).toMatchObject({
    code: 'ERR_CONTROL_STATEMENT',
  });
});

test('transactions: committed, rolled back, and closed after their end', async () => {
  const pool = await users();
  let kept: { run(text: string): Promise<unknown> } | undefined;
  await pool.transaction(async (tx) => {
    kept = tx;
    await tx.run("INSERT INTO users (name) VALUES ('ada')");
    expect(await tx.get('SELECT count(*) AS n FROM users')).toEqual({ n: 1 });
  });
  expect(await rejection(kept!.run('SELECT 1'))).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
  const failing = pool.transaction(async (tx) => {
    await tx.run("INSERT INTO users (name) VALUES ('bob')");
    throw new Error('back');
  });
  expect(await rejection(failing)).toMatchObject({ message: 'back' });
  expect(await pool.all('SELECT name FROM users')).toEqual([{ name: 'ada' }]);
});

test('a transaction outlives an error of one of its statements', async () => {
  const pool = await users();
  await pool.transaction(async (tx) => {
    await tx.run("INSERT INTO users (name) VALUES ('ada')");
    expect(await rejection(tx.run('SELECT foobar'))).toMatchObject({ code: 'SQLITE_ERROR' });
    await tx.run("INSERT INTO users (name) VALUES ('bob')");
  });
  expect(await pool.get('SELECT count(*) AS n FROM users')).toEqual({ n: 2 });
});

test('a read transaction sees one snapshot, and refuses to write', async () => {
  const pool = await users();
  await pool.read(async (tx) => {
    expect(await tx.all('SELECT * FROM users')).toEqual([]);
    expect(await rejection(tx.run("INSERT INTO users (name) VALUES ('ada')"))).toMatchObject({
      code: 'SQLITE_READONLY',
    });
  });
});

test('transactions side by side wait for each other, and each sees the one before', async () => {
  const pool = await users();
  await pool.exec('CREATE TABLE counter (n); INSERT INTO counter VALUES (0)');
  await Promise.all(
    Array.from({ length: 50 }, () =>
      pool.transaction(async (tx) => {
        const { n } = (await tx.get<{ n: number }>('SELECT n FROM counter'))!;
        await tx.run('UPDATE counter SET n = ?', [n + 1]);
      }),
    ),
  );
  expect(await pool.get('SELECT n FROM counter')).toEqual({ n: 50 });
});

test('executeMultiple: a script, which stops where it fails', async () => {
  const pool = await users();
  await pool.exec("INSERT INTO users (name) VALUES ('ada'); INSERT INTO users (name) VALUES ('bob');");
  expect(
    await rejection(
      pool.exec("INSERT INTO users (name) VALUES ('cleo'); SELECT foobar; INSERT INTO users (name) VALUES ('dan')"),
    ),
  ).toMatchObject({
    code: 'SQLITE_ERROR',
  });
  expect(await pool.get('SELECT count(*) AS n FROM users')).toEqual({ n: 3 });
});

test('intMode: number, bigint', async () => {
  const numbers = on.pool({ integerMode: 'number' });
  expect(await numbers.get('SELECT 1 AS n')).toEqual({ n: 1 });
  expect(await rejection(numbers.get('SELECT 9007199254740993'))).toMatchObject({ name: 'RangeError' });
  const bigints = on.pool({ integerMode: 'bigint', database: ':memory:' });
  expect(await bigints.get('SELECT 1 AS n')).toEqual({ n: 1n });
});

test('types of columns', async () => {
  const pool = await users();
  await pool.withConnection(async (db) => {
    const { columns } = await db.describe('SELECT id, name, 1 AS x FROM users');
    expect(columns.map(({ declaredType }) => declaredType)).toEqual(['INTEGER', 'TEXT', undefined]);
  });
});

test('close() closes, and later calls reject', async () => {
  const pool = await users();
  await pool.close();
  expect(await rejection(pool.query('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
});
