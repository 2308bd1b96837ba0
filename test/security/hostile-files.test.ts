import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();

/** A file as somebody else may have made it, with SQLite's own means: `schema` is put into sqlite_schema as it is. */
async function fileWith(script: string, name = 'hostile.db'): Promise<string> {
  const maker = await connect(on.file(name));
  await maker.exec(script);
  await maker.close();
  return on.file(name);
}

describe('a schema that somebody else has made', () => {
  test.each([
    ['a view', 'CREATE VIEW bait AS SELECT send(x) FROM t', 'SELECT * FROM bait'],
    ['a trigger', 'CREATE TRIGGER bait AFTER INSERT ON t BEGIN SELECT send(NEW.x); END', 'INSERT INTO t VALUES (1)'],
    ['a default', 'CREATE TABLE bait (x, y DEFAULT (send(1)))', 'INSERT INTO bait (x) VALUES (1)'],
    ['a CHECK', 'CREATE TABLE bait (x CHECK (send(x)))', 'INSERT INTO bait VALUES (1)'],
    ['a generated column', 'CREATE TABLE bait (x, y AS (send(x))); INSERT INTO bait VALUES (1)', 'SELECT * FROM bait'],
    ['an index', 'CREATE TABLE bait (x); CREATE INDEX i ON bait (send(x))', 'INSERT INTO bait VALUES (1)'],
  ])('can not call a directOnly function of the program, by %s', async (_, script, sql) => {
    // In the maker's own program it was harmless.
    const maker = await on.connect({}, on.file('hostile.db'));
    await maker.createFunction('send', (_x) => 1, { deterministic: true });
    await maker.exec(`CREATE TABLE t (x); INSERT INTO t VALUES (1); ${script}`);
    await maker.close();

    const db = await on.connect({}, on.file('hostile.db'));
    const sent: unknown[] = [];
    await db.createFunction('send', (x) => void sent.push(x), { deterministic: true, directOnly: true });
    // A schema that is no good without the function is refused as a whole; views, triggers and defaults at their use.
    const { code, message } = await rejection(db.all(sql));
    expect(code).toMatch(/^SQLITE_(ERROR|CORRUPT)$/);
    expect(message).toContain('unsafe use of send()');
    expect(sent).toEqual([]);
    await db.get('SELECT send(2)');
    expect(sent).toEqual([2]);
  });

  test('is read anew for it as often as it takes, and what is being read goes on', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3)');
    const rows = db.iterate('SELECT x FROM t', [], { batchSize: 1 });
    await rows.next();
    for (const name of ['one', 'two']) {
      await db.createFunction(name, (x) => x ?? null, { directOnly: true });
      expect(await rejection(db.exec(`CREATE TABLE bait_${name} (x CHECK (${name}(x)))`))).toMatchObject({
        code: 'SQLITE_ERROR',
      });
      expect(await db.get(`SELECT ${name}(x) AS x FROM t`)).toEqual({ x: 1 });
    }
    expect(await rows.next()).toMatchObject({ value: { x: 2 } });
    await rows.return?.();
  });

  test('loads no code', async () => {
    const file = await fileWith("CREATE TABLE t (x); CREATE VIEW bait AS SELECT load_extension('/tmp/x') AS x");
    const db = await on.connect({ allowExtensions: true }, file);
    expect(await rejection(db.get('SELECT * FROM bait'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('can not be written to by hand, nor can the tables behind a virtual table', async () => {
    const file = await fileWith('CREATE VIRTUAL TABLE note USING fts5 (text); CREATE TABLE t (x)');
    const db = await on.connect({}, file);
    for (const sql of [
      "UPDATE sqlite_schema SET sql = 'CREATE TABLE t (y)'",
      "INSERT INTO sqlite_schema VALUES ('trigger', 'x', 't', 0, 'x')",
      "INSERT INTO note_data VALUES (1, x'00')",
      'DELETE FROM note_config',
      'DROP TABLE note_data',
    ]) {
      await db.exec('PRAGMA writable_schema = 1');
      expect(await rejection(db.run(sql)), sql).toMatchObject({ code: 'SQLITE_ERROR' });
    }
    // Defensive mode: no journal could be switched off to break a file.
    await db.exec('PRAGMA journal_mode = off');
    expect(await db.get('PRAGMA journal_mode')).not.toEqual({ journal_mode: 'off' });
  });

  test('that is text without sense is an error', async () => {
    const file = await fileWith('CREATE TABLE target (x)');
    const bytes = readFileSync(file);
    bytes.write('CREATE TABEL', bytes.indexOf('CREATE TABLE target'));
    writeFileSync(file, bytes);
    expect((await rejection(connect(file).then((db) => db.all('SELECT * FROM target')))).code).toMatch(
      /^SQLITE_(CORRUPT|ERROR)$/,
    );
  });

  test('is checked cell by cell', async () => {
    const db = await on.connect({}, await fileWith('CREATE TABLE t (x)'));
    expect(await db.get('PRAGMA cell_size_check')).toEqual({ cell_size_check: 1 });
    expect(await db.get('PRAGMA trusted_schema')).toEqual({ trusted_schema: 0 });
  });

  test('keeps the program in control of time: a view without end is stopped by the deadline', async () => {
    const file = await fileWith(
      'CREATE VIEW bait AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n',
    );
    const db = await on.connect({}, file);
    expect(await rejection(db.get('SELECT * FROM bait', [], { timeoutMs: 50 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
  });
});
