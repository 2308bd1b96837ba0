import { symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();

async function source(rows = 1_000) {
  const db = await on.connect({}, on.file('source.db'));
  await db.exec('CREATE TABLE t (x); CREATE TABLE more (y)');
  await db.executeMany(
    'INSERT INTO t VALUES (?)',
    Array.from({ length: rows }, (_, i) => [i]),
  );
  return db;
}

test('restore() replaces a database by what a file holds, also one that is in use', async () => {
  const from = await source();
  for (const name of [':memory:', on.file('target.db')]) {
    const db = await on.connect({}, name);
    await db.exec('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2)');
    expect(await db.get('SELECT * FROM t')).toEqual({ a: 1, b: 2 });
    const { totalPages, remainingPages } = await db.restore(on.file('source.db'));
    expect([totalPages > 1, remainingPages]).toEqual([true, 0]);
    expect(await db.get('SELECT * FROM t')).toEqual({ x: 0 });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1_000 });
    expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
    await db.run('INSERT INTO t VALUES (1000)');
  }
  expect(await from.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1_000 });
});

test('a restored file has its new content after it is opened again, and other connections see it', async () => {
  await source();
  const [one, two] = [await on.connect(), await on.connect()];
  await one.exec('CREATE TABLE old (x)');
  expect(await two.all('SELECT * FROM old')).toEqual([]);
  await one.restore(on.file('source.db'));
  expect(await two.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1_000 });
  await one.close();
  expect(await (await on.connect()).get('SELECT count(*) AS n FROM t')).toEqual({ n: 1_000 });
});

test('restore() rejects a file that is missing, no database or a URI, and changes nothing', async () => {
  writeFileSync(on.file('text.db'), 'this is no database, however long it may be '.repeat(100));
  const db = await on.connect();
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  expect(await rejection(db.restore(on.file('missing.db')))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
  expect(await rejection(db.restore(on.file('text.db')))).toMatchObject({ code: 'SQLITE_NOTADB' });
  expect(await rejection(db.restore('file:source.db'))).toBeInstanceOf(RangeError);
  expect(await rejection(db.restore(5 as unknown as string))).toBeInstanceOf(TypeError);
  expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }]);
});

test('restore() rejects the database itself, also by another spelling or a link, and changes nothing', async () => {
  const db = await on.connect();
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  symlinkSync(on.file(), on.file('link.db'));
  symlinkSync(dirname(on.file()), on.file('folder'));
  const links = [on.file('link.db'), join(on.file('folder'), basename(on.file()))];
  // SQLite resolves no links on Windows.
  const names = [on.file(), relative(process.cwd(), on.file()), ...(process.platform === 'win32' ? [] : links)];
  for (const mode of ['wal', 'delete']) {
    await db.exec(`PRAGMA journal_mode = ${mode}`);
    for (const name of names) {
      expect(await rejection(db.restore(name)), name).toMatchObject({
        name: 'AiosqliteError',
        code: 'ERR_SAME_FILE',
        message: 'source is the database itself',
      });
    }
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }]);
  }
});

test('restore() rejects where the database is read only, in a transaction or being read', async () => {
  await source();
  const db = await on.connect();
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)');
  const reader = await on.connect({ readonly: true });
  expect(await rejection(reader.restore(on.file('source.db')))).toMatchObject({ code: 'SQLITE_READONLY' });
  await db.exec('BEGIN; SELECT * FROM t');
  expect(await rejection(db.restore(on.file('source.db')))).toMatchObject({ code: 'SQLITE_ERROR' });
  await db.exec('ROLLBACK');
  const rows = db.iterate('SELECT x FROM t', [], { batchSize: 1 });
  await rows.next();
  expect(await rejection(db.restore(on.file('source.db')))).toMatchObject({ code: 'SQLITE_ERROR' });
  await rows.return();
  expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }, { x: 2 }]);
});

test('restore() waits for a lock of the source, and rejects when it has waited long enough', async () => {
  const from = await source();
  await from.exec('PRAGMA journal_mode = delete; BEGIN EXCLUSIVE');
  const db = await on.connect({ busyTimeoutMs: 50 });
  await db.exec('CREATE TABLE kept (x)');
  expect(await rejection(db.restore(on.file('source.db')))).toMatchObject({ code: 'SQLITE_BUSY' });
  expect(await db.all('SELECT * FROM kept')).toEqual([]);
  await from.exec('ROLLBACK');
  await db.restore(on.file('source.db'));
  expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1_000 });
});
