// Migrates the database that it is given, slowly; prints how many migrations it ran itself.
import { setTimeout } from 'node:timers/promises';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { Kysely, Migrator } from 'kysely';

let ran = 0;
const create = (name) => ({
  async up(db) {
    ran++;
    await db.schema.createTable(name).addColumn('id', 'integer').execute();
    await setTimeout(20);
  },
});
const db = new Kysely({ dialect: new AiosqliteDialect({ database: process.argv[2] ?? '' }) });
const provider = { getMigrations: async () => ({ a: create('a'), b: create('b') }) };
const { error } = await new Migrator({ db, provider }).migrateToLatest();
await db.destroy();
if (error) throw error;
console.log(ran);
