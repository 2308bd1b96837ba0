import type { Connection } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();

/** The texts, ordered by SQL. */
async function ordered(db: Connection, collation: string, texts: string[], direction = ''): Promise<string[]> {
  const list = texts.map(() => '(?)').join();
  const rows = await db.all<[string]>(
    `SELECT column1 FROM (VALUES ${list}) ORDER BY 1 COLLATE ${collation} ${direction}`,
    texts,
    {
      rowMode: 'array',
    },
  );
  return rows.map(([text]) => text);
}

const byLength = (a: string, b: string) => a.length - b.length;

describe('createCollation()', () => {
  test('orders texts', async () => {
    const db = await on.connect();
    await db.createCollation('by_length', byLength);
    expect(await ordered(db, 'by_length', ['ccc', 'a', 'bb'])).toEqual(['a', 'bb', 'ccc']);
    expect(await ordered(db, 'BY_LENGTH', ['ccc', 'a', 'bb'], 'DESC')).toEqual(['ccc', 'bb', 'a']);
  });

  test('orders as Intl.Collator does', async () => {
    const db = await on.connect();
    const { compare } = new Intl.Collator('de');
    await db.createCollation('de', compare);
    const texts = ['Zebra', 'äpfel', 'Apfel', 'zebra', 'Ärger', 'ß', 'ss', '😀', ''];
    expect(await ordered(db, 'de', texts)).toEqual([...texts].sort(compare));
  });

  test('compares in WHERE, in DISTINCT, in an index and in a unique column', async () => {
    const db = await on.connect();
    await db.createCollation('fold', (a, b) => a.toLowerCase().localeCompare(b.toLowerCase()));
    await db.exec('CREATE TABLE t (x TEXT COLLATE fold UNIQUE); CREATE INDEX i ON t (x COLLATE fold DESC)');
    await db.run("INSERT INTO t VALUES ('Ärger'), ('b'), ('C')");
    expect(await db.all("SELECT x FROM t WHERE x = 'ÄRGER'")).toEqual([{ x: 'Ärger' }]);
    expect(await db.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: 'Ärger' }, { x: 'b' }, { x: 'C' }]);
    expect(await rejection(db.run("INSERT INTO t VALUES ('B')"))).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
    expect(await db.get("SELECT count(DISTINCT column1 COLLATE fold) AS n FROM (VALUES ('a'), ('A'), ('b'))")).toEqual({
      n: 2,
    });
    expect((await db.integrityCheck()).ok).toBe(true);
  });

  test('gets texts as they are', async () => {
    const db = await on.connect();
    const seen = new Set<string>();
    await db.createCollation('see', (a, b) => {
      seen.add(a).add(b);
      return a < b ? -1 : a > b ? 1 : 0;
    });
    const texts = ['', 'a\0b', 'ä', '😀', 'x'.repeat(100_000)];
    await ordered(db, 'see', texts);
    expect([...seen].sort()).toEqual([...texts].sort());
  });

  test.each([
    ['Infinity', Infinity, -Infinity],
    ['fractions', 0.1, -0.1],
    ['numbers beyond 32 bits', 2 ** 40, -(2 ** 40)],
  ])('takes %s as an order', async (_, more, less) => {
    const db = await on.connect();
    await db.createCollation('c', (a, b) => (a > b ? more : a < b ? less : -0));
    expect(await ordered(db, 'c', ['b', 'c', 'a'])).toEqual(['a', 'b', 'c']);
  });

  test('can be defined again', async () => {
    const db = await on.connect();
    await db.createCollation('c', byLength);
    expect(await ordered(db, 'c', ['bb', 'a'])).toEqual(['a', 'bb']);
    await db.createCollation('C', (a, b) => byLength(b, a));
    expect(await ordered(db, 'c', ['bb', 'a'])).toEqual(['bb', 'a']);
  });

  test('is one thing, a function of that name another', async () => {
    const db = await on.connect();
    await db.createCollation('both', byLength);
    await db.createFunction('both', (a, b) => `${a}${b}`);
    expect(await ordered(db, 'both', ['bb', 'a'])).toEqual(['a', 'bb']);
    expect(await db.get("SELECT both('a', 'b') AS x")).toEqual({ x: 'ab' });
  });
});

