import { createPool, migrate } from 'aiosqlite';
import { drizzle } from 'aiosqlite/drizzle';
import { count } from 'drizzle-orm';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { reset, seed } from 'drizzle-seed';

const author = sqliteTable('author', { id: integer().primaryKey(), name: text().notNull() });
const book = sqliteTable('book', {
  id: integer().primaryKey(),
  title: text().notNull(),
  authorId: integer()
    .notNull()
    .references(() => author.id),
});

const pool = createPool(process.argv[2] ?? 'books.db');
await migrate(pool, [
  `CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
   CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT NOT NULL, authorId INTEGER NOT NULL REFERENCES author (id));`,
]);

// reset() sets PRAGMA foreign_keys, which belongs to one connection: give it one.
await pool.withConnection(async (connection) => {
  const db = drizzle(connection);
  await reset(db, { author, book });
  await seed(db, { author, book }, { count: 100, seed: 1 });
});

const db = drizzle(pool);
console.log(await db.select({ books: count() }).from(book));
console.log(await pool.all('PRAGMA foreign_key_check'));
await pool.close();
