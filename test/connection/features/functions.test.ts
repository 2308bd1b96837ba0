import { type Connection, connect, type SqlValue } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { ENDLESS, sleep, turns } from '../../support/time.js';
import { collect } from './support/rows.js';

const on = databases();
const script = (name: string) => new URL(`support/${name}`, import.meta.url);
const COUNT = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)';

/** What SQL gives to a function that is called with these literals. */
async function argumentsOf(db: Connection, literals: string): Promise<SqlValue[]> {
  let given: SqlValue[] = [];
  await db.createFunction('given', (...values) => {
    given = values;
  });
  await db.get(`SELECT given(${literals})`);
  return given;
}

describe('createFunction()', () => {
  test('makes a function for SQL, under a name in any case', async () => {
    const db = await on.connect();
    await db.createFunction('plus', (a, b) => Number(a) + Number(b));
    expect(await db.get('SELECT plus(1, 2) AS a, PLUS(0.5, 1) AS b')).toEqual({ a: 3, b: 1.5 });
  });

  test('gives it each type of value', async () => {
    const db = await on.connect();
    expect(await argumentsOf(db, `NULL, 1, -1.5, 'ä😀', x'00ff', x'', '', 9007199254740991, 9007199254740993`)).toEqual(
      [null, 1, -1.5, 'ä😀', new Uint8Array([0, 255]), new Uint8Array(0), '', 9007199254740991, 9007199254740993n],
    );
    expect(await argumentsOf(db, `'a' || char(0) || 'b', 9e999, -9e999`)).toEqual(['a\0b', Infinity, -Infinity]);
  });

  test.each([
    ['undefined', undefined, null, 'null'],
    ['null', null, null, 'null'],
    ['a whole number', 42, 42, 'integer'],
    ['-0', -0, -0, 'real'],
    ['a fraction', 1.5, 1.5, 'real'],
    ['a number beyond 2^53', 2 ** 60, 2 ** 60, 'real'],
    ['Infinity', Infinity, Infinity, 'real'],
    ['NaN', Number.NaN, null, 'null'],
    ['a bigint', 2n ** 60n, 2n ** 60n, 'integer'],
    ['the least bigint', -(2n ** 63n), -(2n ** 63n), 'integer'],
    ['true', true, 1, 'integer'],
    ['false', false, 0, 'integer'],
    ['a text', 'ä😀\0b', 'ä😀\0b', 'text'],
    ['an empty text', '', '', 'text'],
    ['a lone surrogate', 'a\ud800', 'a\ufffd', 'text'],
    ['bytes', new Uint8Array([1, 2]), new Uint8Array([1, 2]), 'blob'],
    ['no bytes', new Uint8Array(0), new Uint8Array(0), 'blob'],
    ['a Buffer', Buffer.from('ab'), new Uint8Array([97, 98]), 'blob'],
    ['part of a buffer', new Uint8Array([1, 2, 3, 4]).subarray(1, 3), new Uint8Array([2, 3]), 'blob'],
    ['an ArrayBuffer', new Uint8Array([7]).buffer, new Uint8Array([7]), 'blob'],
    ['a DataView', new DataView(new Uint8Array([7, 8]).buffer, 1), new Uint8Array([8]), 'blob'],
  ])('takes %s as its result', async (_, result, value, type) => {
    const db = await on.connect();
    await db.createFunction('give', () => result);
    expect(await db.get('SELECT give() AS value, typeof(give()) AS type')).toEqual({ value, type });
  });

  test.each([
    ['a Promise', async () => 1],
    // biome-ignore lint/suspicious/noThenProperty: it is what makes it one
    ['a thenable', () => ({ then() {} })],
    ['an array', () => [1]],
    ['an object', () => ({})],
    ['a Date', () => new Date()],
    ['a function', () => () => 1],
    ['a symbol', () => Symbol('s')],
  ])('refuses %s as its result', async (_, fn) => {
    const db = await on.connect();
    await db.createFunction('give', fn as never);
    const error = await rejection(db.get('SELECT give()'));
    expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_FUNCTION' });
    expect(error.cause).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('refuses a bigint of more than 64 bits as its result', async () => {
    const db = await on.connect();
    await db.createFunction('give', () => 2n ** 63n);
    expect((await rejection(db.get('SELECT give()'))).cause).toMatchObject({
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  test('gives integers as integerMode says', async () => {
    const bigints = await on.connect({ integerMode: 'bigint' });
    expect(await argumentsOf(bigints, '1, 1.0')).toEqual([1n, 1]);
    const numbers = await on.connect({ integerMode: 'number' });
    expect(await argumentsOf(numbers, '1')).toEqual([1]);
    const error = await rejection(numbers.get('SELECT given(9007199254740993)'));
    expect(error).toMatchObject({ code: 'ERR_FUNCTION', cause: { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' } });
  });

  test('gives bytes that are its own to keep', async () => {
    const db = await on.connect();
    const kept: Uint8Array[] = [];
    await db.createFunction('keep', (bytes) => {
      kept.push(bytes as Uint8Array);
    });
    await db.all(`${COUNT} SELECT keep(CAST(i AS BLOB)) FROM n`, [100]);
    expect(kept.map((bytes) => Buffer.from(bytes).toString())).toEqual(
      Array.from({ length: 100 }, (_, i) => `${i + 1}`),
    );
  });

  test('takes megabytes both ways', async () => {
    const db = await on.connect();
    await db.createFunction('twice', (text) => `${text}${text}`);
    await db.createFunction('reversed', (bytes) => (bytes as Uint8Array).slice().reverse());
    const text = 'ä'.repeat(1_000_000);
    expect((await db.get<{ t: string }>('SELECT twice(?) AS t', [text]))?.t).toBe(text + text);
    const bytes = new Uint8Array(2_000_000).map((_, i) => i % 251);
    const reversed = await db.get<{ b: Uint8Array }>('SELECT reversed(?) AS b', [bytes]);
    expect(Buffer.compare(reversed!.b, bytes.slice().reverse())).toBe(0);
  });
});

describe('how many arguments it takes', () => {
  const cases: [string, (...args: any[]) => any, number[], number[]][] = [
    ['none', () => 1, [0], [1, 2]],
    ['two', (a, b) => (b === undefined ? a : 1), [2], [0, 1, 3]],
    ['those without a default', (a, b = 1) => a + b, [1], [0, 2]],
    ['any, by a rest parameter', (...rest) => rest.length, [0, 1, 2, 9], []],
    ['any, by a rest parameter behind others', (a, b, ...rest) => [a, b, rest].length, [0, 1, 5], []],
    ['any, by a rest parameter that is taken apart', (...[first]) => first ?? 0, [0, 3], []],
    ['any, behind a default that calls something', (a = String(1), ...rest) => rest.length + a.length, [0, 1, 4], []],
    // biome-ignore format: the texts are what is tested
    ['any, behind a default that holds brackets', (a = ")", b = [1, (2)], c = `}`, /* ) */ ...rest) => [a, b, c, rest].length, [0, 1, 4], []],
    // biome-ignore format: the texts are what is tested
    ['one, where it only spreads', x => Math.max(...JSON.parse(x ?? '[1]')), [1], [0, 2]],
    ['one, where it has a rest parameter inside', (a) => ((...rest: unknown[]) => rest.length)(a), [1], [0, 2]],
    ['one, where a comment has dots', (a /* ...b */) => a ?? 0, [1], [0, 2]],
    ['one, where a default has them', (a, b = [...'x']) => [a, b].length, [1], [0, 2]],
    [
      'any, of a method',
      {
        'a(b)'(...rest: unknown[]) {
          return rest.length;
        },
      }['a(b)'],
      [0, 2],
      [],
    ],
    [
      'one, of a method',
      {
        [String('x(...y)')](a: unknown) {
          return a ?? 1;
        },
      }['x(...y)']!,
      [1],
      [0, 2],
    ],
    [
      'any, of a function',
      function f(...rest) {
        return rest.length;
      },
      [0, 2],
      [],
    ],
    ['those of what is bound', ((a: number, b: number) => a + b).bind(null, 1), [1], [0, 2]],
  ];
  test.each(cases)('is by default its own: %s', async (_, fn, right, wrong) => {
    const db = await on.connect();
    await db.createFunction('f', fn);
    for (const count of right) {
      const list = Array.from({ length: count }, (_, i) => `'[${i}]'`).join();
      expect(await db.get(`SELECT f(${list}) IS NOT NULL AS ok`)).toEqual({ ok: 1 });
    }
    for (const count of wrong) {
      const list = Array.from({ length: count }, () => '1').join();
      expect(await rejection(db.get(`SELECT f(${list})`))).toMatchObject({ code: 'SQLITE_ERROR' });
    }
  });

  test('is what argumentCount says', async () => {
    const db = await on.connect();
    await db.createFunction('f', (...all) => all.length, { argumentCount: 2 });
    expect(await db.get('SELECT f(1, 2) AS n')).toEqual({ n: 2 });
    expect(await rejection(db.get('SELECT f(1)'))).toMatchObject({ code: 'SQLITE_ERROR' });
    await db.createFunction('g', () => 1, { argumentCount: -1 });
    expect(await db.get('SELECT g() + g(1) + g(1, 2) AS n')).toEqual({ n: 3 });
    await db.createFunction('h', (...all) => all.length, { argumentCount: 100 });
    expect(await db.get(`SELECT h(${Array(100).fill(1).join()}) AS n`)).toEqual({ n: 100 });
  });

  test('tells functions of one name apart', async () => {
    const db = await on.connect();
    await db.createFunction('f', (a) => `one: ${a}`);
    await db.createFunction('f', (a, b) => `two: ${a} ${b}`);
    await db.createFunction('f', (...all) => `any: ${all.length}`);
    expect(await db.get('SELECT f(1) AS a, f(1, 2) AS b, f(1, 2, 3) AS c')).toEqual({
      a: 'one: 1',
      b: 'two: 1 2',
      c: 'any: 3',
    });
  });
});

describe('misuse', () => {
  test.each([
    ['a name that is no text', 1, () => 1, {}, 'ERR_INVALID_ARG_TYPE'],
    ['no name', undefined, () => 1, {}, 'ERR_INVALID_ARG_TYPE'],
    ['an empty name', '', () => 1, {}, 'ERR_OUT_OF_RANGE'],
    ['a name with U+0000', 'a\0', () => 1, {}, 'ERR_OUT_OF_RANGE'],
    ['a name of 256 bytes', 'ä'.repeat(128), () => 1, {}, 'ERR_OUT_OF_RANGE'],
    ['what is no function', 'f', 'x => x', {}, 'ERR_INVALID_ARG_TYPE'],
    ['no function', 'f', undefined, {}, 'ERR_INVALID_ARG_TYPE'],
    ['options that are none', 'f', () => 1, null, 'ERR_INVALID_ARG_TYPE'],
    ['128 arguments', 'f', () => 1, { argumentCount: 128 }, 'ERR_OUT_OF_RANGE'],
    ['-2 arguments', 'f', () => 1, { argumentCount: -2 }, 'ERR_OUT_OF_RANGE'],
    ['half an argument', 'f', () => 1, { argumentCount: 0.5 }, 'ERR_OUT_OF_RANGE'],
    ['arguments as a text', 'f', () => 1, { argumentCount: '1' }, 'ERR_INVALID_ARG_TYPE'],
    ['deterministic as a number', 'f', () => 1, { deterministic: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['directOnly as a text', 'f', () => 1, { directOnly: 'no' }, 'ERR_INVALID_ARG_TYPE'],
  ])('%s rejects, and nothing is defined', async (_, name, fn, options, code) => {
    const db = await on.connect();
    expect(await rejection(db.createFunction(name as never, fn as never, options as never))).toMatchObject({ code });
    expect(await rejection(db.get('SELECT f()'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('a name of 255 bytes and hostile names are names', async () => {
    const db = await on.connect();
    for (const name of ['x'.repeat(255), 'two words', `"); DROP TABLE t; --`, 'ä😀', '1']) {
      await db.createFunction(name, () => name);
      expect(await db.get(`SELECT "${name.replaceAll('"', '""')}"() AS n`)).toEqual({ n: name });
    }
  });

  test('names that differ in more than the case of ASCII letters are different functions', async () => {
    const db = await on.connect();
    await db.createFunction('Ä', () => 'upper');
    await db.createFunction('ä', () => 'lower');
    await db.createFunction('1x', (_) => 'one');
    await db.createFunction('x', () => 'eleven', { argumentCount: 11 });
    expect(await db.get('SELECT "Ä"() AS a, "ä"() AS b, "1x"(1) AS c')).toEqual({ a: 'upper', b: 'lower', c: 'one' });
  });

  test('a closed connection rejects', async () => {
    const db = await on.connect();
    await db.close();
    expect(await rejection(db.createFunction('f', () => 1))).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('an exception', () => {
  test('rejects the call that ran the SQL, as its cause, whatever was thrown', async () => {
    const db = await on.connect();
    for (const thrown of [new TypeError('own'), 'a text', 0, null, undefined, { an: 'object' }]) {
      await db.createFunction('boom', () => {
        throw thrown;
      });
      const error = await rejection(db.get('SELECT boom() AS x'));
      expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_FUNCTION' });
      expect('cause' in error).toBe(true);
      expect(error.cause).toBe(thrown);
    }
  });

  test('is that of this call, and its neighbours have their own results', async () => {
    const db = await on.connect();
    await db.createFunction('odd', (x) => {
      if (Number(x) % 2 === 1) throw new Error(`odd: ${x}`);
      return x;
    });
    const calls = Array.from({ length: 500 }, (_, x) =>
      db.get('SELECT odd(?) AS x', [x]).catch(({ cause }) => cause.message),
    );
    expect(await Promise.all(calls)).toEqual(
      Array.from({ length: 500 }, (_, x) => (x % 2 === 1 ? `odd: ${x}` : { x })),
    );
  });

  test('in the middle of a statement undoes it', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.createFunction('upTo', (x) => {
      if (Number(x) > 5) throw new Error('too much');
      return x;
    });
    expect(await rejection(db.run(`${COUNT} INSERT INTO t SELECT upTo(i) FROM n`, [10]))).toMatchObject({
      code: 'ERR_FUNCTION',
    });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('in every verb is told with its cause, and leaves the connection usable', async () => {
    const db = await on.connect();
    const reason = new Error('always');
    await db.createFunction('boom', () => {
      throw reason;
    });
    await db.exec('CREATE TABLE t (x)');
    const calls = [
      () => db.run('INSERT INTO t VALUES (boom())'),
      () => db.all('SELECT boom()'),
      () => db.query('SELECT boom()'),
      () => db.exec('INSERT INTO t VALUES (1); INSERT INTO t VALUES (boom())'),
      () => db.executeMany('INSERT INTO t VALUES (boom() + ?)', [[1], [2]]),
      () => db.batch([{ sql: 'INSERT INTO t VALUES (2)' }, { sql: 'INSERT INTO t VALUES (boom())' }]),
      () => collect(db.iterate('SELECT boom()')),
      () => db.transaction(async (tx) => tx.run('INSERT INTO t VALUES (boom())')),
    ];
    for (const call of calls) expect(await rejection(call())).toMatchObject({ code: 'ERR_FUNCTION', cause: reason });
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }]); // of the script alone
  });

  test('does not tell values in its message', async () => {
    const db = await on.connect();
    await db.createFunction('boom', () => {
      throw new Error('x');
    });
    const { message } = await rejection(db.get('SELECT boom() + ?', ['a secret']));
    expect(message).not.toContain('secret');
  });

  test('thrown where SQLite does not fail the statement is not told of the next one', async () => {
    const db = await on.connect();
    await db.createAggregate('bad', {
      start: () => 0,
      step: (n) => n + 1,
      inverse: (n) => n - 1,
      result: (n) => {
        if (n > 2) throw new Error('late');
        return n;
      },
    });
    await db.get(`${COUNT} SELECT bad() OVER (ORDER BY i ROWS UNBOUNDED PRECEDING) AS n FROM n`, [10]);
    expect(await rejection(db.get('SELECT missing'))).toMatchObject({ code: 'SQLITE_ERROR' });
    await db.run('CREATE TABLE t (x)');
    expect(await db.run('INSERT INTO t VALUES (1)')).toMatchObject({ changes: 1 });
  });
});

describe('a function is called', () => {
  test('in writes that share a commit, each with its own', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await db.exec('CREATE TABLE t (x)');
    await db.createFunction('checked', (x) => {
      if (x === 13) throw new Error('unlucky');
      return `checked ${x}`;
    });
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, x) => db.run('INSERT INTO t VALUES (checked(?))', [x])),
    );
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(results[13]).toMatchObject({ reason: { code: 'ERR_FUNCTION', cause: { message: 'unlucky' } } });
    expect(await db.get("SELECT count(*) AS n FROM t WHERE x GLOB 'checked *'")).toEqual({ n: 99 });
  });

  test('by what stands in the schema: triggers, views, indexes, generated columns, defaults and checks', async () => {
    const db = await on.connect();
    await db.createFunction('slug', (text) => String(text).toLowerCase().replaceAll(' ', '-'), { deterministic: true });
    await db.createFunction('positive', (x) => Number(x) > 0, { deterministic: true });
    await db.exec(`
      CREATE TABLE note (title, n CHECK (positive(n)), slug AS (slug(title)), made DEFAULT (slug('A B')));
      CREATE INDEX by_slug ON note (slug(title));
      CREATE VIEW slugs AS SELECT slug(title) AS s FROM note;
      CREATE TABLE log (x);
      CREATE TRIGGER logged AFTER INSERT ON note BEGIN INSERT INTO log VALUES (slug(new.title)); END`);
    await db.run("INSERT INTO note (title, n) VALUES ('Hello World', 1)");
    expect(await db.get('SELECT slug, made FROM note')).toEqual({ slug: 'hello-world', made: 'a-b' });
    expect(await db.get('SELECT x FROM log')).toEqual({ x: 'hello-world' });
    expect(await db.get('SELECT s FROM slugs')).toEqual({ s: 'hello-world' });
    const plan = await db.get<{ detail: string }>("EXPLAIN QUERY PLAN SELECT * FROM note WHERE slug(title) = 'x'");
    expect(plan?.detail).toContain('by_slug');
    expect(await rejection(db.run("INSERT INTO note (title, n) VALUES ('x', -1)"))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_CHECK',
    });
  });

  test('with directOnly by SQL itself alone', async () => {
    const db = await on.connect();
    await db.createFunction('direct', (x) => x, { directOnly: true, deterministic: true });
    await db.exec(
      'CREATE TABLE t (x); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT direct(new.x); END; CREATE VIEW v AS SELECT direct(1)',
    );
    expect(await db.get('SELECT direct(1) AS x')).toEqual({ x: 1 });
    expect(await rejection(db.run('INSERT INTO t VALUES (1)'))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(await rejection(db.all('SELECT * FROM v'))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(await rejection(db.exec('CREATE INDEX i ON t (direct(x))'))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(await db.all('SELECT * FROM t')).toEqual([]);
  });

  test('in an index only if it is deterministic', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.createFunction('any', (x) => x);
    expect(await rejection(db.exec('CREATE INDEX i ON t (any(x))'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('once for the same arguments, if it is deterministic and they are constant', async () => {
    const db = await on.connect();
    let calls = 0;
    const count = () => {
      calls++;
      return 1;
    };
    await db.createFunction('same', count, { deterministic: true });
    await db.all(`${COUNT} SELECT same() FROM n`, [10]);
    expect(calls).toBe(1);
    await db.createFunction('other', count);
    await db.all(`${COUNT} SELECT other() FROM n`, [10]);
    expect(calls).toBe(11);
  });

  test('while its own connection is called: that call is queued, and nothing waits for itself', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE log (x)');
    const inside: Promise<unknown>[] = [];
    await db.createFunction('logged', (x) => {
      inside.push(db.run('INSERT INTO log VALUES (?)', [x as number]));
      return x;
    });
    expect(await db.all(`${COUNT} SELECT logged(i) AS i FROM n`, [3])).toEqual([{ i: 1 }, { i: 2 }, { i: 3 }]);
    await Promise.all(inside);
    expect(await db.all('SELECT x FROM log')).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }]);
  });

  test('and one that returns a call of its own connection is refused as a Promise', async () => {
    const db = await on.connect();
    await db.createFunction('nested', (() => db.get('SELECT 1').then(() => 1)) as never);
    expect(await rejection(db.get('SELECT nested()'))).toMatchObject({ code: 'ERR_FUNCTION' });
    expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });

  test('by two connections at a time, and by one for the other', async () => {
    const a = await on.connect();
    const b = await on.connect();
    for (const db of [a, b]) await db.createFunction('id', (x) => x);
    const sums = await Promise.all([a, b].map((db) => db.get(`${COUNT} SELECT sum(id(i)) AS s FROM n`, [5_000])));
    expect(sums).toEqual([{ s: 12_502_500 }, { s: 12_502_500 }]);
  });

  test('and can interrupt its own statement', async () => {
    const db = await on.connect();
    await db.createFunction('stop', (i) => {
      if (i === 1_000) db.interrupt();
      return i;
    });
    const endless = ENDLESS.replace('count(*)', 'sum(stop(i))');
    expect(await rejection(db.get(endless))).toMatchObject({ code: 'SQLITE_INTERRUPT' });
    expect(await db.get('SELECT stop(1) AS one')).toEqual({ one: 1 });
  });

  test('and its statement ends before the next call, once it is cancelled or its deadline has passed', async () => {
    const db = await on.connect();
    const abort = new AbortController();
    let calls = 0;
    await db.createFunction('stopped', () => {
      calls += 1;
      if (calls === 3) abort.abort(new Error('enough'));
      return 1;
    });
    const sum = `${COUNT} SELECT sum(stopped()) FROM n`;
    expect(await rejection(db.get(sum, [100], { signal: abort.signal }))).toMatchObject({ message: 'enough' });
    expect(calls).toBe(3);

    calls = 0;
    await db.createAggregate('late', {
      start: () => 0,
      step: (state: number) => {
        calls += 1;
        for (const until = performance.now() + 40; performance.now() < until; );
        return state;
      },
    });
    const rows = `${COUNT} SELECT late() FROM n`;
    expect(await rejection(db.get(rows, [100], { timeoutMs: 30 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(calls).toBeLessThanOrEqual(1);
    expect(await db.get('SELECT 1 AS x')).toEqual({ x: 1 });
  });

  test('and its statement ends by signal and by deadline in between', async () => {
    const db = await on.connect();
    await db.createFunction('id', (i) => i);
    const endless = ENDLESS.replace('count(*)', 'sum(id(i))');
    expect(await rejection(db.get(endless, [], { timeoutMs: 50 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
    const abort = new AbortController();
    setTimeout(() => abort.abort('enough'), 50);
    expect(await rejection(db.get(endless, [], { signal: abort.signal }))).toBe('enough');
  });

  test('10,000 times from one query', async () => {
    const db = await on.connect();
    await db.createFunction('plus', (a, b) => Number(a) + Number(b));
    expect(await db.get(`${COUNT} SELECT sum(plus(i, 1)) AS s FROM n`, [10_000])).toEqual({ s: 50_015_000 });
  });

  test('without end from one query, while the event loop keeps its turns', async () => {
    const db = await on.connect();
    await db.createFunction('plus', (a, b) => Number(a) + Number(b));
    const stop = new AbortController();
    const endless = ENDLESS.replace('count(*)', 'sum(plus(i, 1))');
    const summing = rejection(db.get(endless, [], { signal: stop.signal }));
    await turns(20);
    await sleep(20);
    stop.abort();
    expect(await summing).toBe(stop.signal.reason);
  });
});

test('functions that nobody calls cost an idle connection nothing', async () => {
  const { code, stdout, stderr } = await run(script('idle-functions.mjs'));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  // Of the processor time of this process alone. A thread that waits awake would take a second of it each second.
  expect(JSON.parse(stdout).idleMs).toBeLessThan(300);
});

describe('a function that is defined again', () => {
  test('replaces the one before, in statements that are prepared already too', async () => {
    const db = await on.connect();
    await db.createFunction('f', () => 1);
    expect(await db.get('SELECT f() AS x')).toEqual({ x: 1 });
    await db.createFunction('F', () => 2);
    expect(await db.get('SELECT f() AS x')).toEqual({ x: 2 });
    await db.createAggregate('f', { start: () => 3, step: (n) => n }, { argumentCount: 0 });
    expect(await db.get('SELECT f() AS x')).toEqual({ x: 3 });
  });

  test("replaces SQLite's own, in statements that are prepared already too", async () => {
    const db = await on.connect();
    expect(await db.get("SELECT upper('a') AS x, max(1, 2) AS y")).toEqual({ x: 'A', y: 2 });
    await db.createFunction('upper', (text) => `own ${text}`);
    await db.createFunction('max', (a, b) => `${a} or ${b}`);
    expect(await db.get("SELECT upper('a') AS x, max(1, 2) AS y")).toEqual({ x: 'own a', y: '1 or 2' });
    expect(await db.get('SELECT max(1, 2, 3) AS y')).toEqual({ y: 3 });
  });

  test('while a statement is open is refused with SQLITE_BUSY, and the one before stays', async () => {
    const db = await on.connect();
    await db.createFunction('f', () => 1);
    const rows = db.iterate('VALUES (1), (2), (3)', [], { batchSize: 1 });
    await rows.next();
    expect(await rejection(db.createFunction('f', () => 2))).toMatchObject({ code: 'SQLITE_BUSY' });
    expect(await db.get('SELECT f() AS x')).toEqual({ x: 1 });
    await rows.return();
    await db.createFunction('f', () => 2);
    expect(await db.get('SELECT f() AS x')).toEqual({ x: 2 });
  });
});

describe('on a pool', () => {
  test('functions of onConnect are there on every connection, for as long as it is', async () => {
    const pool = on.pool({ poolSize: 4, onConnect: async (db) => db.createFunction('twice', (x) => Number(x) * 2) });
    await pool.exec('CREATE TABLE t (x)');
    await pool.run('INSERT INTO t VALUES (twice(21))');
    const reads = Array.from({ length: 20 }, () => pool.get('SELECT twice(x) AS y FROM t'));
    for (const row of await Promise.all(reads)) expect(row).toEqual({ y: 84 });
    await pool.withConnection(async (db) => {
      await db.createFunction('once', (x) => x);
      expect(await db.get('SELECT twice(once(1)) AS y')).toEqual({ y: 2 });
    });
    await Promise.all(Array.from({ length: 20 }, (_, i) => pool.run('UPDATE t SET x = twice(?)', [i])));
    expect(await pool.get('SELECT twice(1) AS y')).toEqual({ y: 2 });
  });

  test('a function of a lease ends with the lease', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.withConnection(async (db) => {
      await db.createFunction('mine', () => 1);
      expect(await db.get('SELECT mine() AS x')).toEqual({ x: 1 });
    });
    await pool.withConnection(async (db) => {
      expect(await rejection(db.get('SELECT mine()'))).toMatchObject({ code: 'SQLITE_ERROR' });
    });
  });

  test('in memory, where the connection stays, so does the function', async () => {
    const pool = on.pool({ database: ':memory:' });
    await pool.withConnection(async (db) => db.createFunction('mine', () => 1));
    const outcome = await pool.get('SELECT mine() AS x').catch(({ code }) => code);
    expect([{ x: 1 }, 'SQLITE_ERROR']).toContainEqual(outcome);
  });
});

describe('the end', () => {
  test('close() waits for what calls functions, and for what they call', async () => {
    const db = await on.connect();
    await db.createFunction('id', (x) => x);
    const sum = db.get(`${COUNT} SELECT sum(id(i)) AS s FROM n`, [2_000]);
    await db.close();
    expect(await sum).toEqual({ s: 2_001_000 });
  });

  test('close() can be called from inside a function', async () => {
    const db = await on.connect();
    let closing: Promise<void> | undefined;
    await db.createFunction('bye', () => {
      closing = db.close();
      return 'bye';
    });
    expect(await db.get('SELECT bye() AS x')).toEqual({ x: 'bye' });
    await closing;
    expect(await rejection(db.get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test.each([
    ['process.exit() in a function', 'exit', 7],
    ['process.exit() in a function, while another connection calls one', 'exit-two', 7],
    ['process.exit() while one is called', 'exit-outside', 7],
    ['an uncaught exception while one is called', 'uncaught', 1],
    ['worker.terminate() while a function never ends', 'terminate', 0],
    ['worker.terminate() while one is called again and again', 'terminate-often', 0],
    ['worker.terminate() while a comparison never ends', 'terminate-compare', 0],
    ['process.exit() in a function in a worker', 'worker-exit', 0],
    ['nothing more to do, with functions defined', 'idle', 0],
    ['nothing more to do but a query that calls functions', 'end', 0],
  ])('%s ends the process, with the code that was asked for', async (_, how, code) => {
    const ended = await run(script('function-at-exit.mjs'), [how]);
    expect(ended).toMatchObject({ code, signal: null });
    expect(ended.stdout).toContain('began');
    if (how === 'end') expect(ended.stdout).toContain('5000050000');
    if (how.startsWith('terminate') || how === 'worker-exit') expect(ended.stdout).toContain('worker ended');
  });

  test('what a function holds is freed when the connection closes, and so is what it threw', async () => {
    const { code, stdout } = await run(script('function-memory.mjs'), [], ['--expose-gc']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ before: 1, replaced: 0, closed: 0, thrown: 0 });
  });

  test('a connection with functions can be collected', async () => {
    const db = await connect(':memory:');
    await db.createFunction('f', () => 1);
    await db.close();
    await sleep(1);
  });
});
