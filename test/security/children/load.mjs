// Loads the package with another working folder: load.mjs FOLDER. Prints which addons were loaded.
import process from 'node:process';

process.chdir(/** @type {string} */ (process.argv[2]));
const { connect } = await import('aiosqlite');
const db = await connect(':memory:');
const row = await db.get('SELECT 1 AS one');
await db.close();
const { sharedObjects } = /** @type {{ sharedObjects: string[] }} */ (
  /** @type {unknown} */ (process.report.getReport())
);
const addons = sharedObjects.filter((file) => file.endsWith('.node'));
console.log(JSON.stringify({ ...row, addons }));
