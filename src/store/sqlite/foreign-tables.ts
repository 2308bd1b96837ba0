import type { BatchQuery, Row } from '../../executor.js';
import { StoreError } from '../errors.js';

/** Names of tables that other ADK programs make. */
const NAMES = ['adk_session', 'adk_event', 'sessions', 'events', 'app_states', 'adk_internal_metadata'];

/** Finds out which of these tables a file has. */
export const foreignTables: BatchQuery = {
  sql: `SELECT lower(name) AS name FROM sqlite_schema WHERE type = 'table' AND name COLLATE NOCASE IN (${NAMES.map(() => '?').join(', ')})`,
  params: NAMES,
};

/** Rejects `'ADK_SCHEMA_MISMATCH'` if the tables found are those of another ADK program. */
export function refuseForeignTables(found: Row[]): void {
  const names = new Set(found.map(({ name }) => name));
  const program = programOf(names);
  if (program === undefined) return;
  const tables = NAMES.filter((name) => names.has(name)).join(', ');
  throw new StoreError(
    'ADK_SCHEMA_MISMATCH',
    `The file belongs to ${program} (tables ${tables}), whose sessions this store can't read in place: import them into a ` +
      "file of their own, or pass foreignTables: 'beside' to make this store's tables beside them",
  );
}

function programOf(names: ReadonlySet<unknown>): string | undefined {
  if (names.has('adk_session') || names.has('adk_event')) return "SQLSpec's ADK store";
  if (!['sessions', 'events', 'app_states'].every((name) => names.has(name))) return undefined;
  return names.has('adk_internal_metadata')
    ? "ADK's DatabaseSessionService (Python or JavaScript)"
    : 'a session service of ADK for Python';
}
