import { type Connection, type RowIterator, sql } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { busyReaders } from '../../support/busy.js';
import { run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { ENDLESS, sleep, until } from '../../support/time.js';
import { collect, fillItems } from './support/rows.js';

const on = databases();
const script = (name: string) => new URL(`support/${name}`, import.meta.url);

async function items(count = 10, options = {}): Promise<Connection> {
  const db = await on.connect(options);
  await fillItems(db, count);
  return db;
}

/** What an open statement of this connection would prevent. */
async function expectNothingOpen(db: Connection): Promise<void> {
  await db.backup(on.file('nothing-open.db'));
  await db.exec('DROP TABLE item');
  expect(await db.get('PRAGMA journal_mode = truncate')).toEqual({ journal_mode: 'truncate' });
  expect(await db.get('PRAGMA journal_mode = wal')).toEqual({ journal_mode: 'wal' });
}

describe('iterate()', () => {
  test.each([1, 2, 3, 9, 10, 11, 1_000])('gives each row once and in order, in batches of %i', async (batchSize) => {
    const db = await items(10);
    const ids = (await collect(db.iterate('SELECT id FROM item ORDER BY id', [], { batchSize }))).map(({ id }) => id);
    expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('gives nothing for no rows', async () => {
    const db = await items();
    expect(await collect(db.iterate('SELECT * FROM item WHERE id > 100'))).toEqual([]);
  });

  test('gives the same rows as all(), of every type, over many batches', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (a, b)');
    const values = [null, 1, -1.5, 2n ** 60n, 'text', 'ä😀\u0000', new Uint8Array([0, 255]), new Uint8Array(0)];
    await db.executeMany(
      'INSERT INTO t VALUES (?, ?)',
      Array.from({ length: 3_000 }, (_, i) => [values[i % values.length]!, i]),
    );
    const expected = await db.all('SELECT * FROM t');
    for (const batchSize of [7, 1_000]) {
      expect(await collect(db.iterate('SELECT * FROM t', [], { batchSize }))).toEqual(expected);
    }
  });

  test('takes parameters, a Query, rowMode and jsonColumns', async () => {
    const db = await items();
    expect(await collect(db.iterate('SELECT id FROM item WHERE id > :least', { least: 8 }))).toEqual([
      { id: 9 },
      { id: 10 },
    ]);
    expect(await collect(db.iterate(sql`SELECT id FROM item WHERE id > ${9}`))).toEqual([{ id: 10 }]);
    expect(await collect(db.iterate(sql`SELECT id, id FROM item WHERE id > ${9}`, { rowMode: 'array' }))).toEqual([
      [10, 10],
    ]);
    expect(await collect(db.iterate(`SELECT '{"a":[1]}' AS j`, [], { jsonColumns: ['j'] }))).toEqual([
      { j: { a: [1] } },
    ]);
  });

  test.each([
    ['mixed', [1, 2n ** 53n]],
    ['bigint', [1n, 2n ** 53n]],
  ] as const)('gives integers as integerMode %s says', async (integerMode, expected) => {
    const db = await on.connect({ integerMode });
    const rows = await collect(db.iterate('VALUES (1), (9007199254740992)', [], { rowMode: 'array', batchSize: 1 }));
    expect(rows.flat()).toEqual(expected);
  });

  test("rejects with integerMode 'number' where no number is exact, after the rows before it", async () => {
    const db = await on.connect({ integerMode: 'number' });
    const rows = db.iterate('VALUES (1), (9007199254740992)', [], { rowMode: 'array', batchSize: 1 });
    expect(await rows.next()).toEqual({ done: false, value: [1] });
    expect(await rejection(rows.next())).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    expect(await rows.next()).toEqual({ done: true, value: undefined });
  });

  test('takes its values at the moment of the call', async () => {
    const db = await items();
    const params = [9];
    const bytes = new Uint8Array([1, 2]);
    const rows = db.iterate('SELECT id FROM item WHERE id > ?', params);
    const blobs = db.iterate('SELECT ? AS b', [bytes]);
    params[0] = 0;
    bytes.fill(9);
    expect(await collect(rows)).toEqual([{ id: 10 }]);
    expect(await collect(blobs)).toEqual([{ b: new Uint8Array([1, 2]) }]);
  });

  test('goes on being at its end', async () => {
    const db = await items();
    const rows = db.iterate('SELECT id FROM item WHERE id = 1');
    expect(await rows.next()).toEqual({ done: false, value: { id: 1 } });
    for (let i = 0; i < 3; i++) expect(await rows.next()).toEqual({ done: true, value: undefined });
    expect(await rows.return()).toEqual({ done: true, value: undefined });
  });

  test('runs hundreds of iterators side by side on one connection', async () => {
    const db = await items(50);
    const all = Array.from({ length: 200 }, () => collect(db.iterate('SELECT id FROM item', [], { batchSize: 7 })));
    for (const rows of await Promise.all(all)) expect(rows).toHaveLength(50);
    await expectNothingOpen(db);
  });
});

describe('misuse of iterate()', () => {
  test.each([
    ['batchSize 0', { batchSize: 0 }, 'ERR_OUT_OF_RANGE'],
    ['batchSize 1.5', { batchSize: 1.5 }, 'ERR_OUT_OF_RANGE'],
    ['batchSize "10"', { batchSize: '10' }, 'ERR_INVALID_ARG_TYPE'],
    ['rowMode "rows"', { rowMode: 'rows' }, 'ERR_INVALID_ARG_TYPE'],
    ['a signal that is none', { signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    ['timeoutMs -1', { timeoutMs: -1 }, 'ERR_OUT_OF_RANGE'],
  ])('%s rejects with the first row and throws nothing before', async (_, options, code) => {
    const db = await items();
    const rows = db.iterate('SELECT 1', [], options as never);
    expect(await rejection(rows.next())).toMatchObject({ code });
    expect(await rows.next()).toEqual({ done: true, value: undefined });
  });

  test.each([
    ['SQL that is none', 1, [], 'ERR_INVALID_ARG_TYPE'],
    ['undefined as a value', 'SELECT ?', [undefined], 'ERR_INVALID_ARG_TYPE'],
    ['a missing value', 'SELECT ?', [], 'ERR_PARAMETERS'],
    ['a surplus value', 'SELECT 1', [1], 'ERR_PARAMETERS'],
    ['a syntax error', 'SELEKT 1', [], 'SQLITE_ERROR'],
    ['two statements', 'SELECT 1; SELECT 2', [], 'ERR_STATEMENT_COUNT'],
    ['no statement', ' -- nothing', [], 'ERR_STATEMENT_COUNT'],
  ])('%s rejects with the first row', async (_, text, params, code) => {
    const db = await items();
    expect(await rejection(collect(db.iterate(text as never, params as never)))).toMatchObject({ code });
  });

  test.each([
    "INSERT INTO item (name) VALUES ('x') RETURNING id",
    'UPDATE item SET name = 1 RETURNING id',
    'DELETE FROM item',
    'CREATE TABLE u (x)',
    'BEGIN',
    'PRAGMA user_version = 5',
    'VACUUM',
  ])('a statement that writes is refused, and does nothing: %s', async (text) => {
    const db = await items();
    const error = await rejection(collect(db.iterate(text)));
    expect(error.code).toBe('ERR_NOT_A_READ');
    expect(error).toMatchObject({ name: 'AiosqliteError' });
    expect(await db.all('SELECT count(*) AS n, min(name) AS name FROM item')).toEqual([{ n: 10, name: 'item 1' }]);
    expect(db.inTransaction).toBe(false);
    expect(await db.get('PRAGMA user_version')).toEqual({ user_version: 0 });
  });

  test('an error half-way rejects after the rows before it, and lets go', async () => {
    const db = await items(2_000);
    const rows = db.iterate('SELECT CASE id WHEN 1500 THEN abs(-9223372036854775808) ELSE id END AS n FROM item');
    let last = 0;
    const error = await rejection(
      (async () => {
        for await (const { n } of rows) last = Number(n);
      })(),
    );
    expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_ERROR' });
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThan(1_500);
    await expectNothingOpen(db);
  });

  test('invalid JSON half-way rejects naming the column', async () => {
    const db = await on.connect();
    const rows = db.iterate(`VALUES ('1'), ('{')`, [], { jsonColumns: ['column1'], batchSize: 1 });
    expect(await rows.next()).toEqual({ done: false, value: { column1: 1 } });
    expect(await rejection(rows.next())).toMatchObject({ code: 'ERR_INVALID_JSON', column: 'column1' });
  });

  test('a second loop over one iterator is refused, and the first goes on', async () => {
    const db = await items();
    const rows = db.iterate('SELECT id FROM item', [], { batchSize: 2 });
    let count = 0;
    for await (const _ of rows) {
      if (++count === 3) expect(await rejection(collect(rows))).toMatchObject({ code: 'ERR_ITERATOR_BUSY' });
    }
    expect(count).toBe(10);
  });

  test('next() before the one before it has settled is refused, and no row is lost', async () => {
    const db = await items();
    const rows = db.iterate<{ id: number }>('SELECT id FROM item', [], { batchSize: 1 });
    const [first, second] = await Promise.allSettled([rows.next(), rows.next()]);
    expect(first).toMatchObject({ status: 'fulfilled', value: { value: { id: 1 } } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ERR_ITERATOR_BUSY' } });
    expect((await collect(rows)).map(({ id }) => id)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe('back-pressure', () => {
  test('the worker is one batch ahead of the consumer, and no more', async () => {
    const db = await items(100);
    let read = 0;
    await db.createFunction('seen', (id) => {
      read++;
      return id;
    });
    const rows = db.iterate('SELECT seen(id) AS id FROM item', [], { batchSize: 10 });
    await rows.next();
    await until(() => read === 20);
    for (let i = 0; i < 9; i++) await rows.next();
    await sleep(20);
    expect(read).toBe(20);
    await rows.next();
    await until(() => read === 30);
    await rows.return();
    await sleep(20);
    expect(read).toBe(30);
  });

  test('rows as wide as batches cross one by one', async () => {
    const db = await on.connect();
    let read = 0;
    await db.createFunction('wide', (i) => {
      read++;
      return String(i).padEnd(300_000, 'x');
    });
    const rows = db.iterate<{ w: string }>(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT wide(i) AS w FROM n',
    );
    await rows.next();
    await until(() => read === 2);
    await sleep(20);
    expect(read).toBe(2);
    let last = '';
    for await (const { w } of rows) last = w;
    expect(last).toHaveLength(300_000);
    expect(last.startsWith('50x')).toBe(true);
  });
});

describe('an iterator lets go of its statement', () => {
  const open = (db: Connection, options = {}) =>
    db.iterate('SELECT * FROM item', [], { batchSize: 1, ...options }) as RowIterator<unknown>;

  test('at its end', async () => {
    const db = await items();
    await collect(open(db));
    await expectNothingOpen(db);
  });

  test('by break', async () => {
    const db = await items();
    for await (const _ of open(db)) break;
    await expectNothingOpen(db);
  });

  test('by an exception in the loop', async () => {
    const db = await items();
    const reason = new Error('of the loop');
    const loop = async () => {
      for await (const _ of open(db)) throw reason;
    };
    expect(await rejection(loop())).toBe(reason);
    await expectNothingOpen(db);
  });

  test('by return(), before the first row too', async () => {
    const db = await items();
    await open(db).return();
    const rows = open(db);
    await rows.next();
    await rows.return();
    expect(await rows.next()).toEqual({ done: true, value: undefined });
    await expectNothingOpen(db);
  });

  test('by return() while next() is on its way, which then is the end', async () => {
    const db = await items();
    const rows = open(db);
    const next = rows.next();
    await rows.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await rows.next()).toEqual({ done: true, value: undefined });
    await expectNothingOpen(db);
  });

  test('by Symbol.asyncDispose', async () => {
    const db = await items();
    const rows = open(db);
    await rows.next();
    await rows[Symbol.asyncDispose]();
    await expectNothingOpen(db);
  });

  test('by its signal, which rejects the loop with the reason', async () => {
    const db = await items();
    const abort = new AbortController();
    const reason = new Error('enough');
    let count = 0;
    const loop = async () => {
      for await (const _ of open(db, { signal: abort.signal, batchSize: 100 })) if (++count === 3) abort.abort(reason);
    };
    expect(await rejection(loop())).toBe(reason);
    expect(count).toBe(3); // not even the rows that were here already
    await expectNothingOpen(db);
  });

  test('by its signal at once, whoever asks for the next row and when', async () => {
    const db = await items();
    const abort = new AbortController();
    const rows = open(db, { signal: abort.signal });
    await rows.next();
    abort.abort(new Error('enough'));
    await expectNothingOpen(db);
    expect(await rejection(rows.next())).toBe(abort.signal.reason);
    expect(await rows.next()).toEqual({ done: true, value: undefined });
  });

  test('by its signal in the middle of a step', async () => {
    const db = await items();
    const abort = new AbortController();
    const rows = db.iterate(ENDLESS, [], { signal: abort.signal });
    const next = rejection(rows.next());
    await until(() => db.stats().running);
    abort.abort(new Error('enough'));
    expect(await next).toBe(abort.signal.reason);
    await expectNothingOpen(db);
  });

  test('with a signal that was aborted before', async () => {
    const db = await items();
    expect(await rejection(open(db, { signal: AbortSignal.abort('before') }).next())).toBe('before');
    await expectNothingOpen(db);
  });

  test('by its deadline, which is that of the whole iteration', async () => {
    const db = await items(1_000);
    let rows = open(db, { timeoutMs: 60 });
    // On a slow machine it may pass before the first row: again.
    while ((await rows.next().catch(() => undefined)) === undefined) rows = open(db, { timeoutMs: 60 });
    await sleep(80);
    await expectNothingOpen(db);
    expect(await rejection(rows.next())).toMatchObject({ code: 'ERR_TIMEOUT' });
    const late = await rejection(collect(db.iterate(ENDLESS, [], { timeoutMs: 30 })));
    expect(late).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  test('by garbage collection, with a warning that names the database', async () => {
    const db = await items();
    await db.close();
    const { code, stdout } = await run(script('forget-iterator.mjs'), [on.file(), 'connection'], ['--expose-gc']);
    expect(code).toBe(0);
    expect(stdout).toContain('held true');
    expect(stdout).toContain('released true');
    expect(stdout).toMatch(/AiosqliteWarning: .*iterator.*test\.db/);
  });

  test('even where no call more may wait', async () => {
    const db = await items(10, { maxPending: 1 });
    const rows = open(db);
    await rows.next();
    await rows.next();
    const calls = [1, 2, 3].map(() => db.get('SELECT 1').catch(({ code }) => code));
    await rows.return();
    expect(await Promise.all(calls)).toContain('ERR_QUEUE_FULL');
    await until(() => db.stats().pending === 0);
    await expectNothingOpen(db);
  });

  test('and a thousand that were abandoned half-way leave nothing open', async () => {
    const db = await items(100);
    for (let i = 0; i < 1_000; i++) for await (const _ of open(db, { batchSize: 1 + (i % 20) })) break;
    await expectNothingOpen(db);
  });
});

describe('while an iterator is open', () => {
  test('other calls run between its batches, writes too', async () => {
    const db = await items(10);
    const seen: unknown[] = [];
    for await (const { id } of db.iterate('SELECT id FROM item ORDER BY id', [], { batchSize: 2 })) {
      seen.push(id);
      if (Number(id) <= 3) await db.run('INSERT INTO item VALUES (?, ?)', [100 + Number(id), 'written meanwhile']);
      if (id === 4) await db.run('UPDATE item SET name = ? WHERE id = 1', ['changed']);
    }
    expect(seen.slice(0, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await db.get('SELECT count(*) AS n FROM item')).toEqual({ n: 13 });
  });

  test('writes that share a commit, transactions and batches are committed beside it', async () => {
    const db = await items(10, { journalMode: 'wal' });
    const other = await on.connect();
    const rows = db.iterate('SELECT id FROM item', [], { batchSize: 1 });
    await rows.next();
    await Promise.all([1, 2, 3].map((i) => db.run("INSERT INTO item (name) VALUES ('shared' || ?)", [i])));
    await db.transaction(async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('in a transaction')");
    });
    await db.batch([{ sql: "INSERT INTO item (name) VALUES ('in a batch')" }]);
    expect(await other.get('SELECT count(*) AS n FROM item')).toEqual({ n: 15 });
    expect((await collect(rows)).length).toBeGreaterThanOrEqual(9);
  });

  test('a write after another process has committed answers SQLITE_BUSY_SNAPSHOT and names the iterator', async () => {
    const db = await items(10, { journalMode: 'wal' });
    const rows = db.iterate('SELECT id FROM item', [], { batchSize: 1 });
    await rows.next();
    const { code } = await run(script('commit.mjs'), [on.file(), "INSERT INTO item (name) VALUES ('theirs')"]);
    expect(code).toBe(0);
    const alone = await rejection(db.run("INSERT INTO item (name) VALUES ('ours')"));
    expect(alone).toMatchObject({ code: 'SQLITE_BUSY_SNAPSHOT', errcode: 517 });
    expect(alone.message).toContain('iterator');
    const together = await Promise.all([1, 2].map(() => rejection(db.run("INSERT INTO item (name) VALUES ('ours')"))));
    for (const error of together) expect(error.message).toContain('iterator');
    expect(await collect(rows)).toHaveLength(9);
    await db.run("INSERT INTO item (name) VALUES ('ours')");
    expect(await db.get('SELECT count(*) AS n FROM item')).toEqual({ n: 12 });
  });

  test('DDL on what it reads is refused, and works once it has ended', async () => {
    const db = await items();
    const rows = db.iterate('SELECT * FROM item', [], { batchSize: 1 });
    await rows.next();
    expect(await rejection(db.exec('DROP TABLE item'))).toMatchObject({ code: 'SQLITE_LOCKED' });
    await rows.return();
    await db.exec('DROP TABLE item');
  });

  test('a transaction that is rolled back does not end it', async () => {
    const db = await items();
    const rows = db.iterate<{ id: number }>('SELECT id FROM item ORDER BY id', [], { batchSize: 1 });
    await rows.next();
    const rolledBack = db.transaction(async (tx) => {
      await tx.run("INSERT INTO item VALUES (50, 'x')");
      throw new Error('back');
    });
    expect(await rejection(rolledBack)).toMatchObject({ message: 'back' });
    expect((await collect(rows)).map(({ id }) => id)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('close() does not wait for its end; the iterator rejects ERR_CLOSED, and return() does not hang', async () => {
    const db = await items();
    const rows = db.iterate('SELECT id FROM item', [], { batchSize: 1 });
    await rows.next();
    await db.close();
    const error = await rejection(collect(rows));
    expect(error).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await rows.return()).toEqual({ done: true, value: undefined });
  });

  test('a statement that SQLite has to prepare anew keeps its place', async () => {
    const db = await items();
    const rows = db.iterate<{ id: number }>('SELECT id FROM item ORDER BY id', [], { batchSize: 1 });
    await rows.next();
    await db.exec('CREATE TABLE another (x)');
    expect((await collect(rows)).map(({ id }) => id)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('the process may end', async () => {
    const db = await items();
    await db.close();
    const { code } = await run(script('open-at-exit.mjs'), [on.file(), 'iterate']);
    expect(code).toBe(0);
  });
});

describe('an iterator in a transaction', () => {
  test('sees what the transaction has written, and other calls of it run in between', async () => {
    const db = await items(3);
    await db.transaction(async (tx) => {
      await tx.run("INSERT INTO item VALUES (4, 'own')");
      const seen: unknown[] = [];
      for await (const { id } of tx.iterate('SELECT id FROM item ORDER BY id', [], { batchSize: 1 })) {
        seen.push(id);
        await tx.run('UPDATE item SET name = ? WHERE id = ?', ['seen', id as number]);
      }
      expect(seen).toEqual([1, 2, 3, 4]);
    });
    expect(await db.get("SELECT count(*) AS n FROM item WHERE name = 'seen'")).toEqual({ n: 4 });
  });

  test('ends with it: ERR_TRANSACTION_CLOSED, and return() does not hang', async () => {
    const db = await items();
    let rows: RowIterator<unknown> | undefined;
    await db.transaction(async (tx) => {
      rows = tx.iterate('SELECT id FROM item', [], { batchSize: 1 });
      await rows.next();
    });
    expect(await rejection(collect(rows!))).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
    expect(await rows!.return()).toEqual({ done: true, value: undefined });
    await expectNothingOpen(db);
  });

  test('does not keep it from being committed or rolled back', async () => {
    const db = await items();
    for (const commit of [true, false]) {
      const done = db.transaction(async (tx) => {
        await tx.run('UPDATE item SET name = ?', [String(commit)]);
        await tx.iterate('SELECT id FROM item', [], { batchSize: 1 }).next();
        if (!commit) throw new Error('back');
      });
      if (commit) await done;
      else expect(await rejection(done)).toMatchObject({ message: 'back' });
    }
    expect(await db.all('SELECT DISTINCT name FROM item')).toEqual([{ name: 'true' }]);
    await expectNothingOpen(db);
  });

  test('in a nested one ends with the nested one', async () => {
    const db = await items();
    await db.transaction(async (tx) => {
      let rows: RowIterator<unknown> | undefined;
      await tx.transaction(async (nested) => {
        rows = nested.iterate('SELECT id FROM item', [], { batchSize: 1 });
        await rows.next();
      });
      expect(await rejection(collect(rows!))).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
      await tx.exec('DROP TABLE item');
    });
  });

  test('from outside of it can be left inside of it without waiting for itself', async () => {
    const db = await items();
    const rows = db.iterate('SELECT id FROM item', [], { batchSize: 1 });
    await rows.next();
    await db.transaction(async () => {
      await rows.return();
    });
    await expectNothingOpen(db);
  });

  test('in read() of a pool sees the snapshot', async () => {
    const pool = on.pool();
    await fillItems(pool, 5);
    const writer = await on.connect();
    await pool.read(async (tx) => {
      await tx.get('SELECT 1 FROM item');
      await writer.run("INSERT INTO item VALUES (6, 'later')");
      expect(await collect(tx.iterate('SELECT id FROM item', [], { batchSize: 2 }))).toHaveLength(5);
    });
  });
});

describe('an iterator on a pool', () => {
  test('holds one snapshot on a reader of its own, while the writer goes on', async () => {
    const pool = on.pool({ poolSize: 3 });
    await fillItems(pool, 10);
    let count = 0;
    for await (const _ of pool.iterate('SELECT * FROM item', [], { batchSize: 1 })) {
      if (++count <= 5) {
        await pool.run("INSERT INTO item (name) VALUES ('later')");
        await pool.transaction(async (tx) => tx.run("INSERT INTO item (name) VALUES ('later')"));
      }
    }
    expect(count).toBe(10);
    expect(await pool.get('SELECT count(*) AS n FROM item')).toEqual({ n: 20 });
  });

  test.each(['end', 'break', 'throw', 'abort', 'return', 'deadline'])('gives its reader back: by %s', async (how) => {
    const pool = on.pool({ poolSize: 2 });
    await fillItems(pool, 10);
    const abort = new AbortController();
    const rows = pool.iterate('SELECT * FROM item', [], {
      batchSize: 1,
      signal: abort.signal,
      ...(how === 'deadline' && { timeoutMs: 50 }),
    });
    const loop = async () => {
      for await (const _ of rows) {
        if (how === 'break') break;
        if (how === 'throw') throw new Error('thrown');
        if (how === 'abort') abort.abort(new Error('thrown'));
        if (how === 'return') await rows.return();
        if (how === 'deadline') await sleep(60);
      }
    };
    const error = await loop().catch((thrown) => thrown);
    if (how === 'throw' || how === 'abort') expect(error).toMatchObject({ message: 'thrown' });
    if (how === 'deadline') expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(await pool.get('SELECT count(*) AS n FROM item', [], { timeoutMs: 60_000 })).toEqual({ n: 10 });
    await pool.exec('DROP TABLE item');
    await until(() => pool.stats().idle === 2);
  });

  test('gives its reader back when its signal is aborted, though nobody asks for a row', async () => {
    const pool = on.pool({ poolSize: 2 });
    await fillItems(pool, 10);
    const abort = new AbortController();
    const rows = pool.iterate('SELECT * FROM item', [], { batchSize: 1, signal: abort.signal });
    await rows.next();
    abort.abort(new Error('enough'));
    expect(await pool.get('SELECT count(*) AS n FROM item', [], { timeoutMs: 60_000 })).toEqual({ n: 10 });
    expect(await rejection(rows.next())).toBe(abort.signal.reason);
  });

  test('can be cancelled and has its deadline while it waits for a reader', async () => {
    const pool = on.pool();
    await fillItems(pool, 10);
    await using busy = await busyReaders(pool, 4);
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('enough')), 30);
    const aborted = rejection(pool.iterate('SELECT * FROM item', [], { signal: abort.signal }).next());
    const late = rejection(pool.iterate('SELECT * FROM item', [], { timeoutMs: 30 }).next());
    expect(await aborted).toBe(abort.signal.reason);
    expect(await late).toMatchObject({ code: 'ERR_TIMEOUT' });
    await busy[Symbol.asyncDispose]();
    expect(await collect(pool.iterate('SELECT * FROM item'))).toHaveLength(10);
  });

  test('that could not begin leaves its reader with the pool', async () => {
    const pool = on.pool({ poolSize: 2 });
    await fillItems(pool, 10);
    for (let i = 0; i < 5; i++) {
      expect(await rejection(pool.iterate('SELEKT').next())).toMatchObject({ code: 'SQLITE_ERROR' });
      expect(await rejection(pool.iterate('DELETE FROM item').next())).toMatchObject({ code: 'ERR_NOT_A_READ' });
      expect(await rejection(pool.iterate('SELECT 1', [], { signal: AbortSignal.abort(7) }).next())).toBe(7);
    }
    expect(await pool.get('SELECT count(*) AS n FROM item', [], { timeoutMs: 60_000 })).toEqual({ n: 10 });
  });

  test('that is forgotten is collected, and its reader comes back', async () => {
    const db = await items();
    await db.close();
    const { code, stdout } = await run(script('forget-iterator.mjs'), [on.file(), 'pool'], ['--expose-gc']);
    expect(code).toBe(0);
    expect(stdout).toContain('held true');
    expect(stdout).toContain('released true');
    expect(stdout).toContain('AiosqliteWarning');
  });

  test('is waited for by close() as long as rows are asked for', async () => {
    const pool = on.pool();
    await fillItems(pool, 12);
    const rows = pool.iterate('SELECT * FROM item', [], { batchSize: 1 });
    await rows.next();
    let closed = false;
    const closing = pool.close().then(() => {
      closed = true;
    });
    // For longer than an idle iterator is left alone.
    for (let i = 0; i < 10; i++) {
      await sleep(30);
      expect(closed).toBe(false);
      expect((await rows.next()).value).toMatchObject({ id: i + 2 });
    }
    await rows.return();
    await closing;
    expect(await rejection(pool.iterate('SELECT 1').next())).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('that is idle is ended by close(), and rejects ERR_CLOSED', async () => {
    const pool = on.pool();
    await fillItems(pool, 10);
    const rows = pool.iterate('SELECT * FROM item', [], { batchSize: 1 });
    await rows.next();
    await pool.close();
    const rest = async () => {
      while (!(await rows.next()).done);
    };
    expect(await rejection(rest())).toMatchObject({ code: 'ERR_CLOSED' });
    await rows.return();
  });

  test('works where there is only one connection', async () => {
    for (const options of [{ poolSize: 1 }, { database: ':memory:' }]) {
      const pool = on.pool(options);
      await fillItems(pool, 10);
      let count = 0;
      for await (const _ of pool.iterate('SELECT * FROM item', [], { batchSize: 1 })) {
        if (++count === 1) await pool.run("INSERT INTO item (name) VALUES ('meanwhile')");
      }
      expect(count).toBeGreaterThanOrEqual(10);
      expect(await rejection(pool.iterate('DELETE FROM item').next())).toMatchObject({ code: 'ERR_NOT_A_READ' });
      await pool.exec('DROP TABLE item');
      await pool.close();
    }
  });

  test('inside withConnection() of a reader runs on that reader', async () => {
    const pool = on.pool({ poolSize: 2 });
    await fillItems(pool, 10);
    await pool.withConnection(async (db) => expect(await collect(db.iterate('SELECT * FROM item'))).toHaveLength(10), {
      role: 'reader',
    });
  });
});
