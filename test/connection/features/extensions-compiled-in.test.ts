import type { Connection } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { collect, fillItems } from './support/rows.js';

const on = databases();
let db: Connection;
beforeEach(async () => {
  db = await on.connect();
});

describe('FTS5', () => {
  test('finds, ranks, marks and cuts out', async () => {
    await db.exec("CREATE VIRTUAL TABLE note USING fts5 (title, body, tokenize = 'porter unicode61')");
    await db.executeMany('INSERT INTO note VALUES (?, ?)', [
      ['Fox', 'The quick brown fox jumps over the lazy dog'],
      ['Dogs', 'Dogs are running. A dog barks'],
      ['Ärger', 'Über Ärger'],
    ]);
    const dogs = await db.all<{ title: string }>("SELECT title FROM note WHERE note MATCH 'dog' ORDER BY rank");
    expect(dogs.map(({ title }) => title)).toEqual(['Dogs', 'Fox']);
    expect(await db.get("SELECT highlight(note, 1, '[', ']') AS h FROM note WHERE note MATCH 'run*'")).toEqual({
      h: 'Dogs are [running]. A dog barks',
    });
    expect(await db.get("SELECT snippet(note, 1, '<', '>', '…', 3) AS s FROM note WHERE note MATCH 'lazy'")).toEqual({
      s: expect.stringContaining('<lazy>'),
    });
    expect(await db.get("SELECT title FROM note WHERE note MATCH 'body : arger'")).toEqual({ title: 'Ärger' });
    expect(await collect(db.iterate("SELECT bm25(note) AS b FROM note WHERE note MATCH 'dog OR fox'"))).toHaveLength(2);
  });

  test('tells a mistake in a query, and can be iterated, rolled back and checked', async () => {
    await db.exec('CREATE VIRTUAL TABLE note USING fts5 (body)');
    expect(await rejection(db.all('SELECT * FROM note WHERE note MATCH ?', ['"unbalanced']))).toMatchObject({
      code: 'SQLITE_ERROR',
    });
    const failing = db.transaction(async (tx) => {
      await tx.run("INSERT INTO note VALUES ('gone')");
      throw new Error('back');
    });
    await rejection(failing);
    await Promise.all(['one', 'two'].map((body) => db.run('INSERT INTO note VALUES (?)', [body])));
    expect(await db.all("SELECT body FROM note WHERE note MATCH 'gone OR one OR two'")).toHaveLength(2);
    await db.run("INSERT INTO note (note) VALUES ('integrity-check')");
    expect((await db.integrityCheck()).ok).toBe(true);
  });

  test('is read and written on a pool', async () => {
    const pool = on.pool({ database: on.file('pool.db') });
    await pool.exec('CREATE VIRTUAL TABLE note USING fts5 (body)');
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => pool.run('INSERT INTO note VALUES (?)', [`note number${i}`])),
    );
    expect(await pool.all("SELECT body FROM note WHERE note MATCH 'number7'")).toEqual([{ body: 'note number7' }]);
  });
});

