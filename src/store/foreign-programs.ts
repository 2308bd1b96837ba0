import { StoreError } from './errors.js';

/** Tables of SQLSpec. Some of its versions have names that are ours by default. */
const OF_SQLSPEC = ['adk_session', 'adk_event', 'adk_sessions', 'adk_events', 'adk_memory', 'adk_internal_metadata'];
const OF_ADK = ['sessions', 'events', 'app_states', 'adk_internal_metadata'];

/** Tables by which other ADK programs are known. */
export const FOREIGN_TABLES = [...new Set([...OF_SQLSPEC, ...OF_ADK])];

/** Columns of the tables that were found, by their names. */
export type FoundTables = ReadonlyMap<string, ReadonlySet<string>>;

/** Another ADK program, and its tables. */
export interface ForeignProgram {
  name: string;
  tables: string[];
}

/** The program that makes such tables, if it is one of theirs. */
export function programOf(found: FoundTables): ForeignProgram | undefined {
  const isTheirs = (table: string) => isForeign(found, table);
  const theirs = (name: string, tables: string[]) => ({ name, tables: tables.filter(isTheirs) });
  if (isTheirs('adk_session') || isTheirs('adk_event') || isEarlySqlspec(found)) {
    return theirs("SQLSpec's ADK store", OF_SQLSPEC);
  }
  if (!isTheirs('sessions') || !isTheirs('events') || !found.has('app_states')) return undefined;
  return found.has('adk_internal_metadata')
    ? theirs("ADK's DatabaseSessionService (Python or JavaScript)", OF_ADK)
    : theirs('a session service of ADK for Python', OF_ADK);
}

/** SQLSpec before 0.51, whose tables of sessions and events have our names. */
const isEarlySqlspec = (found: FoundTables): boolean =>
  isForeign(found, 'adk_sessions', 'id', 'app_name', 'user_id', 'state') &&
  isForeign(found, 'adk_events', 'session_id', 'timestamp');

/** Internal keys that our tables of such names have in every version. */
const OUR_KEYS = ['session_key', 'memory_key'];

/** Whether a table is there with these columns, and is none of a store of ours, which may have the same name. */
function isForeign(found: FoundTables, table: string, ...columns: string[]): boolean {
  const has = found.get(table);
  return has !== undefined && !OUR_KEYS.some((key) => has.has(key)) && columns.every((column) => has.has(column));
}

/** `'ADK_SCHEMA_MISMATCH'` for the database of another program. */
export const foreignProgram = (program: ForeignProgram, message: string) =>
  Object.assign(new StoreError('ADK_SCHEMA_MISMATCH', message), { program: program.name });

/** `'ADK_SCHEMA_MISMATCH'` for a table of another program that has one of our names. */
export const foreignTable = (program: ForeignProgram, table: string) =>
  foreignProgram(
    program,
    `Table ${table} belongs to ${program.name}: give this store's tables other names, or a database of their own`,
  );
