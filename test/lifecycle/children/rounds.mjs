// Terminates worker threads in every state, in turn: rounds.mjs COUNT FILE. The main thread works on meanwhile. Prints how
// many rounds it was, and what has been left behind: threads and open files.
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { connect } from 'aiosqlite';
import { names } from './states.mjs';

const [, , rounds, file = ''] = process.argv;
const db = await connect(`${file}-main`);
await db.exec('CREATE TABLE t (x)');

const list = (/** @type {string} */ what) => (process.platform === 'linux' ? readdirSync(`/proc/self/${what}`) : []);
/** Of the databases: Node has files of its own, which come and go. */
const isOurs = (/** @type {string} */ fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith(file);
  } catch {
    return false; // the folder itself, while it was listed
  }
};
const count = () => ({ threads: list('task').length, files: list('fd').filter(isOurs).length });
const before = { threads: 0, files: 0 };
for (let round = 0; round < Number(rounds); round++) {
  if (round === names.length) Object.assign(before, count());
  const state = names[round % names.length];
  const lock = state === 'waiting for a lock' ? await connect(`${file}-${round}`) : undefined;
  await lock?.exec('PRAGMA journal_mode = wal; CREATE TABLE t (x); BEGIN IMMEDIATE');
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: { state, file: `${file}-${round}`, busy: round % 2 === 1 },
  });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
  await Promise.all([worker.terminate(), db.run('INSERT INTO t VALUES (?)', [round])]);
  await lock?.close();
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${file}-${round}${suffix}`, { force: true });
}
const after = count();
const left = { threads: after.threads - before.threads, files: after.files - before.files };
const row = await db.get('SELECT count(*) AS n FROM t');
await db.close();
console.log(JSON.stringify({ rounds: row?.n, left }));
