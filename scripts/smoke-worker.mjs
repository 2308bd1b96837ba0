// The worker thread of smoke.mjs: holds a lock and runs a query without end, until its environment ends both.
import { parentPort, workerData } from 'node:worker_threads';

const { connect } = await import(`${workerData.base}/lib/index.js`);
const db = await connect(workerData.file);
await db.exec('BEGIN IMMEDIATE');
void db.get(workerData.endless).catch(() => {});
parentPort?.postMessage('begun');
setInterval(() => {}, 1_000);
