import type { Connection, Pool } from 'aiosqlite';
import { drizzle } from 'aiosqlite/drizzle';
import {
  and,
  asc,
  count,
  countDistinct,
  DrizzleQueryError,
  desc,
  eq,
  exists,
  getTableColumns,
  gt,
  inArray,
  isNull,
  like,
  sql,
} from 'drizzle-orm';
import { alias, integer, sqliteView, text, union } from 'drizzle-orm/sqlite-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { CREATE_TABLES, posts, schema, sourceNames, sources, things, users } from './fixtures.js';

const on = databases();

describe.each(sourceNames)('Drizzle over %s', (name) => {
  let client: Pool | Connection;
  const over = () => drizzle(client, { schema });
  let db: ReturnType<typeof over>;

  beforeEach(async () => {
    client = await sources[name](on);
    db = over();
    await client.exec(CREATE_TABLES);
    await db.insert(users).values([
      { id: 1, name: 'Ada', verified: true },
      { id: 2, name: 'Grace', invitedBy: 1 },
      { id: 3, name: 'Alan', invitedBy: 1 },
    ]);
    await db.insert(posts).values([
      { id: 1, title: 'Notes', authorId: 1 },
      { id: 2, title: 'Compilers', authorId: 2 },
      { id: 3, title: 'More notes', authorId: 1 },
    ]);
  });

  describe('select', () => {
    test('gives whole rows, chosen columns and expressions', async () => {
      expect(await db.select().from(users).where(eq(users.id, 1))).toEqual([
        { id: 1, name: 'Ada', verified: true, invitedBy: null },
      ]);
      expect(
        await db
          .select({ upper: sql<string>`upper(${users.name})`, nested: { id: users.id } })
          .from(users)
          .orderBy(desc(users.id))
          .limit(1),
      ).toEqual([{ upper: 'ALAN', nested: { id: 3 } }]);
      expect(
        await db
          .select({ ...getTableColumns(posts) })
          .from(posts)
          .all(),
      ).toHaveLength(3);
    });

    test('has all(), get() and values()', async () => {
      const query = db.select({ id: users.id, name: users.name }).from(users).orderBy(users.id).limit(2);
      expect(await query.all()).toEqual([
        { id: 1, name: 'Ada' },
        { id: 2, name: 'Grace' },
      ]);
      expect(await query.get()).toEqual({ id: 1, name: 'Ada' });
      expect(await query.values()).toEqual([
        [1, 'Ada'],
        [2, 'Grace'],
      ]);
      expect(await db.select().from(users).where(eq(users.id, 99)).get()).toBeUndefined();
    });

    test('filters, orders and pages', async () => {
      const ids = async (where: Parameters<ReturnType<typeof from>['where']>[0]) =>
        (await from().where(where).orderBy(asc(users.id))).map(({ id }) => id);
      const from = () => db.select({ id: users.id }).from(users);
      expect(await ids(inArray(users.name, ['Ada', 'Alan']))).toEqual([1, 3]);
      expect(await ids(and(like(users.name, 'A%'), isNull(users.invitedBy)))).toEqual([1]);
      expect(await ids(eq(users.verified, true))).toEqual([1]);
      expect(await from().orderBy(desc(users.name)).limit(1).offset(1)).toEqual([{ id: 3 }]);
      expect(await db.selectDistinct({ author: posts.authorId }).from(posts)).toHaveLength(2);
    });

    test('joins, with null for what has no partner', async () => {
      const author = alias(users, 'author');
      expect(
        await db
          .select({ title: posts.title, author: author.name })
          .from(posts)
          .innerJoin(author, eq(posts.authorId, author.id))
          .orderBy(posts.id)
          .limit(1),
      ).toEqual([{ title: 'Notes', author: 'Ada' }]);
      expect(
        await db.select().from(users).leftJoin(posts, eq(posts.authorId, users.id)).where(eq(users.id, 3)),
      ).toEqual([{ users: { id: 3, name: 'Alan', verified: false, invitedBy: 1 }, posts: null }]);
    });

    test('tells two columns of one name apart', async () => {
      const [row] = await db.select().from(posts).innerJoin(users, eq(posts.authorId, users.id)).where(eq(posts.id, 2));
      expect(row).toMatchObject({ posts: { id: 2 }, users: { id: 2, name: 'Grace' } });
      expect(
        await db
          .select({ a: posts.id, b: users.id })
          .from(posts)
          .innerJoin(users, eq(users.id, 3))
          .orderBy(posts.id)
          .limit(1),
      ).toEqual([{ a: 1, b: 3 }]);
    });

    test('counts and groups', async () => {
      expect(
        await db
          .select({ author: posts.authorId, n: count(), distinct: countDistinct(posts.title) })
          .from(posts)
          .groupBy(posts.authorId)
          .having(({ n }) => gt(n, 1)),
      ).toEqual([{ author: 1, n: 2, distinct: 2 }]);
      expect(await db.$count(users)).toBe(3);
      expect(await db.$count(users, eq(users.verified, true))).toBe(1);
      expect(
        await db
          .select({ id: users.id, posts: db.$count(posts, eq(posts.authorId, users.id)) })
          .from(users)
          .orderBy(users.id),
      ).toEqual([
        { id: 1, posts: 2 },
        { id: 2, posts: 1 },
        { id: 3, posts: 0 },
      ]);
    });

    test('has subqueries, common table expressions, unions and views', async () => {
      const writers = db.$with('writers').as(db.selectDistinct({ id: posts.authorId }).from(posts));
      expect(await db.with(writers).select().from(writers).orderBy(writers.id)).toEqual([{ id: 1 }, { id: 2 }]);
      const counted = db
        .select({ id: posts.authorId, n: count().as('n') })
        .from(posts)
        .groupBy(posts.authorId)
        .as('counted');
      expect(
        await db
          .select({ name: users.name, n: counted.n })
          .from(users)
          .innerJoin(counted, eq(counted.id, users.id))
          .orderBy(users.id),
      ).toEqual([
        { name: 'Ada', n: 2 },
        { name: 'Grace', n: 1 },
      ]);
      const withPosts = db.select({ id: posts.id }).from(posts).where(eq(posts.authorId, users.id));
      expect(await db.select({ id: users.id }).from(users).where(exists(withPosts))).toHaveLength(2);
      expect(
        await union(db.select({ name: users.name }).from(users), db.select({ name: posts.title }).from(posts))
          .orderBy(sql`name`)
          .limit(2),
      ).toEqual([{ name: 'Ada' }, { name: 'Alan' }]);
      await db.run(sql`create view verified_users as select * from users where verified`);
      const view = sqliteView('verified_users', { id: integer('id'), name: text('name') }).existing();
      expect(await db.select().from(view)).toEqual([{ id: 1, name: 'Ada' }]);
    });

    test('prepares a query with placeholders', async () => {
      const byName = db
        .select({ id: users.id })
        .from(users)
        .where(eq(users.name, sql.placeholder('name')))
        .prepare();
      expect(await byName.all({ name: 'Grace' })).toEqual([{ id: 2 }]);
      expect(await byName.get({ name: 'Ada' })).toEqual({ id: 1 });
      expect(await byName.execute({ name: 'nobody' })).toEqual([]);
      expect(await byName.values({ name: 'Alan' })).toEqual([[3]]);
      const adding = db
        .insert(users)
        .values({ name: sql.placeholder('name') })
        .prepare();
      expect(await adding.run({ name: 'Edsger' })).toEqual({ changes: 1, lastInsertRowid: 4 });
    });
  });

  describe('insert, update and delete', () => {
    test('tell what they did', async () => {
      expect(await db.insert(users).values({ name: 'Edsger' })).toEqual({ changes: 1, lastInsertRowid: 4 });
      expect(await db.update(users).set({ verified: true }).where(gt(users.id, 1))).toEqual({
        changes: 3,
        lastInsertRowid: 0,
      });
      expect(await db.delete(users).where(eq(users.id, 1)).run()).toMatchObject({ changes: 1 });
      expect(await db.select({ id: posts.id }).from(posts)).toEqual([{ id: 2 }]); // by cascade
    });

    test('return rows', async () => {
      expect(
        await db
          .insert(users)
          .values([{ name: 'Edsger' }, { name: 'Barbara', verified: true }])
          .returning(),
      ).toEqual([
        { id: 4, name: 'Edsger', verified: false, invitedBy: null },
        { id: 5, name: 'Barbara', verified: true, invitedBy: null },
      ]);
      expect(await db.update(users).set({ name: 'A.' }).where(eq(users.id, 1)).returning({ name: users.name })).toEqual(
        [{ name: 'A.' }],
      );
      expect(await db.update(users).set({ name: 'B.' }).where(eq(users.id, 2)).returning().get()).toMatchObject({
        name: 'B.',
      });
      expect(await db.delete(posts).returning({ id: posts.id }).values()).toEqual([[1], [2], [3]]);
    });

    test('do nothing or update on a conflict', async () => {
      const notes = { id: 9, title: 'Notes', authorId: 2 };
      expect(await db.insert(posts).values(notes).onConflictDoNothing()).toEqual({ changes: 0, lastInsertRowid: 0 });
      await db
        .insert(posts)
        .values(notes)
        .onConflictDoUpdate({ target: posts.title, set: { authorId: sql`excluded.author_id` } });
      expect(await db.select().from(posts).where(eq(posts.title, 'Notes'))).toEqual([
        { id: 1, title: 'Notes', authorId: 2 },
      ]);
    });

    test('take rows from a select, and update from another table', async () => {
      const titles = db
        .select({ id: sql<number>`null`.as('id'), title: sql<string>`${users.name}`.as('title'), authorId: users.id })
        .from(users);
      expect(await db.insert(posts).select(titles)).toMatchObject({ changes: 3 });
      await db
        .update(posts)
        .set({ title: sql`${users.name} || ' wrote ' || ${posts.title}` })
        .from(users)
        .where(and(eq(users.id, posts.authorId), eq(posts.id, 2)));
      expect(await db.select({ title: posts.title }).from(posts).where(eq(posts.id, 2)).get()).toEqual({
        title: 'Grace wrote Compilers',
      });
    });
  });

  test('keeps the types of columns both ways', async () => {
    const at = new Date('2024-05-06T07:08:09Z');
    const given = {
      id: 1,
      at,
      atMs: new Date(1_700_000_000_123),
      json: { a: [1, 2] },
      kind: 'large' as const,
      bytes: Buffer.from([0, 1, 255]),
      big: 2n ** 70n,
      blobJson: ['é', '😀'],
      ratio: 1.5,
      price: '12.5',
      total: 2n ** 62n,
    };
    await db.insert(things).values(given);
    const [row] = await db.select().from(things);
    expect(row).toEqual({ ...given, price: '12.5', created: 'now', updated: 7 });
    expect(Buffer.isBuffer(row?.bytes)).toBe(true);
    await db.insert(things).values({ id: 2 });
    expect(await db.select().from(things).where(eq(things.id, 2)).get()).toMatchObject({
      at: null,
      json: null,
      bytes: null,
    });
  });

  describe('SQL by hand', () => {
    test('runs, and gives objects, one object, or values', async () => {
      const query = sql`select ${users.id}, ${users.name} from ${users} where ${users.id} < ${3} order by id`;
      expect(await db.all(query)).toEqual([
        { id: 1, name: 'Ada' },
        { id: 2, name: 'Grace' },
      ]);
      expect(await db.get(query)).toEqual({ id: 1, name: 'Ada' });
      expect(await db.values(query)).toEqual([
        [1, 'Ada'],
        [2, 'Grace'],
      ]);
      expect(await db.run(sql`update users set name = ${'Countess'} where id = ${1}`)).toEqual({
        changes: 1,
        lastInsertRowid: 0,
      });
      expect(await db.all('select name from users where id = 1')).toEqual([{ name: 'Countess' }]);
      expect(await db.get(sql`select 1 where 0`)).toBeUndefined();
    });
  });

  describe('relational queries', () => {
    test('nest what belongs to a row', async () => {
      expect(
        await db.query.users.findMany({
          columns: { name: true },
          with: { posts: { columns: { title: true }, orderBy: desc(posts.id) }, inviter: { columns: { name: true } } },
          orderBy: (user, { asc }) => asc(user.id),
        }),
      ).toEqual([
        { name: 'Ada', posts: [{ title: 'More notes' }, { title: 'Notes' }], inviter: null },
        { name: 'Grace', posts: [{ title: 'Compilers' }], inviter: { name: 'Ada' } },
        { name: 'Alan', posts: [], inviter: { name: 'Ada' } },
      ]);
    });

    test('find the first, with filters, extras and depth', async () => {
      expect(
        await db.query.users.findFirst({
          where: eq(users.id, 1),
          extras: { shout: sql<string>`upper(${users.name})`.as('shout') },
          with: { invited: { with: { posts: { with: { author: true } } }, orderBy: asc(users.id), limit: 1 } },
        }),
      ).toMatchObject({
        id: 1,
        verified: true,
        shout: 'ADA',
        invited: [{ name: 'Grace', verified: false, posts: [{ id: 2, author: { name: 'Grace' } }] }],
      });
      expect(await db.query.posts.findFirst({ where: eq(posts.id, 99) })).toBeUndefined();
    });

    test('can be prepared', async () => {
      const byId = db.query.users
        .findFirst({ where: eq(users.id, sql.placeholder('id')), columns: { name: true } })
        .prepare();
      expect(await byId.execute({ id: 2 })).toEqual({ name: 'Grace' });
      expect(await byId.execute({ id: 9 })).toBeUndefined();
    });
  });

  describe('batch', () => {
    test('gives the results of all kinds of queries, in order', async () => {
      const results = await db.batch([
        db.insert(users).values({ name: 'Edsger' }),
        db.insert(users).values({ name: 'Barbara' }).returning({ id: users.id }),
        db.select({ id: users.id, verified: users.verified }).from(users).where(eq(users.id, 1)),
        db.query.users.findMany({ columns: { id: true }, where: gt(users.id, 3) }),
        db.query.users.findFirst({ columns: { name: true }, with: { posts: true } }),
        db.query.users.findFirst({ where: eq(users.id, 99) }),
        db.update(users).set({ verified: true }).where(gt(users.id, 3)),
        db.run(sql`delete from posts where id = ${3}`),
        db.all(sql`select id, title from posts order by id`),
        db.get(sql`select count(*) as n from posts`),
        db.get(sql`select 1 where 0`),
        db.values(sql`select id from posts order by id`),
      ]);
      expect(results).toEqual([
        { changes: 1, lastInsertRowid: 4 },
        [{ id: 5 }],
        [{ id: 1, verified: true }],
        [{ id: 4 }, { id: 5 }],
        {
          name: 'Ada',
          posts: [expect.objectContaining({ title: 'Notes' }), expect.objectContaining({ title: 'More notes' })],
        },
        undefined,
        { changes: 2, lastInsertRowid: 0 },
        { changes: 1, lastInsertRowid: 0 },
        [
          { id: 1, title: 'Notes' },
          { id: 2, title: 'Compilers' },
        ],
        { n: 2 },
        undefined,
        [[1], [2]],
      ]);
    });

    test('is all or nothing', async () => {
      const batch = db.batch([
        db.insert(users).values({ name: 'Edsger' }),
        db.insert(posts).values({ title: 'Notes', authorId: 1 }),
      ]);
      expect(await rejection(batch)).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
      expect(await db.$count(users)).toBe(3);
    });

    test('refuses placeholders without values', async () => {
      const open = db
        .select()
        .from(users)
        .where(eq(users.id, sql.placeholder('id')));
      expect(String(await rejection(db.batch([open])))).toMatch(/placeholder/);
    });
  });

  describe('errors', () => {
    test('are those of Drizzle, with that of SQLite as their cause', async () => {
      const error = await rejection(Promise.resolve(db.insert(posts).values({ title: 'Notes', authorId: 1 })));
      expect(error).toBeInstanceOf(DrizzleQueryError);
      expect(error).toMatchObject({
        query: expect.stringMatching(/^insert/),
        cause: { code: 'SQLITE_CONSTRAINT_UNIQUE', errcode: 2067 },
      });
      expect(await rejection(Promise.resolve(db.insert(posts).values({ title: 'x', authorId: 99 })))).toMatchObject({
        cause: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' },
      });
      expect(await rejection(Promise.resolve(db.all(sql`selec`)))).toMatchObject({ cause: { code: 'SQLITE_ERROR' } });
      expect(await rejection(Promise.resolve(db.run(sql`select 1; select 2`)))).toMatchObject({
        cause: { code: 'ERR_STATEMENT_COUNT' },
      });
      expect(await rejection(Promise.resolve(db.all(sql`select ${new Date() as never}`)))).toMatchObject({
        cause: { code: 'ERR_INVALID_ARG_TYPE' },
      });
    });
  });
});
