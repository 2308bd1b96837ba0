import { type Column, EVENT_COLUMNS, isJson } from '../../codec/columns.js';
import type { Layout } from '../layout.js';
import type { SchemaObject } from '../schema.js';
import { mergeShared } from './merge.js';
import { define, hourOf, paramType, timeOf } from './sql.js';

/** Parameters of `append` behind the session's key and the event, with their types. */
export const APPEND_PARAMS = [
  ['session_set', 'json'],
  ['session_remove', 'json'],
  ['user_set', 'json'],
  ['user_remove', 'json'],
  ['app_set', 'json'],
  ['app_remove', 'json'],
  /** Only if the session has this revision. */
  ['revision', 'bigint'],
  /** Only if the session has this internal key. */
  ['key', 'bigint'],
  /** Whether the newest other event must be `last`. */
  ['checks_last', 'boolean'],
  ['last', 'text'],
  /** Whether the event may have been stored by an earlier attempt. */
  ['again', 'boolean'],
] as const;

/** Those of them that `append_batch` has. */
export const BATCH_PARAMS = APPEND_PARAMS.filter(([name]) =>
  ['session_set', 'session_remove', 'revision', 'key'].includes(name),
);

/** Assignments of a session's next write, at a time, by an event of the time `ms`. */
const write = (layout: Layout, time: string, ms: string, set: string, remove: string) => `
    revision = s.revision + 1, last_seq = s.last_seq + 1, update_time = ${time}, update_hour = ${hourOf(ms)},
    state = CASE WHEN ${set} IS NULL THEN s.state
      ELSE ${layout.qualified(layout.functionName('merge'))}(s.state, ${set}, ${remove}) END`;

/** Columns of an event behind those of its place. */
const FIELDS = EVENT_COLUMNS.map(({ column }) => `"${column}"`).join(', ');

const OTHERS = EVENT_COLUMNS.filter(({ column }) => column !== 'id');

/** An event whose id the session has is replaced where it is. */
const REPLACE = `ON CONFLICT (user_id, session_key, id) DO UPDATE SET ${OTHERS.map(({ column }) => `"${column}" = excluded."${column}"`).join(', ')}`;

/**
 * Appends an event. Returns the session's key, the event's seq and the session's revision; no key if there is no such
 * session; no seq if it is in another state than the caller expects: nothing was written then.
 */
export function append(layout: Layout): SchemaObject {
  const { sessions, events } = layout;
  const param = (column: Column) => (column.kind === 'time' ? 'now_time' : `p_${column.column}`);
  const key = 's.user_id = p_user AND s.app_name = p_app AND s.id = p_session';
  const text = (column: Column, name: string) => (isJson(column) ? `${name}::text` : name);
  return define(
    layout,
    'append',
    [
      'p_app text, p_user text, p_session text',
      ...EVENT_COLUMNS.map((column) => `p_${column.column} ${paramType(column)}`),
      ...APPEND_PARAMS.map(([name, type]) => `p_${name} ${type}`),
      'OUT o_key bigint, OUT o_seq bigint, OUT o_revision bigint',
    ].join(', '),
    undefined,
    `DECLARE
  now_time timestamptz := ${timeOf('p_timestamp')};
BEGIN
  IF p_checks_last OR p_again THEN
    SELECT s.session_key, s.revision INTO o_key, o_revision FROM ${sessions} AS s WHERE ${key} FOR NO KEY UPDATE;
    IF o_key IS NULL THEN RETURN; END IF;
    IF p_again THEN
      SELECT e.seq INTO o_seq FROM ${events} AS e
      WHERE e.user_id = p_user AND e.session_key = o_key AND e.id = p_id
        AND (${OTHERS.map((column) => text(column, `e."${column.column}"`)).join(', ')})
          IS NOT DISTINCT FROM (${OTHERS.map((column) => text(column, param(column))).join(', ')});
      IF FOUND THEN RETURN; END IF;
    END IF;
    IF p_checks_last AND (SELECT e.id FROM ${events} AS e
        WHERE e.user_id = p_user AND e.session_key = o_key AND e.id <> p_id ORDER BY e.seq DESC LIMIT 1)
        IS DISTINCT FROM p_last THEN
      RETURN;
    END IF;
  END IF;
  UPDATE ${sessions} AS s SET${write(layout, 'now_time', 'p_timestamp', 'p_session_set', 'p_session_remove')}
  WHERE ${key} AND (p_revision IS NULL OR s.revision = p_revision) AND (p_key IS NULL OR s.session_key = p_key)
  RETURNING s.session_key, s.last_seq, s.revision INTO o_key, o_seq, o_revision;
  IF NOT FOUND THEN
    SELECT s.session_key, s.revision INTO o_key, o_revision FROM ${sessions} AS s WHERE ${key};
    RETURN;
  END IF;
  INSERT INTO ${events} AS e (user_id, session_key, seq, app_name, session_id, ${FIELDS})
  VALUES (p_user, o_key, o_seq, p_app, p_session, ${EVENT_COLUMNS.map(param).join(', ')})
  ${REPLACE}
  RETURNING e.seq INTO o_seq;
  ${mergeShared(layout, 'p_user', 'p_app')}
END`,
  );
}

