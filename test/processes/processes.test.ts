import { connect, createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { lock, run, start } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { FOREVER_MS, sleep } from '../support/time.js';
import { contend } from './contention.js';

const on = databases();
const child = (name: string) => new URL(`children/${name}`, import.meta.url);
const key = { appName: 'app', userId: 'ada', sessionId: 's1' };
const event = (id: string) => ({ ...key, id, author: 'a', invocationId: 'i', timestamp: Date.now(), actions: {} });

describe('four processes with four writers each', () => {
  test('append 480 events to common sessions: none refused, none missing', async () => {
    const { appends, ms } = await contend(on.file(), 30, 2);
    console.log(`${appends} appends from 4 processes in ${Math.round(ms)} ms, 0 refused, 0 missing`);
  });

  test('create a new file together, 3 times over', async () => {
    for (let round = 0; round < 3; round++) await contend(on.file(`${round}.db`), 1, 0);
  });
});

describe('a reader that others overtake', () => {
  test('sees its own moment to the end, holds nobody up, and is told without waiting when it wants to write', async () => {
    const pool = on.pool();
    await pool.exec('CREATE TABLE t (who, x)');
    const db = await on.connect({ busyTimeoutMs: FOREVER_MS });
    const count = 'SELECT count(*) AS n FROM t';
    const write = () => run(child('write.mjs'), ['other', on.file(), 50]);
    await pool.read(async (tx) => {
      expect(await tx.get(count)).toEqual({ n: 0 });
      const end = await write();
      expect(end, end.stderr).toMatchObject({ code: 0, stdout: 'ready\n[]\n' });
      expect(await tx.get(count)).toEqual({ n: 0 });
    });
    expect(await pool.get(count)).toEqual({ n: 50 });

    const refusal = await rejection(
      db.transaction(
        async (tx) => {
          await tx.get(count);
          await write();
          // Waiting could not help: the snapshot does not get newer.
          await tx.run("INSERT INTO t VALUES ('late', 1)");
        },
        { mode: 'deferred' },
      ),
    );
    expect(refusal).toMatchObject({ name: 'SqliteError', code: 'SQLITE_BUSY_SNAPSHOT' });
    expect(await db.get(count)).toEqual({ n: 100 });
    await db.run("INSERT INTO t VALUES ('in time', 1)");
  });

  test('of a session is told so when it expects its revision', async () => {
    const store = new SessionStore(on.pool());
    await store.createTables();
    const { revision } = await store.createSession(key);
    const end = await run(child('../../adk/children/appender.mjs'), ['other', on.file(), 1, 1]);
    expect(end, end.stderr).toMatchObject({ code: 0 });
    expect(await rejection(store.appendEvent(event('mine'), {}, { expectedRevision: revision }))).toMatchObject({
      code: 'ADK_STALE_SESSION',
    });
    await store.appendEvent(event('mine'), {}, { expectedRevision: revision + 1 });
    expect((await store.getEvents(key)).map(({ id }) => id)).toEqual(['other0', 'mine']);
  });
});

describe('a process that holds the lock past the busy timeout', () => {
  const busyTimeoutMs = 300;

  test('has all others answer SQLITE_BUSY once, appends together, and go on when it is gone', async () => {
    const pool = on.pool({ busyTimeoutMs });
    const store = new SessionStore(pool);
    await store.createTables();
    await store.createSession(key);
    await using held = await lock(on.file());
    const began = performance.now();
    const appends = Array.from({ length: 64 }, (_, n) => store.appendEvent(event(`e${n}`), { session: { n } }));
    let group = 0;
    void Promise.allSettled(appends).then(() => {
      group = performance.now() - began;
    });
    const calls = [
      ...appends,
      pool.transaction(async (tx) => tx.run('DELETE FROM adk_events')),
      pool.batch([{ sql: 'DELETE FROM adk_events' }, { sql: 'DELETE FROM adk_sessions' }]),
      pool.exec('CREATE TABLE other (x)'),
    ];
    const errors = await Promise.all(calls.map(rejection));
    const others = performance.now() - began - group;
    for (const error of errors) expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_BUSY', errcode: 5 });
    // One group waits once, the three others once each: a third of their time against 21 times as much for one by one.
    expect(group).toBeGreaterThan(busyTimeoutMs - 10);
    expect(group).toBeLessThan(3 * others);
    // Readers never wait for a writer.
    expect(await store.getEvents(key)).toEqual([]);
    await held.release();
    await store.appendEvent(event('after'));
    expect((await store.getEvents(key)).map(({ id }) => id)).toEqual(['after']);
  });

  test.each(['wal', 'delete'] as const)('leaves none waiting to open, read or close (%s)', async (journalMode) => {
    const db = await on.connect({ journalMode });
    await db.exec('CREATE TABLE t (x)');
    await db.close();
    await using held = await lock(on.file(), 'EXCLUSIVE');
    const other = createPool({ database: on.file(), busyTimeoutMs, journalMode });
    const read = await other.all('SELECT * FROM t').catch((error) => error.code);
    // With a WAL, readers go past even an exclusive lock.
    expect(read).toEqual(journalMode === 'wal' ? [] : 'SQLITE_BUSY');
    expect(await rejection(other.run('INSERT INTO t VALUES (1)'))).toMatchObject({ code: 'SQLITE_BUSY' });
    await other.close();
    await held.release();
    await using again = await connect(on.file());
    expect(await again.all('SELECT * FROM t')).toEqual([]);
  });
});

describe('a writer that dies while it holds the lock', () => {
  test.each(['wal', 'delete'] as const)(
    'has its transaction undone, and those who wait go on (%s)',
    async (journalMode) => {
      const db = await on.connect({ journalMode, busyTimeoutMs: FOREVER_MS });
      await db.exec("CREATE TABLE t (who, x); INSERT INTO t VALUES ('before', 1)");
      await using holder = start(child('hold.mjs'), [on.file()]);
      await holder.said('inside');
      const names = ['a', 'b', 'c'];
      const others = names.map((name) => start(child('write.mjs'), [name, on.file(), 20]));
      try {
        await Promise.all(others.map((other) => other.said('ready')));
        const mine = db.run("INSERT INTO t VALUES ('mine', 1)");
        await sleep(100);
        expect(others.map(({ stdout }) => stdout)).toEqual(names.map(() => 'ready\n'));
        holder.kill('SIGKILL');
        await mine;
        for (const other of others) {
          const end = await other.ended;
          expect(end, end.stderr).toMatchObject({ code: 0, stdout: 'ready\n[]\n' });
        }
      } finally {
        for (const other of others) await other[Symbol.asyncDispose]();
      }
      expect(await db.all('SELECT who, count(*) AS n, max(x) AS x FROM t GROUP BY who ORDER BY who')).toEqual([
        { who: 'a', n: 20, x: 19 },
        { who: 'b', n: 20, x: 19 },
        { who: 'before', n: 1, x: 1 },
        { who: 'c', n: 20, x: 19 },
        { who: 'mine', n: 1, x: 1 },
      ]);
      expect(await db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    },
  );
});
