import { Worker } from 'node:worker_threads';
import { SQL, SqlSessionService } from './shared/sql-sessions.mjs';

/**
 * The strong control for appends: calls of one turn of the loop go in one message, the worker takes all messages that
 * wait, runs each append in a savepoint of its own, commits once, and answers all of them with one message.
 */
export async function openSessions(file, { synchronous }) {
  const sql = [SQL.insertSession, SQL.insertEvent, SQL.touch, SQL.merge, SQL.session, SQL.events, SQL.recent];
  const numberOf = new Map(sql.map((text, i) => [text, i]));
  const worker = new Worker(new URL('./shared/batch-worker.mjs', import.meta.url), {
    workerData: { file, synchronous, sql },
  });
  const sent = [];
  let collected = [];
  const flush = () => {
    worker.postMessage(collected);
    collected = [];
  };
  worker.on('message', (answers) => {
    for (const [error, results] of answers) {
      const { resolve, reject } = sent.shift();
      if (error === null) resolve(results);
      else reject(new Error(error));
    }
  });
  const send = (queries) =>
    new Promise((resolve, reject) => {
      sent.push({ resolve, reject });
      if (collected.length === 0) queueMicrotask(flush);
      collected.push(queries);
    });
  const db = {
    transaction: (queries) => send(queries.map(({ sql: text, params }) => [numberOf.get(text), params])),
    all: async (text, params) => (await send([[numberOf.get(text), params]]))[0],
    close: () => worker.terminate(),
  };
  return new SqlSessionService(db);
}
