import { type Column, EVENT_COLUMNS, isJson, SESSION_COLUMNS, type SessionColumn } from '../columns.js';
import { isGiven, isRead } from '../session-codec.js';
import type { Layout } from './layout.js';
import type { SchemaObject } from './schema.js';

/**
 * Functions, so that a write is one trip to the server. Each statement of a function sees what was committed before it
 * began: what is read behind the lock of a session's row is as it is. Their names have versions: the functions of two versions
 * of this package can stand beside each other while one replaces the other.
 */
export function functions(layout: Layout): SchemaObject[] {
  return [merge(layout), append(layout), create(layout), remove(layout), change(layout)];
}

/** Milliseconds since the Unix epoch, in SQL → timestamptz. In two parts, since a double holds no microseconds far from now. */
export function timeOf(ms: string): string {
  const hours = `floor(${ms} / 3600000)`;
  return `(${hourOf(ms)} + interval '1 millisecond' * (${ms} - 3600000 * ${hours}))`;
}

/** The beginning of its hour. */
export function hourOf(ms: string): string {
  return `(timestamptz '1970-01-01 00:00:00+00' + interval '1 hour' * floor(${ms} / 3600000))`;
}

/** Assignments of the time of a session's last write. */
export const setTimes = (ms: string): string =>
  `update_time = ${timeOf(`${ms}::double precision`)}, update_hour = ${hourOf(`${ms}::double precision`)}`;

/** Type of a column's parameter. */
export function paramType(column: Column): string {
  if (isJson(column)) return 'json';
  if (column.kind === 'flag') return 'boolean';
  return column.kind === 'time' ? 'double precision' : 'text';
}

/** Characters of a delta from which on a join is faster. */
const LONG_DELTA = 1_000;

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

/**
 * Merges an object into another, keys in their order and values as they are written. Most deltas are short: then a loop that
 * searches them for each key is faster than a join, which a statement has to begin and end.
 */
function merge(layout: Layout): SchemaObject {
  return define(
    layout,
    'merge',
    'base json, changes json, removed json',
    'json',
    `DECLARE
  merged text := '';
  item record;
  value json;
BEGIN
  IF length(changes::text) > ${LONG_DELTA} THEN
    SELECT string_agg(',' || to_json(coalesce(c.key, b.key))::text || ':' || coalesce(c.value, b.value)::text, ''
      ORDER BY b.place NULLS LAST, c.place) INTO merged
    FROM json_each(base) WITH ORDINALITY AS b(key, value, place)
    FULL JOIN json_each(changes) WITH ORDINALITY AS c(key, value, place) ON c.key = b.key
    WHERE removed IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(removed) AS r WHERE r.key = coalesce(c.key, b.key));
  ELSE
    FOR item IN SELECT b.key, b.value FROM json_each(base) AS b LOOP
      value := changes -> item.key;
      IF value IS NULL THEN
        CONTINUE WHEN (removed -> item.key) IS NOT NULL;
        value := item.value;
      END IF;
      merged := merged || ',' || to_json(item.key)::text || ':' || value::text;
    END LOOP;
    FOR item IN SELECT c.key, c.value FROM json_each(changes) AS c LOOP
      CONTINUE WHEN (base -> item.key) IS NOT NULL;
      merged := merged || ',' || to_json(item.key)::text || ':' || item.value::text;
    END LOOP;
  END IF;
  RETURN ('{' || coalesce(substr(merged, 2), '') || '}')::json;
END`,
    'IMMUTABLE',
  );
}

/**
 * Appends an event. Returns the session's key, the event's seq and the session's revision; no key if there is no such
 * session; no seq if it is in another state than the caller expects: nothing was written then.
 */
