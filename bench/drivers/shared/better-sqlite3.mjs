import { pragmaScript } from './package.mjs';
import { preparedBy } from './prepared.mjs';

/** better-sqlite3, of any version: synchronous, on the JavaScript thread. */
export function openBetterSqlite3(Database, file, { synchronous }) {
  const db = new Database(file);
  db.exec(pragmaScript(synchronous));
  const prepared = preparedBy((sql) => db.prepare(sql));
  const transaction = db.transaction((queries) =>
    queries.map(({ sql, params = [] }) => {
      const statement = prepared(sql);
      return statement.reader ? statement.all(params) : statement.run(params);
    }),
  );
  const many = db.transaction((statement, rows) => {
    for (const row of rows) statement.run(row);
  });
  return {
    exec: (script) => db.exec(script),
    run: (sql, params = []) => prepared(sql).run(params),
    get: (sql, params = []) => prepared(sql).get(params),
    all: (sql, params = []) => prepared(sql).all(params),
    iterate: (sql, params = []) => prepared(sql).iterate(params),
    many: (sql, rows) => many.immediate(prepared(sql), rows),
    transaction: (queries) => transaction.immediate(queries),
    close: () => db.close(),
  };
}
