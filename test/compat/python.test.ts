/** Behaviours that users of Python's aiosqlite rely on, in our own words. What differs, and why: docs/explanation/compatibility.md. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { connect, julianDay, type TracedCall } from 'aiosqlite';
import { expect, test } from 'vitest';
import { collect } from '../connection/features/support/rows.js';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { ENDLESS, until } from '../support/time.js';

const on = databases();

test('a connection is opened by await, used, and closed', async () => {
  const db = await connect(on.file());
  expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
  await db.close();
});

test('leaving a block closes the connection, as `async with` does', async () => {
  const db = await connect(on.file());
  await db[Symbol.asyncDispose]();
  expect(await rejection(db.get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
});

test('closing twice is no error', async () => {
  const db = await connect(on.file());
  await db.close();
  await db.close();
});

test('a database that cannot be opened is an error of the await, and leaves no thread behind', async () => {
  expect(await rejection(connect(on.file('no/such/folder.db')))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
});

test('calls on a closed connection are errors, and do not hang', async () => {
  const db = await on.connect();
  await db.close();
  for (const call of [db.run('SELECT 1'), db.exec('SELECT 1'), db.iterate('SELECT 1').next()]) {
    expect(await rejection(call)).toMatchObject({ code: 'ERR_CLOSED' });
  }
});

test('rows come by index and by name, as with aiosqlite.Row', async () => {
  const db = await on.connect();
  expect(await db.get("SELECT 1 AS i, 'two' AS k")).toEqual({ i: 1, k: 'two' });
  expect(await db.get("SELECT 1 AS i, 'two' AS k", [], { rowMode: 'array' })).toEqual([1, 'two']);
});

test('fetchall, fetchone and a loop give the same rows', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (i INTEGER, k INTEGER)');
  await db.executeMany('INSERT INTO foo VALUES (?, ?)', [
    [1, 5],
    [2, 6],
    [3, 7],
  ]);
  const all = await db.all('SELECT * FROM foo ORDER BY i');
  expect(await collect(db.iterate('SELECT * FROM foo ORDER BY i'))).toEqual(all);
  expect(await db.get('SELECT * FROM foo ORDER BY i')).toEqual(all[0]);
  expect(await db.get('SELECT * FROM foo WHERE i = 100')).toBeUndefined();
});

test('a loop that is left half-way leaves nothing behind', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (i); INSERT INTO foo VALUES (1), (2), (3)');
  for await (const _ of db.iterate('SELECT * FROM foo', [], { batchSize: 1 })) break;
  await db.exec('DROP TABLE foo');
});

test('many coroutines share one connection, each with its own answer', async () => {
  const db = await on.connect();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => db.get('SELECT ? AS i', [i])));
  expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => ({ i })));
});

test('many connections share one file', async () => {
  const first = await on.connect({ journalMode: 'wal' });
  await first.exec('CREATE TABLE foo (i)');
  const others = await Promise.all(Array.from({ length: 10 }, () => on.connect()));
  await Promise.all(others.map((db, i) => db.run('INSERT INTO foo VALUES (?)', [i])));
  expect(await first.get('SELECT count(*) AS n FROM foo')).toEqual({ n: 10 });
});

test('description: names of the columns, without a row too', async () => {
  const db = await on.connect();
  expect((await db.query('SELECT 1 AS a, 2 AS b WHERE 0')).columns).toEqual(['a', 'b']);
  expect((await db.describe('SELECT 1 AS a')).columns).toEqual([{ name: 'a' }]);
});

test('executemany is one transaction', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (i UNIQUE)');
  expect(await rejection(db.executeMany('INSERT INTO foo VALUES (?)', [[1], [2], [1]]))).toMatchObject({
    code: 'SQLITE_CONSTRAINT_UNIQUE',
  });
  expect(await db.get('SELECT count(*) AS n FROM foo')).toEqual({ n: 0 });
});

test('executescript runs any number of statements', async () => {
  const db = await on.connect();
  await db.exec("CREATE TABLE foo (i, k TEXT); INSERT INTO foo VALUES (1, 'a'); INSERT INTO foo VALUES (2, 'b');");
  expect(await db.get('SELECT count(*) AS n FROM foo')).toEqual({ n: 2 });
});

test('in_transaction and total_changes are properties', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (i)');
  await db.exec('BEGIN');
  await db.run('INSERT INTO foo VALUES (1), (2)');
  expect([db.inTransaction, db.totalChanges]).toEqual([true, 2]);
  await db.exec('ROLLBACK');
  expect(db.inTransaction).toBe(false);
});

test('create_function, deterministic or not', async () => {
  const db = await on.connect();
  await db.createFunction('no_arg', () => 42);
  await db.createFunction('one_arg', (a) => Number(a) * 2, { deterministic: true });
  await db.exec('CREATE TABLE foo (i); CREATE INDEX by_twice ON foo (one_arg(i)); INSERT INTO foo VALUES (no_arg())');
  expect(await db.get('SELECT one_arg(i) AS x FROM foo')).toEqual({ x: 84 });
});

test('an error of SQLite keeps its name', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (i PRIMARY KEY)');
  await db.run('INSERT INTO foo VALUES (1)');
  expect(await rejection(db.run('INSERT INTO foo VALUES (1)'))).toMatchObject({
    name: 'SqliteError',
    code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
  });
  expect(await rejection(db.run('SELEKT'))).toMatchObject({ code: 'SQLITE_ERROR' });
});

test('interrupt() ends what runs', async () => {
  const db = await on.connect();
  const running = rejection(db.get(ENDLESS));
  await until(() => db.stats().running);
  db.interrupt();
  expect(await running).toMatchObject({ code: 'SQLITE_INTERRUPT' });
});

test('an abandoned call does not take the connection with it, as a cancelled task must not', async () => {
  const db = await on.connect();
  const abort = new AbortController();
  const running = rejection(db.get(ENDLESS, [], { signal: abort.signal }));
  abort.abort('cancelled');
  expect(await running).toBe('cancelled');
  expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
});

test('iterdump gives what sqlite3 gives for the same tables', async () => {
  const db = await on.connect({}, ':memory:');
  await db.exec(`
    CREATE TABLE "index" ("index" blob);
    INSERT INTO "index" VALUES (x'01');
    CREATE TABLE "quoted""table" ("quoted""field" TEXT);
    INSERT INTO "quoted""table" VALUES ('quoted''value');
    CREATE TRIGGER t AFTER INSERT ON "index" BEGIN SELECT 1; END;
    CREATE VIEW v AS SELECT 1`);
  expect(await collect(db.dump())).toEqual([
    'PRAGMA foreign_keys=OFF;',
    'BEGIN TRANSACTION;',
    'CREATE TABLE "index" ("index" blob);',
    `INSERT INTO "index"("index") VALUES(X'01');`,
    'CREATE TABLE "quoted""table" ("quoted""field" TEXT);',
    `INSERT INTO "quoted""table"("quoted""field") VALUES('quoted''value');`,
    'CREATE TRIGGER t AFTER INSERT ON "index" BEGIN SELECT 1; END;',
    'CREATE VIEW v AS SELECT 1;',
    'COMMIT;',
  ]);
});

test('backup copies with progress', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (i); INSERT INTO foo VALUES (zeroblob(20000))');
  const remaining: number[] = [];
  await db.backup(on.file('copy.db'), {
    pagesPerStep: 1,
    onProgress: ({ remainingPages }) => remaining.push(remainingPages),
  });
  expect(remaining).toEqual([...remaining].sort((a, b) => b - a));
  expect(remaining.at(-1)).toBe(0);
  const copy = await on.connect({}, on.file('copy.db'));
  expect(await copy.get('SELECT length(i) AS n FROM foo')).toEqual({ n: 20_000 });
});

test('set_authorizer: what is denied is SQLITE_AUTH, None takes the rules away', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE foo (i)');
  await db.authorize({ deny: [{ action: 'insert', table: 'foo' }] });
  expect(await rejection(db.run('INSERT INTO foo VALUES (1)'))).toMatchObject({ code: 'SQLITE_AUTH' });
  await db.authorize(null);
  await db.run('INSERT INTO foo VALUES (1)');
});

test('a path is a text or, instead of a Path, a URL', async () => {
  for (const path of [on.file('a.db'), pathToFileURL(on.file('a.db'))]) {
    const db = await connect(path);
    await db.exec('CREATE TABLE IF NOT EXISTS t (x)');
    await db.close();
  }
  expect(existsSync(on.file('a.db'))).toBe(true);
});

test('set_trace_callback: each statement is told, without values', async () => {
  const db = await on.connect();
  const statements: string[] = [];
  const trace = (call: unknown) => void statements.push((call as TracedCall).sql);
  subscribe('aiosqlite:call', trace);
  await db.exec('CREATE TABLE t (x)');
  await db.run('INSERT INTO t VALUES (?)', ['value']);
  unsubscribe('aiosqlite:call', trace);
  await db.get('SELECT 1');
  expect(statements).toEqual(['CREATE TABLE t (x)', 'INSERT INTO t VALUES (?)']);
});

test('set_progress_handler, to end what takes too long: a deadline', async () => {
  const db = await on.connect();
  expect(await rejection(db.get(ENDLESS, [], { timeoutMs: 20 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
});

test('a connection that is left open is named by a warning, and does not keep the process alive', async () => {
  const forget = new URL('../lifecycle/children/forget.mjs', import.meta.url);
  const { code, stdout } = await run(forget, ['connections', on.file()], ['--expose-gc', '--no-warnings']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).warnings[0]).toBe(
    `AiosqliteWarning: A connection to ${on.file()} was garbage-collected without close()`,
  );
});

test('register_adapter, register_converter: what is bound and read shows in the call', async () => {
  const db = await on.connect();
  const at = new Date(Date.UTC(2026, 0, 31, 12));
  await db.exec('CREATE TABLE t (at REAL, data TEXT)');
  await db.run('INSERT INTO t VALUES (?, ?)', [julianDay.encode(at.getTime()), JSON.stringify({ a: [1] })]);
  const row = await db.get<{ at: number; data: unknown }>('SELECT * FROM t', [], { jsonColumns: ['data'] });
  expect(new Date(julianDay.decode(row?.at as number))).toEqual(at);
  expect(row?.data).toEqual({ a: [1] });
});
