// Prints what an idle connection costs in microseconds of processor time per second, without functions and with 100, and
// what a query takes that calls none of them.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'aiosqlite';

async function idleUs() {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    await sleep(500);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) * 2);
  }
  return least;
}

async function queryUs(db) {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let i = 0; i < 1_000; i++) await db.get('SELECT 1 AS one');
    least = Math.min(least, performance.now() - start); // µs a call: 1,000 calls, 1,000 µs in a ms
  }
  return least;
}

const db = await connect(':memory:');
const without = { idleUs: await idleUs(), queryUs: await queryUs(db) };
for (let i = 0; i < 100; i++) {
  await db.createFunction(`f${i}`, (x) => x);
  await db.createCollation(`c${i}`, (a, b) => (a < b ? -1 : Number(a > b)));
}
await db.get('SELECT f1(1)');
const having = { idleUs: await idleUs(), queryUs: await queryUs(db) };
console.log(JSON.stringify({ without, having }));
await db.close();
