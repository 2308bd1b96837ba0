import type { BatchQuery, Row } from '../../executor.js';
import { StoreError } from '../errors.js';
import { FOREIGN_TABLES, programOf } from '../foreign-programs.js';

/** Finds out which of these tables a file has. */
export const foreignTables: BatchQuery = {
  sql: `SELECT lower(name) AS name FROM sqlite_schema WHERE type = 'table' AND name COLLATE NOCASE IN (${FOREIGN_TABLES.map(() => '?').join(', ')})`,
  params: FOREIGN_TABLES,
};

/** Rejects `'ADK_SCHEMA_MISMATCH'` if the tables found are those of another ADK program. */
export function refuseForeignTables(found: Row[]): void {
  const names = new Set(found.map(({ name }) => name));
  const program = programOf(names);
  if (program === undefined) return;
  const tables = FOREIGN_TABLES.filter((name) => names.has(name)).join(', ');
  throw new StoreError(
    'ADK_SCHEMA_MISMATCH',
    `The file belongs to ${program} (tables ${tables}), whose sessions this store can't read in place: import them into a ` +
      "file of their own, or pass foreignTables: 'beside' to make this store's tables beside them",
  );
}
