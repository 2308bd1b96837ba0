import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
const NAMES = [
  'length',
  'sqlLength',
  'column',
  'exprDepth',
  'compoundSelect',
  'vdbeOp',
  'functionArg',
  'attached',
  'likePatternLength',
  'variableNumber',
  'triggerDepth',
] as const;

describe('setLimit()', () => {
  test.each(NAMES)('%s: resolves to the previous value, and takes the new one', async (name) => {
    const db = await on.connect();
    const before = await db.setLimit(name, 5_000).catch(() => db.setLimit(name, 5));
    expect(before).toBeGreaterThan(0);
    const now = name === 'attached' || name === 'functionArg' || before < 5_000 ? undefined : 5_000;
    const told = await db.setLimit(name, before);
    if (now !== undefined) expect(told).toBe(now);
    expect(await db.setLimit(name, before)).toBe(before);
  });

  test.each([
    ['variableNumber', 3, 'SELECT ?, ?, ?, ?', [1, 2, 3, 4], 'SQLITE_ERROR'],
    ['column', 2, 'SELECT 1, 2, 3', [], 'SQLITE_ERROR'],
    ['compoundSelect', 2, 'SELECT 1 UNION SELECT 2 UNION SELECT 3', [], 'SQLITE_ERROR'],
    ['exprDepth', 3, 'SELECT 1+2+3+4+5+6', [], 'SQLITE_ERROR'],
    ['functionArg', 2, 'SELECT max(1, 2, 3)', [], 'SQLITE_ERROR'],
    ['likePatternLength', 3, "SELECT 'abcd' LIKE 'abcd'", [], 'SQLITE_ERROR'],
    ['length', 1_000, 'SELECT zeroblob(2000)', [], 'SQLITE_TOOBIG'],
    ['sqlLength', 20, 'SELECT 1 AS a_name_that_is_too_long', [], 'SQLITE_TOOBIG'],
    ['attached', 0, "ATTACH ':memory:' AS other", [], 'SQLITE_ERROR'],
  ] as const)('%s holds', async (name, value, text, params, code) => {
    const db = await on.connect();
    if (name !== 'attached') await db.get(text, params);
    const before = await db.setLimit(name, value);
    // A statement that was prepared before is kept; this one is new.
    expect(await rejection(db.get(`${text} `, params))).toMatchObject({ code });
    await db.setLimit(name, before);
    await db.run(`${text}  `, params);
  });

  test('triggerDepth holds', async () => {
    const db = await on.connect();
    await db.exec(`
      CREATE TABLE t (x);
      PRAGMA recursive_triggers = 1;
      CREATE TRIGGER r AFTER INSERT ON t WHEN new.x > 0 BEGIN INSERT INTO t VALUES (new.x - 1); END`);
    await db.run('INSERT INTO t VALUES (20)');
    await db.setLimit('triggerDepth', 10);
    expect(await rejection(db.run('INSERT INTO t VALUES (20)'))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 21 });
  });

  test.each([
    ['above what SQLite was compiled for', 'attached', 1_000_000, 'ERR_OUT_OF_RANGE'],
    ['above 31 bits', 'length', 2 ** 31, 'ERR_OUT_OF_RANGE'],
    ['below 0, which would only ask', 'column', -1, 'ERR_OUT_OF_RANGE'],
    ['below what SQLite allows', 'length', 1, 'ERR_OUT_OF_RANGE'],
    ['not whole', 'column', 1.5, 'ERR_OUT_OF_RANGE'],
    ['NaN', 'column', Number.NaN, 'ERR_OUT_OF_RANGE'],
    ['a text', 'column', '5', 'ERR_INVALID_ARG_TYPE'],
    ['missing', 'column', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['null', 'column', null, 'ERR_INVALID_ARG_TYPE'],
    ['for a limit that is none', 'columns', 5, 'ERR_OUT_OF_RANGE'],
    ['for a limit that every object has', 'constructor', 5, 'ERR_OUT_OF_RANGE'],
    ['for a limit that is no text', 1, 5, 'ERR_INVALID_ARG_TYPE'],
  ])('a value %s rejects, and changes nothing', async (_, name, value, code) => {
    const db = await on.connect();
    const limit = typeof name === 'string' && (NAMES as readonly string[]).includes(name) ? name : 'column';
    const before = await db.setLimit(limit as 'column', 100).catch(() => db.setLimit(limit as 'column', 5));
    await db.setLimit(limit as 'column', before);
    expect(await rejection(db.setLimit(name as never, value as never))).toMatchObject({ code });
    expect(await db.setLimit(limit as 'column', before)).toBe(before);
  });

  test('never keeps a transaction from beginning or ending', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.setLimit('sqlLength', 25);
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)');
      await tx.transaction(async (nested) => nested.run('INSERT INTO t VALUES (2)'));
      await rejection(
        tx.transaction(async (nested) => {
          await nested.run('INSERT INTO t VALUES (3)');
          throw new Error('back');
        }),
      );
    });
    await Promise.all([4, 5, 6].map((x) => db.run('INSERT INTO t VALUES (?)', [x])));
    expect(await db.all('SELECT x FROM t')).toEqual([1, 2, 4, 5, 6].map((x) => ({ x })));
  });

  test('on a lease ends with the lease', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.withConnection(async (db) => void (await db.setLimit('column', 2)));
    await pool.withConnection(async (db) => expect(await db.setLimit('column', 3)).toBeGreaterThan(3));
  });

  test('rejects on a closed connection', async () => {
    const db = await on.connect();
    await db.close();
    expect(await rejection(db.setLimit('column', 5))).toMatchObject({ code: 'ERR_CLOSED' });
  });
});
