import type { Connection, Pool } from 'aiosqlite';
import { drizzle } from 'aiosqlite/drizzle';
import { SessionStore } from 'aiosqlite/store';
import { eq, sql, TransactionRollbackError } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { sleep } from '../support/time.js';
import { CREATE_TABLES, posts, schema, sourceNames, sources, users } from './fixtures.js';

const on = databases();

describe.each(sourceNames)('a transaction of Drizzle over %s', (name) => {
  let client: Pool | Connection;
  const over = () => drizzle(client, { schema });
  let db: ReturnType<typeof over>;
  const names = async (on: Pick<typeof db, 'select'> = db) =>
    (await on.select({ name: users.name }).from(users).orderBy(users.id)).map((row) => row.name);

  beforeEach(async () => {
    client = await sources[name](on);
    db = over();
    await client.exec(CREATE_TABLES);
  });

  test('commits, and gives the result of its function', async () => {
    const id = await db.transaction(async (tx) => {
      const [user] = await tx.insert(users).values({ name: 'Ada' }).returning({ id: users.id });
      await tx.insert(posts).values({ title: 'Notes', authorId: user?.id as number });
      return user?.id;
    });
    expect(id).toBe(1);
    expect(await db.query.users.findFirst({ with: { posts: true } })).toMatchObject({ posts: [{ title: 'Notes' }] });
  });

  test('rolls back when its function rejects, or asks for it', async () => {
    const error = new Error('no');
    const failing = db.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'Ada' });
      throw error;
    });
    expect(await rejection(failing)).toBe(error);
    const rolling = db.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'Ada' });
      expect(await names(tx)).toEqual(['Ada']);
      tx.rollback();
    });
    expect(await rejection(rolling)).toBeInstanceOf(TransactionRollbackError);
    expect(await names()).toEqual([]);
  });

  test('rolls back when a query in it fails', async () => {
    const failing = db.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'Ada' });
      await tx.insert(posts).values({ title: 'Notes', authorId: 99 });
    });
    expect(await rejection(failing)).toMatchObject({ cause: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } });
    expect(await names()).toEqual([]);
  });

  test('nests: an inner one can be undone alone', async () => {
    await db.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'Ada' });
      await tx.transaction(async (inner) => {
        await inner.insert(users).values({ name: 'Grace' });
        const innermost = inner.transaction(async (third) => {
          await third.insert(users).values({ name: 'Alan' });
          third.rollback();
        });
        expect(await rejection(innermost)).toBeInstanceOf(TransactionRollbackError);
        expect(await names(inner)).toEqual(['Ada', 'Grace']);
      });
      await tx.insert(users).values({ name: 'Edsger' });
    });
    expect(await names()).toEqual(['Ada', 'Grace', 'Edsger']);
    const outer = db.transaction(async (tx) => {
      await tx.transaction((inner) => inner.delete(users));
      throw new Error('all');
    });
    await rejection(outer);
    expect(await names()).toHaveLength(3);
  });

  test('has relational queries, counts and SQL by hand', async () => {
    await db.transaction(async (tx) => {
      await tx.run(sql`insert into users (name) values (${'Ada'})`);
      expect(await tx.query.users.findMany({ columns: { name: true } })).toEqual([{ name: 'Ada' }]);
      expect(await tx.$count(users)).toBe(1);
      expect(await tx.get(sql`select name from users`)).toEqual({ name: 'Ada' });
    });
  });

  test.each(['deferred', 'immediate', 'exclusive'] as const)('begins %s', async (behavior) => {
    await db.transaction((tx) => tx.insert(users).values({ name: 'Ada' }), { behavior });
    expect(await names()).toEqual(['Ada']);
  });

  test('refuses a mode that SQLite does not have', async () => {
    const wrong = db.transaction(async () => {}, { behavior: 'shared' as never });
    expect(await rejection(wrong)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });

  test('keeps others out, and what is made beside it waits', async () => {
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        db.transaction(async (tx) => {
          const before = await tx.$count(users);
          await sleep(1);
          await tx.insert(users).values({ name: `${i}` });
          expect(await tx.$count(users)).toBe(before + 1);
        }),
      ),
    );
    expect(await db.$count(users)).toBe(10);
  });

  test('refuses a query on the database itself from inside, and any after its end', async () => {
    const nested = db.transaction(async () => {
      await db.insert(users).values({ name: 'Ada' });
    });
    expect(await rejection(nested)).toMatchObject({ cause: { code: 'ERR_NESTED_ACQUIRE' } });
    let kept: Parameters<Parameters<typeof db.transaction>[0]>[0] | undefined;
    await db.transaction(async (tx) => {
      kept = tx;
    });
    const late = kept?.select().from(users).all() as Promise<unknown>;
    expect(await rejection(late)).toMatchObject({ cause: { code: 'ERR_TRANSACTION_CLOSED' } });
  });

  test('holds what the session store writes, too', async () => {
    const store = new SessionStore(client);
    await store.createTables();
    const work = (fails: boolean) =>
      db.transaction(async (tx) => {
        await tx.insert(users).values({ name: 'Ada' });
        await store.with(tx.$client).createSession({ appName: 'app', userId: 'ada', sessionId: 's' });
        if (fails) tx.rollback();
      });
    await rejection(work(true));
    expect(await store.countSessions({ appName: 'app' })).toBe(0);
    await work(false);
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
    expect(await names()).toEqual(['Ada']);
  });
});

describe('Drizzle over a transaction', () => {
  test('is part of it, and its own transactions are savepoints', async () => {
    const pool = on.pool();
    await pool.exec(CREATE_TABLES);
    await pool.transaction(async (tx) => {
      const db = drizzle(tx, { schema });
      await db.insert(users).values({ name: 'Ada' });
      await rejection(
        db.transaction(async (inner) => {
          await inner.delete(users).where(eq(users.name, 'Ada'));
          inner.rollback();
        }),
      );
      expect(await tx.get('SELECT name FROM users')).toEqual({ name: 'Ada' });
    });
    expect(await pool.get('SELECT name FROM users')).toEqual({ name: 'Ada' });
  });
});
