// Appends beside other processes that do the same: append.mjs NAME SCHEMA ADDRESS COUNT. Makes the tables, so that all race.
// Prints the codes of what was refused.
import process from 'node:process';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import pg from 'pg';

const [, , name = '', schema = '', address = '', count] = process.argv;
const pool = new pg.Pool({ ...JSON.parse(address), max: 4 });
const store = new PostgresSessionStore(pool, { schema });
/** @type {string[]} */
const refused = [];
/** @param {Promise<unknown>} call */
const note = (call) => call.catch((error) => void refused.push(error.code ?? error.message));

console.log('ready');
await new Promise((resolve) => process.stdin.once('data', resolve));
process.stdin.destroy();
await note(store.createTables());
const keys = Array.from({ length: 4 }, (_, i) => ({ appName: 'app', userId: 'ada', sessionId: `s${i}` }));
await Promise.all(keys.map((key) => note(store.createSession({ ...key, ifExists: 'return' }))));
await Promise.all(
  Array.from({ length: 4 }, async (_, writer) => {
    const author = `${name}${writer}`;
    for (let n = 0; n < Number(count); n++) {
      const key = keys[(n + writer) % keys.length];
      const event = { ...key, id: `${author}-${n}`, author, invocationId: 'i', timestamp: Date.now(), actions: {} };
      const shared = n % 4 === 0 ? { app: { [author]: n }, user: { [author]: n } } : {};
      await note(store.appendEvent(/** @type {any} */ (event), { session: { [author]: n }, ...shared }));
    }
  }),
);
await pool.end();
console.log(JSON.stringify(refused));
