/** Behaviours that users of sqlite3 (node-sqlite3) rely on, in our own words. What differs, and why: docs/explanation/compatibility.md. */
import { connect } from 'aiosqlite';
import { expect, test } from 'vitest';
import { collect } from '../connection/features/support/rows.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { ENDLESS, until } from '../support/time.js';

const on = databases();

test('opening a file in a folder that is not there fails with CANTOPEN', async () => {
  expect(await rejection(connect(on.file('no/such.db')))).toMatchObject({ code: 'SQLITE_CANTOPEN', errcode: 14 });
});

test('opening read only does not create a file', async () => {
  expect(await rejection(connect(on.file('x.db'), { readonly: true }))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
});

test('a shared database in memory, by its URI', async () => {
  const uri = 'file:/compat?vfs=memdb';
  const [a, b] = [await on.connect({}, uri), await on.connect({}, uri)];
  await a.exec('CREATE TABLE foo (id INT)');
  await b.run('INSERT INTO foo VALUES (1)');
  expect(await a.all('SELECT * FROM foo')).toEqual([{ id: 1 }]);
});

test('many inserts without waiting, then all rows are there', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (txt TEXT, num INTEGER, flt REAL, blb BLOB)');
  await Promise.all(
    Array.from({ length: 1_000 }, (_, i) =>
      db.run('INSERT INTO foo VALUES (?, ?, ?, ?)', [`String ${i}`, i, i * Math.PI, null]),
    ),
  );
  const rows = await db.all('SELECT txt, num, flt, blb FROM foo ORDER BY num');
  expect(rows).toEqual(
    Array.from({ length: 1_000 }, (_, i) => ({ txt: `String ${i}`, num: i, flt: i * Math.PI, blb: null })),
  );
});

test('each: row by row', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (id INT); INSERT INTO foo VALUES (1), (2), (3)');
  const seen: unknown[] = [];
  for await (const { id } of db.iterate('SELECT id FROM foo')) seen.push(id);
  expect(seen).toEqual([1, 2, 3]);
});

test('one statement, used again and again with other values', async () => {
  const db = await on.connect();
  for (let i = 0; i < 50; i++) expect(await db.get('SELECT ? + 1 AS n', [i])).toEqual({ n: i + 1 });
  expect(db.stats().statementCache.hits).toBeGreaterThan(45);
});

test('exec runs a file of statements, and none', async () => {
  const db = await on.connect();
  await db.exec('-- a comment\nCREATE TABLE grid (a);\n\nINSERT INTO grid VALUES (1);\n');
  await db.exec('');
  expect(await db.all('SELECT * FROM grid')).toEqual([{ a: 1 }]);
});

test('an error names what is wrong, and where', async () => {
  const db = await on.connect();
  const error = await rejection(db.run('CREATE TALE foo text bar)'));
  expect(error).toMatchObject({
    name: 'SqliteError',
    code: 'SQLITE_ERROR',
    errcode: 1,
    offset: 7,
    sql: 'CREATE TALE foo text bar)',
  });
  expect(error.message).toContain('TALE');
  expect(await rejection(db.all('SELECT id FROM foo'))).toMatchObject({ message: 'no such table: foo' });
});

test("an error's stack shows the caller", async () => {
  const db = await on.connect();
  const { stack } = await rejection(db.run('SELEKT'));
  expect(stack).toContain('sqlite3.test.ts');
});

test('UNIQUE, NOT NULL, CHECK and others have codes of their own', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE t (a UNIQUE, b NOT NULL, c CHECK (c > 0))');
  await db.run('INSERT INTO t VALUES (1, 1, 1)');
  const code = async (values: string) => (await rejection(db.run(`INSERT INTO t VALUES (${values})`))).code;
  expect(await code('1, 1, 1')).toBe('SQLITE_CONSTRAINT_UNIQUE');
  expect(await code('2, NULL, 1')).toBe('SQLITE_CONSTRAINT_NOTNULL');
  expect(await code('2, 1, -1')).toBe('SQLITE_CONSTRAINT_CHECK');
});

