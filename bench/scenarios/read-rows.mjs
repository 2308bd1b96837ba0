import { SQL } from '../drivers/index.mjs';
import { importOurs } from '../drivers/shared/package.mjs';
import { canonical, MIXED_TABLE, mixedRow } from '../workload.mjs';

const ROWS = 1_000;
const SELECT = 'SELECT * FROM item';

const withItems = (blob, rows) => async (file) => {
  const { connect } = await importOurs('index');
  const db = await connect(file);
  await db.exec(MIXED_TABLE(blob));
  await db.executeMany(
    'INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    Array.from({ length: rows }, (_, i) => mixedRow(i, blob)),
  );
  await db.close();
};

const open = async ({ module, file }) => ({ db: await module.openSql(file, { synchronous: 'full' }) });

/** `all()` of 1,000 rows of ten columns of all kinds. */
const readAll = (blob) => ({
  name: blob ? 'all-1000-blob' : 'all-1000',
  title: `all(), 1,000 rows × 10 columns${blob ? ', one of them a blob' : ''}`,
  unit: 'call',
  baseline: 'better-sqlite3',
  drivers: SQL,
  quick: ['aiosqlite', 'better-sqlite3', 'better-sqlite3-raw'],
  template: withItems(blob, ROWS),
  open,
  digest: async ({ db }) => canonical(await db.all(SELECT)),
  async round({ db }, count) {
    for (let i = 0; i < count; i++) {
      const rows = await db.all(SELECT);
      if (rows.length !== ROWS) throw new Error('not the rows that were stored');
    }
  },
  close: ({ db }) => db.close(),
});

const iterate = {
  name: 'iterate-10000',
  title: 'iterate() over 10,000 rows × 10 columns',
  unit: 'row',
  baseline: 'better-sqlite3',
  drivers: ['aiosqlite', 'aiosqlite-pool', 'better-sqlite3', 'node-sqlite'],
  step: 10_000,
  template: withItems(false, 10_000),
  open,
  async round({ db }, count) {
    for (let i = 0; i < count; i += 10_000) {
      let rows = 0;
      for await (const row of db.iterate(SELECT)) if (row.id !== undefined) rows++;
      if (rows !== 10_000) throw new Error('not the rows that were stored');
    }
  },
  close: ({ db }) => db.close(),
};

export default [readAll(false), readAll(true), iterate];
