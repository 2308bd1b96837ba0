import type { AdapterTables } from '../source/adapter.js';

/**
 * The tables of {@link SqliteSaver}. A value has one row, below the checkpoint that made it. `made` has the versions of those as
 * JSON; `kept` has the numbers of the values that a checkpoint has from earlier ones, as JSON. Forks of a thread count their
 * versions alike, so a version alone names no value. A checkpoint that has only writes so far has NULL in `checkpoint`.
 */
export const SAVER_TABLES: AdapterTables = {
  langgraph_checkpoints: `CREATE TABLE IF NOT EXISTS langgraph_checkpoints (
  checkpoint_key INTEGER PRIMARY KEY,
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  parent_checkpoint_id TEXT,
  made TEXT,
  kept TEXT,
  checkpoint_type TEXT,
  checkpoint,
  metadata_type TEXT,
  metadata,
  UNIQUE (thread_id, checkpoint_ns, checkpoint_id)
);
CREATE INDEX IF NOT EXISTS langgraph_checkpoints_id ON langgraph_checkpoints (checkpoint_id);`,
  langgraph_values: `CREATE TABLE IF NOT EXISTS langgraph_values (
  value_key INTEGER PRIMARY KEY,
  checkpoint_key INTEGER NOT NULL,
  channel TEXT NOT NULL,
  version NOT NULL,
  type TEXT NOT NULL,
  value NOT NULL,
  UNIQUE (checkpoint_key, channel, version)
);`,
  langgraph_writes: `CREATE TABLE IF NOT EXISTS langgraph_writes (
  write_key INTEGER PRIMARY KEY,
  checkpoint_key INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  idx INTEGER NOT NULL,
  task_path TEXT NOT NULL,
  channel TEXT NOT NULL,
  type TEXT NOT NULL,
  value NOT NULL,
  UNIQUE (checkpoint_key, task_id, idx)
);`,
};

/** The checkpoint of parameters 1 to 3: thread, namespace and id. */
const NAMED = 'thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?3';
const KEY = `(SELECT checkpoint_key FROM langgraph_checkpoints WHERE ${NAMED})`;

// ── put, putWrites, deleteThread ──

/** Values of parameter 6, versions of channels as JSON: those that the parent has, as it has them. */
const KEPT_OF_PARENT = `SELECT (
    SELECT json_group_array(v.value_key) FROM langgraph_values AS v
    WHERE (v.checkpoint_key = p.checkpoint_key OR v.value_key IN (SELECT value FROM json_each(p.kept)))
      AND (v.channel, v.version) IN (SELECT key, value FROM json_each(?6)))
  FROM langgraph_checkpoints AS p
  WHERE p.thread_id = ?1 AND p.checkpoint_ns = ?2 AND p.checkpoint_id = ?4 AND p.checkpoint IS NOT NULL`;

/** Without a parent, the last ones of the thread at these versions. */
const KEPT_OF_THREAD = `SELECT json_group_array(value_key) FROM (
    SELECT max(v.value_key) AS value_key
    FROM langgraph_checkpoints AS c CROSS JOIN langgraph_values AS v ON v.checkpoint_key = c.checkpoint_key
    WHERE c.thread_id = ?1 AND c.checkpoint_ns = ?2 AND (v.channel, v.version) IN (SELECT key, value FROM json_each(?6))
    GROUP BY v.channel)`;

/** Returns the number of values that the checkpoint keeps. Without its parent it keeps none. */
export const PUT_CHECKPOINT = `INSERT INTO langgraph_checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
    made, kept, checkpoint_type, checkpoint, metadata_type, metadata)
  VALUES (?1, ?2, ?3, ?4, ?5,
    CASE WHEN ?6 IS NULL THEN NULL WHEN ?4 IS NULL THEN (${KEPT_OF_THREAD}) ELSE (${KEPT_OF_PARENT}) END,
    ?7, ?8, ?9, ?10)
  ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET parent_checkpoint_id = excluded.parent_checkpoint_id,
    made = excluded.made, kept = excluded.kept, checkpoint_type = excluded.checkpoint_type,
    checkpoint = excluded.checkpoint, metadata_type = excluded.metadata_type, metadata = excluded.metadata
  RETURNING json_array_length(kept)`;

