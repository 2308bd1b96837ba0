import { type MigrationConfig, type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import { checkNames, type NamesOf } from '../arguments.js';
import {
  AiosqliteError,
  type Connection,
  type Executor,
  type Query,
  SqliteError,
  sql,
  type Transaction,
} from '../index.js';
import type { AiosqliteDatabase, Client } from './database.js';

/**
 * Runs the migrations of a folder, as drizzle-kit generates them, that have not been run yet: all of them in one
 * immediate transaction, all or nothing. The transaction reads the list of pending migrations first, so that of several
 * processes only one runs each.
 *
 * drizzle-kit begins a migration that rebuilds a table with `PRAGMA foreign_keys=OFF`, because dropping the old table
 * would delete the rows that refer to it. SQLite ignores that PRAGMA inside a transaction. For such a migration, foreign
 * keys are therefore switched off before the transaction and checked before it commits: rows that lost their parent
 * reject `'SQLITE_CONSTRAINT_FOREIGNKEY'`. Over an open transaction it rejects `'ERR_CONTROL_STATEMENT'`.
 * @example await migrate(db, { migrationsFolder: './drizzle' });
 */
export async function migrate<TSchema extends Record<string, unknown>>(
  db: AiosqliteDatabase<TSchema, Client>,
  config: MigrationConfig,
): Promise<void> {
  checkNames('config', config, MIGRATION_CONFIG);
  const migrations = readMigrationFiles(config);
  const table = sql.id(config.migrationsTable ?? '__drizzle_migrations');
  const client = db.$client;
  if ('acquire' in client) await client.withConnection((connection) => migrateOn(connection, migrations, table));
  else await migrateOn(client, migrations, table);
}

/** `migrationsSchema` is for other databases: SQLite has one, and Drizzle's own drivers ignore it. */
const MIGRATION_CONFIG: NamesOf<MigrationConfig> = {
  migrationsFolder: true,
  migrationsTable: true,
  migrationsSchema: true,
};

async function migrateOn(db: Connection | Transaction, migrations: MigrationMeta[], table: Query): Promise<void> {
  // As Drizzle's other drivers make it, and drizzle-kit.
  await db.run(sql`
    CREATE TABLE IF NOT EXISTS ${table} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)
  `);
  const pending = await pendingOf(db, migrations, table);
  if (pending.length === 0) return;
  const work = async (tx: Transaction) => {
    for (const migration of await pendingOf(tx, migrations, table)) await apply(tx, migration, table);
  };
  if (!(await needsForeignKeysOff(db, pending))) await db.transaction(work, { mode: 'immediate' });
  else if ('close' in db) await withoutForeignKeys(db, work);
  else {
    throw new AiosqliteError(
      'ERR_CONTROL_STATEMENT',
      'a migration switches foreign keys off, which can not be done inside a transaction: migrate over a pool or a connection',
    );
  }
}

async function pendingOf(db: Executor, migrations: MigrationMeta[], table: Query): Promise<MigrationMeta[]> {
  const last = await db.get<{ created_at: number }>(
    sql`SELECT created_at FROM ${table} ORDER BY created_at DESC LIMIT 1`,
  );
  return migrations.filter(({ folderMillis }) => last === undefined || Number(last.created_at) < folderMillis);
}

async function apply(tx: Transaction, migration: MigrationMeta, table: Query): Promise<void> {
  for (const script of migration.sql) await tx.exec(script.replaceAll(SWITCHES_FOREIGN_KEYS, ''));
  await tx.run(sql`INSERT INTO ${table} (hash, created_at) VALUES (${migration.hash}, ${migration.folderMillis})`);
}

async function needsForeignKeysOff(db: Executor, migrations: MigrationMeta[]): Promise<boolean> {
  const wanted = migrations.some(({ sql: scripts }) =>
    scripts.some((script) => SWITCHES_FOREIGN_KEYS_OFF.test(script)),
  );
  return wanted && Number((await db.get<{ foreign_keys: number }>('PRAGMA foreign_keys'))?.foreign_keys) === 1;
}

/** On a line of its own, as drizzle-kit writes it. */
const SWITCHES_FOREIGN_KEYS = /^\s*pragma\s+foreign_keys\s*=\s*\w+\s*;?\s*$/gim;

/** sqlite.org/pragma.html#pragma_foreign_keys */
const SWITCHES_FOREIGN_KEYS_OFF = /\bpragma\s+foreign_keys\s*=\s*(?:off|0|false|no)\b/i;

/** sqlite.org/lang_altertable.html#otheralter */
async function withoutForeignKeys(db: Connection, work: (tx: Transaction) => Promise<void>): Promise<void> {
  // The calls are queued together without an await, so no other caller of the connection comes in between.
  const calls = [
    db.exec('PRAGMA foreign_keys = OFF'),
    db.transaction(
      async (tx) => {
        const before = await countOrphans(tx);
        await work(tx);
        if ((await countOrphans(tx)) <= before) return;
        throw new SqliteError('the migration leaves rows without their parent', 'SQLITE_CONSTRAINT_FOREIGNKEY', 787);
      },
      { mode: 'immediate' },
    ),
    db.exec('PRAGMA foreign_keys = ON'),
  ];
  await Promise.allSettled(calls);
  await Promise.all(calls);
}

async function countOrphans(tx: Transaction): Promise<number> {
  const [row] = await tx.all<{ n: number }>('SELECT count(*) AS n FROM pragma_foreign_key_check');
  return Number(row?.n);
}
