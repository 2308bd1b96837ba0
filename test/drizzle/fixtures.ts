import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Connection, Pool } from 'aiosqlite';
import { relations } from 'drizzle-orm';
import { blob, integer, numeric, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import type { databases } from '../support/databases.js';

export const users = sqliteTable('users', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  name: text('name').notNull(),
  verified: integer('verified', { mode: 'boolean' }).notNull().default(false),
  invitedBy: integer('invited_by'),
});

export const posts = sqliteTable(
  'posts',
  {
    id: integer('id').primaryKey(),
    title: text('title').notNull(),
    authorId: integer('author_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
  },
  (table) => [uniqueIndex('posts_title').on(table.title)],
);

export const things = sqliteTable('things', {
  id: integer('id').primaryKey(),
  at: integer('at', { mode: 'timestamp' }),
  atMs: integer('at_ms', { mode: 'timestamp_ms' }),
  json: text('json', { mode: 'json' }).$type<{ a: number[] }>(),
  kind: text('kind', { enum: ['small', 'large'] }),
  bytes: blob('bytes', { mode: 'buffer' }),
  big: blob('big', { mode: 'bigint' }),
  blobJson: blob('blob_json', { mode: 'json' }).$type<string[]>(),
  ratio: real('ratio'),
  price: numeric('price'),
  total: numeric('total', { mode: 'bigint' }),
  created: text('created').$defaultFn(() => 'now'),
  updated: integer('updated').$onUpdateFn(() => 7),
});

const usersRelations = relations(users, ({ one, many }) => ({
  posts: many(posts),
  inviter: one(users, { fields: [users.invitedBy], references: [users.id], relationName: 'invites' }),
  invited: many(users, { relationName: 'invites' }),
}));

const postsRelations = relations(posts, ({ one }) => ({
  author: one(users, { fields: [posts.authorId], references: [users.id] }),
}));

export const schema = { users, posts, things, usersRelations, postsRelations };

export const CREATE_TABLES = `
  CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, verified INTEGER NOT NULL DEFAULT 0, invited_by INTEGER
  );
  CREATE TABLE posts (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, author_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
  );
  CREATE UNIQUE INDEX posts_title ON posts (title);
  CREATE TABLE things (
    id INTEGER PRIMARY KEY, at INTEGER, at_ms INTEGER, json TEXT, kind TEXT, bytes BLOB, big BLOB, blob_json BLOB,
    ratio REAL, price NUMERIC, total NUMERIC, created TEXT, updated INTEGER
  );
`;

/** Everything that Drizzle can be put over. */
export const sources = {
  'a pool over a file': (on) => on.pool(),
  'a pool over :memory:': (on) => on.pool({ database: ':memory:' }),
  'a connection to a file': (on) => on.connect(),
  'a connection to :memory:': (on) => on.connect({}, ':memory:'),
} satisfies Record<string, (on: ReturnType<typeof databases>) => Pool | Promise<Connection>>;

export const sourceNames = Object.keys(sources) as (keyof typeof sources)[];

/** A folder as `drizzle-kit generate` leaves it; later calls add to it. */
export function writeMigrations(folder: string, migrations: Record<string, string>): { migrationsFolder: string } {
  const entries = Object.entries(migrations).map(([tag, sql], idx) => {
    const file = join(folder, `${tag}.sql`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, sql);
    return { idx, version: '6', when: 1_700_000_000_000 + idx, tag, breakpoints: true };
  });
  mkdirSync(join(folder, 'meta'), { recursive: true });
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ version: '7', dialect: 'sqlite', entries }));
  return { migrationsFolder: folder };
}
