import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  AiosqliteError,
  type AiosqliteErrorCode,
  type Connection,
  connect,
  createPool,
  SqliteError,
  type SqliteErrorCode,
} from 'aiosqlite';
import { beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { databases } from './support/databases.js';
import { rejection } from './support/rejection.js';
import { ENDLESS, sleep } from './support/time.js';

const on = databases();
const root = fileURLToPath(new URL('..', import.meta.url));
let db: Connection;

beforeEach(async () => {
  db = await on.connect();
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE, y CHECK (y > 0)); INSERT INTO t (x) VALUES (1)');
});

describe('SqliteError', () => {
  test('has the extended code by name and number, the SQL, and the offset where SQLite knows it', async () => {
    const unique = await rejection(db.run('INSERT INTO t (x) VALUES (?)', [1]));
    expect(unique).toBeInstanceOf(SqliteError);
    expect(unique).toBeInstanceOf(Error);
    expect(unique).toMatchObject({
      name: 'SqliteError',
      code: 'SQLITE_CONSTRAINT_UNIQUE',
      errcode: 2067,
      sql: 'INSERT INTO t (x) VALUES (?)',
    });
    expect(unique.message).toContain('t.x');
    expect(unique).not.toHaveProperty('offset');

    const syntax = await rejection(db.all('SELECT id, nowhere FROM t'));
    expect(syntax).toMatchObject({ code: 'SQLITE_ERROR', errcode: 1, offset: 11 });
    const shifted = await rejection(db.all('/* ä */ ; SELECT id, nowhere FROM t'));
    expect(shifted.offset).toBe(Buffer.byteLength('/* ä */ ; SELECT id, '));
  });

  test.each<[string, number, string]>([
    ['SQLITE_CONSTRAINT_UNIQUE', 2067, 'INSERT INTO t (x) VALUES (1)'],
    ['SQLITE_CONSTRAINT_PRIMARYKEY', 1555, 'INSERT INTO t (id) VALUES (1)'],
    ['SQLITE_CONSTRAINT_CHECK', 275, 'INSERT INTO t (y) VALUES (0)'],
    ['SQLITE_CONSTRAINT_NOTNULL', 1299, 'INSERT INTO strict (a) VALUES (NULL)'],
    ['SQLITE_CONSTRAINT_DATATYPE', 3091, "INSERT INTO strict (a) VALUES ('text')"],
    ['SQLITE_CONSTRAINT_FOREIGNKEY', 787, 'INSERT INTO child VALUES (99)'],
    ['SQLITE_CONSTRAINT_TRIGGER', 1811, 'DELETE FROM strict'],
    ['SQLITE_MISMATCH', 20, "INSERT INTO t (id) VALUES ('text')"],
    ['SQLITE_TOOBIG', 18, 'SELECT zeroblob(2000000000)'],
    ['SQLITE_ERROR', 1, 'SELECT * FROM nowhere'],
  ])('%s is %i', async (code, errcode, sql) => {
    await db.exec(`
      CREATE TABLE strict (a INTEGER NOT NULL) STRICT;
      INSERT INTO strict VALUES (1);
      CREATE TABLE child (t REFERENCES t);
      CREATE TRIGGER keep BEFORE DELETE ON strict BEGIN SELECT RAISE(ABORT, 'kept'); END`);
    expect(await rejection(db.run(sql))).toMatchObject({ name: 'SqliteError', code, errcode, sql });
  });

  test('from opening a file names the file', async () => {
    const error = await rejection(connect(on.file('no/where.db')));
    expect(error).toBeInstanceOf(SqliteError);
    expect(error.message).toContain(on.file('no/where.db'));
  });
});

describe('AiosqliteError', () => {
  test('has a code, and is no SqliteError', async () => {
    const error = await rejection(db.run('SELECT 1; SELECT 2'));
    expect(error).toBeInstanceOf(AiosqliteError);
    expect(error).not.toBeInstanceOf(SqliteError);
    expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_STATEMENT_COUNT' });
  });
});

