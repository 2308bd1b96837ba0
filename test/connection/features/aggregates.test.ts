import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
const NUMBERS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)';

const product = {
  start: () => 1,
  step: (state: number, x: unknown) => state * Number(x),
};
const sumOf = {
  start: () => 0,
  step: (state: number, x: unknown) => state + Number(x),
  inverse: (state: number, x: unknown) => state - Number(x),
};

describe('createAggregate()', () => {
  test('makes an aggregate whose result is its state', async () => {
    const db = await on.connect();
    await db.createAggregate('product', product);
    expect(await db.get(`${NUMBERS} SELECT product(i) AS p FROM n`)).toEqual({ p: 3_628_800 });
  });

  test('makes the result of a state of any kind', async () => {
    const db = await on.connect();
    await db.createAggregate('median', {
      start: () => [] as number[],
      step(all, x) {
        all.push(Number(x));
        return all;
      },
      result: (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? null,
    });
    expect(await db.get(`${NUMBERS} SELECT median(i) AS m FROM n`)).toEqual({ m: 6 });
  });

  test('keeps a state for each group, and each place where it stands', async () => {
    const db = await on.connect();
    await db.createAggregate('total', sumOf);
    expect(
      await db.all(`${NUMBERS} SELECT i % 3 AS k, total(i) AS a, total(i * 10) AS b FROM n GROUP BY k ORDER BY k`),
    ).toEqual([
      { k: 0, a: 18, b: 180 },
      { k: 1, a: 22, b: 220 },
      { k: 2, a: 15, b: 150 },
    ]);
  });

  test('over no rows gives what the beginning gives', async () => {
    const db = await on.connect();
    await db.createAggregate('product', product);
    await db.createAggregate('joined', {
      start: () => ['none'],
      step: (all, x) => [...all, String(x)],
      result: (all) => all.join(),
    });
    expect(await db.get('SELECT product(1) AS p, joined(1) AS j WHERE 0')).toEqual({ p: 1, j: 'none' });
    expect(await db.all('SELECT product(1) AS p FROM (SELECT 1 AS k) WHERE 0 GROUP BY k')).toEqual([]);
  });

  test('takes as many arguments as its step has beside the state', async () => {
    const db = await on.connect();
    await db.createAggregate('weighted', {
      start: () => 0,
      step: (sum, x, weight) => sum + Number(x) * Number(weight),
    });
    await db.createAggregate('rows', { start: () => 0, step: (n) => n + 1 });
    await db.createAggregate('widest', { start: () => 0, step: (most, ...all) => Math.max(most, all.length) });
    expect(
      await db.get(`${NUMBERS} SELECT weighted(i, 2) AS w, rows() AS n, widest(1, 2) AS a, widest() AS b FROM n`),
    ).toEqual({
      w: 110,
      n: 10,
      a: 2,
      b: 0,
    });
    expect(await rejection(db.get('SELECT weighted(1)'))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(await rejection(db.get('SELECT rows(1)'))).toMatchObject({ code: 'SQLITE_ERROR' });
    await db.createAggregate('two', { start: () => 0, step: (_, ...all) => all.length }, { argumentCount: 2 });
    expect(await rejection(db.get('SELECT two(1)'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('works with DISTINCT, FILTER and ORDER BY', async () => {
    const db = await on.connect();
    await db.createAggregate('list', { start: () => '', step: (text, x) => text + String(x) });
    expect(
      await db.get(`SELECT list(DISTINCT column1) AS a, list(column1) FILTER (WHERE column1 > 1) AS b,
        list(column1 ORDER BY column1 DESC) AS c FROM (VALUES (2), (1), (2), (3))`),
    ).toEqual({ a: '213', b: '223', c: '3221' });
  });

  test('a state may be undefined, null or a bigint', async () => {
    const db = await on.connect();
    await db.createAggregate('last', {
      start: () => undefined as unknown,
      step: (_, x) => x,
      result: (x) => (x ?? null) as null,
    });
    await db.createAggregate('big', { start: () => 2n ** 60n, step: (n) => n + 1n });
    expect(await db.get(`${NUMBERS} SELECT last(i) AS l, big() AS b FROM n`)).toEqual({ l: 10, b: 2n ** 60n + 10n });
    expect(await db.get('SELECT last(1) AS l WHERE 0')).toEqual({ l: null });
  });

  test('runs in writes that share a commit', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (k, v); CREATE TABLE s (k, v); INSERT INTO t VALUES (1, 2), (1, 3), (2, 5)');
    await db.createAggregate('product', product);
    await Promise.all([1, 2, 3].map((k) => db.run('INSERT INTO s SELECT ?, product(v) FROM t WHERE k = ?', [k, k])));
    expect(await db.all('SELECT k, v FROM s')).toEqual([
      { k: 1, v: 6 },
      { k: 2, v: 5 },
      { k: 3, v: 1 },
    ]);
  });
});

describe('as a window function', () => {
  const windows = (options: string) => `${NUMBERS} SELECT total(i) OVER (${options}) AS s FROM n`;
  const of = (rows: { s: number }[]) => rows.map(({ s }) => s);

  test("gives the same as SQLite's own over every frame", async () => {
    const db = await on.connect();
    await db.createAggregate('own', sumOf);
    for (const frame of [
      'ORDER BY i',
      'ORDER BY i ROWS 2 PRECEDING',
      'ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
      'ORDER BY i ROWS BETWEEN 3 FOLLOWING AND 5 FOLLOWING',
      'ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
      'PARTITION BY i % 3 ORDER BY i',
      'ORDER BY i % 4 RANGE BETWEEN 1 PRECEDING AND CURRENT ROW',
      'ORDER BY i GROUPS 1 PRECEDING EXCLUDE CURRENT ROW',
    ]) {
      const own = await db.all<{ s: number }>(windows(frame).replace('total', 'own'));
      const theirs = await db.all<{ s: number }>(windows(frame).replace('total(', 'sum('));
      expect(of(own), frame).toEqual(of(theirs).map((s) => s ?? 0));
    }
  });

  test('takes rows out again by inverse, instead of counting anew', async () => {
    const db = await on.connect();
    let steps = 0;
    let inverses = 0;
    await db.createAggregate('total', {
      start: () => 0,
      step(sum, x) {
        steps++;
        return sum + Number(x);
      },
      inverse(sum, x) {
        inverses++;
        return sum - Number(x);
      },
    });
    expect(of(await db.all(windows('ORDER BY i ROWS 1 PRECEDING')))).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    expect(steps).toBe(10);
    expect(inverses).toBe(8);
  });

  test('still is an aggregate', async () => {
    const db = await on.connect();
    await db.createAggregate('total', sumOf);
    expect(await db.get(`${NUMBERS} SELECT total(i) AS s FROM n`)).toEqual({ s: 55 });
  });

  test('needs an inverse', async () => {
    const db = await on.connect();
    await db.createAggregate('total', { start: sumOf.start, step: sumOf.step });
    expect(await rejection(db.all(windows('ORDER BY i')))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('its result is asked for without ending it', async () => {
    const db = await on.connect();
    await db.createAggregate('texts', {
      start: () => [] as string[],
      step: (all, x) => [...all, String(x)],
      inverse: (all) => all.slice(1),
      result: (all) => all.join('+'),
    });
    const rows = await db.all(`${NUMBERS} SELECT texts(i) OVER (ORDER BY i ROWS 2 PRECEDING) AS t FROM n LIMIT 4`);
    expect(rows).toEqual([{ t: '1' }, { t: '1+2' }, { t: '1+2+3' }, { t: '2+3+4' }]);
  });
});

describe('an exception', () => {
  const good = { start: () => 0, step: (n: number) => n + 1, inverse: (n: number) => n - 1, result: (n: number) => n };
  test.each(['start', 'step', 'inverse', 'result'] as const)(
    'in %s rejects the call with its cause, and the next works',
    async (phase) => {
      const db = await on.connect();
      const reason = new Error(`in ${phase}`);
      let fails = true;
      const bad = {
        ...good,
        [phase]: (n: number) => {
          if (fails) throw reason;
          return (good[phase] as (n: number) => number)(n);
        },
      };
      await db.createAggregate('bad', bad, { argumentCount: 0 });
      const query = `${NUMBERS} SELECT bad() OVER (ORDER BY i ROWS 1 PRECEDING) AS n FROM n`;
      expect(await rejection(db.all(query))).toMatchObject({ code: 'ERR_FUNCTION', cause: reason });
      fails = false;
      expect(await db.all(`${query} LIMIT 3`)).toEqual([{ n: 1 }, { n: 2 }, { n: 2 }]);
    },
  );

  test('in start is told over no rows, too', async () => {
    const db = await on.connect();
    await db.createAggregate('bad', {
      start: () => {
        throw new Error('in start');
      },
      step: (n: number) => n,
    });
    expect(await rejection(db.get('SELECT bad() WHERE 0'))).toMatchObject({ cause: { message: 'in start' } });
  });

  test('in a write undoes it', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.createAggregate('bad', {
      start: () => 0,
      step: (n, x) => {
        if (Number(x) === 7) throw new Error('seven');
        return n + Number(x);
      },
    });
    const writes = await Promise.allSettled([
      db.run('INSERT INTO t VALUES (1)'),
      db.run(`${NUMBERS} INSERT INTO t SELECT bad(i) FROM n GROUP BY i`),
      db.run('INSERT INTO t VALUES (2)'),
    ]);
    expect(writes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }, { x: 2 }]);
  });

  test('is the only thing that runs: after it no result is made', async () => {
    const db = await on.connect();
    let results = 0;
    await db.createAggregate('bad', {
      start: () => 0,
      step: (n, x) => {
        if (Number(x) === 3) throw new Error('three');
        return n;
      },
      result: (n) => {
        results++;
        return n;
      },
    });
    await rejection(db.get(`${NUMBERS} SELECT bad(i) FROM n`));
    expect(results).toBe(0);
  });

  test('a Promise as result is refused', async () => {
    const db = await on.connect();
    await db.createAggregate('later', { start: () => 0, step: (n) => n, result: (async () => 1) as never });
    expect(await rejection(db.get('SELECT later()'))).toMatchObject({
      code: 'ERR_FUNCTION',
      cause: { code: 'ERR_INVALID_ARG_TYPE' },
    });
    await db.createAggregate('never', { start: () => 0, step: (async (n: number) => n) as never });
    expect(await rejection(db.get('SELECT never()'))).toMatchObject({
      code: 'ERR_FUNCTION',
      cause: { code: 'ERR_INVALID_ARG_TYPE' },
    });
  });
});

describe('misuse', () => {
  const good = { start: () => 0, step: (n: number) => n };
  test.each([
    ['no name', undefined, good],
    ['what is no object', 'f', () => 1],
    ['null', 'f', null],
    ['no start', 'f', { step: good.step }],
    ['a start that is a value', 'f', { start: 0, step: good.step }],
    ['no step', 'f', { start: good.start }],
    ['an inverse that is no function', 'f', { ...good, inverse: true }],
    ['a result that is no function', 'f', { ...good, result: 'state' }],
  ])('%s rejects ERR_INVALID_ARG_TYPE', async (_, name, aggregate) => {
    const db = await on.connect();
    expect(await rejection(db.createAggregate(name as never, aggregate as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });

  test('directOnly keeps it out of triggers', async () => {
    const db = await on.connect();
    await db.createAggregate('total', sumOf, { directOnly: true });
    await db.exec('CREATE TABLE t (x); CREATE VIEW v AS SELECT total(x) AS s FROM t; INSERT INTO t VALUES (1)');
    expect(await db.get('SELECT total(x) AS s FROM t')).toEqual({ s: 1 });
    expect(await rejection(db.get('SELECT s FROM v'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });
});
