// Is killed in the middle of a backup: killed-backup.mjs FILE DESTINATION.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , file = '', destination = ''] = process.argv;
const db = await connect(file);
let steps = 0;
await db.backup(destination, {
  pagesPerStep: 5,
  onProgress() {
    if (++steps === 5) process.kill(process.pid, 'SIGKILL');
  },
});
