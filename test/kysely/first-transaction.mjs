/** The first transaction of a process, with callers beside it. Prints the number of rows. */
import { connect } from 'aiosqlite';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { Kysely, sql } from 'kysely';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const insert = (db, x) => db.insertInto('t').values({ x }).execute();

const source = await connect(':memory:');
const db = new Kysely({ dialect: new AiosqliteDialect(source) });
await sql`CREATE TABLE t (x)`.execute(db);
const first = db.transaction().execute(async (trx) => {
  await sleep(30);
  await insert(trx, 1);
});
await sleep(10);
await Promise.all([first, insert(db, 2), source.run('INSERT INTO t VALUES (3)')]);
console.log((await db.selectFrom('t').selectAll().execute()).length);
await db.destroy();
await source.close();
