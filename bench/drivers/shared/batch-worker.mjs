/** A worker thread that takes all messages that wait, and commits once for them. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { pragmaScript } from './package.mjs';

const db = new Database(workerData.file);
db.exec(pragmaScript(workerData.synchronous));
const statements = workerData.sql.map((text) => db.prepare(text));
const [begin, commit, savepoint, release, undo] = [
  'BEGIN IMMEDIATE',
  'COMMIT',
  'SAVEPOINT one',
  'RELEASE one',
  'ROLLBACK TO one',
].map((sql) => db.prepare(sql));

function runOne(queries) {
  savepoint.run();
  try {
    const results = queries.map(([number, params]) => {
      const statement = statements[number];
      return statement.reader ? statement.all(params) : statement.run(params);
    });
    release.run();
    return [null, results];
  } catch (error) {
    undo.run();
    release.run();
    return [error.message, null];
  }
}

parentPort.on('message', (first) => {
  const calls = first;
  for (let more = receiveMessageOnPort(parentPort); more; more = receiveMessageOnPort(parentPort)) {
    for (const queries of more.message) calls.push(queries);
  }
  begin.run();
  const answers = calls.map(runOne);
  commit.run();
  parentPort.postMessage(answers);
});
