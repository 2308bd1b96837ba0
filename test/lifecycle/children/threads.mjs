// Several worker threads and the main thread, each with connections of its own to one file: threads.mjs COUNT FILE
import process from 'node:process';
import { isMainThread, threadId, Worker, workerData } from 'node:worker_threads';
import { createPool } from 'aiosqlite';

const [, , count, path] = process.argv;
const file = isMainThread ? path : workerData;

const pool = createPool({ database: file, busyTimeoutMs: 60_000 }); // there is no fairness among connections
if (isMainThread) await pool.exec('CREATE TABLE t (thread, n, UNIQUE (thread, n))');
const workers = isMainThread
  ? Array.from({ length: Number(count) }, () => {
      const worker = new Worker(new URL(import.meta.url), { workerData: file });
      return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    })
  : [];
for (let round = 0; round < 10; round++) {
  await Promise.all(
    Array.from({ length: 10 }, (_, i) => pool.run('INSERT INTO t VALUES (?, ?)', [threadId, round * 10 + i])),
  );
  const row = await pool.get('SELECT count(*) AS n FROM t WHERE thread = ?', [threadId]);
  if (row?.n !== (round + 1) * 10) throw new Error(`thread ${threadId} sees ${row?.n} rows`);
}
const codes = await Promise.all(workers);
if (isMainThread) {
  const row = await pool.get('SELECT count(*) AS n FROM t');
  console.log(JSON.stringify({ n: row?.n, codes }));
}
await pool.close();
