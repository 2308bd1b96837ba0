/** The code under test: it takes any executor, so a pool in the service and a connection in memory in its tests. */
export class Cats {
  /** @param {import('aiosqlite').Executor} db */
  constructor(db) {
    this.db = db;
  }

  async add(name) {
    return (await this.db.run('INSERT INTO cat (name) VALUES (?)', [name])).lastInsertRowid;
  }

  async rename(id, name) {
    const { changes } = await this.db.run('UPDATE cat SET name = ? WHERE id = ?', [name, id]);
    if (changes === 0) throw new Error(`no cat ${id}`);
  }

  names() {
    return this.db.all('SELECT name FROM cat ORDER BY name');
  }
}

export const SCHEMA = 'CREATE TABLE cat (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)';