describe("an error's stack", () => {
  const pool = () => on.pool({ database: on.file('pool.db') });
  const unopenable = () => on.pool({ database: on.file('no/where.db') });
  const fails = 'SELECT * FROM nowhere';
  const breaksLater = 'INSERT INTO child VALUES (99)';

  /** Notes the line that it is called in. */
  let line = 0;
  const here = (): undefined => {
    line = Number(/errors\.test\.ts:(\d+):/.exec(new Error().stack?.split('\n')[2] ?? '')?.[1]);
  };

  test.each<[string, () => Promise<unknown>]>([
    ['run', async () => await db.run(fails, here())],
    ['get', async () => await db.get(fails, here())],
    ['all', async () => await db.all(fails, here())],
    ['query', async () => await db.query(fails, here())],
    ['exec', async () => await db.exec(fails, here())],
    ['executeMany', async () => await db.executeMany(fails, [[]], here())],
    ['batch', async () => await db.batch([{ sql: fails }], here())],
    ['a transaction', async () => await db.transaction(async (tx) => await tx.run(fails), here())],
    ['tx.run', async () => await db.transaction(async (tx) => await tx.run(fails, here()))],
    ['COMMIT', async () => await db.transaction((tx) => tx.run(breaksLater), here())],
    [
      'a nested tx.get',
      async () => await db.transaction((tx) => tx.transaction(async (t) => await t.get(fails, here()))),
    ],
    ['a wrong argument', async () => await db.run(1 as never, here())],
    ['a wrong value', async () => await db.run('SELECT ?', [{} as never], here())],
    ['a wrong option', async () => await db.run('SELECT 1', here(), { timeoutMs: 0 })],
    ['a call that is late', async () => await db.get(ENDLESS, here(), { timeoutMs: 20 })],
    ['a late transaction', async () => await db.transaction(() => sleep(1_000 + (here() ?? 0)), { timeoutMs: 20 })],
    ['connect()', async () => await connect(on.file('no/where.db'), here())],
    ['pool.run', async () => await pool().run('INSERT INTO nowhere VALUES (1)', here())],
    ['pool.get', async () => await pool().get(fails, here())],
    ['pool.all through WITH', async () => await pool().all('WITH a AS (SELECT 1) DELETE FROM nowhere', here())],
    ['pool.batch', async () => await pool().batch([{ sql: fails }], here())],
    ['a transaction of a pool', async () => await pool().transaction(async (tx) => await tx.run(fails, here()))],
    ['pool.read', async () => await pool().read(async (tx) => await tx.get(fails, here()))],
    ['a lease', async () => await pool().withConnection(async (lease) => await lease.get(fails, here()))],
    ['a pool that cannot open', async () => await unopenable().get('SELECT 1', here())],
    ['transaction() of one that cannot open', async () => await unopenable().transaction(async () => {}, here())],
    ['acquire() of one that cannot open', async () => await unopenable().acquire(here())],
    ['a refused statement', async () => await pool().run('BEGIN', here())],
  ])('shows the line that called %s', async (_, call) => {
    await db.exec('CREATE TABLE child (t REFERENCES t DEFERRABLE INITIALLY DEFERRED)');
    line = 0;
    const error = await rejection(call());
    expect(line).toBeGreaterThan(0);
    expect(error.stack).toMatch(new RegExp(`errors\\.test\\.ts:${line}:`));
  });
});

describe('messages', () => {
  const SECRET = 'the-secret-value-4711';
  const blob = Buffer.from(SECRET);

  test('never hold values that were bound, nor rows', async () => {
    await db.exec(
      'CREATE TABLE s (x TEXT UNIQUE, n INTEGER CHECK (n < 5)) STRICT; CREATE TABLE child (x REFERENCES s (x))',
    );
    await db.run('INSERT INTO s (x) VALUES (?)', [SECRET]);
    const pool = on.pool();
    const failures = await Promise.all(
      [
        db.run('INSERT INTO s (x) VALUES (?)', [SECRET]),
        db.run('INSERT INTO s (x) VALUES (:x)', { x: SECRET }),
        db.run('INSERT INTO s (n) VALUES (?)', [SECRET]),
        db.run('INSERT INTO child VALUES (?)', [`${SECRET}!`]),
        db.run('SELECT ?', [SECRET, SECRET]),
        db.run('SELECT :y', { x: SECRET }),
        db.executeMany('INSERT INTO s (x) VALUES (?)', [[`${SECRET}?`], [SECRET]]),
        db.batch([{ sql: 'INSERT INTO s (x) VALUES (?)', params: [SECRET] }]),
        db.all('SELECT x FROM s', [], { jsonColumns: ['x'] }),
        db.get('SELECT ? AS x', [`{"${SECRET}": `], { jsonColumns: ['x'] }),
        db.run('SELECT ?', [{ secret: SECRET } as never]),
        db.run('SELECT ?', [{ constructor: { name: SECRET } } as never]),
        db.run('SELECT ?', [
          new (class {
            constructor() {
              Object.assign(this, { constructor: { name: SECRET } });
            }
          })() as never,
        ]),
        db.run('SELECT ?', [[SECRET] as never]),
        db.run('SELECT ?', [Symbol(SECRET) as never]),
        db.run('SELECT ?', SECRET as never),
        db.run('SELECT ?', [2n ** 70n]),
        db.get(`SELECT json_extract(?, '$.a')`, [SECRET]),
        db.get('SELECT abs(?)', [-(2n ** 63n)]),
        pool.run('INSERT INTO s (x) VALUES (?)', [SECRET]),
        pool.all('SELECT x FROM s WHERE x = ?', [SECRET], { jsonColumns: ['x'] }),
        db.run('INSERT INTO s (x) VALUES (?)', [blob]),
      ].map(rejection),
    );
    for (const error of failures) {
      expect(error).toBeInstanceOf(Error);
      const everything = JSON.stringify({ ...error, message: error.message, stack: error.stack, cause: error.cause });
      expect(everything).not.toContain(SECRET);
      expect(everything).not.toContain('1180591620717411303424');
    }
  });

  test('name the kind of a wrong value, whatever it does to hide it', async () => {
    for (const value of [
      Object.create(null),
      { constructor: null },
      { constructor: { name: Symbol('a') } },
      {
        get constructor(): never {
          throw new Error('no');
        },
      },
      new Proxy({}, {}),
    ]) {
      expect(await rejection(db.run('SELECT ?', [value as never]))).toMatchObject({
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringContaining('params[0]'),
      });
    }
  });
});

