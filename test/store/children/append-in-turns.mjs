// Appends events to a session, one after the other, until its input ends.
import { createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

const [, , database = '', key = ''] = process.argv;
const pool = createPool({ database, synchronous: 'off' });
const store = new SessionStore(pool);
let goesOn = true;
process.stdin.on('end', () => {
  goesOn = false;
});
process.stdin.resume();
for (let at = 0; goesOn; at += 1) {
  const event = { id: `x${at}`, ...JSON.parse(key), invocationId: 'i', author: 'other', actions: {}, timestamp: at };
  await store.appendEvent(event);
  if (at === 0) console.log('begun');
  await new Promise((resolve) => setTimeout(resolve, 2));
}
await pool.close();
