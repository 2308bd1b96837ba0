import type { CallOptions, Connection, Executor } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
let db: Connection;

beforeEach(async () => {
  db = await on.connect({}, ':memory:');
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
});

const count = async () => (await db.get<{ n: number }>('SELECT count(*) AS n FROM t'))?.n;

describe('run()', () => {
  test('tells the changes and the rowid of its insert', async () => {
    expect(await db.run('INSERT INTO t (x) VALUES (?)', ['a'])).toEqual({ changes: 1, lastInsertRowid: 1 });
    expect(await db.run('INSERT INTO t (x) VALUES (1), (2), (3)')).toEqual({ changes: 3, lastInsertRowid: 4 });
    expect(await db.run('UPDATE t SET x = 0 WHERE id > 1')).toEqual({ changes: 3, lastInsertRowid: 0 });
    expect(await db.run('DELETE FROM t')).toEqual({ changes: 4, lastInsertRowid: 0 });
  });

  test('discards rows, and still runs to the end', async () => {
    expect(await db.run('SELECT 1')).toEqual({ changes: 0, lastInsertRowid: 0 });
    expect(await db.run('INSERT INTO t (x) VALUES (1), (2) RETURNING id')).toEqual({ changes: 2, lastInsertRowid: 2 });
    expect(await count()).toBe(2);
  });

  test('takes a Query in place of (sql, params)', async () => {
    const result = await db.run({ sql: 'INSERT INTO t (x) VALUES (?)', params: [5] }, { timeoutMs: 1_000 });
    expect(result).toEqual({ changes: 1, lastInsertRowid: 1 });
    expect(await db.run({ sql: 'DELETE FROM t' })).toEqual({ changes: 1, lastInsertRowid: 0 });
  });
});

describe('get()', () => {
  test('gives the first row, or undefined', async () => {
    expect(await db.get('SELECT id FROM t')).toBeUndefined();
    await db.run('INSERT INTO t (x) VALUES (1), (2)');
    expect(await db.get('SELECT id, x FROM t ORDER BY id DESC')).toEqual({ id: 2, x: 2 });
    expect(await db.get('SELECT id FROM t', [], { rowMode: 'array' })).toEqual([1]);
    expect(await db.get({ sql: 'SELECT id FROM t WHERE x = :x', params: { x: 2 } })).toEqual({ id: 2 });
  });

  test('does not step a read beyond its first row', async () => {
    expect(await db.get("SELECT 1 AS one UNION ALL SELECT json('not json')")).toEqual({ one: 1 });
  });

  test('runs a statement that writes to its end', async () => {
    expect(await db.get('INSERT INTO t (x) VALUES (1), (2), (3) RETURNING id')).toEqual({ id: 1 });
    expect(await count()).toBe(3);
  });

  test('a statement without columns gives undefined', async () => {
    expect(await db.get('INSERT INTO t (x) VALUES (1)')).toBeUndefined();
    expect(await count()).toBe(1);
  });
});

describe('all()', () => {
  test('gives all rows', async () => {
    await db.run('INSERT INTO t (x) VALUES (1), (2)');
    expect(await db.all('SELECT id, x FROM t')).toEqual([
      { id: 1, x: 1 },
      { id: 2, x: 2 },
    ]);
    expect(await db.all({ sql: 'SELECT id FROM t' }, { rowMode: 'array' })).toEqual([[1], [2]]);
    expect(await db.all('SELECT id FROM t WHERE 0')).toEqual([]);
    expect(await db.all('DELETE FROM t WHERE id = 1')).toEqual([]);
  });
});

describe('query()', () => {
  test('gives rows, columns, changes and rowid at once', async () => {
    expect(await db.query('INSERT INTO t (x) VALUES (7) RETURNING id, x AS "the x"')).toEqual({
      rows: [{ id: 1, 'the x': 7 }],
      columns: ['id', 'the x'],
      changes: 1,
      lastInsertRowid: 1,
    });
    expect(await db.query('SELECT id, id FROM t WHERE 0', [], { rowMode: 'array' })).toEqual({
      rows: [],
      columns: ['id', 'id'],
      changes: 0,
      lastInsertRowid: 0,
    });
    expect(await db.query('DELETE FROM t')).toEqual({ rows: [], columns: [], changes: 1, lastInsertRowid: 0 });
    expect(await db.query({ sql: 'PRAGMA user_version' })).toMatchObject({
      rows: [{ user_version: 0 }],
      columns: ['user_version'],
    });
  });
});

