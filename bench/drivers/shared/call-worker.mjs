/** A worker thread that answers each message with one message. */
import { parentPort, workerData } from 'node:worker_threads';
import { openSql } from '../better-sqlite3.mjs';

const db = openSql(workerData.file, workerData);

parentPort.on('message', ({ id, verb, args }) => {
  try {
    const result = db[verb](...args);
    parentPort.postMessage({ id, result: verb === 'exec' || verb === 'close' ? null : result });
  } catch (error) {
    parentPort.postMessage({ id, error: error.message });
  }
});
