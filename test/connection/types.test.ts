import type { Executor, QueryResult, Row, RowIterator, RowOptions, RunResult, SqlValue } from 'aiosqlite';
import { describe, expectTypeOf, test } from 'vitest';

interface User {
  id: number;
  name: string;
  photo: Uint8Array | null;
  tags: readonly string[];
}
interface Dated {
  id: number;
  born: Date;
}
interface Partly {
  id: number;
  name?: string;
}
const SQL = 'SELECT :id, :name, :photo, :tags';

/** Read by the compiler (npm run check); nothing of it need run. */
describe('the types of the verbs', () => {
  test('objects of an interface are parameters if all of their values can be bound', () => {
    const work = async (db: Executor, user: User, dated: Dated, partly: Partly) => {
      expectTypeOf(await db.run(SQL, user)).toEqualTypeOf<RunResult>();
      expectTypeOf(await db.get(SQL, user)).toEqualTypeOf<Row | undefined>();
      expectTypeOf(await db.all(SQL, user, { timeoutMs: 5 })).toEqualTypeOf<Row[]>();
      expectTypeOf(await db.query(SQL, user)).toEqualTypeOf<QueryResult<Row>>();
      expectTypeOf(db.iterate(SQL, user)).toEqualTypeOf<RowIterator<Row>>();
      await db.executeMany(SQL, [user]);
      await db.executeMany(SQL, new Set([user]));
      await db.executeMany(SQL, {} as AsyncIterable<User>);
      // With a row type, a copy has the index signature.
      expectTypeOf(await db.get<User>(SQL, { ...user })).toEqualTypeOf<User | undefined>();

      // @ts-expect-error: a Date can't be bound
      await db.run(SQL, dated);
      // @ts-expect-error: a Date can't be bound
      await db.get(SQL, dated);
      // @ts-expect-error: a Date can't be bound
      await db.all(SQL, [dated.born]);
      // @ts-expect-error: a Date can't be bound
      await db.executeMany(SQL, [dated]);
      // @ts-expect-error: a Date can't be bound
      await db.executeMany(SQL, new Set([dated]));
      // @ts-expect-error: undefined can't be bound
      await db.run(SQL, partly);
      // @ts-expect-error: not an object
      await db.run(SQL, 'name');
      // @ts-expect-error: not an object
      await db.run(SQL, 1);
      // @ts-expect-error: not an object
      await db.get(SQL, null);
      // @ts-expect-error: a callback
      await db.run(SQL, () => {});
      // @ts-expect-error: a callback
      await db.get(SQL, (error: Error, row: Row) => [error, row]);
      // @ts-expect-error: neither an array nor an object of values
      await db.run(SQL, new Map([['id', 1]]));
      // @ts-expect-error: neither an array nor an object of values
      await db.run(SQL, new Date());
      // @ts-expect-error: rows are no text
      await db.executeMany(SQL, 'abc');
      // @ts-expect-error: a row is no number
      await db.executeMany(SQL, [1, 2]);
    };
    void work;
  });

  test("rowMode: 'array' gives arrays", () => {
    const work = async (db: Executor) => {
      const options = { rowMode: 'array' } as const;
      expectTypeOf(await db.get('SELECT 1', [], options)).toEqualTypeOf<SqlValue[] | undefined>();
      expectTypeOf(await db.all({ sql: 'SELECT 1' }, options)).toEqualTypeOf<SqlValue[][]>();
      expectTypeOf((await db.query('SELECT 1', undefined, { rowMode: 'array' })).rows).toEqualTypeOf<SqlValue[][]>();
      expectTypeOf(db.iterate('SELECT 1', [], { rowMode: 'array', batchSize: 9 })).toEqualTypeOf<
        RowIterator<SqlValue[]>
      >();
      expectTypeOf(await db.all<[number, string]>('SELECT 1', [], options)).toEqualTypeOf<[number, string][]>();
      expectTypeOf(await db.batch([], options)).toEqualTypeOf<QueryResult<SqlValue[]>[]>();
      expectTypeOf(await db.batch<[number][]>([], options)).toEqualTypeOf<QueryResult<[number]>[]>();
    };
    void work;
  });

  test('values of jsonColumns are unknown, or as the caller says', () => {
    const work = async (db: Executor) => {
      const options = { jsonColumns: ['data'] };
      expectTypeOf(await db.get('SELECT 1', [], options)).toEqualTypeOf<Record<string, unknown> | undefined>();
      expectTypeOf(await db.all({ sql: 'SELECT 1' }, options)).toEqualTypeOf<Record<string, unknown>[]>();
      expectTypeOf(await db.all('SELECT 1', [], { ...options, rowMode: 'array' })).toEqualTypeOf<unknown[][]>();
      expectTypeOf(await db.get<{ data: { x: 1 } }>('SELECT 1', [], options)).toEqualTypeOf<
        { data: { x: 1 } } | undefined
      >();
    };
    void work;
  });

  test('batch() types the rows of its queries', () => {
    const work = async (db: Executor, users: () => Promise<User[]>) => {
      expectTypeOf(await db.batch([{ sql: 'SELECT 1' }])).toEqualTypeOf<QueryResult[]>();
      const [user, count] = await db.batch<[User, { n: number }]>([{ sql: 'SELECT 1' }, { sql: 'SELECT 1' }]);
      expectTypeOf(user).toEqualTypeOf<QueryResult<User>>();
      expectTypeOf(count.rows[0]).toEqualTypeOf<{ n: number } | undefined>();
      expectTypeOf(await db.batch<User[]>([])).toEqualTypeOf<QueryResult<User>[]>();
      void users;
    };
    void work;
  });

  test('what was typed by its row before is typed so still', () => {
    const work = async (db: Executor, options: RowOptions) => {
      expectTypeOf(await db.get('SELECT 1')).toEqualTypeOf<Row | undefined>();
      expectTypeOf(await db.all('SELECT 1', [1], options)).toEqualTypeOf<Row[]>();
      expectTypeOf(await db.get<User>('SELECT 1', { id: 1 })).toEqualTypeOf<User | undefined>();
      const inferred: User | undefined = await db.get('SELECT 1', [1]);
      const all = (): Promise<User[]> => db.all('SELECT 1', { id: 1 });
      const results: QueryResult<User>[] = [await db.query('SELECT 1')];
      void [inferred, all, results];
    };
    void work;
  });
});
