import type { Query } from '../executor.js';
import { StoreError } from './errors.js';
import type { Names } from './names.js';

/** Raised with every change of the tables. A file with a newer one is left alone. */
export const SCHEMA_VERSION = 1;

/** Something that the file must have: its name, and the statement that makes it where it is missing. */
interface SchemaObject {
  name: string;
  sql: string;
}

export interface Table extends SchemaObject {
  /** Column names and declared types, in order. */
  columns: readonly (readonly [name: string, type: string])[];
}

export interface Schema {
  tables: readonly Table[];
  indexesAndTriggers: readonly SchemaObject[];
  /** The one of the tables that knows the version, and how it learns it. */
  metadata: Table;
  insertVersion: Query;
}

type ColumnDefinition = readonly [name: string, type: string, constraint?: string];

/** All that the store keeps in a file. Only built-in functions, so that any SQLite can open and write it. */
export function buildSchema(names: Names): Schema {
  const { sessions, events, appStates, userStates, metadata, owner } = names;
  const sessionColumns: ColumnDefinition[] = [
    // What events refer to: short, internal. AUTOINCREMENT, so that a session that is created again is never taken for the old one.
    ['session_key', 'INTEGER', 'PRIMARY KEY AUTOINCREMENT'],
    ['id', 'TEXT', 'NOT NULL'],
    ['app_name', 'TEXT', 'NOT NULL'],
    ['user_id', 'TEXT', 'NOT NULL'],
    ['state', 'TEXT', "NOT NULL DEFAULT '{}'"],
    ['create_time', 'REAL', 'NOT NULL'],
    ['update_time', 'REAL', 'NOT NULL'],
    ['revision', 'INTEGER', 'NOT NULL DEFAULT 1'],
  ];
  if (owner && sessionColumns.some(([name]) => name === owner.column.toLowerCase())) {
    throw new StoreError('ADK_INVALID_NAME', `ownerIdColumn: the sessions table has a column ${owner.column} already`);
  }
  const eventColumns: ColumnDefinition[] = [
    // Append order. AUTOINCREMENT: it grows in commit order and is never used again (see known-ids.ts).
    ['seq', 'INTEGER', 'PRIMARY KEY AUTOINCREMENT'],
    ['session_key', 'INTEGER', `NOT NULL REFERENCES "${sessions}" (session_key) ON DELETE CASCADE`],
    ['id', 'TEXT', 'NOT NULL'],
    ['session_id', 'TEXT', 'NOT NULL'],
    ['app_name', 'TEXT', 'NOT NULL'],
    ['user_id', 'TEXT', 'NOT NULL'],
    ['invocation_id', 'TEXT', 'NOT NULL'],
    ['author', 'TEXT', 'NOT NULL'],
    ['actions', 'BLOB', 'NOT NULL'],
    ['long_running_tool_ids_json', 'TEXT'],
    ['branch', 'TEXT'],
    ['timestamp', 'REAL', 'NOT NULL'],
    ['content', 'TEXT'],
    ['grounding_metadata', 'TEXT'],
    ['custom_metadata', 'TEXT'],
    ['partial', 'INTEGER'],
    ['turn_complete', 'INTEGER'],
    ['interrupted', 'INTEGER'],
    ['error_code', 'TEXT'],
    ['error_message', 'TEXT'],
    ['extra', 'TEXT'],
  ];
  const tables = [
    table(sessions, sessionColumns, owner?.definition, 'UNIQUE (app_name, user_id, id)'),
    table(events, eventColumns),
    table(appStates, [
      ['app_name', 'TEXT', 'PRIMARY KEY'],
      ['state', 'TEXT', "NOT NULL DEFAULT '{}'"],
      ['update_time', 'REAL', 'NOT NULL'],
    ]),
    table(
      userStates,
      [
        ['app_name', 'TEXT', 'NOT NULL'],
        ['user_id', 'TEXT', 'NOT NULL'],
        ['state', 'TEXT', "NOT NULL DEFAULT '{}'"],
        ['update_time', 'REAL', 'NOT NULL'],
      ],
      undefined,
      'PRIMARY KEY (app_name, user_id)',
    ),
    table(metadata, [
      ['key', 'TEXT', 'PRIMARY KEY'],
      ['value', 'TEXT', 'NOT NULL'],
    ]),
  ];
  if (owner) tables[0]?.columns.push([owner.column, '']);

  const indexesAndTriggers = [
    // One index on events, and each further one would cost about a page per append. It gives a session's events in order,
    // the newest n of them, and (covering) the look-back for an event id that is there already.
    index(events, 'session_seq', 'session_key, seq, id'),
    // A page of sessions without sorting, by the whole app or one user. Ascending pages use them backwards, so that SQLite
    // sorts sessions of equal time among each other: cheaper than two more indexes that each append would have to write.
    index(sessions, 'user_updated', 'app_name, user_id, update_time DESC, id'),
    index(sessions, 'app_updated', 'app_name, update_time DESC, id'),
    index(sessions, 'user_created', 'app_name, user_id, create_time DESC, id'),
    index(sessions, 'app_created', 'app_name, create_time DESC, id'),
    // Exact numbers of sessions per app and per user. Kept by triggers: cascades and anyone's SQL are counted too.
    trigger(sessions, 'counted_insert', 'INSERT', countSession(names)),
    trigger(sessions, 'counted_delete', 'DELETE', uncountSession(names)),
    trigger(
      sessions,
      'counted_update',
      'UPDATE OF app_name, user_id',
      `${uncountSession(names)}\n  ${countSession(names)}`,
    ),
  ];
  return {
    tables,
    indexesAndTriggers,
    metadata: tables[4] as Table,
    insertVersion: {
      sql: `INSERT INTO "${metadata}" (key, value) VALUES ('schema_version', ?)`,
      params: [String(SCHEMA_VERSION)],
    },
  };
}

