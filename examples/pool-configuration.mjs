// One writer and several readers over one file. `node examples/pool-configuration.mjs [FILE]`
import { createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const pool = createPool({
  database: file,
  poolSize: 3, // one writer and two readers
  acquireTimeoutMs: 2_000, // longest wait for a connection, then ERR_POOL_TIMEOUT (default: 30 s)
  idleTimeoutMs: 60_000, // readers without work are closed (default: 1 h)
  operationTimeoutMs: 10_000, // deadline of every call that has none of its own (default: none)
  busyTimeoutMs: 2_000, // longest wait for a lock of another process (default: 5 s)
  // Runs once on each new connection, before anybody else gets it. Readers are read-only here already.
  onConnect: async (connection) => {
    await connection.get('PRAGMA cache_size = -16000');
  },
});

try {
  // Nothing is open yet: the first call opens the writer, the first read a reader.
  console.log('connections at first:', pool.stats().size);
  await pool.exec('CREATE TABLE IF NOT EXISTS hit (at REAL, path TEXT)');

  const count = 'SELECT count(*) AS hits FROM hit';
  // The pool's own verbs choose: what only reads goes to a reader, the rest to the writer. A read that starts after a
  // write has resolved sees it.
  const { commits } = pool.stats();
  await Promise.all(
    Array.from({ length: 100 }, (_, i) => pool.run(`INSERT INTO hit VALUES (julianday(), ?)`, [`/${i}`])),
  );
  console.log('after 100 writes at once:', await pool.get(count));
  console.log('commits that they took:', pool.stats().commits - commits); // writes that wait together share one

  // read() gives one snapshot: both counts are of the same moment, whatever is written meanwhile.
  const [counts] = await Promise.all([
    pool.read(async (tx) => [await tx.get(count), await tx.get(count)]),
    pool.run(`INSERT INTO hit VALUES (julianday(), '/meanwhile')`),
  ]);
  console.log('counted twice in one snapshot:', counts);

  // A lease is one connection for as long as you need it. While the writer is away, other writes wait for it: at most
  // acquireTimeoutMs. Inside withConnection() a write on the pool would wait for itself, so it is refused at once.
  const lease = await pool.acquire();
  console.log('while the writer is leased:', await pool.run('DELETE FROM hit').catch((error) => error.code));
  lease.release();
  await pool.withConnection(async () => {
    console.log('inside withConnection():', await pool.run('DELETE FROM hit').catch((error) => error.code));
  });
  console.log('stats:', pool.stats());
} finally {
  await pool.close();
  cleanUp();
}
