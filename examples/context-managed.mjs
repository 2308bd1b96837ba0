// Connections, leases and pools that close themselves. `node examples/context-managed.mjs [FILE]`
//
// In TypeScript (5.2 or newer) and in Node 24 or newer you would write
//
//   await using db = await connect(file);
//
// and it closes at the end of the block, however the block ends. This program does the same by hand, because
// the oldest Node that aiosqlite runs on lacks the syntax. Symbol.asyncDispose is there on all of them.
import { connect, createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

/**
 * Does the work of `await using`, as a function.
 *
 * @template {AsyncDisposable} R
 * @template T
 * @param {Promise<R> | R} opening
 * @param {(resource: R) => Promise<T>} block
 */
async function using(opening, block) {
  const resource = await opening;
  try {
    return await block(resource);
  } finally {
    await resource[Symbol.asyncDispose]();
  }
}

const { file, cleanUp } = scratchFile();

const forgotten = await using(connect(file), async (db) => {
  await db.exec('CREATE TABLE IF NOT EXISTS t (x)');
  return db;
});
console.log('after the block:', await forgotten.run('INSERT INTO t VALUES (1)').catch((error) => error.code));

await using(createPool({ database: file }), async (pool) => {
  // A lease goes back to the pool. Work that it leaves open is undone: here a transaction that was never committed.
  await using(pool.acquire(), async (lease) => {
    await lease.exec('BEGIN; INSERT INTO t VALUES (2)');
  });
  console.log('rows after the lease:', await pool.get('SELECT count(*) AS n FROM t'));

  // withConnection() is the same in one call, and works everywhere.
  await pool.withConnection(async (connection) => {
    await connection.exec('BEGIN; INSERT INTO t VALUES (3); COMMIT');
  });
  console.log('rows after withConnection():', await pool.get('SELECT count(*) AS n FROM t'));
});

// An exception leaves the block too, and closes on its way out.
await using(connect(file), async () => Promise.reject(new Error('something else went wrong'))).catch((error) =>
  console.log('closed, then told:', error.message),
);
cleanUp();
