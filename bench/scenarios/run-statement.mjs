import { SQL } from '../drivers/index.mjs';
import { SIX_INSERT, SIX_TABLE, sixRows } from '../workload.mjs';

const DRIVERS = SQL.filter((name) => !['better-sqlite3-raw', 'aiosqlite-pool'].includes(name));
const [, ROW] = sixRows(2, 'ascii');

/** `run()` of single inserts, each one durable when it resolves. */
const run = (callers) => ({
  name: `run-${callers}`,
  title: `run(), one insert each, ${callers} ${callers === 1 ? 'caller' : 'callers'}, synchronous = FULL`,
  unit: 'insert',
  baseline: 'better-sqlite3',
  drivers: DRIVERS,
  durable: true,
  step: callers,
  async open({ module, file }) {
    const db = await module.openSql(file, { synchronous: 'full' });
    await db.exec(SIX_TABLE);
    return { db };
  },
  async round({ db }, count) {
    let left = count;
    const caller = async () => {
      while (left-- > 0) await db.run(SIX_INSERT, ROW);
    };
    await Promise.all(Array.from({ length: callers }, caller));
  },
  close: ({ db }) => db.close(),
});

export default [run(1), run(64)];
