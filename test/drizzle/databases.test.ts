import { drizzle } from 'aiosqlite/drizzle';
import { eq, type Table } from 'drizzle-orm';
import { Cache, type MutationOption } from 'drizzle-orm/cache/core';
import { integer, sqliteTable, text, withReplicas } from 'drizzle-orm/sqlite-core';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { CREATE_TABLES, posts, schema, users } from './fixtures.js';

const on = databases();

describe('drizzle()', () => {
  test('opens a pool from a path, from options and from a config, and $client closes it', async () => {
    for (const db of [
      drizzle(on.file()),
      drizzle({ connection: on.file(), schema }),
      drizzle({ connection: { database: on.file(), poolSize: 2 } }),
    ]) {
      await db.$client.exec('CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name, verified, invited_by)');
      expect(await db.select().from(users)).toEqual([]);
      await db.$client.close();
      expect(await rejection(db.select().from(users).all())).toMatchObject({ cause: { code: 'ERR_CLOSED' } });
    }
  });

  test('takes a client by itself, or in the config', async () => {
    const pool = on.pool();
    expect(drizzle(pool).$client).toBe(pool);
    expect(drizzle({ client: pool }).$client).toBe(pool);
    expect(drizzle({ client: pool, schema }).query.users).toBeDefined();
  });

  test('throws for wrong options', () => {
    expect(() => drizzle({} as never)).toThrow(TypeError);
    expect(() => drizzle({ connection: { database: 'x', poolSize: 0 } })).toThrow(RangeError);
  });

  test('shares commits between independent writes, and readers between reads', async () => {
    const pool = on.pool();
    await pool.exec(CREATE_TABLES);
    const db = drizzle(pool);
    const { commits } = pool.stats();
    await Promise.all(Array.from({ length: 200 }, (_, i) => db.insert(users).values({ name: `${i}` })));
    expect(pool.stats().commits - commits).toBeLessThan(200);
    await using _ = await pool.acquire();
    expect(await db.$count(users)).toBe(200); // the writer is taken
  });

  test('names columns as `casing` says', async () => {
    const camel = sqliteTable('camel', { id: integer().primaryKey(), firstName: text() });
    const db = drizzle(on.pool(), { casing: 'snake_case' });
    await db.$client.exec('CREATE TABLE camel (id INTEGER PRIMARY KEY, first_name TEXT)');
    await db.insert(camel).values({ firstName: 'Ada' });
    expect(await db.select().from(camel)).toEqual([{ id: 1, firstName: 'Ada' }]);
  });

  test('logs every query, those of a batch too', async () => {
    const logged: [string, unknown[]][] = [];
    const db = drizzle(on.pool(), { logger: { logQuery: (query, params) => void logged.push([query, params]) } });
    await db.$client.exec(CREATE_TABLES);
    await db.select({ id: users.id }).from(users).where(eq(users.id, 5));
    await db.batch([db.delete(posts).where(eq(posts.id, 6))]);
    expect(logged).toEqual([
      ['select "id" from "users" where "users"."id" = ?', [5]],
      ['delete from "posts" where "posts"."id" = ?', [6]],
    ]);
  });

  test('reads through replicas', async () => {
    const primary = drizzle(on.pool({ database: on.file('primary.db') }));
    const replica = drizzle(on.pool({ database: on.file('replica.db') }));
    await primary.$client.exec(CREATE_TABLES);
    await replica.$client.exec(CREATE_TABLES);
    const db = withReplicas(primary, [replica]);
    await db.insert(users).values({ name: 'Ada' });
    expect(await db.select().from(users)).toEqual([]);
    expect(await db.$primary.select().from(users)).toHaveLength(1);
  });

  test('asks a cache, and tells it what changed', async () => {
    const cache = new MemoryCache();
    const db = drizzle(on.pool(), { cache });
    await db.$client.exec(CREATE_TABLES);
    const count = async () => (await db.select().from(users)).length;
    expect(await count()).toBe(0);
    await db.$client.run("INSERT INTO users (name) VALUES ('Ada')"); // unseen
    expect(await count()).toBe(0);
    await db.insert(users).values({ name: 'Grace' });
    expect(await count()).toBe(2);
    await db.batch([db.insert(users).values({ name: 'Alan' }), db.select().from(posts)]);
    expect(await count()).toBe(3);
    await db.$client.run('DELETE FROM users');
    expect(db.$cache).toBe(cache);
    await db.$cache.invalidate({ tables: users });
    expect(await count()).toBe(0);
  });
});

class MemoryCache extends Cache {
  readonly #entries = new Map<string, { response: any; tables: string[] }>();

  strategy() {
    return 'all' as const;
  }

  async get(key: string) {
    return this.#entries.get(key)?.response;
  }

  async put(key: string, response: any, tables: string[]) {
    this.#entries.set(key, { response, tables });
  }

  async onMutate({ tables }: MutationOption) {
    const changed = [tables ?? []].flat().map((table) => (typeof table === 'string' ? table : nameOf(table)));
    for (const [key, entry] of this.#entries) {
      if (entry.tables.some((table) => changed.includes(table))) this.#entries.delete(key);
    }
  }
}

function nameOf(table: Table): string {
  return (table as any)[Symbol.for('drizzle:Name')];
}
