import type { Query } from '../executor.js';

/** Raised with every change of any store's tables. A file with a newer one is left alone. */
export const SCHEMA_VERSION = 2;

/** Something that the file must have: its name, and the statement that makes it where it is missing. */
export interface SchemaObject {
  name: string;
  sql: string;
}

export interface Table extends SchemaObject {
  /** Column names and declared types, in order. */
  columns: readonly (readonly [name: string, type: string])[];
  /** Statements that follow the one that makes it. */
  setUp?: readonly string[];
  /** Columns that older versions of the table lack; an upgrade adds them. */
  added?: readonly string[];
}

export interface Schema {
  tables: readonly Table[];
  indexesAndTriggers: readonly SchemaObject[];
  /** Triggers between the tables of two stores: made where the other store's table is there. */
  ties?: readonly Tie[];
  /** Refuses a file of another ADK program, unless the metadata tells that a store of ours has tables there. */
  refusesForeign?: boolean;
  /** The one of the tables that holds the version, and the statement that sets it. */
  metadata: Table;
  setVersion: Query;
}

/** A trigger that needs a table of another store, with these columns among others. */
interface Tie extends SchemaObject {
  needs: { table: string; columns: readonly string[] };
}

export type ColumnDefinition = readonly [name: string, type: string, constraint?: string];

/** The table that every store of a file shares. */
export const metadataTable = (name: string) =>
  table(name, [
    ['key', 'TEXT', 'PRIMARY KEY'],
    ['value', 'TEXT', 'NOT NULL'],
  ]);

export const setVersion = (metadata: string): Query => ({
  sql: `INSERT INTO "${metadata}" (key, value) VALUES ('schema_version', ?)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  params: [String(SCHEMA_VERSION)],
});

export function table(name: string, columns: readonly ColumnDefinition[], ...more: (string | undefined)[]) {
  const lines = [...columns.map((column) => column.filter(Boolean).join(' ')), ...more.filter(Boolean)];
  return {
    name,
    sql: `CREATE TABLE IF NOT EXISTS "${name}" (\n  ${lines.join(',\n  ')}\n)`,
    columns: columns.map(([column, type]): [string, string] => [column, type]),
  };
}

export function index(on: string, suffix: string, columns: string, unique: 'UNIQUE ' | '' = ''): SchemaObject {
  const name = `${on}_${suffix}`;
  return { name, sql: `CREATE ${unique}INDEX IF NOT EXISTS "${name}" ON "${on}" (${columns})` };
}

export function trigger(on: string, suffix: string, event: string, body: string): SchemaObject {
  const name = `${on}_${suffix}`;
  return { name, sql: `CREATE TRIGGER IF NOT EXISTS "${name}" AFTER ${event} ON "${on}" BEGIN\n  ${body}\nEND` };
}
