import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type ConnectionOptions, connect, createPool, type PoolOptions } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const pragma = async (options: ConnectionOptions, name: string, file = on.file()) => {
  const db = await on.connect(options, file);
  return Object.values((await db.get(`PRAGMA ${name}`)) as object)[0];
};

describe('defaults', () => {
  test('of connect() are durable and safe', async () => {
    expect(await pragma({}, 'synchronous')).toBe(3);
    expect(await pragma({}, 'foreign_keys')).toBe(1);
    expect(await pragma({}, 'trusted_schema')).toBe(0);
    expect(await pragma({}, 'cell_size_check')).toBe(1);
    expect(await pragma({}, 'journal_mode')).toBe('delete');
  });

  test('of createPool() are those, in WAL mode', async () => {
    const pool = on.pool();
    for (const role of ['writer', 'reader'] as const) {
      await pool.withConnection(
        async (db) => {
          expect(await db.get('PRAGMA synchronous')).toEqual({ synchronous: 2 });
          expect(await db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
          expect(await db.get('PRAGMA query_only')).toEqual({ query_only: role === 'reader' ? 1 : 0 });
        },
        { role },
      );
    }
    expect(await pool.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
  });
});

describe('journalMode, synchronous and foreignKeys', () => {
  test.each(['wal', 'delete', 'truncate', 'persist', 'memory'] as const)(
    "journalMode '%s' is applied",
    async (journalMode) => {
      expect(await pragma({ journalMode }, 'journal_mode')).toBe(journalMode);
    },
  );

  test.each([
    ['off', 0],
    ['normal', 1],
    ['full', 2],
    ['extra', 3],
  ] as const)("synchronous '%s' is applied, to writer and readers", async (synchronous, value) => {
    expect(await pragma({ synchronous, journalMode: 'wal' }, 'synchronous')).toBe(value);
    const pool = on.pool({ synchronous, database: on.file('pool.db') });
    for (const role of ['writer', 'reader'] as const) {
      const row = await pool.withConnection((db) => db.get('PRAGMA synchronous'), { role });
      expect(row).toEqual({ synchronous: value });
    }
  });

  test("with a rollback journal, synchronous 'full' is SQLite's EXTRA: only that syncs the journal's deletion", async () => {
    for (const journalMode of ['delete', 'truncate', 'persist'] as const) {
      expect(await pragma({ synchronous: 'full', journalMode }, 'synchronous')).toBe(3);
    }
    expect(await pragma({ pragmas: { synchronous: 'full' } }, 'synchronous')).toBe(2);
  });

  test('foreignKeys: false switches them off', async () => {
    expect(await pragma({ foreignKeys: false }, 'foreign_keys')).toBe(0);
    expect(await pragma({ foreignKeys: true }, 'foreign_keys')).toBe(1);
  });
});

describe('pragmas', () => {
  test('are applied once per connection, after the built-in profile', async () => {
    const pragmas = {
      cache_size: -4_000,
      recursive_triggers: true,
      'main.mmap_size': 65_536,
      foreign_keys: 0,
      temp_store: 'MEMORY',
    };
    expect(await pragma({ pragmas }, 'cache_size')).toBe(-4_000);
    expect(await pragma({ pragmas }, 'recursive_triggers')).toBe(1);
    expect(await pragma({ pragmas }, 'mmap_size')).toBe(65_536);
    expect(await pragma({ pragmas }, 'foreign_keys')).toBe(0);
    expect(await pragma({ pragmas }, 'temp_store')).toBe(2);
  });

  test('are applied to every connection of a pool', async () => {
    const pool = on.pool({ pragmas: { cache_size: -1_234 } });
    for (const role of ['writer', 'reader'] as const) {
      expect(await pool.withConnection((db) => db.get('PRAGMA cache_size'), { role })).toEqual({ cache_size: -1_234 });
    }
    expect(await pool.get('PRAGMA cache_size')).toEqual({ cache_size: -1_234 });
  });

  test('whose value is hostile text does nothing else', async () => {
    await using db = await connect(on.file());
    await db.exec('CREATE TABLE t (x)');
    const evil = "utf8'; DROP TABLE t; --";
    await rejection(
      connect(on.file(), { pragmas: { encoding: evil } }).then((other) =>
        other.close().then(() => Promise.reject(new Error('opened'))),
      ),
    );
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test.each(['', 'a b', 'cache_size; DROP TABLE t', 'a=1', 'a.b.c', '.a', 'a.', '1', 'a-b', "a'"])(
    'refuses %j as a name',
    async (name) => {
      expect(await rejection(connect(on.file(), { pragmas: { [name]: 1 } }))).toMatchObject({
        name: 'RangeError',
        code: 'ERR_OUT_OF_RANGE',
        message: expect.stringContaining('options.pragmas'),
      });
    },
  );

  test.each([
    [null, 'ERR_INVALID_ARG_TYPE'],
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [1n, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [Number.NaN, 'ERR_OUT_OF_RANGE'],
    [Number.POSITIVE_INFINITY, 'ERR_OUT_OF_RANGE'],
    ['a\0b', 'ERR_OUT_OF_RANGE'],
  ])('refuses %s as a value', async (value, code) => {
    expect(await rejection(connect(on.file(), { pragmas: { cache_size: value as never } }))).toMatchObject({
      code,
      message: expect.stringContaining('options.pragmas.cache_size'),
    });
  });
});

describe('wrong options', () => {
  const connection: [string, unknown, string][] = [
    ['readonly', 1, 'ERR_INVALID_ARG_TYPE'],
    ['readonly', null, 'ERR_INVALID_ARG_TYPE'],
    ['mustExist', 'yes', 'ERR_INVALID_ARG_TYPE'],
    ['foreignKeys', 'on', 'ERR_INVALID_ARG_TYPE'],
    ['allowExtensions', 1, 'ERR_INVALID_ARG_TYPE'],
    ['transactionMode', 'later', 'ERR_OUT_OF_RANGE'],
    ['transactionMode', 1, 'ERR_INVALID_ARG_TYPE'],
    ['integerMode', 'Bigint', 'ERR_OUT_OF_RANGE'],
    ['integerMode', 'toString', 'ERR_OUT_OF_RANGE'],
    ['journalMode', 'off', 'ERR_OUT_OF_RANGE'],
    ['journalMode', '', 'ERR_OUT_OF_RANGE'],
    ['journalMode', 'WAL', 'ERR_OUT_OF_RANGE'],
    ['journalMode', true, 'ERR_INVALID_ARG_TYPE'],
    ['synchronous', 'FULL', 'ERR_OUT_OF_RANGE'],
    ['synchronous', 2, 'ERR_INVALID_ARG_TYPE'],
    ['busyTimeoutMs', -1, 'ERR_OUT_OF_RANGE'],
    ['busyTimeoutMs', 1.5, 'ERR_OUT_OF_RANGE'],
    ['busyTimeoutMs', 2 ** 31, 'ERR_OUT_OF_RANGE'],
    ['busyTimeoutMs', Number.NaN, 'ERR_OUT_OF_RANGE'],
    ['busyTimeoutMs', '5', 'ERR_INVALID_ARG_TYPE'],
    ['busyTimeoutMs', 5n, 'ERR_INVALID_ARG_TYPE'],
    ['statementCacheSize', -1, 'ERR_OUT_OF_RANGE'],
    ['statementCacheSize', Number.POSITIVE_INFINITY, 'ERR_OUT_OF_RANGE'],
    ['maxPending', 0, 'ERR_OUT_OF_RANGE'],
    ['maxPending', 0.5, 'ERR_OUT_OF_RANGE'],
    ['maxPendingBytes', 0, 'ERR_OUT_OF_RANGE'],
    ['pragmas', [], 'ERR_INVALID_ARG_TYPE'],
    ['pragmas', 'cache_size=1', 'ERR_INVALID_ARG_TYPE'],
    ['pragmas', null, 'ERR_INVALID_ARG_TYPE'],
    ['extensions', 'a.so', 'ERR_INVALID_ARG_TYPE'],
    ['extensions', [1], 'ERR_INVALID_ARG_TYPE'],
    ['extensions', new Array(1), 'ERR_INVALID_ARG_TYPE'],
    ['extensions', [''], 'ERR_OUT_OF_RANGE'],
    ['extensions', ['a\0'], 'ERR_OUT_OF_RANGE'],
  ];
  const pool: [string, unknown, string][] = [
    ['database', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['database', '', 'ERR_OUT_OF_RANGE'],
    ['database', 'a\0', 'ERR_OUT_OF_RANGE'],
    ['database', new URL('https://example.org/a.db'), 'ERR_OUT_OF_RANGE'],
    ['database', {}, 'ERR_INVALID_ARG_TYPE'],
    ['poolSize', 0, 'ERR_OUT_OF_RANGE'],
    ['poolSize', 1.5, 'ERR_OUT_OF_RANGE'],
    ['poolSize', '5', 'ERR_INVALID_ARG_TYPE'],
    ['acquireTimeoutMs', 0, 'ERR_OUT_OF_RANGE'],
    ['acquireTimeoutMs', Number.POSITIVE_INFINITY, 'ERR_OUT_OF_RANGE'],
    ['idleTimeoutMs', 0, 'ERR_OUT_OF_RANGE'],
    ['operationTimeoutMs', 0, 'ERR_OUT_OF_RANGE'],
    ['operationTimeoutMs', '1', 'ERR_INVALID_ARG_TYPE'],
    ['onConnect', 'connect', 'ERR_INVALID_ARG_TYPE'],
  ];

  test.each(connection)('%s: %o makes connect() reject %s, naming it', async (name, value, code) => {
    expect(await rejection(connect(on.file(), { [name]: value }))).toMatchObject({
      code,
      message: expect.stringContaining(`options.${name}`),
    });
  });

  test.each([...connection, ...pool])('%s: %o makes createPool() throw %s, naming it', (name, value, code) => {
    expect(() => createPool({ database: on.file(), [name]: value } as PoolOptions)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(name) }),
    );
  });

  test.each([[null], ['options'], [1], [[]]])('%j in place of options is refused', async (options) => {
    const error = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('options') };
    expect(await rejection(connect(on.file(), options as never))).toMatchObject(error);
    expect(() => createPool('app.db', options as never)).toThrow(expect.objectContaining(error));
    if (options === 'options') return; // a path
    expect(() => createPool(options as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });

  test('createPool() takes a path first, as connect() does, and then no second one', async () => {
    const pool = createPool(on.file('first.db'), { poolSize: 2 });
    expect(await pool.get('SELECT 1 AS one')).toEqual({ one: 1 });
    await pool.close();
    const database = on.file();
    expect(() => createPool(database, { database } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }),
    );
    expect(() => (createPool as any)({ database }, { poolSize: 2 })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('options') }),
    );
  });

  test('nothing is created by a call that is refused', async () => {
    await rejection(connect(on.file(), { busyTimeoutMs: -1 }));
    await using db = await connect(on.file('other.db')); // the folder is there
    expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(await rejection(connect(on.file(), { mustExist: true }))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
  });
});

describe('extensions', () => {
  test('one that is not there rejects, and the connection does not open', async () => {
    const error = await rejection(connect(on.file(), { extensions: [on.file('missing-extension')] }));
    expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_ERROR' });
    expect(error.message).toContain('missing-extension');
  });
});

describe('maxPending and maxPendingBytes', () => {
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

  test('calls beyond maxPending reject ERR_QUEUE_FULL, the running one not counted', async () => {
    const db = await on.connect({ maxPending: 3 }, ':memory:');
    const stop = new AbortController();
    const running = rejection(db.get(endless, [], { signal: stop.signal }));
    while (!db.stats().running) await new Promise((resolve) => setTimeout(resolve, 1));
    const waiting = [1, 2, 3].map((i) => db.get('SELECT ? AS i', [i]));
    for (const call of [
      () => db.get('SELECT 4'),
      () => db.exec('SELECT 4'),
      () => db.batch([{ sql: 'SELECT 4' }]),
      () => db.transaction(async () => {}),
    ]) {
      expect(await rejection(call())).toMatchObject({ name: 'AiosqliteError', code: 'ERR_QUEUE_FULL' });
    }
    stop.abort();
    await running;
    expect(await Promise.all(waiting)).toEqual([{ i: 1 }, { i: 2 }, { i: 3 }]);
    expect(await db.get('SELECT 5 AS i')).toEqual({ i: 5 });
  });

  test('calls beyond maxPendingBytes reject ERR_QUEUE_FULL, but one alone is always taken', async () => {
    const db = await on.connect({ maxPendingBytes: 1_000_000 }, ':memory:');
    const big = new Uint8Array(2_000_000);
    expect(await db.get('SELECT length(?) AS n', [big])).toEqual({ n: 2_000_000 });
    const small = new Uint8Array(400_000);
    const calls = Array.from({ length: 4 }, () => db.get('SELECT length(?) AS n', [small]));
    const results = await Promise.allSettled(calls);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(results[3]).toMatchObject({ reason: { code: 'ERR_QUEUE_FULL' } });
    expect(await db.get('SELECT length(?) AS n', [small])).toEqual({ n: 400_000 });
  });

  test('a full queue lets a transaction end, and close() pass', async () => {
    const db = await on.connect({ maxPending: 2 });
    await db.exec('CREATE TABLE t (x)');
    const inside = await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (0)');
      // Nobody awaits them before COMMIT is called for, so that the queue is full then.
      return [1, 2, 3, 4].map((x) =>
        tx.run('INSERT INTO t VALUES (?)', [x]).then(
          () => x,
          (error) => error.code,
        ),
      );
    });
    expect(await Promise.all(inside)).toEqual([1, 2, 'ERR_QUEUE_FULL', 'ERR_QUEUE_FULL']);
    expect(await db.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[0], [1], [2]]);
    const last = [db.get('SELECT 1 AS one'), db.get('SELECT 1 AS one')];
    await db.close();
    expect(await Promise.all(last)).toEqual([{ one: 1 }, { one: 1 }]);
  });

  test('a pool counts them, too', async () => {
    const pool = on.pool({ maxPending: 4 });
    await pool.exec('CREATE TABLE t (x)');
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => pool.run('INSERT INTO t VALUES (?)', [i])),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 10 - refused.length });
  });
});

describe('a URL as the database', () => {
  test.each(['plain.db', 'with space.db', 'ä 100%.db', 'a#b?c.db'])(
    'opens the file that it stands for: %s',
    async (name) => {
      const url = pathToFileURL(on.file(name));
      const db = await connect(url);
      await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
      expect(db.database).toBe(url.href);
      await db.close();
      expect(existsSync(on.file(name))).toBe(true);
      const pool = on.pool({ database: url, mustExist: true });
      expect(await pool.get('SELECT x FROM t')).toEqual({ x: 1 });
    },
  );

  test('takes the parameters of a URI', async () => {
    await (await on.connect()).exec('CREATE TABLE t (x)');
    const url = pathToFileURL(on.file());
    url.searchParams.set('mode', 'ro');
    const db = await connect(url);
    expect(await rejection(db.run('INSERT INTO t VALUES (1)'))).toMatchObject({ code: 'SQLITE_READONLY' });
    await db.close();
  });

  test('that is not one of a file is refused', async () => {
    const error = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE', message: expect.stringContaining('database') };
    expect(await rejection(connect(new URL('https://example.org/a.db')))).toMatchObject(error);
  });
});
