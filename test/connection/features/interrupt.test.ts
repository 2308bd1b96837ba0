import type { Connection } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { lock } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { ENDLESS, FOREVER_MS, gate, sleep } from '../../support/time.js';
import { fillItems } from './support/rows.js';

const on = databases();
const ENDLESS_READ = `${ENDLESS} WHERE i > 1 OR begun() IS NULL`;
const ENDLESS_WRITE =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT i FROM n WHERE i > 1 OR begun() IS NULL';

/** Its promise resolves in the middle of {@link ENDLESS_READ} or {@link ENDLESS_WRITE}. */
async function beginning(db: Connection): Promise<{ begun: Promise<void> }> {
  const { opened, open } = gate();
  await db.createFunction('begun', () => open());
  return { begun: opened };
}

/** Interrupts until the call has ended: it may not run yet. */
async function interrupted<T>(db: Connection, call: Promise<T>): Promise<T> {
  let over = false;
  void call.finally(() => {
    over = true;
  });
  while (!over) {
    db.interrupt();
    await sleep(1);
  }
  return call;
}

describe('interrupt()', () => {
  test('stops the call that runs now: it rejects SQLITE_INTERRUPT', async () => {
    const db = await on.connect();
    const { begun } = await beginning(db);
    const endless = rejection(db.get(ENDLESS_READ));
    await begun;
    db.interrupt();
    expect(await endless).toMatchObject({ name: 'SqliteError', code: 'SQLITE_INTERRUPT', errcode: 9 });
  });

  test('does not touch what is queued', async () => {
    const db = await on.connect();
    const { begun } = await beginning(db);
    const endless = rejection(db.get(ENDLESS_READ));
    const queued = [1, 2, 3].map((n) => db.get('SELECT ? AS n', [n]));
    await begun;
    db.interrupt();
    expect(await endless).toMatchObject({ code: 'SQLITE_INTERRUPT' });
    expect(await Promise.all(queued)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test('does nothing where nothing runs, and does not hit what comes next', async () => {
    const db = await on.connect();
    for (let i = 0; i < 200; i++) {
      db.interrupt();
      expect(await db.get('SELECT count(*) AS n FROM (SELECT 1 UNION SELECT 2)')).toEqual({ n: 2 });
    }
  });

  test('hits exactly one call, however often and whenever it is called', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    let interrupted = 0;
    let begun = () => {};
    await db.createFunction('begun', () => begun());
    for (let i = 0; i < 50; i++) {
      const running = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const endless = db.get(ENDLESS_READ).catch(({ code }) => code);
      const next = db.run('INSERT INTO t VALUES (1)');
      await running;
      if (i % 3 === 0) await sleep(i % 4);
      for (let times = 0; times <= i % 3; times++) db.interrupt();
      if ((await endless) === 'SQLITE_INTERRUPT') interrupted++;
      await next;
    }
    expect(interrupted).toBe(50);
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 50 });
  });

  test('undoes a write', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const { begun } = await beginning(db);
    const writing = rejection(db.run(ENDLESS_WRITE));
    await begun;
    db.interrupt();
    expect(await writing).toMatchObject({ code: 'SQLITE_INTERRUPT' });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
    expect(db.inTransaction).toBe(false);
  });

  test('of a write that shares a commit leaves its neighbours theirs', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await db.exec('CREATE TABLE t (x)');
    const { begun } = await beginning(db);
    const calls = [db.run('INSERT INTO t VALUES (-1)'), db.run(ENDLESS_WRITE), db.run('INSERT INTO t VALUES (-2)')];
    const settled = Promise.allSettled(calls);
    await begun;
    db.interrupt();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await db.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: -2 }, { x: -1 }]);
  });

  test('in transaction() rejects that call; what comes after it is told that SQLite has rolled back', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const { begun } = await beginning(db);
    const done = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)');
      const writing = rejection(tx.run(ENDLESS_WRITE));
      await begun;
      db.interrupt();
      expect(await writing).toMatchObject({ code: 'SQLITE_INTERRUPT' });
      expect(await rejection(tx.run('INSERT INTO t VALUES (2)'))).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
    });
    expect(await rejection(done)).toMatchObject({ code: 'ERR_TRANSACTION_CLOSED' });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('of a read in transaction() leaves the transaction as it is', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const { begun } = await beginning(db);
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)');
      const reading = rejection(tx.get(ENDLESS_READ));
      await begun;
      db.interrupt();
      expect(await reading).toMatchObject({ code: 'SQLITE_INTERRUPT' });
      await tx.run('INSERT INTO t VALUES (2)');
    });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('stops an iterator that steps, and leaves one that waits', async () => {
    const db = await on.connect();
    await fillItems(db, 10);
    const waiting = db.iterate('SELECT * FROM item', [], { batchSize: 1 });
    await waiting.next();
    const { begun } = await beginning(db);
    const stepping = rejection(db.iterate(ENDLESS_READ).next());
    await begun; // the batch that the other one reads ahead has come
    db.interrupt();
    expect(await stepping).toMatchObject({ code: 'SQLITE_INTERRUPT' });
    let rest = 0;
    for await (const _ of waiting) rest++;
    expect(rest).toBe(9);
  });

  test('ends the wait for a lock', async () => {
    const db = await on.connect({ busyTimeoutMs: FOREVER_MS });
    await db.exec('CREATE TABLE t (x)');
    await using held = await lock(on.file());
    const error = await interrupted(db, rejection(db.run('INSERT INTO t VALUES (1)')));
    expect(error.code).toMatch(/^SQLITE_(INTERRUPT|BUSY)/);
    await held.release();
    await db.run('INSERT INTO t VALUES (1)');
  });

  test('on a lease stops what the lease runs', async () => {
    const pool = on.pool({ poolSize: 3 });
    await pool.exec('CREATE TABLE t (x)');
    const [a, b] = await Promise.all([pool.acquire({ role: 'reader' }), pool.acquire({ role: 'reader' })]);
    const [first, second] = [
      rejection(a.get(ENDLESS)),
      b.get(ENDLESS, [], { timeoutMs: 200 }).catch(({ code }) => code),
    ];
    expect(await interrupted(a, first)).toMatchObject({ code: 'SQLITE_INTERRUPT' });
    expect(await second).toBe('ERR_TIMEOUT');
    a.release();
    b.release();
  });

  test('does nothing on a closed connection', async () => {
    const db = await on.connect();
    await db.close();
    db.interrupt();
  });
});
