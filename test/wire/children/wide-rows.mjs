// Reads rows of ever-new columns: wide-rows.mjs QUERIES COLUMNS. Prints the heap, in bytes, before the first query, after
// the last one and after close(). Wants --expose-gc, unless the heap alone is to show it.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [queries = 0, columns = 0] = process.argv.slice(2).map(Number);
const heap = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};
/** @param {number} query */
const sqlOf = (query) => {
  const list = Array.from({ length: columns }, (_, i) => `${i} AS "c${query}_${i}"`);
  // More than the 2 KB that cross as JSON.
  const rows = Array.from({ length: Math.ceil(8_000 / columns) }, (_, i) => `(${i})`);
  return `SELECT ${list} FROM (VALUES ${rows})`;
};

const db = await connect(':memory:');
await db.all(sqlOf(-1));
const before = heap();
for (let query = 0; query < queries; query++) {
  const rows = await db.all(sqlOf(query));
  const last = `c${query}_${columns - 1}`;
  if (rows.at(-1)?.[last] !== columns - 1) throw new Error(`query ${query} has other rows`);
}
const open = heap();
await db.close();
console.log(JSON.stringify({ before, open, closed: heap() }));
