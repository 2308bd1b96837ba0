/** No adapter blocks the event loop: a call that waits for a lock, on its thread, lets the loop go on to release that lock. */
import { emptyCheckpoint } from '@langchain/langgraph-checkpoint';
import { SqliteSessionStore } from 'aiosqlite/claude-agent';
import { drizzle } from 'aiosqlite/drizzle';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { SqliteSaver, SqliteStore } from 'aiosqlite/langgraph';
import { SqliteSession } from 'aiosqlite/openai-agents';
import { PrismaAiosqlite } from 'aiosqlite/prisma';
import sqlite3 from 'aiosqlite/sqlite3';
import { sql as drizzleSql } from 'drizzle-orm';
import { Kysely, sql } from 'kysely';
import { expect, test } from 'vitest';
import { databases } from './support/databases.js';

const on = databases();
const INSERT = "INSERT INTO t VALUES ('new')";

/** An adapter on a file. */
interface Opened {
  write: () => Promise<unknown>;
  close: () => unknown;
}

const adapters: Record<string, (file: string) => Opened | Promise<Opened>> = {
  'aiosqlite/langgraph, saver': (file) => {
    const saver = new SqliteSaver(file);
    const config = { configurable: { thread_id: 't' } };
    const metadata = { source: 'loop', step: 0, parents: {} } as const;
    return { write: () => saver.put(config, emptyCheckpoint(), metadata, {}), close: () => saver.close() };
  },
  'aiosqlite/langgraph, store': (file) => {
    const store = new SqliteStore(file);
    return { write: () => store.put(['a'], 'k', { v: 1 }), close: () => store.stop() };
  },
  'aiosqlite/openai-agents': (file) => {
    const session = new SqliteSession(file, { sessionId: 's' });
    const write = () => session.addItems([{ type: 'message', role: 'user', content: 'hi' }]);
    return { write, close: () => session.close() };
  },
  'aiosqlite/claude-agent': (file) => {
    const store = new SqliteSessionStore(file);
    const key = { projectKey: 'p', sessionId: 's' };
    return { write: () => store.append(key, [{ type: 'user' }]), close: () => store.close() };
  },
  'aiosqlite/prisma': async (file) => {
    const db = await new PrismaAiosqlite(`file:${file}`).connect();
    return { write: () => db.executeRaw({ sql: INSERT, args: [], argTypes: [] }), close: () => db.dispose() };
  },
  'aiosqlite/sqlite3': (file) => {
    const db = new sqlite3.Database(file);
    db.configure('busyTimeout', 60_000);
    const write = () =>
      new Promise<void>((resolve, reject) => {
        db.run(INSERT, (error) => (error ? reject(error) : resolve()));
      });
    return { write, close: () => new Promise((resolve) => db.close(resolve)) };
  },
  'aiosqlite/kysely': (file) => {
    const db = new Kysely<object>({ dialect: new AiosqliteDialect(file) });
    return { write: () => sql.raw(INSERT).execute(db), close: () => db.destroy() };
  },
  'aiosqlite/drizzle': (file) => {
    const db = drizzle(file);
    return { write: async () => db.run(drizzleSql.raw(INSERT)), close: () => db.$client.close() };
  },
};

test.each(Object.entries(adapters))('a write of %s waits for a lock beside the event loop', async (_, open) => {
  const holder = await on.connect();
  await holder.exec('CREATE TABLE t (x)');
  const { write, close } = await open(on.file());
  await write(); // creates the tables of the adapter
  await holder.exec('BEGIN IMMEDIATE');
  let isSettled = false;
  const writing = write().finally(() => {
    isSettled = true;
  });
  for (let turn = 0; turn < 100; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  expect(isSettled).toBe(false);
  await holder.exec('COMMIT');
  await writing;
  await close();
});
