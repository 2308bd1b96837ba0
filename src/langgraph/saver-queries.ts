import type { AdapterTables } from '../source/adapter.js';

/**
 * The tables of {@link SqliteSaver}. `value_versions` has the versions of channels with a value, as JSON. A version of a channel
 * has a row for each checkpoint that made it, because forks of a thread count alike.
 */
export const SAVER_TABLES: AdapterTables = {
  langgraph_checkpoints: `CREATE TABLE IF NOT EXISTS langgraph_checkpoints (
  checkpoint_key INTEGER PRIMARY KEY,
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  parent_checkpoint_id TEXT,
  value_versions TEXT NOT NULL,
  checkpoint_type TEXT NOT NULL,
  checkpoint BLOB NOT NULL,
  metadata_type TEXT NOT NULL,
  metadata BLOB NOT NULL,
  UNIQUE (thread_id, checkpoint_ns, checkpoint_id)
);
CREATE INDEX IF NOT EXISTS langgraph_checkpoints_id ON langgraph_checkpoints (checkpoint_id);`,
  langgraph_values: `CREATE TABLE IF NOT EXISTS langgraph_values (
  value_key INTEGER PRIMARY KEY,
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  channel TEXT NOT NULL,
  version NOT NULL,
  checkpoint_id TEXT NOT NULL,
  type TEXT NOT NULL,
  value BLOB NOT NULL,
  UNIQUE (thread_id, checkpoint_ns, version, channel, checkpoint_id)
);`,
  langgraph_writes: `CREATE TABLE IF NOT EXISTS langgraph_writes (
  write_key INTEGER PRIMARY KEY,
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  idx INTEGER NOT NULL,
  task_path TEXT NOT NULL,
  channel TEXT NOT NULL,
  type TEXT NOT NULL,
  value BLOB NOT NULL,
  UNIQUE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);`,
};

// ── put, putWrites, deleteThread ──

export const PUT_VALUE = `INSERT INTO langgraph_values (thread_id, checkpoint_ns, channel, version, checkpoint_id, type, value)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (thread_id, checkpoint_ns, version, channel, checkpoint_id)
  DO UPDATE SET type = excluded.type, value = excluded.value`;

export const PUT_CHECKPOINT = `INSERT INTO langgraph_checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
    value_versions, checkpoint_type, checkpoint, metadata_type, metadata)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET parent_checkpoint_id = excluded.parent_checkpoint_id,
    value_versions = excluded.value_versions, checkpoint_type = excluded.checkpoint_type,
    checkpoint = excluded.checkpoint, metadata_type = excluded.metadata_type, metadata = excluded.metadata`;

/** A write that is there stays. Those of an error, interrupt or resume have negative places, and the last one counts. */
export const PUT_WRITE = `INSERT INTO langgraph_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel,
    type, value)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE SET task_path = excluded.task_path,
    channel = excluded.channel, type = excluded.type, value = excluded.value
  WHERE idx < 0`;

export const DELETE_THREAD = Object.keys(SAVER_TABLES).map((table) => `DELETE FROM ${table} WHERE thread_id = ?`);

// ── getTuple, list ──

const COLUMNS = `checkpoint_key, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint_type, checkpoint,
  metadata_type, metadata`;

/** One checkpoint: parameters are thread, namespace, and an id or NULL for the newest. */
const ONE = (
  table: string,
) => `${table}.thread_id = ?1 AND ${table}.checkpoint_ns = ?2 AND ${table}.checkpoint_id = coalesce(?3,
    (SELECT max(checkpoint_id) FROM langgraph_checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2))`;

export const GET_CHECKPOINT = `SELECT ${COLUMNS} FROM langgraph_checkpoints WHERE ${ONE('langgraph_checkpoints')}`;

/** Values of the channels at their versions. More than one row of a channel: see SAVER_TABLES. */
export const GET_VALUES = `SELECT v.channel, v.checkpoint_id, v.type, v.value
  FROM langgraph_checkpoints AS c CROSS JOIN json_each(c.value_versions) AS e CROSS JOIN langgraph_values AS v
    ON v.thread_id = ?1 AND v.checkpoint_ns = ?2 AND v.channel = e.key AND v.version = e.value
  WHERE ${ONE('c')}`;

/** In the order of `writesSortKey`: by code points, as SQLite compares UTF-8. */
export const GET_WRITES = `SELECT w.task_id, w.channel, w.type, w.value FROM langgraph_writes AS w WHERE ${ONE('w')}
  ORDER BY w.task_path, w.task_id, w.idx`;

/** A checkpoint and its ancestors, newest first, as far as they are among some ids. A cycle ends the recursion. */
export const GET_LINE = `WITH RECURSIVE line (id) AS (
  VALUES (?3)
  UNION
  SELECT c.parent_checkpoint_id FROM line CROSS JOIN langgraph_checkpoints AS c
    ON c.thread_id = ?1 AND c.checkpoint_ns = ?2 AND c.checkpoint_id = line.id
  WHERE c.parent_checkpoint_id IS NOT NULL
) SELECT id FROM line WHERE id IN (SELECT value FROM json_each(?4))`;

/** The next checkpoints under some conditions, newest first. The last parameter is their number. */
export function listQuery(conditions: readonly string[]): string {
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  return `SELECT ${COLUMNS} FROM langgraph_checkpoints WHERE checkpoint_key IN (
    SELECT checkpoint_key FROM langgraph_checkpoints ${where} ORDER BY checkpoint_id DESC, checkpoint_key DESC LIMIT ?)
  ORDER BY checkpoint_id DESC, checkpoint_key DESC`;
}
