import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import initSqlJs from 'sql.js';
import { preparedBy } from './shared/prepared.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

/** It has the whole file in memory and writes all of it at each commit, without fsync. */
export async function openSql(file) {
  const { Database } = await initSqlJs();
  const db = new Database(existsSync(file) ? readFileSync(file) : undefined);
  db.run('PRAGMA foreign_keys = 1; PRAGMA cache_size = -16000');
  const statements = new Map();
  const prepared = preparedBy((sql) => db.prepare(sql), statements);
  const save = () => {
    statements.clear(); // export() closes and opens again
    writeFileSync(file, db.export());
  };
  const all = (sql, params = []) => {
    const statement = prepared(sql);
    statement.bind(params);
    const rows = [];
    while (statement.step()) rows.push(statement.getAsObject());
    statement.reset();
    return rows;
  };
  const inTransaction = (work) => {
    db.run('BEGIN');
    const value = work();
    db.run('COMMIT');
    save();
    return value;
  };
  return {
    exec: (script) => db.exec(script),
    run: (sql, params) => inTransaction(() => all(sql, params)),
    get: (sql, params) => all(sql, params)[0],
    all,
    many: (sql, rows) =>
      inTransaction(() => {
        const statement = prepared(sql);
        for (const row of rows) statement.run(row);
      }),
    transaction: (queries) => inTransaction(() => queries.map(({ sql, params }) => all(sql, params))),
    close: () => db.close(),
  };
}

export async function openSessions(file, options) {
  return new SqlSessionService(await openSql(file, options));
}