describe('exec()', () => {
  test('runs any number of statements, none too', async () => {
    await db.exec('');
    await db.exec(' -- nothing\n ; /* at all */ ;');
    await db.exec(
      "INSERT INTO t (x) VALUES (';'); -- a;b\n INSERT INTO t (x) VALUES (2); SELECT 1; DELETE FROM t WHERE id = 1",
    );
    expect(await db.all('SELECT id FROM t')).toEqual([{ id: 2 }]);
  });

  test('keeps statements with bodies of their own whole', async () => {
    await db.exec(`
      CREATE TABLE log (x);
      CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.x); INSERT INTO log VALUES ('twice'); END;
      INSERT INTO t (x) VALUES (1);`);
    expect(await db.get('SELECT count(*) AS n FROM log')).toEqual({ n: 2 });
  });

  test('stays where it failed, and tells where that is', async () => {
    const script = 'INSERT INTO t (x) VALUES (1); INSERT INTO nowhere VALUES (2); INSERT INTO t (x) VALUES (3)';
    const error = await rejection(db.exec(script));
    expect(error).toMatchObject({ code: 'SQLITE_ERROR', sql: script });
    expect(await count()).toBe(1);
    const syntax = await rejection(db.exec('SELECT 1; SELEKT 2'));
    expect(syntax).toMatchObject({ code: 'SQLITE_ERROR', offset: 10 });
  });

  test('takes no parameters', async () => {
    expect(await rejection(db.exec('INSERT INTO t (x) VALUES (?)'))).toMatchObject({ code: 'ERR_PARAMETERS' });
    expect(await rejection(db.exec('INSERT INTO t (x) VALUES (:x)'))).toMatchObject({ code: 'ERR_PARAMETERS' });
    const listed = await rejection(db.exec('INSERT INTO t (x) VALUES (?)', [1] as never));
    expect(listed).toMatchObject({ code: 'ERR_PARAMETERS', message: expect.stringContaining('use run()') });
    expect(await count()).toBe(0);
  });

  test.each([undefined, null, 1, {}, { sql: 'SELECT 1' }])('rejects %j in place of a script', async (script) => {
    expect(await rejection(db.exec(script as never))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('script'),
    });
  });
});

describe('executeMany()', () => {
  test('runs one statement with many parameter sets, and adds the changes', async () => {
    expect(await db.executeMany('INSERT INTO t (x) VALUES (?)', [[1], [2], [3]])).toEqual({ changes: 3 });
    expect(
      await db.executeMany(
        'UPDATE t SET x = :x WHERE id >= :id',
        [{ id: 2, x: 0 }, { $id: 3, ':x': 9 } as never].slice(0, 1),
      ),
    ).toEqual({ changes: 2 });
    expect(await db.executeMany('INSERT INTO t (x) VALUES (?)', [])).toEqual({ changes: 0 });
    expect(await db.executeMany('INSERT INTO t (x) VALUES (0)', [[], []])).toEqual({ changes: 2 });
    expect(await count()).toBe(5);
  });

  test('is all or nothing', async () => {
    await db.exec('CREATE UNIQUE INDEX x ON t (x)');
    const error = await rejection(db.executeMany('INSERT INTO t (x) VALUES (?)', [[1], [2], [1], [3]]));
    expect(error).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
    expect(await count()).toBe(0);
    expect(await rejection(db.executeMany('INSERT INTO t (x) VALUES (?)', [[1], [2, 3]]))).toMatchObject({
      code: 'ERR_PARAMETERS',
    });
    expect(await count()).toBe(0);
  });

  test('is all or nothing when a deferred foreign key is left open', async () => {
    await db.exec('CREATE TABLE child (t REFERENCES t DEFERRABLE INITIALLY DEFERRED); INSERT INTO t (id) VALUES (1)');
    const error = await rejection(db.executeMany('INSERT INTO child VALUES (?)', [[1], [99]]));
    expect(error).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
    expect(await db.get('SELECT count(*) AS n FROM child')).toEqual({ n: 0 });
    await db.run('INSERT INTO child VALUES (1)');
  });

  test('checks all sets before any is run', async () => {
    expect(await rejection(db.executeMany('INSERT INTO t (x) VALUES (?)', [[1], [undefined as never]]))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('rows[1][0]'),
    });
    expect(await rejection(db.executeMany('INSERT INTO t (x) VALUES (?)', [[1], undefined as never]))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('rows[1]'),
    });
    expect(await count()).toBe(0);
  });

  test.each([undefined, null, 'rows', 1, {}])('rejects %j in place of rows', async (rows) => {
    expect(await rejection(db.executeMany('INSERT INTO t (x) VALUES (?)', rows as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('rows'),
    });
  });
});

