import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { type Connection, connect, createPool, type Pool } from 'aiosqlite';
import { describe, expect, test, vi } from 'vitest';
import { lock } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { COUNT_TO, countFor, ENDLESS, FOREVER_MS, gate, sleep, turns, until } from '../support/time.js';

const on = databases();
const CREATE = 'CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x)';

describe('opening a pool', () => {
  test('is done by the first call, not before', async () => {
    const pool = on.pool();
    await sleep(10);
    expect(() => statSync(on.file())).toThrow();
    expect(pool.stats()).toEqual({ size: 0, idle: 0, waiting: 0, walPages: 0, commits: 0, groupedWrites: 0 });
    await pool.get('SELECT 1');
    expect(statSync(on.file()).isFile()).toBe(true);
  });

  test('once, for many first calls at the same time, of every kind', async () => {
    let opened = 0;
    const pool = on.pool({ onConnect: async () => void opened++ });
    const results = await Promise.all([
      pool.exec(CREATE),
      pool.run('INSERT INTO t (x) VALUES (1)'),
      pool.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (2)')),
      pool.batch([{ sql: 'INSERT INTO t (x) VALUES (3)' }]),
      pool.get('SELECT 4 AS n'),
      pool.all('WITH a AS (SELECT 5 AS n) SELECT n FROM a'),
      pool.read((tx) => tx.get('SELECT 6 AS n')),
      pool.withConnection((db) => db.get('SELECT 7 AS n')),
      pool.acquire({ role: 'reader' }).then((lease) => lease.release()),
    ]);
    expect(results[1]).toEqual({ changes: 1, lastInsertRowid: 1 });
    expect(results.slice(4, 8)).toEqual([{ n: 4 }, [{ n: 5 }], { n: 6 }, { n: 7 }]);
    expect(await pool.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[1], [2], [3]]);
    await until(() => pool.stats().size === opened); // readers may still be opening
  });

  test('of one new file by many pools at once', async () => {
    const pools = Array.from({ length: 6 }, () => on.pool());
    await Promise.all(pools.map((pool) => pool.exec(CREATE)));
    await Promise.all(
      pools.flatMap((pool, i) => [pool.run('INSERT INTO t (x) VALUES (?)', [i]), pool.get('SELECT 1')]),
    );
    expect(await pools[0]?.get('SELECT count(*) AS n FROM t')).toEqual({ n: 6 });
    expect(await pools[1]?.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
  });

  test.skipIf(process.platform === 'win32')('makes files that are private to their owner', async () => {
    const pool = on.pool();
    await pool.exec(CREATE);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(on.file() + suffix).mode & 0o777).toBe(0o600);
  });

  test.each<[string, (file: string) => void, object]>([
    ['a directory', (file) => void mkdirSync(file), { code: expect.stringMatching(/^SQLITE_CANTOPEN/) }],
    [
      'a file that is no database',
      (file) => writeFileSync(file, 'no database at all '.repeat(200)),
      { code: 'SQLITE_NOTADB' },
    ],
  ])('%s: every first call rejects, and close() works', async (_, make, error) => {
    make(on.file());
    const pool = on.pool();
    const calls = [
      pool.get('SELECT 1'),
      pool.run('INSERT INTO t VALUES (1)'),
      pool.exec('SELECT 1'),
      pool.batch([{ sql: 'SELECT 1' }]),
      pool.transaction(async () => {}),
      pool.read(async () => {}),
      pool.acquire(),
      pool.withConnection(async () => {}, { role: 'reader' }),
      pool.checkpoint(),
    ].map(rejection);
    const failures = await Promise.all(calls);
    for (const failure of failures) expect(failure).toMatchObject({ name: 'SqliteError', ...error });
    expect(new Set(failures).size).toBe(failures.length); // each has its own stack
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject(error);
    await pool.close();
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('is tried again by the next call', async () => {
    const pool = on.pool({ database: on.file('later/test.db') });
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
    mkdirSync(on.file('later'));
    expect(await pool.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });

  test.skipIf(process.platform === 'win32')('again that fails rejects what has waited for it', async () => {
    const pool = on.pool();
    await pool.exec(CREATE);
    const lease = await pool.acquire();
    await lease.run('PRAGMA cache_size = 5'); // so that it is closed, and the writer opened anew
    const waits = rejection(pool.run('INSERT INTO t (x) VALUES (1)'));
    await turns(1);
    renameSync(on.file(), on.file('moved.db'));
    mkdirSync(on.file());
    lease.release();
    expect(await waits).toMatchObject({ code: expect.stringMatching(/^SQLITE_CANTOPEN/) });
  });

  test('mustExist: a missing file is not made', async () => {
    const pool = on.pool({ mustExist: true });
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
    expect(() => statSync(on.file())).toThrow();
    await (await connect(on.file())).close();
    expect(await pool.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });

  test('readonly: reads, and refuses every write', async () => {
    const writer = on.pool();
    await writer.exec(`${CREATE}; INSERT INTO t (x) VALUES (1)`);
    const pool = on.pool({ readonly: true });
    expect(await pool.get('SELECT x FROM t')).toEqual({ x: 1 });
    for (const call of [
      () => pool.run('INSERT INTO t (x) VALUES (2)'),
      () => pool.exec('CREATE TABLE u (x)'),
      () => pool.batch([{ sql: 'DELETE FROM t' }]),
      () => pool.transaction((tx) => tx.run('DELETE FROM t')),
    ]) {
      expect(await rejection(call())).toMatchObject({ code: 'SQLITE_READONLY' });
    }
    expect(await pool.transaction((tx) => tx.get('SELECT x FROM t'))).toEqual({ x: 1 });
    expect(await pool.read((tx) => tx.get('SELECT x FROM t'))).toEqual({ x: 1 });
    await writer.run('INSERT INTO t (x) VALUES (2)');
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
    expect(await rejection(on.pool({ readonly: true, database: on.file('missing.db') }).get('SELECT 1'))).toMatchObject(
      {
        code: 'SQLITE_CANTOPEN',
      },
    );
  });

  test('waits for the lock of another process, and a deadline does not', async () => {
    await (await connect(on.file())).close();
    await using held = await lock(on.file(), 'EXCLUSIVE');
    const pool = on.pool({ busyTimeoutMs: FOREVER_MS, acquireTimeoutMs: FOREVER_MS });
    const late = rejection(pool.get('SELECT 1', [], { timeoutMs: 80 }));
    const stop = new AbortController();
    const aborted = rejection(pool.transaction(async () => {}, { signal: stop.signal }));
    const hurried = on.pool({ busyTimeoutMs: FOREVER_MS, acquireTimeoutMs: 80 });
    const refused = rejection(hurried.get('SELECT 1'));
    const waiting = pool.get('SELECT 1 AS one');
    setTimeout(() => stop.abort(), 50);
    expect(await late).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    expect(await refused).toMatchObject({ code: 'ERR_POOL_TIMEOUT' });
    await held.release();
    expect(await waiting).toEqual({ one: 1 });
  });
});

describe('the journal', () => {
  test("'wal' by default: one writer and four readers", async () => {
    const pool = on.pool();
    await pool.exec(CREATE);
    const stop = new AbortController();
    const reads = Array.from({ length: 8 }, () => rejection(pool.get(ENDLESS, [], { signal: stop.signal })));
    await until(() => pool.stats().size === 5 && pool.stats().waiting === 4);
    stop.abort();
    await Promise.all(reads);
  });

  test.each(['delete', 'truncate', 'persist', 'memory'] as const)(
    "'%s': one connection does all",
    async (journalMode) => {
      const pool = on.pool({ journalMode });
      await pool.exec(CREATE);
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          i % 2 ? pool.get('SELECT count(*) FROM t') : pool.run('INSERT INTO t (x) VALUES (?)', [i]),
        ),
      );
      expect(await pool.read((tx) => tx.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 10 });
      expect(await pool.get('PRAGMA journal_mode')).toEqual({ journal_mode: journalMode });
      expect(pool.stats()).toMatchObject({ size: 1 });
      expect(await rejection(pool.read((tx) => tx.run('DELETE FROM t')))).toMatchObject({ code: 'SQLITE_READONLY' });
      expect(await rejection(pool.withConnection((db) => db.run('DELETE FROM t'), { role: 'reader' }))).toMatchObject({
        code: 'SQLITE_READONLY',
      });
      await pool.withConnection((db) => db.run('DELETE FROM t'));
      expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
    },
  );

  test('is emptied into the file by close()', async () => {
    const pool = on.pool();
    await pool.exec(CREATE);
    await pool.executeMany(
      'INSERT INTO t (x) VALUES (?)',
      Array.from({ length: 500 }, (_, i) => [i]),
    );
    await pool.get('SELECT 1');
    await pool.close();
    expect(() => statSync(`${on.file()}-wal`)).toThrow();
    expect(() => statSync(`${on.file()}-shm`)).toThrow();
  });
});

describe('poolSize', () => {
  test.each(['locking_mode', 'main.LOCKING_MODE'])('%s = exclusive: one connection does all', async (name) => {
    const pool = on.pool({ pragmas: { [name]: 'Exclusive' }, busyTimeoutMs: 1 });
    await pool.exec('CREATE TABLE t (x)');
    await pool.run('INSERT INTO t VALUES (1)');
    expect(await Promise.all([pool.get('SELECT x FROM t'), pool.get('PRAGMA main.locking_mode')])).toEqual([
      { x: 1 },
      { locking_mode: 'exclusive' },
    ]);
    for await (const row of pool.iterate('SELECT x FROM t')) expect(row).toEqual({ x: 1 });
    expect(pool.stats().size).toBe(1);
  });

  test('1: one connection does all, in order', async () => {
    const pool = on.pool({ poolSize: 1 });
    await pool.exec(CREATE);
    const rows: Promise<{ n: number } | undefined>[] = [];
    for (let i = 0; i < 10; i++) {
      void pool.run('INSERT INTO t (x) VALUES (?)', [i]);
      rows.push(pool.get<{ n: number }>('SELECT count(*) AS n FROM t'));
    }
    expect((await Promise.all(rows)).map((row) => row?.n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(pool.stats().size).toBe(1);
    expect(await pool.read((tx) => tx.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 10 });
    await pool.withConnection(async (db) => {
      for (const call of [
        () => pool.get('SELECT 1'),
        () => pool.run('DELETE FROM t'),
        () => pool.read(async () => {}),
      ]) {
        expect(await rejection(call())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      }
      await db.run('PRAGMA foreign_keys = 0');
    });
    expect(await pool.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
  });

  test('2: one writer and one reader', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.exec(CREATE);
    await Promise.all(Array.from({ length: 20 }, () => pool.get('SELECT 1')));
    expect(pool.stats().size).toBe(2);
  });
});

describe('a database in memory', () => {
  test("':memory:' is one connection, private to its pool", async () => {
    const pool = on.pool({ database: ':memory:' });
    const other = on.pool({ database: ':memory:' });
    await pool.exec(CREATE);
    await Promise.all(Array.from({ length: 20 }, (_, i) => pool.run('INSERT INTO t (x) VALUES (?)', [i])));
    expect(await pool.read((tx) => tx.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 20 });
    expect(await pool.transaction((tx) => tx.run('DELETE FROM t WHERE x > 9'))).toMatchObject({ changes: 10 });
    expect(pool.stats()).toMatchObject({ size: 1 });
    expect(await other.all('SELECT name FROM sqlite_schema')).toEqual([]);
  });

  test('its reader role refuses writes as it would on a file', async () => {
    const pool = on.pool({ database: ':memory:' });
    await pool.exec(CREATE);
    expect(await rejection(pool.read((tx) => tx.run('INSERT INTO t (x) VALUES (1)')))).toMatchObject({
      code: 'SQLITE_READONLY',
    });
    await pool.withConnection(
      async (db) => {
        expect(await rejection(db.run('INSERT INTO t (x) VALUES (1)'))).toMatchObject({ code: 'SQLITE_READONLY' });
        expect(await rejection(db.exec('DROP TABLE t'))).toMatchObject({ code: 'SQLITE_READONLY' });
        expect(await rejection(db.transaction((tx) => tx.run('DELETE FROM t')))).toMatchObject({
          code: 'SQLITE_READONLY',
        });
        expect(await db.transaction((tx) => tx.get('SELECT 1 AS one'))).toEqual({ one: 1 });
      },
      { role: 'reader' },
    );
    for (const sql of ['BEGIN', 'PRAGMA foreign_keys = 0', 'SELECT changes()', 'CREATE TEMP TABLE a (x)']) {
      expect(await rejection(pool.run(sql)), sql).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    }
    await pool.run('INSERT INTO t (x) VALUES (1)');
  });

  test.each([
    ':memory:',
    'file:/lease-test?vfs=memdb',
    'file:lease-test?mode=memory&cache=shared',
    'file::memory:?cache=shared',
  ])('%s: is kept when a lease has altered its connection', async (database) => {
    const pool = on.pool({ database });
    await pool.exec(`${CREATE}; INSERT INTO t (x) VALUES (1)`);
    for (const role of ['writer', 'reader'] as const) {
      await pool.withConnection((db) => db.run('PRAGMA cache_size = 50'), { role });
      expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
    }
  });

  test.each([':memory:', 'file:/idle-test?vfs=memdb'])('%s: is kept when it is idle', async (database) => {
    const pool = on.pool({ database, idleTimeoutMs: 20 });
    await pool.exec(CREATE);
    await pool.get('SELECT 1');
    await sleep(80);
    expect(pool.stats().size).toBe(1);
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test.each(['file:/pool-test?vfs=memdb', 'file::memory:?cache=shared', 'file:pool-test?mode=memory&cache=shared'])(
    '%s: is shared with another pool and a connection, and many writers get along',
    async (database) => {
      const a = on.pool({ database });
      const b = on.pool({ database });
      const c = await on.connect({}, database);
      await a.exec(CREATE);
      await b.run('INSERT INTO t (x) VALUES (?)', ['from b']);
      expect(await a.get('SELECT x FROM t')).toEqual({ x: 'from b' });
      await Promise.all(
        Array.from({ length: 60 }, (_, i) => ([a, b, c] as const)[i % 3]?.run('INSERT INTO t (x) VALUES (?)', [i])),
      );
      await Promise.all(
        [a, b].map((pool) =>
          pool.transaction(async (tx) => {
            const row = await tx.get<{ n: number }>('SELECT count(*) AS n FROM t');
            await tx.run('INSERT INTO t (x) VALUES (?)', [row?.n ?? null]);
          }),
        ),
      );
      for (const db of [a, b, c]) expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 63 });
      expect(a.stats().size).toBe(1);
    },
  );
});

describe('onConnect', () => {
  test('runs once on every new connection, after the profile', async () => {
    const seen: number[] = [];
    const pool = on.pool({
      pragmas: { cache_size: -123 },
      onConnect: async (db) => {
        const row = await db.get<{ cache_size: number }>('PRAGMA cache_size');
        seen.push(row?.cache_size ?? 0);
        await db.exec('PRAGMA recursive_triggers = 1');
      },
    });
    await pool.exec(CREATE);
    const leases = await Promise.all(Array.from({ length: 4 }, () => pool.acquire({ role: 'reader' })));
    for (const lease of leases) lease.release();
    expect(pool.stats().size).toBe(5);
    expect(seen).toEqual([-123, -123, -123, -123, -123]);
    for (const role of ['writer', 'reader'] as const) {
      expect(await pool.withConnection((db) => db.get('PRAGMA recursive_triggers'), { role })).toEqual({
        recursive_triggers: 1,
      });
    }
    expect(seen).toHaveLength(5);
  });

  test('runs again on a connection that replaces an altered one', async () => {
    let connects = 0;
    const pool = on.pool({ onConnect: async () => void connects++ });
    await pool.withConnection((db) => db.run('PRAGMA foreign_keys = 0'));
    await pool.exec(CREATE);
    expect(connects).toBe(2);
  });

  test('comes before every other call on its connection', async () => {
    const pool = on.pool({
      onConnect: async (db) => {
        await sleep(20);
        await db.exec('CREATE TABLE IF NOT EXISTS made (x)').catch((error) => {
          if (error.code !== 'SQLITE_READONLY') throw error;
        });
        await sleep(20);
      },
    });
    const results = await Promise.all([
      pool.run('INSERT INTO made VALUES (1)'),
      pool.get('SELECT count(*) AS n FROM sqlite_schema'),
      pool.withConnection((db) => db.run('INSERT INTO made VALUES (2)')),
    ]);
    expect(results[1]).toEqual({ n: 1 });
    expect(await pool.get('SELECT count(*) AS n FROM made')).toEqual({ n: 2 });
  });

  test('that fails rejects the calls that needed the connection with its error, and the next one tries again', async () => {
    let connects = 0;
    const error = new Error('not now');
    const pool = on.pool({
      onConnect: async () => {
        if (connects++ < 1) throw error;
      },
    });
    const first = await Promise.all([
      rejection(pool.get('SELECT 1')),
      rejection(pool.exec('SELECT 1')),
      rejection(pool.acquire()),
    ]);
    expect(first).toEqual([error, error, error]);
    expect(await pool.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(connects).toBe(3);
  });

  test('that fails on a reader rejects the read, not the writes', async () => {
    let fail = true;
    const pool = on.pool({
      onConnect: async (db) => {
        const row = await db.get<{ query_only: number }>('PRAGMA query_only');
        if (row?.query_only === 1 && fail) throw new Error('no reader now');
      },
    });
    await pool.exec(CREATE);
    const reads = [
      pool.get('SELECT 1'),
      pool.get('SELECT 2'),
      pool.read(async () => {}),
      pool.acquire({ role: 'reader' }),
    ].map(rejection);
    for (const error of await Promise.all(reads)) expect(error).toMatchObject({ message: 'no reader now' });
    await pool.run('INSERT INTO t (x) VALUES (1)');
    fail = false;
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
    await pool.close();
  });

  test('gives a connection that is over afterwards, and whose transaction is rolled back', async () => {
    let kept: Connection | undefined;
    const pool = on.pool({
      onConnect: async (db) => {
        kept = db;
        const row = await db.get<{ query_only: number }>('PRAGMA query_only');
        if (row?.query_only === 0) await db.exec(`${CREATE}; BEGIN; INSERT INTO t (x) VALUES (1)`);
      },
    });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
    expect(await rejection((kept as Connection).get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
    await pool.run('INSERT INTO t (x) VALUES (2)');
  });

  test('may close its connection early, and even fail after that', async () => {
    let fail = true;
    const pool = on.pool({
      onConnect: async (db) => {
        await db.get('SELECT 1');
        await db.close();
        if (fail) throw new Error('after all');
      },
    });
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject({ message: 'after all' });
    fail = false;
    expect(await pool.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });

  test.each<[string, (db: Connection) => Promise<unknown>]>([
    ['never settles', () => new Promise(() => {})],
    ['waits for a statement that never ends', (db) => db.get(ENDLESS)],
  ])('that %s ends with acquireTimeoutMs, and does not keep close() waiting', async (_, hang) => {
    let hangs = true;
    const pool = on.pool({
      acquireTimeoutMs: 100,
      onConnect: async (db) => {
        if (hangs) await hang(db);
      },
    });
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject({ code: 'ERR_POOL_TIMEOUT' });
    hangs = false;
    await until(() =>
      pool.get('SELECT 1').then(
        () => true,
        () => false,
      ),
    ); // the next one tries again
    hangs = true;
    const other = createPool({
      database: on.file(),
      acquireTimeoutMs: 100,
      onConnect: async (db) => void (await hang(db)),
    });
    const waiting = rejection(other.get('SELECT 1'));
    await other.close();
    await waiting;
  });

  test('must not call its own pool: ERR_NESTED_ACQUIRE', async () => {
    const errors: unknown[] = [];
    const pool: Pool = on.pool({
      onConnect: async () => {
        errors.push(
          await rejection(pool.get('SELECT 1')),
          await rejection(pool.run('SELECT 1')),
          await rejection(pool.close()),
        );
      },
    });
    await pool.get('SELECT 1');
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
  });

  test('that has ended leaves nothing behind: what it has started may call the pool', async () => {
    const errors: unknown[] = [];
    let ticker: NodeJS.Timeout | undefined;
    let ticks = 0;
    const pool: Pool = on.pool({
      onConnect: async () => {
        ticker ??= setInterval(() => {
          pool.get('SELECT 1').then(
            () => ticks++,
            (error) => errors.push(error),
          );
        }, 5);
        await sleep(1);
      },
    });
    await pool.get('SELECT 1');
    errors.length = 0; // while onConnect runs, the pool is out of reach
    // Asynchronous context is kept as long as something is held.
    await pool.transaction(() => until(() => ticks + errors.length >= 5));
    clearInterval(ticker);
    expect(errors).toEqual([]);
  });

  test('that throws at once is a failure like any other', async () => {
    const pool = on.pool({
      onConnect: () => {
        throw new Error('thrown');
      },
    });
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject({ message: 'thrown' });
  });
});

describe('idleTimeoutMs', () => {
  test('closes readers that have nothing to do, not the writer, and later reads open them again', async () => {
    const pool = on.pool({ idleTimeoutMs: 60 });
    await pool.exec(CREATE);
    const leases = await Promise.all(Array.from({ length: 4 }, () => pool.acquire({ role: 'reader' })));
    expect(pool.stats().size).toBe(5);
    for (const lease of leases) lease.release();
    await until(() => pool.stats().size === 1);
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
    expect(pool.stats().size).toBe(2);
    await until(() => pool.stats().size === 1);
  });

  test('does not close a reader that works or is leased', async () => {
    const pool = on.pool({ idleTimeoutMs: 30 });
    await pool.exec(CREATE);
    const lease = await pool.acquire({ role: 'reader' });
    const limit = await countFor(pool, 120);
    await pool.get(COUNT_TO, [limit]);
    await sleep(80);
    expect(await lease.get('SELECT 1 AS one')).toEqual({ one: 1 });
    lease.release();
    await until(() => pool.stats().size === 1);
  });

  test('a call in the very moment of closing is served', async () => {
    const pool = on.pool({ idleTimeoutMs: 2 });
    await pool.exec(CREATE);
    for (let i = 0; i < 150; i++) {
      expect(await pool.get('SELECT ? AS i', [i])).toEqual({ i });
      await sleep(i % 4);
    }
  });
});

describe('close()', () => {
  test('and whatever comes before it get by where a test has faked all timers', async () => {
    vi.useFakeTimers({
      toFake: ['queueMicrotask', 'setImmediate', 'setInterval', 'setTimeout', 'performance', 'Date'],
    });
    try {
      const pool = on.pool();
      await pool.exec(CREATE);
      await pool.run('INSERT INTO t (x) VALUES (1)', [], { timeoutMs: 60_000 });
      expect(await pool.transaction((tx) => tx.get('SELECT x FROM t'))).toEqual({ x: 1 });
      expect(await pool.read((tx) => tx.get('SELECT x FROM t'))).toEqual({ x: 1 });
      await pool.close();
    } finally {
      vi.useRealTimers();
    }
  });

  test('of a pool that was never opened does nothing', async () => {
    const pool = createPool({ database: on.file() });
    await pool.close();
    await pool.close();
    expect(() => statSync(on.file())).toThrow();
    expect(await rejection(pool.get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('waits for everything that is queued', async () => {
    const pool = createPool({ database: on.file() });
    await pool.exec(CREATE);
    const done: number[] = [];
    const work = [
      ...Array.from({ length: 50 }, (_, i) => pool.run('INSERT INTO t (x) VALUES (?)', [i])),
      ...Array.from({ length: 50 }, () => pool.get('SELECT count(*) FROM t')),
      pool.transaction(async (tx) => {
        await sleep(20);
        await tx.run("INSERT INTO t (x) VALUES ('late')");
      }),
      pool.read(async (tx) => {
        await sleep(20);
        await tx.get('SELECT 1');
      }),
      pool.batch([{ sql: 'INSERT INTO t (x) VALUES (99)' }]),
    ];
    work.forEach((call, i) => void (call as Promise<unknown>).then(() => done.push(i)));
    await Promise.all([pool.close(), pool.close()]);
    expect(done).toHaveLength(work.length);
    expect(await (await on.connect()).get('SELECT count(*) AS n FROM t')).toEqual({ n: 52 });
  });

  test('waits for what was called before the pool had opened', async () => {
    const pool = createPool({ database: on.file() });
    const calls = [pool.exec(CREATE), pool.run('INSERT INTO t (x) VALUES (1)'), pool.get('SELECT 1')];
    await pool.close();
    expect((await Promise.allSettled(calls)).map((result) => result.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
  });

  test.each(['writer', 'reader'] as const)('waits for a lease of a %s', async (role) => {
    const pool = createPool({ database: on.file() });
    await pool.exec(CREATE);
    const lease = await pool.acquire({ role });
    let closed = false;
    const closing = pool.close().then(() => {
      closed = true;
    });
    await sleep(30);
    expect(closed).toBe(false);
    expect(await lease.get('SELECT 1 AS one')).toEqual({ one: 1 });
    lease.release();
    await closing;
  });

  test.each(['writer', 'reader'] as const)(
    'waits for a lease of a %s that comes back altered, and for what waits for it',
    async (role) => {
      const pool = createPool({ database: on.file(), poolSize: 2 });
      await pool.exec(CREATE);
      const lease = await pool.acquire({ role });
      await lease.run('PRAGMA cache_size = 5');
      const waiting = [
        role === 'writer' ? pool.run('INSERT INTO t (x) VALUES (1)') : pool.get('SELECT 1'),
        role === 'writer' ? pool.run('INSERT INTO t (x) VALUES (2)') : pool.read((tx) => tx.get('SELECT 1')),
      ];
      const closing = pool.close();
      await sleep(20);
      lease.release();
      await closing;
      await Promise.all(waiting);
      expect(pool.stats()).toMatchObject({ size: 0, waiting: 0 });
    },
  );

  test('opens no second writer for leases that have waited: what is in memory stays until the last call', async () => {
    const pool = createPool({ database: ':memory:' });
    await pool.exec(CREATE);
    const lease = await pool.acquire();
    const waiting = pool.withConnection((db) => db.run('INSERT INTO t (x) VALUES (1)'));
    const count = pool.get('SELECT count(*) AS n FROM t');
    const closing = pool.close();
    await sleep(20);
    lease.release();
    await waiting;
    expect(await count).toEqual({ n: 1 });
    await closing;
  });

  test('ends an iteration on its only connection', async () => {
    const pool = createPool({ database: on.file(), poolSize: 1 });
    await pool.exec(`${CREATE}; INSERT INTO t (x) VALUES (1), (2), (3)`);
    const rows = pool.iterate('SELECT x FROM t', [], { batchSize: 1 });
    await rows.next();
    const closing = pool.close();
    const ends = rejection(
      rows
        .next()
        .then(() => rows.next())
        .then(() => rows.next()),
    );
    expect(await ends).toMatchObject({ code: 'ERR_CLOSED' });
    await closing;
  });

  test.each([1, 5])('with altered leases only, poolSize %i, 20 times over', async (poolSize) => {
    for (let round = 0; round < 20; round++) {
      const pool = createPool({ database: on.file(), poolSize });
      await pool.exec(CREATE);
      const roles = poolSize === 1 ? (['writer'] as const) : (['writer', 'reader', 'reader'] as const);
      const leases = await Promise.all(roles.map((role) => pool.acquire({ role })));
      for (const lease of leases) await lease.run('PRAGMA cache_size = 5');
      const closing = pool.close();
      await sleep(Math.random() * 10);
      for (const lease of leases) lease.release();
      await closing;
      expect(pool.stats()).toMatchObject({ size: 0 });
    }
  });

  test('in the middle of a burst: every call is answered before it is over, 30 times over', async () => {
    for (let round = 0; round < 30; round++) {
      const onConnect = round % 2 ? async (db: Connection) => void (await db.get('SELECT 1')) : undefined;
      const database = on.file(`${round}.db`);
      const pool = createPool({ database, poolSize: 2 + (round % 3), ...(onConnect && { onConnect }) });
      if (round % 3) await pool.exec(CREATE);
      const leases = round % 3 ? [await pool.acquire({ role: 'reader' }), await pool.acquire()] : [];
      for (const lease of round % 5 ? leases : []) await lease.run('PRAGMA cache_size = 5');
      let pending = 0;
      const calls = Array.from({ length: 5 }, () => [
        pool.exec(CREATE),
        pool.get('SELECT 1'),
        pool.read((tx) => tx.get('SELECT 2')),
        pool.all('WITH a AS (SELECT 1) SELECT * FROM a'),
        pool.all('PRAGMA user_version'),
        pool.transaction((tx) => tx.run('DELETE FROM t')),
      ]).flat();
      for (const call of calls) {
        pending++;
        void call.then(() => pending--);
      }
      const closing = pool.close();
      if (round % 2) await sleep(Math.random() * 10);
      for (const lease of leases) lease.release();
      await closing;
      await Promise.all(calls);
      expect(pending).toBe(0);
      expect(pool.stats()).toMatchObject({ size: 0, waiting: 0 });
    }
  });

  test.each<[string, (pool: Pool, inside: () => Promise<void>) => Promise<unknown>]>([
    ['transaction()', (pool, inside) => pool.transaction(inside)],
    ['a nested transaction', (pool, inside) => pool.transaction((tx) => tx.transaction(inside))],
    ['read()', (pool, inside) => pool.read(inside)],
    ['withConnection()', (pool, inside) => pool.withConnection(inside)],
    ['withConnection() of a reader', (pool, inside) => pool.withConnection(inside, { role: 'reader' })],
    [
      'a transaction on a lease',
      async (pool, inside) => {
        await using lease = await pool.acquire();
        await lease.transaction(inside);
      },
    ],
  ])('inside %s rejects ERR_NESTED_ACQUIRE, also while another close() is under way', async (_, hold) => {
    const pool = createPool({ database: on.file() });
    await pool.exec(CREATE);
    const begun = gate();
    let closing: Promise<void> | undefined;
    const held = hold(pool, async () => {
      expect(await rejection(pool.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      begun.open();
      await until(() => closing !== undefined);
      expect(await rejection(pool.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
    await begun.opened;
    closing = pool.close();
    await Promise.all([held, closing]);
    await pool.close();
  });

  test('makes every later call reject ERR_CLOSED', async () => {
    const pool = createPool({ database: on.file() });
    await pool.exec(CREATE);
    const closing = pool.close();
    for (let i = 0; i < 2; i++) {
      for (const call of [
        () => pool.run('SELECT 1'),
        () => pool.get('SELECT 1'),
        () => pool.all('SELECT 1'),
        () => pool.query('SELECT 1'),
        () => pool.exec('SELECT 1'),
        () => pool.executeMany('SELECT ?', [[1]]),
        () => pool.batch([{ sql: 'SELECT 1' }]),
        () => pool.transaction(async () => {}),
        () => pool.read(async () => {}),
        () => pool.acquire(),
        () => pool.acquire({ role: 'reader' }),
        () => pool.withConnection(async () => {}),
        () => pool.checkpoint(),
      ]) {
        expect(await rejection(call())).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CLOSED' });
      }
      await closing;
    }
  });

  test('is called at the end of `await using`', async () => {
    let kept: Pool;
    {
      await using pool = createPool({ database: on.file() });
      await pool.exec(CREATE);
      kept = pool;
    }
    expect(await rejection(kept.get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(kept.stats()).toMatchObject({ size: 0, idle: 0, waiting: 0 });
  });

  test('does not wait for the lock of another process', async () => {
    const pool = createPool({ database: on.file(), busyTimeoutMs: FOREVER_MS });
    await pool.exec(CREATE);
    await pool.get('SELECT 1');
    await using _ = await lock(on.file());
    const writes = [
      pool.run('INSERT INTO t (x) VALUES (1)'),
      pool.transaction(async () => {}),
      pool.exec('DELETE FROM t'),
    ].map(rejection);
    await sleep(50);
    await pool.close();
    for (const error of await Promise.all(writes)) expect(error).toMatchObject({ code: 'SQLITE_BUSY' });
  });

  test('does not wait for the lock of another process while the pool opens', async () => {
    await (await connect(on.file())).close();
    await using _ = await lock(on.file(), 'EXCLUSIVE');
    const pool = createPool({ database: on.file(), busyTimeoutMs: FOREVER_MS, acquireTimeoutMs: FOREVER_MS });
    const opening = rejection(pool.get('SELECT 1'));
    await sleep(50);
    await pool.close();
    expect(await opening).toMatchObject({ code: 'SQLITE_BUSY' });
  });
});

describe('a storm of everything at once', () => {
  test.each([1, 2, 3])('%i: every call settles, nothing is lost, and close() finds its end', async (seed) => {
    let state = seed;
    const random = (n: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state % n;
    };
    let failConnect = 0;
    const pool = createPool({
      database: on.file(),
      poolSize: 2 + random(3),
      idleTimeoutMs: 5,
      acquireTimeoutMs: 2_000,
      statementCacheSize: random(4),
      onConnect: async (db) => {
        await db.get('SELECT 1');
        if (failConnect-- > 0) throw new Error('onConnect');
      },
    });
    await pool.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    const written = new Set<number>();
    const unknown = new Set<number>();
    let next = 1;
    const write = async (id: number, work: (id: number) => Promise<unknown>) => {
      try {
        await work(id);
        written.add(id);
      } catch (error) {
        if (!['ERR_TIMEOUT', 'ERR_POOL_TIMEOUT', 'ERR_TRANSACTION_CLOSED'].includes((error as any).code)) {
          if (!['AbortError', 'Error'].includes((error as any).name)) throw error;
        }
        unknown.add(id);
      }
    };
    const insert = 'INSERT INTO t VALUES (?, 1)';
    const options = () => {
      if (random(4) > 0) return {};
      if (random(2)) return { timeoutMs: 1 + random(10) };
      const stop = new AbortController();
      setTimeout(() => stop.abort(), random(10));
      return { signal: stop.signal };
    };
    const quiet = (error: any) => {
      const expected = ['ERR_TIMEOUT', 'ERR_POOL_TIMEOUT'].includes(error.code) || error.name === 'AbortError';
      if (!expected && error.message !== 'onConnect') throw error;
    };
    const steps: (() => Promise<unknown>)[] = [
      () => write(next++, (id) => pool.run(insert, [id], options())),
      () => write(next++, (id) => pool.run(insert, [id], options())),
      () => write(next++, (id) => pool.batch([{ sql: insert, params: [id] }, { sql: 'SELECT 1' }], options())),
      () =>
        write(next++, (id) =>
          pool.all(`WITH a AS (SELECT ? AS id) INSERT INTO t SELECT id, 1 FROM a`, [id], options()),
        ),
      () =>
        write(next++, (id) =>
          pool.transaction(async (tx) => {
            await tx.run(insert, [id]);
            if (random(3) === 0) await sleep(random(3));
            await tx.transaction((inner) => inner.get('SELECT 1'));
            if (random(5) === 0) throw new Error('undone');
          }, options()),
        ),
      () => pool.get('SELECT count(*) FROM t', [], options()).catch(quiet),
      () => pool.all('WITH a AS (SELECT 1) SELECT * FROM a', [], options()).catch(quiet),
      () => pool.read((tx) => tx.get('SELECT 1').then(() => sleep(random(3))), options()).catch(quiet),
      async () => {
        const role = random(2) ? 'writer' : 'reader';
        const lease = await pool.acquire({ role }).catch(quiet);
        if (lease === undefined) return;
        if (random(3) === 0) await lease.run('PRAGMA cache_size = 100');
        if (random(3) === 0) await lease.exec('BEGIN');
        await lease.get('SELECT 1');
        if (random(2)) await sleep(random(4));
        if (random(2)) lease.release();
        else await lease.close();
      },
      async () => {
        if (random(4) === 0) failConnect = 1;
        await sleep(random(12));
      },
    ];
    const worker = async () => {
      for (let i = 0; i < 60; i++) await steps[random(steps.length)]?.();
    };
    await Promise.all(Array.from({ length: 12 }, worker));
    await until(() => pool.stats().waiting === 0);
    // Some calls are still on their way when it closes.
    const last = Array.from({ length: 30 }, () => steps[random(8)]?.());
    await pool.close();
    await Promise.all(last);
    expect(pool.stats()).toMatchObject({ size: 0, idle: 0, waiting: 0 });

    const db = await on.connect();
    const stored = new Set((await db.all<[number]>('SELECT id FROM t', [], { rowMode: 'array' })).map(([id]) => id));
    expect([...written].filter((id) => !stored.has(id))).toEqual([]);
    expect([...unknown].filter((id) => stored.has(id))).toEqual([]); // what rejects has changed nothing
    expect(stored.size).toBe(written.size);
    expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
  });
});
