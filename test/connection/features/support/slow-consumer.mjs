// Reads all items of FILE slowly, and prints by how much its resident memory grew: slow-consumer.mjs FILE [pool].
// Wants --expose-gc.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createPool } from 'aiosqlite';

const [, , file = '', kind] = process.argv;
const db = kind === 'pool' ? createPool({ database: file }) : await connect(file);
await db.get('SELECT 1');
global.gc?.();
const before = process.memoryUsage.rss();
let most = before;
let rows = 0;
let sum = 0;
for await (const { id } of db.iterate('SELECT * FROM item')) {
  rows++;
  sum += Number(id);
  if (rows % 1000 !== 0) continue;
  // Slower than the database: it has something else to do after every thousand rows.
  if (rows % 20_000 === 0) await sleep(5);
  else await new Promise((resolve) => setImmediate(resolve));
  most = Math.max(most, process.memoryUsage.rss());
}
await db.close();
console.log(JSON.stringify({ rows, sum, grownMb: (most - before) / 2 ** 20 }));
