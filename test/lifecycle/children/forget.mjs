// Drops things without closing them: node --expose-gc forget.mjs WHAT FILE. Says what it was warned of.
import { readdirSync } from 'node:fs';
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';

const [, , what, file = ''] = process.argv;
const gc = /** @type {() => void} */ (globalThis.gc);
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const threads = () => (process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0);
/** @type {string[]} */
const warnings = [];
process.on('warning', (warning) => warnings.push(`${warning.name}: ${warning.message}`));

/** @param {() => boolean} until @param {number} rounds */
async function collect(until, rounds = 4_000) {
  for (let i = 0; i < rounds && !until(); i++) {
    gc();
    await sleep(5);
  }
}

if (what === 'connections') {
  const before = threads();
  await (async () => {
    for (let i = 0; i < 10; i++) {
      const db = await connect(file);
      await db.get('SELECT 1');
    }
  })();
  await collect(() => warnings.length === 10 && threads() <= before);
  console.log(JSON.stringify({ warnings, threads: threads() - before }));
} else if (what === 'connections that know themselves') {
  const before = threads();
  await (async () => {
    const heard = await connect(file);
    heard.onCommit(() => heard.stats());
    const called = await connect(file);
    await called.createFunction('f', () => called.stats().completed);
    await called.get('SELECT f()');
  })();
  await collect(() => warnings.length === 2 && threads() <= before);
  console.log(JSON.stringify({ warnings, threads: threads() - before }));
} else if (what === 'pools') {
  const before = threads();
  await (async () => {
    for (let i = 0; i < 3; i++) {
      const pool = createPool({
        database: file,
        acquireTimeoutMs: 60_000,
        onConnect: async (db) => db.get('SELECT 1'),
      });
      await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
      // A closure like this one has V8 keep `pool` where onConnect finds it, too.
      await Promise.all([1, 2].map((n) => pool.get('SELECT ?', [n])));
    }
    createPool({ database: file }); // opens nothing
  })();
  await collect(() => warnings.length === 3 && threads() <= before);
  console.log(JSON.stringify({ warnings, threads: threads() - before }));
} else if (what === 'a closed connection') {
  await (async () => {
    const db = await connect(file);
    await db.close();
    const pool = createPool({ database: file });
    const lease = await pool.acquire();
    lease.release();
    await pool.close();
  })();
  await collect(() => false, 100);
  console.log(JSON.stringify({ warnings }));
} else if (what === 'a connection with a call in flight') {
  const call = (async () => {
    const db = await connect(file);
    return db.get(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT count(*) AS n FROM n',
    );
  })();
  for (let i = 0; i < 20; i++) {
    gc();
    await sleep(2);
  }
  const row = await call;
  await collect(() => warnings.length === 1);
  console.log(JSON.stringify({ row, warnings }));
} else {
  const pool = createPool({ database: file, poolSize: 2, acquireTimeoutMs: 60_000 });
  await pool.exec('CREATE TABLE t (x)');
  await (async () => {
    const writer = await pool.acquire();
    await writer.exec('BEGIN; INSERT INTO t VALUES (1)');
    const reader = await pool.acquire({ role: 'reader' });
    await reader.get('SELECT 1');
  })();
  const write = pool.run('INSERT INTO t VALUES (2)');
  const read = pool.get('SELECT 3 AS n');
  await collect(() => warnings.length === 2);
  await write;
  console.log(JSON.stringify({ warnings, read: await read, rows: await pool.all('SELECT x FROM t') }));
  await pool.close();
}
