import { type Connection, connect, type Transaction } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { ENDLESS, gate, sleep, spin, until } from '../support/time.js';

const on = databases();
let db: Connection;

beforeEach(async () => {
  db = await on.connect({ journalMode: 'wal' });
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)');
});

const rows = async (executor: Pick<Connection, 'all'> = db) =>
  (await executor.all<[unknown]>('SELECT x FROM t ORDER BY id', [], { rowMode: 'array' })).map(([x]) => x);
const insert = (executor: Pick<Connection, 'run'>, x: unknown) =>
  executor.run('INSERT INTO t (x) VALUES (?)', [x as number]);
const never = () => new Promise<never>(() => {});

/** Waits for what has been called on the connection. */
const expectUsable = async () => expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });

describe('transaction()', () => {
  test('commits when its function resolves, and resolves to its value', async () => {
    const value = await db.transaction(async (tx) => {
      await insert(tx, 1);
      await insert(tx, 2);
      return { any: 'value' };
    });
    expect(value).toEqual({ any: 'value' });
    expect(await rows(await on.connect())).toEqual([1, 2]);
  });

  test('rolls back when its function rejects or throws, with that very error', async () => {
    const error = new Error('mine');
    expect(
      await rejection(
        db.transaction(async (tx) => {
          await insert(tx, 1);
          throw error;
        }),
      ),
    ).toBe(error);
    expect(
      await rejection(
        db.transaction((tx): Promise<void> => {
          void insert(tx, 1);
          throw error;
        }),
      ),
    ).toBe(error);
    expect(await rejection(db.transaction(() => Promise.reject(undefined)))).toBeUndefined();
    expect(await rows()).toEqual([]);
  });

  test('takes a function that is not async', async () => {
    expect(await db.transaction((() => 5) as never)).toBe(5);
  });

  test('an error that its function catches does not end it', async () => {
    await db.transaction(async (tx) => {
      await insert(tx, 1);
      expect(await rejection(insert(tx, 1))).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
      expect(await rejection(tx.run('SELEKT'))).toMatchObject({ code: 'SQLITE_ERROR' });
      expect(await rejection(tx.run('SELECT ?', [1, 2]))).toMatchObject({ code: 'ERR_PARAMETERS' });
      await insert(tx, 2);
    });
    expect(await rows()).toEqual([1, 2]);
  });

  test('has every verb', async () => {
    await db.transaction(async (tx) => {
      expect(await tx.run('INSERT INTO t (x) VALUES (1)')).toEqual({ changes: 1, lastInsertRowid: 1 });
      expect(await tx.executeMany('INSERT INTO t (x) VALUES (?)', [[2], [3]])).toEqual({ changes: 2 });
      expect(await tx.get('SELECT count(*) AS n FROM t')).toEqual({ n: 3 });
      expect(await tx.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[1], [2], [3]]);
      expect(await tx.query('DELETE FROM t WHERE x = 3 RETURNING x')).toMatchObject({ changes: 1, rows: [{ x: 3 }] });
      await tx.exec('CREATE TABLE u (x); INSERT INTO u VALUES (1)');
      expect(await tx.batch([{ sql: 'SELECT x FROM u' }])).toMatchObject([{ rows: [{ x: 1 }] }]);
      expect(await tx.transaction((inner) => inner.get('SELECT 1 AS one'))).toEqual({ one: 1 });
    });
    expect(await db.get('SELECT x FROM u')).toEqual({ x: 1 });
  });

  test('executeMany() and batch() inside are all or nothing by themselves', async () => {
    await db.transaction(async (tx) => {
      await insert(tx, 1);
      expect(await rejection(tx.executeMany('INSERT INTO t (x) VALUES (?)', [[2], [1]]))).toMatchObject({
        code: 'SQLITE_CONSTRAINT_UNIQUE',
      });
      expect(
        await rejection(tx.batch([{ sql: 'INSERT INTO t (x) VALUES (3)' }, { sql: 'INSERT INTO nowhere VALUES (1)' }])),
      ).toMatchObject({ code: 'SQLITE_ERROR' });
      await insert(tx, 4);
    });
    expect(await rows()).toEqual([1, 4]);
  });

  test('other calls on the connection wait for its end, and then see the result', async () => {
    const order: string[] = [];
    const transaction = db.transaction(async (tx) => {
      await insert(tx, 1);
      await sleep(30);
      await insert(tx, 2);
      order.push('last statement');
    });
    const outside = Promise.all([
      rows().finally(() => order.push('read')),
      insert(db, 3).then(() => order.push('write')),
      db.transaction((tx) => rows(tx).finally(() => order.push('second'))),
    ]);
    await transaction;
    const [seen, , second] = await outside;
    expect(seen).toEqual([1, 2]);
    expect(second).toEqual([1, 2, 3]);
    // The read and the write may be delivered together; their promises then settle in either order.
    expect([order[0], order.slice(1, 3).sort(), order.slice(3)]).toEqual([
      'last statement',
      ['read', 'write'],
      ['second'],
    ]);
  });

  test('other connections see nothing before its end', async () => {
    const other = await on.connect();
    await db.transaction(async (tx) => {
      await insert(tx, 1);
      expect(await rows(other)).toEqual([]);
    });
    expect(await rows(other)).toEqual([1]);
  });

  test('many at once run one after another', async () => {
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        db
          .transaction(async (tx) => {
            const last = await tx.get<{ n: number }>('SELECT count(*) AS n FROM t');
            await Promise.resolve();
            await insert(tx, last?.n);
            if (i % 5 === 0) throw new Error('rolled back');
          })
          .catch(() => {}),
      ),
    );
    expect(await rows()).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test.each(['deferred', 'immediate', 'exclusive'] as const)(
    "mode '%s' takes its locks as SQLite documents",
    async (mode) => {
      const file = on.file('locks.db');
      const a = await on.connect({}, file);
      const b = await on.connect({ busyTimeoutMs: 0 }, file);
      await a.exec('CREATE TABLE t (x)');
      await b.get('SELECT * FROM t');
      const refused = (call: Promise<unknown>) =>
        call.then(
          () => false,
          (error) => error.code === 'SQLITE_BUSY',
        );
      const seen = await a.transaction(
        async () => ({
          write: await refused(b.run('INSERT INTO t VALUES (1)')),
          read: await refused(b.get('SELECT * FROM t')),
        }),
        { mode },
      );
      expect(seen).toEqual({ write: mode !== 'deferred', read: mode === 'exclusive' });
    },
  );

  test('transactionMode is the default of its mode', async () => {
    const deferred = await on.connect({ transactionMode: 'deferred' });
    await deferred.transaction(async () => {
      await insert(db, 1); // would be locked out
    });
    expect(await rows()).toEqual([1]);
  });
});

