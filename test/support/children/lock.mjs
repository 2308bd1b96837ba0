// Holds a lock on a database: lock.mjs FILE MODE MS. Ends after MS, or when its input ends.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , database = '', mode, ms] = process.argv;
const db = await connect(database);
await db.exec(`BEGIN ${mode}`);
console.log('locked');
await new Promise((/** @type {(value: void) => void} */ resolve) => {
  const timer = setTimeout(resolve, Number(ms));
  process.stdin.on('end', () => {
    clearTimeout(timer);
    resolve();
  });
  process.stdin.resume();
});
await db.exec('COMMIT');
await db.close();
process.stdin.destroy();
