import { SQL } from '../drivers/index.mjs';
import { SIX_INSERT, SIX_TABLE, sixRows } from '../workload.mjs';

const DRIVERS = SQL.filter((name) => !['better-sqlite3-raw', 'aiosqlite-pool'].includes(name));
const [, ROW] = sixRows(2, 'ascii');
const QUERIES = [
  { sql: SIX_INSERT, params: ROW },
  { sql: "UPDATE counter SET value = value + 1 WHERE name = 'readings' RETURNING value", params: [] },
  { sql: 'SELECT max(id) AS last FROM reading', params: [] },
];

/** Three statements that belong together, one transaction each time. */
export default [
  {
    name: 'batch-16',
    title: 'batch() of three statements, 16 callers, synchronous = FULL',
    unit: 'batch',
    baseline: 'better-sqlite3',
    drivers: DRIVERS,
    durable: true,
    step: 16,
    async open({ module, file }) {
      const db = await module.openSql(file, { synchronous: 'full' });
      await db.exec(SIX_TABLE);
      await db.exec('CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER)');
      await db.run("INSERT INTO counter VALUES ('readings', 0)");
      return { db };
    },
    async round({ db }, count) {
      let left = count;
      const caller = async () => {
        while (left-- > 0) await db.transaction(QUERIES);
      };
      await Promise.all(Array.from({ length: 16 }, caller));
    },
    close: ({ db }) => db.close(),
  },
];
