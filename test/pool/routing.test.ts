import { statSync } from 'node:fs';
import type { Pool, Transaction } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { busyReaders } from '../support/busy.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { COUNT_TO, countFor, ENDLESS, gate, sleep, timed, until } from '../support/time.js';

const on = databases();
let pool: Pool;

beforeEach(async () => {
  pool = on.pool();
  await pool.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
});

/** Runs `work` while the writer, or every reader, can't take a call. */
async function withoutWriter<T>(work: () => Promise<T>): Promise<T> {
  await using _ = await pool.acquire({ role: 'writer' });
  return await work();
}
async function withoutReaders<T>(of: Pool, count: number, work: () => Promise<T>): Promise<T> {
  await using _ = await busyReaders(of, count);
  return await work();
}

describe('a pool', () => {
  test('has every verb', async () => {
    expect(await pool.run('INSERT INTO t (x) VALUES (?)', [1])).toEqual({ changes: 1, lastInsertRowid: 1 });
    expect(await pool.executeMany('INSERT INTO t (x) VALUES (?)', [[2], [3]])).toEqual({ changes: 2 });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 3 });
    expect(await pool.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[1], [2], [3]]);
    expect(await pool.query('DELETE FROM t WHERE x = 3 RETURNING x')).toMatchObject({ changes: 1, rows: [{ x: 3 }] });
    expect(await pool.batch([{ sql: 'DELETE FROM t' }, { sql: 'SELECT count(*) AS n FROM t' }])).toMatchObject([
      { changes: 2 },
      { rows: [{ n: 0 }] },
    ]);
    expect(await pool.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (4)'))).toMatchObject({ changes: 1 });
    expect(await pool.read((tx) => tx.get('SELECT x FROM t'))).toEqual({ x: 4 });
    expect(await pool.get({ sql: 'SELECT :x AS x', params: { x: 5 } })).toEqual({ x: 5 });
  });

  test('sends what only reads to a reader', async () => {
    await withoutWriter(async () => {
      await pool.run('SELECT 1');
      await pool.get('SELECT 1');
      await pool.all('  -- first\n SELECT 1');
      await pool.query('VALUES (1)');
      await pool.all('EXPLAIN QUERY PLAN DELETE FROM t');
      await pool.all('WITH a AS (SELECT 1) SELECT * FROM a');
      await pool.get('PRAGMA user_version');
      await pool.all("PRAGMA table_info('t')");
      await pool.all("SELECT * FROM pragma_table_info('t')");
      await pool.batch([{ sql: 'SELECT 1' }, { sql: 'WITH a AS (SELECT 1) SELECT * FROM a' }]);
      await pool.executeMany('SELECT ?', [[1], [2]]);
      await pool.read((tx) => tx.get('SELECT 1'));
    });
  });

  test('sends all else to the writer', async () => {
    await withoutReaders(pool, 4, async () => {
      await pool.run('INSERT INTO t (x) VALUES (1)');
      await pool.run('WITH a AS (SELECT 1) INSERT INTO t (x) SELECT * FROM a');
      await pool.run('PRAGMA user_version = 1');
      await pool.all('INSERT INTO t (x) VALUES (2) RETURNING id');
      await pool.exec('CREATE TABLE u (x); DROP TABLE u');
      await pool.batch([{ sql: 'SELECT 1' }, { sql: 'DELETE FROM t' }]);
      await pool.transaction((tx) => tx.get('SELECT 1'));
    });
  });

  test.each<[string, string]>([
    ['all', 'WITH a AS (SELECT 5 AS x) INSERT INTO t (x) SELECT x FROM a RETURNING x'],
    ['get', 'WITH a AS (SELECT 5 AS x) INSERT INTO t (x) SELECT x FROM a RETURNING x'],
    ['query', '/* a */ with a AS (SELECT 5 AS x) INSERT INTO t (x) SELECT x FROM a RETURNING x'],
    ['run', 'WITH a AS (SELECT 5 AS x) INSERT INTO t (x) SELECT x FROM a'],
  ])('%s() of a WITH that writes goes to the writer', async (verb, sql) => {
    await (pool as any)[verb](sql);
    expect(await pool.all('SELECT x FROM t')).toEqual([{ x: 5 }]);
    await (pool as any)[verb](sql); // known by now
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('writes keep the order of their calls, also those that begin with WITH or PRAGMA', async () => {
    await Promise.all([
      pool.run("WITH q(a) AS (SELECT 'first') INSERT INTO t (x) SELECT a FROM q"),
      pool.run("INSERT INTO t (x) VALUES ('second')"),
      pool.run('PRAGMA user_version = 1'),
      pool.run('INSERT INTO t (x) SELECT user_version FROM pragma_user_version'),
      pool.run("WITH q AS (SELECT 1) UPDATE t SET x = x || '!'"),
      pool.run("INSERT INTO t (x) VALUES ('last')"),
    ]);
    expect(await pool.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([
      ['first!'],
      ['second!'],
      ['1!'],
      ['last'],
    ]);
  });

  test('a batch whose WITH writes goes to the writer as a whole', async () => {
    const results = await pool.batch([
      { sql: 'SELECT count(*) AS n FROM t' },
      { sql: 'WITH a AS (SELECT ? AS x) INSERT INTO t (x) SELECT x FROM a', params: ['blob'] },
      { sql: 'SELECT count(*) AS n FROM t' },
    ]);
    expect(results.map((result) => result.rows)).toEqual([[{ n: 0 }], [], [{ n: 1 }]]);
    expect(await pool.executeMany('WITH a AS (SELECT ? AS x) INSERT INTO t (x) SELECT x FROM a', [[1], [2]])).toEqual({
      changes: 2,
    });
  });

  test('a batch of reads that fails tells why', async () => {
    const error = await rejection(pool.batch([{ sql: 'SELECT 1' }, { sql: 'SELECT * FROM nowhere' }]));
    expect(error).toMatchObject({ code: 'SQLITE_ERROR', sql: 'SELECT * FROM nowhere' });
    expect(await rejection(pool.batch([{ sql: 'SELECT ?' }]))).toMatchObject({ code: 'ERR_PARAMETERS' });
    expect(await rejection(pool.batch([{ sql: 'SELECT 1; SELECT 2' }]))).toMatchObject({ code: 'ERR_STATEMENT_COUNT' });
  });

  test('a batch of reads sees one moment', async () => {
    const limit = await countFor(pool, 60);
    const reading = pool.batch([
      { sql: 'SELECT count(*) AS n FROM t' },
      { sql: COUNT_TO, params: [limit] },
      { sql: 'SELECT count(*) AS n FROM t' },
    ]);
    await sleep(20);
    await pool.run('INSERT INTO t (x) VALUES (1)');
    const [before, , after] = await reading;
    expect(after?.rows).toEqual(before?.rows);
  });

  test('a write sent to a reader by its first word is refused, not lost', async () => {
    await pool.exec('CREATE INDEX x ON t (x)');
    await pool.withConnection(
      async (reader) => {
        for (const sql of [
          'INSERT INTO t (x) VALUES (1)',
          'UPDATE t SET x = 1',
          'DELETE FROM t',
          'REPLACE INTO t VALUES (1, 1)',
          'CREATE TABLE u (x)',
          'DROP TABLE t',
          'CREATE INDEX i ON t (x)',
          'WITH a AS (SELECT 1) INSERT INTO t (x) SELECT 1',
          'ANALYZE',
          'REINDEX',
          'VACUUM',
        ]) {
          expect(await rejection(reader.run(sql)), sql).toMatchObject({
            name: 'SqliteError',
            code: 'SQLITE_READONLY',
            errcode: 8,
          });
          expect(await rejection(reader.exec(sql)), sql).toMatchObject({ code: 'SQLITE_READONLY' });
        }
        expect(await rejection(reader.executeMany('INSERT INTO t (x) VALUES (?)', [[1]]))).toMatchObject({
          code: 'SQLITE_READONLY',
        });
        expect(await rejection(reader.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }]))).toMatchObject({
          code: 'SQLITE_READONLY',
        });
        expect(await rejection(reader.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (1)')))).toMatchObject({
          code: 'SQLITE_READONLY',
        });
      },
      { role: 'reader' },
    );
    expect(await rejection(pool.read((tx) => tx.run('INSERT INTO t (x) VALUES (1)')))).toMatchObject({
      code: 'SQLITE_READONLY',
    });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });
});

