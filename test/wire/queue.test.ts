import { getEventListeners } from 'node:events';
import type { Connection } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { COUNT_TO, countFor, ENDLESS, FOREVER_MS, sleep, timed, until } from '../support/time.js';

const on = databases();
let db: Connection;

beforeEach(async () => {
  db = await on.connect();
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
});

/** Writes for ever, without filling the disk. */
const ENDLESS_WRITE = `INSERT INTO t (x) ${ENDLESS}`;
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('signal', () => {
  test('that is aborted before the call: nothing is done, and the reason is what it rejects with', async () => {
    const reason = { any: 'thing' };
    const signal = AbortSignal.abort(reason);
    for (const call of [
      () => db.run('INSERT INTO t (x) VALUES (1)', [], { signal }),
      () => db.get('SELECT 1', [], { signal }),
      () => db.all('SELECT 1', [], { signal }),
      () => db.query('SELECT 1', [], { signal }),
      () => db.exec('INSERT INTO t (x) VALUES (1)', { signal }),
      () => db.executeMany('INSERT INTO t (x) VALUES (?)', [[1]], { signal }),
      () => db.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }], { signal }),
      () => db.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (1)'), { signal }),
      () => db.run({ sql: 'INSERT INTO t (x) VALUES (1)' }, { signal }),
    ]) {
      expect(await rejection(call())).toBe(reason);
    }
    expect(await rejection(db.run('SELECT 1', [], { signal: AbortSignal.abort() }))).toMatchObject({
      name: 'AbortError',
    });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
    expect(listeners(signal)).toBe(0);
  });

  test('may come from AbortSignal.timeout() and AbortSignal.any()', async () => {
    expect(await rejection(db.get(ENDLESS, [], { signal: AbortSignal.timeout(30) }))).toMatchObject({
      name: 'TimeoutError',
    });
    const stop = new AbortController();
    const either = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
    setTimeout(() => stop.abort(), 20);
    expect(await rejection(db.get(ENDLESS, [], { signal: either }))).toMatchObject({ name: 'AbortError' });
  });

  test('removes a call that is queued, and its neighbours go on', async () => {
    const stop = new AbortController();
    const blocker = new AbortController();
    const blocking = rejection(db.get(ENDLESS, [], { signal: blocker.signal }));
    const before = db.run("INSERT INTO t (x) VALUES ('before')");
    const removed = rejection(db.run("INSERT INTO t (x) VALUES ('removed')", [], { signal: stop.signal }));
    const after = db.run("INSERT INTO t (x) VALUES ('after')");
    await sleep(10);
    stop.abort(new Error('my reason'));
    expect(await removed).toMatchObject({ message: 'my reason' });
    blocker.abort();
    await Promise.all([blocking, before, after]);
    expect(await db.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([['before'], ['after']]);
  });

  test('interrupts a call that runs, and the connection goes on', async () => {
    const stop = new AbortController();
    const reading = rejection(db.get(ENDLESS, [], { signal: stop.signal }));
    const next = db.get('SELECT 1 AS one');
    await until(() => db.stats().running);
    stop.abort();
    expect(await reading).toBe(stop.signal.reason);
    expect(await next).toEqual({ one: 1 });
  });

  test.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['run', (signal) => db.run(ENDLESS_WRITE, [], { signal })],
    ['all', (signal) => db.all(`${ENDLESS_WRITE} RETURNING x`, [], { signal })],
    [
      'executeMany',
      (signal) => db.executeMany(`INSERT INTO t (x) SELECT ? UNION ALL SELECT * FROM (${ENDLESS})`, [[1]], { signal }),
    ],
    ['batch', (signal) => db.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }, { sql: ENDLESS_WRITE }], { signal })],
    ['exec', (signal) => db.exec(`BEGIN; INSERT INTO t (x) VALUES (1); ${ENDLESS_WRITE}; COMMIT`, { signal })],
    [
      'transaction',
      (signal) =>
        db.transaction(
          async (tx) => {
            await tx.run('INSERT INTO t (x) VALUES (1)');
            await tx.run(ENDLESS_WRITE);
          },
          { signal },
        ),
    ],
  ])('a write by %s() that it interrupts has changed nothing', async (_, call) => {
    const stop = new AbortController();
    const writing = rejection(call(stop.signal));
    const next = db.run("INSERT INTO t (x) VALUES ('next')");
    await sleep(50);
    stop.abort();
    expect(await writing).toBe(stop.signal.reason);
    await next;
    expect(await db.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([['next']]);
  });

  test('interrupts one write of many that share a commit, and the others keep theirs', async () => {
    const stop = new AbortController();
    const first = db.run('INSERT INTO t (x) VALUES (1)');
    const stopped = rejection(db.run(ENDLESS_WRITE, [], { signal: stop.signal }));
    const last = db.run('INSERT INTO t (x) VALUES (3)');
    await sleep(50);
    stop.abort();
    expect(await stopped).toBe(stop.signal.reason);
    expect(await Promise.all([first, last])).toEqual([
      { changes: 1, lastInsertRowid: 1 },
      { changes: 1, lastInsertRowid: 2 },
    ]);
    expect(await db.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[1], [3]]);
  });

  test('after the call has settled does nothing', async () => {
    const stop = new AbortController();
    expect(await db.get('SELECT 1 AS one', [], { signal: stop.signal })).toEqual({ one: 1 });
    await rejection(db.get('SELECT * FROM nowhere', [], { signal: stop.signal }));
    await db.transaction((tx) => tx.run('INSERT INTO t (x) VALUES (1)'), { signal: stop.signal });
    expect(listeners(stop.signal)).toBe(0);
    const next = db.get('SELECT 2 AS two');
    stop.abort();
    expect(await next).toEqual({ two: 2 });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test('may be shared by very many calls, without a warning, and none stays on it', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    const stop = new AbortController();
    const { signal } = stop;
    await Promise.all(Array.from({ length: 500 }, (_, i) => db.run('INSERT INTO t (x) VALUES (?)', [i], { signal })));
    expect(listeners(signal)).toBe(0);
    const unblock = new AbortController();
    const blocker = rejection(db.get(ENDLESS, [], { signal: unblock.signal }));
    const queued = Array.from({ length: 500 }, () => rejection(db.get('SELECT 1', [], { signal, timeoutMs: 60_000 })));
    await sleep(10);
    stop.abort();
    for (const error of await Promise.all(queued)) expect(error).toBe(signal.reason);
    unblock.abort();
    await blocker;
    expect(listeners(signal)).toBe(0);
    await sleep(0);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('of every third of 300 calls, at random moments: every other result is exact', async () => {
    const limit = await countFor(db, 1);
    for (let round = 0; round < 3; round++) {
      await db.run('DELETE FROM t');
      const calls = Array.from({ length: 300 }, (_, i) => {
        const stop = new AbortController();
        if (i % 3 === 0) setTimeout(() => stop.abort(), Math.random() * 120);
        const options = i % 3 === 0 ? { signal: stop.signal } : i % 7 === 0 ? { timeoutMs: 60_000 } : {};
        switch (i % 4) {
          case 0:
            return db.run('INSERT INTO t (id, x) VALUES (?, ?)', [i + 1, `x${i}`], options);
          case 1:
            return db.get(`SELECT n, ? AS i FROM (${COUNT_TO})`, [i, limit + i], options);
          case 2:
            return db.batch(
              [
                { sql: 'INSERT INTO t (id, x) VALUES (?, ?)', params: [i + 1, `x${i}`] },
                { sql: `UPDATE t SET x = x || (SELECT n > 0 FROM (${COUNT_TO})) WHERE id = ?`, params: [limit, i + 1] },
                { sql: 'SELECT x FROM t WHERE id = ?', params: [i + 1] },
              ],
              options,
            );
          default:
            return db.executeMany(
              'INSERT INTO t (id, x) VALUES (?, ?)',
              [
                [i + 1, `x${i}`],
                [i + 1_000_001, 'second'],
              ],
              options,
            );
        }
      });
      const settled = await Promise.allSettled(calls as Promise<unknown>[]);
      const stored = new Map(
        (await db.all<[number, string]>('SELECT id, x FROM t', [], { rowMode: 'array' })).map(([id, x]) => [id, x]),
      );
      let aborted = 0;
      for (const [i, result] of settled.entries()) {
        const row = stored.get(i + 1);
        if (result.status === 'rejected') {
          expect(i % 3, `call ${i}: ${result.reason}`).toBe(0);
          expect(result.reason).toMatchObject({ name: 'AbortError' });
          aborted++;
          if (i % 4 !== 1) expect(row, `call ${i} was aborted`).toBeUndefined();
          if (i % 4 === 3) expect(stored.has(i + 1_000_001)).toBe(false);
          continue;
        }
        switch (i % 4) {
          case 0:
            expect(result.value).toEqual({ changes: 1, lastInsertRowid: i + 1 });
            expect(row).toBe(`x${i}`);
            break;
          case 1:
            expect(result.value).toEqual({ n: limit + i, i });
            break;
          case 2:
            expect((result.value as any)[2].rows).toEqual([{ x: `x${i}1` }]);
            expect(row).toBe(`x${i}1`);
            break;
          default:
            expect(result.value).toEqual({ changes: 2 });
            expect(row).toBe(`x${i}`);
            expect(stored.get(i + 1_000_001)).toBe('second');
        }
      }
      expect(aborted).toBeGreaterThan(0);
      expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
    }
  });
});

describe('timeoutMs', () => {
  const late = { name: 'AiosqliteError', code: 'ERR_TIMEOUT' };

  test.each<[string, () => Promise<unknown>]>([
    ['run', () => db.run(ENDLESS_WRITE, [], { timeoutMs: 50 })],
    ['get', () => db.get(ENDLESS, [], { timeoutMs: 50 })],
    ['all', () => db.all(ENDLESS, [], { timeoutMs: 50 })],
    ['query', () => db.query(ENDLESS, [], { timeoutMs: 50 })],
    ['exec', () => db.exec(`SELECT 1; ${ENDLESS_WRITE}`, { timeoutMs: 50 })],
    ['executeMany', () => db.executeMany(ENDLESS_WRITE, [[]], { timeoutMs: 50 })],
    ['batch', () => db.batch([{ sql: 'INSERT INTO t (x) VALUES (1)' }, { sql: ENDLESS }], { timeoutMs: 50 })],
    ['transaction', () => db.transaction((tx) => tx.run(ENDLESS_WRITE), { timeoutMs: 50 })],
  ])('ends a %s() that runs, which has changed nothing', async (_, call) => {
    let error: unknown;
    const took = await timed(async () => {
      error = await rejection(call());
    });
    expect(error).toMatchObject(late);
    expect(took).toBeGreaterThan(40);
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('counts from the call, waiting included', async () => {
    const stop = new AbortController();
    const running = rejection(db.get(ENDLESS, [], { signal: stop.signal }));
    const queued = [
      db.get('SELECT 1', [], { timeoutMs: 50 }),
      db.run('INSERT INTO t (x) VALUES (1)', [], { timeoutMs: 50 }),
      db.transaction(async () => {}, { timeoutMs: 50 }),
    ].map(rejection);
    for (const error of await Promise.all(queued)) expect(error).toMatchObject(late);
    stop.abort();
    await running;
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('may be tiny, and may be huge', async () => {
    const error = await db.get(ENDLESS, [], { timeoutMs: 0.001 }).catch((reason) => reason);
    expect(error).toMatchObject(late);
    for (const timeoutMs of [2 ** 31, 2 ** 40, Number.MAX_VALUE]) {
      expect(await db.get('SELECT 1 AS one', [], { timeoutMs }), String(timeoutMs)).toEqual({ one: 1 });
      expect(await db.run('INSERT INTO t (x) VALUES (1)', [], { timeoutMs })).toMatchObject({ changes: 1 });
      expect(await db.transaction((tx) => tx.get('SELECT 1 AS one'), { timeoutMs })).toEqual({ one: 1 });
    }
  });

  test('does not touch the call that runs next', async () => {
    const limit = await countFor(db, 40);
    for (let i = 0; i < 10; i++) {
      const first = rejection(db.get(ENDLESS, [], { timeoutMs: 15 + i }));
      const second = db.get(COUNT_TO, [limit]);
      expect(await first).toMatchObject(late);
      expect(await second).toEqual({ n: limit });
    }
  });

  test('and a signal together: whichever comes first', async () => {
    const stop = new AbortController();
    expect(await rejection(db.get(ENDLESS, [], { timeoutMs: 30, signal: stop.signal }))).toMatchObject(late);
    const aborted = rejection(db.get(ENDLESS, [], { timeoutMs: FOREVER_MS, signal: stop.signal }));
    await sleep(20);
    stop.abort();
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    expect(listeners(stop.signal)).toBe(0);
  });

  test('a write that rejects has changed nothing, one that resolves is there: at every moment', async () => {
    const often = await countFor(db, 3);
    let rejected = 0;
    for (let i = 0; i < 60; i++) {
      // However fast the machine is, some come too late.
      const limit = i % 12 === 0 ? 1e12 : often;
      const outcome = await db
        .batch(
          [
            { sql: 'INSERT INTO t (id, x) VALUES (?, ?)', params: [i + 1, 'written'] },
            { sql: `UPDATE t SET x = (${COUNT_TO}) WHERE id = ?`, params: [limit, i + 1] },
          ],
          { timeoutMs: 1 + (i % 12) / 2 },
        )
        .then(
          () => 'resolved',
          (error) => error.code,
        );
      const row = await db.get('SELECT x FROM t WHERE id = ?', [i + 1]);
      if (outcome === 'resolved') expect(row).toEqual({ x: limit });
      else {
        expect(outcome).toBe('ERR_TIMEOUT');
        expect(row).toBeUndefined();
        rejected++;
      }
    }
    expect(rejected).toBeGreaterThan(0);
  });
});

describe('one call after the other', () => {
  test('leaves the event loop its turns', async () => {
    const db = await on.connect({}, ':memory:');
    let turns = 0;
    const count = () => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    for (let i = 0; i < 2_000; i++) await db.get('SELECT 1');
    clearImmediate(immediate);
    console.log(`  ${turns} turns in 2,000 calls`);
    expect(turns).toBeGreaterThan(150);
  });
});

describe('100,000 calls without awaiting', () => {
  test('are all answered, in order', async () => {
    const calls: Promise<{ i: number } | undefined>[] = [];
    for (let i = 0; i < 100_000; i++) calls.push(db.get<{ i: number }>('SELECT ? AS i', [i]));
    const rows = await Promise.all(calls);
    expect(rows.every((row, i) => row?.i === i)).toBe(true);
    expect(db.stats()).toMatchObject({ pending: 0, failed: 0 });
  });

  test('beyond maxPending reject ERR_QUEUE_FULL, and no more are queued', async () => {
    const small = await on.connect({ maxPending: 1_000 }, ':memory:');
    const value = 'x'.repeat(10_000);
    let highest = 0;
    let refused = 0;
    let answered = 0;
    for (let i = 0; i < 100_000; i++) {
      small.get('SELECT length(?) AS n', [value]).then(
        () => answered++,
        (error) => {
          expect(error.code).toBe('ERR_QUEUE_FULL');
          refused++;
        },
      );
      if (i % 100 === 0) highest = Math.max(highest, small.stats().pending);
    }
    await until(() => answered + refused === 100_000);
    expect(refused).toBeGreaterThan(0);
    expect(answered).toBeGreaterThanOrEqual(1_000);
    expect(highest).toBe(1_000);
    expect(await small.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });
});