describe('every code', () => {
  const files = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|cc|h)$/.test(name))
      .map((name) => join(root, folder, name));

  test('of ours that can be told has a row in docs/reference/errors.md', () => {
    const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8');
    const documented = new Set(
      page
        .split('\n')
        .flatMap((line) =>
          line.startsWith('|') ? [...line.matchAll(/`((?:ERR|ADK)_[A-Z_]+)`/g)].map((match) => match[1]) : [],
        ),
    );
    // Between the worker and src/ alone; and codes of Node's own.
    const internal = new Set(['ERR_CANCELLED', 'ERR_DLOPEN_DISABLED', 'ERR_ACCESS_DENIED', 'ERR_MODULE_NOT_FOUND']);
    const told = new Set(
      [...files('src'), ...files('binding')].flatMap((file) =>
        [...readFileSync(file, 'utf8').matchAll(/['"`]((?:ERR|ADK)_[A-Z_]+)['"`]/g)].map((match) => match[1] as string),
      ),
    );
    expect(told.size).toBeGreaterThan(10);
    expect([...told].filter((code) => !internal.has(code) && !documented.has(code))).toEqual([]);
    expect([...documented].filter((code) => !told.has(code as string))).toEqual([]);
  });

  test('that is told between the worker and src/ alone never gets out', async () => {
    const pool = createPool({ database: on.file() });
    const stop = new AbortController();
    stop.abort();
    const codes = await Promise.all(
      [
        pool.all('WITH a AS (SELECT 1) INSERT INTO t (x) SELECT 1 FROM a'),
        pool.batch([{ sql: 'SELECT 1' }, { sql: 'WITH a AS (SELECT 1) INSERT INTO t (x) SELECT 1 FROM a' }]),
        pool.read((tx) => tx.all('WITH a AS (SELECT 1) INSERT INTO t (x) SELECT 1 FROM a')),
        db.run('SELECT 1', [], { signal: stop.signal }),
      ].map(async (call) => (await rejection(call)).code),
    );
    await pool.close();
    expect(codes).toEqual(['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_READONLY', 20]);
  });
});

describe('the types of codes', () => {
  const types = readFileSync(join(root, 'src/errors.ts'), 'utf8');
  const listed = (prefix: string) =>
    [...types.matchAll(new RegExp(`\\| '(${prefix}[A-Z_]+)'`, 'g'))].map(([, code]) => code);

  test('list every result code that the engine names, but those of success', () => {
    const engine = readFileSync(join(root, 'binding/engine/sqlite/error.cc'), 'utf8');
    const named = [...engine.matchAll(/"(SQLITE_[A-Z_0-9]+)"\}/g)].map(([, code]) => code);
    expect(listed('SQLITE_')).toEqual(
      named.filter((code) => !['SQLITE_OK', 'SQLITE_ROW', 'SQLITE_DONE'].includes(code as string)),
    );
  });

  test('list every code of the page that an AiosqliteError can have', () => {
    const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(ERR_[A-Z_]+)`/gm)].map(([, code]) => code as string);
    const others = ['ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE', 'ERR_UNKNOWN_OPTION', 'ERR_CANCELLED'];
    expect(listed('ERR_')).toEqual(rows.filter((code) => !others.includes(code)).sort());
  });

  test('take a code that a later version adds', () => {
    expectTypeOf<SqliteError['code']>().toEqualTypeOf<SqliteErrorCode>();
    expectTypeOf<'SQLITE_LATER'>().toExtend<SqliteErrorCode>();
    expectTypeOf<AiosqliteError['code']>().toEqualTypeOf<AiosqliteErrorCode>();
    expectTypeOf<string>().toExtend<AiosqliteErrorCode>();
  });
});
