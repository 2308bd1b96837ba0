import { importOurs, PRAGMAS } from './shared/package.mjs';

export async function openSql(file, { synchronous }) {
  const { connect } = await importOurs('index');
  const db = await connect(file, { journalMode: 'wal', synchronous, pragmas: PRAGMAS });
  return sqlOf(db);
}

/** The session service, as an application uses it. */
export async function openSessions(file, { synchronous, ...more }) {
  const { SqliteSessionService } = await importOurs('adk/index');
  return new SqliteSessionService({ database: file, synchronous, pragmas: PRAGMAS, ...more });
}

export function sqlOf(db) {
  return {
    exec: (script) => db.exec(script),
    run: (sql, params) => db.run(sql, params),
    get: (sql, params) => db.get(sql, params),
    all: (sql, params) => db.all(sql, params),
    iterate: (sql, params) => db.iterate(sql, params),
    many: (sql, rows) => db.executeMany(sql, rows),
    transaction: async (queries) => (await db.batch(queries)).map(({ rows }) => rows),
    close: () => db.close(),
  };
}
