import { EVENT_COLUMNS } from '../../codec/columns.js';
import { NO_ACTIONS } from '../../codec/no-actions.js';
import { statement } from '../client.js';
import { mayMark } from '../dialect.js';
import { hourOf, setTimes, timeOf } from '../functions/sql.js';
import type { Layout } from '../layout.js';

interface Parts {
  /** Columns of a session `s` that a record has, as SQL. */
  sessionColumns: string;
  /** Number of those columns. */
  sessionColumnCount: number;
  /** A time column as milliseconds. */
  ms: (column: string) => string;
}

/** Statements on the history of a session. `key`: `$1` to `$3` are app, user and session. */
export function buildHistoryQueries(layout: Layout, { sessionColumns, sessionColumnCount, ms }: Parts) {
  const { sessions, events, rewound, changes, owner } = layout;
  const key = 's.app_name = $1 AND s.user_id = $2 AND s.id = $3';
  const columns = EVENT_COLUMNS.map(({ column }) => `"${column}"`).join(', ');
  const row = `user_id, session_key, seq, app_name, session_id, ${columns}`;
  /** Rows of a session: `$1` is the user, `$2` the session's internal key. */
  const of = (table: string) => `${table}.user_id = $1 AND ${table}.session_key = $2`;
  /** Changes that count: no rewind, and undone by none. */
  const counts = "c.undone_by IS NULL AND c.kind <> 'rewind'";
  /** The events that a cut ends: after the seq `$3`, and summaries with the seqs `$4`. */
  const ended = `${of('e')} AND (e.seq > $3 OR e.seq = ANY ($4::bigint[]))`;

  const hasActions = `e.actions::text <> '${NO_ACTIONS}'`;
  const hasNotes = `(strpos(e.extra::text, '"$row"') > 0 OR strpos(e.extra::text, '"isCompacted"') > 0)`;
  /** Of an event that may have changed the state, saved artifacts or summarised others. */
  const actions = `CASE WHEN ${hasActions} THEN e.actions END`;
  const extra = `CASE WHEN ${hasNotes} THEN e.extra END`;
  const isOutline = `(${hasActions} OR ${hasNotes})`;

  /** A session, an event that is named by a point, the event behind the point, changes and outlines: all of one moment. */
  const moment = (named: string, isBehind: string) => {
    const nulls = Array(sessionColumnCount + 1)
      .fill('NULL')
      .join(', ');
    const names = Array.from({ length: sessionColumnCount + 1 }, (_, i) => `c${i}`).join(', ');
    const mine = (table: string) => `${table}.user_id = $2 AND ${table}.session_key = (SELECT one.c0 FROM one)`;
    return statement(`WITH one(${names}) AS MATERIALIZED (SELECT ${sessionColumns}, s.initial_state FROM ${sessions} AS s WHERE ${key}),
place(seq, at) AS MATERIALIZED (
  SELECT e.seq, ${ms('e."timestamp"')} FROM ${events} AS e WHERE ${mine('e')} AND ${named} ORDER BY e.seq LIMIT 1),
next(seq, at) AS (
  SELECT e.seq, ${ms('e."timestamp"')} FROM ${events} AS e WHERE ${mine('e')} AND e.seq ${isBehind} (SELECT place.seq FROM place)
  ORDER BY e.seq LIMIT 1)
SELECT one.*, 'session'::text, NULL::bigint, NULL::double precision, NULL::bigint, NULL::text, NULL::json, NULL::json FROM one
UNION ALL SELECT ${nulls}, 'place', place.seq, place.at, NULL, NULL, NULL, NULL FROM place
UNION ALL SELECT ${nulls}, 'next', next.seq, next.at, NULL, NULL, NULL, NULL FROM next
UNION ALL SELECT ${nulls}, 'change', c.seq, NULL, c.change_key, c.kind, c.value, c.removed FROM ${changes} AS c WHERE ${mine('c')} AND ${counts}
UNION ALL SELECT ${nulls}, 'event', e.seq, NULL, NULL, e.id, ${actions}, ${extra} FROM ${events} AS e WHERE ${mine('e')} AND ${isOutline}`);
  };

  return {
    // ── read ──
    /** The point is behind the event of the seq `$4`, or before the first event of the invocation `$4`. */
    moment: { seq: moment('e.seq = $4', '>'), invocation: moment('e.invocation_id = $4', '>=') },
    /** Holds the session until the end of the transaction: others that write to it wait. */
    lock: statement(`SELECT s.session_key, s.revision FROM ${sessions} AS s WHERE ${key} FOR NO KEY UPDATE`),
    outlines: statement(`SELECT e.seq, e.id, ${actions}, ${extra} FROM ${events} AS e
  WHERE ${of('e')} AND e.invocation_id = $3 AND ${isOutline} ORDER BY e.seq`),

    // ── rewind ──
    count: statement(`SELECT count(*) FROM ${events} AS e WHERE ${ended}`),
    /** Of the events that a cut ends, for the rewind `$5`. */
    archive: statement(
      `INSERT INTO ${rewound} (rewind_key, ${row}) SELECT $5, ${row} FROM ${events} AS e WHERE ${ended}`,
    ),
    deleteEvents: statement(`DELETE FROM ${events} AS e WHERE ${ended}`),
    deleteInvocation:
      statement(`WITH gone AS (DELETE FROM ${events} AS e WHERE ${of('e')} AND e.invocation_id = $3 RETURNING 1)
SELECT count(*) FROM gone`),
    /** Value `$3`, revision `$4`, time `$5`. */
    addRewind: statement(`INSERT INTO ${changes} (user_id, session_key, seq, kind, value, revision, time)
  SELECT s.user_id, s.session_key, s.last_seq, 'rewind', $3, $4, ${timeOf('$5::double precision')} FROM ${sessions} AS s WHERE ${of('s')}
  RETURNING change_key`),
    /** By the rewind `$3`, those from the seq `$4` on. */
    undoChanges: statement(
      `UPDATE ${changes} AS c SET undone_by = $3 WHERE ${of('c')} AND c.seq >= $4 AND ${counts} AND c.change_key < $3`,
    ),
    deleteUndone: statement(`DELETE FROM ${changes} AS c WHERE ${of('c')} AND c.undone_by = $3`),
    /** State `$4`, as it is if null, and time `$5`. */
    setState:
      statement(`UPDATE ${sessions} AS s SET state = coalesce($4, s.state), ${setTimes('$5')}, revision = s.revision + 1
  WHERE ${key} RETURNING ${sessionColumns}`),
    /** Changes of deleted events: seqs `$3`, values `$4`, removed keys `$5`, time `$6`. */
    keep: statement(`INSERT INTO ${changes} (user_id, session_key, seq, kind, value, removed, time)
  SELECT $1, $2, k.seq, 'deleted', k.value, k.removed, ${timeOf('$6::double precision')}
  FROM unnest($3::bigint[], $4::json[], $5::json[]) WITH ORDINALITY AS k(seq, value, removed, n) ORDER BY k.n`),

    // ── undo ──
    lastRewind: statement(`SELECT c.change_key, c.value, c.revision FROM ${changes} AS c
  WHERE ${of('c')} AND c.kind = 'rewind' ORDER BY c.change_key DESC LIMIT 1`),
    changesSince: statement(`SELECT c.change_key, c.seq, c.kind, c.value, c.removed FROM ${changes} AS c
  WHERE ${of('c')} AND c.change_key > $3 AND ${counts} AND c.kind <> 'deleted' ORDER BY c.seq, c.change_key`),
    restoreEvents: statement(
      `INSERT INTO ${events} (${row}) SELECT ${row} FROM ${rewound} AS r WHERE ${of('r')} AND r.rewind_key = $3`,
    ),
    deleteArchived: statement(`DELETE FROM ${rewound} AS r WHERE ${of('r')} AND r.rewind_key = $3`),
    redoChanges: statement(`UPDATE ${changes} AS c SET undone_by = NULL WHERE ${of('c')} AND c.undone_by = $3`),
    deleteChange: statement(`DELETE FROM ${changes} AS c WHERE ${of('c')} AND c.change_key = $3`),
    /** If all events up to a marker `$3` are deleted, their changes and its own are in the initial state. `$4`: the state before. */
    restoreInitial:
      statement(`UPDATE ${sessions} AS s SET initial_state = $4 WHERE ${of('s')} AND s.initial_state IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM ${events} AS e WHERE ${of('e')} AND e.seq <= $3)`),
    /** The change of a marker that is deleted, with the seq `$3`. */
    deleteKept: statement(`DELETE FROM ${changes} AS c WHERE ${of('c')} AND c.seq = $3 AND c.kind = 'deleted'`),
    /** A rewind stays the last write but for `$3` settings of the state. */
    keepUndoable: statement(
      `UPDATE ${changes} AS c SET revision = c.revision + $3 WHERE ${of('c')} AND c.kind = 'rewind'`,
    ),

    // ── fork ──
    /** Of the user `$4`, with the id `$5`, the state `$6`, the time `$7` and events up to the seq `$8`. */
    forkSession: statement(`INSERT INTO ${sessions} AS s
    (user_id, app_name, id, state, create_time, update_time, update_hour, last_seq, initial_state${owner ? `, ${owner}` : ''})
  SELECT $4, o.app_name, $5, coalesce($6, o.state), ${timeOf('$7::double precision')}, ${timeOf('$7::double precision')},
    ${hourOf('$7::double precision')}, least(o.last_seq, $8), o.initial_state${owner ? `, o.${owner}` : ''}
  FROM ${sessions} AS o WHERE o.app_name = $1 AND o.user_id = $2 AND o.id = $3
  ON CONFLICT (user_id, app_name, id) DO NOTHING RETURNING ${sessionColumns}`),
    /** To the user `$3`, the session key `$4` and the session `$5`: events up to the seq `$6`, without the summaries `$7`. */
    forkEvents: statement(`INSERT INTO ${events} (${row}) SELECT $3, $4, e.seq, e.app_name, $5, ${columns}
  FROM ${events} AS e WHERE ${of('e')} AND e.seq <= $6 AND e.seq <> ALL ($7::bigint[])`),
    /** To the user `$3` and the session key `$4`: changes before the seq `$5`. */
    forkChanges: statement(`INSERT INTO ${changes} (user_id, session_key, seq, kind, value, removed, time)
  SELECT $3, $4, c.seq, c.kind, c.value, c.removed, c.time FROM ${changes} AS c
  WHERE ${of('c')} AND c.seq < $5 AND ${counts} ORDER BY c.seq, c.change_key`),
  };
}