describe('batch()', () => {
  test('runs several statements in one transaction and gives each result', async () => {
    const results = await db.batch([
      { sql: 'INSERT INTO t (x) VALUES (?)', params: ['a'] },
      { sql: 'SELECT x FROM t' },
      { sql: 'UPDATE t SET x = :x RETURNING x', params: { x: 'b' } },
      { sql: 'DELETE FROM t WHERE 0' },
    ]);
    expect(results).toEqual([
      { rows: [], columns: [], changes: 1, lastInsertRowid: 1 },
      { rows: [{ x: 'a' }], columns: ['x'], changes: 0, lastInsertRowid: 0 },
      { rows: [{ x: 'b' }], columns: ['x'], changes: 1, lastInsertRowid: 0 },
      { rows: [], columns: [], changes: 0, lastInsertRowid: 0 },
    ]);
    expect(await db.batch([])).toEqual([]);
    expect((await db.batch([{ sql: 'SELECT 1, 2' }], { rowMode: 'array' }))[0]?.rows).toEqual([[1, 2]]);
  });

  test('is all or nothing, and DDL in it too', async () => {
    const error = await rejection(
      db.batch([
        { sql: 'CREATE TABLE u (x)' },
        { sql: 'INSERT INTO u VALUES (1)' },
        { sql: 'INSERT INTO t (x) VALUES (1)' },
        { sql: 'INSERT INTO nowhere VALUES (1)' },
      ]),
    );
    expect(error).toMatchObject({ code: 'SQLITE_ERROR', sql: 'INSERT INTO nowhere VALUES (1)' });
    expect(await count()).toBe(0);
    expect(await db.all("SELECT name FROM sqlite_schema WHERE name = 'u'")).toEqual([]);
  });

  test('refuses transaction control, and nothing of it runs', async () => {
    for (const sql of ['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT a', 'RELEASE a', 'END']) {
      const error = await rejection(db.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }, { sql }]));
      expect(error, sql).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CONTROL_STATEMENT', index: 1 });
    }
    expect(await count()).toBe(0);
  });

  test("ifNone: 'stop' ends a batch that commits, 'rollback' undoes it", async () => {
    const stopped = await db.batch([
      { sql: 'INSERT INTO t (x) VALUES (1)' },
      { sql: 'SELECT * FROM t WHERE x = 2', ifNone: 'stop' },
      { sql: 'INSERT INTO t (x) VALUES (3)' },
    ]);
    expect(stopped).toHaveLength(2);
    expect(await count()).toBe(1);

    const error = await rejection(
      db.batch([
        { sql: 'INSERT INTO t (x) VALUES (1)' },
        { sql: 'UPDATE t SET x = 0 WHERE x = 2', ifNone: 'rollback' },
        { sql: 'INSERT INTO t (x) VALUES (3)' },
      ]),
    );
    expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_NO_MATCH', index: 1 });
    expect(await count()).toBe(1);

    const continued = await db.batch([
      { sql: 'SELECT * FROM t WHERE x = 1', ifNone: 'stop' },
      { sql: 'UPDATE t SET x = 5 WHERE x = 1', ifNone: 'rollback' },
      { sql: 'SELECT * FROM t WHERE 0', ifNone: 'continue' },
      { sql: 'SELECT x FROM t' },
    ]);
    expect(continued[3]?.rows).toEqual([{ x: 5 }]);
  });

  test('each query has JSON columns of its own', async () => {
    const [a, b] = await db.batch([
      { sql: `SELECT '{"a":1}' AS j`, jsonColumns: ['j'] },
      { sql: `SELECT '{"a":1}' AS j` },
    ]);
    expect(a?.rows).toEqual([{ j: { a: 1 } }]);
    expect(b?.rows).toEqual([{ j: '{"a":1}' }]);
  });

  test.each<[string, unknown, string]>([
    ['no array', {}, 'queries'],
    ['undefined', undefined, 'queries'],
    ['a string in it', ['SELECT 1'], 'queries[0]'],
    ['null in it', [null], 'queries[0]'],
    ['a query without sql', [{ sql: 'SELECT 1' }, { params: [] }], 'queries[1]'],
    ['a query with a number for sql', [{ sql: 1 }], 'queries[0]'],
    ['a wrong ifNone', [{ sql: 'SELECT 1', ifNone: 'explode' }], 'queries[0].ifNone'],
    ['an ifNone that every object has', [{ sql: 'SELECT 1', ifNone: 'constructor' }], 'queries[0].ifNone'],
    ['wrong params', [{ sql: 'SELECT ?', params: [{}] }], 'queries[0].params[0]'],
    ['wrong jsonColumns', [{ sql: 'SELECT 1', jsonColumns: 'a' }], 'jsonColumns'],
  ])('rejects %s', async (_, queries, named) => {
    expect(await rejection(db.batch(queries as never))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining(named),
    });
  });
});

