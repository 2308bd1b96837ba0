import type { Connection, Pool, Transaction } from 'aiosqlite';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { type ColumnType, type Generated, Kysely, type KyselyConfig } from 'kysely';
import type { databases } from '../support/databases.js';

interface PersonTable {
  id: Generated<number>;
  first_name: string;
  last_name: string | null;
  age: number | null;
  is_admin: ColumnType<number, boolean | number | undefined, boolean | number>;
}

interface PetTable {
  id: Generated<number>;
  name: string;
  owner_id: number;
  species: 'dog' | 'cat' | 'hamster';
}

export interface Database {
  person: PersonTable;
  pet: PetTable;
}

/** Everything that a dialect can be made over. */
export const sources = {
  'a pool over a file': (on) => on.pool(),
  'a pool over :memory:': (on) => on.pool({ database: ':memory:' }),
  'a connection to a file': (on) => on.connect(),
  'a connection to :memory:': (on) => on.connect({}, ':memory:'),
} satisfies Record<string, (on: ReturnType<typeof databases>) => Pool | Promise<Connection>>;

export const sourceNames = Object.keys(sources) as (keyof typeof sources)[];

export function kyselyOver(
  source: Pool | Connection | Transaction,
  config: Omit<KyselyConfig, 'dialect'> = {},
): Kysely<Database> {
  return new Kysely<Database>({ dialect: new AiosqliteDialect(source), ...config });
}

export async function createTables(db: Kysely<Database>): Promise<void> {
  await db.schema
    .createTable('person')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('first_name', 'text', (column) => column.notNull())
    .addColumn('last_name', 'text')
    .addColumn('age', 'integer')
    .addColumn('is_admin', 'integer', (column) => column.notNull().defaultTo(0))
    .addUniqueConstraint('person_name', ['first_name', 'last_name'])
    .execute();
  await db.schema
    .createTable('pet')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('owner_id', 'integer', (column) => column.notNull().references('person.id').onDelete('cascade'))
    .addColumn('species', 'text', (column) => column.notNull())
    .execute();
}

/** Three people, each with a pet. */
export async function insertPeople(db: Kysely<Database>): Promise<void> {
  await db
    .insertInto('person')
    .values([
      { id: 1, first_name: 'Ada', last_name: 'Lovelace', age: 36, is_admin: true },
      { id: 2, first_name: 'Grace', last_name: 'Hopper', age: 85, is_admin: false },
      { id: 3, first_name: 'Alan', last_name: null, age: null, is_admin: 0 },
    ])
    .execute();
  await db
    .insertInto('pet')
    .values([
      { id: 1, name: 'Doggo', owner_id: 1, species: 'dog' },
      { id: 2, name: 'Catto', owner_id: 2, species: 'cat' },
      { id: 3, name: 'Hammo', owner_id: 1, species: 'hamster' },
    ])
    .execute();
}
