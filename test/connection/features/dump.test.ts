import type { Connection } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { collect, fillItems } from './support/rows.js';

const on = databases();

/** Another database, made from the dump. */
async function rebuilt(db: Connection): Promise<Connection> {
  const copy = await on.connect({}, ':memory:');
  await copy.exec((await collect(db.dump())).join('\n'));
  return copy;
}

const SCHEMA = 'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name';

/** That the copy has the same schema and the same rows, with their types. */
async function expectSame(db: Connection, copy: Connection): Promise<void> {
  expect(await copy.all(SCHEMA)).toEqual(await db.all(SCHEMA));
  const tables = await db.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
  );
  for (const { name } of tables) {
    const rows = `SELECT * FROM "${name.replaceAll('"', '""')}"`;
    expect(await copy.all(rows), name).toEqual(await db.all(rows));
  }
  expect((await copy.integrityCheck()).ok).toBe(true);
}

describe('dump()', () => {
  test('gives the statements that rebuild the database, one by one', async () => {
    const db = await on.connect();
    await db.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, 'it''s'), (2, NULL)");
    expect(await collect(db.dump())).toEqual([
      'PRAGMA foreign_keys=OFF;',
      'BEGIN TRANSACTION;',
      'CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);',
      `INSERT INTO "t"("id","x") VALUES(1,'it''s');`,
      'INSERT INTO "t"("id","x") VALUES(2,NULL);',
      'COMMIT;',
    ]);
  });

  test('of an empty database rebuilds an empty one', async () => {
    const db = await on.connect();
    expect(await collect(db.dump())).toEqual(['PRAGMA foreign_keys=OFF;', 'BEGIN TRANSACTION;', 'COMMIT;']);
    await expectSame(db, await rebuilt(db));
  });

  test('keeps every value and its type', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const values = [
      null,
      0,
      -1,
      2n ** 63n - 1n,
      -(2n ** 63n),
      1.5,
      -0.1,
      1e300,
      5e-324,
      1 / 3,
      2 ** 53 + 0.5,
      Infinity,
      -Infinity,
      '',
      "'",
      '"; DROP TABLE t; --',
      'a\0b',
      '\0',
      'ä😀\n\r\t',
      '1',
      new Uint8Array(0),
      new Uint8Array([0, 39, 255]),
    ];
    await db.executeMany(
      'INSERT INTO t VALUES (?)',
      values.map((value) => [value]),
    );
    const copy = await rebuilt(db);
    const typed = 'SELECT x, typeof(x) AS type FROM t ORDER BY rowid';
    expect(await copy.all(typed)).toEqual(await db.all(typed));
  });

  test('keeps tables of every kind, indexes, views and triggers', async () => {
    const db = await on.connect();
    await db.exec(`
      CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, "na""me" TEXT COLLATE NOCASE DEFAULT 'x');
      CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (id) ON DELETE CASCADE);
      CREATE TABLE "two words" ("a b", "select");
      CREATE TABLE keyed (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
      CREATE TABLE exact (n INTEGER, t TEXT) STRICT;
      CREATE TABLE generated (a, b AS (a + 1), c AS (a * 2) STORED);
      CREATE TABLE vacant (x);
      CREATE INDEX by_name ON parent ("na""me");
      CREATE UNIQUE INDEX partial ON child (parent) WHERE parent > 5;
      CREATE VIEW children AS SELECT * FROM child;
      CREATE TRIGGER counted AFTER INSERT ON child BEGIN UPDATE parent SET "na""me" = 'touched' WHERE id = new.parent; END;
      INSERT INTO parent VALUES (1, 'one'), (7, 'seven');
      INSERT INTO child VALUES (1, 1), (2, 7);
      INSERT INTO "two words" VALUES (1, 2);
      INSERT INTO keyed VALUES ('b', 1), ('a', 2);
      INSERT INTO exact VALUES (1, 'x');
      INSERT INTO generated (a) VALUES (20)`);
    const copy = await rebuilt(db);
    await expectSame(db, copy);
    await copy.run(`INSERT INTO parent ("na""me") VALUES ('next')`);
    expect(await copy.get('SELECT max(id) AS id FROM parent')).toEqual({ id: 8 });
  });

  test('keeps the last ids of AUTOINCREMENT, whichever table came first and whether it is still there', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE first (id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE first');
    await rebuilt(db);
    await db.exec("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x DEFAULT 'autoincrement')");
    await expectSame(db, await rebuilt(db));
    await db.exec('INSERT INTO t (id) VALUES (7); DELETE FROM t');
    const copy = await rebuilt(db);
    await expectSame(db, copy);
    expect(await copy.run('INSERT INTO t (x) VALUES (1)')).toMatchObject({ lastInsertRowid: 8 });
  });

  test('keeps sequences that were reset, and those of tables without AUTOINCREMENT', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (7)');
    await db.exec('DELETE FROM sqlite_sequence');
    await expectSame(db, await rebuilt(db));
    await db.exec("CREATE TABLE sequence_maker (x); INSERT INTO sqlite_sequence VALUES ('sequence_maker', 3)");
    await expectSame(db, await rebuilt(db));
  });

  test.each(['/* never closed', '/* a -- b', "/* closed */ -- 'open", ", '-- text'", ", '/* text'"])(
    'keeps a view with %s at its end, and what follows it',
    async (end) => {
      const db = await on.connect();
      await db.exec('CREATE TABLE t (x)');
      await db.exec(`CREATE VIEW v AS SELECT 1 AS x ${end}`);
      await db.exec('CREATE VIEW w AS SELECT 2 AS x');
      const copy = await rebuilt(db);
      const names = 'SELECT name FROM sqlite_schema ORDER BY name';
      expect(await copy.all(names)).toEqual(await db.all(names));
      expect(await copy.all('SELECT * FROM v, w')).toEqual(await db.all('SELECT * FROM v, w'));
    },
  );

  test('keeps views, triggers and indexes with a comment at their end', async () => {
    const db = await on.connect();
    await db.exec(`
      CREATE TABLE t (x) -- of the table
      ;
      CREATE INDEX i ON t (x) WHERE x > 1 -- of the index
      ;
      CREATE VIEW v AS SELECT '--' AS x FROM t -- of the view
      ;
      CREATE TRIGGER w INSTEAD OF INSERT ON v BEGIN SELECT 1; END -- of the trigger
      ;`);
    const copy = await rebuilt(db);
    await expectSame(db, copy);
    const names = 'SELECT name FROM sqlite_schema ORDER BY name';
    expect(await copy.all(names)).toEqual(await db.all(names));
  });

  test('keeps what ANALYZE has found out', async () => {
    const db = await on.connect();
    await fillItems(db, 100);
    await db.exec('CREATE INDEX by_name ON item (name); ANALYZE');
    const copy = await rebuilt(db);
    expect(await copy.all('SELECT * FROM sqlite_stat1')).toEqual(await db.all('SELECT * FROM sqlite_stat1'));
  });

  test('keeps full-text and R*Tree indexes, and what they find', async () => {
    const db = await on.connect();
    await db.exec(`
      CREATE TABLE note (id INTEGER PRIMARY KEY, text);
      CREATE VIRTUAL TABLE search USING fts5 (text, author);
      CREATE VIRTUAL TABLE of_notes USING fts5 (text, content='note', content_rowid='id');
      CREATE VIRTUAL TABLE box USING rtree (id, x1, x2, +name);
      INSERT INTO note VALUES (10, 'a quick fox'), (20, 'a lazy dog');
      INSERT INTO search (rowid, text, author) VALUES (100, 'hello world', 'ada'), (300, 'bye', 'bob');
      INSERT INTO of_notes (of_notes) VALUES ('rebuild');
      INSERT INTO box VALUES (5, 1, 2, 'five'), (6, 10, 20, 'six')`);
    const copy = await rebuilt(db);
    for (const query of [
      "SELECT rowid, text, author FROM search WHERE search MATCH 'world'",
      'SELECT rowid, * FROM search ORDER BY rowid',
      "SELECT rowid, text FROM of_notes WHERE of_notes MATCH 'fox'",
      'SELECT * FROM box WHERE x1 < 5',
    ]) {
      const expected = await db.all(query);
      expect(expected.length, query).toBeGreaterThan(0);
      expect(await copy.all(query), query).toEqual(expected);
    }
    expect((await copy.integrityCheck()).ok).toBe(true);
  });

  test('can be dumped again, to the same statements', async () => {
    const db = await on.connect();
    await fillItems(db, 50);
    await db.exec('CREATE VIEW v AS SELECT 1');
    const first = await collect(db.dump());
    expect(await collect((await rebuilt(db)).dump())).toEqual(first);
  });

  test('of a large table comes row by row', async () => {
    const db = await on.connect();
    await fillItems(db, 20_000);
    let lines = 0;
    for await (const line of db.dump()) {
      lines++;
      expect(line.endsWith(';')).toBe(true);
    }
    expect(lines).toBe(20_004);
  });

  test('is of one moment, whatever others write meanwhile', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await fillItems(db, 2_000);
    const other = await on.connect();
    const lines: string[] = [];
    for await (const line of db.dump()) {
      lines.push(line);
      if (lines.length === 100) {
        await other.exec("UPDATE item SET name = 'changed'; DELETE FROM item WHERE id > 1000; CREATE TABLE later (x)");
      }
    }
    expect(lines).toHaveLength(2_004);
    expect(lines.join()).not.toContain('changed');
    expect(lines.join()).not.toContain('later');
  });

  test('does not keep its own connection from working: nothing waits for itself', async () => {
    const db = await on.connect();
    await fillItems(db, 10);
    await db.exec('CREATE TABLE log (x)');
    let lines = 0;
    for await (const _ of db.dump()) {
      lines++;
      expect(await db.get('SELECT count(*) AS n FROM item')).toEqual({ n: 10 });
      if (lines === 5) await db.transaction(async (tx) => tx.get('SELECT 1'));
    }
    expect(lines).toBe(15);
  });

  test('sees what an open transaction of the user has written', async () => {
    const db = await on.connect();
    await fillItems(db, 1);
    await db.exec("BEGIN; INSERT INTO item VALUES (2, 'open')");
    expect((await collect(db.dump())).join()).toContain('open');
    expect(db.inTransaction).toBe(true);
    await db.exec('ROLLBACK');
  });

  test('works on a reader of a pool, and beside calls of others', async () => {
    const pool = on.pool();
    await fillItems(pool, 10);
    await pool.withConnection(async (db) => expect(await collect(db.dump())).toHaveLength(14), { role: 'reader' });
  });

  test.each(['break', 'throw', 'return'])('that is left by %s lets go of everything', async (how) => {
    const db = await on.connect();
    await fillItems(db, 1_000);
    const dump = db.dump();
    const loop = async () => {
      for await (const _ of dump) {
        if (how === 'break') break;
        if (how === 'throw') throw new Error('thrown');
        await dump.return?.();
      }
    };
    await loop().catch(() => {});
    await db.exec('DROP TABLE item');
    expect(await db.get('PRAGMA journal_mode = wal')).toEqual({ journal_mode: 'wal' });
  });

  test('that is never begun holds nothing', async () => {
    const db = await on.connect();
    await fillItems(db, 1);
    db.dump();
    await db.exec('DROP TABLE item');
  });

  test('does not keep close() waiting, nor the process', async () => {
    const db = await on.connect();
    await fillItems(db, 1_000);
    const dump = db.dump();
    await dump.next();
    await db.close();
    expect(await rejection(collect(dump))).toMatchObject({ code: 'ERR_CLOSED' });
    const { code } = await run(new URL('support/open-at-exit.mjs', import.meta.url), [on.file(), 'dump']);
    expect(code).toBe(0);
  });

  test.each([
    ['over :memory:', { database: ':memory:' }],
    ['of one connection', { poolSize: 1 }],
    ['with readers', {}],
  ])('that is idle is ended by close() of a pool %s, and the process ends', async (_, options) => {
    const pool = on.pool(options);
    await fillItems(pool, 1_000);
    const dump = pool.dump();
    for (let i = 0; i < 5; i++) await dump.next();
    await pool.close();
    expect(await rejection(collect(dump))).toMatchObject({ code: 'ERR_CLOSED' });
    const args = [on.file('left.db'), JSON.stringify(options)];
    const { code } = await run(new URL('support/dump-left.mjs', import.meta.url), args);
    expect(code).toBe(0);
  });

  test('rejects on a closed connection, with the first statement', async () => {
    const db = await on.connect();
    await db.close();
    expect(await rejection(db.dump().next())).toMatchObject({ code: 'ERR_CLOSED' });
  });
});