describe('one statement per call', () => {
  const verbs: [string, (sql: string) => Promise<unknown>][] = [
    ['run', (sql) => db.run(sql)],
    ['get', (sql) => db.get(sql)],
    ['all', (sql) => db.all(sql)],
    ['query', (sql) => db.query(sql)],
    ['executeMany', (sql) => db.executeMany(sql, [[]])],
    ['batch', (sql) => db.batch([{ sql }])],
  ];

  test.each(verbs)('%s() rejects a second statement, and nothing runs', async (_, call) => {
    for (const sql of [
      'INSERT INTO t (x) VALUES (1); INSERT INTO t (x) VALUES (2)',
      'INSERT INTO t (x) VALUES (1); SELECT',
      'DELETE FROM t;;; DROP TABLE t',
      'INSERT INTO t (x) VALUES (1); -- and\n VACUUM',
      'PRAGMA foreign_keys = 0; SELECT 1',
      '/* first */ PRAGMA foreign_keys = 0; -- second\n SELECT 1',
    ]) {
      expect(await rejection(call(sql)), sql).toMatchObject({ name: 'AiosqliteError', code: 'ERR_STATEMENT_COUNT' });
    }
    expect(await count()).toBe(0);
    expect(await db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
  });

  test.each(verbs)('%s() rejects a text without a statement', async (_, call) => {
    for (const sql of ['', ' ', ';', ' ; ; ', '-- SELECT 1', '/* SELECT 1', '\n\t/**/;--']) {
      expect(await rejection(call(sql)), JSON.stringify(sql)).toMatchObject({ code: 'ERR_STATEMENT_COUNT' });
    }
  });

  test.each(verbs)('%s() rejects a text with U+0000', async (_, call) => {
    expect(await rejection(call('SELECT 1\0'))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  test.each(verbs)('%s() takes semicolons and comments around its statement', async (_, call) => {
    await call(" ;; /* a; */ -- b;\n INSERT INTO t (x) VALUES (';') ; ; -- the end; ");
    expect(await count()).toBe(1);
  });

  test('exec() rejects a script with U+0000, and nothing runs', async () => {
    expect(await rejection(db.exec('INSERT INTO t (x) VALUES (1); \0'))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(await count()).toBe(0);
  });
});

describe('wrong arguments', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    ['no sql', () => db.run(undefined as never), 'sql'],
    ['null for sql', () => db.get(null as never), 'sql'],
    ['a number for sql', () => db.all(1 as never), 'sql'],
    ['a Query without sql', () => db.query({} as never), 'sql'],
    ['a String object for sql', () => db.run(new String('SELECT 1') as never), 'sql'],
    ['a number for sql in executeMany', () => db.executeMany(1 as never, []), 'sql'],
    ['a string for params', () => db.run('SELECT ?', 'a' as never), 'params'],
    ['null for params', () => db.run('SELECT 1', null as never), 'params'],
    ['a Buffer for params', () => db.run('SELECT ?', Buffer.from('a') as never), 'params'],
    ['an ArrayBuffer for params', () => db.run('SELECT ?', new ArrayBuffer(1) as never), 'params'],
    ['undefined as a value', () => db.run('SELECT ?', [undefined as never]), 'params[0]'],
    ['undefined as a named value', () => db.run('SELECT :a', { a: undefined as never }), 'params.a'],
    ['a hole in params', () => db.run('SELECT ?, ?', new Array(2) as never), 'params[0]'],
    ['an object as a value', () => db.run('SELECT ?', [{} as never]), 'params[0]'],
    ['a Date as a value', () => db.run('SELECT ?', [new Date() as never]), 'params[0]'],
    ['a symbol as a value', () => db.run('SELECT ?', [Symbol('a') as never]), 'params[0]'],
    ['a function as a value', () => db.run('SELECT ?', [(() => {}) as never]), 'params[0]'],
    ['an array of arrays as a value', () => db.run('SELECT ?', [[[1]] as never]), 'params[0][0]'],
    ['a string for options', () => db.run('SELECT 1', [], 'fast' as never), 'options'],
    ['null for options', () => db.run('SELECT 1', [], null as never), 'options'],
    ['null for the options of all()', () => db.all('SELECT 1', [], null as never), 'options'],
    ['an array for options', () => db.run('SELECT 1', [], [] as never), 'options'],
    ['a wrong signal', () => db.run('SELECT 1', [], { signal: {} as never }), 'options.signal'],
    ['a wrong timeoutMs', () => db.run('SELECT 1', [], { timeoutMs: '5' as never }), 'options.timeoutMs'],
    ['a wrong rowMode', () => db.all('SELECT 1', [], { rowMode: 'map' as never }), 'options.rowMode'],
    ['a wrong rowMode of batch', () => db.batch([], { rowMode: 1 as never }), 'options.rowMode'],
    ['a string for jsonColumns', () => db.all('SELECT 1', [], { jsonColumns: 'a' as never }), 'jsonColumns'],
    ['numbers in jsonColumns', () => db.get('SELECT 1', [], { jsonColumns: [1 as never] }), 'jsonColumns'],
    ['no function for transaction', () => db.transaction(undefined as never), 'fn'],
    ['a wrong mode', () => db.transaction(async () => {}, { mode: 1 as never }), 'options.mode'],
    ['a string for the options of transaction', () => db.transaction(async () => {}, 'a' as never), 'options'],
  ])('%s: rejects with a TypeError that names the argument, and never throws', async (_, call, named) => {
    let promise: Promise<unknown> | undefined;
    expect(() => {
      promise = call();
    }).not.toThrow();
    const error = await rejection(promise as Promise<unknown>);
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(error.message.startsWith(`${named} must be`)).toBe(true);
    expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['a timeoutMs of 0', () => db.run('SELECT 1', [], { timeoutMs: 0 }), 'options.timeoutMs'],
    ['a negative timeoutMs', () => db.run('SELECT 1', [], { timeoutMs: -1 }), 'options.timeoutMs'],
    ['a timeoutMs of NaN', () => db.run('SELECT 1', [], { timeoutMs: Number.NaN }), 'options.timeoutMs'],
    ['an endless timeoutMs', () => db.run('SELECT 1', [], { timeoutMs: Infinity }), 'options.timeoutMs'],
    ['a bigint beyond 64 bits', () => db.run('SELECT ?', [2n ** 63n]), 'params[0]'],
    ['a bigint below 64 bits', () => db.run('SELECT :a', { a: -(2n ** 63n) - 1n }), 'params.a'],
    ['an unknown mode', () => db.transaction(async () => {}, { mode: 'later' as never }), 'options.mode'],
  ])('%s: rejects with a RangeError that names the argument', async (_, call, named) => {
    const error = await rejection(call());
    expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    expect(error.message.startsWith(`${named} must be`)).toBe(true);
  });
});

describe('parameters', () => {
  test('that are options are refused, and the message says where options go', async () => {
    for (const call of [
      () => db.run('SELECT 1', { timeoutMs: 5 } as never),
      () => db.get('SELECT 1', { timeoutMs: 5 } as never),
      () => db.iterate('SELECT 1', { timeoutMs: 5, batchSize: 10 } as never).next(),
    ]) {
      expect(await rejection(call())).toMatchObject({
        code: 'ERR_PARAMETERS',
        message: 'params.timeoutMs is an option: options are the third argument',
      });
    }
    expect(await db.get('SELECT :timeoutMs AS value', { timeoutMs: 5 })).toEqual({ value: 5 });
  });

  test('an array outside carray() is refused, and the message says how to write the query', async () => {
    const error = await rejection(db.all('SELECT 1 WHERE 1 IN (?)', [[1, 2]]));
    expect(error).toMatchObject({
      code: 'ERR_PARAMETERS',
      message: 'an array can only be bound to carray(?): write IN carray(?)',
    });
    expect(await db.all('SELECT 1 AS one WHERE 1 IN carray(?)', [[1, 2]])).toEqual([{ one: 1 }]);
  });

  test('bind by index, and their count must be right', async () => {
    expect(await db.get('SELECT ? AS a, ? AS b', [1, 'b'])).toEqual({ a: 1, b: 'b' });
    for (const params of [[], [1], [1, 2, 3]]) {
      expect(await rejection(db.get('SELECT ?, ?', params))).toMatchObject({
        name: 'AiosqliteError',
        code: 'ERR_PARAMETERS',
      });
    }
    expect(await rejection(db.get('SELECT 1', [1]))).toMatchObject({ code: 'ERR_PARAMETERS' });
    expect(await rejection(db.get('SELECT ?'))).toMatchObject({ code: 'ERR_PARAMETERS' });
  });

  test('bind by name, bare or with the prefix', async () => {
    expect(await db.get('SELECT :a AS a, @b AS b, $c AS c', { a: 1, b: 2, c: 3 })).toEqual({ a: 1, b: 2, c: 3 });
    expect(await db.get('SELECT :a AS a, @b AS b, $c AS c', { ':a': 1, '@b': 2, $c: 3 })).toEqual({ a: 1, b: 2, c: 3 });
    expect(await db.get('SELECT :ä😀 AS a', { 'ä😀': 1 })).toEqual({ a: 1 });
    expect(await db.get('SELECT :a AS x, :a AS y', { a: 1 })).toEqual({ x: 1, y: 1 });
    expect(await db.get('SELECT 1 AS one', {})).toEqual({ one: 1 });
  });

  test('a missing, an unknown, a surplus or a doubled name rejects, and nothing becomes NULL', async () => {
    for (const params of [{}, { b: 1 }, { a: 1, b: 2 }, { a: 1, ':a': 2 }, { A: 1 }, { '@a': 1 }, { '': 1, a: 1 }]) {
      expect(
        await rejection(db.run('INSERT INTO t (x) VALUES (:a)', params as never)),
        JSON.stringify(params),
      ).toMatchObject({ code: 'ERR_PARAMETERS' });
    }
    expect(await rejection(db.get('SELECT ?', { a: 1 }))).toMatchObject({ code: 'ERR_PARAMETERS' });
    expect(await rejection(db.get('SELECT ?, :a', { a: 1 }))).toMatchObject({ code: 'ERR_PARAMETERS' });
    expect(await count()).toBe(0);
  });

  test('numbered ones bind by index, or by their number as it is written', async () => {
    expect(await db.get('SELECT ?2 AS b, ?1 AS a', ['a', 'b'])).toEqual({ a: 'a', b: 'b' });
    expect(await db.get('SELECT ?2 AS b, ?1 AS a', { '?1': 'a', '?2': 'b' })).toEqual({ a: 'a', b: 'b' });
    expect(await db.get('SELECT ?1 AS x, ?1 AS y', [7])).toEqual({ x: 7, y: 7 });
    expect(await db.get('SELECT ?3 AS c', [1, 2, 3])).toEqual({ c: 3 });
  });

  test('named ones can be given as an array, in the order in which they are written first', async () => {
    expect(await db.get('SELECT :b AS b, :a AS a, :b AS c', [1, 2])).toEqual({ b: 1, a: 2, c: 1 });
  });

  test('hostile names are names', async () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const params = JSON.parse(`{"${name}": 5}`);
      expect(await db.get(`SELECT :${name} AS x`, params)).toEqual({ x: 5 });
    }
    expect(await rejection(db.get('SELECT :toString'))).toMatchObject({ code: 'ERR_PARAMETERS' });
    expect(await rejection(db.get('SELECT :toString', {}))).toMatchObject({ code: 'ERR_PARAMETERS' });
  });

  test('inherited properties are no parameters', async () => {
    const params = Object.create({ a: 1 });
    expect(await rejection(db.get('SELECT :a', params))).toMatchObject({ code: 'ERR_PARAMETERS' });
  });

  test('are taken at the moment of the call', async () => {
    const list: (number | Uint8Array)[] = [1, new Uint8Array([1, 2, 3])];
    const call = db.get('SELECT ? AS a, ? AS b', list);
    (list[1] as Uint8Array).fill(9);
    list[0] = 2;
    expect(await call).toEqual({ a: 1, b: new Uint8Array([1, 2, 3]) });
  });

  test('whose getter makes a call of its own do not mix up the two', async () => {
    let inner: Promise<unknown> | undefined;
    const params = {
      get a() {
        inner ??= db.run('INSERT INTO t (x) VALUES (?)', ['inner']);
        return 'outer';
      },
      b: 'b',
    };
    expect(await db.get('SELECT :a AS a, :b AS b', params)).toEqual({ a: 'outer', b: 'b' });
    await inner;
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 'inner' }]);
  });

  // A Proxy of an array is an array, and its length is what it says.
  test.each([-3, Number.NaN, 0.5, 2 ** 32, '2', null, undefined])(
    'of a Proxy that has %s elements end nothing',
    async (length) => {
      const lying = (array: unknown[]) =>
        new Proxy(array, { get: (target, key) => (key === 'length' ? length : Reflect.get(target, key)) }) as never;
      await Promise.allSettled([
        db.run('INSERT INTO t (x) VALUES (?)', lying([])),
        db.all('SELECT * FROM carray(?)', [lying([])]),
        db.executeMany('INSERT INTO t (x) VALUES (?)', lying([[1]])),
        db.batch(lying([{ sql: 'SELECT 1' }])),
        db.recordChanges({ tables: lying(['t']) }).then((recorder) => recorder.close()),
        db.authorize({ deny: lying([]) }),
      ]);
      expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
    },
  );
});

