import { Worker } from 'node:worker_threads';
import { SqlSessionService } from './shared/sql-sessions.mjs';

/** What people build when they need better-sqlite3 off the JavaScript thread. */
export async function openSql(file, { synchronous }) {
  const worker = new Worker(new URL('./shared/call-worker.mjs', import.meta.url), {
    workerData: { file, synchronous },
  });
  const waiting = new Map();
  let last = 0;
  worker.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  const call = (verb, ...args) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      worker.postMessage({ id: last, verb, args });
    });
  return {
    exec: (script) => call('exec', script),
    run: (sql, params) => call('run', sql, params),
    get: (sql, params) => call('get', sql, params),
    all: (sql, params) => call('all', sql, params),
    many: (sql, rows) => call('many', sql, rows),
    transaction: (queries) => call('transaction', queries),
    close: async () => {
      await call('close');
      await worker.terminate();
    },
  };
}

export async function openSessions(file, options) {
  return new SqlSessionService(await openSql(file, options));
}
