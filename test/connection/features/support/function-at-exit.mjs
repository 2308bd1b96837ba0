// Ends in one way or another while SQL calls a function: function-at-exit.mjs HOW.
import process from 'node:process';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connect } from 'aiosqlite';

const NUMBERS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
const ENDLESS = `${NUMBERS} SELECT sum(f(i)) FROM n`;
const how = isMainThread ? process.argv[2] : workerData;
const db = await connect(':memory:');
let calls = 0;

/** @param {(i: unknown) => number} fn */
const define = (fn, on = db) =>
  on.createFunction('f', (i) => {
    if (++calls === 1) (parentPort ? (text) => parentPort?.postMessage(text) : console.log)('began');
    return fn(i);
  });
const forever = () => {
  for (;;);
};

if (!isMainThread) {
  if (how === 'terminate') await define(forever);
  if (how === 'terminate-often') await define(() => 1);
  if (how === 'worker-exit') await define(() => process.exit(3));
  if (how === 'terminate-compare') {
    await db.createCollation('c', () => {
      parentPort?.postMessage('began');
      return forever();
    });
    await db.all("SELECT column1 FROM (VALUES ('a'), ('b')) ORDER BY 1 COLLATE c");
  }
  await db.get(ENDLESS);
} else if (how === 'exit') {
  await define(() => process.exit(7));
  await db.get(ENDLESS);
} else if (how === 'exit-two') {
  const other = await connect(':memory:');
  for (const each of [db, other]) await define(() => (calls > 100 ? process.exit(7) : 1), each);
  await Promise.all([db.get(ENDLESS), other.get(ENDLESS)]);
} else if (how === 'exit-outside') {
  await define(() => 1);
  setTimeout(() => process.exit(7), 50);
  await db.get(ENDLESS);
} else if (how === 'uncaught') {
  await define(() => 1);
  setTimeout(() => {
    throw new Error('uncaught');
  }, 50);
  await db.get(ENDLESS);
} else if (how === 'idle') {
  await define(() => 1);
  await db.get('SELECT f(1)');
} else if (how === 'end') {
  await define((i) => Number(i));
  void db
    .get(`${NUMBERS} SELECT sum(f(i)) AS s FROM (SELECT i FROM n LIMIT 100000)`)
    .then((row) => console.log(row?.s));
} else {
  const worker = new Worker(new URL(import.meta.url), { workerData: how });
  worker.on('message', (text) => {
    console.log(text);
    if (how.startsWith('terminate')) setTimeout(() => void worker.terminate(), 20);
  });
  worker.on('error', (error) => console.log(error));
  worker.on('exit', () => console.log('worker ended'));
}