describe('options with getters that make calls of their own', () => {
  const VERBS: [string, (on: Executor, options: CallOptions) => Promise<unknown>][] = [
    ['run', (on, options) => on.run('INSERT INTO t (x) VALUES (?)', ['outer'], options)],
    ['run of a query', (on, options) => on.run({ sql: 'INSERT INTO t (x) VALUES (?)', params: ['outer'] }, options)],
    ['all', (on, options) => on.all('INSERT INTO t (x) VALUES (?) RETURNING x', ['outer'], options)],
    ['exec', (on, options) => on.exec("INSERT INTO t (x) VALUES ('outer')", options)],
    ['executeMany', (on, options) => on.executeMany('INSERT INTO t (x) VALUES (?)', [['outer']], options)],
    ['batch', (on, options) => on.batch([{ sql: 'INSERT INTO t (x) VALUES (?)', params: ['outer'] }], options)],
    ['transaction', (on, options) => on.transaction((tx) => tx.run("INSERT INTO t (x) VALUES ('outer')"), options)],
  ];
  test.each(VERBS)('do not mix up the two: %s', async (_, call) => {
    const pool = on.pool({ operationTimeoutMs: 60_000 });
    await pool.exec('CREATE TABLE t (x)');
    for (const executor of [db, pool]) {
      const inner: Promise<unknown>[] = [];
      const options = {
        get signal() {
          inner.push(executor.executeMany('INSERT INTO t (x) VALUES (?)', [['inner'], ['inner']]));
          return undefined as never;
        },
        get timeoutMs() {
          inner.push(executor.run('INSERT INTO t (x) VALUES (?, ?)', ['inner', undefined as never]).catch(() => {}));
          return 60_000;
        },
      };
      await call(executor, options);
      await Promise.all(inner);
      expect(await executor.all("SELECT x FROM t WHERE x <> 'inner'")).toEqual([{ x: 'outer' }]);
    }
  });

  test('of a query whose sql is another each time it is read', async () => {
    const query = () => {
      const texts = ['SELECT 1 AS x', 5, {}];
      return {
        get sql() {
          return texts.shift() as string;
        },
      };
    };
    expect(await db.all(query())).toEqual([{ x: 1 }]);
    expect(await db.batch([query()])).toMatchObject([{ rows: [{ x: 1 }] }]);
  });
});

