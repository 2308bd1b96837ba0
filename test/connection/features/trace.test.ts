import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Connection, TracedCall } from 'aiosqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { ENDLESS, onOneOfManyTries, sleep, spin } from '../../support/time.js';
import { collect, fillItems } from './support/rows.js';

const on = databases();
const calls: TracedCall[] = [];
const listener = (call: unknown) => void calls.push(call as TracedCall);

let db: Connection;
beforeEach(async () => {
  db = await on.connect({ journalMode: 'wal' });
  await fillItems(db, 10);
});

describe("the channel 'aiosqlite:call'", () => {
  beforeEach(() => {
    calls.length = 0;
    subscribe('aiosqlite:call', listener);
  });
  afterEach(() => void unsubscribe('aiosqlite:call', listener));

  test('is told of each verb, with its SQL and never a value', async () => {
    await db.run('UPDATE item SET name = ? WHERE id = ?', ['secret', 1]);
    await db.get('SELECT name FROM item WHERE id = ?', [1]);
    await db.all('SELECT id FROM item WHERE name <> :name', { name: 'secret' });
    await db.exec('CREATE TABLE a (x); CREATE TABLE b (y)');
    await db.executeMany('INSERT INTO a VALUES (?)', [['secret'], ['secret']]);
    await db.batch([{ sql: 'INSERT INTO b VALUES (?)', params: ['secret'] }, { sql: 'SELECT * FROM b' }]);
    await db.transaction(async (tx) => void (await tx.run('DELETE FROM a')));
    await collect(db.iterate('SELECT id FROM item', [], { batchSize: 4 }));
    expect(calls.map(({ request, sql, rows, outcome }) => [request, sql, rows, outcome])).toEqual([
      ['run', 'UPDATE item SET name = ? WHERE id = ?', 0, 'ok'],
      ['run', 'SELECT name FROM item WHERE id = ?', 1, 'ok'],
      ['run', 'SELECT id FROM item WHERE name <> :name', 9, 'ok'],
      ['script', 'CREATE TABLE a (x); CREATE TABLE b (y)', 0, 'ok'],
      ['many', 'INSERT INTO a VALUES (?)', 0, 'ok'],
      ['batch', 'INSERT INTO b VALUES (?);\nSELECT * FROM b', 1, 'ok'],
      ['begin', '', 0, 'ok'],
      ['run', 'DELETE FROM a', 0, 'ok'],
      ['end', '', 0, 'ok'],
      ['openCursor', 'SELECT id FROM item', 4, 'ok'],
      ['nextCursor', '', 4, 'ok'],
      ['nextCursor', '', 2, 'ok'],
    ]);
    expect(JSON.stringify(calls)).not.toContain('secret');
    expect(calls.every(({ database }) => database === on.file())).toBe(true);
  });

  test('tells how long it waited, ran and took in all, in milliseconds', async () => {
    await createWait(db);
    calls.length = 0;
    await Promise.all([db.get('SELECT wait(30)'), ...Array.from({ length: 10 }, () => db.get('SELECT 1'))]);
    const [long, ...short] = calls as [TracedCall, ...TracedCall[]];
    expect(long.runMs).toBeGreaterThanOrEqual(30);
    // They waited for the other, which counts for none of them as running.
    for (const { queueMs } of short) expect(queueMs).toBeGreaterThanOrEqual(long.runMs * 0.9);
    expect(Math.min(...short.map(({ runMs }) => runMs))).toBeLessThan(long.runMs / 3);
    for (const { queueMs, runMs, totalMs } of calls) {
      expect(queueMs).toBeGreaterThanOrEqual(0);
      // The two are measured on the worker, the whole on the JavaScript thread.
      expect(totalMs).toBeGreaterThan(queueMs + runMs - 1);
    }
  });

  test('tells the bytes of its rows and the size of its shared commit', async () => {
    await db.all("SELECT printf('%.1000c', 'x') AS text FROM item");
    expect(calls.at(-1)?.bytes).toBeGreaterThan(10_000);
    await onOneOfManyTries(async () => {
      calls.length = 0;
      await Promise.all([1, 2, 3].map((id) => db.run('UPDATE item SET name = ? WHERE id = ?', ['x', id])));
      expect(calls.map(({ groupSize }) => groupSize)).toEqual([3, 3, 3]);
    });
    await db.get('SELECT 1');
    expect(calls.at(-1)?.groupSize).toBe(0);
  });

  test('tells the code of an error; misuse, which no worker has seen, is no call', async () => {
    await rejection(db.run('nonsense'));
    await rejection(db.run('INSERT INTO item VALUES (1, NULL)'));
    await rejection(db.get('SELECT ?', []));
    await rejection(db.get(ENDLESS, [], { timeoutMs: 20 }));
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    await rejection(db.get(ENDLESS, [], { signal: abort.signal }));
    expect(calls.map(({ outcome }) => outcome)).toEqual([
      'SQLITE_ERROR',
      'SQLITE_CONSTRAINT_PRIMARYKEY',
      'ERR_PARAMETERS',
      'ERR_TIMEOUT',
      'ERR_CANCELLED',
    ]);
    calls.length = 0;
    await rejection(db.run(1 as never));
    await rejection(db.get('SELECT ?', [{} as never]));
    expect(calls).toEqual([]);
  });

  test('is not told of a call that was cancelled while it waited', async () => {
    calls.length = 0;
    const stop = new AbortController();
    const running = rejection(db.get(ENDLESS, [], { signal: stop.signal }));
    await rejection(db.run('DELETE FROM item', [], { timeoutMs: 5 }));
    stop.abort();
    await running;
    expect(calls.map(({ sql }) => sql)).not.toContain('DELETE FROM item');
    await db.run('DELETE FROM item');
    expect(calls.map(({ sql }) => sql)).toContain('DELETE FROM item');
  });

  test('is told in the asynchronous context of the call', async () => {
    const who = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const look = () => void seen.push(who.getStore());
    subscribe('aiosqlite:call', look);
    const pool = on.pool({ database: on.file('context.db') });
    await Promise.all([
      who.run('a', () => db.run('UPDATE item SET name = 1')),
      who.run('b', () => pool.run('CREATE TABLE t (x)')),
      who.run('c', () => db.get('SELECT 1')),
    ]);
    unsubscribe('aiosqlite:call', look);
    expect(new Set(seen)).toEqual(new Set(['a', 'b', 'c']));
    expect(seen.filter((name) => name === 'a')).toHaveLength(1);
  });

  test('on a pool is told once of each call, whichever connection has run it', async () => {
    const pool = on.pool({ database: on.file('pool.db') });
    await pool.exec('CREATE TABLE t (x)');
    calls.length = 0;
    await pool.all('SELECT * FROM t');
    await pool.run('WITH a AS (SELECT 1 AS x) INSERT INTO t SELECT x FROM a');
    await pool.run('PRAGMA user_version = 3');
    expect(calls.map(({ sql, outcome }) => [sql.split(' ', 1)[0], outcome])).toEqual([
      ['SELECT', 'ok'],
      ['WITH', 'ok'],
      ['PRAGMA', 'ok'],
    ]);
  });

  test('costs next to nothing while nobody subscribes', async () => {
    unsubscribe('aiosqlite:call', listener);
    const call = await microsecondsOf(300, () => db.get('SELECT 1'));
    expect(calls).toEqual([]);
    // Tracing without subscribers is this question alone: some 1,000 times less than a call.
    const ask = channel('aiosqlite:call');
    let heard = 0;
    const question = await microsecondsOf(10, async () => {
      for (let i = 0; i < 10_000; i++) if (ask.hasSubscribers) heard++;
    });
    expect(heard).toBe(0);
    expect(question / 10_000).toBeLessThan(call / 100);
  });
});

