import type { SqlParam, SqlValue } from '../../../executor.js';
import type { JsonObject } from '../../records.js';
import type { Lines } from './lines.js';
import type { LostRow } from './salvage.js';

/** A source as it lies there, of unknown format. */
export type Input = TablesInput | TextInput | FolderInput;

/** A database that is read and never written. */
export interface TablesInput extends AsyncDisposable {
  kind: 'tables';
  engine: 'sqlite' | 'postgres';
  /** Columns of each table with their declared types, all in lower case. */
  tables: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Tables whose column `session_id` alone refers to another table: that one. */
  parents: ReadonlyMap<string, string>;
  /** Rows of a query as arrays, one query at a time. A failure is an error of the source. */
  rows(sql: string, params?: readonly SqlParam[]): AsyncIterable<SqlValue[]>;
  /** Of a damaged file: an input with the rows that can be read, and the others by name. */
  salvage?(): Promise<{ input: TablesInput; lost: LostRow[] }>;
}

/** A file or a stream of text. */
export interface TextInput extends AsyncDisposable {
  kind: 'text';
  lines: Lines;
  /** The whole text as JSON, where it is that of sessions; its lines are gone then. */
  document?: JsonObject | JsonObject[] | undefined;
}

export interface FolderInput extends AsyncDisposable {
  kind: 'folder';
  path: string;
  /** Names of what is in it. */
  entries: ReadonlySet<string>;
}

/** A name as SQL takes it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Whether a database has a table with these columns. */
export function hasColumns({ tables }: TablesInput, table: string, ...columns: string[]): boolean {
  const found = tables.get(table);
  return found !== undefined && columns.every((column) => found.has(column));
}
