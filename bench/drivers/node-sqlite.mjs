import { DatabaseSync } from 'node:sqlite';
import { pragmaScript } from './shared/package.mjs';
import { preparedBy } from './shared/prepared.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

/** Synchronous, on the JavaScript thread. */
export function openSql(file, { synchronous }) {
  const db = new DatabaseSync(file);
  db.exec(pragmaScript(synchronous));
  const prepared = preparedBy((sql) => db.prepare(sql));
  const inTransaction = (work) => {
    prepared('BEGIN IMMEDIATE').run();
    try {
      const value = work();
      prepared('COMMIT').run();
      return value;
    } catch (error) {
      prepared('ROLLBACK').run();
      throw error;
    }
  };
  return {
    exec: (script) => db.exec(script),
    run: (sql, params = []) => prepared(sql).run(...params),
    get: (sql, params = []) => prepared(sql).get(...params),
    all: (sql, params = []) => prepared(sql).all(...params),
    iterate: (sql, params = []) => prepared(sql).iterate(...params),
    many: (sql, rows) =>
      inTransaction(() => {
        const statement = prepared(sql);
        for (const row of rows) statement.run(...row);
      }),
    transaction: (queries) => inTransaction(() => queries.map(({ sql, params = [] }) => prepared(sql).all(...params))),
    close: () => db.close(),
  };
}

export function openSessions(file, options) {
  return new SqlSessionService(openSql(file, options));
}
