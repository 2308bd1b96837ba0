import type { Connection, Pool, PoolOptions, RunResult, Transaction } from 'aiosqlite';
import { type AiosqliteDatabase, drizzle } from 'aiosqlite/drizzle';
import { eq, sql } from 'drizzle-orm';
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core';
import { describe, expectTypeOf, test } from 'vitest';
import { posts, schema, users } from './fixtures.js';

/** Read by the compiler (npm run check); nothing of it need run. */
describe('the types of aiosqlite/drizzle', () => {
  test('tell what a database runs on', () => {
    const work = (pool: Pool, connection: Connection, transaction: Transaction, options: PoolOptions) => {
      expectTypeOf(drizzle(pool).$client).toEqualTypeOf<Pool>();
      expectTypeOf(drizzle(connection, { schema }).$client).toEqualTypeOf<Connection>();
      expectTypeOf(drizzle(transaction).$client).toEqualTypeOf<Transaction>();
      expectTypeOf(drizzle('app.db').$client).toEqualTypeOf<Pool>();
      expectTypeOf(drizzle({ connection: options }).$client).toEqualTypeOf<Pool>();
      expectTypeOf(drizzle({ client: connection, schema })).toEqualTypeOf<
        AiosqliteDatabase<typeof schema, Connection>
      >();
      expectTypeOf(drizzle(pool, { schema })).toExtend<AiosqliteDatabase<typeof schema>>();
      expectTypeOf(drizzle(pool, { schema })).toExtend<BaseSQLiteDatabase<'sync' | 'async', any, any>>();
      // @ts-expect-error: neither a client nor a path
      drizzle(1);
      // @ts-expect-error: no schema was given
      drizzle(pool).query.users.findMany();
    };
    void work;
  });

  test('are those of Drizzle', () => {
    const work = async (pool: Pool) => {
      const db = drizzle(pool, { schema });
      expectTypeOf(await db.insert(users).values({ name: 'Ada' })).toEqualTypeOf<RunResult>();
      expectTypeOf(await db.run(sql`select 1`)).toEqualTypeOf<RunResult>();
      expectTypeOf(await db.select({ id: users.id, verified: users.verified }).from(users)).toEqualTypeOf<
        { id: number; verified: boolean }[]
      >();
      const nested = await db.query.users.findFirst({ columns: { name: true }, with: { posts: true } });
      expectTypeOf(nested).toEqualTypeOf<
        { name: string; posts: { id: number; title: string; authorId: number }[] } | undefined
      >();
      const batched = await db.batch([
        db.delete(posts),
        db.select({ id: posts.id }).from(posts).where(eq(posts.id, 1)),
        db.get<{ n: number }>(sql`select 1 as n`),
      ]);
      expectTypeOf(batched).toEqualTypeOf<[RunResult, { id: number }[], { n: number }]>();
      const inside = await db.transaction(async (tx) => {
        expectTypeOf(tx.$client).toEqualTypeOf<Transaction>();
        return tx.transaction((inner) => inner.update(users).set({ name: 'Grace' }).returning({ id: users.id }));
      });
      expectTypeOf(inside).toEqualTypeOf<{ id: number }[]>();
      // @ts-expect-error: a column that is not there
      db.insert(users).values({ nowhere: 1 });
    };
    void work;
  });
});
