// Counts what functions hold, as long as it is not collected. Wants --expose-gc.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'aiosqlite';

const alive = new Set();
const collected = new FinalizationRegistry((name) => alive.delete(name));
function held(name) {
  const object = { name };
  alive.add(name);
  collected.register(object, name);
  return object;
}
/** @param {string} prefix */
async function count(prefix) {
  for (let i = 0; i < 20; i++) {
    global.gc?.();
    await sleep(5);
  }
  return [...alive].filter((name) => name.startsWith(prefix)).length;
}

const db = await connect(':memory:');
const define = async (name) => {
  const object = held(name);
  await db.createFunction('f', () => object.name);
};
await define('function 1');
await db.get('SELECT f()');
const before = await count('function 1');
await define('function 2');
const replaced = await count('function 1');

// Exceptions: told to somebody, told to nobody, thrown again while what failed is cleaned up.
await db.createAggregate('bad', {
  start: () => 0,
  step() {
    throw held(`thrown ${alive.size}`);
  },
  result() {
    throw held(`thrown ${alive.size}`);
  },
});
for (let i = 0; i < 50; i++) await db.get('SELECT bad()').catch(() => {});
await db.createCollation('c', () => {
  throw held(`thrown ${alive.size}`);
});
const sort = "SELECT column1 FROM (VALUES ('a'), ('b'), ('c')) ORDER BY 1 COLLATE c";
for (let i = 0; i < 50; i++) await db.all(sort).catch(() => {});
const thrown = await count('thrown');
await db.close();
const closed = await count('function');
console.log(JSON.stringify({ before, replaced, closed, thrown }));
