import sqlite3 from 'aiosqlite/sqlite3';
import knex from 'knex';
import SqliteClient from 'knex/lib/dialects/sqlite3/index.js';

/** Knex's own SQLite dialect, with this package as its driver. */
class AiosqliteClient extends SqliteClient {
  _driver() {
    return sqlite3;
  }
}

const filename = process.argv[2] ?? 'knex.db';
const client = /** @type {any} */ (AiosqliteClient);
const db = knex({ client, connection: { filename }, useNullAsDefault: true });
await db.schema.createTable('book', (table) => {
  table.increments('id');
  table.string('title');
});
console.log(await db('book').insert({ title: 'Sketch of the Engine' }));
console.log(await db('book').insert({ title: 'Notes' }).returning('id'));
console.log(await db('book').where({ id: 2 }).update({ title: 'More notes' }));

const undone = db.transaction(async (tx) => {
  await tx('book').insert({ title: 'Not written' });
  throw new Error('undo');
});
await undone.catch((error) => console.log(error.message));

await db.schema.alterTable('book', (table) => table.string('isbn'));
console.log(await db('book').select('title'), Object.keys(await db('book').columnInfo()));
await db.destroy();