describe('a call from inside', () => {
  test('on the connection itself rejects ERR_NESTED_ACQUIRE at once, whatever it is', async () => {
    await db.transaction(async (tx) => {
      for (const call of [
        () => db.run('SELECT 1'),
        () => db.get('SELECT 1'),
        () => db.all('SELECT 1'),
        () => db.query('SELECT 1'),
        () => db.exec('SELECT 1'),
        () => db.executeMany('SELECT ?', [[1]]),
        () => db.batch([{ sql: 'SELECT 1' }]),
        () => db.transaction(async () => {}),
        () => db.close(),
      ]) {
        expect(await rejection(call())).toMatchObject({ name: 'AiosqliteError', code: 'ERR_NESTED_ACQUIRE' });
      }
      await insert(tx, 1);
      await new Promise<void>((resolve) => {
        setTimeout(async () => {
          expect(await rejection(db.get('SELECT 1'))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
          resolve();
        }, 1);
      });
    });
    expect(await rows()).toEqual([1]);
  });

  test('on the outer transaction from a nested one rejects ERR_NESTED_ACQUIRE at once', async () => {
    await db.transaction(async (tx) => {
      await tx.transaction(async (inner) => {
        expect(await rejection(insert(tx, 0))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
        expect(await rejection(tx.transaction(async () => {}))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
        expect(await rejection(insert(db, 0))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
        await inner.transaction(async () => {
          expect(await rejection(insert(tx, 0))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
          expect(await rejection(insert(inner, 0))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
        });
        await insert(inner, 1);
      });
      await insert(tx, 2);
    });
    expect(await rows()).toEqual([1, 2]);
  });

  test('on another connection is fine', async () => {
    const other = await on.connect({}, ':memory:');
    await db.transaction(async (tx) => {
      await other.exec('CREATE TABLE t (x)');
      await insert(tx, (await other.get<{ n: number }>('SELECT 5 AS n'))?.n);
    });
    expect(await rows()).toEqual([5]);
  });

  test('that is made after the end, by what was started inside, is an ordinary call', async () => {
    let later: Promise<unknown> | undefined;
    await db.transaction(async (tx) => {
      later = sleep(20).then(() => insert(db, 'later'));
      await insert(tx, 'inside');
    });
    await later;
    expect(await rows()).toEqual(['inside', 'later']);
  });

  test.each(['BEGIN', 'BEGIN IMMEDIATE', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT a', 'RELEASE a', 'ROLLBACK TO a'])(
    '%s is refused, and the transaction goes on',
    async (sql) => {
      await db.transaction(async (tx) => {
        await insert(tx, 1);
        for (const call of [tx.run(sql), tx.exec(`INSERT INTO t (x) VALUES (2); ${sql}`), tx.batch([{ sql }])]) {
          expect(await rejection(call)).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CONTROL_STATEMENT' });
        }
        await insert(tx, 3);
      });
      expect(await rows()).toEqual([1, 2, 3]);
    },
  );
});

describe('a call that nobody awaits', () => {
  test('finishes before COMMIT', async () => {
    await db.transaction(async (tx) => {
      for (let i = 0; i < 20; i++) void insert(tx, i);
    });
    expect(await rows()).toHaveLength(20);
  });

  test('finishes before COMMIT: a nested transaction, and one inside it', async () => {
    await db.transaction(async (tx) => {
      void tx.transaction(async (inner) => {
        await insert(inner, 1);
        await sleep(20);
        void inner.transaction(async (deeper) => {
          await sleep(20);
          await insert(deeper, 2);
        });
        await sleep(0);
        void insert(inner, 3).catch(() => {});
      });
    });
    const seen = await rows(await on.connect());
    expect(seen.slice(0, 2)).toEqual([1, 2]);
  });

  test('and fails leaves the others, and COMMIT, as they are', async () => {
    await db.transaction(async (tx) => {
      void insert(tx, 1);
      insert(tx, 1).catch(() => {});
      tx.transaction(async (inner) => {
        await insert(inner, 2);
        throw new Error('undone');
      }).catch(() => {});
      void insert(tx, 3);
    });
    expect(await rows()).toEqual([1, 3]);
  });
});

describe('a nested transaction', () => {
  test('is a savepoint: it is undone alone', async () => {
    await db.transaction(async (tx) => {
      await insert(tx, 1);
      await tx.transaction((inner) => insert(inner, 2));
      const error = await rejection(
        tx.transaction(async (inner) => {
          await insert(inner, 3);
          await inner.transaction((deeper) => insert(deeper, 4));
          throw new Error('undone');
        }),
      );
      expect(error.message).toBe('undone');
      await insert(tx, 5);
    });
    expect(await rows()).toEqual([1, 2, 5]);
  });

  test('is undone when the outer one is', async () => {
    await rejection(
      db.transaction(async (tx) => {
        await tx.transaction((inner) => insert(inner, 1));
        throw new Error('undone');
      }),
    );
    expect(await rows()).toEqual([]);
  });

  test('and its siblings under Promise.all run one after another, in order', async () => {
    const log: string[] = [];
    await db.transaction(async (tx) => {
      const results = await Promise.allSettled(
        ['a', 'b', 'c', 'd'].map((name, i) =>
          tx.transaction(async (inner) => {
            log.push(`${name} begins`);
            await insert(inner, name);
            await sleep(5);
            await insert(inner, `${name}2`);
            log.push(`${name} ends`);
            if (i === 1) throw new Error('undone');
          }),
        ),
      );
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    });
    expect(log).toEqual(['a', 'b', 'c', 'd'].flatMap((name) => [`${name} begins`, `${name} ends`]));
    expect(await rows()).toEqual(['a', 'a2', 'c', 'c2', 'd', 'd2']);
  });

  test('makes calls on the outer one that came from elsewhere wait', async () => {
    const order: string[] = [];
    await db.transaction(async (tx) => {
      const nested = tx.transaction(async (inner) => {
        await insert(inner, 1);
        await sleep(20);
        await insert(inner, 2);
        order.push('nested');
      });
      const beside = insert(tx, 3).then(() => order.push('beside'));
      await Promise.all([nested, beside]);
    });
    expect(order).toEqual(['nested', 'beside']);
    expect(await rows()).toEqual([1, 2, 3]);
  });

  test('goes 50 deep', async () => {
    const dive = async (tx: Transaction, depth: number): Promise<void> => {
      await insert(tx, depth);
      if (depth < 50) await tx.transaction((inner) => dive(inner, depth + 1));
    };
    await db.transaction((tx) => dive(tx, 1));
    expect(await rows()).toHaveLength(50);
  });

  test('takes a wrong mode for a mistake', async () => {
    await db.transaction(async (tx) => {
      expect(await rejection(tx.transaction(async () => {}, { mode: 'x' as never }))).toMatchObject({
        code: 'ERR_OUT_OF_RANGE',
      });
    });
  });
});

describe('after its end', () => {
  test.each([
    ['resolved', false],
    ['rejected', true],
  ])('a transaction that has %s rejects every call with ERR_TRANSACTION_CLOSED', async (_, fails) => {
    let kept: Transaction | undefined;
    let inner: Transaction | undefined;
    await db
      .transaction(async (tx) => {
        kept = tx;
        await tx.transaction(async (nested) => {
          inner = nested;
        });
        expect(await rejection((inner as Transaction).run('SELECT 1'))).toMatchObject({
          code: 'ERR_TRANSACTION_CLOSED',
        });
        if (fails) throw new Error('undone');
      })
      .catch(() => {});
    for (const tx of [kept, inner] as Transaction[]) {
      for (const call of [
        () => tx.run('INSERT INTO t (x) VALUES (1)'),
        () => tx.get('SELECT 1'),
        () => tx.all('SELECT 1'),
        () => tx.query('SELECT 1'),
        () => tx.exec('INSERT INTO t (x) VALUES (1)'),
        () => tx.executeMany('INSERT INTO t (x) VALUES (?)', [[1]]),
        () => tx.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }]),
        () => tx.transaction(async () => {}),
      ]) {
        expect(await rejection(call())).toMatchObject({ name: 'AiosqliteError', code: 'ERR_TRANSACTION_CLOSED' });
      }
    }
    expect(await rows()).toEqual([]);
  });

  test('what its function has begun and nobody awaits may use the connection', async () => {
    const other = await connect(':memory:');
    // Asynchronous context is kept as long as anybody holds something.
    await other.transaction(async () => {
      let later: Promise<unknown> | undefined;
      const ended = gate();
      await db.transaction(async (tx) => {
        later = ended.opened.then(() => insert(db, 2));
        await insert(tx, 1);
      });
      ended.open();
      await later;
    });
    await other.close();
    expect(await rows()).toEqual([1, 2]);
  });

  test('the connection is at once free for others', async () => {
    await db.transaction((tx) => insert(tx, 1));
    await rejection(db.transaction(() => Promise.reject(new Error('undone'))));
    await insert(db, 2);
    expect(await rows()).toEqual([1, 2]);
  });
});

describe('a deadline or an abort', () => {
  const ends: [string, (work: (tx: Transaction) => Promise<unknown>) => Promise<unknown>, object][] = [
    ['timeoutMs', (work) => db.transaction(work, { timeoutMs: 60 }), { name: 'AiosqliteError', code: 'ERR_TIMEOUT' }],
    [
      'signal',
      (work) => {
        const stop = new AbortController();
        setTimeout(() => stop.abort(new Error('aborted')), 60);
        return db.transaction(work, { signal: stop.signal });
      },
      { message: 'aborted' },
    ],
  ];
  const works: [string, (tx: Transaction) => Promise<unknown>][] = [
    ['its function hangs', never],
    ['a query runs', (tx) => tx.get(ENDLESS)],
    ['a write runs', (tx) => tx.run(`INSERT INTO t (x) ${ENDLESS}`)],
    ['a nested transaction hangs', (tx) => tx.transaction(never)],
    [
      'it is deep in nested transactions that run a query',
      (tx) =>
        tx.transaction((a) => a.transaction((b) => b.transaction((c) => Promise.all([insert(c, 2), c.get(ENDLESS)])))),
    ],
    [
      'siblings wait behind one that hangs',
      (tx) => Promise.all([tx.transaction(never), tx.transaction(never), insert(tx, 3)]),
    ],
    [
      'its function has caught what it was told',
      async (tx) => {
        await tx.get(ENDLESS).catch(() => {});
        await insert(tx, 9).catch(() => {});
        await tx.transaction(never).catch(() => {});
        return never();
      },
    ],
  ];

  for (const [how, begin, error] of ends) {
    test.each(works)(`by ${how} rolls back while %s`, async (_, work) => {
      let kept: Transaction | undefined;
      // On a slow machine it may come before the transaction has begun: again.
      while (kept === undefined) {
        const ended = begin(async (tx) => {
          kept = tx;
          await insert(tx, 1);
          const working = work(tx);
          working.catch(() => {});
          return working;
        });
        expect(await rejection(ended)).toMatchObject(error);
      }
      await expectUsable();
      expect(await rows()).toEqual([]);
      expect(await rejection(kept.run('SELECT 1'))).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
      await insert(db, 2);
      expect(await rows()).toEqual([2]);
    });
  }

  test('ends calls that wait inside with ERR_TRANSACTION_CLOSED', async () => {
    let inside: Promise<unknown[]> | undefined;
    const ended = rejection(
      db.transaction(
        async (tx) => {
          inside = Promise.all([
            rejection(tx.get(ENDLESS)),
            rejection(tx.get('SELECT 1')),
            rejection(tx.transaction(never)),
          ]);
          await inside;
        },
        { timeoutMs: 50 },
      ),
    );
    expect(await ended).toMatchObject({ code: 'ERR_TIMEOUT' });
    for (const error of (await inside) ?? []) expect(error).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
  });

  test('of a nested transaction undoes that one alone', async () => {
    await db.transaction(async (tx) => {
      await insert(tx, 1);
      const late = rejection(
        tx.transaction(
          async (inner) => {
            await insert(inner, 2);
            await inner.get(ENDLESS);
          },
          { timeoutMs: 40 },
        ),
      );
      expect(await late).toMatchObject({ code: 'ERR_TIMEOUT' });
      await insert(tx, 3);
    });
    expect(await rows()).toEqual([1, 3]);
  });

  test('of a call inside that reads undoes nothing', async () => {
    await db.transaction(async (tx) => {
      await insert(tx, 1);
      expect(await rejection(tx.get(ENDLESS, [], { timeoutMs: 30 }))).toMatchObject({ code: 'ERR_TIMEOUT' });
      await insert(tx, 2);
    });
    expect(await rows()).toEqual([1, 2]);
  });

  test('of a write inside ends the whole transaction, as SQLite rolls it back', async () => {
    let next: unknown;
    const error = await rejection(
      db.transaction(async (tx) => {
        await insert(tx, 1);
        expect(await rejection(tx.run(`INSERT INTO t (x) ${ENDLESS}`, [], { timeoutMs: 30 }))).toMatchObject({
          code: 'ERR_TIMEOUT',
        });
        next = await rejection(insert(tx, 2));
      }),
    );
    expect(next).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
    expect(error).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
    expect(await rows()).toEqual([]);
    await insert(db, 3);
    expect(await rows()).toEqual([3]);
  });

  test('before it has begun: the function is never called', async () => {
    const stop = new AbortController();
    const blocker = new AbortController();
    const blocking = rejection(db.get(ENDLESS, [], { signal: blocker.signal }));
    let called = false;
    const waiting = rejection(
      db.transaction(
        async () => {
          called = true;
        },
        { signal: stop.signal },
      ),
    );
    await sleep(10);
    stop.abort();
    expect(await waiting).toMatchObject({ name: 'AbortError' });
    blocker.abort();
    await blocking;
    await expectUsable();
    expect(called).toBe(false);
  });

  test('in the moment in which it has just begun: the function is not called, or all is undone', async () => {
    const stop = new AbortController();
    let called = 0;
    const ended = rejection(
      db.transaction(
        async (tx) => {
          called++;
          await insert(tx, 1);
        },
        { signal: stop.signal },
      ),
    );
    await Promise.resolve();
    spin(30); // BEGIN is done, nobody has been told
    stop.abort();
    expect(await ended).toBe(stop.signal.reason);
    expect(called).toBe(0);
    await expectUsable();
    expect(await rows()).toEqual([]);
  });

  test('in the moment in which a nested transaction has just begun', async () => {
    const stop = new AbortController();
    const ended = rejection(
      db.transaction(
        async (tx) => {
          tx.transaction(never).catch(() => {});
          await Promise.resolve();
          spin(30); // the savepoint is set, nobody has been told
          stop.abort();
          await never();
        },
        { signal: stop.signal },
      ),
    );
    expect(await ended).toBe(stop.signal.reason);
    await expectUsable();
  });

  test('after the function has resolved comes too late: the result is the real one', async () => {
    const stop = new AbortController();
    await db.createFunction('aborted', () => Number(stop.signal.aborted));
    const untilAborted = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE NOT aborted())';
    await db.transaction(
      async (tx) => {
        await insert(tx, 1);
        void tx.get(`${untilAborted} SELECT count(*) FROM n`); // keeps COMMIT waiting
        setTimeout(() => stop.abort(), 20);
      },
      { signal: stop.signal },
    );
    expect(stop.signal.aborted).toBe(true);
    expect(await rows()).toEqual([1]);
  });

  test('at random moments never leaves the connection half way', async () => {
    for (let i = 0; i < 40; i++) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), Math.random() * 6);
      const outcome = await db
        .transaction(
          async (tx) => {
            await insert(tx, `${i}a`);
            await tx.transaction((inner) => insert(inner, `${i}b`));
            await Promise.all([insert(tx, `${i}c`), tx.transaction((inner) => insert(inner, `${i}d`))]);
            await sleep(i % 3);
          },
          { signal: stop.signal },
        )
        .then(
          () => 'committed',
          () => 'rolled back',
        );
      const left = (await rows()).filter(
        (x) => String(x).startsWith(String(i)) && String(x).length === String(i).length + 1,
      );
      expect(left, `round ${i}: ${outcome}`).toHaveLength(outcome === 'committed' ? 4 : 0);
    }
  });
});

