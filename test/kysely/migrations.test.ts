import { promises as fs, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Pool } from 'aiosqlite';
import { FileMigrationProvider, type Kysely, type Migration, Migrator, NO_MIGRATIONS, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { sleep } from '../support/time.js';
import { createTables, kyselyOver, sourceNames, sources } from './fixtures.js';

const on = databases();

const createTable = (name: string): Migration => ({
  up: (db) => db.schema.createTable(name).addColumn('id', 'integer').execute(),
  down: (db) => db.schema.dropTable(name).execute(),
});

function migrator(db: Kysely<any>, migrations: Record<string, Migration>, disableTransactions = false): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => migrations }, disableTransactions });
}

const tables = async (db: Kysely<any>) => (await db.introspection.getTables()).map(({ name }) => name);

describe.each(sourceNames)('migrations of Kysely over %s', (name) => {
  test('go up and down, step by step', async () => {
    const db = kyselyOver(await sources[name](on));
    const all = migrator(db, { '1_a': createTable('a'), '2_b': createTable('b'), '3_c': createTable('c') });
    expect(await all.migrateUp()).toMatchObject({ results: [{ migrationName: '1_a', status: 'Success' }] });
    expect(await tables(db)).toEqual(['a']);
    const { error, results } = await all.migrateToLatest();
    expect(error).toBeUndefined();
    expect(results?.map(({ status }) => status)).toEqual(['Success', 'Success']);
    expect(await all.migrateToLatest()).toEqual({ results: [] });
    expect((await all.getMigrations()).every(({ executedAt }) => executedAt instanceof Date)).toBe(true);
    await all.migrateDown();
    expect(await tables(db)).toEqual(['a', 'b']);
    await all.migrateTo('1_a');
    expect(await tables(db)).toEqual(['a']);
    await all.migrateTo(NO_MIGRATIONS);
    expect(await tables(db)).toEqual([]);
  });

  test('are all or nothing', async () => {
    const db = kyselyOver(await sources[name](on));
    const failing: Migration = {
      up: async (db) => {
        await createTable('b').up(db);
        throw new Error('no');
      },
    };
    const { error, results } = await migrator(db, { '1_a': createTable('a'), '2_b': failing }).migrateToLatest();
    expect(error).toMatchObject({ message: 'no' });
    expect(results).toMatchObject([{ status: 'Success' }, { status: 'Error' }]);
    expect(await tables(db)).toEqual([]);
    await migrator(db, { '1_a': createTable('a') }).migrateToLatest();
    expect(await tables(db)).toEqual(['a']);
  });

  test.each([false, true])('run once, however many migrate (without transactions: %s)', async (without) => {
    const source = await sources[name](on);
    let ran = 0;
    const slow: Migration = {
      up: async (db) => {
        ran++;
        await sleep(10);
        await createTable('a').up(db);
      },
    };
    const all = Array.from({ length: 8 }, () =>
      migrator(kyselyOver(source), { '1_a': slow, '2_b': createTable('b') }, without).migrateToLatest(),
    );
    const results = await Promise.all(all);
    expect(results.map(({ error }) => error)).toEqual(Array(8).fill(undefined));
    expect(ran).toBe(1);
  });

  test('refuse to switch foreign keys off in a transaction, and may without', async () => {
    const db = kyselyOver(await sources[name](on));
    await createTables(db);
    await sql`insert into person (id, first_name) values (1, 'Ada')`.execute(db);
    await sql`insert into pet (name, owner_id, species) values ('Doggo', 1, 'dog')`.execute(db);
    const rebuild: Migration = {
      up: async (db) => {
        await sql`PRAGMA foreign_keys = OFF`.execute(db);
        await sql`create table person2 (id integer primary key, first_name text)`.execute(db);
        await sql`insert into person2 select id, first_name from person`.execute(db);
        await sql`drop table person`.execute(db); // would delete the pets
        await sql`alter table person2 rename to person`.execute(db);
        await sql`PRAGMA foreign_keys = ON`.execute(db);
      },
    };
    const refused = await migrator(db, { '1_rebuild': rebuild }).migrateToLatest();
    expect(refused.error).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    expect(await migrator(db, { '1_rebuild': rebuild }, true).migrateToLatest()).not.toHaveProperty('error');
    expect(await db.selectFrom('pet').select('name').execute()).toEqual([{ name: 'Doggo' }]);
    expect((await sql`PRAGMA foreign_keys`.execute(db)).rows).toEqual([{ foreign_keys: 1 }]);
  });
});

describe('migrations of Kysely', () => {
  // Kysely imports them by absolute path, which import() does not take on Windows.
  test.skipIf(process.platform === 'win32')('come from files', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'aiosqlite-migrations-'));
    writeFileSync(
      path.join(folder, '2024_person.mjs'),
      "export const up = (db) => db.schema.createTable('person').addColumn('id', 'integer').execute();",
    );
    const db = kyselyOver(on.pool());
    const provider = new FileMigrationProvider({ fs, path, migrationFolder: folder });
    const { error } = await new Migrator({ db, provider }).migrateToLatest();
    rmSync(folder, { recursive: true });
    expect(error).toBeUndefined();
    expect(await tables(db)).toEqual(['person']);
  });

  test('lock out other processes', async () => {
    const script = new URL('migrate.mjs', import.meta.url);
    const ended = await Promise.all(Array.from({ length: 4 }, () => run(script, [on.file()])));
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(Array(4).fill([0, '']));
    expect(ended.map(({ stdout }) => stdout.trim()).sort()).toEqual(['0', '0', '0', '2']);
  });

  test('wait for a writer, and hold no reader up', async () => {
    const pool: Pool = on.pool();
    const db = kyselyOver(pool);
    await createTables(db);
    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const slow: Migration = {
      up: async (db) => {
        begun();
        await createTable('a').up(db);
        await sleep(50);
      },
    };
    const migrating = migrator(db, { '1_a': slow }).migrateToLatest();
    await hasBegun;
    expect(await db.selectFrom('person').selectAll().execute()).toEqual([]);
    await db.insertInto('person').values({ first_name: 'Ada' }).execute();
    expect(await tables(db)).toContain('a');
    expect((await migrating).error).toBeUndefined();
  });
});
