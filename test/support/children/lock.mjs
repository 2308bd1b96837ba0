// Holds a lock on a database: lock.mjs FILE MODE. Ends when its input ends.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , database = '', mode] = process.argv;
const db = await connect(database);
await db.exec(`BEGIN ${mode}`);
console.log('locked');
await new Promise((resolve) => process.stdin.on('end', resolve).resume());
await db.exec('COMMIT');
await db.close();
process.stdin.destroy();