describe('a transaction that can not commit', () => {
  beforeEach(() => db.exec('CREATE TABLE child (t REFERENCES t DEFERRABLE INITIALLY DEFERRED)'));

  test('because a deferred foreign key is open rejects, is undone, and leaves the connection usable', async () => {
    const error = await rejection(
      db.transaction(async (tx) => {
        await insert(tx, 1);
        await tx.run('INSERT INTO child VALUES (99)');
      }),
    );
    expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_CONSTRAINT_FOREIGNKEY', errcode: 787 });
    expect(await rows()).toEqual([]);
    await db.transaction((tx) => insert(tx, 2));
    expect(await rows()).toEqual([2]);
  });

  test('a foreign key that is open at the end of a nested one may be repaired before COMMIT', async () => {
    await db.transaction(async (tx) => {
      await tx.transaction((inner) => inner.run('INSERT INTO child VALUES (1)'));
      await tx.run('INSERT INTO t (id) VALUES (1)');
    });
    expect(await db.get('SELECT count(*) AS n FROM child')).toEqual({ n: 1 });
  });

  test('because readers of a rollback journal keep the lock rejects SQLITE_BUSY, and is undone', async () => {
    const file = on.file('rollback.db');
    const writer = await on.connect({ busyTimeoutMs: 50 }, file);
    const reader = await on.connect({}, file);
    await writer.exec('CREATE TABLE t (x)');
    await reader.exec('BEGIN; SELECT * FROM t');
    const error = await rejection(writer.transaction((tx) => tx.run('INSERT INTO t VALUES (1)')));
    expect(error).toMatchObject({ code: 'SQLITE_BUSY' });
    await reader.exec('COMMIT');
    await writer.run('INSERT INTO t VALUES (2)');
    expect(await reader.all('SELECT x FROM t')).toEqual([{ x: 2 }]);
  });
});