/**
 * A connection keeps the plan of a statement, so it must be good on any statistics. With these settings only one plan is left for a
 * search in the order of the primary key, which no other index has.
 */
const KEPT_PLAN = [
  ...['enable_seqscan', 'enable_sort', 'enable_incremental_sort'].map((name) => `SET ${name} = off`),
  'SET plan_cache_mode = force_generic_plan',
];

/** Arrays that find the sessions and change them. */
const OF_SESSIONS = ['app', 'user', 'session', 'timestamp', 'session_set', 'session_remove', 'revision', 'key'];

/**
 * Appends an event to each of many sessions, from one array for each parameter. One statement changes the rows of the sessions, in the
 * order of the arrays; the next one adds the events to those that it has found in the expected state. Returns arrays: of each such session
 * its place among the parameters, its key and its revision; then its key and the seq of its event.
 *
 * The place of a row (`ctid`) is searched by key, and nothing else could be: no index serves `IS NOT DISTINCT FROM`, which tells rows of
 * partitions with the same place apart. A row that another transaction changes meanwhile may be passed over.
 *
 * Nearly all events are new: a search for each before its insert would take an eighth of the instructions. If one is not new, all
 * events are added again with that search.
 */
export function appendBatch(layout: Layout): SchemaObject {
  const { sessions, events } = layout;
  const params = [
    ...['app', 'user', 'session'].map((name) => [name, 'text'] as const),
    ...EVENT_COLUMNS.map((column) => [column.column, paramType(column)] as const),
    ...BATCH_PARAMS,
  ];
  const p = (name: string) => `p_${name}`;
  const ofSessions = OF_SESSIONS.map(p);
  const ofEvents = ['app', 'user', 'session', ...EVENT_COLUMNS.map(({ column }) => column)].map(p);
  const of = (column: Column) => (column.kind === 'time' ? timeOf(`d.p_${column.column}`) : `d.p_${column.column}`);
  const outs = ['places', 'keys', 'revisions', 'stored', 'seqs'].map((name) => `o_${name}`);
  const insert = (
    conflict: string,
  ) => `INSERT INTO ${events} AS e (user_id, session_key, seq, app_name, session_id, ${FIELDS})
      SELECT d.p_user, d.key, d.seq, d.p_app, d.p_session, ${EVENT_COLUMNS.map(of).join(', ')}
      FROM unnest(keys, seqs, ${ofEvents.join(', ')}) AS d(key, seq, ${ofEvents.join(', ')}) WHERE d.key IS NOT NULL
      ${conflict}`;
  return define(
    layout,
    'append_batch',
    [...params.map(([name, type]) => `p_${name} ${type}[]`), ...outs.map((name) => `OUT ${name} bigint[]`)].join(', '),
    undefined,
    `DECLARE
  keys bigint[];
  seqs bigint[];
BEGIN
  WITH written AS (
    UPDATE ${sessions} AS s SET${write(layout, timeOf('d.p_timestamp'), 'd.p_timestamp', 'd.p_session_set', 'd.p_session_remove')}
    FROM unnest(${ofSessions.join(', ')}) WITH ORDINALITY AS d(${ofSessions.join(', ')}, place)
    WHERE s.ctid = (SELECT k.ctid FROM ${sessions} AS k
        WHERE (k.user_id, k.app_name, k.id) >= (d.p_user, d.p_app, d.p_session) AND k.user_id <= d.p_user
        ORDER BY k.user_id, k.app_name, k.id LIMIT 1)
      AND s.user_id IS NOT DISTINCT FROM d.p_user AND s.app_name IS NOT DISTINCT FROM d.p_app AND s.id IS NOT DISTINCT FROM d.p_session
      AND (d.p_revision IS NULL OR s.revision = d.p_revision) AND (d.p_key IS NULL OR s.session_key = d.p_key)
    RETURNING d.place, s.session_key, s.revision, s.last_seq)
  SELECT array_agg(w.place), array_agg(w.session_key), array_agg(w.revision), array_agg(w.last_seq)
  INTO o_places, o_keys, o_revisions, o_seqs FROM written AS w;
  o_stored := o_keys;
  keys := o_keys;
  seqs := o_seqs;
  IF o_places IS DISTINCT FROM ARRAY(SELECT generate_series(1::bigint, cardinality(p_id))) THEN
    keys := array_fill(NULL::bigint, ARRAY[cardinality(p_id)]);
    seqs := keys;
    FOR i IN 1 .. coalesce(cardinality(o_places), 0) LOOP
      keys[o_places[i]] := o_keys[i];
      seqs[o_places[i]] := o_seqs[i];
    END LOOP;
  END IF;
  BEGIN
    ${insert('')};
  EXCEPTION WHEN unique_violation THEN
    WITH stored AS (
      ${insert(REPLACE)}
      RETURNING e.session_key, e.seq)
    SELECT array_agg(e.session_key), array_agg(e.seq) INTO o_stored, o_seqs FROM stored AS e;
  END;
END`,
    `VOLATILE ${KEPT_PLAN.join(' ')}`,
  );
}