/** Statements that delete old events and keep the changes that these have made to the state. */
export function buildFoldQueries({ sessions, events, changes }: Layout) {
  const keys = 'unnest($1::text[], $2::bigint[], $3::bigint[]) AS k(user_id, session_key, seq)';
  const isKey = 'e.user_id = k.user_id AND e.session_key = k.session_key AND e.seq = k.seq';
  const isOld = `e."timestamp" < ${timeOf('$4::double precision')}`;
  const sessionKeys = 'unnest($1::text[], $2::bigint[])';
  /** State that was set since a rewind that can be undone: it will follow the events that come back. */
  const isNewerThanRewind = `(c.kind <> 'deleted' AND EXISTS (SELECT 1 FROM ${changes} AS r
    JOIN ${sessions} AS s ON s.user_id = r.user_id AND s.session_key = r.session_key
    WHERE r.user_id = c.user_id AND r.session_key = c.session_key AND r.kind = 'rewind' AND r.revision = s.revision
      AND r.change_key < c.change_key))`;
  const named = (id: string) => `'"rewindBeforeInvocationId":' || to_json(${id})::text`;
  return {
    /** Of the next `$4` events behind a primary key those older than `$5`, of the app `$6` or of all: one array for each column. */
    page: statement(`WITH range AS (
  SELECT e.user_id, e.session_key, e.seq, (e."timestamp" < ${timeOf('$5::double precision')} AND ($6::text IS NULL OR e.app_name = $6)) AS goes
  FROM ${events} AS e WHERE (e.user_id, e.session_key, e.seq) > ($1, $2, $3) ORDER BY e.user_id, e.session_key, e.seq LIMIT $4),
last AS (SELECT r.* FROM range AS r ORDER BY r.user_id DESC, r.session_key DESC, r.seq DESC LIMIT 1),
old AS (SELECT array_agg(r.user_id) AS users, array_agg(r.session_key) AS sessions, array_agg(r.seq) AS seqs FROM range AS r WHERE r.goes)
SELECT last.user_id, last.session_key, last.seq, (SELECT count(*) FROM range), old.users::text, old.sessions::text, old.seqs::text FROM last, old`),
    /** Holds the sessions of these events. */
    lock: statement(`SELECT s.session_key, s.user_id, s.app_name, s.id, s.initial_state, s.revision FROM ${sessions} AS s
  WHERE (s.user_id, s.app_name, s.id) IN (SELECT e.user_id, e.app_name, e.session_id FROM ${events} AS e JOIN ${keys} ON ${isKey})
  ORDER BY s.user_id, s.app_name, s.id FOR NO KEY UPDATE`),
    changing: statement(`SELECT e.seq, e.session_key, e.actions, e.extra FROM ${events} AS e JOIN ${keys} ON ${isKey}
  WHERE ${isOld} AND (e.actions::text <> '${NO_ACTIONS}' OR strpos(e.extra::text, '"$row"') > 0) ORDER BY e.seq`),
    remove: statement(`WITH gone AS (DELETE FROM ${events} AS e USING ${keys} WHERE ${isKey} AND ${isOld} RETURNING 1)
SELECT count(*) FROM gone`),
    /** Users and session keys: the first events that are left, and the changes. */
    firstLeft:
      statement(`SELECT k.session_key, (SELECT min(e.seq) FROM ${events} AS e WHERE e.user_id = k.user_id AND e.session_key = k.session_key)
  FROM ${sessionKeys} AS k(user_id, session_key)`),
    changes: statement(`SELECT c.session_key, c.change_key, c.seq, c.kind, c.value, c.removed
  FROM ${changes} AS c JOIN ${sessionKeys} AS k(user_id, session_key) ON c.user_id = k.user_id AND c.session_key = k.session_key
  WHERE c.undone_by IS NULL AND c.kind <> 'rewind' AND NOT ${isNewerThanRewind} ORDER BY c.seq, c.change_key`),
    /** Sessions, given as users and session keys, that have markers. */
    marked: statement(`SELECT k.user_id, k.session_key FROM ${sessionKeys} AS k(user_id, session_key)
  WHERE EXISTS (SELECT 1 FROM ${events} AS m WHERE m.user_id = k.user_id AND m.session_key = k.session_key AND ${mayMark('m.actions')})`),
    /** All events of the user `$5` and the session key `$6`, with the actions of markers, and whether they are among those that go. */
    retained: statement(`SELECT e.seq, e.invocation_id, CASE WHEN ${mayMark('e.actions')} THEN e.actions END,
    ${isOld} AND (e.user_id, e.session_key, e.seq) IN (SELECT k.user_id, k.session_key, k.seq FROM ${keys})
  FROM ${events} AS e WHERE e.user_id = $5 AND e.session_key = $6 ORDER BY e.seq`),
    /** Of a session: seq of the marker `$3`, invocation `$4`. */
    rename: statement(`UPDATE ${events} AS m
  SET actions = replace(m.actions::text, ${named("m.actions ->> 'rewindBeforeInvocationId'")}, ${named('$4::text')})::json
  WHERE m.user_id = $1 AND m.session_key = $2 AND m.seq = $3`),
    /** App, user, session, state. */
    setInitial: statement(
      `UPDATE ${sessions} AS s SET initial_state = $4 WHERE s.app_name = $1 AND s.user_id = $2 AND s.id = $3`,
    ),
    /** User, session key, keys of changes. */
    deleteChanges: statement(
      `DELETE FROM ${changes} AS c WHERE c.user_id = $1 AND c.session_key = $2 AND c.change_key = ANY ($3::bigint[])`,
    ),
  };
}