function append(layout: Layout): SchemaObject {
  const { sessions, events } = layout;
  const fields = EVENT_COLUMNS.map(({ column }) => column);
  const param = (column: Column) => (column.kind === 'time' ? 'now_time' : `p_${column.column}`);
  const key = 's.user_id = p_user AND s.app_name = p_app AND s.id = p_session';
  const others = EVENT_COLUMNS.filter(({ column }) => column !== 'id');
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
        AND (${others.map((column) => text(column, `e."${column.column}"`)).join(', ')})
          IS NOT DISTINCT FROM (${others.map((column) => text(column, param(column))).join(', ')});
      IF FOUND THEN RETURN; END IF;
    END IF;
    IF p_checks_last AND (SELECT e.id FROM ${events} AS e
        WHERE e.user_id = p_user AND e.session_key = o_key AND e.id <> p_id ORDER BY e.seq DESC LIMIT 1)
        IS DISTINCT FROM p_last THEN
      RETURN;
    END IF;
  END IF;
  UPDATE ${sessions} AS s SET
    revision = s.revision + 1, last_seq = s.last_seq + 1, update_time = now_time, update_hour = ${hourOf('p_timestamp')},
    state = CASE WHEN p_session_set IS NULL THEN s.state
      ELSE ${layout.qualified(layout.functionName('merge'))}(s.state, p_session_set, p_session_remove) END
  WHERE ${key} AND (p_revision IS NULL OR s.revision = p_revision) AND (p_key IS NULL OR s.session_key = p_key)
  RETURNING s.session_key, s.last_seq, s.revision INTO o_key, o_seq, o_revision;
  IF NOT FOUND THEN
    SELECT s.session_key, s.revision INTO o_key, o_revision FROM ${sessions} AS s WHERE ${key};
    RETURN;
  END IF;
  INSERT INTO ${events} AS e (user_id, session_key, seq, app_name, session_id, ${fields.map((name) => `"${name}"`).join(', ')})
  VALUES (p_user, o_key, o_seq, p_app, p_session, ${EVENT_COLUMNS.map(param).join(', ')})
  ON CONFLICT (user_id, session_key, id) DO UPDATE SET ${others.map(({ column }) => `"${column}" = excluded."${column}"`).join(', ')}
  RETURNING e.seq INTO o_seq;
  ${mergeShared(layout, 'p_user', 'p_app')}
END`,
  );
}

/** Columns of a session that the statement creating it has parameters for. */
const GIVEN = SESSION_COLUMNS.filter(isGiven);

/** Parameters of `create` behind those of the session, with their types. */
export const CREATE_PARAMS = [
  ['user_set', 'json'],
  ['user_remove', 'json'],
  ['app_set', 'json'],
  ['app_remove', 'json'],
  /** Whether the session may have been created by an earlier attempt. */
  ['again', 'boolean'],
] as const;

/** Creates a session. Returns its key and, if it is new, the shared states; `o_new` tells whether it is. */
function create(layout: Layout): SchemaObject {
  const { sessions, userStates, appStates, owner } = layout;
  const key = 's.user_id = p_user_id AND s.app_name = p_app_name AND s.id = p_id';
  const value = ({ column, kind }: SessionColumn) => (kind === 'time' ? timeOf(`p_${column}`) : `p_${column}`);
  const values = new Map<string, string>(GIVEN.map((column) => [column.column, value(column)]));
  for (const initial of SESSION_COLUMNS.filter((column) => !isRead(column))) {
    const given = GIVEN.find(({ field }) => field === initial.field);
    if (given) values.set(initial.column, value(given));
  }
  values.set('update_hour', hourOf('p_update_time'));
  if (owner) values.set(layout.names.owner?.column ?? '', 'p_owner');
  return define(
    layout,
    'create',
    [
      ...GIVEN.map((column) => `p_${column.column} ${paramType(column)}`),
      ...CREATE_PARAMS.map(([name, type]) => `p_${name} ${type}`),
      ...(owner ? [`p_owner ${sessions}.${owner}%TYPE`] : []),
      'OUT o_key bigint, OUT o_new boolean, OUT o_user_state json, OUT o_app_state json',
    ].join(', '),
    undefined,
    `BEGIN
  INSERT INTO ${sessions} AS s (${[...values.keys()].map((column) => `"${column}"`).join(', ')})
  VALUES (${[...values.values()].join(', ')})
  ON CONFLICT (user_id, app_name, id) DO NOTHING RETURNING s.session_key INTO o_key;
  o_new := FOUND;
  IF o_new THEN
    ${mergeShared(layout, 'p_user_id', 'p_app_name')}
  ELSE
    SELECT s.session_key, p_again AND s.revision = 1 AND s.create_time = ${timeOf('p_create_time')} AND s.state::text = p_state::text
    INTO o_key, o_new FROM ${sessions} AS s WHERE ${key};
    o_new := coalesce(o_new, false);
  END IF;
  IF o_new THEN
    SELECT u.state INTO o_user_state FROM ${userStates} AS u WHERE u.user_id = p_user_id AND u.app_name = p_app_name;
    SELECT a.state INTO o_app_state FROM ${appStates} AS a WHERE a.app_name = p_app_name;
  END IF;
END`,
  );
}

/**
 * Deletes sessions and then, behind the locks of their rows, their events and histories. Either one session; or some of a user's, with the
 * user's state; or some of an app's that were last updated before a time. Returns their number.
 */
function remove(layout: Layout): SchemaObject {
  const { sessions, events, rewound, changes, userStates } = layout;
  const doomed = (where: string) =>
    `SELECT s.user_id, s.app_name, s.id FROM ${sessions} AS s WHERE ${where} ORDER BY s.user_id, s.app_name, s.id LIMIT p_limit FOR UPDATE`;
  const deleted = (where: string) => `WITH gone AS (
    DELETE FROM ${sessions} AS d WHERE ${where} RETURNING d.user_id, d.session_key)
  SELECT array_agg(g.user_id), array_agg(g.session_key), count(*) INTO users, keys, o_sessions FROM gone AS g;`;
  return define(
    layout,
    'delete',
    'p_app text, p_user text, p_session text, p_before double precision, p_limit bigint, OUT o_sessions bigint',
    undefined,
    `DECLARE
  users text[];
  keys bigint[];
BEGIN
  IF p_session IS NOT NULL THEN
    ${deleted('d.user_id = p_user AND d.app_name = p_app AND d.id = p_session')}
  ELSIF p_user IS NOT NULL THEN
    ${deleted(`(d.user_id, d.app_name, d.id) IN (${doomed('s.user_id = p_user AND s.app_name = p_app')})`)}
    DELETE FROM ${userStates} AS u WHERE u.user_id = p_user AND u.app_name = p_app;
  ELSE
    ${deleted(
      `(d.user_id, d.app_name, d.id) IN (${doomed(
        `s.app_name = p_app AND s.update_hour <= ${hourOf('p_before')} AND s.update_time < ${timeOf('p_before')}`,
      )})`,
    )}
  END IF;
  IF o_sessions > 0 THEN
    ${[events, rewound, changes]
      .map(
        (table) => `DELETE FROM ${table} AS e USING unnest(users, keys) AS g(user_id, session_key)
    WHERE e.user_id = g.user_id AND e.session_key = g.session_key;`,
      )
      .join('\n    ')}
  END IF;
END`,
  );
}

/**
 * Keeps a change of the session state that was made without an event, behind the lock of the session's row. Between two events
 * all changes are one: the state between them can't be asked for. A rewind stays the last write but for such changes.
 */
function change(layout: Layout): SchemaObject {
  const { changes } = layout;
  const merged = layout.qualified(layout.functionName('merge'));
  const own = 'c.user_id = p_user AND c.session_key = p_key';
  const since = `${own} AND c.seq = p_seq AND c.undone_by IS NULL AND c.change_key > rewound`;
  return define(
    layout,
    'change',
    'p_user text, p_key bigint, p_seq bigint, p_kind text, p_set json, p_removed json, p_time double precision',
    'void',
    `DECLARE
  rewound bigint;
  newest bigint;
BEGIN
  UPDATE ${changes} AS c SET revision = c.revision + 1 WHERE ${own} AND c.kind = 'rewind';
  SELECT coalesce(max(c.change_key), 0) INTO rewound FROM ${changes} AS c WHERE ${own} AND c.kind IN ('rewind', 'deleted');
  SELECT max(c.change_key) INTO newest FROM ${changes} AS c WHERE ${since};
  IF newest IS NOT NULL AND p_kind = 'merge' THEN
    UPDATE ${changes} AS c SET value = ${merged}(c.value, p_set, p_removed),
      removed = ${merged}(coalesce(c.removed, '{}'), coalesce(p_removed, '{}'), p_set)
    WHERE ${own} AND c.change_key = newest;
    RETURN;
  END IF;
  DELETE FROM ${changes} AS c WHERE ${since};
  INSERT INTO ${changes} (user_id, session_key, seq, kind, value, removed, time)
  VALUES (p_user, p_key, p_seq, p_kind, p_set, p_removed, ${timeOf('p_time')});
END`,
  );
}

/** Merges the deltas of `append` and `create` into the shared states, always in this order, so that no two wait for each other. */
function mergeShared(layout: Layout, user: string, app: string): string {
  const mergeFunction = layout.qualified(layout.functionName('merge'));
  return `IF p_user_set IS NOT NULL THEN
    INSERT INTO ${layout.userStates} AS u (user_id, app_name, state, update_time) VALUES (${user}, ${app}, p_user_set, clock_timestamp())
    ON CONFLICT (user_id, app_name) DO UPDATE SET
      state = ${mergeFunction}(u.state, excluded.state, p_user_remove), update_time = excluded.update_time;
  END IF;
  IF p_app_set IS NOT NULL THEN
    INSERT INTO ${layout.appStates} AS a (app_name, state, update_time) VALUES (${app}, p_app_set, clock_timestamp())
    ON CONFLICT (app_name) DO UPDATE SET
      state = ${mergeFunction}(a.state, excluded.state, p_app_remove), update_time = excluded.update_time;
  END IF;`;
}

function define(
  layout: Layout,
  name: string,
  params: string,
  returns: string | undefined,
  source: string,
  volatility: 'IMMUTABLE' | 'VOLATILE' = 'VOLATILE',
): SchemaObject {
  const functionName = layout.functionName(name);
  return {
    name: functionName,
    source,
    sql: `CREATE FUNCTION ${layout.qualified(functionName)}(${params})${returns ? ` RETURNS ${returns}` : ''}
LANGUAGE plpgsql ${volatility} AS $function$${source}$function$`,
  };
}
