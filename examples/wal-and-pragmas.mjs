// Durability and speed: journal mode, synchronous, other PRAGMAs. `node examples/wal-and-pragmas.mjs [FILE]`
import { existsSync, statSync } from 'node:fs';
import { connect, createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
try {
  // connect() leaves the journal mode as the file has it: 'delete' in a new one. It is a property of the file.
  const plain = await connect(file);
  console.log('new file:', await plain.get('PRAGMA journal_mode'));
  await plain.close();

  // A pool asks for WAL, so that reading and writing don't block each other.
  const pool = createPool({
    database: file,
    // 'full' (default): what has resolved survives power loss. 'normal': after power loss the last commits can be
    // missing; a crash of the process alone loses nothing, and the file stays sound either way.
    synchronous: 'normal',
    pragmas: {
      cache_size: -65_536, // 64 MiB of pages per connection (negative: KiB)
      mmap_size: 268_435_456, // read the file through memory, up to 256 MiB of it
      temp_store: 'memory',
    },
  });
  const ask = async (/** @type {string} */ name) => Object.values((await pool.get(`PRAGMA ${name}`)) ?? {})[0];
  for (const name of ['journal_mode', 'synchronous', 'cache_size', 'temp_store', 'foreign_keys', 'query_only']) {
    console.log(name.padEnd(12), await ask(name)); // answered by a reader: query_only is 1
  }

  // Commits go to the WAL and are moved into the file from time to time: after 1,000 pages, unless wal_autocheckpoint
  // says otherwise. checkpoint() does it now.
  await pool.exec('CREATE TABLE IF NOT EXISTS t (x)');
  await pool.executeMany(
    'INSERT INTO t VALUES (?)',
    Array.from({ length: 5_000 }, (_, i) => [`row ${i}`]),
  );
  console.log('pages in the WAL:', pool.stats().walPages);
  await pool.checkpoint();
  console.log('after checkpoint():', pool.stats().walPages, 'pages,', statSync(`${file}-wal`).size, 'bytes');

  // A PRAGMA that sets is refused on the pool: it would hold for one of its connections, whichever that was.
  console.log('refused:', await pool.run('PRAGMA cache_size = 10').catch((error) => error.code));
  await pool.close();
  console.log('WAL file after close():', existsSync(`${file}-wal`) ? 'there' : 'gone'); // the last one to close removes it
} finally {
  cleanUp();
}
