// Does what it is asked to and then nothing: alive.mjs WHAT FILE. Whether the process lives on is up to the package.
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';

const COUNT =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) AS n FROM n';
const [, , what = '', file = ''] = process.argv;

switch (what) {
  case 'jobs in flight':
    connect(file).then((db) => {
      db.get(COUNT).then((row) => console.log(`counted ${row?.n}`));
      db.run('CREATE TABLE t (x)').then(() => console.log('created'));
    });
    break;
  case 'a transaction in flight':
    connect(file).then((db) =>
      db
        .transaction(async (tx) => {
          await tx.run('CREATE TABLE t (x)');
          await tx.get(COUNT);
        })
        .then(() => console.log('committed')),
    );
    break;
  case 'a pool in flight':
    createPool({ database: file })
      .transaction((tx) => tx.get(COUNT))
      .then((row) => console.log(`counted ${row?.n}`));
    break;
  case 'closing':
    connect(file).then((db) => {
      db.get(COUNT);
      db.close().then(() => console.log('closed'));
    });
    break;
  case 'idle': {
    const db = await connect(file);
    // Whatever it may wait for takes longer than the test allows.
    const hour = 3_600_000;
    const limits = { idleTimeoutMs: hour, acquireTimeoutMs: hour, operationTimeoutMs: hour };
    const pool = createPool({ database: `${file}-pool`, onConnect: async () => {}, ...limits });
    await pool.exec('CREATE TABLE t (x)');
    await Promise.all(Array.from({ length: 20 }, () => pool.get('SELECT 1')));
    const lease = await pool.acquire();
    const stop = new AbortController();
    await db.get('SELECT 1', [], { signal: stop.signal, timeoutMs: hour });
    Object.assign(globalThis, { kept: [db, pool, lease] });
    console.log('idle');
    break;
  }
  case 'a lease that others wait for': {
    const pool = createPool({ database: file, acquireTimeoutMs: 10_000 });
    Object.assign(globalThis, { kept: await pool.acquire() });
    pool.run('CREATE TABLE t (x)').catch((error) => console.log(error.code));
    break;
  }
}
