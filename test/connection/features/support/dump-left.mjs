// Leaves a dump half-way, closes its pool, and must end by itself: dump-left.mjs FILE OPTIONS.
import process from 'node:process';
import { createPool } from 'aiosqlite';

const [, , database = '', options = ''] = process.argv;
const pool = createPool({ database, ...JSON.parse(options) });
await pool.exec('CREATE TABLE t (x)');
await pool.executeMany(
  'INSERT INTO t VALUES (?)',
  Array.from({ length: 3_000 }, (_, i) => [i]),
);
const dump = pool.dump();
for (let i = 0; i < 5; i++) await dump.next();
await pool.close();
await dump.return?.();
