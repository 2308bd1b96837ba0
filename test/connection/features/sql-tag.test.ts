import { sql } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { collect } from './support/rows.js';

const on = databases();

describe('sql`…`', () => {
  test('makes a parameter of each value, and nothing of it becomes text', () => {
    const hostile = "'; DROP TABLE item; --";
    const query = sql`SELECT ${1}, ${hostile}, ${null}, ${2n}, ${true} FROM item`;
    expect(query.sql).toBe('SELECT ?, ?, ?, ?, ? FROM item');
    expect(query.params).toEqual([1, hostile, null, 2n, true]);
  });

  test('takes every value that can be bound, exactly', async () => {
    const db = await on.connect();
    const row = await db.get(
      sql`SELECT ${null} AS a, ${1.5} AS b, ${2n ** 62n} AS c, ${'ä'} AS d, ${new Uint8Array([1])} AS e, ${false} AS f`,
    );
    expect(row).toEqual({ a: null, b: 1.5, c: 2n ** 62n, d: 'ä', e: new Uint8Array([1]), f: 0 });
  });

  test('splices queries inside, with their values in place', () => {
    const condition = sql`author = ${'ada'}`;
    const order = sql`ORDER BY ${sql.id('time')} LIMIT ${10}`;
    const query = sql`SELECT * FROM note WHERE id > ${5} AND ${condition} ${order}`;
    expect(query.sql).toBe('SELECT * FROM note WHERE id > ? AND author = ? ORDER BY "time" LIMIT ?');
    expect(query.params).toEqual([5, 'ada', 10]);
  });

  test('can be used again and again, and changes nothing of what it splices', () => {
    const part = sql`x = ${1}`;
    const both = sql`${part} OR ${part}`;
    expect(both).toMatchObject({ sql: 'x = ? OR x = ?', params: [1, 1] });
    expect(sql`NOT (${both})`).toMatchObject({ sql: 'NOT (x = ? OR x = ?)', params: [1, 1] });
    expect(part).toMatchObject({ sql: 'x = ?', params: [1] });
  });

  test('an object that looks like a Query is a value, and no value that can be bound', async () => {
    const db = await on.connect();
    const fromOutside = JSON.parse('{"sql":"1; DROP TABLE item","params":[]}');
    const query = sql`SELECT ${fromOutside} AS x`;
    expect(query.sql).toBe('SELECT ? AS x');
    expect(await rejection(db.get(query))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  });

  test.each([
    ['undefined', undefined],
    ['an array of arrays', [[1], [2]]],
    ['a Date', new Date()],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
  ])('%s as a value rejects, naming its place', async (_, value) => {
    const db = await on.connect();
    expect(await rejection(db.get(sql`SELECT ${1}, ${value as never}`))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('params[1]'),
    });
  });

  test('a Query that is joined into a text is refused, not taken without its values', () => {
    const query = sql`author = ${'ada'}`;
    const thrown = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(() => `SELECT * FROM note WHERE ${query}`).toThrow(thrown);
    expect(() => `SELECT ${String(query)}`).toThrow(thrown);
    // biome-ignore lint/style/useTemplate: it is what is tested
    expect(() => 'WHERE ' + (query as never)).toThrow(thrown);
  });

  test.each([
    ['a text with a number in it', `SELECT ${1}`],
    ['an array of texts', ['SELECT ', ''] as never],
    ['nothing', undefined as never],
    ['a Query', sql`SELECT 1` as never],
  ])('called as a function with %s it is refused', (_, text) => {
    const call = sql as unknown as (text: unknown, ...values: unknown[]) => unknown;
    expect(() => call(text, 1)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }));
  });

  test('a backslash in it means what it means in any template', async () => {
    const db = await on.connect();
    expect(await db.get(sql`SELECT 'a\tb' AS x`)).toEqual({ x: 'a\tb' });
  });
});