/** An SQL function that takes `ms` to answer. */
const createWait = (connection: Connection) => connection.createFunction('wait', (ms) => spin(Number(ms)));

/** The best of five rounds. */
async function microsecondsOf(count: number, call: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) await call();
    best = Math.min(best, ((performance.now() - start) * 1000) / count);
  }
  return best;
}

describe('onSlowQuery', () => {
  test('is told of calls whose statements took longer than slowQueryMs, and of no others', async () => {
    const slow: TracedCall[] = [];
    const watched = await on.connect({ slowQueryMs: 500, onSlowQuery: (call) => void slow.push(call) });
    await createWait(watched);
    slow.length = 0;
    await Promise.all([watched.get('SELECT wait(500)'), watched.get('SELECT 1')]); // waiting is not running
    const expected = { sql: 'SELECT wait(500)', request: 'run', database: on.file(), rows: 1, outcome: 'ok' };
    expect(slow).toMatchObject([expected]);
    expect(slow[0]?.runMs).toBeGreaterThanOrEqual(500);
  });

  test('of a pool is told by whichever connection, failures too', async () => {
    const slow: TracedCall[] = [];
    const pool = on.pool({
      database: on.file('slow.db'),
      slowQueryMs: 20,
      onSlowQuery: (call) => void slow.push(call),
    });
    await pool.exec('CREATE TABLE t (x)');
    slow.length = 0;
    await rejection(pool.get(ENDLESS, [], { timeoutMs: 60 }));
    await pool.transaction(async (tx) => void (await rejection(tx.get(`${ENDLESS} -- tx`, [], { timeoutMs: 60 }))));
    const endless = slow.filter(({ sql }) => sql.startsWith(ENDLESS));
    expect(endless.map(({ sql, outcome }) => [sql, outcome])).toEqual([
      [ENDLESS, 'ERR_TIMEOUT'],
      [`${ENDLESS} -- tx`, 'ERR_TIMEOUT'],
    ]);
  });

  test('with next to nothing as slowQueryMs is told of all', async () => {
    const slow: string[] = [];
    const watched = await on.connect({ slowQueryMs: 1e-6, onSlowQuery: ({ sql }) => void slow.push(sql) });
    await watched.get('SELECT 1');
    expect(slow).toContain('SELECT 1');
  });

  test('that throws does not change the result of the call', async () => {
    const thrown: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error));
    try {
      const mine = new Error('mine');
      const watched = await on.connect({
        slowQueryMs: 1e-6,
        onSlowQuery: () => {
          throw mine;
        },
      });
      expect(await watched.get('SELECT 1 AS one')).toEqual({ one: 1 });
      await sleep(5);
      expect(thrown).toContain(mine);
      await watched.close();
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const each of before) process.on('uncaughtException', each);
    }
  });
});
