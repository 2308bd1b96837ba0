// A database in a file: open it, make a table, write, read, close. `node examples/quick-start.mjs [FILE]`
import { connect } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();

// One connection has one thread of its own: nothing below ever blocks the event loop.
const db = await connect(file);
try {
  // exec() runs a script of any number of statements.
  await db.exec(`CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL)`);

  // run() is for writing. Values never go into the SQL text: an array binds by position, an object by name.
  const { lastInsertRowid } = await db.run('INSERT INTO note (author, text) VALUES (?, ?)', ['ada', 'Bring umbrella']);
  await db.run('INSERT INTO note (author, text) VALUES (:author, :text)', { author: 'grace', text: 'Buy moths' });
  console.log('inserted note', lastInsertRowid);

  // get() gives the first row or undefined, all() gives all rows.
  console.log('first note:', await db.get('SELECT author, text FROM note ORDER BY id'));
  const notes = await db.all('SELECT author, text FROM note WHERE author <> ? ORDER BY id', ['ada']);
  console.log('notes of others:', notes);

  // transaction() commits when its function resolves and rolls back when it rejects.
  await db
    .transaction(async (tx) => {
      await tx.run('DELETE FROM note');
      throw new Error('changed my mind');
    })
    .catch((error) => console.log('rolled back:', error.message));

  // Every failure has a code.
  await db.run('INSERT INTO note (author) VALUES (?)', ['ada']).catch((error) => console.log('refused:', error.code));

  // query() tells everything about one statement: rows, columns, changes.
  const { rows, changes } = await db.query('UPDATE note SET text = upper(text) RETURNING text');
  console.log(changes, 'notes changed:', rows.map(({ text }) => text).join(', '));
} finally {
  await db.close(); // after what is still queued
  cleanUp();
}