describe('a transaction that SQLite itself rolls back', () => {
  test.each([
    ['OR ROLLBACK', 'INSERT OR ROLLBACK INTO t (x) VALUES (1)', 'SQLITE_CONSTRAINT_UNIQUE'],
    ['RAISE(ROLLBACK)', 'DELETE FROM t', 'SQLITE_CONSTRAINT_TRIGGER'],
  ])('by %s: later calls reject ERR_TRANSACTION_CLOSED, and nothing runs outside of it', async (_, sql, code) => {
    await db.exec("CREATE TRIGGER keep BEFORE DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'kept'); END");
    const error = await rejection(
      db.transaction(async (tx) => {
        await insert(tx, 1);
        expect(await rejection(tx.run(sql))).toMatchObject({ code });
        for (const call of [
          () => insert(tx, 2),
          () => tx.get('SELECT 1'),
          () => tx.exec('INSERT INTO t (x) VALUES (3)'),
          () => tx.batch([{ sql: 'INSERT INTO t (x) VALUES (4)' }]),
          () => tx.executeMany('INSERT INTO t (x) VALUES (?)', [[5]]),
          () => tx.transaction((inner) => insert(inner, 6)),
        ]) {
          expect(await rejection(call())).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
        }
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
    expect(await rows()).toEqual([]);
    await insert(db, 7);
    expect(await rows()).toEqual([7]);
  });

  test('rejects with its own error when the function lets it through', async () => {
    await insert(db, 1);
    const error = await rejection(db.transaction((tx) => tx.run('INSERT OR ROLLBACK INTO t (x) VALUES (1)')));
    expect(error).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
    await db.transaction((tx) => insert(tx, 2));
    expect(await rows()).toEqual([1, 2]);
  });

  test('inside a nested one ends the outer one, too', async () => {
    await insert(db, 1);
    const error = await rejection(
      db.transaction(async (tx) => {
        await insert(tx, 2);
        await rejection(tx.transaction((inner) => inner.run('INSERT OR ROLLBACK INTO t (x) VALUES (1)')));
        await insert(tx, 3);
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
    expect(await rows()).toEqual([1]);
  });

  test('while calls are queued behind: none of them runs on its own', async () => {
    await insert(db, 1);
    await rejection(
      db.transaction(async (tx) => {
        const results = await Promise.allSettled([
          insert(tx, 2),
          tx.run('INSERT OR ROLLBACK INTO t (x) VALUES (1)'),
          insert(tx, 3),
          tx.transaction((inner) => insert(inner, 4)),
        ]);
        expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
      }),
    );
    expect(await rows()).toEqual([1]);
  });
});

describe('a transaction by hand', () => {
  test('is not mixed with transaction(): that one fails to begin, and says so', async () => {
    await db.exec('BEGIN');
    await insert(db, 1);
    expect(await rejection(db.transaction(async () => {}))).toMatchObject({ code: 'SQLITE_ERROR' });
    await db.exec('COMMIT');
    await db.transaction((tx) => insert(tx, 2));
    expect(await rows()).toEqual([1, 2]);
  });

  test('of another connection makes transaction() wait for its end', async () => {
    const other = await connect(on.file());
    await other.exec('BEGIN IMMEDIATE');
    let begun = false;
    const waiting = db.transaction(async () => {
      begun = true;
    });
    await sleep(30);
    expect(begun).toBe(false);
    await other.exec('COMMIT');
    await waiting;
    await other.close();
    await until(() => begun);
  });
});
