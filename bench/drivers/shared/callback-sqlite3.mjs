import { pragmaScript } from './package.mjs';
import { preparedBy } from './prepared.mjs';

/** node-sqlite3 and its forks: callbacks made into promises, statements prepared once. */
export async function openCallbackSql(sqlite3, file, { synchronous }) {
  const promise = (call) =>
    new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));
  let db;
  await promise((done) => {
    db = new sqlite3.Database(file, done);
  });
  await promise((done) => db.exec(pragmaScript(synchronous), done));
  const statements = new Map();
  const prepared = preparedBy((sql) => db.prepare(sql), statements);
  const run = (sql, params = []) =>
    new Promise((resolve, reject) => {
      prepared(sql).run(params, function done(error) {
        if (error) reject(error);
        else resolve({ changes: this.changes, lastInsertRowid: this.lastID });
      });
    });
  const get = (sql, params = []) => promise((done) => prepared(sql).get(params, done));
  const all = (sql, params = []) => promise((done) => prepared(sql).all(params, done));

  // One connection, so transactions take turns.
  let turn = Promise.resolve();
  const inTransaction = (work) => {
    const result = turn.then(async () => {
      await run('BEGIN IMMEDIATE');
      try {
        const value = await work();
        await run('COMMIT');
        return value;
      } catch (error) {
        await run('ROLLBACK');
        throw error;
      }
    });
    turn = result.catch(() => {});
    return result;
  };
  return {
    exec: (script) => promise((done) => db.exec(script, done)),
    run,
    get,
    all,
    many: (sql, rows) => inTransaction(() => Promise.all(rows.map((row) => run(sql, row)))),
    transaction: (queries) =>
      inTransaction(async () => {
        const results = [];
        for (const { sql, params } of queries) results.push(await all(sql, params));
        return results;
      }),
    close: async () => {
      for (const statement of statements.values()) await promise((done) => statement.finalize(done));
      await promise((done) => db.close(done));
    },
  };
}
