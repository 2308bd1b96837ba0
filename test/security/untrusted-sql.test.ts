import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
let db: Connection;
beforeEach(async () => {
  db = await on.connect();
  await db.exec(
    'CREATE TABLE open (x); INSERT INTO open VALUES (1); CREATE TABLE closed (x); INSERT INTO closed VALUES (2)',
  );
});

describe('SQL text of somebody who is not trusted', () => {
  test('does what SQL can do unless rules say otherwise: it reads and makes files', async () => {
    await db.exec(
      `VACUUM INTO '${on.file('copy.db')}'; ATTACH '${on.file('other.db')}' AS other; CREATE TABLE other.t (x)`,
    );
    expect(existsSync(on.file('copy.db')) && existsSync(on.file('other.db'))).toBe(true);
  });

  test('under rules and limits does no more than they allow', async () => {
    await db.authorize({
      allow: [
        { action: 'select' },
        { action: 'read', table: 'open' },
        { action: 'read', table: 'n' },
        { action: 'function' },
        { action: 'recursive' },
      ],
      deny: [{ action: 'function', table: 'zeroblob' }],
    });
    await db.setLimit('length', 100_000);
    await db.setLimit('sqlLength', 10_000);
    const before = readdirSync(on.file('.'));
    for (const sql of [
      `ATTACH '${on.file('other.db')}' AS other`,
      `VACUUM INTO '${on.file('copy.db')}'`,
      'SELECT * FROM closed',
      'SELECT (SELECT x FROM closed)',
      'SELECT sql FROM sqlite_schema',
      'PRAGMA journal_mode = delete',
      'PRAGMA trusted_schema = 1',
      'INSERT INTO open VALUES (3)',
      'DELETE FROM open',
      'DROP TABLE open',
      'CREATE TABLE t (x)',
      'CREATE TEMP TABLE t (x)',
      'BEGIN',
    ]) {
      expect(await rejection(db.run(sql)), sql).toMatchObject({ code: expect.stringMatching(/^SQLITE_(AUTH|ERROR)$/) });
    }
    expect(readdirSync(on.file('.'))).toEqual(before);
    expect(await rejection(db.get(`SELECT '${'x'.repeat(20_000)}'`))).toMatchObject({ code: 'SQLITE_TOOBIG' });
    expect(await rejection(db.get("SELECT printf('%200000d', 1)"))).toMatchObject({
      code: expect.stringMatching(/^SQLITE_/),
    });
    expect(
      await rejection(
        db.get('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n', [], {
          timeoutMs: 50,
        }),
      ),
    ).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(await db.all('SELECT x FROM open')).toEqual([{ x: 1 }]);
  });

  // One function call is one step, in which SQLite looks at no deadline.
  test('works on no long value under a limit of length, so that no step takes long', async () => {
    await db.setLimit('length', 100_000);
    for (const sql of [
      "SELECT instr(printf('%.*c', 4000000, 'a'), printf('%.*c', 2000000, 'a') || 'b')",
      "SELECT replace(hex(zeroblob(400000000)), '0', 'ab')",
      "SELECT replace(hex(zeroblob(40000)), '0', 'abcdefgh')",
      'SELECT group_concat(hex(randomblob(20000))) FROM (VALUES (1), (2), (3), (4))',
    ]) {
      expect(await rejection(db.get(sql)), sql).toMatchObject({ code: 'SQLITE_TOOBIG' });
    }
  });

  test('loads no code, whatever the options', async () => {
    const allowed = await on.connect({ allowExtensions: true }, on.file('e.db'));
    for (const sql of ["SELECT load_extension('x')", "SELECT load_extension('x', 'y')"]) {
      expect(await rejection(allowed.get(sql))).toMatchObject({ code: 'SQLITE_ERROR' });
    }
  });

  test('is one statement where one is expected', async () => {
    expect(await rejection(db.all('SELECT 1; DELETE FROM open'))).toMatchObject({ code: 'ERR_STATEMENT_COUNT' });
    expect(await db.all('SELECT x FROM open')).toEqual([{ x: 1 }]);
  });

  test('as a value stays a value', async () => {
    const text = "x'); DELETE FROM open; --";
    await db.run('INSERT INTO open VALUES (?)', [text]);
    expect(await db.all('SELECT x FROM open WHERE x = :x', { x: text })).toEqual([{ x: text }]);
  });
});

describe('the working folder', () => {
  test('brings no addon and no extension into the program', async () => {
    // What would be found if the working folder were searched.
    for (const name of ['aiosqlite.node', 'x.so', 'x.dylib', 'x.dll', 'x'])
      writeFileSync(on.file(name), 'no code at all');
    const script = new URL('children/load.mjs', import.meta.url);
    const { code, stdout, stderr } = await run(script, [on.file('.')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ one: 1, addons: [expect.stringMatching(/aiosqlite\.node$/)] });
    expect(JSON.parse(stdout).addons[0].startsWith(join(on.file('.')))).toBe(false);
  });
});
