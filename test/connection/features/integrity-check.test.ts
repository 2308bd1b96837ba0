import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { fillItems } from './support/rows.js';

const on = databases();

describe('integrityCheck()', () => {
  test('of a sound database is ok', async () => {
    const db = await on.connect();
    expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
    await fillItems(db, 1_000);
    expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
  });

  test('tells of rows that an index does not have', async () => {
    const db = await on.connect();
    await fillItems(db, 500);
    await db.exec('CREATE INDEX by_name ON item (name)');
    await db.close();
    const bytes = readFileSync(on.file());
    bytes[bytes.lastIndexOf('item 250')] = 'X'.charCodeAt(0); // it stands in the table and, behind it, in the index
    writeFileSync(on.file(), bytes);
    const damaged = await on.connect();
    const { ok, problems } = await damaged.integrityCheck();
    expect(ok).toBe(false);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(typeof problem).toBe('string');
    expect(problems).not.toContain('ok');
  });

  test('of a full-text index that another connection has changed is ok, also while that one writes', async () => {
    const [db, other] = [await on.connect({ journalMode: 'wal' }), await on.connect()];
    await db.exec('CREATE VIRTUAL TABLE "a ""b" USING fts5(t); INSERT INTO "a ""b" VALUES (\'word\')');
    expect(await db.all('SELECT rowid FROM "a ""b" WHERE t MATCH \'word\'')).toHaveLength(1);
    for (let i = 0; i < 20; i += 1) await other.run('INSERT INTO "a ""b" VALUES (?)', [`more ${i}`]);
    await other.run(`INSERT INTO "a ""b" ("a ""b") VALUES ('optimize')`);
    await other.transaction(
      async (tx) => {
        await tx.run(`INSERT INTO "a ""b" VALUES ('not committed')`);
        expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
      },
      { mode: 'immediate' },
    );
  });

  test('tells of values that break a constraint', async () => {
    const db = await on.connect();
    await db.exec(
      'CREATE TABLE t (x INTEGER CHECK (x > 0)); PRAGMA ignore_check_constraints = 1; INSERT INTO t VALUES (-1); PRAGMA ignore_check_constraints = 0',
    );
    expect(await db.integrityCheck()).toEqual({
      ok: false,
      problems: [expect.stringContaining('CHECK constraint failed in t')],
    });
  });

  test('may find more than one', async () => {
    const db = await on.connect();
    await db.exec(
      'CREATE TABLE t (x CHECK (x > 0)); CREATE TABLE u (x CHECK (x > 0)); PRAGMA ignore_check_constraints = 1; INSERT INTO t VALUES (-1); INSERT INTO u VALUES (-1); PRAGMA ignore_check_constraints = 0',
    );
    expect((await db.integrityCheck()).problems).toHaveLength(2);
  });

  test('rejects on a closed connection', async () => {
    const db = await on.connect();
    await db.close();
    expect(await rejection(db.integrityCheck())).toMatchObject({ code: 'ERR_CLOSED' });
  });
});
