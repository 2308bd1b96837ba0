import Database from 'libsql/promise';
import { pragmaScript } from './shared/package.mjs';
import { preparedBy } from './shared/prepared.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

/** Preparing and stepping to the first row are asynchronous there; `run`, `get` and the rows themselves are not. */
export async function openSql(file, { synchronous }) {
  const db = new Database(file);
  await db.exec(pragmaScript(synchronous));
  const prepared = preparedBy((sql) => db.prepare(sql));
  let turn = Promise.resolve();
  const inTransaction = (work) => {
    const result = turn.then(async () => {
      await db.exec('BEGIN IMMEDIATE');
      try {
        const value = await work();
        await db.exec('COMMIT');
        return value;
      } catch (error) {
        await db.exec('ROLLBACK');
        throw error;
      }
    });
    turn = result.catch(() => {});
    return result;
  };
  // Two calls that read from one statement at once get each other's rows.
  let read = Promise.resolve();
  const all = (sql, params = []) => {
    const rows = read.then(async () => (await prepared(sql)).all(params));
    read = rows.catch(() => {});
    return rows;
  };
  return {
    exec: (script) => db.exec(script),
    run: async (sql, params = []) => (await prepared(sql)).run(params),
    get: async (sql, params = []) => (await prepared(sql)).get(params),
    all,
    many: (sql, rows) =>
      inTransaction(async () => {
        const statement = await prepared(sql);
        for (const row of rows) statement.run(row);
      }),
    transaction: (queries) =>
      inTransaction(async () => {
        const results = [];
        for (const { sql, params } of queries) {
          const statement = await prepared(sql);
          results.push(statement.reader ? await statement.all(params) : statement.run(params));
        }
        return results;
      }),
    close: () => db.close(),
  };
}

export async function openSessions(file, options) {
  return new SqlSessionService(await openSql(file, options));
}