describe('changes', () => {
  test('do not count triggers and cascades', async () => {
    await db.exec(`
      CREATE TABLE child (t REFERENCES t ON DELETE CASCADE);
      CREATE TABLE log (x);
      CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); INSERT INTO log VALUES (2); END`);
    expect(await db.run('INSERT INTO t (x) VALUES (1)')).toEqual({ changes: 1, lastInsertRowid: 1 });
    await db.run('INSERT INTO child VALUES (1), (1)');
    expect(await db.run('DELETE FROM t')).toMatchObject({ changes: 1 });
    expect(await db.get('SELECT count(*) AS n FROM child')).toEqual({ n: 0 });
    expect(await db.get('SELECT count(*) AS n FROM log')).toEqual({ n: 2 });
  });

  test('are 0 for reads, for DDL and for PRAGMAs, whatever came before', async () => {
    await db.run('INSERT INTO t (x) VALUES (1), (2)');
    for (const sql of [
      'SELECT * FROM t',
      'CREATE TABLE u AS SELECT * FROM t',
      'DROP TABLE u',
      'PRAGMA user_version = 3',
    ]) {
      expect(await db.run(sql), sql).toEqual({ changes: 0, lastInsertRowid: 0 });
    }
    const results = await db.batch([{ sql: 'UPDATE t SET x = 3' }, { sql: 'SELECT 1' }, { sql: 'CREATE TABLE u (x)' }]);
    expect(results.map((result) => result.changes)).toEqual([2, 0, 0]);
  });

  test('count the rows of an UPDATE that changes nothing in them, as SQLite does', async () => {
    await db.run('INSERT INTO t (x) VALUES (1), (2)');
    expect(await db.run('UPDATE t SET x = x')).toMatchObject({ changes: 2 });
    expect(await db.run('UPDATE t SET x = 1 WHERE 0')).toMatchObject({ changes: 0 });
    expect(await db.run('DELETE FROM t')).toMatchObject({ changes: 2 });
  });

  test('count a REPLACE as one', async () => {
    await db.run('REPLACE INTO t VALUES (1, 1)');
    expect(await db.run('REPLACE INTO t VALUES (1, 2)')).toEqual({ changes: 1, lastInsertRowid: 1 });
  });
});