describe('readers', () => {
  test('run side by side: no read waits behind three that never end', async () => {
    const stop = new AbortController();
    const long = [1, 2, 3].map(() => rejection(pool.get(ENDLESS, [], { signal: stop.signal })));
    await until(() => pool.stats().size === 4);
    for (let i = 0; i < 50; i++) expect(await pool.get('SELECT ? AS i', [i])).toEqual({ i });
    stop.abort();
    await Promise.all(long);
  });

  test('no read waits for a write, and no write for a read', async () => {
    const stop = new AbortController();
    const reading = rejection(pool.get(ENDLESS, [], { signal: stop.signal }));
    await pool.run('INSERT INTO t (x) VALUES (1)');
    const writing = rejection(pool.run(`INSERT INTO t (x) ${ENDLESS}`, [], { signal: stop.signal }));
    await sleep(10);
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
    stop.abort();
    await Promise.all([reading, writing]);
  });

  test('are opened as they are needed, and never more than poolSize - 1', async () => {
    const small = on.pool({ poolSize: 3 });
    expect(small.stats()).toMatchObject({ size: 0, idle: 0, waiting: 0 });
    await small.run('INSERT INTO t (x) VALUES (1)');
    expect(small.stats()).toMatchObject({ size: 1 });
    await small.get('SELECT 1');
    expect(small.stats()).toMatchObject({ size: 2 });
    for (let i = 0; i < 10; i++) await small.get('SELECT 1');
    expect(small.stats()).toMatchObject({ size: 2 });
    for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 50 }, () => small.get('SELECT 1')));
    await until(() => small.stats().size === 3);
    expect(small.stats()).toMatchObject({ size: 3, waiting: 0 });
  });

  test('see every write that has resolved', async () => {
    for (let i = 0; i < 300; i++) {
      const { lastInsertRowid } = await pool.run('INSERT INTO t (x) VALUES (?)', [i]);
      const [row, count] = await Promise.all([
        pool.get('SELECT x FROM t WHERE id = ?', [lastInsertRowid]),
        pool.get('SELECT count(*) AS n FROM t'),
      ]);
      expect(row).toEqual({ x: i });
      expect(count).toEqual({ n: i + 1 });
    }
  });

  test('see every write that has resolved, under many writers', async () => {
    await Promise.all(
      Array.from({ length: 30 }, async (_, writer) => {
        for (let i = 0; i < 10; i++) {
          await pool.run('INSERT INTO t (id, x) VALUES (?, ?)', [writer * 100 + i + 1, writer]);
          expect(await pool.get('SELECT count(*) AS n FROM t WHERE x = ?', [writer])).toEqual({ n: i + 1 });
          await pool.transaction((tx) => tx.run('UPDATE t SET x = x WHERE x = ?', [writer]));
        }
      }),
    );
  });

  test('see a schema that changes', async () => {
    await Promise.all(Array.from({ length: 8 }, () => pool.all('SELECT * FROM t')));
    await pool.run('INSERT INTO t (x) VALUES (1)');
    for (let i = 0; i < 5; i++) {
      await pool.exec(`ALTER TABLE t ADD COLUMN y${i} DEFAULT ${i}`);
      for (const row of await Promise.all(Array.from({ length: 8 }, () => pool.get('SELECT * FROM t')))) {
        expect(Object.keys(row as object)).toHaveLength(3 + i);
      }
    }
  });
});

