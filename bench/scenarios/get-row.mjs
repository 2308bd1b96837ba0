import { NEWER, SQL } from '../drivers/index.mjs';
import { importOurs } from '../drivers/shared/package.mjs';
import { canonical } from '../workload.mjs';

const SELECT = 'SELECT * FROM person WHERE id = ?';
const COUNT = 10_000;

async function template(file) {
  const { connect } = await importOurs('index');
  const db = await connect(file);
  await db.exec('CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, weight REAL)');
  await db.executeMany(
    'INSERT INTO person VALUES (?, ?, ?)',
    Array.from({ length: COUNT }, (_, i) => [i, `name ${i}`, i / 3]),
  );
  await db.close();
}

const open = async ({ module, file }) => ({ db: await module.openSql(file, { synchronous: 'full' }) });
const DRIVERS = [...SQL.filter((name) => name !== 'better-sqlite3-raw'), ...NEWER];

const common = {
  unit: 'get',
  drivers: DRIVERS,
  template,
  open,
  digest: async ({ db }) => canonical(await db.get(SELECT, [4_711])),
  close: ({ db }) => db.close(),
};

export default [
  {
    ...common,
    name: 'get-one',
    title: 'get() by primary key, one at a time',
    baseline: 'sqlite3',
    quick: ['aiosqlite', 'sqlite3', 'better-sqlite3-worker', 'better-sqlite3'],
    async round({ db }, count) {
      for (let i = 0; i < count; i++) await db.get(SELECT, [(i * 7) % COUNT]);
    },
  },
  {
    ...common,
    name: 'get-1000',
    title: 'get() by primary key, 1,000 in flight',
    baseline: 'sqlite3',
    quick: ['aiosqlite', 'sqlite3'],
    step: 1_000,
    async round({ db }, count) {
      for (let i = 0; i < count; i += 1_000) {
        await Promise.all(Array.from({ length: 1_000 }, (_, n) => db.get(SELECT, [(i + n * 7) % COUNT])));
      }
    },
  },
];
