/** Migrates the file that it is given, and prints how many steps this process has run. */
import process from 'node:process';
import { createPool, migrate } from 'aiosqlite';

const pool = createPool(/** @type {string} */ (process.argv[2]));
let ran = 0;
const step = (/** @type {number} */ number) => async (/** @type {import('aiosqlite').Transaction} */ tx) => {
  ran++;
  await tx.run('INSERT INTO step (number) VALUES (?)', [number]);
};
await migrate(pool, ['CREATE TABLE step (number INTEGER)', ...Array.from({ length: 20 }, (_, i) => step(i + 2))]);
await pool.close();
console.log(ran);
