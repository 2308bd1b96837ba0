import { fileURLToPath } from 'node:url';
import sqlite3 from 'aiosqlite/sqlite3';
import knex from 'knex';
import SqliteClient from 'knex/lib/dialects/sqlite3/index.js';

const PRAGMAS = ['PRAGMA journal_mode = wal', 'PRAGMA foreign_keys = on', 'PRAGMA busy_timeout = 5000'];

/** Knex's own SQLite dialect, with this package as its driver. */
class AiosqliteClient extends SqliteClient {
  _driver() {
    return sqlite3;
  }
}

/** @returns {import('knex').Knex} */
export function open(filename = process.env.DATABASE ?? 'shop.db') {
  return knex({
    client: /** @type {any} */ (AiosqliteClient),
    connection: { filename },
    useNullAsDefault: true,
    migrations: { directory: fileURLToPath(new URL('migrations', import.meta.url)), loadExtensions: ['.mjs'] },
    pool: {
      afterCreate(/** @type {any} */ connection, /** @type {any} */ done) {
        connection.exec(PRAGMAS.join(';'), (/** @type {unknown} */ error) => done(error, connection));
      },
    },
  });
}
