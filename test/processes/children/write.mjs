// Writes so many rows, one after the other: write.mjs NAME FILE COUNT. Prints the codes of what was refused.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , name = '', database = '', count] = process.argv;
console.log('ready');
const db = await connect(database);
/** @type {string[]} */
const refused = [];
for (let n = 0; n < Number(count); n++) {
  await db.run('INSERT INTO t (who, x) VALUES (?, ?)', [name, n]).catch((error) => void refused.push(error.code));
}
await db.close();
console.log(JSON.stringify(refused));
