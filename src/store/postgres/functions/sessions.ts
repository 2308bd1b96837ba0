import { SESSION_COLUMNS, type SessionColumn } from '../../codec/columns.js';
import { isGiven, isRead } from '../../codec/session-codec.js';
import type { Layout } from '../layout.js';
import type { SchemaObject } from '../schema.js';
import { mergeShared } from './merge.js';
import { define, hourOf, paramType, timeOf } from './sql.js';

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
export function create(layout: Layout): SchemaObject {
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
export function remove(layout: Layout): SchemaObject {
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
