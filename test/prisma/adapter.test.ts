/** PrismaAiosqlite by the interface of Prisma's driver adapters, without a generated client. */
import {
  ColumnTypeEnum,
  isDriverAdapterError,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQuery,
} from '@prisma/driver-adapter-utils';
import { PrismaAiosqlite } from 'aiosqlite/prisma';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const query = (sql: string, args: unknown[] = [], types: string[] = []): SqlQuery => ({
  sql,
  args,
  argTypes: types.map((scalarType) => ({ scalarType, arity: 'scalar' }) as SqlQuery['argTypes'][number]),
});

async function open(): Promise<SqlDriverAdapter> {
  const factory: SqlDriverAdapterFactory = new PrismaAiosqlite(on.pool());
  expect(factory).toMatchObject({ provider: 'sqlite', adapterName: 'aiosqlite' });
  return factory.connect();
}

describe('results', () => {
  test("have Prisma's types of columns", async () => {
    const db = await open();
    await db.executeScript(
      `CREATE TABLE t (a INTEGER, b BIGINT, c REAL, d DECIMAL(10,2), e BOOLEAN, f TEXT, g DATETIME, h DATE, i TIME, j JSONB, k BLOB,
       l VARCHAR(9), m TINYINT, n)`,
    );
    await db.executeRaw(
      query(
        "INSERT INTO t VALUES (1, 2, 3.5, 4.25, 1, 'f', '2026-01-01 00:00:00', '2026-01-01', '10:00:00', '{}', x'00', 'l', 2, 'n')",
      ),
    );
    const { columnNames, columnTypes, rows } = await db.queryRaw(query('SELECT * FROM t'));
    expect(columnNames.join('')).toBe('abcdefghijklmn');
    const names = [
      'Int32',
      'Int64',
      'Double',
      'Numeric',
      'Boolean',
      'Text',
      'DateTime',
      'Date',
      'Time',
      'Json',
      'Bytes',
    ];
    const wanted = [...names, 'Text', 'Int32', 'Text'] as (keyof typeof ColumnTypeEnum)[];
    expect(columnTypes).toEqual(wanted.map((name) => ColumnTypeEnum[name]));
    expect(rows[0]?.slice(6, 9)).toEqual(['2026-01-01T00:00:00Z', '2026-01-01', '10:00:00']);
  });

  test('keep columns of one name apart, and know the row that was inserted', async () => {
    const db = await open();
    await db.executeScript('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    const { rows, columnNames } = await db.queryRaw(query('SELECT 1 AS a, 2 AS a'));
    expect([columnNames, rows]).toEqual([['a', 'a'], [[1, 2]]]);
    const inserted = await db.queryRaw(
      query('INSERT INTO t VALUES (?, ?) RETURNING id', ['9007199254740993', null], ['bigint']),
    );
    expect(inserted).toMatchObject({ rows: [['9007199254740993']], lastInsertId: '9007199254740993' });
    expect(await db.executeRaw(query('UPDATE t SET x = 1'))).toBe(1);
  });

  test('follow a table that is made anew', async () => {
    const db = await open();
    for (const [type, value, expected] of [
      ['DATETIME', 5, ColumnTypeEnum.DateTime],
      ['INTEGER', 5, ColumnTypeEnum.Int32],
    ]) {
      await db.executeRaw(query('DROP TABLE IF EXISTS t'));
      await db.executeRaw(query(`CREATE TABLE t (x ${type})`));
      await db.executeRaw(query('INSERT INTO t VALUES (?)', [value]));
      expect((await db.queryRaw(query('SELECT x FROM t'))).columnTypes).toEqual([expected]);
    }
  });

  test('take arguments in the forms that Prisma gives them', async () => {
    const db = await open();
    const { rows } = await db.queryRaw(
      query(
        'SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4), ?4, typeof(?5), hex(?5), ?6, typeof(?7)',
        ['5', '1.5', '2.5', '2026-01-01T00:00:00Z', 'AP8=', true, 'x'],
        ['bigint', 'decimal', 'float', 'datetime', 'bytes', 'boolean', 'string'],
      ),
    );
    const at = '2026-01-01T00:00:00.000+00:00';
    expect(rows).toEqual([['integer', 'real', 'real', 'text', at, 'blob', '00FF', 1, 'text']]);
  });
});

describe('failures', () => {
  const cause = async (work: Promise<unknown>) => {
    const error = await rejection(work);
    expect(isDriverAdapterError(error)).toBe(true);
    return error.cause;
  };

  test("are Prisma's, by their kind", async () => {
    const db = await open();
    await db.executeScript('CREATE TABLE t (a UNIQUE, b NOT NULL, "c.d" UNIQUE)');
    await db.executeRaw(query('INSERT INTO t VALUES (1, 1, 1)'));
    const raw = (sql: string, ...args: unknown[]) => cause(db.executeRaw(query(sql, args, ['bigint'])));
    expect(await raw('INSERT INTO t VALUES (1, 1, 2)')).toEqual({
      kind: 'UniqueConstraintViolation',
      constraint: { fields: ['a'] },
      originalCode: 'SQLITE_CONSTRAINT_UNIQUE',
      originalMessage: 'UNIQUE constraint failed: t.a',
    });
    expect(await raw('INSERT INTO t VALUES (2, 1, 1)')).toMatchObject({ constraint: { fields: ['c.d'] } });
    expect(await raw('INSERT INTO t VALUES (2, NULL, 2)')).toMatchObject({
      kind: 'NullConstraintViolation',
      constraint: { fields: ['b'] },
    });
    expect(await raw('SELECT * FROM none')).toMatchObject({ kind: 'TableDoesNotExist', table: 'none' });
    expect(await raw('SELECT none FROM t')).toMatchObject({ kind: 'ColumnNotFound', column: 'none' });
    expect(await raw('INSERT INTO t (none) VALUES (1)')).toMatchObject({ kind: 'ColumnNotFound', column: 'none' });
    expect(await raw('nonsense')).toMatchObject({ kind: 'sqlite', extendedCode: 1 });
    expect(await raw('SELECT ?', String(2n ** 63n))).toMatchObject({ kind: 'ValueOutOfRange' });
    for (const [text, type] of [
      ['NaN', 'decimal'],
      ['x', 'float'],
      ['1.5', 'int'],
      ['no time', 'datetime'],
    ] as const) {
      expect(await cause(db.executeRaw(query('INSERT INTO t VALUES (9, 9, ?)', [text], [type])))).toEqual({
        kind: 'InvalidInputValue',
        message: `args[0] is no ${type}`,
      });
    }
    expect(await cause(db.startTransaction('READ COMMITTED'))).toEqual({
      kind: 'InvalidIsolationLevel',
      level: 'READ COMMITTED',
    });
  });

  test('of a transaction that is over, of a stale snapshot and of a closed database are told apart', async () => {
    const db = await open();
    await db.executeScript('CREATE TABLE t (x)');
    const tx = await db.startTransaction('SERIALIZABLE');
    await tx.rollback();
    expect(await cause(tx.executeRaw(query('INSERT INTO t VALUES (1)')))).toMatchObject({
      kind: 'TransactionAlreadyClosed',
    });

    const deferred = await new PrismaAiosqlite(await on.connect({ transactionMode: 'deferred' })).connect();
    const stale = await deferred.startTransaction();
    await stale.queryRaw(query('SELECT * FROM t'));
    await db.executeRaw(query('INSERT INTO t VALUES (1)'));
    expect(await cause(stale.executeRaw(query('INSERT INTO t VALUES (2)')))).toMatchObject({
      kind: 'TransactionWriteConflict',
    });
    await stale.rollback();

    const own = await new PrismaAiosqlite(on.file()).connect();
    await own.dispose();
    expect(await cause(own.queryRaw(query('SELECT 1')))).toMatchObject({ kind: 'ConnectionClosed' });
  });
});

test('savepoints undo what came after them, and what is released is committed with the transaction', async () => {
  const db = await open();
  await db.executeScript('CREATE TABLE t (x)');
  const tx = await db.startTransaction();
  const add = (x: number) => tx.executeRaw(query(`INSERT INTO t VALUES (${x})`));
  await add(1);
  await tx.createSavepoint?.('one');
  await add(2);
  await tx.createSavepoint?.('two');
  await add(3);
  await tx.rollbackToSavepoint?.('two');
  await tx.releaseSavepoint?.('two');
  await add(4);
  await tx.releaseSavepoint?.('one');
  await tx.createSavepoint?.('three');
  await add(5);
  await tx.rollbackToSavepoint?.('three');
  await tx.commit();
  expect((await db.queryRaw(query('SELECT x FROM t'))).rows).toEqual([[1], [2], [4]]);
});

test('a script may set PRAGMAs, also on a pool, which goes on as before', async () => {
  const db = await open();
  await db.executeScript('PRAGMA foreign_keys = OFF; CREATE TABLE t (x); PRAGMA foreign_keys = ON;');
  expect((await db.queryRaw(query('PRAGMA foreign_keys'))).rows).toEqual([[1]]);
});

test.each<[string, () => unknown, string]>([
  ['no database', () => new PrismaAiosqlite(undefined as never), 'ERR_INVALID_ARG_TYPE'],
  ['an unknown option', () => new PrismaAiosqlite('x.db', { url: 'y.db' } as never), 'ERR_UNKNOWN_OPTION'],
  ['an option of a pool beside a pool', () => new PrismaAiosqlite(on.pool(), { poolSize: 2 }), 'ERR_UNKNOWN_OPTION'],
  ['a wrong option of a pool', () => new PrismaAiosqlite({ database: 'x.db', poolSize: 0 }), 'ERR_OUT_OF_RANGE'],
  ['another format', () => new PrismaAiosqlite('x.db', { timestampFormat: 'unix' as never }), 'ERR_OUT_OF_RANGE'],
])('misuse is refused at once: %s', (_, make, code) => {
  expect(make).toThrow(expect.objectContaining({ code }));
});
