import { defineEntity, MikroORM, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sql';
import { AiosqliteDialect } from 'aiosqlite/kysely';

const Book = defineEntity({
  name: 'Book',
  properties: { id: p.integer().primary(), title: p.string(), tags: p.json(), added: p.datetime() },
});
const database = process.argv[2] ?? 'mikro-orm.db';
const orm = await MikroORM.init({
  driver: SqliteDriver,
  driverOptions: new AiosqliteDialect(database), // MikroORM 7 runs its queries through Kysely
  dbName: database,
  entities: [Book],
});
await orm.schema.update();

const em = orm.em.fork();
em.create(Book, { title: 'Sketch of the Engine', tags: ['history'], added: new Date(0) });
await em.flush();

const undone = em.transactional(async (tx) => {
  tx.create(Book, { title: 'Not written', tags: [], added: new Date(0) });
  await tx.flush();
  throw new Error('undo');
});
await undone.catch((error) => console.log(error.message));

for (const { title, tags, added } of await orm.em.fork().find(Book, {})) console.log(title, tags, added.toISOString());
await orm.close();
