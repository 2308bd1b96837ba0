import type { Layout } from '../layout.js';
import type { SchemaObject } from '../schema.js';
import { define, timeOf } from './sql.js';

/**
 * Keeps a change of the session state that was made without an event, behind the lock of the session's row. Between two events
 * all changes are one: the state between them can't be asked for. A rewind stays the last write but for such changes.
 */
export function change(layout: Layout): SchemaObject {
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