export const PUT_VALUE = `INSERT INTO langgraph_values (checkpoint_key, channel, version, type, value)
  VALUES (${KEY}, ?4, ?5, ?6, ?7)
  ON CONFLICT (checkpoint_key, channel, version) DO UPDATE SET type = excluded.type, value = excluded.value`;

/** Writes may come before their checkpoint. */
export const ADD_CHECKPOINT = `INSERT INTO langgraph_checkpoints (thread_id, checkpoint_ns, checkpoint_id) VALUES (?, ?, ?)
  ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO NOTHING`;

/** A write that is there stays. Those of an error, interrupt or resume have negative places, and the last one counts. */
export const PUT_WRITE = `INSERT INTO langgraph_writes (checkpoint_key, task_id, idx, task_path, channel, type, value)
  VALUES (${KEY}, ?4, ?5, ?6, ?7, ?8, ?9)
  ON CONFLICT (checkpoint_key, task_id, idx) DO UPDATE SET task_path = excluded.task_path,
    channel = excluded.channel, type = excluded.type, value = excluded.value
  WHERE idx < 0`;

export const DELETE_THREAD = [
  ...['langgraph_values', 'langgraph_writes'].map(
    (table) => `DELETE FROM ${table}
  WHERE checkpoint_key IN (SELECT checkpoint_key FROM langgraph_checkpoints WHERE thread_id = ?)`,
  ),
  'DELETE FROM langgraph_checkpoints WHERE thread_id = ?',
];

// ── getTuple, list ──

const COLUMNS = `checkpoint_key, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint_type, checkpoint,
  metadata_type, metadata`;

/** A checkpoint: parameters are thread, namespace, and an id or NULL for the newest. */
const FOUND = `(SELECT checkpoint_key FROM langgraph_checkpoints
  WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = coalesce(?3, (
    SELECT checkpoint_id FROM langgraph_checkpoints
    WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint IS NOT NULL ORDER BY checkpoint_id DESC LIMIT 1)))`;

export const GET_CHECKPOINT = `SELECT ${COLUMNS} FROM langgraph_checkpoints
  WHERE checkpoint_key = ${FOUND} AND checkpoint IS NOT NULL`;

/** Whether a checkpoint is there. */
export const HAS_CHECKPOINT = `SELECT 1 FROM langgraph_checkpoints WHERE checkpoint_key = ${FOUND} AND checkpoint IS NOT NULL`;

export const GET_VALUES = `SELECT v.channel, v.type, v.value
  FROM langgraph_checkpoints AS c CROSS JOIN json_each(c.made) AS e CROSS JOIN langgraph_values AS v
    ON v.checkpoint_key = c.checkpoint_key AND v.channel = e.key AND v.version = e.value
  WHERE c.checkpoint_key = ${FOUND}
  UNION ALL SELECT v.channel, v.type, v.value
  FROM langgraph_checkpoints AS c CROSS JOIN json_each(c.kept) AS e CROSS JOIN langgraph_values AS v ON v.value_key = e.value
  WHERE c.checkpoint_key = ${FOUND}`;

/** In the order of `writesSortKey`: by code points, as SQLite compares UTF-8. */
export const GET_WRITES = `SELECT task_id, channel, type, value FROM langgraph_writes WHERE checkpoint_key = ${FOUND}
  ORDER BY task_path, task_id, idx`;

/** The next checkpoints under some conditions, newest first. The last parameter is their number. */
export function listQuery(conditions: readonly string[]): string {
  const where = ['checkpoint IS NOT NULL', ...conditions].join(' AND ');
  return `SELECT ${COLUMNS} FROM langgraph_checkpoints WHERE checkpoint_key IN (
    SELECT checkpoint_key FROM langgraph_checkpoints WHERE ${where} ORDER BY checkpoint_id DESC, checkpoint_key DESC LIMIT ?)
  ORDER BY checkpoint_id DESC, checkpoint_key DESC`;
}
