// Drops a blob handle and a recorder without closing them: forget-handles.mjs FILE. Wants --expose-gc.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'aiosqlite';

const [, , file = ''] = process.argv;
const warnings = new Set();
process.on('warning', ({ name, message }) => warnings.add(`${name}: ${message}`));
const db = await connect(file);
await db.exec("CREATE TABLE item (id INTEGER PRIMARY KEY, x); INSERT INTO item VALUES (1, x'01')");
const at = { table: 'item', column: 'x', rowid: 1 };

async function forget() {
  const blob = await db.openBlob(at);
  await blob.read(0, 1);
  const recorder = await db.recordChanges();
  await recorder.changeset();
}
async function collect(until) {
  for (let i = 0; i < 4_000 && !until(); i++) {
    global.gc?.();
    await sleep(5);
  }
}
await forget();
await collect(() => warnings.size === 2);
console.log([...warnings].sort().join('\n'));
await db.exec('DROP TABLE item');
console.log('dropped');

// What was closed with its connection is no cause for a warning.
warnings.clear();
await db.exec("CREATE TABLE item (id INTEGER PRIMARY KEY, x); INSERT INTO item VALUES (1, x'01')");
await forget();
await db.close();
let rounds = 0;
await collect(() => ++rounds > 20);
console.log(`${warnings.size} more`);
