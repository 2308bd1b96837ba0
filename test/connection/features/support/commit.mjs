// Another process that writes: commit.mjs FILE SCRIPT.
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , file = '', script = ''] = process.argv;
const db = await connect(file);
await db.exec(script);
await db.close();
