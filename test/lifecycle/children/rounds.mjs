// Terminates worker threads in every state, in turn: rounds.mjs COUNT FILE. The main thread works on meanwhile.
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { connect } from 'aiosqlite';
import { names } from './states.mjs';

const [, , count, file = ''] = process.argv;
const db = await connect(`${file}-main`);
await db.exec('CREATE TABLE t (x)');
for (let round = 0; round < Number(count); round++) {
  const state = names[round % names.length];
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: { state, file: `${file}-${round}` },
  });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
  await Promise.all([worker.terminate(), db.run('INSERT INTO t VALUES (?)', [round])]);
}
const row = await db.get('SELECT count(*) AS n FROM t');
await db.close();
console.log(`${row?.n} rounds`);