describe('lastInsertRowid', () => {
  test('is 0 where nothing was inserted', async () => {
    await db.exec('CREATE UNIQUE INDEX x ON t (x); INSERT INTO t (x) VALUES (1)');
    expect(await db.run('INSERT OR IGNORE INTO t (x) VALUES (1)')).toEqual({ changes: 0, lastInsertRowid: 0 });
    expect(await db.run('INSERT INTO t (x) VALUES (1) ON CONFLICT DO NOTHING')).toEqual({
      changes: 0,
      lastInsertRowid: 0,
    });
    expect(await db.run('INSERT INTO t (x) VALUES (1) ON CONFLICT (x) DO UPDATE SET x = 2')).toEqual({
      changes: 1,
      lastInsertRowid: 0,
    });
    expect(await db.run('INSERT INTO t (x) SELECT 1 WHERE 0')).toEqual({ changes: 0, lastInsertRowid: 0 });
    expect(await db.run('UPDATE t SET x = 5')).toMatchObject({ lastInsertRowid: 0 });
    expect(await db.run('SELECT 1')).toMatchObject({ lastInsertRowid: 0 });
  });

  test('is 0 for a table WITHOUT ROWID', async () => {
    await db.exec('CREATE TABLE w (k TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO t (x) VALUES (1)');
    expect(await db.run("INSERT INTO w VALUES ('a')")).toEqual({ changes: 1, lastInsertRowid: 0 });
  });

  test('is the own one of each of many writes at once', async () => {
    await db.exec('CREATE TABLE u (id INTEGER PRIMARY KEY, x)');
    const results = await Promise.all([
      db.run('INSERT INTO t (id) VALUES (10)'),
      db.run('UPDATE t SET x = 1'),
      db.run('INSERT INTO u (id) VALUES (20)'),
      db.run('INSERT OR IGNORE INTO u (id) VALUES (20)'),
      db.run('INSERT INTO t (id) VALUES (11) RETURNING id'),
      db.run('DELETE FROM u'),
    ]);
    expect(results.map((result) => result.lastInsertRowid)).toEqual([10, 0, 20, 0, 11, 0]);
  });

  test('ignores what triggers insert', async () => {
    await db.exec(`
      CREATE TABLE log (id INTEGER PRIMARY KEY, x);
      INSERT INTO log VALUES (100, 0);
      CREATE TRIGGER inserted AFTER INSERT ON t BEGIN INSERT INTO log (x) VALUES (new.x); END;
      CREATE TRIGGER updated AFTER UPDATE ON t BEGIN INSERT INTO log (x) VALUES (new.x); END`);
    expect(await db.run('INSERT INTO t (x) VALUES (1)')).toEqual({ changes: 1, lastInsertRowid: 1 });
    expect(await db.run('UPDATE t SET x = 2')).toEqual({ changes: 1, lastInsertRowid: 0 });
  });

  test('is exact beyond 2^53, and follows integerMode', async () => {
    const id = 9_007_199_254_740_993n;
    expect(await db.run('INSERT INTO t (id) VALUES (?)', [id])).toEqual({ changes: 1, lastInsertRowid: id });
    expect(await db.run('INSERT INTO t (id) VALUES (-5)')).toEqual({ changes: 1, lastInsertRowid: -5 });
  });

  test('is that of a virtual table, too', async () => {
    await db.exec('CREATE VIRTUAL TABLE f USING fts5 (text)');
    expect(await db.run("INSERT INTO f (rowid, text) VALUES (42, 'hello')")).toEqual({
      changes: 1,
      lastInsertRowid: 42,
    });
  });
});

