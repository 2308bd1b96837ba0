import type { Layout } from '../layout.js';
import type { SchemaObject } from '../schema.js';
import { define } from './sql.js';

/** Characters of a delta from which on a join is faster. */
const LONG_DELTA = 1_000;

/**
 * Merges an object into another, keys in their order and values as they are written. Most deltas are short: then a loop that
 * searches them for each key is faster than a join, which a statement has to begin and end.
 */
export function merge(layout: Layout): SchemaObject {
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

/** Merges the deltas of `append` and `create` into the shared states, always in this order, so that no two wait for each other. */
export function mergeShared(layout: Layout, user: string, app: string): string {
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
