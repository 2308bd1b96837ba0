/**
 * Sessions in PostgreSQL, with the pool of `pg` that your program has. Set DATABASE_URL to a database in which you may make a
 * schema: DATABASE_URL=postgres://localhost/postgres node examples/postgres.mjs
 */
import { createEvent, LogLevel, setLogLevel } from '@google/adk';
import { PostgresSessionService } from 'aiosqlite/adk';
import pg from 'pg';

setLogLevel(LogLevel.ERROR);

if (process.env.DATABASE_URL === undefined) {
  console.log('Set DATABASE_URL to try it: postgres://user:password@host/database');
  process.exit(0);
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', () => {}); // an idle connection that the server ended: the next call opens another one
const sessionService = new PostgresSessionService(pool, { schema: 'aiosqlite_example' });

// The same calls as with SqliteSessionService. 64 appends at once share a few statements, and their commits.
const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };
const session = await sessionService.getOrCreateSession(key);
const others = await Promise.all(
  Array.from({ length: 63 }, (_, i) => sessionService.createSession({ ...key, sessionId: `other-${i}` })),
);
const event = (text) =>
  createEvent({ author: 'user', invocationId: 'i1', content: { role: 'user', parts: [{ text }] } });
await Promise.all(
  [session, ...others].map((each) => sessionService.appendEvent({ session: each, event: event('hi') })),
);
console.log('events:', (await sessionService.getSession(key))?.events.length);

// A transaction of yours: the session and your own tables commit together, or not at all.
const client = await pool.connect();
try {
  await client.query('BEGIN');
  await sessionService.store.with(client).updateUserState('shop', 'ada', { orders: 1 });
  await client.query('ROLLBACK');
} finally {
  client.release();
}
console.log('state after ROLLBACK:', await sessionService.getUserState({ appName: 'shop', userId: 'ada' }));

await sessionService.store.dropTables();
await pool.query('DROP SCHEMA aiosqlite_example');
await sessionService.close(); // finishes all calls; the pool is yours
await pool.end();
