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
 * Appends an event to each of many sessions, from one array for each parameter. Returns a row for each, as `append` does. The rows of
 * the sessions are locked one after the other, in the order of the arrays; then one statement changes them and one adds the events.
 * The place of a locked row (`ctid`) is the quickest way to it. Rows of different partitions may have the same place, so keys are compared too.
 */
export function appendBatch(layout: Layout): SchemaObject {
  const { sessions, events } = layout;
  const of = (column: Column) => (column.kind === 'time' ? timeOf(`d.${column.column}`) : `d."${column.column}"`);
  return define(
    layout,
    'append_batch',
    [
      'p_app text[], p_user text[], p_session text[]',
      ...EVENT_COLUMNS.map((column) => `p_${column.column} ${paramType(column)}[]`),
      ...BATCH_PARAMS.map(([name, type]) => `p_${name} ${type}[]`),
      'OUT o_key bigint, OUT o_seq bigint, OUT o_revision bigint',
    ].join(', '),
    'SETOF record',
    `DECLARE
  keys bigint[];
  seqs bigint[];
  revisions bigint[];
  places tid[];
BEGIN
  SELECT array_agg(l.session_key ORDER BY d.n), array_agg(l.seq ORDER BY d.n), array_agg(l.revision ORDER BY d.n), array_agg(l.place ORDER BY d.n)
  INTO keys, seqs, revisions, places
  FROM unnest(p_app, p_user, p_session, p_revision, p_key) WITH ORDINALITY AS d(app, user_id, session, revision, key, n)
  LEFT JOIN LATERAL (
    SELECT s.session_key, s.revision + 1 AS revision, s.ctid AS place,
      CASE WHEN (d.revision IS NULL OR s.revision = d.revision) AND (d.key IS NULL OR s.session_key = d.key) THEN s.last_seq + 1 END AS seq
    FROM ${sessions} AS s WHERE s.user_id = d.user_id AND s.app_name = d.app AND s.id = d.session LIMIT 1 FOR NO KEY UPDATE) AS l ON true;
  UPDATE ${sessions} AS s SET${write(layout, timeOf('d.ms'), 'd.ms', 'd.added', 'd.removed')}
  FROM unnest(places, p_user, keys, seqs, p_timestamp, p_session_set, p_session_remove) AS d(place, user_id, key, seq, ms, added, removed)
  WHERE s.ctid = d.place AND s.user_id = d.user_id AND s.session_key = d.key AND d.seq IS NOT NULL;
  RETURN QUERY WITH stored AS (
    INSERT INTO ${events} AS e (user_id, session_key, seq, app_name, session_id, ${FIELDS})
    SELECT d.user_id, d.key, d.seq, d.app, d.session, ${EVENT_COLUMNS.map(of).join(', ')}
    FROM unnest(p_app, p_user, p_session, keys, seqs, ${EVENT_COLUMNS.map(({ column }) => `p_${column}`).join(', ')})
      AS d(app, user_id, session, key, seq, ${FIELDS})
    WHERE d.seq IS NOT NULL
    ${REPLACE}
    RETURNING e.user_id, e.session_key, e.seq)
  SELECT d.key, stored.seq, d.revision FROM unnest(p_user, keys, revisions) WITH ORDINALITY AS d(user_id, key, revision, n)
  LEFT JOIN stored ON stored.user_id = d.user_id AND stored.session_key = d.key ORDER BY d.n;
END`,
  );
}