/** The metadata key of a number of sessions, in SQL. `json_array` keeps ids apart whatever they contain. */
export function countKey(sessions: string, appName: string, userId?: string): string {
  return `'${sessions}:' || json_array(${userId === undefined ? appName : `${appName}, ${userId}`})`;
}

/** One session more, for its app and for its user. */
function countSession({ sessions, metadata }: Names): string {
  return [countKey(sessions, 'NEW.app_name'), countKey(sessions, 'NEW.app_name', 'NEW.user_id')]
    .map(
      (key) => `INSERT INTO "${metadata}" (key, value) VALUES (${key}, 1)
    ON CONFLICT (key) DO UPDATE SET value = value + 1;`,
    )
    .join('\n  ');
}

/** One session less. A number that reaches 0 goes, or every user that ever was would stay. */
function uncountSession({ sessions, metadata }: Names): string {
  return [countKey(sessions, 'OLD.app_name'), countKey(sessions, 'OLD.app_name', 'OLD.user_id')]
    .map(
      (key) => `UPDATE "${metadata}" SET value = value - 1 WHERE key = ${key};
  DELETE FROM "${metadata}" WHERE key = ${key} AND value = '0';`,
    )
    .join('\n  ');
}

function table(name: string, columns: readonly ColumnDefinition[], ...more: (string | undefined)[]) {
  const lines = [...columns.map((column) => column.filter(Boolean).join(' ')), ...more.filter(Boolean)];
  return {
    name,
    sql: `CREATE TABLE IF NOT EXISTS "${name}" (\n  ${lines.join(',\n  ')}\n)`,
    columns: columns.map(([column, type]): [string, string] => [column, type]),
  };
}

function index(on: string, suffix: string, columns: string): SchemaObject {
  const name = `${on}_${suffix}`;
  return { name, sql: `CREATE INDEX IF NOT EXISTS "${name}" ON "${on}" (${columns})` };
}

function trigger(on: string, suffix: string, event: string, body: string): SchemaObject {
  const name = `${on}_${suffix}`;
  return { name, sql: `CREATE TRIGGER IF NOT EXISTS "${name}" AFTER ${event} ON "${on}" BEGIN\n  ${body}\nEND` };
}
