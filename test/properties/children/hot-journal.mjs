// Leaves a rollback journal behind that must be played back: hot-journal.mjs FILE. It is killed in the middle of a write.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , file = ''] = process.argv;
const db = await connect(file, { pragmas: { cache_size: 2 } });
await db.exec("BEGIN; UPDATE adk_events SET author = 'somebody else entirely, so that pages move'");
console.log('written');
setInterval(() => {}, 1_000);
