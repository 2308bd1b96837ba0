// Calls at every depth of a stack that has run out: each fails or is done, and none keeps others waiting. no-stack.mjs FILE
import process from 'node:process';
import { createPool } from 'aiosqlite';

const [, , file = ''] = process.argv;
const db = createPool({ database: file });
await db.exec('CREATE TABLE t (id, x)');
process.on('unhandledRejection', () => {}); // of calls whose handlers could not be added any more

let id = 0;
let failed = false;
let wrong = 0;
/** @type {Promise<unknown>[]} */
let calls = [];
const call = () => {
  const own = ++id % 500; // texts that come again, and have numbers
  const outcome =
    own % 2 === 0
      ? db.get(`SELECT ${own} AS own, ? AS x /* a text that is long enough */`, [own])
      : db.executeMany(`INSERT INTO t VALUES (${own}, ?) /* and has many values */`, Array(600).fill([own]));
  calls.push(
    outcome.then(
      (row) => {
        if (own % 2 === 0 && (row?.own !== own || row?.x !== own)) wrong++;
      },
      () => {
        failed = true;
      },
    ),
  );
};
let left = 0;
const dive = () => {
  try {
    dive();
  } catch (error) {
    if (left-- > 0) call();
    throw error;
  }
};
for (let i = 0; i < 50; i++) call(); // what is compiled while the stack is short never gets that far
for (let round = 0; round < 25; round++) {
  left = 400;
  try {
    dive();
  } catch {}
  await Promise.all(calls);
  calls = [];
}
for (const row of await db.all('SELECT DISTINCT id, x FROM t')) if (row.id !== row.x) wrong++;
console.log(JSON.stringify({ failed, wrong, last: await db.get('SELECT 1 AS x') }));
await db.close();
