import { DatabasePool } from '@photostructure/sqlite/experimental';
import { pragmaScript } from './shared/package.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

/** It prepares at each call; there is nothing to keep. */
export async function openSql(file, { synchronous }) {
  const connectionSetup = `${pragmaScript(synchronous)} PRAGMA busy_timeout = 5000;`
    .split(';')
    .map((sql) => ({ sql: sql.trim() }))
    .filter(({ sql }) => sql !== '');
  const pool = await DatabasePool.open(file, { connections: 5, connectionSetup, authorizer: 'none' });
  const immediate = { transaction: 'immediate' };
  return {
    exec: async (script) => {
      for (const sql of script.split(';')) if (sql.trim()) await pool.run(sql);
    },
    run: (sql, params = []) => pool.run(sql, params),
    get: (sql, params = []) => pool.get(sql, params),
    all: (sql, params = []) => pool.all(sql, params),
    many: (sql, rows) =>
      pool.batch(
        rows.map((params) => ({ kind: 'run', sql, params })),
        immediate,
      ),
    transaction: (queries) =>
      pool.batch(
        queries.map((query) => ({ kind: 'all', ...query })),
        immediate,
      ),
    close: () => pool.close(),
  };
}

export async function openSessions(file, options) {
  return new SqlSessionService(await openSql(file, options));
}
