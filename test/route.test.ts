import { describe, expect, test } from 'vitest';
import { routeOf } from '../lib/route.js';

describe('a pool sends by its first word', () => {
  test.each([
    'SELECT 1',
    'select 1',
    'SeLeCt 1',
    'SELECT',
    "SELECT'a'",
    'SELECT(1)',
    'VALUES (1)',
    'values(1)',
    'EXPLAIN SELECT 1',
    'EXPLAIN QUERY PLAN DELETE FROM t',
    '  SELECT 1',
    '\n\t;; SELECT 1',
    '-- INSERT\nSELECT 1',
    '/* INSERT */SELECT 1',
    '/* a *//* b */ -- c\n ; SELECT 1',
    '/***/ select 1',
    '\ufeffSELECT 1',
  ])('%j to a reader', (sql) => {
    expect(routeOf(sql)).toBe('reader');
  });

  test.each([
    'WITH a AS (SELECT 1) SELECT * FROM a',
    'with a as (select 1) insert into t select 1',
    'PRAGMA user_version',
    ' pragma x = 1',
  ])('%j to a reader on trial', (sql) => {
    expect(routeOf(sql)).toBe('trial');
  });

  test.each([
    '',
    ' ',
    ';',
    'INSERT INTO t VALUES (1)',
    'UPDATE t SET x = 1',
    'DELETE FROM t',
    'REPLACE INTO t VALUES (1)',
    'CREATE TABLE t (x)',
    'BEGIN',
    'VACUUM',
    'SELECTED',
    'SELECT_ 1',
    'valuesx',
    'WITHOUT',
    'pragmas',
    'explained',
    'SÉLECT',
    '-- SELECT 1',
    '/* SELECT 1',
    '/* */ INSERT INTO t SELECT 1',
    '-- SELECT\nINSERT INTO t SELECT 1',
    '(SELECT 1)',
    '"SELECT" 1',
    '- SELECT 1',
    '/ SELECT 1',
  ])('%j to the writer', (sql) => {
    expect(routeOf(sql)).toBe('writer');
  });

  test('a batch to where all of its queries can go', () => {
    const read = { sql: 'SELECT 1' };
    const either = { sql: 'WITH a AS (SELECT 1) SELECT * FROM a' };
    const write = { sql: 'DELETE FROM t' };
    expect(routeOf([read, read])).toBe('reader');
    expect(routeOf([read, either])).toBe('trial');
    expect(routeOf([either, read])).toBe('trial');
    expect(routeOf([read, either, write])).toBe('writer');
    expect(routeOf([write, read])).toBe('writer');
    expect(routeOf([])).toBe('writer');
  });

  test('a text of a million blanks and comments in no time', () => {
    const start = performance.now();
    for (const blank of [' ', ';', '/**/', '--\n', '/*', '--', '/* * / ']) {
      routeOf(`${blank.repeat(1_000_000 / blank.length)}x`);
    }
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
