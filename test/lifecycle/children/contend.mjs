// Writes on default settings beside another process that does the same: contend.mjs FILE WHO COUNT
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';

const [, , file = '', who = '', count] = process.argv;
const pool = createPool({ database: file });
const db = await connect(file);
await pool.exec('CREATE TABLE IF NOT EXISTS t (who, n, UNIQUE (who, n))');
/** @type {string[]} */
const errors = [];
await Promise.all(
  Array.from({ length: Number(count) }, async (_, n) => {
    // In waves, so that both processes are busy for a while.
    await new Promise((resolve) => setTimeout(resolve, (n % 10) * 20));
    try {
      if (n % 5 === 4) await pool.transaction((tx) => tx.run('INSERT INTO t VALUES (?, ?)', [who, n]));
      else if (n % 5 === 3) await db.run('INSERT INTO t VALUES (?, ?)', [who, n]);
      else await pool.run('INSERT INTO t VALUES (?, ?)', [who, n]);
    } catch (error) {
      errors.push(/** @type {{ code: string }} */ (error).code);
    }
  }),
);
await Promise.all([pool.close(), db.close()]);
console.log(JSON.stringify(errors));