describe('last_insert_rowid() in SQL', () => {
  test('outlives writes that insert nothing', async () => {
    await db.exec('CREATE UNIQUE INDEX x ON t (x)');
    await db.run('INSERT INTO t (id, x) VALUES (7, 1)');
    await db.run('UPDATE t SET x = 2');
    await db.run('INSERT OR IGNORE INTO t (x) VALUES (2)');
    await db.run('DELETE FROM t');
    expect(await db.get('SELECT last_insert_rowid() AS id')).toEqual({ id: 7 });
  });

  test('can be used to insert children of the row just inserted, whose rowid is told as well', async () => {
    await db.exec('CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES t)');
    await db.run('INSERT INTO t (x) VALUES (1)');
    expect(await db.run('INSERT INTO child (parent) VALUES (last_insert_rowid())')).toEqual({
      changes: 1,
      lastInsertRowid: 1,
    });
    await db.run('INSERT INTO t (id) VALUES (50)');
    expect(await db.run('INSERT INTO child (parent) VALUES (last_insert_rowid())')).toEqual({
      changes: 1,
      lastInsertRowid: 2,
    });
    expect(await db.all('SELECT parent FROM child', [], { rowMode: 'array' })).toEqual([[1], [50]]);
  });

  test('changes() and total_changes() count as SQLite does', async () => {
    await db.run('INSERT INTO t (x) VALUES (1), (2), (3)');
    expect(await db.get('SELECT changes() AS n')).toEqual({ n: 3 });
  });
});

describe('a schema that changes', () => {
  test('is seen by statements that are kept prepared', async () => {
    await db.run('INSERT INTO t (x) VALUES (1)');
    expect(await db.all('SELECT * FROM t')).toEqual([{ id: 1, x: 1 }]);
    await db.exec('ALTER TABLE t ADD COLUMN y DEFAULT 2');
    expect(await db.all('SELECT * FROM t')).toEqual([{ id: 1, x: 1, y: 2 }]);
    expect(await db.query('SELECT * FROM t', [], { rowMode: 'array' })).toMatchObject({
      columns: ['id', 'x', 'y'],
      rows: [[1, 1, 2]],
    });
    await db.exec('ALTER TABLE t RENAME COLUMN y TO z; ALTER TABLE t DROP COLUMN x');
    expect((await db.query('SELECT * FROM t')).columns).toEqual(['id', 'z']);
    await db.exec('DROP TABLE t; CREATE TABLE t (only)');
    expect(await db.all('SELECT * FROM t')).toEqual([]);
    expect((await db.query('SELECT * FROM t')).columns).toEqual(['only']);
  });

  test('by another connection is seen too', async () => {
    const a = await on.connect();
    const b = await on.connect();
    await a.exec('CREATE TABLE u (x); INSERT INTO u VALUES (1)');
    expect(await b.all('SELECT * FROM u')).toEqual([{ x: 1 }]);
    await a.exec('ALTER TABLE u ADD COLUMN y');
    expect(await b.all('SELECT * FROM u')).toEqual([{ x: 1, y: null }]);
    expect(await b.get('SELECT * FROM u')).toEqual({ x: 1, y: null });
  });
});
