import wasm from 'node-sqlite3-wasm';
import { preparedBy } from './shared/prepared.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

/** WebAssembly over Node's own file system calls. It has no shared memory, so no WAL: a rollback journal. */
export function openSql(file, { synchronous }) {
  const db = new wasm.Database(file);
  db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA foreign_keys = 1; PRAGMA cache_size = -16000;`);
  const statements = new Map();
  const prepared = preparedBy((sql) => db.prepare(sql), statements);
  const inTransaction = (work) => {
    db.exec('BEGIN IMMEDIATE');
    try {
      const value = work();
      db.exec('COMMIT');
      return value;
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
  };
  return {
    exec: (script) => db.exec(script),
    run: (sql, params = []) => prepared(sql).run(params),
    get: (sql, params = []) => prepared(sql).get(params),
    all: (sql, params = []) => prepared(sql).all(params),
    many: (sql, rows) =>
      inTransaction(() => {
        const statement = prepared(sql);
        for (const row of rows) statement.run(row);
      }),
    transaction: (queries) => inTransaction(() => queries.map(({ sql, params = [] }) => prepared(sql).all(params))),
    close: () => {
      for (const statement of statements.values()) statement.finalize();
      db.close();
    },
  };
}

export function openSessions(file, options) {
  return new SqlSessionService(openSql(file, options));
}
