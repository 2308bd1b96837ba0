import type { Connection } from 'aiosqlite';
import { sqliteSourceId, sqliteVersion } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
let db: Connection;
beforeEach(async () => {
  db = await on.connect({}, ':memory:');
});

describe('the SQLite that is linked in', () => {
  test('is 3.53.4, and says so in SQL too', async () => {
    expect(sqliteVersion).toBe('3.53.4');
    expect(await db.get('SELECT sqlite_version() AS version')).toEqual({ version: '3.53.4' });
    expect(await db.get('SELECT sqlite_source_id() AS id')).toEqual({ id: sqliteSourceId });
  });

  test.each([
    'THREADSAFE=2',
    'DQS=0',
    'DEFAULT_FOREIGN_KEYS',
    'DEFAULT_SYNCHRONOUS=2',
    'DEFAULT_WAL_SYNCHRONOUS=2',
    'DEFAULT_FILE_PERMISSIONS=0600',
    'DEFAULT_JOURNAL_SIZE_LIMIT=33554432',
    'OMIT_DEPRECATED',
    'ENABLE_FTS5',
    'ENABLE_RTREE',
    'ENABLE_GEOPOLY',
    'ENABLE_MATH_FUNCTIONS',
    'ENABLE_PERCENTILE',
    'ENABLE_STAT4',
    'ENABLE_COLUMN_METADATA',
    'ENABLE_PREUPDATE_HOOK',
    'ENABLE_SESSION',
  ])('was compiled with %s', async (option) => {
    const rows = await db.all<[string]>('PRAGMA compile_options', [], { rowMode: 'array' });
    const options = rows.map(([name]) => name);
    expect(options.some((name) => name === option || name.startsWith(`${option}=`))).toBe(true);
  });

  test('takes a double-quoted word for a name, never for text', async () => {
    expect(await rejection(db.get('SELECT "text"'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('has full-text search, R*Tree, JSON and mathematics', async () => {
    await db.exec(
      "CREATE VIRTUAL TABLE f USING fts5 (x); INSERT INTO f VALUES ('hello world'); CREATE VIRTUAL TABLE r USING rtree (id, a, b)",
    );
    expect(await db.get("SELECT x FROM f WHERE f MATCH 'world'")).toEqual({ x: 'hello world' });
    expect(await db.get('SELECT count(*) AS n FROM r')).toEqual({ n: 0 });
    expect(
      await db.get(
        "SELECT json_extract('{\"a\":5}', '$.a') AS a, sqrt(16) AS root, median(x) AS m FROM (VALUES (1), (3)) AS v(x)".replace(
          ' FROM (VALUES (1), (3)) AS v(x)',
          ' FROM (SELECT 1 AS x UNION ALL SELECT 3)',
        ),
      ),
    ).toEqual({ a: 5, root: 4, m: 2 });
  });
});