describe('JSON', () => {
  test('reads, changes, groups and takes apart', async () => {
    const text = '{"a":[1,{"b":2}],"c":"ä"}';
    expect(await db.get("SELECT ? ->> '$.a[1].b' AS b, json_extract(?, '$.c') AS c", [text, text])).toEqual({
      b: 2,
      c: 'ä',
    });
    expect(await db.get("SELECT json_set(?, '$.d', json('[true]')) AS j", [text], { jsonColumns: ['j'] })).toEqual({
      j: { a: [1, { b: 2 }], c: 'ä', d: [true] },
    });
    expect(await db.all('SELECT key, atom FROM json_tree(?) WHERE atom IS NOT NULL', [text])).toEqual([
      { key: 0, atom: 1 },
      { key: 'b', atom: 2 },
      { key: 'c', atom: 'ä' },
    ]);
    expect(await db.get('SELECT json_group_array(value) AS j FROM json_each(?)', ['[3,1]'])).toEqual({ j: '[3,1]' });
    expect(await db.get('SELECT json_patch(?, ?) AS j', ['{"a":1,"b":2}', '{"b":null}'])).toEqual({ j: '{"a":1}' });
    expect(await rejection(db.get("SELECT json('{')"))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('has its binary form', async () => {
    const row = await db.get<{ b: Uint8Array; j: string }>("SELECT jsonb('[1,2]') AS b, json(jsonb('[1,2]')) AS j");
    expect(row?.b).toBeInstanceOf(Uint8Array);
    expect(row?.j).toBe('[1,2]');
  });
});

describe('R*Tree', () => {
  test('finds what overlaps, in reals and in integers', async () => {
    await db.exec(
      'CREATE VIRTUAL TABLE box USING rtree (id, x1, x2, y1, y2, +name); CREATE VIRTUAL TABLE whole USING rtree_i32 (id, a, b)',
    );
    await db.executeMany(
      'INSERT INTO box VALUES (?, ?, ?, ?, ?, ?)',
      Array.from({ length: 500 }, (_, i) => [i, i, i + 1.5, -i, -i + 0.5, `box ${i}`]),
    );
    expect(await db.all('SELECT id, name FROM box WHERE x1 <= 101 AND x2 >= 100.2 AND y1 > -101')).toEqual([
      { id: 99, name: 'box 99' },
      { id: 100, name: 'box 100' },
    ]);
    await db.run('INSERT INTO whole VALUES (1, 5, 10)');
    expect(await db.get('SELECT a, b FROM whole WHERE a < 6')).toEqual({ a: 5, b: 10 });
    expect(await db.get("SELECT rtreecheck('box') AS ok")).toEqual({ ok: 'ok' });
  });
});

describe('geopoly', () => {
  test('stores polygons and finds those that a point is in', async () => {
    await db.exec('CREATE VIRTUAL TABLE area USING geopoly (name)');
    await db.executeMany('INSERT INTO area (_shape, name) VALUES (?, ?)', [
      ['[[0,0],[4,0],[4,4],[0,4],[0,0]]', 'square'],
      ['[[10,10],[12,10],[11,12],[10,10]]', 'triangle'],
    ]);
    expect(await db.all('SELECT name FROM area WHERE geopoly_contains_point(_shape, 1, 1)')).toEqual([
      { name: 'square' },
    ]);
    expect(await db.get("SELECT geopoly_area(_shape) AS a FROM area WHERE name = 'square'")).toEqual({ a: 16 });
    expect(
      await db.all('SELECT name FROM area WHERE geopoly_overlap(_shape, ?)', ['[[11,11],[13,11],[13,13],[11,11]]']),
    ).toEqual([{ name: 'triangle' }]);
  });
});

describe('math functions', () => {
  test('are there', async () => {
    const row = await db.get<Record<string, number>>(
      'SELECT sqrt(2) AS a, pi() AS b, pow(2, 10) AS c, ln(exp(1)) AS d, ceil(1.2) AS e, mod(7, 3) AS f, atan2(1, 1) AS g, log(2, 8) AS h, trunc(-1.5) AS i',
    );
    const expected = { a: Math.SQRT2, b: Math.PI, c: 1024, d: 1, e: 2, f: 1, g: Math.PI / 4, h: 3, i: -1 };
    for (const [key, value] of Object.entries(expected)) expect(row?.[key]).toBeCloseTo(value, 12);
    expect(await db.get('SELECT sqrt(-1) AS a, ln(0) AS b')).toEqual({ a: null, b: null });
  });
});

describe('percentile', () => {
  test('gives medians and percentiles, as aggregates and as windows', async () => {
    await fillItems(db, 101);
    expect(
      await db.get(
        'SELECT median(id) AS m, percentile(id, 90) AS p, percentile_cont(id, 0.25) AS c, percentile_disc(id, 0.25) AS d FROM item',
      ),
    ).toEqual({
      m: 51,
      p: 91,
      c: 26,
      d: 26,
    });
    const windows = await db.all<{ m: number }>(
      'SELECT median(id) OVER (ORDER BY id ROWS 2 PRECEDING) AS m FROM item LIMIT 4',
    );
    expect(windows.map(({ m }) => m)).toEqual([1, 1.5, 2, 3]);
  });
});

describe('dbstat', () => {
  test('tells how much space each table takes', async () => {
    await fillItems(db, 5_000);
    await db.exec('CREATE INDEX by_name ON item (name)');
    const rows = await db.all<{ name: string; pages: number }>(
      'SELECT name, sum(pageno IS NOT NULL) AS pages FROM dbstat GROUP BY name ORDER BY name',
    );
    expect(rows.map(({ name }) => name)).toEqual(['by_name', 'item', 'sqlite_schema']);
    const { page_count: count } = (await db.get<{ page_count: number }>('PRAGMA page_count'))!;
    expect(rows.reduce((sum, { pages }) => sum + pages, 0)).toBe(count);
    expect(await db.get("SELECT pgsize > 0 AS ok FROM dbstat WHERE name = 'item' AND aggregate = TRUE")).toEqual({
      ok: 1,
    });
  });
});

describe('session', () => {
  test('records and applies, as changesets.test.ts shows at length', async () => {
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY)');
    const recorder = await db.recordChanges();
    await db.run('INSERT INTO t VALUES (1)');
    const changes = await recorder.changeset();
    await recorder.close();
    await db.run('DELETE FROM t');
    await db.applyChangeset(changes);
    expect(await db.all('SELECT * FROM t')).toEqual([{ id: 1 }]);
  });
});

describe('carray', () => {
  test('reads an array parameter, as carray.test.ts shows at length', async () => {
    expect(await db.all('SELECT value FROM carray(?)', [[2, 3]])).toEqual([{ value: 2 }, { value: 3 }]);
    expect(await db.all("SELECT name FROM pragma_module_list WHERE name = 'carray'")).toHaveLength(1);
  });

  test('json_each() takes a list of mixed values, as one text', async () => {
    await fillItems(db, 10);
    const ids = JSON.stringify([2, 3, 5]);
    expect(await db.all('SELECT id FROM item WHERE id IN (SELECT value FROM json_each(?))', [ids])).toEqual([
      { id: 2 },
      { id: 3 },
      { id: 5 },
    ]);
  });
});

describe('what SQLite has of itself', () => {
  test('common table expressions, windows, upserts, RETURNING, STRICT and generated columns', async () => {
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, twice INTEGER AS (n * 2)) STRICT');
    expect(await db.all('INSERT INTO t (n) VALUES (1), (2) RETURNING id, twice')).toEqual([
      { id: 1, twice: 2 },
      { id: 2, twice: 4 },
    ]);
    expect(
      await db.get('INSERT INTO t (id, n) VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET n = n + excluded.n RETURNING n'),
    ).toEqual({ n: 6 });
    expect(await db.all('SELECT id, row_number() OVER (ORDER BY n DESC) AS place FROM t ORDER BY id')).toEqual([
      { id: 1, place: 1 },
      { id: 2, place: 2 },
    ]);
    expect(await rejection(db.run("INSERT INTO t (n) VALUES ('text')"))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_DATATYPE',
    });
  });

  test('double-quoted texts are no texts: a mistyped column is an error', async () => {
    await fillItems(db, 1);
    expect(await rejection(db.all('SELECT "nothing" FROM item'))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(await rejection(db.all('SELECT * FROM item WHERE name = "item 1"'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });
});
