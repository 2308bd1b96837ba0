import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Pool } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { collect, fillItems } from '../connection/features/support/rows.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { until } from '../support/time.js';

const on = databases();
const kinds = ['file', 'memory'] as const;

describe.each(kinds)('a pool over a %s', (kind) => {
  let pool: Pool;
  beforeEach(async () => {
    pool = on.pool({ poolSize: 2, acquireTimeoutMs: 60_000, ...(kind === 'memory' && { database: ':memory:' }) });
    await fillItems(pool, 300);
  });

  /** Nobody holds a reader any more: there is only one. */
  const isFree = async () => expect(await pool.get('SELECT count(*) AS n FROM item')).toHaveProperty('n');

  test('dumps its SQL, and others write meanwhile', async () => {
    const lines: string[] = [];
    for await (const line of pool.dump()) {
      lines.push(line);
      if (lines.length === 10) await pool.run("INSERT INTO item VALUES (1000, 'late')");
    }
    const copy = await on.connect({}, ':memory:');
    await copy.exec(lines.join('\n'));
    const row = await copy.get<{ n: number }>('SELECT count(*) AS n FROM item');
    // In memory there is one connection, which may see what it writes itself.
    if (kind === 'file') expect(row).toEqual({ n: 300 });
    else expect([300, 301]).toContain(row?.n);
    await isFree();
  });

  test('lets go of a dump that is left half-way', async () => {
    for await (const line of pool.dump()) if (line.includes('item 5')) break;
    await isFree();
    expect(await rejection(pool.transaction(() => collect(pool.dump())))).toMatchObject(
      kind === 'file' ? {} : { code: 'ERR_NESTED_ACQUIRE' },
    );
  }, 20_000);

  test('checks its integrity', async () => {
    expect(await pool.integrityCheck()).toEqual({ ok: true, problems: [] });
  });

  test('is copied without free pages', async () => {
    await pool.run('DELETE FROM item WHERE id > 10');
    const copy = on.file('copy.db');
    await pool.vacuumInto(copy);
    const db = await connect(copy);
    expect(await db.get('SELECT count(*) AS n FROM item')).toEqual({ n: 10 });
    await db.close();
    expect(await rejection(pool.vacuumInto(copy))).toMatchObject({ code: 'SQLITE_ERROR' });
    await isFree();
  });

  test('reads a blob in parts, and gives its reader back', async () => {
    const blob = await pool.openBlob({ table: 'item', column: 'name', rowid: 7 });
    await pool.run("INSERT INTO item VALUES (1000, 'beside')");
    expect(blob.size).toBe(6);
    expect(Buffer.from(await blob.read(0, 4)).toString()).toBe('item');
    const parts: Uint8Array[] = [];
    for await (const part of blob.stream()) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe('item 7');
    expect(await rejection(blob.write(0, Buffer.from('x')))).toMatchObject({ code: 'SQLITE_READONLY' });
    await blob.close();
    await blob.close();
    expect(await rejection(blob.read(0, 1))).toMatchObject({ code: 'ERR_CLOSED' });
    await isFree();
  });

  test('writes a blob in parts, between the writes of others', async () => {
    const blob = await pool.openBlob({ table: 'item', column: 'name', rowid: 7, writable: true });
    await Promise.all([
      blob.write(0, Buffer.from('ITEM')),
      pool.run("INSERT INTO item VALUES (1000, 'beside')"),
      pool.transaction(async (tx) => void (await tx.run("INSERT INTO item VALUES (1001, 'tx')"))),
    ]);
    await blob.close();
    expect(await pool.get('SELECT name FROM item WHERE id = 7')).toEqual({ name: 'ITEM 7' });
    expect(await pool.get('SELECT count(*) AS n FROM item')).toEqual({ n: 302 });
  });

  test.each([
    ['no location', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['a table that is not there', { table: 'nowhere', column: 'name', rowid: 1 }, 'SQLITE_ERROR'],
    ['a row that is not there', { table: 'item', column: 'name', rowid: -1 }, 'SQLITE_ERROR'],
  ])('keeps no reader for %s', async (_, at, code) => {
    expect(await rejection(pool.openBlob(at as never))).toMatchObject({ code });
    await isFree();
  });

  test('refuses what would wait for itself', async () => {
    const at = { table: 'item', column: 'name', rowid: 1, writable: true };
    const inside = pool.transaction(async () => {
      expect(await rejection(pool.openBlob(at))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      expect(await rejection(pool.vacuumInto(on.file('x.db')))).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      expect(await rejection(pool.checkpoint())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
    await inside;
    expect(existsSync(on.file('x.db'))).toBe(false);
  });

  test('closes over a dump that nobody goes on with, and over a writable blob: they reject ERR_CLOSED', async () => {
    const other = on.pool({ database: kind === 'file' ? on.file('other.db') : ':memory:' });
    await fillItems(other, 1_000);
    const blob = await other.openBlob({ table: 'item', column: 'name', rowid: 1, writable: true });
    const lines = other.dump();
    for (let i = 0; i < 10; i++) await lines.next();
    // On a file the dump has a reader, which close() waits for as for any lease.
    const rest = kind === 'file' ? collect(lines) : undefined;
    await other.close();
    if (rest === undefined) expect(await rejection(collect(lines))).toMatchObject({ code: 'ERR_CLOSED' });
    else expect((await rest).length).toBeGreaterThan(900);
    expect(await rejection(blob.read(0, 1))).toMatchObject({ code: 'ERR_CLOSED' });
    await blob.close();
    for (const call of [
      () => other.dump().next(),
      () => other.integrityCheck(),
      () => other.vacuumInto(on.file('y.db')),
      () => other.openBlob({ table: 'item', column: 'name', rowid: 1 }),
    ]) {
      expect(await rejection(call() as Promise<unknown>)).toMatchObject({ code: 'ERR_CLOSED' });
    }
  });
});

test('a backup of a pool with one connection rejects ERR_CLOSED when it is closed half-way, and does not hang', async () => {
  const pool = on.pool({ database: ':memory:' });
  await fillItems(pool, 5_000);
  let closing: Promise<void> | undefined;
  const backup = pool.backup(on.file('copy.db'), {
    pagesPerStep: 1,
    onProgress: () => {
      closing ??= pool.close();
    },
  });
  expect(await rejection(backup)).toMatchObject({ code: 'ERR_CLOSED' });
  await closing;
  expect(existsSync(on.file('copy.db'))).toBe(false);
});

describe('checkpoint() of a connection', () => {
  test('empties the WAL into the file', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await fillItems(db, 1_000);
    expect(statSync(`${on.file()}-wal`).size).toBeGreaterThan(0);
    await db.checkpoint();
    expect(statSync(`${on.file()}-wal`).size).toBe(0);
  });

  test('rejects SQLITE_BUSY where a reader holds on to it for longer than busyTimeoutMs', async () => {
    const db = await on.connect({ journalMode: 'wal', busyTimeoutMs: 50 });
    await fillItems(db, 10);
    const reader = await on.connect();
    await reader.exec('BEGIN');
    await reader.get('SELECT * FROM item');
    await db.run('DELETE FROM item');
    expect(await rejection(db.checkpoint())).toMatchObject({ code: 'SQLITE_BUSY' });
    await reader.exec('ROLLBACK');
    await until(() =>
      db.checkpoint().then(
        () => true,
        () => false,
      ),
    );
  });

  test('does nothing without a WAL, and is refused on a reader and on what is closed', async () => {
    writeFileSync(on.file('plain.db'), '');
    const plain = await on.connect({}, on.file('plain.db'));
    await plain.checkpoint();
    const pool = on.pool({ database: on.file('pool.db') });
    await pool.exec('CREATE TABLE t (x)');
    const reading = pool.withConnection((db) => db.checkpoint(), { role: 'reader' });
    expect(await rejection(reading)).toMatchObject({ code: 'SQLITE_READONLY' });
    await plain.close();
    expect(await rejection(plain.checkpoint())).toMatchObject({ code: 'ERR_CLOSED' });
  });
});
