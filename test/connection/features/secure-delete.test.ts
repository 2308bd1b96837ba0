import { readFileSync } from 'node:fs';
import type { Executor, Pool } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
let pool: Pool;
beforeEach(async () => {
  pool = on.pool();
  await pool.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
});

const SECRET = 'the word that must not stay';
/** Rows of some pages, so that pages go to the free list, too. */
const fill = () =>
  pool.executeMany(
    'INSERT INTO note (text) VALUES (?)',
    Array.from({ length: 200 }, (_, at) => [`${SECRET} ${at} ${'.'.repeat(100)}`]),
  );
const remains = async () => {
  await pool.checkpoint();
  return readFileSync(on.file()).includes(SECRET);
};
const deleteAll = { sql: 'DELETE FROM note' };

describe('batch() with secureDelete', () => {
  test.each<[string, (work: (db: Executor) => Promise<unknown>) => Promise<unknown>]>([
    ['on a pool', (work) => work(pool)],
    ['in a transaction', (work) => pool.transaction(work)],
    ['on a lease', (work) => pool.withConnection(work)],
  ])('%s leaves nothing of what it deletes in the file', async (_, on) => {
    await fill();
    await on((db) => db.batch([deleteAll], { secureDelete: true }));
    expect(await remains()).toBe(false);
  });

  test('leaves nothing of what it replaces', async () => {
    await fill();
    await pool.batch([{ sql: "UPDATE note SET text = 'short'" }], { secureDelete: true });
    expect(await remains()).toBe(false);
  });

  test('holds for each batch that asks for it, and for none of those that share its commit', async () => {
    await pool.exec('CREATE TABLE other (text TEXT)');
    await pool.executeMany('INSERT INTO other VALUES (?)', [['a'], [SECRET.toUpperCase()], ['b']]);
    await fill();
    await Promise.all([
      pool.batch([{ sql: "DELETE FROM other WHERE text NOT IN ('a', 'b')" }]),
      pool.batch([deleteAll], { secureDelete: true }),
      pool.batch([{ sql: 'SELECT 1' }]),
    ]);
    expect(await remains()).toBe(false);
    expect(readFileSync(on.file()).includes(SECRET.toUpperCase())).toBe(true);
  });

  test('is over with it: later deletes cost what they did before', async () => {
    await fill();
    await pool.batch([{ sql: 'DELETE FROM note WHERE id = 1' }], { secureDelete: true });
    await pool.run('DELETE FROM note');
    expect(await remains()).toBe(true);
  });

  test("leaves the connection's own setting as it was", async () => {
    const own = on.pool({ pragmas: { secure_delete: true } });
    await fill();
    await own.batch([{ sql: 'DELETE FROM note WHERE id = 1' }], { secureDelete: true });
    await own.run('DELETE FROM note');
    expect(await remains()).toBe(false);
    const fast = await on.connect({ pragmas: { secure_delete: 'fast' } });
    await fast.batch([deleteAll], { secureDelete: true });
    expect(await fast.get('PRAGMA secure_delete')).toEqual({ secure_delete: 2 });
  });

  test('takes nothing but a boolean', async () => {
    expect(await rejection(pool.batch([deleteAll], { secureDelete: 1 as any }))).toMatchObject({
      name: 'TypeError',
      message: 'options.secureDelete must be a boolean, not number',
    });
  });
});
