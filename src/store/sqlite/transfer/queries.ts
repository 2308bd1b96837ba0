import { EVENT_COLUMNS } from '../../codec/columns.js';
import { originPrefix } from '../../copy/transfer.js';
import { type Names, quoted } from '../../names.js';
import { mayMark } from '../dialect.js';
import { markersNote } from '../history/fold.js';

/** Tables and columns that a file of schema version 1, opened to read, does not have. */
export interface Shape {
  initialState: boolean;
  changes: boolean;
  rewound: boolean;
}

export const shapeQuery = ({ sessions, changes, rewound }: Names) =>
  `SELECT EXISTS (SELECT 1 FROM pragma_table_info('${sessions}') WHERE name = 'initial_state'),
  EXISTS (SELECT 1 FROM pragma_table_info('${changes}')), EXISTS (SELECT 1 FROM pragma_table_info('${rewound}'))`;

/** Columns of an event, in the order of a stored one, behind the session's. */
const FIELDS = EVENT_COLUMNS.map(({ column }) => column);
/** Columns of each part of a read: its name, then those of an event: `seq`, the fields, the key of a rewind. */
const WIDTH = FIELDS.length + 3;

export type TransferQueries = ReturnType<typeof buildTransferQueries>;

export function buildTransferQueries(names: Names, shape: Shape) {
  const { sessions, events, appStates, userStates, metadata, rewound, changes } = quoted(names);
  const owner = names.owner ? `"${names.owner.column}"` : undefined;
  const key = 's.app_name = ? AND s.user_id = ? AND s.id = ?';
  const lastSeq = `coalesce((SELECT max(e.seq) FROM ${events} AS e WHERE e.session_key = s.session_key), 0)`;
  const stamp = ['s.session_key', 's.app_name', 's.user_id', 's.id', 's.create_time', 's.revision', lastSeq];
  const originKey = `'${originPrefix(names.sessions)}' || s.session_key`;
  const present = `SELECT ${stamp.join(', ')}, m.value FROM ${sessions} AS s`;
  const origin = `${metadata} AS m ON m.key = ${originKey}`;

  const fields = (row: string) =>
    EVENT_COLUMNS.map(({ column, kind }) =>
      kind === 'actions' ? `CAST(${row}.${column} AS TEXT)` : `${row}.${column}`,
    );
  const part = (name: string, columns: string[], from: string, order: string) => {
    const padded = [`'${name}'`, ...columns, ...Array(WIDTH - 1 - columns.length).fill('NULL')];
    return `SELECT * FROM (SELECT ${padded.join(', ')} FROM ${from} ORDER BY ${order})`;
  };
  const ofSession = (table: string, row: string) =>
    `${table} AS ${row} WHERE ${row}.session_key = (SELECT s.session_key FROM ${sessions} AS s WHERE s.app_name = ?1 AND s.user_id = ?2 AND s.id = ?3)`;
  const seqs = (of: 'min' | 'max') => {
    const tables = [events, ...(shape.changes ? [changes] : []), ...(shape.rewound ? [rewound] : [])];
    const each = tables.map(
      (table) => `SELECT ${of}(seq) AS seq FROM ${table} AS t WHERE t.session_key = s.session_key AND t.seq > 0`,
    );
    return `coalesce((SELECT ${of}(seq) FROM (${each.join(' UNION ALL ')})), 0)`;
  };
  const sessionPart = [
    ...stamp,
    's.update_time',
    's.state',
    shape.initialState ? 's.initial_state' : 'NULL',
    owner ? `s.${owner}` : 'NULL',
    seqs('min'),
    seqs('max'),
  ];
  const changePart = ['change_key', 'seq', 'kind', 'value', 'removed', 'revision', 'time', 'undone_by'].map(
    (name) => `c.${name}`,
  );
  const parts = [
    part(
      'session',
      sessionPart,
      `${sessions} AS s WHERE s.app_name = ?1 AND s.user_id = ?2 AND s.id = ?3`,
      's.session_key',
    ),
    ...(shape.changes ? [part('change', changePart, ofSession(changes, 'c'), 'c.change_key')] : []),
    part('event', ['e.seq', ...fields('e')], ofSession(events, 'e'), 'e.seq'),
    ...(shape.rewound
      ? [part('archived', ['r.seq', ...fields('r'), 'r.rewind_key'], ofSession(rewound, 'r'), 'r.rewind_key, r.seq')]
      : []),
  ];

  const written = ['state', 'create_time', 'update_time', 'revision', 'initial_state', ...(owner ? [owner] : [])];
  const value = (column: string) => (column === 'actions' ? 'CAST(? AS BLOB)' : '?');
  const eventColumns = ['seq', 'session_key', 'app_name', 'user_id', 'session_id', ...FIELDS];
  const eventValues = eventColumns.map(value).join(', ');
  const tooLong = (column: string) => `(length(CAST(${column} AS BLOB)) > ?1 OR instr(${column}, char(0)) > 0)`;
  const state = (table: string, columns: string[]) => ({
    all: `SELECT ${['app_name', columns[1] ?? 'NULL', 'state', 'update_time'].join(', ')} FROM ${table}`,
    one: `SELECT state, update_time FROM ${table} WHERE ${columns.map((name) => `${name} = ?`).join(' AND ')}`,
    /** Parameters: key, state, time. */
    put: `INSERT INTO ${table} AS t (${columns.join(', ')}, state, update_time) VALUES (${columns.map(() => '?').join(', ')}, ?, ?)
  ON CONFLICT (${columns.join(', ')}) DO UPDATE SET state = excluded.state, update_time = excluded.update_time
  WHERE t.update_time <= excluded.update_time AND t.state <> excluded.state`,
  });

  return {
    // ── as a source ──
    stamps: `SELECT ${stamp.join(', ')} FROM ${sessions} AS s WHERE s.session_key > ? ORDER BY s.session_key LIMIT ?`,
    /** One statement, so that all is of one moment. */
    read: parts.join('\nUNION ALL\n'),
    inUse: `SELECT 1 FROM ${sessions} WHERE session_key IN carray(?) LIMIT 1`,
    countEvents: `SELECT count(*) FROM ${events} WHERE session_key = ?`,
    states: { app: state(appStates, ['app_name']), user: state(userStates, ['app_name', 'user_id']) },
    unstorable: [
      {
        table: names.sessions,
        sql: `SELECT id FROM ${sessions} WHERE ${['app_name', 'user_id', 'id'].map(tooLong).join(' OR ')}`,
      },
      { table: names.events, sql: `SELECT id FROM ${events} WHERE ${tooLong('id')}` },
      ...(shape.rewound ? [{ table: names.rewound, sql: `SELECT id FROM ${rewound} WHERE ${tooLong('id')}` }] : []),
      { table: names.appStates, sql: `SELECT app_name FROM ${appStates} WHERE ${tooLong('app_name')}` },
      {
        table: names.userStates,
        sql: `SELECT user_id FROM ${userStates} WHERE ${['app_name', 'user_id'].map(tooLong).join(' OR ')}`,
      },
    ],

    // ── as a target ──
    hasOwner: owner !== undefined,
    find: `${present} LEFT JOIN ${origin} WHERE ${key}`,
    copied: `${present} JOIN ${origin} WHERE s.session_key > ? ORDER BY s.session_key LIMIT ?`,
    /** Whether an event and a change are there, and the highest seqs and keys that were ever used. */
    free: `SELECT EXISTS (SELECT 1 FROM ${events} WHERE seq = ?1 AND session_key IS NOT ?3) OR EXISTS (SELECT 1 FROM ${rewound} WHERE seq = ?1 AND session_key IS NOT ?3),
  EXISTS (SELECT 1 FROM ${changes} WHERE change_key = ?2 AND session_key IS NOT ?3),
  max(coalesce((SELECT max(seq) FROM ${rewound}), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name = '${names.events}'), 0)),
  coalesce((SELECT seq FROM sqlite_sequence WHERE name = '${names.changes}'), 0)`,
    /** Parameters: app, user, id, then the columns. */
    putSession: `INSERT INTO ${sessions} (app_name, user_id, id, ${written.join(', ')}) VALUES (?, ?, ?, ${written.map(() => '?').join(', ')})
  ON CONFLICT (app_name, user_id, id) DO UPDATE SET ${written.map((name) => `${name} = excluded.${name}`).join(', ')} RETURNING session_key`,
    /** The same for one that is not there. */
    addSession: `INSERT INTO ${sessions} (app_name, user_id, id, ${written.join(', ')}) VALUES (?, ?, ?, ${written.map(() => '?').join(', ')})
  ON CONFLICT (app_name, user_id, id) DO NOTHING`,
    /** Parameters: app, user, session, then the fields. */
    addEvent: `INSERT INTO ${events} (session_key, app_name, user_id, session_id, ${FIELDS.join(', ')})
  SELECT s.session_key, ?1, ?2, ?3, ${FIELDS.map(value).join(', ')} FROM ${sessions} AS s WHERE s.app_name = ?1 AND s.user_id = ?2 AND s.id = ?3`,
    clear: [events, rewound, changes].map((table) => `DELETE FROM ${table} WHERE session_key = ?`),
    putEvent: `INSERT INTO ${events} (${eventColumns.join(', ')}) VALUES (${eventValues})`,
    putArchived: `INSERT INTO ${rewound} (rewind_key, ${eventColumns.join(', ')}) VALUES (?, ${eventValues})`,
    putChange: `INSERT INTO ${changes} (change_key, session_key, seq, kind, value, removed, revision, time, undone_by)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    /** Seqs of archived events are used, too: new events follow them. */
    raiseSequence: `UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = '${names.events}'`,
    beginSequence: `INSERT INTO sqlite_sequence (name, seq) SELECT '${names.events}', ?
  WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '${names.events}')`,
    /** Retention has looked at all seqs up to that of its note (see marked.ts): these may be lower. Parameter: internal key. */
    noteMarked: `UPDATE ${metadata} SET value = json_insert(value, '$.sessions[#]', ?1)
  WHERE key = ${markersNote(names)} AND json_valid(value) AND (${[events, rewound]
    .map((table) => `EXISTS (SELECT 1 FROM ${table} AS m WHERE m.session_key = ?1 AND ${mayMark('m.actions')})`)
    .join(' OR ')})`,
    putOrigin: `INSERT INTO ${metadata} (key, value) VALUES ('${originPrefix(names.sessions)}' || ?, ?)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    /** Parameters of both: internal key, revision. */
    deleteEvents: `DELETE FROM ${events} WHERE session_key = (SELECT session_key FROM ${sessions} WHERE session_key = ? AND revision = ?)`,
    deleteSession: `DELETE FROM ${sessions} WHERE session_key = ? AND revision = ?`,
    deleteOrigin: `DELETE FROM ${metadata} WHERE key = '${originPrefix(names.sessions)}' || ?1
  AND NOT EXISTS (SELECT 1 FROM ${sessions} WHERE session_key = ?1)`,
  };
}
