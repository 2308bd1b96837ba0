import type { Lease, Pool } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { busyReaders } from '../support/busy.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { ENDLESS, first, gate, sleep, timed, until } from '../support/time.js';

const on = databases();
let pool: Pool;

beforeEach(async () => {
  pool = on.pool();
  await pool.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
});

const roles = ['writer', 'reader'] as const;
/** Something of the connection itself that tells whether it is another one. */
const mark = (lease: Pick<Lease, 'exec'>) => lease.exec('CREATE TEMP TABLE mark (x)');
const isMarked = async (lease: Pick<Lease, 'get'>) =>
  (await lease.get("SELECT 1 AS yes FROM sqlite_temp_schema WHERE name = 'mark'")) !== undefined;

describe('a lease', () => {
  test('is a connection for one user at a time', async () => {
    await using lease = await pool.acquire();
    expect(lease.database).toBe(on.file());
    await lease.run('INSERT INTO t (x) VALUES (1)');
    expect(await lease.get('SELECT last_insert_rowid() AS id, changes() AS n')).toEqual({ id: 1, n: 1 });
    await lease.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (2)'));
    expect(await lease.batch([{ sql: 'SELECT count(*) AS n FROM t' }])).toMatchObject([{ rows: [{ n: 2 }] }]);
    let others = false;
    const waiting = pool.run('INSERT INTO t (x) VALUES (3)').then(() => {
      others = true;
    });
    await sleep(20);
    expect(others).toBe(false);
    await lease.close();
    await waiting;
  });

  test('is by default the writer', async () => {
    await using lease = await pool.acquire();
    await lease.run('INSERT INTO t (x) VALUES (1)');
    await pool.withConnection((db) => db.get('SELECT 1'), { role: 'reader' });
  });

  test('may begin and end a transaction by hand', async () => {
    await using lease = await pool.acquire();
    await lease.exec('BEGIN');
    await lease.run('INSERT INTO t (x) VALUES (1)');
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
    await lease.exec('COMMIT');
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test.each(roles)(
    '%s: is given back by release(), by close(), by `await using` and by the end of withConnection()',
    async (role) => {
      for (let i = 0; i < 6; i++) {
        const released = await pool.acquire({ role });
        released.release();
        released.release();
        const closed = await pool.acquire({ role });
        await Promise.all([closed.close(), closed.close()]);
        {
          await using _ = await pool.acquire({ role });
        }
        expect(await pool.withConnection((db) => db.get('SELECT 1 AS one'), { role })).toEqual({ one: 1 });
        expect(await rejection(pool.withConnection(() => Promise.reject(new Error('mine')), { role }))).toMatchObject({
          message: 'mine',
        });
        await rejection(
          pool.withConnection(
            () => {
              throw new Error('thrown');
            },
            { role },
          ),
        );
      }
      await until(() => pool.stats().idle === pool.stats().size);
      await pool.run('INSERT INTO t (x) VALUES (1)');
    },
  );

  test.each(roles)('%s: that has been given back rejects ERR_CLOSED', async (role) => {
    const lease = await pool.acquire({ role });
    const last = lease.get('SELECT 1 AS one');
    lease.release();
    for (const call of [
      () => lease.run('SELECT 1'),
      () => lease.get('SELECT 1'),
      () => lease.exec('SELECT 1'),
      () => lease.batch([{ sql: 'SELECT 1' }]),
      () => lease.transaction(async () => {}),
    ]) {
      expect(await rejection(call())).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CLOSED' });
    }
    expect(await last).toEqual({ one: 1 });
    let kept: Pick<Lease, 'get'> | undefined;
    await pool.withConnection(
      async (db) => {
        kept = db;
      },
      { role },
    );
    expect(await rejection((kept as Lease).get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('release() inside a transaction of its own waits for its end, and disturbs nobody', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const lease = await pool.acquire();
    await lease.transaction(async (tx) => {
      lease.release();
      await tx.run('INSERT INTO t (x) VALUES (1)');
    });
    await pool.run('INSERT INTO t (x) VALUES (2)');
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
    await sleep(0);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  test('close() inside a transaction of its own rejects ERR_NESTED_ACQUIRE', async () => {
    await using lease = await pool.acquire();
    await lease.transaction(async () => {
      expect(await rejection(lease.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      expect(await rejection(lease.get('SELECT 1'))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
  });

  test('has statistics of its own connection', async () => {
    await using lease = await pool.acquire();
    const before = lease.stats();
    await lease.get('SELECT 1');
    await lease.get('SELECT 1');
    await rejection(lease.get('SELEKT'));
    const after = lease.stats();
    expect(after.completed - before.completed).toBe(2);
    expect(after.failed - before.failed).toBe(1);
    expect(after.statementCache.hits).toBeGreaterThan(before.statementCache.hits);
  });

  test.each(roles)('%s: that was left inside a transaction is rolled back, and goes on being used', async (role) => {
    const left = await pool.acquire({ role });
    if (role === 'writer') await left.exec('BEGIN; INSERT INTO t (x) VALUES (1)');
    else await left.exec('BEGIN; SELECT * FROM t');
    await left.close();
    await pool.run('INSERT INTO t (x) VALUES (2)');
    await pool.withConnection(
      async (db) => {
        expect(await db.all('SELECT x FROM t')).toEqual([{ x: 2 }]);
        await db.exec('BEGIN; COMMIT'); // none is open
      },
      { role },
    );
    expect(pool.stats().size).toBeLessThanOrEqual(2);
  });

  test('withConnection() rolls back what its function leaves open, also when it throws', async () => {
    await rejection(
      pool.withConnection(async (db) => {
        await db.exec('BEGIN');
        await db.run('INSERT INTO t (x) VALUES (1)');
        throw new Error('mine');
      }),
    );
    await pool.withConnection(async (db) => {
      await db.exec('SAVEPOINT a');
      await db.run('INSERT INTO t (x) VALUES (1)');
    });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test.each<[string, (db: Pick<Lease, 'run' | 'exec' | 'get'>) => Promise<unknown>]>([
    ['a PRAGMA was set', (db) => db.run('PRAGMA foreign_keys = 0')],
    ['a PRAGMA was set in a script', (db) => db.exec('SELECT 1; PRAGMA cache_size(7); SELECT 2')],
    ['a PRAGMA was set, though the call was refused', (db) => rejection(db.run('PRAGMA foreign_keys = 0', [1]))],
    ['a PRAGMA was set by EXPLAIN', (db) => db.get('EXPLAIN PRAGMA foreign_keys = 0')],
    [
      'a PRAGMA was set, though the call failed',
      (db) => rejection(db.get('PRAGMA foreign_keys = 0', [], { jsonColumns: ['a'] } as never)),
    ],
    ['a database was attached', (db) => db.run("ATTACH ':memory:' AS other")],
    ['a TEMP table was made', (db) => db.exec('CREATE TEMP TABLE a (x)')],
    ['a table was made in temp', (db) => db.exec('CREATE TABLE temp.a (x)')],
  ])('through which %s is discarded and replaced', async (_, alter) => {
    for (const role of roles) {
      const altered = await pool.acquire({ role });
      if (role === 'writer') await mark(altered);
      await alter(altered).catch((error) => {
        expect(role).toBe('reader');
        expect(error).toMatchObject({ code: 'SQLITE_READONLY' });
      });
      await altered.close();
      for (let i = 0; i < 5; i++) {
        await pool.withConnection(
          async (db) => {
            expect(await db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
            expect(await db.get('PRAGMA cache_size')).not.toEqual({ cache_size: 7 });
            const schemas = await db.all<{ name: string }>('PRAGMA database_list');
            expect(schemas.map(({ name }) => name).filter((name) => name !== 'temp')).toEqual(['main']);
            expect(await isMarked(db)).toBe(false);
          },
          { role },
        );
      }
      await pool.run('INSERT INTO t (x) VALUES (1)');
    }
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('that changed nothing is used again', async () => {
    let connects = 0;
    const counted = on.pool({ database: on.file('counted.db'), onConnect: async () => void connects++ });
    for (const role of roles) {
      for (let i = 0; i < 3; i++) {
        await counted.withConnection(
          async (db) => {
            await db.get('PRAGMA foreign_keys');
            await db.all('PRAGMA table_info(t)');
            await db.get('SELECT 1');
            await rejection(db.run('SELECT * FROM nowhere'));
            await db.exec('BEGIN; COMMIT');
          },
          { role },
        );
      }
    }
    expect(connects).toBe(2);
  });

  test('what waits while an altered writer is replaced goes on, in order', async () => {
    const lease = await pool.acquire();
    await lease.run('PRAGMA foreign_keys = 0');
    const waiting = Promise.all([
      pool.run('INSERT INTO t (x) VALUES (1)'),
      pool.run('INSERT INTO t (x) VALUES (2)'),
      pool.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (3)')),
    ]);
    await sleep(10);
    lease.release();
    await waiting;
    expect(await pool.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[1], [2], [3]]);
  });

  test('what waits while the only, altered reader is replaced goes on', async () => {
    const small = on.pool({ poolSize: 2 });
    const lease = await small.acquire({ role: 'reader' });
    await lease.run('PRAGMA cache_size = 5');
    const waiting = Promise.all([
      small.get('SELECT 1 AS n'),
      small.get('SELECT 2 AS n'),
      small.read((tx) => tx.get('SELECT 3 AS n')),
    ]);
    await sleep(10);
    lease.release();
    expect(await waiting).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test('query_only can not be changed on a reader', async () => {
    await pool.withConnection(
      async (db) => {
        for (const sql of [
          'PRAGMA query_only = 0',
          'PRAGMA query_only(0)',
          'PRAGMA query_only=OFF',
          'pragma main.QUERY_ONLY = false',
        ]) {
          expect(await rejection(db.run(sql)), sql).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
          expect(await rejection(db.exec(sql)), sql).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
          expect(await rejection(db.get(`EXPLAIN ${sql}`)), sql).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
        }
        expect(await db.get('PRAGMA query_only')).toEqual({ query_only: 1 });
        expect(await rejection(db.run('INSERT INTO t (x) VALUES (1)'))).toMatchObject({ code: 'SQLITE_READONLY' });
      },
      { role: 'reader' },
    );
  });

  test('of a reader begins transactions that only read', async () => {
    await using lease = await pool.acquire({ role: 'reader' });
    expect(await lease.transaction((tx) => tx.get('SELECT 1 AS one'))).toEqual({ one: 1 });
    await lease.exec('BEGIN');
    const before = await lease.get('SELECT count(*) AS n FROM t');
    await pool.run('INSERT INTO t (x) VALUES (1)');
    expect(await lease.get('SELECT count(*) AS n FROM t')).toEqual(before);
    await lease.exec('COMMIT');
    expect(await lease.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test('a signal and a deadline end a call of its own alone', async () => {
    await using lease = await pool.acquire();
    expect(await rejection(lease.get(ENDLESS, [], { timeoutMs: 30 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
    const stop = new AbortController();
    const aborted = rejection(lease.get(ENDLESS, [], { signal: stop.signal }));
    const next = lease.get('SELECT 1 AS one');
    await sleep(20);
    stop.abort();
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    expect(await next).toEqual({ one: 1 });
  });

  test.each([
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
    ['a string', 'writer', 'ERR_INVALID_ARG_TYPE'],
    ['an array', [], 'ERR_INVALID_ARG_TYPE'],
    ['a wrong role', { role: 'owner' }, 'ERR_OUT_OF_RANGE'],
    ['a role of another type', { role: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ])('acquire() and withConnection() reject %s', async (_, options, code) => {
    expect(await rejection(pool.acquire(options as never))).toMatchObject({ code });
    expect(await rejection(pool.withConnection(async () => {}, options as never))).toMatchObject({ code });
    expect(await rejection(pool.withConnection(undefined as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await pool.run('INSERT INTO t (x) VALUES (1)');
  });

  test('stats() tells which connections are leased and which wait', async () => {
    await Promise.all([pool.get('SELECT 1'), pool.run('INSERT INTO t (x) VALUES (1)')]);
    const { size } = pool.stats();
    const lease = await pool.acquire();
    // The pool's own jobs may keep the other connection busy for a moment.
    await until(() => pool.stats().idle === size - 1);
    expect(pool.stats()).toMatchObject({ size, waiting: 0 });
    const waiting = [pool.run('INSERT INTO t (x) VALUES (2)'), pool.acquire()] as const;
    await until(() => pool.stats().waiting === 2);
    lease.release();
    (await waiting[1]).release();
    await waiting[0];
    await until(() => pool.stats().idle === size);
  });
});

describe('calls', () => {
  const rows = 2_000;
  beforeEach(async () => {
    await pool.executeMany(
      'INSERT INTO t (x) VALUES (?)',
      Array.from({ length: rows }, (_, i) => [i]),
    );
  });

  test.each([
    [2, 1],
    [2, 8],
    [3, 8],
    [5, 8],
  ])('in loops over iterate() go on: poolSize %i, loops %i', async (poolSize, loops) => {
    const small = on.pool({ poolSize });
    const loop = async () => {
      let seen = 0;
      for await (const { x } of small.iterate<{ x: number }>('SELECT x FROM t ORDER BY id')) {
        if (x % 500 === 0) {
          expect(await small.get('SELECT count(*) AS n FROM t')).toMatchObject({ n: rows });
          expect(await small.read((tx) => tx.get('SELECT 1 AS one'))).toEqual({ one: 1 });
          for await (const _ of small.iterate('SELECT x FROM t')) break;
        }
        seen++;
      }
      expect(seen).toBe(rows);
    };
    await Promise.all(Array.from({ length: loops }, loop));
  });

  test.each([2, 3])('while leases hold every reader go on: poolSize %i', async (poolSize) => {
    const small = on.pool({ poolSize });
    const inside = async () => {
      expect(await small.get('SELECT 1 AS one')).toEqual({ one: 1 });
      expect(await small.withConnection((db) => db.get('SELECT 2 AS two'), { role: 'reader' })).toEqual({ two: 2 });
      await small.run('UPDATE t SET x = x + 1 WHERE id = 1');
      await small.serialize();
    };
    await Promise.all(Array.from({ length: 6 }, () => small.withConnection(inside, { role: 'reader' })));
    const leases = await Promise.all(Array.from({ length: 6 }, () => small.acquire({ role: 'reader' })));
    await inside();
    await using writer = await small.acquire();
    expect(await small.get('SELECT 1 AS one')).toEqual({ one: 1 });
    await using _ = await small
      .openBlob({ table: 't', column: 'x', rowid: 1 })
      .catch(() => small.acquire({ role: 'reader' }));
    await writer.close();
    for (const lease of leases) lease.release();
  });

  test('need readers beyond poolSize only as long as leases hold the others', async () => {
    const small = on.pool({ poolSize: 3 });
    const leases = await Promise.all(Array.from({ length: 5 }, () => small.acquire({ role: 'reader' })));
    await Promise.all(Array.from({ length: 20 }, () => small.get('SELECT 1')));
    expect(small.stats().size).toBe(7); // the writer, five that are leased, one for calls
    for (const lease of leases) lease.release();
    await until(() => small.stats().size === 3);
    expect(await small.get('SELECT 1 AS one')).toEqual({ one: 1 });
    await until(() => small.stats().idle === 3);
  });

  test('that iterate for a moment take turns: they open no readers beyond poolSize', async () => {
    const small = on.pool({ poolSize: 3 });
    let most = 0;
    await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        for await (const _ of small.iterate('SELECT x FROM t LIMIT 3')) most = Math.max(most, small.stats().size);
      }),
    );
    expect(most).toBeLessThan(50); // a few open while this thread is held up
  });

  test('reject with the error of a reader that can not open while leases hold the others', async () => {
    let fail = false;
    const small = on.pool({
      poolSize: 2,
      onConnect: async () => {
        if (fail) throw new Error('no more');
      },
    });
    const lease = await small.acquire({ role: 'reader' });
    fail = true;
    expect(await rejection(small.get('SELECT 1'))).toMatchObject({ message: 'no more' });
    expect(await rejection(small.acquire({ role: 'reader' }))).toMatchObject({ message: 'no more' });
    fail = false;
    expect(await small.get('SELECT 1 AS one')).toEqual({ one: 1 });
    await lease.close();
  });
});

describe('acquire() and withConnection()', () => {
  test('end with their signal or deadline while they wait', async () => {
    await using writer = await pool.acquire();
    const abort = new AbortController();
    const aborted = [
      pool.acquire({ signal: abort.signal }),
      pool.withConnection(async () => {}, { signal: abort.signal }),
    ].map(rejection);
    const late = [pool.acquire({ timeoutMs: 30 }), pool.withConnection(async () => {}, { timeoutMs: 30 })].map(
      rejection,
    );
    setTimeout(() => abort.abort(new Error('enough')), 30);
    expect(await Promise.all(aborted)).toEqual([abort.signal.reason, abort.signal.reason]);
    for (const error of await Promise.all(late)) expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(await rejection(pool.acquire({ signal: abort.signal }))).toBe(abort.signal.reason);
    await writer.close();
    await pool.run('INSERT INTO t (x) VALUES (1)');
  });

  test('end with their signal or deadline while all readers are leased', async () => {
    const small = on.pool({ poolSize: 2 });
    await using _ = await small.acquire({ role: 'reader' });
    const abort = new AbortController();
    const aborted = rejection(small.acquire({ role: 'reader', signal: abort.signal }));
    const late = rejection(small.acquire({ role: 'reader', timeoutMs: 0.001 }));
    abort.abort(new Error('enough'));
    expect(await aborted).toBe(abort.signal.reason);
    expect(await late).toMatchObject({ code: 'ERR_TIMEOUT' });
    await (await small.acquire({ role: 'reader' })).close();
  });

  test('set no limit to what is done with the connection', async () => {
    const abort = new AbortController();
    await pool.withConnection(
      async (db) => {
        abort.abort();
        await sleep(60);
        expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
      },
      { signal: abort.signal, timeoutMs: 50 },
    );
  });

  test.each([
    ['a signal', { signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    ['a deadline', { timeoutMs: 'soon' }, 'ERR_INVALID_ARG_TYPE'],
    ['a deadline out of range', { timeoutMs: 0 }, 'ERR_OUT_OF_RANGE'],
  ])('reject %s that is none', async (_, options, code) => {
    expect(await rejection(pool.acquire(options as never))).toMatchObject({ code });
    expect(await rejection(pool.withConnection(async () => {}, options as never))).toMatchObject({ code });
    await pool.run('INSERT INTO t (x) VALUES (1)');
  });
});

describe('acquireTimeoutMs', () => {
  let hurried: Pool;
  beforeEach(() => {
    hurried = on.pool({ acquireTimeoutMs: 1_500, poolSize: 3, synchronous: 'off' });
  });
  const late = { name: 'AiosqliteError', code: 'ERR_POOL_TIMEOUT' };

  test('ends acquire() and every verb that waits for the writer', async () => {
    await using _ = await hurried.acquire();
    const began = performance.now();
    const calls = [
      hurried.acquire(),
      hurried.withConnection(async () => {}),
      hurried.run('INSERT INTO t (x) VALUES (1)'),
      hurried.all('INSERT INTO t (x) VALUES (1) RETURNING x'),
      hurried.exec('INSERT INTO t (x) VALUES (1)'),
      hurried.executeMany('INSERT INTO t (x) VALUES (?)', [[1]]),
      hurried.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }]),
      hurried.transaction(async () => {}),
      hurried.all('WITH a AS (SELECT 1 AS x) INSERT INTO t (x) SELECT x FROM a'),
    ].map(rejection);
    for (const error of await Promise.all(calls)) expect(error).toMatchObject(late);
    expect(performance.now() - began).toBeGreaterThan(1_400);
    expect(await hurried.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('ends what waits for a reader', async () => {
    const busy = await busyReaders(hurried, 2);
    const calls = [
      hurried.acquire({ role: 'reader' }),
      hurried.get('SELECT 1'),
      hurried.batch([{ sql: 'SELECT 1' }]),
      hurried.read(async () => {}),
    ].map(rejection);
    for (const error of await Promise.all(calls)) expect(error).toMatchObject(late);
    await hurried.run('INSERT INTO t (x) VALUES (1)');
    await busy[Symbol.asyncDispose]();
    expect(await hurried.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test('does not end a call that runs', async () => {
    await using lease = await hurried.acquire();
    await sleep(1_800);
    expect(await lease.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(await rejection(hurried.get(ENDLESS, [], { timeoutMs: 3_000 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  test('gives way to a shorter timeoutMs', async () => {
    await using _ = await hurried.acquire();
    expect(await rejection(hurried.run('INSERT INTO t (x) VALUES (1)', [], { timeoutMs: 20 }))).toMatchObject({
      code: 'ERR_TIMEOUT',
    });
  });

  test('a call that came too late for one lease gets the next', async () => {
    const lease = await hurried.acquire();
    await rejection(hurried.run('INSERT INTO t (x) VALUES (1)'));
    const next = hurried.run('INSERT INTO t (x) VALUES (2)');
    lease.release();
    await next;
    expect(await hurried.all('SELECT x FROM t')).toEqual([{ x: 2 }]);
  });
});

describe('operationTimeoutMs', () => {
  test('is the deadline of every call that has none of its own', async () => {
    const limited = on.pool({ operationTimeoutMs: 60 });
    const late = { code: 'ERR_TIMEOUT' };
    for (const call of [
      () => limited.get(ENDLESS),
      () => limited.run(`INSERT INTO t (x) ${ENDLESS}`),
      () => limited.exec(ENDLESS),
      () => limited.batch([{ sql: ENDLESS }]),
      () => limited.transaction(() => new Promise(() => {})),
      () => limited.transaction((tx) => tx.get(ENDLESS)),
      () => limited.read((tx) => tx.get(ENDLESS)),
    ]) {
      expect(await rejection(call())).toMatchObject(late);
    }
    expect(await timed(() => limited.get(ENDLESS, [], { timeoutMs: 200 }))).toBeGreaterThan(150);
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('counts opening the pool', async () => {
    const late = { code: 'ERR_TIMEOUT' };
    const connecting = gate();
    const stuck = on.pool({ operationTimeoutMs: 60, onConnect: () => connecting.opened });
    expect(await rejection(stuck.get('SELECT 1'))).toMatchObject(late);
    connecting.open();

    const connected = gate();
    const slow = on.pool({ operationTimeoutMs: 400, onConnect: () => sleep(200).then(connected.open) });
    const early = rejection(slow.get(ENDLESS));
    await connected.opened;
    // Were its time counted from here, it would outlast the other.
    const other = rejection(pool.get(ENDLESS, [], { timeoutMs: 400 }));
    expect(await first({ early, other })).toBe('early');
    for (const error of [await early, await other]) expect(error).toMatchObject(late);
  });
});
