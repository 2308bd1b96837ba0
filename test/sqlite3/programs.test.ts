/** Programs over query builders and ORMs for sqlite3, with aiosqlite/sqlite3 in its place. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EntitySchema as MikroSchema } from '@mikro-orm/core';
import { MikroORM, SqliteDriver } from '@mikro-orm/sqlite';
import sqlite3 from 'aiosqlite/sqlite3';
import knex, { type Knex } from 'knex';
import { DataTypes, Sequelize, Transaction, UniqueConstraintError } from 'sequelize';
import { open } from 'sqlite';
import { DataSource, EntitySchema, type MigrationInterface, type QueryRunner } from 'typeorm';
import { afterEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const require = createRequire(import.meta.url);
const KnexSqlite3 = require('knex/lib/dialects/sqlite3');

/** The lines of docs/guides/query-builders.md. */
class KnexClient extends KnexSqlite3 {
  _driver() {
    return sqlite3;
  }
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

describe('Knex', () => {
  function over(filename: string, more: Knex.Config = {}): Knex {
    const db = knex({ client: KnexClient as never, connection: { filename }, useNullAsDefault: true, ...more });
    ends.push(() => db.destroy());
    return db;
  }

  test('schema, rows, and what inserts and updates tell', async () => {
    const db = over(on.file());
    await db.schema.createTable('user', (table) => {
      table.increments('id');
      table.string('email').unique();
      table.json('settings');
      table.binary('photo');
      table.timestamp('at');
    });
    expect(await db('user').insert({ email: 'ada@x', settings: '{"a":1}', photo: Buffer.from([1, 2]) })).toEqual([1]);
    expect(await db('user').insert([{ email: 'b@x' }, { email: 'c@x' }], ['id', 'email'])).toEqual([
      { id: 2, email: 'b@x' },
      { id: 3, email: 'c@x' },
    ]);
    expect(
      await db('user')
        .where('id', '>', 1)
        .update({ at: new Date(5) }),
    ).toBe(2);
    expect(await db('user').where({ id: 1 }).first('email', 'photo', 'at')).toEqual({
      email: 'ada@x',
      photo: Buffer.from([1, 2]),
      at: null,
    });
    expect(await db('user').where('id', 3).del()).toBe(1);
    expect(await db('user').count('* as n').first()).toEqual({ n: 2 });
    expect(await rejection(db('user').insert({ email: 'ada@x' }) as never)).toMatchObject({
      code: 'SQLITE_CONSTRAINT',
      errno: 19,
    });
    await db.schema.alterTable('user', (table) => {
      table.string('name').defaultTo('none');
      table.dropColumn('settings');
    });
    expect(Object.keys(await db('user').columnInfo()).sort()).toEqual(['at', 'email', 'id', 'name', 'photo']);
  });

  test('transactions, savepoints and rollback', async () => {
    const db = over(on.file());
    await db.schema.createTable('t', (table) => void table.integer('x').unique());
    await db.transaction(async (tx) => {
      await tx('t').insert({ x: 1 });
      await tx.transaction(async (inner) => void (await inner('t').insert({ x: 2 })));
      await rejection(
        tx.transaction(async (inner) => {
          await inner('t').insert({ x: 3 });
          await inner('t').insert({ x: 1 });
        }),
      );
    });
    await rejection(
      db.transaction(async (tx) => {
        await tx('t').insert({ x: 9 });
        throw new Error('undone');
      }),
    );
    expect(await db('t').pluck('x').orderBy('x')).toEqual([1, 2]);
  });

  test('streams rows', async () => {
    const db = over(':memory:');
    await db.schema.createTable('t', (table) => void table.integer('x'));
    await db.batchInsert(
      't',
      Array.from({ length: 1_000 }, (_, x) => ({ x })),
      100,
    );
    let sum = 0;
    for await (const { x } of db('t').select('x').stream()) sum += x;
    expect(sum).toBe((999 * 1_000) / 2);
  });

  test('migrations go up and down', async () => {
    const directory = on.file('migrations');
    mkdirSync(directory);
    const migration = `exports.up = (db) => db.schema.createTable('a', (t) => t.increments()); exports.down = (db) => db.schema.dropTable('a');`;
    writeFileSync(`${directory}/1_first.cjs`, migration);
    const db = over(on.file(), { migrations: { directory, loadExtensions: ['.cjs'] } });
    expect((await db.migrate.latest())[1]).toEqual(['1_first.cjs']);
    expect(await db.schema.hasTable('a')).toBe(true);
    await db.migrate.rollback();
    expect(await db.schema.hasTable('a')).toBe(false);
  });
});

describe('Sequelize', () => {
  async function over(storage: string) {
    const db = new Sequelize({ dialect: 'sqlite', storage, dialectModule: sqlite3, logging: false });
    ends.push(() => db.close());
    const User = db.define('User', {
      email: { type: DataTypes.STRING, unique: true },
      settings: DataTypes.JSON,
      photo: DataTypes.BLOB,
      born: DataTypes.DATE,
      active: DataTypes.BOOLEAN,
    });
    const Post = db.define('Post', { title: DataTypes.STRING });
    User.hasMany(Post);
    Post.belongsTo(User);
    await db.sync();
    return { db, User, Post };
  }

  test('models, associations, JSON, dates and blobs', async () => {
    const { User, Post } = await over(on.file());
    const born = new Date(1_000);
    const row = { email: 'ada@x', settings: { a: [1] }, photo: Buffer.from([9]), born, active: true };
    const ada: any = await User.create(row);
    await ada.createPost({ title: 'first' });
    const found: any = await User.findOne({ where: { 'settings.a[0]': 1 } as never, include: [Post] });
    expect(found.get({ plain: true })).toMatchObject({ id: 1, ...row, Posts: [{ title: 'first', UserId: 1 }] });
    expect(Buffer.isBuffer(found.photo)).toBe(true);
    expect(await User.update({ active: false }, { where: { id: 1 } })).toEqual([1]);
    const [, created] = await User.upsert({ id: 1, email: 'new@x' } as never);
    expect([created, await User.count()]).toEqual([null, 1]);
    expect(await Post.destroy({ where: {} })).toBe(1);
  });

  test('a unique violation is its own error, with the column', async () => {
    const { User } = await over(on.file());
    await User.create({ email: 'a' });
    const error = await rejection(User.create({ email: 'a' }));
    expect(error).toBeInstanceOf(UniqueConstraintError);
    expect(error.fields).toEqual(['email']);
  });

  test('a foreign key is enforced, as Sequelize asks for it', async () => {
    const { Post } = await over(on.file());
    expect(await rejection(Post.create({ title: 'lost', UserId: 9 } as never))).toMatchObject({
      name: 'SequelizeForeignKeyConstraintError',
    });
  });

  test('transactions commit and roll back', async () => {
    const { db, User } = await over(on.file());
    await db.transaction({ type: Transaction.TYPES.IMMEDIATE }, async (transaction) => {
      await User.create({ email: 'in' }, { transaction });
    });
    const undone = db.transaction(async (transaction) => {
      await User.create({ email: 'out' }, { transaction });
      throw new Error('undone');
    });
    expect((await rejection(undone)).message).toBe('undone');
    expect((await User.findAll()).map((user: any) => user.email)).toEqual(['in']);
  });
});

describe('TypeORM', () => {
  interface Note {
    id: number;
    title: string;
    tags: string[] | null;
    at: Date;
    bytes: Buffer | null;
  }
  const NoteSchema = new EntitySchema<Note>({
    name: 'note',
    columns: {
      id: { type: Number, primary: true, generated: true },
      title: { type: String, unique: true },
      tags: { type: 'simple-json', nullable: true },
      at: { type: 'datetime', createDate: true },
      bytes: { type: 'blob', nullable: true },
    },
  });
  class First1700000000000 implements MigrationInterface {
    async up(runner: QueryRunner) {
      await runner.query('CREATE TABLE "extra" ("x" integer)');
    }
    async down(runner: QueryRunner) {
      await runner.query('DROP TABLE "extra"');
    }
  }

  async function over(database: string): Promise<DataSource> {
    const source = new DataSource({
      type: 'sqlite',
      database,
      driver: sqlite3,
      entities: [NoteSchema],
      migrations: [First1700000000000],
      synchronize: true,
    });
    await source.initialize();
    ends.push(() => source.destroy());
    return source;
  }

  test('entities, queries and updates', async () => {
    const source = await over(on.file());
    const notes = source.getRepository(NoteSchema);
    const saved = await notes.save({ title: 'a', tags: ['x'], bytes: Buffer.from([3]) });
    expect(saved).toMatchObject({ id: 1, title: 'a', tags: ['x'] });
    await notes.insert([{ title: 'b' }, { title: 'c' }]);
    expect(await notes.findOneBy({ title: 'a' })).toMatchObject({
      tags: ['x'],
      bytes: Buffer.from([3]),
      at: expect.any(Date),
    });
    expect((await notes.update({ title: 'b' }, { title: 'd' })).affected).toBe(1);
    expect((await notes.delete({ title: 'c' })).affected).toBe(1);
    const titles = await notes.createQueryBuilder('n').select('n.title', 'title').orderBy('n.title').getRawMany();
    expect(titles).toEqual([{ title: 'a' }, { title: 'd' }]);
    expect(await rejection(notes.insert({ title: 'a' }))).toMatchObject({
      name: 'QueryFailedError',
      code: 'SQLITE_CONSTRAINT',
    });
  });

  test('transactions and savepoints', async () => {
    const source = await over(on.file());
    const notes = source.getRepository(NoteSchema);
    await source.transaction(async (manager) => {
      await manager.insert(NoteSchema, { title: 'kept' });
      await rejection(
        manager.transaction(async (inner) => {
          await inner.insert(NoteSchema, { title: 'undone' });
          throw new Error('undone');
        }),
      );
    });
    expect((await notes.find()).map(({ title }) => title)).toEqual(['kept']);
  });

  test('migrations run and revert', async () => {
    const source = await over(on.file());
    expect((await source.runMigrations()).map(({ name }) => name)).toEqual(['First1700000000000']);
    await source.query('INSERT INTO "extra" VALUES (?)', [1]);
    await source.undoLastMigration();
    expect(await rejection(source.query('SELECT * FROM "extra"'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });
});

describe('MikroORM 6', () => {
  interface Book {
    id: number;
    title: string;
    meta: Record<string, unknown> | null;
    at: Date | null;
  }
  const BookSchema = new MikroSchema<Book>({
    name: 'Book',
    properties: {
      id: { type: 'number', primary: true },
      title: { type: 'string', unique: true },
      meta: { type: 'json', nullable: true },
      at: { type: 'Date', nullable: true },
    },
  });

  async function over(filename: string) {
    const orm = await MikroORM.init({
      driver: SqliteDriver,
      dbName: filename,
      entities: [BookSchema],
      driverOptions: { client: KnexClient, connection: { filename }, useNullAsDefault: true },
    });
    ends.push(() => orm.close());
    await orm.schema.refreshDatabase();
    return orm;
  }

  test('schema, unit of work, JSON and dates', async () => {
    const orm = await over(on.file());
    const em = orm.em.fork();
    em.create(BookSchema, { id: 1, title: 'a', meta: { pages: 3 }, at: new Date(1_000) } as never);
    em.create(BookSchema, { id: 2, title: 'b', meta: null, at: null } as never);
    await em.flush();
    const found = await orm.em.fork().find(BookSchema, {}, { orderBy: { title: 'asc' } });
    expect(found).toMatchObject([{ title: 'a', meta: { pages: 3 }, at: new Date(1_000) }, { title: 'b' }]);
    const other = orm.em.fork();
    (await other.findOneOrFail(BookSchema, { title: 'b' })).title = 'c';
    await other.flush();
    expect(await orm.em.fork().count(BookSchema, { title: 'c' })).toBe(1);
  });

  test('unique errors, and transactions that roll back', async () => {
    const orm = await over(on.file());
    const add = (title: string) => async (em: any) => void em.create(BookSchema, { title } as never);
    await orm.em.fork().transactional(add('a'));
    expect(await rejection(orm.em.fork().transactional(add('a')))).toMatchObject({
      name: 'UniqueConstraintViolationException',
    });
    const undone = orm.em.fork().transactional(async (em) => {
      await add('b')(em);
      await em.flush();
      throw new Error('undone');
    });
    expect((await rejection(undone)).message).toBe('undone');
    expect(await orm.em.fork().count(BookSchema)).toBe(1);
  });
});

describe('the promise wrapper sqlite', () => {
  test('statements, each, migrations and errors', async () => {
    const db = await open({ filename: on.file(), driver: sqlite3.Database });
    ends.push(() => db.close());
    const migrationsPath = on.file('migrations');
    mkdirSync(migrationsPath);
    writeFileSync(
      `${migrationsPath}/001-first.sql`,
      '-- Up\nCREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE);\n-- Down\nDROP TABLE t;',
    );
    await db.migrate({ migrationsPath });
    expect(await db.run('INSERT INTO t (x) VALUES (:x)', { ':x': 'a' })).toMatchObject({ lastID: 1, changes: 1 });
    const statement = await db.prepare('INSERT INTO t (x) VALUES (?)');
    for (const x of ['b', 'c']) await statement.run(x);
    await statement.finalize();
    const seen: string[] = [];
    expect(await db.each('SELECT x FROM t ORDER BY x', (_: unknown, row: any) => seen.push(row.x))).toBe(3);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(await db.get('SELECT x FROM t WHERE id = ?', 2)).toEqual({ x: 'b' });
    expect(await rejection(db.run("INSERT INTO t (x) VALUES ('a')"))).toMatchObject({ code: 'SQLITE_CONSTRAINT' });
  });
});
