// Many rows at once. `node examples/bulk-insert.mjs [FILE]`
import { connect } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const db = await connect(file, { journalMode: 'wal' });

async function timed(label, work) {
  const start = performance.now();
  const result = await work();
  console.log(`${label.padEnd(34)} ${(performance.now() - start).toFixed(1).padStart(7)} ms`);
  return result;
}

try {
  await db.exec('CREATE TABLE IF NOT EXISTS point (id INTEGER PRIMARY KEY, x REAL, y REAL, label TEXT)');
  const rows = Array.from({ length: 10_000 }, (_, i) => [Math.cos(i), Math.sin(i), `point ${i}`]);
  const insert = 'INSERT INTO point (x, y, label) VALUES (?, ?, ?)';

  // The slow way, with 200 of them: each row waits for the one before, and each has a commit, so an fsync, of its own.
  await timed('200 rows, each awaited', async () => {
    for (const row of rows.slice(0, 200)) await db.run(insert, row);
  });

  // Calls that are made without waiting for each other share commits, and each still has its own result.
  await timed('200 rows, awaited together', () => Promise.all(rows.slice(0, 200).map((row) => db.run(insert, row))));

  // executeMany(): one call, one transaction, one statement.
  const { changes } = await timed('10,000 rows, executeMany()', () => db.executeMany(insert, rows));
  console.log('inserted:', changes);

  // All or nothing: the last row violates the primary key, so none of them is there afterwards.
  const before = await db.get('SELECT count(*) AS n FROM point');
  const bad = [...rows.slice(0, 999).map((row) => [null, ...row]), [1, 0, 0, 'taken']];
  const refused = await db.executeMany('INSERT INTO point VALUES (?, ?, ?, ?)', bad).catch((error) => error.code);
  const after = await db.get('SELECT count(*) AS n FROM point');
  console.log('refused:', refused, '· rows added:', Number(after?.n) - Number(before?.n));
} finally {
  await db.close();
  cleanUp();
}
