// The states in which an environment can end. Each resolves once it is reached, and keeps what it has made alive.
import { createHash } from 'node:crypto';
import { connect, createPool } from 'aiosqlite';

const NUMBERS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
/** Longer than the tests allow: nothing that ends has waited for it. */
const HOUR = 3_600_000;
const ENDLESS = `${NUMBERS} SELECT count(*) FROM n`;
const SHORT = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n';
/** @type {unknown[]} */
const kept = [];
/** @template T @param {T} thing */
const keep = (thing) => {
  kept.push(thing);
  return thing;
};
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** @param {Promise<unknown>} promise */
const ignore = (promise) => void promise.catch(() => {});

/**
 * `ends`: whether what runs must come to an end by itself. `inside`: what to do inside of a function that SQL calls, if that
 * is the state.
 *
 * @type {Record<string, (file: string, ends: boolean, inside: () => void) => Promise<void>>}
 */
export const states = {
  async idle(file) {
    const db = keep(await connect(file));
    await db.get('SELECT 1');
    const pool = keep(createPool({ database: file }));
    await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
    await pool.get('SELECT 1');
  },
  async queued(file, ends) {
    const db = keep(await connect(file));
    await db.exec('CREATE TABLE IF NOT EXISTS t (x)');
    ignore(db.get(ends ? SHORT : ENDLESS));
    for (let i = 0; i < 1_000; i++) ignore(db.run('INSERT INTO t VALUES (?)', [i]));
    await sleep(5);
  },
  async running(file, ends) {
    const db = keep(await connect(file));
    const pool = keep(createPool({ database: file }));
    let isOver = false;
    const calls = [db, pool, pool].map((executor) => executor.get(ends ? SHORT : ENDLESS));
    for (const call of calls) ignore(call.then(() => (isOver = true)));
    while (!isOver && (!db.stats().running || pool.stats().size < 2)) await sleep(1);
  },
  async writing(file, ends) {
    const pool = keep(createPool({ database: file }));
    await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
    const until = ends ? Date.now() + 100 : Number.POSITIVE_INFINITY;
    for (let writer = 0; writer < 32; writer++) {
      ignore(
        (async () => {
          while (Date.now() < until) await pool.run('INSERT INTO t VALUES (?)', [writer]);
        })(),
      );
    }
    await sleep(20);
  },
  async transaction(file, ends) {
    const db = keep(await connect(file));
    await db.exec('CREATE TABLE IF NOT EXISTS t (x)');
    await new Promise((/** @type {(value: void) => void} */ begun) => {
      ignore(
        db.transaction(async (tx) => {
          await tx.run('INSERT INTO t VALUES (1)');
          ignore(
            tx.transaction(async (inner) => {
              await inner.run('INSERT INTO t VALUES (2)');
              begun();
              if (ends) return;
              ignore(inner.get(ENDLESS));
              await new Promise(() => {});
            }),
          );
          if (!ends) await new Promise(() => {});
        }),
      );
      ignore(db.run('INSERT INTO t VALUES (3)'));
    });
  },
  /** The test holds the lock. */
  async 'waiting for a lock'(file, ends) {
    const db = keep(await connect(file, { busyTimeoutMs: ends ? 200 : HOUR }));
    for (let i = 0; i < 10; i++) ignore(db.run('INSERT INTO t VALUES (1)'));
    ignore(db.transaction(async () => {}));
    await sleep(20);
  },
  async iterating(file, ends) {
    const db = keep(await connect(file));
    const pool = keep(createPool({ database: file }));
    await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
    const limit = ends ? 'LIMIT 20000' : '';
    const consume = async (/** @type {import('aiosqlite').Executor} */ executor) => {
      for await (const _ of executor.iterate(`${NUMBERS} SELECT i FROM n ${limit}`, [], { batchSize: 10 }));
    };
    // One that is consumed, one that waits for its consumer, each on a connection and on a pool.
    for (const executor of [db, pool]) {
      ignore(consume(executor));
      await keep(executor.iterate(`${NUMBERS} SELECT i FROM n`, [], { batchSize: 1 })).next();
      ignore(executor.run('INSERT INTO t VALUES (1)'));
    }
  },
  async 'backing up'(file, ends) {
    const db = keep(await connect(file));
    const pool = keep(createPool({ database: file }));
    await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
    await pool.run('INSERT INTO t VALUES (zeroblob(2000000))');
    let steps = 0;
    await new Promise((/** @type {(value: void) => void} */ begun) => {
      const onProgress = () => {
        if (++steps === 4) begun();
      };
      const pagesPerStep = ends ? 50 : 1;
      ignore(db.backup(`${file}-copy-1`, { pagesPerStep, onProgress }));
      ignore(pool.backup(`${file}-copy-2`, { pagesPerStep, onProgress }));
    });
  },
  /** The workers wait for answers of a JavaScript thread that has other things to do as well. */
  async 'calling a function'(file, ends) {
    const databases = keep([await connect(file), await connect(':memory:')]);
    for (const db of databases) {
      let calls = 0;
      await new Promise((/** @type {(value: void) => void} */ begun) => {
        void db
          .createFunction('f', () => {
            if (++calls === 10) begun();
            return calls;
          })
          .then(() => ignore(db.get(`${NUMBERS} SELECT sum(f()) FROM (SELECT i FROM n ${ends ? 'LIMIT 20000' : ''})`)));
      });
    }
  },
  /**
   * More and more calls, each of which asks for an answer. While an environment ends, Node turns its event loop and then
   * destroys what has been made in it: who asks from then on is answered by the addon's end alone.
   */
  async 'calling functions'(_, ends) {
    const databases = keep(await Promise.all(Array.from({ length: 4 }, () => connect(':memory:'))));
    for (const db of databases) {
      await db.createFunction('f', () => 1);
      for (let i = 0; i < (ends ? 100 : 5_000); i++) ignore(db.get('SELECT f()'));
    }
    for (let i = 0; i < (ends ? 0 : 50_000); i++) keep(createHash('md5'));
  },
  /** Answers on their way to JavaScript that bring bytes, which have a memory of their own to be made there. */
  async 'fetching blobs'(_, ends) {
    const databases = keep(await Promise.all(Array.from({ length: 4 }, () => connect(':memory:'))));
    const until = ends ? Date.now() + 100 : Number.POSITIVE_INFINITY;
    for (const db of databases) {
      await db.createFunction('f', (bytes) => {
        if (bytes === null) throw new Error('null');
        return bytes;
      });
      const fetch = async () => {
        while (Date.now() < until) {
          const calls = [
            db.all(`${NUMBERS} SELECT i, randomblob(100) FROM n LIMIT 200`),
            db.get('SELECT f(randomblob(100)) AS x'),
            db.get('SELECT f(NULL)'),
          ];
          await Promise.allSettled(calls);
        }
      };
      for (let i = 0; i < 4; i++) ignore(fetch());
    }
    await sleep(20);
  },
  async 'inside a function'(file, _, inside) {
    const db = keep(await connect(file));
    const pool = keep(createPool({ database: file }));
    await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
    await db.createFunction('f', () => inside());
    for (let i = 0; i < 100; i++) ignore(pool.run('INSERT INTO t VALUES (1)'));
    ignore(db.run('INSERT INTO t VALUES (f())'));
    await db.get('SELECT 1');
  },
  async closing(file, ends) {
    const db = keep(await connect(file));
    const pool = keep(createPool({ database: file }));
    await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
    ignore(db.get(ends ? SHORT : ENDLESS));
    ignore(pool.get(ends ? SHORT : ENDLESS));
    for (let i = 0; i < 100; i++) ignore(pool.run('INSERT INTO t VALUES (1)'));
    ignore(db.close());
    ignore(pool.close());
    await sleep(5);
  },
  async 'waiting for a pool'(file, ends) {
    const pool = keep(createPool({ database: file, poolSize: 2, acquireTimeoutMs: ends ? 600 : HOUR }));
    await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
    keep(await pool.acquire());
    keep(await pool.acquire({ role: 'reader' }));
    for (let i = 0; i < 10; i++) {
      ignore(pool.run('INSERT INTO t VALUES (1)'));
      ignore(pool.get('SELECT 1'));
      ignore(pool.transaction(async () => {}));
      ignore(pool.acquire());
    }
    await sleep(5);
  },
  async opening(file) {
    for (let i = 0; i < 20; i++) {
      ignore(connect(file));
      const pool = keep(createPool({ database: file }));
      ignore(pool.get('SELECT 1'));
      ignore(pool.run('CREATE TABLE IF NOT EXISTS t (x)'));
    }
  },
};

export const names = Object.keys(states);