test('named parameters with each prefix', async () => {
  const db = await on.connect();
  expect(await db.get('SELECT $id AS a, :id AS b, @id AS c', { $id: 1, ':id': 2, '@id': 3 })).toEqual({
    a: 1,
    b: 2,
    c: 3,
  });
});

test('unicode goes in and out as it is', async () => {
  const db = await on.connect();
  const texts = ['ü', '漢字', '😀', '\u0000', '\u200b', 'a\u0308', '\uffff', 'x'.repeat(100_000)];
  for (const text of texts)
    expect(await db.get('SELECT ? AS t, length(?) AS n', [text, text])).toMatchObject({ t: text });
});

test('blobs go in and out as they are', async () => {
  const db = await on.connect();
  const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i % 256);
  const row = await db.get<{ b: Uint8Array }>('SELECT ? AS b', [bytes]);
  expect(Buffer.compare(row!.b, bytes)).toBe(0);
});

test('limits can be set', async () => {
  const db = await on.connect();
  await db.setLimit('attached', 0);
  expect(await rejection(db.exec("ATTACH ':memory:' AS zero"))).toMatchObject({ code: 'SQLITE_ERROR' });
  await db.setLimit('attached', 1);
  await db.exec("ATTACH ':memory:' AS zero");
});

test('interrupt() ends a long query, and the next one runs', async () => {
  const db = await on.connect();
  const running = rejection(db.get(ENDLESS));
  await until(() => db.stats().running);
  db.interrupt();
  expect(await running).toMatchObject({ code: 'SQLITE_INTERRUPT' });
  expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
});

test('close() waits for what is queued, and closes what is open', async () => {
  const db = await connect(on.file());
  await db.exec('CREATE TABLE foo (id INT); INSERT INTO foo VALUES (1), (2)');
  const rows = db.iterate('SELECT * FROM foo', [], { batchSize: 1 });
  await rows.next();
  const insert = db.run('INSERT INTO foo VALUES (3)');
  await db.close();
  expect(await insert).toMatchObject({ changes: 1 });
  expect(await rejection(db.run('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
});

test('backup in steps, a copy that is a database of its own', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (id INT); INSERT INTO foo VALUES (1)');
  await db.backup(on.file('copy.db'), { pagesPerStep: 1 });
  const copy = await on.connect({}, on.file('copy.db'));
  await copy.run('INSERT INTO foo VALUES (2)');
  expect(await db.get('SELECT count(*) AS n FROM foo')).toEqual({ n: 1 });
});

test('the change event, after the commit', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (id INTEGER PRIMARY KEY, value)');
  const events: unknown[] = [];
  db.onCommit((changes) =>
    events.push(...changes.map(({ operation, table, rowid }) => `${operation} ${table} ${rowid}`)),
  );
  await db.run("INSERT INTO foo VALUES (10, 'a')");
  await db.run("UPDATE foo SET value = 'b'");
  await db.run('DELETE FROM foo');
  expect(events).toEqual(['insert foo 10', 'update foo 10', 'delete foo 10']);
});

test('FTS5 and JSON are compiled in', async () => {
  const db = await on.connect();
  await db.exec("CREATE VIRTUAL TABLE t USING fts5 (content); INSERT INTO t VALUES ('hello world')");
  expect(await db.get("SELECT content FROM t WHERE t MATCH 'world'")).toEqual({ content: 'hello world' });
  expect(await db.get(`SELECT json('{ "ok": true }') AS j`)).toEqual({ j: '{"ok":true}' });
});

test('a PRAGMA gives its rows', async () => {
  const db = await on.connect();
  expect(await collect(db.iterate('PRAGMA table_list'))).not.toHaveLength(0);
  expect(await db.get('PRAGMA encoding')).toEqual({ encoding: 'UTF-8' });
});
