import { type Column, EVENT_COLUMNS, KEY_PARAMS, SESSION_COLUMNS, type SessionColumn } from '../codec/columns.js';
import { NO_ACTIONS } from '../codec/no-actions.js';
import { isGiven, isRead } from '../codec/session-codec.js';
import { METADATA, TITLE } from '../codec/title.js';
import { type Names, quoted } from '../names.js';
import { KNOWN_PARAMS, mayMark } from './dialect.js';
import { buildFold } from './history/fold.js';
import { buildHistoryQueries } from './history/queries.js';
import { buildOthers } from './other-stores.js';
import { countKey } from './schema.js';

/** Every statement of the store, its text fixed for the store's lifetime, so that the connection prepares it once. */
export type Queries = ReturnType<typeof buildQueries>;

/** Parameters follow the order of the text. `key` is three of them: app, user, session. */
export function buildQueries(
  names: Names,
  columns: readonly Column[] = EVENT_COLUMNS,
  sessionFields: readonly SessionColumn[] = SESSION_COLUMNS,
) {
  const { sessions, events, appStates, userStates, metadata, rewound } = quoted(names);
  const owner = names.owner ? `"${names.owner.column}"` : undefined;

  const key = 's.app_name = ? AND s.user_id = ? AND s.id = ?';
  const sessionNumber = `(SELECT s.session_key FROM ${sessions} AS s WHERE ${key})`;
  const sessionColumns = [
    's.session_key',
    ...sessionFields.filter(isRead).map(({ column }) => `s.${column}`),
    owner ? `s.${owner}` : 'NULL',
  ].join(', ');
  /** The rest of a snapshot. */
  const sharedColumns = `(SELECT a.state FROM ${appStates} AS a WHERE a.app_name = s.app_name) AS app_state,
  (SELECT u.state FROM ${userStates} AS u WHERE u.app_name = s.app_name AND u.user_id = s.user_id) AS user_state,
  coalesce((SELECT max(n.seq) FROM ${events} AS n WHERE n.session_key = s.session_key), 0) AS last_seq`;
  /** Whether the last event that a session object has seen is still there. Parameters: its seq (0: it has seen none), twice. */
  const seenIsThere = `? = 0 OR EXISTS (SELECT 1 FROM ${events} AS e WHERE e.session_key = s.session_key AND e.seq = ?)`;
  const selected = (column: Column) =>
    column.kind === 'actions'
      ? `iif(e.${column.column} = CAST('${NO_ACTIONS}' AS BLOB), '0', CAST(e.${column.column} AS TEXT)) AS ${column.column}`
      : `e.${column.column}`;
  const eventColumns = ['e.seq', ...columns.map(selected)].join(', ');

  const idle = `(SELECT s.session_key FROM ${sessions} AS s WHERE s.app_name = ? AND s.update_time < ?
  ORDER BY s.update_time DESC, s.id LIMIT ?)`;
  const ofUser = `(SELECT s.session_key FROM ${sessions} AS s WHERE s.app_name = ? AND s.user_id = ? ORDER BY s.id LIMIT ?)`;
  const counter = (key: string) => `${key}, (SELECT m.value FROM ${metadata} AS m WHERE m.key = ${key})`;
  // Apps and users are found by skipping from one to the next in the index.
  const everyApp = `WITH RECURSIVE app (name) AS (
  SELECT min(app_name) FROM ${sessions}
  UNION ALL SELECT (SELECT min(s.app_name) FROM ${sessions} AS s WHERE s.app_name > app.name) FROM app WHERE app.name IS NOT NULL)`;
  const users = (after: string) => {
    const next = (condition: string) =>
      `(SELECT min(s.user_id) FROM ${sessions} AS s WHERE s.app_name = ?1${condition})`;
    return `WITH RECURSIVE user (id) AS (SELECT ${next(after)}
  UNION ALL SELECT ${next(' AND s.user_id > user.id')} FROM user WHERE user.id IS NOT NULL LIMIT ?${after === '' ? 2 : 3})
  SELECT user.id, ${counter(countKey(names.sessions, '?1', 'user.id'))} FROM user WHERE user.id IS NOT NULL`;
  };
  const shared = (table: string, ...key: string[]) => {
    const columns = [...key, 'state', 'update_time'];
    const insert = `INSERT INTO ${table} (${columns.join(', ')})`;
    const values = columns.map(() => '?').join(', ');
    const merge = `ON CONFLICT (${key.join(', ')}) DO UPDATE
  SET state = json_merge_shallow(state, excluded.state, ?), update_time = excluded.update_time`;
    return {
      read: `SELECT ${key.join(', ')}, state FROM ${table} WHERE ${key.map((column) => `${column} = ?`).join(' AND ')}`,
      merge: `${insert} VALUES (${values}) ${merge}`,
      mergeIfNew: `${insert} SELECT ${values} WHERE NOT EXISTS ${sessionNumber} ${merge}`,
    };
  };

  /** Sessions of an app, or of one of its users; with a further condition. */
  const chosen = (condition: string, user: boolean) =>
    `FROM ${sessions} AS s WHERE s.app_name = ?${user ? ' AND s.user_id = ?' : ''}${condition}`;
  const pages = (columns: string, condition = '') => {
    const by = (time: string) =>
      inBothOrders((order) =>
        byUser(
          (user) => `SELECT ${columns} ${chosen(condition, user)}
  ORDER BY s.${time}${order}, s.id LIMIT ? OFFSET ?`,
        ),
      );
    return { updateTime: by('update_time'), createTime: by('create_time') };
  };
  const eventsBehind = (condition: string, order: string) => `SELECT ${eventColumns} FROM ${events} AS e
  WHERE e.session_key = ${sessionNumber} AND e.seq > ? AND ${condition} ORDER BY e.seq${order} LIMIT ?`;
  const title = `'$.${METADATA}.${TITLE}'`;
  /** A damaged state has no title. */
  const isTitled = ` AND CASE WHEN json_valid(s.state) AND json_type(s.state, ${title}) = 'text'
    THEN contains_nocase(s.state ->> ${title}, ?) ELSE 0 END`;

  /** A parameter of insertEvent, by name or field. */
  const params = [...KNOWN_PARAMS, ...KEY_PARAMS, ...columns.map(({ field }) => field)];
  const param = (name: string) => `?${params.indexOf(name) + 1}`;
  const columnsOfEvent = columns.map(({ column }) => column).join(', ');
  const insertedColumns = `session_key, session_id, app_name, user_id, ${columnsOfEvent}`;
  const insertEvent = `INSERT OR REPLACE INTO ${events} (seq, ${insertedColumns})`;
  const eventParams = [
    ...['sessionId', 'appName', 'userId'].map(param),
    ...columns.map(({ field, type }) => (type === 'BLOB' ? `CAST(${param(field)} AS BLOB)` : param(field))),
  ].join(', ');
  const sessionIs = `s.app_name = ${param('appName')} AND s.user_id = ${param('userId')} AND s.id = ${param('sessionId')}`;

  const returning = ' RETURNING revision';
  const update = (where: string, end = '') => {
    const text = (state: string) =>
      `UPDATE ${sessions} AS s SET ${state}update_time = ?, revision = revision + 1 WHERE ${where}${end}`;
    return { touch: text(''), merge: text('state = json_merge_shallow(state, ?, ?), ') };
  };

  return {
    // ── sessions ──
    insertSession: insertSession(sessions, sessionFields, owner),
    session: `SELECT ${sessionColumns} FROM ${sessions} AS s WHERE ${key}`,
    snapshot: `SELECT ${sessionColumns}, ${sharedColumns} FROM ${sessions} AS s WHERE ${key}`,
    // Without counting on the cascade, which a connection with foreign keys off has not.
    deleteEvents: `DELETE FROM ${events} WHERE session_key = ${sessionNumber}`,
    deleteSession: `DELETE FROM ${sessions} AS s WHERE ${key}`,
    writeNothing: `DELETE FROM ${sessions} WHERE 0`,
    sessionPage: pages(sessionColumns),
    snapshotPage: pages(`${sessionColumns}, ${sharedColumns}`),
    /** The same of sessions whose title contains a text, the parameter behind app and user. */
    titled: {
      sessionPage: pages(sessionColumns, isTitled),
      snapshotPage: pages(`${sessionColumns}, ${sharedColumns}`, isTitled),
      count: byUser((user) => `SELECT '', count(*) ${chosen(isTitled, user)}`),
    },
    countSessions: {
      all: `SELECT key, value FROM ${metadata} WHERE key = ${countKey(names.sessions, '?')}`,
      user: `SELECT key, value FROM ${metadata} WHERE key = ${countKey(names.sessions, '?', '?')}`,
    },

    // ── events ──
    /**
     * The look-back gives the seq of a stored event with the same id, which is replaced, or NULL: then a new seq follows.
     * `byNumber` takes the session's number, a seq up to which no event has the id, and the id of the event of that seq. The
     * look-back over the covering index begins there. If an assumption is wrong, `session_key` is NULL, and the NOT NULL
     * constraint refuses.
     */
    insertEvent: {
      byNumber: `${insertEvent} VALUES ((SELECT e.seq FROM ${events} AS e WHERE e.session_key = ${param('sessionNumber')} AND e.seq > ${param('knownSeq')} AND e.id = ${param('id')} LIMIT 1),
  (SELECT s.session_key FROM ${sessions} AS s WHERE s.session_key = ${param('sessionNumber')} AND ${sessionIs}
    AND (${param('knownSeq')} = 0 OR EXISTS (SELECT 1 FROM ${events} AS k INDEXED BY "${names.events}_session_seq"
      WHERE k.session_key = ${param('sessionNumber')} AND k.seq = ${param('knownSeq')} AND k.id = ${param('knownId')}))),
  ${eventParams})`,
      /** Of a chain, behind `updateSession.next`: a new event, if the session's newest event has the id that is known. */
      next: `INSERT INTO ${events} (${insertedColumns}) VALUES (iif((SELECT e.id FROM ${events} AS e WHERE e.session_key = ${param('sessionNumber')}
  ORDER BY e.seq DESC LIMIT 1) IS ${param('knownId')}, ${param('sessionNumber')}, NULL),
  ${eventParams})`,
      byKey: `${insertEvent} SELECT (SELECT e.seq FROM ${events} AS e WHERE e.session_key = s.session_key AND e.id = ${param('id')} LIMIT 1),
  s.session_key, ${eventParams}
  FROM ${sessions} AS s WHERE ${sessionIs} RETURNING seq, session_key`,
    },
    /** An append's update of its session. The `byNumber` ones follow an `insertEvent.byNumber` that has found it. */
    updateSession: {
      byNumber: {
        plain: update('s.session_key = ?', returning),
        /** Returns no revision: a catch-up knows it, or reads it. */
        silent: update('s.session_key = ?'),
        ifRevision: update('s.session_key = ? AND s.revision = ?'),
      },
      /** Of a chain. Refuses if the session is another one, or has another revision. */
      next: update(`s.session_key = ? AND s.revision = ? AND ${key}`),
      byKey: {
        plain: update(key, returning),
        ifRevision: update(`${key} AND s.revision = ? AND (s.session_key = ? OR ? IS NULL)`, returning),
        // The new event is written already: of the others, the newest must be the one that was seen.
        ifLast: update(
          `${key} AND (SELECT e.id FROM ${events} AS e WHERE e.session_key = s.session_key AND e.id <> ?
    ORDER BY e.seq DESC LIMIT 1) IS ?`,
          returning,
        ),
      },
    },
    /**
     * Ids after a seq, which known-ids.ts remembers, as one text: a row for each costs the JavaScript thread three times as
     * much. The first `id` is that of the highest seq (sqlite.org/lang_select.html#bareagg).
     * Parameters: key, after which seq, how many at most, separator.
     */
    eventIds: `SELECT max(e.seq), e.id, count(*), group_concat(e.id, ?6) FROM ${sessions} AS s JOIN ${events} AS e
  ON e.session_key = s.session_key AND e.seq > ?4 AND e.seq <= coalesce((SELECT k.seq FROM ${events} AS k
    WHERE k.session_key = s.session_key AND k.seq > ?4 ORDER BY k.seq LIMIT 1 OFFSET ?5 - 1), 9223372036854775807)
  WHERE s.app_name = ?1 AND s.user_id = ?2 AND s.id = ?3`,
    /** A snapshot, if the session is another one than the caller has seen, or has another revision. */
    overtaken: {
      byNumber: `SELECT ${sessionColumns}, ${sharedColumns}, ${seenIsThere} FROM ${sessions} AS s WHERE s.session_key = ? AND s.revision <> ?`,
      byKey: `SELECT ${sessionColumns}, ${sharedColumns}, ${seenIsThere} FROM ${sessions} AS s
  WHERE ${key} AND (s.revision <> ? OR s.session_key <> ?)`,
      afterEvent: `SELECT ${sessionColumns}, ${sharedColumns}, NOT EXISTS (SELECT 1 FROM ${rewound} AS r
    WHERE r.session_key = s.session_key AND r.id = ?) FROM ${sessions} AS s WHERE ${key}`,
    },
    /** The events after the last one that the caller has seen, given by seq or id; all if there is none of that id. */
    missed: {
      afterSeq: `SELECT ${eventColumns} FROM ${events} AS e
  WHERE e.session_key = ${sessionNumber} AND e.seq > ? ORDER BY e.seq`,
      afterEvent: `SELECT ${eventColumns} FROM ${events} AS e WHERE e.session_key = ${sessionNumber}
  AND e.seq > coalesce((SELECT l.seq FROM ${events} AS l WHERE l.session_key = ${sessionNumber} AND l.id = ?
    ORDER BY l.seq DESC LIMIT 1), 0) ORDER BY e.seq`,
    },
    /** Parameters of both orders: key, after which seq, after which time, how many. */
    events: inBothOrders((order) => eventsBehind('e.timestamp > ?', order)),
    /** Parameters: key, after which seq, before which seq, how many. */
    eventPage: inBothOrders((order) => eventsBehind('e.seq < ?', order)),
    countEvents: `SELECT count(*) FROM ${events} AS e WHERE e.session_key = ${sessionNumber}`,
    /** Whether a marker of a rewind follows a seq. */
    isMarked: `SELECT 1 FROM ${events} AS e WHERE e.session_key = ${sessionNumber} AND e.seq > ?
  AND ${mayMark('e.actions')} LIMIT 1`,
    history: buildHistoryQueries(names, {
      sessionColumns,
      eventColumns: ['session_id', 'app_name', 'user_id', ...columns.map(({ column }) => column)],
    }),

    // ── shared states ──
    sharedState: { app: shared(appStates, 'app_name'), user: shared(userStates, 'app_name', 'user_id') },

    // ── users ──
    /** Names with the counters of their sessions. */
    listApps: `${everyApp}
  SELECT app.name, ${counter(countKey(names.sessions, 'app.name'))} FROM app WHERE app.name IS NOT NULL`,
    listUsers: { first: users(''), next: users(' AND s.user_id > ?2') },
    deleteUser: {
      deleteEvents: `DELETE FROM ${events} WHERE session_key IN ${ofUser}`,
      deleteSessions: `DELETE FROM ${sessions} WHERE session_key IN ${ofUser}`,
      deleteState: `DELETE FROM ${userStates} WHERE app_name = ? AND user_id = ?`,
    },

    others: buildOthers(names),

    // ── retention ──
    apps: `${everyApp}
  SELECT name FROM app WHERE name IS NOT NULL`,
    deleteIdleEvents: `DELETE FROM ${events} WHERE session_key IN ${idle}`,
    deleteIdleSessions: `DELETE FROM ${sessions} WHERE session_key IN ${idle}`,
    /**
     * The last seq and the number of the next n events after a seq, and the seqs of those that go as a JSON array. Parameters:
     * seq, n, a time before which events go, app or NULL.
     */
    oldEvents: `SELECT max(seq), count(*), json_group_array(seq) FILTER (WHERE timestamp < ?3 AND (?4 IS NULL OR app_name = ?4))
  FROM (SELECT seq, timestamp, app_name FROM ${events} WHERE seq > ?1 ORDER BY seq LIMIT ?2)`,
    fold: buildFold(names),
  };
}

/** An initial value has no parameter of its own: it is that of its field. The owner comes last. */
function insertSession(table: string, columns: readonly SessionColumn[], owner: string | undefined): string {
  const given = columns.filter(isGiven);
  const written = columns.filter((column) => isGiven(column) || column.initial);
  const names = [...written.map(({ column }) => column), ...(owner ? [owner] : [])];
  const values = written.map(({ field }) => `?${1 + given.findIndex((each) => each.field === field)}`);
  if (owner) values.push(`?${1 + given.length}`);
  return `INSERT INTO ${table} (${names.join(', ')}) VALUES (${values.join(', ')})
  ON CONFLICT (app_name, user_id, id) DO NOTHING`;
}

/** One text for all users of an app, one for a single user. */
function byUser(text: (user: boolean) => string) {
  return { all: text(false), user: text(true) };
}

function inBothOrders<Text>(text: (order: '' | ' DESC') => Text) {
  return { asc: text(''), desc: text(' DESC') };
}