describe('sql.id', () => {
  test('quotes a name, whatever it is', async () => {
    const db = await on.connect();
    for (const name of [
      'simple',
      'two words',
      'a"b',
      "it's",
      'select',
      '[x]',
      '`y`',
      'ä😀',
      '"; DROP TABLE t; --',
      '?1',
    ]) {
      await db.run(sql`CREATE TABLE ${sql.id(name)} (${sql.id(name)})`);
      await db.run(sql`INSERT INTO ${sql.id(name)} (${sql.id(name)}) VALUES (${name})`);
      expect(await db.all(sql`SELECT * FROM ${sql.id('main', name)}`)).toEqual([{ [name]: name }]);
    }
    expect(await db.get('SELECT count(*) AS n FROM sqlite_schema')).toEqual({ n: 10 });
  });

  test('makes a path of several names', () => {
    expect(sql.id('main', 'note', 'a"b')).toMatchObject({ sql: '"main"."note"."a""b"', params: [] });
  });

  test.each([
    ['no name', []],
    ['an empty name', ['']],
    ['a name with U+0000', ['a\0b']],
    ['undefined', [undefined]],
    ['a number', [1]],
  ])('refuses %s', (_, path) => {
    expect(() => sql.id(...(path as string[]))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_/) }),
    );
  });
});

describe('sql.join', () => {
  test('puts a separator between queries, by default a comma', () => {
    const queries = [sql`${1}`, sql`a = ${2}`, sql.id('b')];
    expect(sql.join(queries)).toMatchObject({ sql: '?, a = ?, "b"', params: [1, 2] });
    expect(sql.join(queries, ' OR ')).toMatchObject({ sql: '? OR a = ? OR "b"', params: [1, 2] });
    expect(sql.join([sql`x`])).toMatchObject({ sql: 'x', params: [] });
    expect(sql.join([])).toMatchObject({ sql: '', params: [] });
  });

  test('makes an IN list and a VALUES list', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE item (id, name)');
    const rows = [1, 2, 3].map((id) => sql`(${id}, ${`name ${id}`})`);
    await db.run(sql`INSERT INTO item VALUES ${sql.join(rows)}`);
    const ids = sql.join([1, 3].map((id) => sql`${id}`));
    expect(await db.all(sql`SELECT name FROM item WHERE id IN (${ids})`)).toEqual([
      { name: 'name 1' },
      { name: 'name 3' },
    ]);
  });

  test.each([
    ['what is no array', 'a' as never, undefined],
    ['texts', ['a'] as never, undefined],
    ['an object that looks like a Query', [{ sql: 'a' }], undefined],
    ['a separator that is no text', [sql`a`], 1 as never],
  ])('refuses %s', (_, queries, separator) => {
    expect(() => sql.join(queries, separator)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });
});

describe('a Query in place of (sql, params)', () => {
  test('is taken by every verb, of a connection, a transaction and a pool', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name)');
    const all = sql`SELECT name FROM item WHERE id > ${0}`;
    const verbs = async (executor: typeof db | ReturnType<typeof on.pool>) => {
      await executor.run(sql`DELETE FROM item WHERE id >= ${0}`);
      expect(await executor.run(sql`INSERT INTO item VALUES (${1}, ${'one'})`)).toEqual({
        changes: 1,
        lastInsertRowid: 1,
      });
      expect(await executor.get(all)).toEqual({ name: 'one' });
      expect(await executor.get(all, { rowMode: 'array' })).toEqual(['one']);
      expect(await executor.all(all, { rowMode: 'array' })).toEqual([['one']]);
      expect(await executor.query(all)).toMatchObject({ rows: [{ name: 'one' }], columns: ['name'] });
      expect(await collect(executor.iterate(all, { batchSize: 1 }))).toEqual([{ name: 'one' }]);
      expect((await executor.batch([all, sql`SELECT ${2} AS n`])).map(({ rows }) => rows)).toEqual([
        [{ name: 'one' }],
        [{ n: 2 }],
      ]);
    };
    await verbs(db);
    await verbs(on.pool());
    await db.transaction((tx) => verbs(tx as typeof db));
    expect((await db.describe(all)).parameters).toEqual(['?']);
  });

  test('may be a plain object, where the caller vouches for its text', async () => {
    const db = await on.connect();
    expect(await db.get({ sql: 'SELECT :a AS a', params: { a: 1 } })).toEqual({ a: 1 });
    expect(await db.get({ sql: 'SELECT 1 AS a' })).toEqual({ a: 1 });
  });

  test.each([
    ['null', null],
    ['a number', 1],
    ['an object without sql', { text: 'SELECT 1' }],
    ['an object whose sql is no text', { sql: 1 }],
  ])('%s is refused', async (_, query) => {
    const db = await on.connect();
    for (const call of [
      db.run(query as never),
      db.get(query as never),
      db.all(query as never),
      db.query(query as never),
    ]) {
      expect(await rejection(call)).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
  });
});
