// Begins a transaction, writes more than fits into its cache, and never ends it: hold.mjs FILE. Is killed inside.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , database = ''] = process.argv;
const db = await connect(database, { pragmas: { cache_size: 10 } });
await db.transaction(async (tx) => {
  await tx.run('UPDATE t SET x = zeroblob(2000)');
  await tx.executeMany(
    'INSERT INTO t (who, x) VALUES (?, zeroblob(2000))',
    Array.from({ length: 1_000 }, () => ['dead']),
  );
  console.log('inside');
  await new Promise(() => setInterval(() => {}, 1_000));
});
