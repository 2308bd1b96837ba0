// Makes the store's tables in a new file, and a session: create.mjs FILE NOTES. Is killed at some moment.
import { openSync, writeSync } from 'node:fs';
import process from 'node:process';
import { createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

const [, , database = '', notes = ''] = process.argv;
const out = openSync(notes, 'a');
const store = new SessionStore(createPool({ database }));
writeSync(out, '+\n');
console.log('begins');
await store.createTables();
writeSync(out, '-\n1\n');
await store.createSession({ appName: 'app', userId: 'ada', sessionId: 's1' });
writeSync(out, '2\n');
setInterval(() => {}, 1_000);