describe('a comparison that throws', () => {
  async function moody() {
    const db = await on.connect();
    const mood = { bad: false, calls: 0 };
    await db.createCollation('c', (a, b) => {
      mood.calls++;
      if (mood.bad) throw new Error('in a bad mood');
      return a < b ? -1 : a > b ? 1 : 0;
    });
    await db.exec("CREATE TABLE t (x TEXT COLLATE c); CREATE INDEX i ON t (x); INSERT INTO t VALUES ('b'), ('d')");
    return { db, mood };
  }

  test('rejects the call with its cause, and is not asked again', async () => {
    const { db, mood } = await moody();
    mood.bad = true;
    mood.calls = 0;
    const error = await rejection(
      ordered(
        db,
        'c',
        Array.from({ length: 200 }, (_, i) => `${i}`),
      ),
    );
    expect(error).toMatchObject({ code: 'ERR_FUNCTION', cause: { message: 'in a bad mood' } });
    expect(mood.calls).toBe(1);
    mood.bad = false;
    expect(await ordered(db, 'c', ['b', 'a'])).toEqual(['a', 'b']);
  });

  test.each([
    ['an INSERT', "INSERT INTO t VALUES ('c')"],
    ['an INSERT that RETURNs', "INSERT INTO t VALUES ('c') RETURNING x"],
    ['an UPDATE', "UPDATE t SET x = 'c' WHERE rowid = 1"],
    ['a DELETE', "DELETE FROM t WHERE x > 'a'"],
    ['CREATE INDEX', 'CREATE INDEX another ON t (x)'],
    ['REINDEX', 'REINDEX t'],
  ])('in %s changes nothing, in no way of calling it', async (_, text) => {
    const { db, mood } = await moody();
    const ways: (() => Promise<unknown>)[] = [
      () => db.run(text),
      () => db.all(text),
      () => db.exec(text),
      async () => {
        // Both to their end: the second must not run when the mood is good again.
        const [first] = await Promise.allSettled([db.run(text), db.run(text)]);
        if (first.status === 'rejected') throw first.reason;
      },
      () => db.batch([{ sql: text }]),
      () => db.transaction(async (tx) => void (await tx.all(text))),
      () => db.transaction(async (tx) => void (await tx.run(text).catch(() => {}))),
    ];
    for (const call of ways) {
      mood.bad = true;
      const error = await rejection(call());
      expect(['ERR_FUNCTION', 'ERR_TRANSACTION_CLOSED']).toContain(error.code);
      mood.bad = false;
      expect(await db.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: 'b' }, { x: 'd' }]);
      expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
    }
  });

  test('in a write that shares a commit takes none of the others with it', async () => {
    const { db, mood } = await moody();
    await db.exec('CREATE TABLE plain (x)');
    mood.bad = true;
    const results = await Promise.allSettled([
      db.run("INSERT INTO plain VALUES ('one')"),
      db.run("INSERT INTO t VALUES ('c')"),
      db.run("INSERT INTO plain VALUES ('two')"),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    mood.bad = false;
    expect(await db.all('SELECT x FROM plain ORDER BY x')).toEqual([{ x: 'one' }, { x: 'two' }]);
    expect(await db.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: 'b' }, { x: 'd' }]);
  });

  test('does not hit an iterator that is open, nor what runs beside it', async () => {
    const { db, mood } = await moody();
    const rows = db.iterate('SELECT x FROM t', [], { batchSize: 1 });
    await rows.next();
    mood.bad = true;
    await rejection(ordered(db, 'c', ['a', 'b', 'c']));
    expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
    mood.bad = false;
    expect(await rows.next()).toMatchObject({ done: false });
    await rows.return();
  });

  test.each([
    ['a text', 'less', 'ERR_INVALID_ARG_TYPE'],
    ['undefined', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['a boolean', true, 'ERR_INVALID_ARG_TYPE'],
    ['a bigint', 1n, 'ERR_INVALID_ARG_TYPE'],
    ['a Promise', Promise.resolve(1), 'ERR_INVALID_ARG_TYPE'],
    ['NaN, which is no order', Number.NaN, 'ERR_OUT_OF_RANGE'],
  ])('and so is one that gives %s', async (_, order, code) => {
    const db = await on.connect();
    await db.createCollation('c', () => order as never);
    expect(await rejection(ordered(db, 'c', ['a', 'b']))).toMatchObject({ code: 'ERR_FUNCTION', cause: { code } });
  });
});

describe('misuse', () => {
  test.each([
    ['no name', undefined, byLength, 'ERR_INVALID_ARG_TYPE'],
    ['an empty name', '', byLength, 'ERR_OUT_OF_RANGE'],
    ['what is no function', 'c', 'a < b', 'ERR_INVALID_ARG_TYPE'],
  ])('%s rejects', async (_, name, compare, code) => {
    const db = await on.connect();
    expect(await rejection(db.createCollation(name as never, compare as never))).toMatchObject({ code });
  });

  test('a collation that is not there is an error of the SQL', async () => {
    const db = await on.connect();
    expect((await rejection(ordered(db, 'missing', ['a']))).code).toMatch(/^SQLITE_ERROR/);
  });
});

describe('native collations', () => {
  test('UNICODE_NOCASE ignores case beyond ASCII', async () => {
    const db = await on.connect();
    expect(
      await db.get("SELECT 'ÄRGER' = 'ärger' COLLATE UNICODE_NOCASE AS a, 'Σ' = 'ς' COLLATE UNICODE_NOCASE AS b"),
    ).toEqual({ a: 1, b: 1 });
    expect(await db.get("SELECT 'a' = 'b' COLLATE UNICODE_NOCASE AS a, 'a' = 'ä' COLLATE UNICODE_NOCASE AS b")).toEqual(
      { a: 0, b: 0 },
    );
    expect(await ordered(db, 'UNICODE_NOCASE', ['b', 'A', 'a', 'B'])).toEqual(
      expect.arrayContaining(['A', 'a', 'b', 'B']),
    );
    expect((await ordered(db, 'UNICODE_NOCASE', ['b', 'A', 'C'])).join('')).toBe('AbC');
  });

  test('NATURAL_NOCASE orders numbers in texts by their value', async () => {
    const db = await on.connect();
    expect(await ordered(db, 'NATURAL_NOCASE', ['file 10', 'File 2', 'file 1', 'file'])).toEqual([
      'file',
      'file 1',
      'File 2',
      'file 10',
    ]);
  });

  test('are on every connection of a pool, and can be in the schema', async () => {
    const pool = on.pool({ poolSize: 3 });
    await pool.exec('CREATE TABLE t (x TEXT COLLATE NATURAL_NOCASE UNIQUE)');
    await pool.run("INSERT INTO t VALUES ('v10'), ('v9')");
    expect(await pool.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: 'v9' }, { x: 'v10' }]);
  });
});
