import type { Connection, Pool, Transaction } from 'aiosqlite';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import type { Dialect, InsertResult, Kysely } from 'kysely';
import { describe, expectTypeOf, test } from 'vitest';
import type { Database } from './fixtures.js';

/** Read by the compiler (npm run check); nothing of it need run. */
describe('the types of aiosqlite/kysely', () => {
  test('take a pool, a connection, a transaction, or a path or the options of a pool', () => {
    expectTypeOf<AiosqliteDialect>().toExtend<Dialect>();
    expectTypeOf(AiosqliteDialect).toBeConstructibleWith({} as Pool);
    expectTypeOf(AiosqliteDialect).toBeConstructibleWith({} as Connection);
    expectTypeOf(AiosqliteDialect).toBeConstructibleWith({} as Transaction);
    expectTypeOf(AiosqliteDialect).toBeConstructibleWith({ database: 'app.db', poolSize: 2 });
    expectTypeOf(AiosqliteDialect).toBeConstructibleWith('app.db');
    expectTypeOf(AiosqliteDialect).toBeConstructibleWith(new URL('file:app.db'), { poolSize: 2 });
    const wrong = () => {
      // @ts-expect-error: no database
      new AiosqliteDialect({});
      // @ts-expect-error: two databases
      new AiosqliteDialect('app.db', { database: 'app.db' });
      // @ts-expect-error: no such option
      new AiosqliteDialect({ database: 'app.db', size: 1 });
    };
    void wrong;
  });

  test('are those of Kysely', () => {
    const work = async (db: Kysely<Database>) => {
      const rows = await db.selectFrom('person').select(['id', 'last_name as name']).execute();
      expectTypeOf(rows).toEqualTypeOf<{ id: number; name: string | null }[]>();
      expectTypeOf(await db.deleteFrom('pet').returning('species').executeTakeFirst()).toEqualTypeOf<
        { species: 'dog' | 'cat' | 'hamster' } | undefined
      >();
      expectTypeOf(await db.insertInto('person').values({ first_name: 'Ada' }).execute()).toEqualTypeOf<
        InsertResult[]
      >();
      // @ts-expect-error: a column that is not there
      db.selectFrom('person').select('nowhere');
    };
    void work;
  });
});
