// Prints how many milliseconds of processor time a second costs in which a connection with 200 functions and collations is
// idle: the least of three.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'aiosqlite';

const db = await connect(':memory:');
for (let i = 0; i < 100; i++) {
  await db.createFunction(`f${i}`, (x) => x);
  await db.createCollation(`c${i}`, (a, b) => (a < b ? -1 : Number(a > b)));
}
await db.get('SELECT f1(1)');
let least = Number.POSITIVE_INFINITY;
for (let round = 0; round < 3; round++) {
  const before = process.cpuUsage();
  const began = performance.now();
  await sleep(200);
  const { user, system } = process.cpuUsage(before);
  least = Math.min(least, (user + system) / (performance.now() - began));
}
console.log(JSON.stringify({ idleMs: least }));
await db.close();
