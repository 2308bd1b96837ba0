import { pathToFileURL } from 'node:url';
import { createPool, type TracedCall } from 'aiosqlite';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { CamelCasePlugin, CompiledQuery, Kysely, type LogEvent, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { KyselyConnection } from '../../lib/kysely/connection.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { sleep } from '../support/time.js';
import { createTables, type Database, insertPeople, kyselyOver, sourceNames, sources } from './fixtures.js';

const on = databases();

describe('AiosqliteDialect', () => {
  test('opens a pool of its own from options, at the first query, and destroy() closes it', async () => {
    const db = new Kysely<Database>({ dialect: new AiosqliteDialect({ database: on.file(), mustExist: false }) });
    await createTables(db);
    await insertPeople(db);
    await db.destroy();
    await db.destroy();
    expect(String(await rejection(db.selectFrom('pet').selectAll().execute()))).toMatch(/destroyed/);
    const again = kyselyOver(await on.connect());
    expect(await again.selectFrom('pet').selectAll().execute()).toHaveLength(3);
  });

  test('that was never used is destroyed without opening anything', async () => {
    const db = new Kysely<Database>({ dialect: new AiosqliteDialect({ database: on.file('absent.db') }) });
    await db.destroy();
    const readonly = createPool({ database: on.file('absent.db'), mustExist: true });
    expect(await rejection(readonly.get('SELECT 1'))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
    await readonly.close();
  });

  test('destroy() waits for what runs', async () => {
    const db = new Kysely<Database>({ dialect: new AiosqliteDialect({ database: on.file() }) });
    await createTables(db);
    const writes = Array.from({ length: 50 }, (_, i) =>
      db
        .insertInto('person')
        .values({ first_name: `${i}` })
        .execute(),
    );
    await sleep(0);
    await db.destroy();
    expect((await Promise.allSettled(writes)).filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
  });

  test.each([
    ['a path', () => new AiosqliteDialect(on.file(), { poolSize: 2 })],
    ['a URL', () => new AiosqliteDialect(pathToFileURL(on.file()))],
    ['options', () => new AiosqliteDialect({ database: on.file() })],
  ])('made from %s can be used again after destroy()', async (_, make) => {
    const dialect = make();
    for (const round of [0, 1]) {
      const db = new Kysely<Database>({ dialect });
      if (round === 0) await createTables(db);
      await db
        .insertInto('person')
        .values({ first_name: 'Ada', last_name: `${round}` })
        .execute();
      expect(await db.selectFrom('person').select('id').execute()).toHaveLength(round + 1);
      await db.destroy();
    }
  });

  test('destroy() closes the pool of its own instance alone', async () => {
    const dialect = new AiosqliteDialect(on.file());
    const [one, other] = [new Kysely<Database>({ dialect }), new Kysely<Database>({ dialect })];
    await createTables(one);
    expect(await other.selectFrom('pet').selectAll().execute()).toEqual([]);
    await one.destroy();
    expect(await other.selectFrom('pet').selectAll().execute()).toEqual([]);
    await other.destroy();
  });

  test.each(sourceNames)('leaves %s that it was given open', async (name) => {
    const source = await sources[name](on);
    const db = kyselyOver(source);
    await createTables(db);
    await db.destroy();
    expect(await source.get('SELECT count(*) AS n FROM person')).toEqual({ n: 0 });
  });

  test('throws for wrong options, and tells when the database can not be opened', async () => {
    expect(() => new AiosqliteDialect({ database: 1 as never })).toThrow(TypeError);
    expect(() => new AiosqliteDialect({ database: 'x.db', poolSize: 0 })).toThrow(RangeError);
    expect(() => new AiosqliteDialect('x.db', { poolSize: 0 })).toThrow(RangeError);
    for (const source of [undefined, null, 1]) {
      expect(() => new AiosqliteDialect(source as never)).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
    const db = new Kysely<Database>({ dialect: new AiosqliteDialect({ database: on.file('no/such/folder.db') }) });
    expect(await rejection(db.selectFrom('pet').selectAll().execute())).toMatchObject({ code: 'SQLITE_CANTOPEN' });
    await db.destroy();
  });

  test('runs queries beside each other, and independent writes in shared commits', async () => {
    const pool = on.pool();
    const db = kyselyOver(pool);
    await createTables(db);
    const before = pool.stats();
    const inserts = Array.from({ length: 200 }, (_, i) =>
      db
        .insertInto('person')
        .values({ first_name: `${i}` })
        .executeTakeFirstOrThrow(),
    );
    const ids = (await Promise.all(inserts)).map(({ insertId }) => insertId);
    expect(new Set(ids).size).toBe(200);
    expect(pool.stats().commits - before.commits).toBeLessThan(200);
  });

  test('passes integers as the pool was told to', async () => {
    const db = kyselyOver(on.pool({ integerMode: 'bigint' }));
    await createTables(db);
    const { insertId } = await db.insertInto('person').values({ first_name: 'Ada' }).executeTakeFirstOrThrow();
    expect(insertId).toBe(1n);
    expect((await db.updateTable('person').set({ age: 1 }).executeTakeFirstOrThrow()).numUpdatedRows).toBe(1n);
    expect(await sql`update person set age = 2`.execute(db)).toEqual({ rows: [], numAffectedRows: 1n });
    expect(await db.selectFrom('person').select('id').execute()).toEqual([{ id: 1n }]);
  });

  test('logs queries, failed ones and streams', async () => {
    const events: LogEvent[] = [];
    const db = kyselyOver(on.pool(), { log: (event) => void events.push(event) });
    await createTables(db);
    events.length = 0;
    await db.selectFrom('pet').selectAll().execute();
    await rejection(sql`select nothing`.execute(db));
    for await (const _ of db.selectFrom('pet').selectAll().stream());
    expect(events.map(({ level }) => level)).toEqual(['query', 'error', 'query']);
  });

  test.each(sourceNames)('logs the limits of transactions over %s, as the dialects of Kysely do', async (name) => {
    const logged: string[] = [];
    const log = ({ level, query }: LogEvent) => void logged.push(`${level}: ${query.sql}`);
    const db = kyselyOver(await sources[name](on), { log });
    await createTables(db);
    logged.length = 0;
    const insert = () => db.insertInto('person').values({ first_name: 'Ada' });
    await db.transaction().execute((trx) => trx.executeQuery(insert()));
    await rejection(db.transaction().execute(() => Promise.reject(new Error('undo'))));
    const trx = await db.startTransaction().execute();
    const savepoint = await trx.savepoint('a"b').execute();
    await savepoint.rollbackToSavepoint('a"b').execute();
    await savepoint.releaseSavepoint('a"b').execute();
    await trx.commit().execute();
    expect(logged).toEqual([
      'query: begin',
      'query: insert into "person" ("first_name") values (?)',
      'query: commit',
      'query: begin',
      'query: rollback',
      'query: begin',
      'query: savepoint "a""b"',
      'query: rollback to "a""b"',
      'query: release "a""b"',
      'query: commit',
    ]);
  });

  test('logs a transaction that can not begin as an error', async () => {
    const events: string[] = [];
    await using other = await on.connect();
    const log = ({ level, query }: LogEvent) => void events.push(`${level}: ${query.sql}`);
    const db = kyselyOver(on.pool({ busyTimeoutMs: 1 }), { log });
    await createTables(db);
    events.length = 0;
    await other.exec('BEGIN IMMEDIATE');
    const begun = db.transaction().execute(async () => {});
    expect(await rejection(begun)).toMatchObject({ code: 'SQLITE_BUSY' });
    expect(events[0]).toBe('error: begin');
    await other.exec('ROLLBACK');
  });

  test('tells the tracing of the package what it runs, without values', async () => {
    const { subscribe, unsubscribe } = await import('node:diagnostics_channel');
    const calls: TracedCall[] = [];
    const listener = (call: unknown) => void calls.push(call as TracedCall);
    const db = kyselyOver(on.pool());
    await createTables(db);
    subscribe('aiosqlite:call', listener);
    await db.selectFrom('pet').selectAll().where('name', '=', 'secret').execute();
    unsubscribe('aiosqlite:call', listener);
    expect(calls.map(({ sql }) => sql)).toEqual(['select * from "pet" where "name" = ?']);
  });
});

describe('a query of Kysely 0.29 with a signal', () => {
  const endless = CompiledQuery.raw('with recursive n (x) as (select 1 union all select x + 1 from n) select x from n');

  test('is cancelled alone, and rejects', async () => {
    const driver = new AiosqliteDialect(on.pool()).createDriver();
    const connection = (await driver.acquireConnection()) as KyselyConnection;
    const { signal } = new AbortController();
    const running = connection.executeQuery(endless, { signal });
    await sleep(20);
    await connection.cancelQuery();
    expect(await rejection(running)).toMatchObject({ name: 'AbortError' });
    expect((await connection.executeQuery(CompiledQuery.raw('select 1 as one'))).rows).toEqual([{ one: 1 }]);
    await driver.releaseConnection(connection);
  });

  test('ends as a stream, and lets go', async () => {
    const driver = new AiosqliteDialect(on.pool()).createDriver();
    const connection = (await driver.acquireConnection()) as KyselyConnection;
    const controller = new AbortController();
    let rows = 0;
    for await (const chunk of connection.streamQuery(endless, 10, controller)) {
      rows += chunk.rows.length;
      if (rows === 100) controller.abort();
    }
    expect(rows).toBeGreaterThanOrEqual(100);
    await driver.releaseConnection(connection);
  });
});

describe.each(sourceNames)('db.connection() of Kysely over %s', (name) => {
  test('binds several queries to one connection', async () => {
    const db = kyselyOver(await sources[name](on));
    await createTables(db);
    const result = await db.connection().execute(async (one) => {
      await one.insertInto('person').values({ first_name: 'Ada' }).execute();
      await one.transaction().execute((trx) => trx.insertInto('person').values({ first_name: 'Grace' }).execute());
      return one.selectFrom('person').select('first_name').orderBy('id').execute();
    });
    expect(result).toEqual([{ first_name: 'Ada' }, { first_name: 'Grace' }]);
  });

  test('may begin and end a transaction by hand', async () => {
    const db = kyselyOver(await sources[name](on));
    await createTables(db);
    await db.connection().execute(async (one) => {
      await sql`begin immediate`.execute(one);
      await one.insertInto('person').values({ first_name: 'Ada' }).execute();
      await sql`rollback`.execute(one);
    });
    expect(await db.selectFrom('person').select('id').execute()).toEqual([]);
  });
});

describe('db.connection() of Kysely over a pool', () => {
  test('has temporary tables and settings of its own, which end with it', async () => {
    const pool = on.pool();
    const db = kyselyOver(pool);
    await db.connection().execute(async (one) => {
      await sql`create temp table scratch (x)`.execute(one);
      await sql`insert into scratch values (1)`.execute(one);
      expect((await sql`select x from scratch`.execute(one)).rows).toEqual([{ x: 1 }]);
      await sql`pragma foreign_keys = off`.execute(one);
      expect((await sql`pragma foreign_keys`.execute(one)).rows).toEqual([{ foreign_keys: 0 }]);
    });
    expect((await sql`pragma foreign_keys`.execute(db)).rows).toEqual([{ foreign_keys: 1 }]);
    expect(await rejection(sql`select x from scratch`.execute(db))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('keeps others from what it has begun', async () => {
    const db = kyselyOver(on.pool());
    await createTables(db);
    const own = db.connection().execute(async (one) => {
      await sql`begin`.execute(one);
      await one.insertInto('person').values({ first_name: 'Ada' }).execute();
      await sleep(20);
      await sql`rollback`.execute(one);
    });
    await sleep(5);
    await db.insertInto('person').values({ first_name: 'Grace' }).execute();
    await own;
    expect(await db.selectFrom('person').select('first_name').execute()).toEqual([{ first_name: 'Grace' }]);
  });

  test('rolls back what it leaves open', async () => {
    const db = kyselyOver(on.pool());
    await createTables(db);
    await db.connection().execute(async (one) => {
      await sql`begin`.execute(one);
      await one.insertInto('person').values({ first_name: 'Ada' }).execute();
    });
    expect(await db.selectFrom('person').select('id').execute()).toEqual([]);
  });
});

describe('a statement that belongs to one connection, on Kysely over a pool', () => {
  test.each([
    'begin',
    'savepoint a',
    'pragma cache_size = 10',
    'create temp table scratch (x)',
    "attach ':memory:' as a",
  ])('%s is refused, as the pool refuses it, and nothing is lost after it', async (statement) => {
    const pool = on.pool();
    const db = kyselyOver(pool);
    const error = await rejection(sql.raw(statement).execute(db));
    expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CONTROL_STATEMENT' });
    expect(error.message).toBe((await rejection(pool.run(statement))).message);
    expect(await rejection(db.executeQuery(CompiledQuery.raw(statement)))).toMatchObject({ message: error.message });
  });

  test('is taken in db.connection() and its transactions, also as the first one and beside others', async () => {
    const db = kyselyOver(on.pool());
    await createTables(db);
    const own = (statement: string) =>
      db.connection().execute(async (one) => {
        await sql.raw(statement).execute(one);
        await one.selectFrom('person').select('id').execute();
      });
    const statements = ['begin', 'savepoint a', 'pragma cache_size = 10', 'create temp table scratch (x)'];
    await Promise.all([
      ...statements.map(own),
      ...Array.from({ length: 20 }, () => db.selectFrom('pet').selectAll().execute()),
      expect(rejection(sql`begin`.execute(db))).resolves.toMatchObject({ code: 'ERR_CONTROL_STATEMENT' }),
    ]);
    await db.transaction().execute((trx) => sql`pragma defer_foreign_keys = on`.execute(trx));
  });

  test('is refused in Kysely over an own Pool with plugins, too', async () => {
    const db = kyselyOver(on.pool(), { plugins: [new CamelCasePlugin()] });
    expect(await rejection(sql`begin`.execute(db))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    await db.connection().execute(async (one) => {
      await sql`begin`.execute(one);
      await sql`rollback`.execute(one);
    });
  });

  test('is no fault where it says what is so: foreign keys are on', async () => {
    const db = kyselyOver(on.pool());
    expect(await sql`pragma foreign_keys = on`.execute(db)).toEqual({ rows: [] });
    expect(await rejection(sql`pragma foreign_keys = off`.execute(db))).toMatchObject({
      code: 'ERR_CONTROL_STATEMENT',
    });
    const without = kyselyOver(on.pool({ foreignKeys: false }));
    expect(await rejection(sql`pragma foreign_keys = 1`.execute(without))).toMatchObject({
      code: 'ERR_CONTROL_STATEMENT',
    });
  });
});
