/**
 * Programs that lean on corners of sqlite3: what a statement tells after a call, errors within transactions, the asynchronous
 * context of callbacks. Run on aiosqlite/sqlite3, and on sqlite3 itself where its addon is built.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { EntitySchema as MikroSchema } from '@mikro-orm/core';
import { MikroORM, SqliteDriver } from '@mikro-orm/sqlite';
import knex, { type Knex } from 'knex';
import { DataTypes, Sequelize } from 'sequelize';
import { open } from 'sqlite';
import { DataSource, EntitySchema } from 'typeorm';
import { afterEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { modules } from './support/modules.js';

const on = databases();
const require = createRequire(import.meta.url);
const KnexSqlite3 = require('knex/lib/dialects/sqlite3');

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

describe.each(modules)('%s', (_, sqlite3) => {
  class KnexClient extends KnexSqlite3 {
    _driver() {
      return sqlite3;
    }
  }

  describe('Knex', () => {
    function over(migrations: Record<string, (db: Knex) => Promise<unknown>> = {}): Knex {
      const db = knex({
        client: KnexClient as never,
        connection: { filename: on.file() },
        useNullAsDefault: true,
        log: { warn: () => {}, error: () => {} },
        migrations: {
          migrationSource: {
            getMigrations: async () => Object.keys(migrations),
            getMigrationName: (name: string) => name,
            getMigration: async (name: string) => ({
              up: migrations[name] as never,
              down: (down) => down.schema.dropTable(name),
            }),
          },
        },
      });
      ends.push(() => db.destroy());
      return db;
    }

    test('a batch of migrations that fails is rolled back whole, and runs once it is mended', async () => {
      const migrations = {
        first: (db: Knex) => db.schema.createTable('first', (table) => void table.increments()),
        second: async (db: Knex) => {
          await db.schema.createTable('second', (table) => void table.integer('x').unique());
          await db('second').insert([{ x: 1 }, { x: 1 }]);
        },
      };
      const db = over(migrations);
      expect(await rejection(db.migrate.latest())).toMatchObject({ code: 'SQLITE_CONSTRAINT', errno: 19 });
      expect([await db.schema.hasTable('first'), await db.schema.hasTable('second')]).toEqual([false, false]);
      expect(await db('knex_migrations').count('* as n').first()).toEqual({ n: 0 });
      expect(await db('knex_migrations_lock').pluck('is_locked')).toEqual([0]);
      migrations.second = (mended: Knex) => mended.schema.createTable('second', (table) => void table.increments());
      expect(await db.migrate.latest()).toEqual([1, ['first', 'second']]);
      expect(await db.migrate.rollback()).toEqual([1, ['second', 'first']]);
      expect([await db.schema.hasTable('first'), await db.schema.hasTable('second')]).toEqual([false, false]);
    });

    test('a stream that is left half-way gives its connection back', async () => {
      const db = over();
      await db.schema.createTable('t', (table) => void table.integer('x'));
      const rows = Array.from({ length: 500 }, (_, x) => ({ x }));
      await db.batchInsert('t', rows, 100);
      const seen: number[] = [];
      for await (const { x } of db('t').select('x').orderBy('x').stream()) if (seen.push(x) === 3) break;
      expect(seen).toEqual([0, 1, 2]);
      expect(await db('t').count('* as n').first()).toEqual({ n: 500 });
    });

    test('raw statements tell what the driver gives', async () => {
      const db = over();
      await db.raw('CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)');
      expect(await db.raw('INSERT INTO t (x) VALUES (?), (?)', [1, 2])).toEqual([]);
      expect(await db.raw('SELECT x FROM t WHERE x > :least', { least: 1 })).toEqual([{ x: 2 }]);
      expect(await db('t').insert({ x: 2 }).onConflict('x').ignore()).toEqual([2]);
      expect(await db('t').insert({ x: 2 }).onConflict('x').merge({ x: 3 }).returning('x')).toEqual([{ x: 3 }]);
      expect(await db('t').where({ x: 9 }).update({ x: 1 })).toBe(0);
      expect(await db('t').where({ x: 9 }).del()).toBe(0);
      const error = await rejection(db('t').insert({ x: 3 }) as never);
      expect({ ...error, cause: undefined }).toEqual({ errno: 19, code: 'SQLITE_CONSTRAINT', cause: undefined });
      expect(error.message).toBe('insert into `t` (`x`) values (3) - SQLITE_CONSTRAINT: UNIQUE constraint failed: t.x');
    });
  });

  describe('Sequelize', () => {
    function over(Class = Sequelize) {
      const db = new Class({ dialect: 'sqlite', storage: on.file(), dialectModule: sqlite3 as never, logging: false });
      ends.push(() => db.close());
      return db;
    }

    test('calls inside of a transaction take part in it by their asynchronous context', async () => {
      const context = new AsyncLocalStorage<Map<string, unknown>>();
      class WithContext extends Sequelize {}
      WithContext.useCLS({
        get: (key: string) => context.getStore()?.get(key),
        set: (key: string, value: unknown) => void context.getStore()?.set(key, value),
        run: (work: (store: unknown) => unknown) => {
          const store = new Map(context.getStore());
          return context.run(store, () => work(store));
        },
        bind: (work: (...args: unknown[]) => unknown) => AsyncLocalStorage.bind(work),
      } as never);
      const db = over(WithContext);
      const User = db.define('User', { email: { type: DataTypes.STRING, unique: true } });
      await db.sync();
      const undone = db.transaction(async () => {
        await User.create({ email: 'a' });
        await Promise.all(['b', 'c'].map((email) => User.create({ email })));
        expect(await User.count()).toBe(3);
        await User.create({ email: 'a' });
      });
      expect(await rejection(undone)).toMatchObject({ name: 'SequelizeUniqueConstraintError', fields: ['email'] });
      expect(await User.count()).toBe(0);
      await db.transaction(async (outer) => {
        await User.create({ email: 'kept' });
        const inner = db.transaction({ transaction: outer }, async () => {
          await User.create({ email: 'inner' });
          throw new Error('undone');
        });
        expect((await rejection(inner)).message).toBe('undone');
      });
      expect((await User.findAll()).map((user: any) => user.email)).toEqual(['kept']);
    });

    test('a row that has changed since it was read is not overwritten', async () => {
      const db = over();
      const Note = db.define('Note', { text: DataTypes.STRING }, { version: true });
      await db.sync();
      await Note.create({ text: 'first' });
      const [one, two] = (await Promise.all([Note.findByPk(1), Note.findByPk(1)])) as any[];
      await one.update({ text: 'second' });
      expect(await rejection(two.update({ text: 'lost' }))).toMatchObject({ name: 'SequelizeOptimisticLockError' });
      expect((await Note.findByPk(1))?.get()).toMatchObject({ text: 'second', version: 1 });
    });

    test('bulk calls and raw queries tell ids and numbers of rows', async () => {
      const db = over();
      const Tag = db.define('Tag', { name: { type: DataTypes.STRING, unique: true } }, { timestamps: false });
      await db.sync();
      const made = await Tag.bulkCreate([{ name: 'a' }, { name: 'b' }]);
      expect(made.map((tag: any) => tag.name)).toEqual(['a', 'b']);
      expect(await Tag.update({ name: 'c' }, { where: { name: 'b' } })).toEqual([1]);
      expect(await Tag.destroy({ where: { name: 'none' } })).toBe(0);
      const [id, changes] = await db.query("INSERT INTO Tags (name) VALUES ('d'), ('e')", { type: 'INSERT' as never });
      expect([id, changes]).toEqual([4, 2]);
      const [rows, about] = (await db.query("UPDATE Tags SET name = name || '!'")) as any[];
      expect([rows, about.lastID, about.changes, about.sql]).toEqual([
        [],
        undefined,
        undefined,
        "UPDATE Tags SET name = name || '!'",
      ]);
      expect(await db.query('SELECT count(*) AS n FROM Tags', { type: 'SELECT' as never })).toEqual([{ n: 4 }]);
    });
  });

  describe('TypeORM', () => {
    interface Item {
      id: number;
      name: string;
      version: number;
    }
    const ItemSchema = new EntitySchema<Item>({
      name: 'item',
      columns: {
        id: { type: Number, primary: true, generated: true },
        name: { type: String, unique: true },
        version: { type: Number, version: true },
      },
    });
    async function over(): Promise<DataSource> {
      const options = { type: 'sqlite', database: on.file(), driver: sqlite3, entities: [ItemSchema] } as const;
      const source = new DataSource({ ...options, entities: [ItemSchema], synchronize: true });
      await source.initialize();
      ends.push(() => source.destroy());
      return source;
    }

    test('entities that are saved in nested transactions keep what their savepoints keep', async () => {
      const source = await over();
      await source.transaction(async (outer) => {
        const kept = await outer.save(ItemSchema, { name: 'outer' });
        const failed = outer.transaction(async (inner) => {
          await inner.save(ItemSchema, { name: 'inner' });
          await inner.transaction((innermost) => innermost.save(ItemSchema, { name: 'innermost' }));
          await inner.save(ItemSchema, { name: 'outer' });
        });
        expect(await rejection(failed)).toMatchObject({
          name: 'QueryFailedError',
          errno: 19,
          code: 'SQLITE_CONSTRAINT',
          message: 'SQLITE_CONSTRAINT: UNIQUE constraint failed: item.name',
          driverError: { errno: 19, code: 'SQLITE_CONSTRAINT' },
        });
        await outer.transaction((inner) => inner.save(ItemSchema, { name: 'second' }));
        kept.name = 'renamed';
        await outer.save(ItemSchema, kept);
      });
      const items = await source.getRepository(ItemSchema).find({ order: { id: 'asc' } });
      expect(items).toMatchObject([
        { id: 1, name: 'renamed', version: 2 },
        { id: 2, name: 'second', version: 1 },
      ]);
    });

    test('structured results have the rows, and the number of rows of a write alone', async () => {
      const source = await over();
      const runner = source.createQueryRunner();
      const inserted = await runner.query("INSERT INTO item (name, version) VALUES ('a', 1), ('b', 1)", [], true);
      expect([inserted.raw, inserted.affected, inserted.records]).toEqual([2, 2, []]);
      const selected = await runner.query('SELECT name FROM item ORDER BY name', [], true);
      expect([selected.raw, selected.affected]).toEqual([[{ name: 'a' }, { name: 'b' }], undefined]);
      const updated = await runner.query("UPDATE item SET name = 'c' WHERE name = 'none'", [], true);
      expect([updated.raw, updated.affected]).toEqual([undefined, 0]);
      await runner.release();
    });
  });

  test('MikroORM does not overwrite a row that has changed since it was read', async () => {
    interface Page {
      id: number;
      text: string;
      version: number;
    }
    const PageSchema = new MikroSchema<Page>({
      name: 'Page',
      properties: {
        id: { type: 'number', primary: true },
        text: { type: 'string' },
        version: { type: 'number', version: true },
      },
    });
    const filename = on.file();
    const orm = await MikroORM.init({
      driver: SqliteDriver,
      dbName: filename,
      entities: [PageSchema],
      driverOptions: { client: KnexClient, connection: { filename }, useNullAsDefault: true },
    });
    ends.push(() => orm.close());
    await orm.schema.refreshDatabase();
    const writer = orm.em.fork();
    writer.create(PageSchema, { id: 1, text: 'first' } as never);
    await writer.flush();
    const [one, two] = [orm.em.fork(), orm.em.fork()];
    const [first, second] = [await one.findOneOrFail(PageSchema, 1), await two.findOneOrFail(PageSchema, 1)];
    first.text = 'second';
    await one.flush();
    second.text = 'lost';
    expect(await rejection(two.flush())).toMatchObject({ name: 'OptimisticLockError' });
    expect(await orm.em.fork().findOneOrFail(PageSchema, 1)).toMatchObject({ text: 'second', version: 2 });
  });

  test('the promise wrapper sqlite tells what its driver tells', async () => {
    const db = await open({ filename: on.file(), driver: sqlite3.Database });
    ends.push(() => db.close());
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)');
    const insert = await db.prepare('INSERT INTO t (x) VALUES (?)', 'a');
    expect(await insert.run()).toMatchObject({ lastID: 1, changes: 1 });
    expect(await rejection(insert.run())).toMatchObject({ code: 'SQLITE_CONSTRAINT', errno: 19 });
    expect(await insert.run('b')).toMatchObject({ lastID: 2, changes: 1 });
    await insert.finalize();
    const select = await db.prepare('SELECT x FROM t WHERE id >= ? ORDER BY id', 1);
    expect([await select.get(), await select.get(), await select.get()]).toEqual([{ x: 'a' }, { x: 'b' }, undefined]);
    expect(await select.all(2)).toEqual([{ x: 'b' }]);
    await select.finalize();
    const changes: unknown[] = [];
    db.on('change', (...change: unknown[]) => changes.push(change));
    await db.run("UPDATE t SET x = 'c' WHERE id = 2");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(changes).toEqual([['update', 'main', 't', 2]]);
  });
});
