// Drops an iterator half-way and shows what comes of it: forget-iterator.mjs FILE KIND. Wants --expose-gc.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createPool } from 'aiosqlite';

const [, , file = '', kind] = process.argv;
process.on('warning', (warning) => console.log(`${warning.name}: ${warning.message}`));
const db = kind === 'pool' ? createPool({ database: file, poolSize: 2 }) : await connect(file);

async function forget() {
  const rows = db.iterate('SELECT * FROM item', [], { batchSize: 1 });
  await rows.next();
}
await forget();
const isReleased = async () => {
  const stats = db.stats();
  if ('idle' in stats) return stats.idle === 2;
  return db.exec('DROP TABLE item').then(
    () => true,
    () => false,
  );
};
console.log('held', !(await isReleased()));
let released = false;
for (let i = 0; i < 4_000 && !released; i++) {
  global.gc?.();
  await sleep(5);
  released = await isReleased();
}
console.log('released', released);
await db.close();
