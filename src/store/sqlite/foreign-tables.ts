import type { BatchQuery, Executor, Row } from '../../executor.js';
import type { StoreError } from '../errors.js';
import { FOREIGN_TABLES, type ForeignProgram, foreignProgram, programOf } from '../foreign-programs.js';

/** The columns of such tables. None are asked of a virtual table: its module may be missing. */
export const foreignTables: BatchQuery = {
  sql: `SELECT lower(t.name) AS "table", lower(c.name) AS "column" FROM sqlite_schema AS t
  LEFT JOIN pragma_table_xinfo(iif(t.sql LIKE 'CREATE VIRTUAL %', NULL, t.name)) AS c
  WHERE t.type = 'table' AND t.name COLLATE NOCASE IN (${FOREIGN_TABLES.map(() => '?').join(', ')})`,
  params: FOREIGN_TABLES,
};

/** The program that has made these tables: see {@link foreignTables}. */
export function foreignProgramIn(found: Row[]): ForeignProgram | undefined {
  const tables = new Map<string, Set<string>>();
  for (const { table, column } of found as { table: string; column: string }[]) {
    tables.set(table, (tables.get(table) ?? new Set()).add(column));
  }
  return programOf(tables);
}

/** The version in a store's metadata, by its name. No rows if there is none. */
export async function readVersion(db: Executor, metadata: string): Promise<Row[]> {
  const columns = await db.all('SELECT lower(name) AS name FROM pragma_table_xinfo(?)', [metadata]);
  if (!['key', 'value'].every((column) => columns.some(({ name }) => name === column))) return [];
  return await db.all(`SELECT value FROM "${metadata}" WHERE key = 'schema_version'`);
}

/** A pool that has not opened its file yet, and lets it be read before it sets the journal mode. */
export interface Unopened {
  beforeOpening?<T>(read: (db: Executor) => Promise<T>): Promise<T | undefined>;
}

/** Rejects `'ADK_SCHEMA_MISMATCH'` for a file of another ADK program, unless a store with this metadata has tables there. */
export async function refuseForeignFile(db: Executor & Unopened, metadata: string): Promise<void> {
  await db.beforeOpening?.((file) => refuse(file, metadata));
  await refuse(db, metadata);
}

async function refuse(db: Executor, metadata: string): Promise<void> {
  const program = await ownerOf(db, metadata);
  if (program !== undefined) throw foreignFile(program);
}

/** The other ADK program to which a file belongs. `undefined` if a store with this metadata has made tables there. */
export async function ownerOf(db: Executor, metadata: string): Promise<ForeignProgram | undefined> {
  const { sql, params } = foreignTables;
  const program = foreignProgramIn(await db.all(sql, params));
  return program === undefined || (await readVersion(db, metadata)).length > 0 ? undefined : program;
}

export function foreignFile(program: ForeignProgram): StoreError {
  const tables = program.tables.join(', ');
  return foreignProgram(
    program,
    `The file belongs to ${program.name} (tables ${tables}), whose sessions this store can't read in place: import them ` +
      "into a file of their own, or pass foreignTables: 'beside' to make this store's tables beside them",
  );
}
