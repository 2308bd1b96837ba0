// Reads a text of a million characters COUNT times and prints how the process has grown, in MB. Meanwhile worker threads
// end that hold such texts: long-texts.mjs COUNT
import process from 'node:process';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { connect } from 'aiosqlite';

const LENGTH = 1_000_000;
const db = await connect(':memory:');
await db.exec(`CREATE TABLE t (plain TEXT, wide TEXT);
  INSERT INTO t VALUES (printf('%.*c', ${LENGTH}, 'x'), replace(printf('%.*c', ${LENGTH}, 'x'), 'x', '日'))`);
const read = async () => /** @type {{ plain: string, wide: string }} */ (await db.get('SELECT plain, wide FROM t'));

if (isMainThread) {
  await read();
  const before = process.memoryUsage.rss();
  let peak = before;
  for (let i = 0; i < Number(process.argv[2]); i++) {
    const { plain, wide } = await read();
    if (plain.length !== LENGTH || wide.length !== LENGTH || !wide.endsWith('日'))
      throw new Error(`read ${i} is wrong`);
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  for (const end of ['return', 'exit', 'terminate']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: end });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('message', resolve));
    if (end === 'terminate') await worker.terminate();
    else worker.postMessage(end);
    await ended;
  }
  console.log(JSON.stringify({ grownMb: (peak - before) / 1e6 }));
  const kept = await read();
  await db.close();
  if (kept.plain !== 'x'.repeat(LENGTH)) throw new Error('a text ends with its connection');
} else {
  const kept = [await read(), await read()];
  parentPort?.once('message', async (end) => {
    if (end === 'exit') process.exit(kept.length);
    await db.close();
  });
  parentPort?.postMessage('ready');
}