describe('a signal or a deadline', () => {
  test('ends a call wherever it runs, and the others go on', async () => {
    const endlessWith = `WITH a AS (SELECT 1) SELECT * FROM (${ENDLESS})`;
    for (const call of [
      (options: object) => pool.get(ENDLESS, [], options),
      (options: object) => pool.all(endlessWith, [], options),
      (options: object) => pool.run(`INSERT INTO t (x) ${ENDLESS}`, [], options),
      (options: object) => pool.all(`WITH a AS (SELECT 1) INSERT INTO t (x) SELECT * FROM (${ENDLESS})`, [], options),
      (options: object) => pool.batch([{ sql: 'SELECT 1' }, { sql: ENDLESS }], options),
      (options: object) => pool.exec(ENDLESS, options),
    ]) {
      expect(await rejection(call({ timeoutMs: 30 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
      const stop = new AbortController();
      const aborted = rejection(call({ signal: stop.signal }));
      const others = Promise.all([pool.get('SELECT 1 AS one'), pool.run('DELETE FROM t WHERE 0')]);
      await sleep(20);
      stop.abort(new Error('enough'));
      expect(await aborted).toMatchObject({ message: 'enough' });
      await others;
    }
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('ends a call wherever it waits', async () => {
    const small = on.pool({ poolSize: 2 });
    const writer = await small.acquire();
    const busy = await busyReaders(small, 1);
    const stop = new AbortController();
    const { signal } = stop;
    const waiting = [
      small.get('SELECT 1', [], { signal }),
      small.all('WITH a AS (SELECT 1) SELECT * FROM a', [], { signal }),
      small.read(async () => {}, { signal }),
      small.run('INSERT INTO t (x) VALUES (1)', [], { signal }),
      small.transaction(async () => {}, { signal }),
      small.get('SELECT 1', [], { timeoutMs: 40 }),
      small.run('INSERT INTO t (x) VALUES (1)', [], { timeoutMs: 40 }),
      small.transaction(async () => {}, { timeoutMs: 40 }),
    ].map(rejection);
    setTimeout(() => stop.abort(), 30);
    const names = (await Promise.all(waiting)).map((error) => error.code === 'ERR_TIMEOUT' || error.name);
    expect(names).toEqual([...Array(5).fill('AbortError'), true, true, true]);
    writer.release();
    await busy[Symbol.asyncDispose]();
    expect(await small.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });
});

describe('statements that belong to one connection', () => {
  const control = [
    'BEGIN',
    'BEGIN IMMEDIATE',
    'COMMIT',
    'END',
    'ROLLBACK',
    'SAVEPOINT a',
    'RELEASE a',
    'ROLLBACK TO a',
    "ATTACH ':memory:' AS other",
    'DETACH other',
    'PRAGMA foreign_keys = 0',
    'PRAGMA foreign_keys(0)',
    'pragma main.cache_size = 5',
    '/* a */ PRAGMA synchronous = OFF',
    'PRAGMA journal_mode = DELETE',
    'PRAGMA query_only = 0',
    'PRAGMA wal_autocheckpoint = 0',
    'PRAGMA busy_timeout = 1',
    'EXPLAIN PRAGMA foreign_keys = 0',
    'CREATE TEMP TABLE a (x)',
    'CREATE TEMPORARY VIEW a AS SELECT 1',
    'CREATE TEMP TRIGGER a AFTER INSERT ON main.t BEGIN SELECT 1; END',
    'CREATE TABLE temp.a (x)',
    'SELECT last_insert_rowid()',
    'SELECT changes()',
    'SELECT total_changes()',
    'SELECT LAST_INSERT_ROWID() FROM t',
    'INSERT INTO t (x) VALUES (last_insert_rowid())',
    'WITH a AS (SELECT changes() AS n) SELECT * FROM a',
  ];

  test.each(control)('%s is refused by every verb, and has done nothing', async (sql) => {
    for (const call of [
      () => pool.run(sql),
      () => pool.get(sql),
      () => pool.all(sql),
      () => pool.query(sql),
      () => pool.exec(sql),
      () => pool.executeMany(sql, [[]]),
    ]) {
      const error = await rejection(call());
      expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CONTROL_STATEMENT' });
      expect(error.message).toMatch(/transaction\(\)|withConnection\(\)|pragmas/);
    }
    for (const role of ['writer', 'reader'] as const) {
      await pool.withConnection(
        async (db) => {
          expect(await db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
          expect(await db.get('PRAGMA synchronous')).toEqual({ synchronous: 2 });
          expect(await db.get('PRAGMA user_version')).toEqual({ user_version: 0 });
          expect(await db.get('PRAGMA query_only')).toEqual({ query_only: role === 'reader' ? 1 : 0 });
          expect(await db.get('PRAGMA cache_size')).not.toEqual({ cache_size: 5 });
          expect(await db.all('SELECT name FROM sqlite_temp_schema')).toEqual([]);
          const schemas = await db.all<{ name: string }>('PRAGMA database_list');
          expect(schemas.map(({ name }) => name).filter((name) => name !== 'temp')).toEqual(['main']);
        },
        { role },
      );
    }
    expect(await pool.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
    await pool.run('INSERT INTO t (x) VALUES (1)');
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test.each(control.filter((sql) => !/last_insert_rowid|changes/i.test(sql)))(
    '%s is refused inside a transaction, too',
    async (sql) => {
      await pool.transaction(async (tx) => {
        expect(await rejection(tx.run(sql))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
        expect(await rejection(tx.exec(sql))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
        await tx.run('INSERT INTO t (x) VALUES (1)');
      });
      await pool.read(async (tx) => {
        expect(await rejection(tx.run(sql))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
      });
      expect(await rejection(pool.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }, { sql }]))).toMatchObject({
        code: 'ERR_CONTROL_STATEMENT',
      });
      expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
    },
  );

  test('a script stops at one', async () => {
    expect(
      await rejection(pool.exec('INSERT INTO t (x) VALUES (1); BEGIN; INSERT INTO t (x) VALUES (2)')),
    ).toMatchObject({
      code: 'ERR_CONTROL_STATEMENT',
    });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test('what a lease has prepared is still refused to others', async () => {
    await pool.withConnection(async (db) => {
      await db.get('SELECT changes()');
      await db.run('SAVEPOINT a');
      await db.run('RELEASE a');
    });
    expect(await rejection(pool.run('SAVEPOINT a'))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    expect(await rejection(pool.run('INSERT INTO t (x) VALUES (changes())'))).toMatchObject({
      code: 'ERR_CONTROL_STATEMENT',
    });
  });

  test('transactions and leases may ask for last_insert_rowid() and changes()', async () => {
    await pool.transaction(async (tx) => {
      await tx.run('INSERT INTO t (id) VALUES (5)');
      expect(await tx.get('SELECT last_insert_rowid() AS id, changes() AS n')).toEqual({ id: 5, n: 1 });
    });
    await pool.withConnection(async (db) => {
      await db.run('INSERT INTO t (id) VALUES (6)');
      expect(await db.get('SELECT last_insert_rowid() AS id')).toEqual({ id: 6 });
    });
    const [, row] = await pool.batch([
      { sql: 'INSERT INTO t (id) VALUES (7)' },
      { sql: 'SELECT last_insert_rowid() AS id' },
    ]);
    expect(row?.rows).toEqual([{ id: 7 }]);
  });

  test.each<[string, (sql: string) => Promise<unknown>]>([
    ['run', (sql) => pool.run(sql)],
    ['get', (sql) => pool.get(`${sql} RETURNING x`)],
    ['exec', (sql) => pool.exec(sql)],
    ['executeMany', (sql) => pool.executeMany(sql, [[]])],
    ['batch', (sql) => pool.batch([{ sql }])],
    ['transaction', (sql) => pool.transaction((tx) => tx.run(sql))],
    ['withConnection', (sql) => pool.withConnection((db) => db.run(sql))],
  ])('%s() fires triggers that ask for last_insert_rowid() and changes()', async (_, write) => {
    await pool.exec(`
      CREATE TABLE parent (id INTEGER PRIMARY KEY, x); CREATE TABLE child (parent_id, y, n);
      CREATE VIEW both AS SELECT x, y FROM parent JOIN child ON parent_id = id;
      CREATE TRIGGER both_insert INSTEAD OF INSERT ON both BEGIN
        INSERT INTO parent (x) VALUES (new.x);
        INSERT INTO child VALUES (last_insert_rowid(), new.y, changes());
      END`);
    await pool.run('INSERT INTO parent VALUES (40, 0)');
    await Promise.all([pool.run('INSERT INTO t (id) VALUES (7)'), write('INSERT INTO both VALUES (1, 2)')]);
    expect(await pool.get('SELECT * FROM child')).toEqual({ parent_id: 41, y: 2, n: 1 });
  });

  test('an upsert that updates tells no rowid, whatever its triggers ask for', async () => {
    await pool.exec(`
      CREATE TABLE log (n);
      CREATE TRIGGER asks AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (last_insert_rowid()); END;
      INSERT INTO t VALUES (7, 'a'), (9, 'b')`);
    const upsert = "INSERT INTO t VALUES (7, 'c') ON CONFLICT DO UPDATE SET x = excluded.x";
    expect(await pool.run(upsert)).toEqual({ changes: 1, lastInsertRowid: 0 });
    expect(await pool.all('SELECT n FROM log')).toEqual([{ n: 0 }]); // not a neighbour's
  });

  test('PRAGMAs that only ask are answered', async () => {
    expect(await pool.get('PRAGMA user_version')).toEqual({ user_version: 0 });
    expect(await pool.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
    expect(await pool.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(await pool.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
    expect(await pool.all('PRAGMA table_info(t)')).toHaveLength(2);
    expect(await pool.all('PRAGMA foreign_key_check')).toEqual([]);
    expect(await pool.read((tx) => tx.get('PRAGMA page_count'))).toHaveProperty('page_count');
    expect(await pool.all('PRAGMA optimize')).toEqual([]);
  });
});

describe('commits', () => {
  test('are shared by writes that wait together', async () => {
    const before = pool.stats();
    await Promise.all(Array.from({ length: 64 }, (_, i) => pool.run('INSERT INTO t (x) VALUES (?)', [i])));
    const after = pool.stats();
    expect(after.commits - before.commits).toBeGreaterThan(0);
    expect(after.commits - before.commits).toBeLessThanOrEqual(16);
    expect(after.groupedWrites - before.groupedWrites).toBeGreaterThanOrEqual(48);
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 64 });
  });

  test('are counted one by one when writes are awaited one by one', async () => {
    const before = pool.stats();
    for (let i = 0; i < 10; i++) await pool.run('INSERT INTO t (x) VALUES (?)', [i]);
    await pool.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (10)'));
    await pool.batch([{ sql: 'INSERT INTO t (x) VALUES (11)' }]);
    await pool.executeMany('INSERT INTO t (x) VALUES (?)', [[12], [13]]);
    const after = pool.stats();
    expect(after.commits - before.commits).toBe(13);
    expect(after.groupedWrites - before.groupedWrites).toBe(0);
    for (let i = 0; i < 10; i++) await pool.get('SELECT count(*) FROM t');
    await pool.read((tx) => tx.get('SELECT 1'));
    expect(pool.stats().commits).toBe(after.commits);
  });

  test('a write that rejects is no commit', async () => {
    await pool.exec('CREATE UNIQUE INDEX x ON t (x); INSERT INTO t (x) VALUES (1)');
    const before = pool.stats();
    await rejection(pool.run('INSERT INTO t (x) VALUES (1)'));
    await rejection(pool.transaction(() => Promise.reject(new Error('undone'))));
    expect(pool.stats()).toMatchObject({ commits: before.commits, groupedWrites: before.groupedWrites });
  });
});

describe('the WAL', () => {
  test('begins anew under constant readers', async () => {
    const text = 'x'.repeat(2_000);
    const stop = new AbortController();
    const readers = Array.from({ length: 3 }, async () => {
      const look = (tx: Transaction) => tx.get('SELECT count(*) FROM t').then(() => sleep(3));
      while (!stop.signal.aborted) await pool.read(look);
    });
    let last = 0;
    let anew = 0;
    let written = 0;
    while (anew < 3) {
      await Promise.all(
        Array.from({ length: 10 }, () =>
          pool.executeMany(
            'INSERT INTO t (x) VALUES (?)',
            Array.from({ length: 20 }, () => [text]),
          ),
        ),
      );
      written += 200;
      const { walPages } = pool.stats();
      if (walPages < last) anew++;
      last = walPages;
    }
    stop.abort();
    await Promise.all(readers);
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: written });
  });

  /** Writes until the WAL is so long that the next write begins its relief. */
  async function writeLongWal(to: Pool): Promise<void> {
    while (to.stats().walPages <= 8_000) {
      // A write may need longer than the acquireTimeoutMs of a test that is about waiting.
      await to.run('INSERT INTO t (x) VALUES (randomblob(400000))').catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'ERR_POOL_TIMEOUT' });
      });
    }
  }

  test.each([
    ['a lease of its own', (to: Pool) => to.acquire({ role: 'reader' })],
    ['another connection', () => on.connect()],
  ])('that %s holds on to stops neither reads nor writes', async (_, connect) => {
    const busyTimeoutMs = 20_000; // relief used to wait on the writer for as long
    const patient = on.pool({ synchronous: 'off', busyTimeoutMs });
    await using reader = await connect(patient);
    await reader.exec('BEGIN');
    await reader.get('SELECT count(*) FROM t');
    let longest = 0;
    const time = async (call: () => Promise<unknown>) => {
      longest = Math.max(longest, await timed(call));
    };
    for (let i = 0; i < 120; i++) {
      await Promise.all([
        time(() => patient.run('INSERT INTO t (x) VALUES (randomblob(400000))')),
        time(() => patient.get('SELECT 1')),
      ]);
    }
    expect(patient.stats().walPages).toBeGreaterThan(10_000);
    expect(longest).toBeLessThan(busyTimeoutMs / 3);
    await reader.exec('COMMIT');
  });

  test('a read that waits for its relief has its signal, its deadline and acquireTimeoutMs', async () => {
    const paused = on.pool({ synchronous: 'off', poolSize: 3, acquireTimeoutMs: 150 });
    const stop = new AbortController();
    await paused.run('INSERT INTO t (x) VALUES (1)');
    const endless = rejection(paused.get(ENDLESS.replace('SELECT 1', 'SELECT id FROM t'), [], { signal: stop.signal }));
    await until(() => paused.stats().size === 2);
    await writeLongWal(paused);
    void paused.run('INSERT INTO t (x) VALUES (2)'); // from here on new reads wait for the endless one, for a second
    const abort = new AbortController();
    const aborted = [
      paused.get('SELECT 1', [], { signal: abort.signal }),
      paused.read(async () => {}, { signal: abort.signal }),
      paused.acquire({ role: 'reader', signal: abort.signal }),
      paused.iterate('SELECT 1', [], { signal: abort.signal }).next(),
      paused.backup(on.file('copy.db'), { signal: abort.signal }),
    ].map(rejection);
    const late = [
      paused.get('SELECT 1', [], { timeoutMs: 30 }),
      paused.read(async () => {}, { timeoutMs: 30 }),
      paused.acquire({ role: 'reader', timeoutMs: 30 }),
      paused.iterate('SELECT 1', [], { timeoutMs: 30 }).next(),
    ].map(rejection);
    const tooLong = [paused.get('SELECT 1'), paused.acquire({ role: 'reader' })].map(rejection);
    abort.abort(new Error('enough'));
    for (const error of await Promise.all(aborted)) expect(error).toBe(abort.signal.reason);
    for (const error of await Promise.all(late)) expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
    for (const error of await Promise.all(tooLong)) expect(error).toMatchObject({ code: 'ERR_POOL_TIMEOUT' });
    await until(() => paused.get('SELECT 1').then(Boolean, () => false));
    stop.abort();
    await endless;
  });

  test.each([0, '-1', 'off'])('is left to the user where wal_autocheckpoint is %j', async (wal_autocheckpoint) => {
    const own = on.pool({ synchronous: 'off', pragmas: { wal_autocheckpoint } });
    await own.get('SELECT 1');
    await writeLongWal(own);
    await own.run('INSERT INTO t (x) VALUES (1)');
    expect(own.stats().walPages).toBeGreaterThan(8_000);
    await own.get('SELECT 1'); // after relief, if there is any
    await own.run('INSERT INTO t (x) VALUES (1)');
    expect(own.stats().walPages).toBeGreaterThan(8_000);
    await own.checkpoint();
    expect(own.stats().walPages).toBe(0);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['run', () => pool.run('INSERT INTO t (x) VALUES (1)')],
    ['exec', () => pool.exec('INSERT INTO t (x) VALUES (1); INSERT INTO t (x) VALUES (2)')],
    ['batch', () => pool.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }])],
    ['transaction', () => pool.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (1)'))],
    ['withConnection', () => pool.withConnection((db) => db.exec('BEGIN; INSERT INTO t (x) VALUES (1); COMMIT'))],
  ])('its length is known after %s(), and so is the commit', async (_, write) => {
    await pool.checkpoint();
    const before = pool.stats();
    expect(before.walPages).toBe(0);
    await write();
    expect(pool.stats().walPages).toBeGreaterThan(0);
    expect(pool.stats().commits).toBe(before.commits + 1);
  });

  test('is as long as it was after a write that fails', async () => {
    await pool.exec('CREATE TABLE u (x UNIQUE); INSERT INTO u VALUES (1)');
    const { walPages } = pool.stats();
    expect(await rejection(pool.run('WITH q(x) AS (SELECT 1) INSERT INTO u SELECT x FROM q'))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_UNIQUE',
    });
    expect(pool.stats()).toMatchObject({ walPages });
  });

  test('is emptied by checkpoint()', async () => {
    await pool.executeMany(
      'INSERT INTO t (x) VALUES (?)',
      Array.from({ length: 1_000 }, () => ['x'.repeat(100)]),
    );
    expect(pool.stats().walPages).toBeGreaterThan(0);
    await pool.checkpoint();
    expect(pool.stats().walPages).toBe(0);
    expect(statSync(`${on.file()}-wal`).size).toBe(0);
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1_000 });
  });

  test('that a reader holds on to makes checkpoint() reject SQLITE_BUSY', async () => {
    const hurried = on.pool({ busyTimeoutMs: 100 });
    await hurried.read(async (tx) => {
      await tx.get('SELECT count(*) FROM t');
      await pool.run('INSERT INTO t (x) VALUES (1)');
      expect(await rejection(on.pool({ busyTimeoutMs: 100 }).checkpoint())).toMatchObject({
        name: 'SqliteError',
        code: 'SQLITE_BUSY',
      });
    });
    await hurried.checkpoint();
  });
});

describe('a call on the pool from inside', () => {
  const calls = (): [string, () => Promise<unknown>][] => [
    ['run', () => pool.run('INSERT INTO t (x) VALUES (0)')],
    ['exec', () => pool.exec('INSERT INTO t (x) VALUES (0)')],
    ['executeMany', () => pool.executeMany('INSERT INTO t (x) VALUES (?)', [[0]])],
    ['batch', () => pool.batch([{ sql: 'INSERT INTO t (x) VALUES (0)' }])],
    ['transaction', () => pool.transaction(async () => {})],
    ['acquire', () => pool.acquire()],
    ['withConnection', () => pool.withConnection(async () => {})],
    ['checkpoint', () => pool.checkpoint()],
    ['a WITH that writes', () => pool.all('WITH a AS (SELECT 0 AS x) INSERT INTO t (x) SELECT x FROM a')],
    ['close', () => pool.close()],
  ];
  const reads = (): [string, () => Promise<unknown>][] => [
    ['get', () => pool.get('SELECT 1')],
    ['all', () => pool.all('SELECT 1')],
    ['query', () => pool.query('SELECT 1')],
    ['read', () => pool.read(async () => {})],
    ['acquire a reader', () => pool.acquire({ role: 'reader' })],
  ];

  test('its own transaction rejects ERR_NESTED_ACQUIRE at once', async () => {
    await pool.transaction(async (tx) => {
      for (const [name, call] of [...calls(), ...reads()]) {
        expect(await rejection(call()), name).toMatchObject({ name: 'AiosqliteError', code: 'ERR_NESTED_ACQUIRE' });
      }
      await tx.run('INSERT INTO t (x) VALUES (1)');
    });
    expect(await pool.all('SELECT x FROM t')).toEqual([{ x: 1 }]);
  });

  test('its own read() rejects ERR_NESTED_ACQUIRE at once', async () => {
    await pool.read(async (tx) => {
      for (const [name, call] of [...calls(), ...reads()]) {
        expect(await rejection(call()), name).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      }
      await tx.get('SELECT 1');
    });
  });

  test('its own withConnection() of the writer rejects what needs the writer, and reads go on', async () => {
    await pool.withConnection(async (db) => {
      for (const [name, call] of calls()) {
        expect(await rejection(call()), name).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      }
      await db.run('INSERT INTO t (x) VALUES (1)');
      expect(await pool.get('SELECT x FROM t')).toEqual({ x: 1 });
      await db.transaction(async (tx) => {
        expect(await rejection(db.get('SELECT 1'))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
        expect(await rejection(pool.run('DELETE FROM t'))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
        await tx.run('INSERT INTO t (x) VALUES (2)');
      });
    });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('its own withConnection() of a reader rejects close(), and writes go on', async () => {
    await pool.withConnection(
      async (db) => {
        expect(await rejection(pool.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
        await pool.run('INSERT INTO t (x) VALUES (1)');
        expect(await db.get('SELECT x FROM t')).toEqual({ x: 1 });
        expect(await pool.get('SELECT x FROM t')).toEqual({ x: 1 });
      },
      { role: 'reader' },
    );
  });

  test('a withConnection() that holds the only reader lets reads go on', async () => {
    const small = on.pool({ poolSize: 2 });
    await small.withConnection(
      async () => {
        expect(await small.get('SELECT 1 AS one')).toEqual({ one: 1 });
        expect(await small.read((tx) => tx.get('SELECT 2 AS two'))).toEqual({ two: 2 });
        await small.run('INSERT INTO t (x) VALUES (1)');
      },
      { role: 'reader' },
    );
    expect(await small.get('SELECT x FROM t')).toEqual({ x: 1 });
  });

  test('once withConnection() is over, what its function has begun may use the pool', async () => {
    // Asynchronous context is kept as long as anybody holds something.
    await on.pool({ database: ':memory:' }).transaction(async () => {
      let later: Promise<unknown> | undefined;
      const ended = gate();
      await pool.withConnection(async () => {
        later = ended.opened.then(() => pool.run('INSERT INTO t (x) VALUES (1)'));
      });
      ended.open();
      await later;
    });
    expect(await pool.get('SELECT x FROM t')).toEqual({ x: 1 });
  });

  test('a transaction on a lease rejects what would wait for the lease', async () => {
    await using lease = await pool.acquire();
    await lease.transaction(async () => {
      for (const [name, call] of calls()) {
        expect(await rejection(call()), name).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      }
      expect(await pool.get('SELECT 1 AS one')).toEqual({ one: 1 });
    });
  });

  test('its only connection, by an iterator that shares it, rejects ERR_NESTED_ACQUIRE', async () => {
    const only = on.pool({ poolSize: 1 });
    await only.exec('INSERT INTO t (x) VALUES (1), (2), (3), (4)');
    const rows = only.iterate('SELECT x FROM t', [], { batchSize: 1 });
    await rows.next();
    await only.transaction(async () => {
      const rest = async () => {
        while (!(await rows.next()).done);
      };
      expect(await rejection(rest())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
    expect(await only.get('SELECT count(*) AS n FROM t')).toEqual({ n: 4 });
  });

  test('another pool is fine', async () => {
    const other = on.pool({ database: on.file('other.db') });
    await other.exec('CREATE TABLE t (x)');
    await pool.transaction(async (tx) => {
      await other.run('INSERT INTO t VALUES (1)');
      await tx.run('INSERT INTO t (x) VALUES (?)', [(await other.get<{ x: number }>('SELECT x FROM t'))?.x ?? null]);
    });
    expect(await pool.get('SELECT x FROM t')).toEqual({ x: 1 });
  });
});

describe('a transaction on a pool', () => {
  test('commits, rolls back, and others wait for it', async () => {
    const order: string[] = [];
    const read = gate();
    // Opened by now: the calls are in the order in which they are made.
    const transaction = pool.transaction(async (tx) => {
      await tx.run('INSERT INTO t (x) VALUES (1)');
      await read.opened;
      await tx.run('INSERT INTO t (x) VALUES (2)');
      order.push('transaction');
    });
    const write = pool.run('INSERT INTO t (x) VALUES (3)').then(() => order.push('write'));
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 }); // a reader does not wait
    read.open();
    await Promise.all([transaction, write]);
    expect(order).toEqual(['transaction', 'write']);
    expect(
      await rejection(
        pool.transaction(async (tx) => {
          await tx.run('DELETE FROM t');
          throw new Error('undone');
        }),
      ),
    ).toMatchObject({
      message: 'undone',
    });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 3 });
  });

  test('many at once never lose an update', async () => {
    await pool.run('INSERT INTO t (id, x) VALUES (1, 0)');
    await Promise.all(
      Array.from({ length: 40 }, () =>
        pool.transaction(async (tx) => {
          const row = await tx.get<{ x: number }>('SELECT x FROM t WHERE id = 1');
          await tx.run('UPDATE t SET x = ? WHERE id = 1', [(row?.x ?? 0) + 1]);
        }),
      ),
    );
    expect(await pool.get('SELECT x FROM t')).toEqual({ x: 40 });
  });
});

describe('read()', () => {
  test('sees one snapshot, whatever is written meanwhile', async () => {
    await pool.run('INSERT INTO t (x) VALUES (1)');
    await pool.read(async (tx) => {
      expect(await tx.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
      await sleep(0);
      await on.pool().run('INSERT INTO t (x) VALUES (2)');
      expect(await tx.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
      expect(await tx.transaction((inner) => inner.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 1 });
    });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('runs side by side with others', async () => {
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, () =>
        pool.read(async (tx) => {
          most = Math.max(most, ++inside);
          await tx.get('SELECT 1');
          await sleep(10);
          inside--;
        }),
      ),
    );
    expect(most).toBe(4);
  });

  test('takes a deadline and a signal', async () => {
    expect(await rejection(pool.read((tx) => tx.get(ENDLESS), { timeoutMs: 30 }))).toMatchObject({
      code: 'ERR_TIMEOUT',
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    expect(await rejection(pool.read(() => new Promise(() => {}), { signal: stop.signal }))).toMatchObject({
      name: 'AbortError',
    });
    expect(await pool.read((tx) => tx.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  });
});
