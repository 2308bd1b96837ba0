import { NEWER, SQL } from '../drivers/index.mjs';
import { SIX_INSERT, SIX_TABLE, sixRows } from '../workload.mjs';

const ROWS = 10_000;

/** 10,000 rows of six columns in one transaction; the table is emptied before each. */
const insertMany = (kind, text, newer = []) => ({
  name: `many-10000-${kind}`,
  title: `executeMany of 10,000 rows × 6 columns, ${text}`,
  unit: 'call',
  baseline: 'better-sqlite3',
  drivers: [...SQL.filter((name) => !['better-sqlite3-raw', 'aiosqlite-pool'].includes(name)), ...newer],
  quick: ['aiosqlite', 'better-sqlite3'],
  durable: true,
  fixed: 1,
  timed: true,
  async open({ module, file, options }) {
    const db = await module.openSql(file, { synchronous: 'full' });
    await db.exec(SIX_TABLE);
    return { db, rows: sixRows(ROWS, kind), times: options.roundMs > 200 ? 5 : 2 };
  },
  prepare: async ({ db }) => db.run('DELETE FROM reading'),
  async round({ db, rows, times }) {
    for (let i = 0; i < times; i++) await db.many(SIX_INSERT, rows);
    return times;
  },
  digest: async ({ db, rows }) => {
    await db.many(SIX_INSERT, rows);
    const [sums] = await db.all(
      'SELECT count(*) AS n, sum(length(note)) AS note, sum(raw) AS raw, round(sum(value)) AS value FROM reading',
    );
    return JSON.stringify({ ...sums });
  },
  close: ({ db }) => db.close(),
});

export default [insertMany('ascii', 'ASCII', NEWER), insertMany('cjk', 'CJK')];
