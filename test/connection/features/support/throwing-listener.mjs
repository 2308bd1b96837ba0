// A listener of commits that throws: who hears of it.
import process from 'node:process';
import { connect } from 'aiosqlite';

process.on('uncaughtException', (error) => console.log('uncaught', error.message));
const db = await connect(':memory:');
await db.exec('CREATE TABLE t (x)');
db.onCommit(() => {
  throw new Error('of the listener');
});
db.onCommit((changes) => console.log('other', changes.length));
await db.run('INSERT INTO t VALUES (1)').then(({ changes }) => console.log('resolved', changes));
await new Promise((resolve) => setTimeout(resolve, 10));
console.log('stored', (await db.get('SELECT count(*) AS n FROM t'))?.n);
await db.close();
