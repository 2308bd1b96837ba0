// A copy of a database while other calls write to it. `node examples/backup.mjs [FILE]`
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-backup-'));
const pool = createPool(file);
await pool.exec('CREATE TABLE IF NOT EXISTS entry (text TEXT); DELETE FROM entry');
await pool.executeMany(
  'INSERT INTO entry VALUES (?)',
  Array.from({ length: 20_000 }, (_, i) => [`entry ${i}`]),
);

let writing = true;
let written = 0;
const writer = (async () => {
  while (writing) {
    await pool.run("INSERT INTO entry VALUES ('meanwhile')");
    written += 1;
  }
})();

const copy = join(folder, 'copy.db');
let steps = 0;
await pool.backup(copy, {
  pagesPerStep: 20, // other calls run between two steps
  onProgress: ({ remainingPages, totalPages }) => {
    steps += 1;
    if (remainingPages === 0) console.log('all pages copied:', totalPages > 0);
  },
});
writing = false;
await writer;
console.log('several steps:', steps > 1, '- writes meanwhile:', written > 0);

// A backup that was never opened is no backup.
const db = await connect(copy, { readonly: true });
console.log('copy:', (await db.integrityCheck()).ok ? 'sound' : 'damaged');
console.log(await db.get("SELECT count(*) AS entries FROM entry WHERE text LIKE 'entry %'"));
await db.close();
await pool.close();
rmSync(folder, { recursive: true });
cleanUp();
