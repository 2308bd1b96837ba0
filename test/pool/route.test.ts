import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ACTS, ASKS_WITH_ARGUMENT, isReadCall } from '../../lib/pool/route.js';
import { Call } from '../../lib/wire/call.js';
import { Request } from '../../lib/wire/protocol.js';

/** Route of a batch of these texts. */
function routeOf(...texts: string[]): 'reader' | 'writer' {
  const call = Call.of(Request.batch);
  for (const sql of texts) call.sql(sql);
  return isReadCall(call) ? 'reader' : 'writer';
}

describe('a pool sends', () => {
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
    'with recursive a(x) as materialized (select 1), b as (values (2)) values (3)',
    "WITH a AS (SELECT ') INSERT') SELECT * FROM a",
    "WITH a AS (SELECT 'it''s )') SELECT * FROM a",
    'WITH "insert" AS (SELECT 1) SELECT * FROM "insert"',
    'WITH "a""b)" AS (SELECT 1) SELECT * FROM "a""b)"',
    'WITH [delete] AS (SELECT 1), `update` AS (SELECT 2) SELECT * FROM [delete]',
    'WITH a AS (SELECT 1 -- ) INSERT INTO t\n) SELECT * FROM a',
    'WITH /* INSERT ( */ a AS (/* ) */ SELECT 1 - 1 / 1) /**/ SELECT * FROM a',
    'WITH a(x) AS (SELECT (1)), inserted AS (SELECT 2), é$select AS (SELECT 3)\nSELECT * FROM a',
    'PRAGMA user_version',
    'PRAGMA main.user_version;',
    ' pragma\tmain . page_count ; ',
    "PRAGMA table_info('t')",
    'PRAGMA main.table_xinfo = t',
    'PRAGMA integrity_check(10)',
    'PRAGMA foreign_key_check',
  ])('%j, which only reads, to a reader', (sql) => {
    expect(routeOf(sql)).toBe('reader');
  });

  test.each([
    'with a as (select 1) insert into t select 1',
    'WITH a AS (SELECT 1)REPLACE INTO t SELECT * FROM a',
    'WITH a AS (SELECT 1) UPDATE t SET x = (SELECT * FROM a)',
    'WITH a AS (SELECT 1), b AS (SELECT 2) DELETE FROM t WHERE x IN (SELECT * FROM a)',
    "WITH a AS (SELECT ') SELECT 1') DELETE FROM t",
    'WITH "a) SELECT" AS (SELECT 1) DELETE FROM t',
    'WITH a AS (SELECT 1) -- SELECT\n /* SELECT */ INSERT INTO t SELECT 1',
    'WITH a AS (SELECT 1) selected DELETE FROM t',
    'WITH a AS (SELECT 1',
    "WITH a AS ('",
    'WITH a AS (/*',
    'WITH',
    'PRAGMA user_version = 1',
    'PRAGMA user_version=1',
    'PRAGMA main.user_version(1)',
    ' pragma x = 1',
    'PRAGMA "user_version" = 1',
    'PRAGMA /* table_info */ user_version = 1',
    'PRAGMA table_info_too(1)',
    'PRAGMA optimize',
    'PRAGMA main.wal_checkpoint(TRUNCATE)',
    'PRAGMA incremental_vacuum(5)',
    'PRAGMA shrink_memory;',
  ])('%j, which writes or sets, to the writer', (sql) => {
    expect(routeOf(sql)).toBe('writer');
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
  ])('%j, whose first word is no read, to the writer', (sql) => {
    expect(routeOf(sql)).toBe('writer');
  });

  test('a batch to where all of its queries can go', () => {
    const read = 'SELECT 1';
    const also = 'WITH a AS (SELECT 1) SELECT * FROM a';
    const write = 'WITH a AS (SELECT 1) DELETE FROM t';
    expect(routeOf(read, also)).toBe('reader');
    expect(routeOf(also, read)).toBe('reader');
    expect(routeOf(read, also, write)).toBe('writer');
    expect(routeOf(write, read)).toBe('writer');
    expect(routeOf()).toBe('writer');
  });

  test('by the lists of PRAGMAs that the worker has', () => {
    const source = readFileSync(new URL('../../binding/engine/sqlite/classify.cc', import.meta.url), 'utf8');
    const list = (name: string) => {
      const [, body = ''] = new RegExp(`${name} = \\{([^}]*)\\}`).exec(source) ?? [];
      return body.match(/\w+/g);
    };
    expect(list('kAskWithArgument')).toEqual(ASKS_WITH_ARGUMENT);
    expect(list('kAct')).toEqual(ACTS);
  });

  test('a text of a million blanks and comments, which would take hours if each looked at all others', () => {
    for (const blank of [' ', ';', '/**/', '--\n', '/*', '--', '/* * / ', '(', '[', "'", 'a ', '"']) {
      for (const before of ['', 'WITH ', 'PRAGMA ']) routeOf(`${before}${blank.repeat(1_000_000 / blank.length)}x`);
    }
  });
});
