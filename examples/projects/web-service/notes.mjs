/** Queries of the service on its tables. It takes any executor of aiosqlite: a pool, a connection, a transaction. */
export class Notes {
  /** @param {import('aiosqlite').Executor} db */
  constructor(db) {
    this.db = db;
  }

  async createTables() {
    await this.db.exec(`
      CREATE TABLE IF NOT EXISTS note (
        id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, text TEXT NOT NULL, changed REAL NOT NULL DEFAULT (julianday())
      );
      CREATE VIRTUAL TABLE IF NOT EXISTS note_text USING fts5 (title, text, content = note, content_rowid = id);
      CREATE TRIGGER IF NOT EXISTS note_added AFTER INSERT ON note BEGIN
        INSERT INTO note_text (rowid, title, text) VALUES (new.id, new.title, new.text);
      END;
      CREATE TRIGGER IF NOT EXISTS note_removed AFTER DELETE ON note BEGIN
        INSERT INTO note_text (note_text, rowid, title, text) VALUES ('delete', old.id, old.title, old.text);
      END;`);
  }

  async add(title, text) {
    const { lastInsertRowid } = await this.db.run('INSERT INTO note (title, text) VALUES (?, ?)', [title, text]);
    return lastInsertRowid;
  }

  get(id) {
    return this.db.get('SELECT id, title, text FROM note WHERE id = ?', [id]);
  }

  /** A page, and the number of all: one snapshot, one hop. */
  async page(limit, after) {
    const [page, count] = await this.db.batch([
      { sql: 'SELECT id, title FROM note WHERE id > ? ORDER BY id LIMIT ?', params: [after, limit] },
      { sql: 'SELECT count(*) AS total FROM note' },
    ]);
    return { notes: page?.rows, total: count?.rows[0]?.total };
  }

  search(words) {
    const sql = `SELECT rowid AS id, title, snippet(note_text, 1, '[', ']', '…', 8) AS found
      FROM note_text WHERE note_text MATCH ? ORDER BY rank LIMIT 20`;
    // In quotes each word is just a word, whatever it contains.
    const match = words
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => `"${word.replaceAll('"', '""')}"`);
    return this.db.all(sql, [match.join(' ')]);
  }

  async remove(id) {
    return (await this.db.run('DELETE FROM note WHERE id = ?', [id])).changes > 0;
  }
}
