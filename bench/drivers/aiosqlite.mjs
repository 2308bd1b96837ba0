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

/** The memory service, as an application uses it: 10 results and 32 KiB at most, users apart. */
export async function openMemory(file) {
  const { SqliteMemoryService } = await importOurs('adk/index');
  const service = new SqliteMemoryService({ database: file, pragmas: PRAGMAS });
  return {
    async load(entries) {
      const records = entries.map(({ id, userId, text }) => {
        return { id, appName: 'bench', userId, scope: 'user', content: { role: 'user', parts: [{ text }] } };
      });
      await service.store.createTables();
      for (let at = 0; at < records.length; at += 5_000) await service.store.add(records.slice(at, at + 5_000));
    },
    async search(userId, query) {
      const { memories } = await service.searchMemory({ appName: 'bench', userId, query });
      return memories.map(({ id }) => id);
    },
    close: () => service.close(),
  };
}

export async function openArtifacts(file, { synchronous = 'full' } = {}) {
  const { SqliteArtifactService } = await importOurs('adk/index');
  return new SqliteArtifactService({ database: file, synchronous, pragmas: PRAGMAS });
}

/** LangGraph's checkpointer, as an application uses it. */
export async function openCheckpointer(file, { synchronous = 'full' } = {}) {
  const { SqliteSaver } = await importOurs('langgraph/index');
  return new SqliteSaver({ database: file, synchronous, pragmas: PRAGMAS });
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
