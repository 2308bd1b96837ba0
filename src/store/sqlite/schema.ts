import { cascadeToArtifacts } from '../artifacts/cascade.js';
import { type Column, EVENT_COLUMNS, SESSION_COLUMNS, type SessionColumn } from '../codec/columns.js';
import {
  type ColumnDefinition,
  index,
  metadataTable,
  type Schema,
  setVersion,
  type Table,
  table,
  trigger,
} from '../ddl.js';
import { StoreError } from '../errors.js';
import type { Names } from '../names.js';

/** All that the store keeps in a file. Only built-in functions, so that any SQLite can open and write it. */
export function buildSchema(
  names: Names,
  columns: readonly Column[] = EVENT_COLUMNS,
  sessionFields: readonly SessionColumn[] = SESSION_COLUMNS,
): Schema {
  const { sessions, events, appStates, userStates, metadata, rewound, changes, owner } = names;
  const sessionColumns: ColumnDefinition[] = [
    // Events refer to it: short, internal. AUTOINCREMENT, so that a session created again is never taken for the old one.
    ['session_key', 'INTEGER', 'PRIMARY KEY AUTOINCREMENT'],
    ...sessionFields.map(defined),
  ];
  if (owner && sessionColumns.some(([name]) => name === owner.column.toLowerCase())) {
    throw new StoreError('ADK_INVALID_NAME', `ownerIdColumn: the sessions table has a column ${owner.column} already`);
  }
  const [id, ...fields] = columns.map(defined) as [ColumnDefinition, ...ColumnDefinition[]];
  const eventColumns: ColumnDefinition[] = [
    // Append order. AUTOINCREMENT: it grows in commit order and is never used again (see known-ids.ts).
    ['seq', 'INTEGER', 'PRIMARY KEY AUTOINCREMENT'],
    ['session_key', 'INTEGER', `NOT NULL REFERENCES "${sessions}" (session_key) ON DELETE CASCADE`],
    id,
    ['session_id', 'TEXT', 'NOT NULL'],
    ['app_name', 'TEXT', 'NOT NULL'],
    ['user_id', 'TEXT', 'NOT NULL'],
    ...fields,
  ];
  const [, , ...archived] = eventColumns;
  const tables = [
    {
      ...table(sessions, sessionColumns, owner?.definition, 'UNIQUE (app_name, user_id, id)'),
      added: addedOf(sessionFields),
    },
    { ...table(events, eventColumns), added: addedOf(columns) },
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
    metadataTable(metadata),
    // Events that a rewind has removed, each with its former seq.
    {
      ...table(rewound, [
        ['seq', 'INTEGER', 'PRIMARY KEY'],
        ['session_key', 'INTEGER', 'NOT NULL'],
        ['rewind_key', 'INTEGER', 'NOT NULL'],
        ...archived,
      ]),
      added: addedOf(columns),
    },
    // Changes of a session that no stored event carries: see history/timeline.ts.
    table(changes, [
      ['change_key', 'INTEGER', 'PRIMARY KEY AUTOINCREMENT'],
      ['session_key', 'INTEGER', 'NOT NULL'],
      ['seq', 'INTEGER', 'NOT NULL'],
      ['kind', 'TEXT', 'NOT NULL'],
      ['value', 'TEXT', 'NOT NULL'],
      ['removed', 'TEXT'],
      ['revision', 'INTEGER'],
      ['time', 'REAL', 'NOT NULL'],
      ['undone_by', 'INTEGER'],
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
    index(rewound, 'session', 'session_key, rewind_key'),
    index(changes, 'session_seq', 'session_key, seq'),
    trigger(
      sessions,
      'delete_history',
      'DELETE',
      [rewound, changes].map((name) => `DELETE FROM "${name}" WHERE session_key = OLD.session_key;`).join('\n  '),
    ),
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
    ties: [
      {
        ...cascadeToArtifacts(sessions, names.artifacts),
        needs: { table: names.artifacts, columns: ['app_name', 'user_id', 'session_id'] },
      },
    ],
    metadata: tables[4] as Table,
    setVersion: setVersion(metadata),
  };
}

/** Names of the columns that later versions of the schema have added: createTables() adds them to files that lack them. */
const addedOf = (columns: readonly Column[]) =>
  columns.filter(({ since }) => since !== undefined).map(({ column }) => column);

function defined({ column, type, required, default: value }: Column): ColumnDefinition {
  const constraints = [...(required ? ['NOT NULL'] : []), ...(value === undefined ? [] : [`DEFAULT ${value}`])];
  return [column, type, constraints.join(' ')];
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
