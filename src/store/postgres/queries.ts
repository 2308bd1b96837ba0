import { type Column, EVENT_COLUMNS, KEY_PARAMS, SESSION_COLUMNS } from '../codec/columns.js';
import { isGiven, isRead } from '../codec/session-codec.js';
import { METADATA, TITLE } from '../codec/title.js';
import { statement } from './client.js';
import { mayMark } from './dialect.js';
import { APPEND_PARAMS, BATCH_PARAMS } from './functions/append.js';
import { CREATE_PARAMS } from './functions/sessions.js';
import { paramType, setTimes, timeOf } from './functions/sql.js';
import { buildFoldQueries, buildHistoryQueries } from './history/queries.js';
import type { Layout } from './layout.js';

/** Every statement of the store. Its text is fixed for the store's lifetime, so that a connection prepares it once. */
export type Queries = ReturnType<typeof buildQueries>;

export function buildQueries(layout: Layout) {
  const { sessions, events, rewound, appStates, userStates, owner } = layout;
  const call = (name: string) => layout.qualified(layout.functionName(name));
  /** `$1` to `$3` are app, user and session. */
  const key = 's.app_name = $1 AND s.user_id = $2 AND s.id = $3';
  const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::double precision`;
  const select = (row: string) => (column: Column) =>
    column.kind === 'time' ? ms(`${row}."${column.column}"`) : `${row}."${column.column}"`;
  const sessionColumns = [
    's.session_key',
    ...SESSION_COLUMNS.filter(isRead).map(select('s')),
    owner ? `s.${owner}` : 'NULL',
  ].join(', ');
  const sharedColumns = `(SELECT a.state FROM ${appStates} AS a WHERE a.app_name = s.app_name),
  (SELECT u.state FROM ${userStates} AS u WHERE u.user_id = s.user_id AND u.app_name = s.app_name),
  coalesce((SELECT max(e.seq) FROM ${events} AS e WHERE e.user_id = s.user_id AND e.session_key = s.session_key), 0)`;
  const eventColumns = ['e.seq', ...EVENT_COLUMNS.map(select('e'))].join(', ');

  /** Events of the session whose key is `sessionNumber`: after `$4`, after the time `$5`, at most `$6`. */
  const someEvents = (sessionNumber: string, order: 'ASC' | 'DESC') => `SELECT ${eventColumns} FROM ${events} AS e
  WHERE e.user_id = $2 AND e.session_key = ${sessionNumber} AND e.seq > $4
    AND ($5::double precision IS NULL OR e."timestamp" > ${timeOf('$5::double precision')})
  ORDER BY e.seq ${order} LIMIT $6`;
  const sessionNumber = `(SELECT s.session_key FROM ${sessions} AS s WHERE ${key})`;
  const between = (order: 'ASC' | 'DESC') => `SELECT ${eventColumns} FROM ${events} AS e
  WHERE e.user_id = $2 AND e.session_key = ${sessionNumber} AND e.seq > $4 AND e.seq < $5 ORDER BY e.seq ${order} LIMIT $6`;
  const nulls = (count: number) => Array(count).fill('NULL').join(', ');
  /** One row of the session, then the events: one statement, so that all is of one moment. */
  const load = (
    order: 'ASC' | 'DESC',
  ) => `WITH one(${Array.from({ length: SNAPSHOT_COLUMNS }, (_, i) => `c${i}`).join(', ')}) AS MATERIALIZED (
  SELECT ${sessionColumns}, ${sharedColumns} FROM ${sessions} AS s WHERE ${key})
SELECT one.*, ${nulls(EVENT_COLUMNS.length + 1)} FROM one
UNION ALL
SELECT ${nulls(SNAPSHOT_COLUMNS)}, page.* FROM (${someEvents('(SELECT one.c0 FROM one)', order)}) AS page`;

  /** Whether the title contains the text `$4`, in either case of any script; without a text all sessions do. */
  const title = `'{${METADATA},${TITLE}}'`;
  const lower = (text: string) => `lower(${text} COLLATE "und-x-icu")`;
  const isTitled = `($4::text IS NULL OR json_typeof(s.state #> ${title}) = 'string'
    AND strpos(${lower(`(s.state #>> ${title})`)}, ${lower('$4::text')}) > 0)`;
  const page = (columns: string, by: 'update' | 'create', order: 'ASC' | 'DESC', user: boolean) => {
    const where = `s.app_name = $1${user ? ' AND s.user_id = $5' : ''} AND ${isTitled}`;
    const times = by === 'update' ? ['update_hour', 'update_time'] : ['create_time'];
    const sort = [...times.map((column) => [column, order]), ['id', 'ASC'], ['user_id', 'ASC']];
    const orderBy = (name: (column: unknown, i: number) => string) =>
      sort.map(([column, direction], i) => `${name(column, i)} ${direction}`).join(', ');
    return `SELECT total.n, page.* FROM (SELECT count(*) AS n FROM ${sessions} AS s WHERE ${where}) AS total
LEFT JOIN LATERAL (
  SELECT ${columns}, ${sort.map(([column], i) => `s.${column} AS sort${i}`).join(', ')}
  FROM ${sessions} AS s WHERE ${where} ORDER BY ${orderBy((column) => `s.${column}`)} LIMIT $2 OFFSET $3) AS page ON true
ORDER BY ${orderBy((_, i) => `page.sort${i}`)}`;
  };
  const pages = (columns: string) =>
    Object.fromEntries(
      (['update', 'create'] as const).flatMap((by) =>
        (['asc', 'desc'] as const).flatMap((order) =>
          [true, false].map((user) => [
            pageName(`${by}Time`, order, user),
            statement(page(columns, by, order === 'asc' ? 'ASC' : 'DESC', user)),
          ]),
        ),
      ),
    );

  const mergeShared = (removed: string, state: string) =>
    `DO UPDATE SET state = ${call('merge')}(${state}.state, excluded.state, ${removed}), update_time = excluded.update_time`;

  const createParams = [...SESSION_COLUMNS.filter(isGiven), ...CREATE_PARAMS, ...(owner ? [owner] : [])];
  const appendParams = [
    ...KEY_PARAMS.map(() => 'text'),
    ...EVENT_COLUMNS.map((column: Column) => paramType(column)),
    ...APPEND_PARAMS.map(([, type]) => type),
  ];
  const batchArgs = Array.from(
    { length: KEY_PARAMS.length + EVENT_COLUMNS.length + BATCH_PARAMS.length },
    (_, i) => `$${i + 1}`,
  ).join(', ');
  const appendArgs = appendParams.map((_, i) => `d.p${i}`).join(', ');

  return {
    // ── sessions ──
    create: statement(`SELECT * FROM ${call('create')}(${createParams.map((_, i) => `$${i + 1}`).join(', ')})`),
    session: statement(`SELECT ${sessionColumns} FROM ${sessions} AS s WHERE ${key}`),
    load: { asc: statement(load('ASC')), desc: statement(load('DESC')) },
    /** State, time; and the same change for the history, behind the lock that the update takes. */
    replaceState: statement(
      `WITH s AS (UPDATE ${sessions} AS s SET state = $4, ${setTimes('$5')}, revision = s.revision + 1 WHERE ${key} RETURNING s.*)
SELECT ${call('change')}(s.user_id, s.session_key, s.last_seq, 'replace', $4, NULL, $5) FROM s`,
    ),
    /** Delta (two), time. */
    mergeState: statement(
      `WITH s AS (UPDATE ${sessions} AS s SET state = ${call('merge')}(s.state, $4, $5), ${setTimes('$6')}, revision = s.revision + 1
  WHERE ${key} RETURNING s.*)
SELECT ${sessionColumns}, ${call('change')}(s.user_id, s.session_key, s.last_seq, 'merge', $4, $5, $6) FROM s`,
    ),
    sessionPage: pages(sessionColumns),
    snapshotPage: pages(`${sessionColumns}, ${sharedColumns}`),
    countSessions: {
      all: statement(`SELECT count(*) FROM ${sessions} AS s WHERE s.app_name = $1`),
      user: statement(`SELECT count(*) FROM ${sessions} AS s WHERE s.app_name = $1 AND s.user_id = $2`),
    },
    /** App, user, session, time, limit: see `remove` in functions/sessions.ts. */
    delete: statement(`SELECT * FROM ${call('delete')}($1, $2, $3, $4, $5)`),

    // ── events ──
    append: statement(`SELECT * FROM ${call('append')}(${appendParams.map((_, i) => `$${i + 1}`).join(', ')})`),
    /** Appends to different sessions: one array for each parameter. A row each, in their order. */
    appendBatch: statement(`SELECT * FROM ${call('append_batch')}(${batchArgs})`),
    /** Any appends: one array for each parameter. A row each, in their order. */
    appendMany: statement(
      `SELECT r.* FROM unnest(${appendParams.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}) WITH ORDINALITY AS d(${appendParams.map((_, i) => `p${i}`).join(', ')}, n), LATERAL ${call('append')}(${appendArgs}) AS r ORDER BY d.n`,
    ),
    events: { asc: statement(someEvents(sessionNumber, 'ASC')), desc: statement(someEvents(sessionNumber, 'DESC')) },
    /** Seq of the event with the id `$4`. */
    seqOf: statement(
      `SELECT e.seq FROM ${events} AS e WHERE e.user_id = $2 AND e.session_key = ${sessionNumber} AND e.id = $4`,
    ),
    /** Whether a rewind has removed the event with the id `$4`. */
    isRewound: statement(
      `SELECT 1 FROM ${rewound} AS r WHERE r.user_id = $2 AND r.session_key = ${sessionNumber} AND r.id = $4 LIMIT 1`,
    ),
    hasSeq: statement(`SELECT 1 FROM ${events} AS e WHERE e.user_id = $1 AND e.session_key = $2 AND e.seq = $3`),
    lastSeq: statement(`SELECT s.session_key, s.last_seq FROM ${sessions} AS s WHERE ${key}`),
    /** A page of events: of the user `$1`, the session key `$2`, after seq `$3` up to `$4`, after the time `$5`, at most `$6`. */
    eventPage: statement(`SELECT ${eventColumns} FROM ${events} AS e
  WHERE e.user_id = $1 AND e.session_key = $2 AND e.seq > $3 AND e.seq <= $4
    AND ($5::double precision IS NULL OR e."timestamp" > ${timeOf('$5::double precision')})
  ORDER BY e.seq LIMIT $6`),

    /** Events between the seqs `$4` and `$5`, at most `$6`. */
    between: { asc: statement(between('ASC')), desc: statement(between('DESC')) },
    countEvents: statement(
      `SELECT count(*) FROM ${events} AS e WHERE e.user_id = $2 AND e.session_key = ${sessionNumber}`,
    ),
    /** Whether a marker of a rewind follows the seq `$4`. */
    isMarked:
      statement(`SELECT 1 FROM ${events} AS e WHERE e.user_id = $2 AND e.session_key = ${sessionNumber} AND e.seq > $4
  AND ${mayMark('e.actions')} LIMIT 1`),

    // ── shared states ──
    sharedState: {
      app: {
        read: statement(`SELECT a.state FROM ${appStates} AS a WHERE a.app_name = $1`),
        merge:
          statement(`INSERT INTO ${appStates} AS a (app_name, state, update_time) VALUES ($1, $2, clock_timestamp())
  ON CONFLICT (app_name) ${mergeShared('$3', 'a')}`),
      },
      user: {
        read: statement(`SELECT u.state FROM ${userStates} AS u WHERE u.app_name = $1 AND u.user_id = $2`),
        merge:
          statement(`INSERT INTO ${userStates} AS u (app_name, user_id, state, update_time) VALUES ($1, $2, $3, clock_timestamp())
  ON CONFLICT (user_id, app_name) ${mergeShared('$4', 'u')}`),
      },
    },

    // ── apps, users and retention ──
    listApps: statement(`SELECT s.app_name, count(*) FROM ${sessions} AS s GROUP BY s.app_name ORDER BY s.app_name`),
    listUsers: statement(`SELECT s.user_id, count(*) FROM ${sessions} AS s
  WHERE s.app_name = $1 AND ($2::text IS NULL OR s.user_id > $2) GROUP BY s.user_id ORDER BY s.user_id LIMIT $3`),

    history: buildHistoryQueries(layout, { sessionColumns, sessionColumnCount: RECORD_COLUMNS, ms }),
    fold: buildFoldQueries(layout),
  };
}

/** Columns of a session. */
export const RECORD_COLUMNS = 2 + SESSION_COLUMNS.filter(isRead).length;
/** Columns of a session with the states that it shares. */
export const SNAPSHOT_COLUMNS = RECORD_COLUMNS + 3;

/** Key of a statement among the pages. */
export const pageName = (orderBy: string, order: string, user: boolean) =>
  `${orderBy} ${order}${user ? ' of a user' : ''}`;
