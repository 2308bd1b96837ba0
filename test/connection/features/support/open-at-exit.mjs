// Ends while something is open: open-at-exit.mjs FILE WHAT. The test gives it less time than the iterator's deadline.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , file = '', what] = process.argv;
const db = await connect(file);
switch (what) {
  case 'iterate':
    await db.iterate('SELECT * FROM item', [], { batchSize: 1, timeoutMs: 600_000 }).next();
    break;
  case 'dump':
    await db.dump().next();
    break;
  case 'blob':
    await db.openBlob({ table: 'item', column: 'name', rowid: 1, writable: true });
    break;
  case 'recorder':
    await db.recordChanges();
    break;
  case 'listener':
    db.onCommit(() => {});
    break;
  default:
    throw new Error(`nothing is called ${what}`);
}
