import { connect } from 'aiosqlite';
import knex from 'knex';
import SqliteClient from 'knex/lib/dialects/sqlite3/index.js';

/** Knex's own SQLite dialect, with this package as its driver. */
class AiosqliteClient extends SqliteClient {
  _driver() {
    return {};
  }
  acquireRawConnection() {
    return connect(this.connectionSettings.filename);
  }
  destroyRawConnection(connection) {
    return connection.close();
  }
  async _query(connection, query) {
    const { rows, changes, lastInsertRowid } = await connection.query(query.sql, query.bindings ?? []);
    return Object.assign(query, { response: rows, context: { changes, lastID: lastInsertRowid } });
  }
}

const filename = process.argv[2] ?? 'knex.db';
const db = knex({ client: AiosqliteClient, connection: { filename }, useNullAsDefault: true });
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
