import { ArtifactLayout } from '../../artifacts/layout.js';
import type { Schema } from '../../ddl.js';
import { scopesTable } from '../../memory/erasure.js';
import { ORIGIN } from '../../memory/identity.js';
import { MemoryLayout } from '../../memory/layout.js';
import type { Names } from '../../names.js';

/** Statements that copy the rows of a table beside the sessions. An id is the values that name a row. */
export interface BesideQueries {
  schema: Schema;
  table: string;
  /** Columns of an id, and of the row behind it. */
  idWidth: number;
  /** Internal key, id, row; behind an internal key, so many. */
  rows: string;
  /** The row with an id. */
  row: string;
  remove: string;
}

const foreignTables = 'beside';

export function memoryQueries(names: Names) {
  const { sessions: sessionsTable, events: eventsTable, metadata: metadataTable, memory: memoryTable } = names;
  const layout = new MemoryLayout({ sessionsTable, eventsTable, metadataTable, memoryTable, foreignTables });
  const [memory, scopes, vectors] = [`"${memoryTable}"`, `"${scopesTable(memoryTable)}"`, `"${layout.names.vectors}"`];
  const row = ['session_id', 'event_id', 'author', 'timestamp', 'custom_metadata', 'content'];
  /** Before each word stands a prefix of its scope, whose key differs from file to file: `#` is in its place here. */
  const terms = "replace(' ' || m.terms, ' s' || m.scope_key || 'x', ' #')";
  const ownTerms = `substr(replace(?${6 + row.length}, ' #', ' s' || scope_key || 'x'), 2)`;
  const scope = `(SELECT scope_key FROM ${scopes} WHERE app_name = ?1 AND kind = ?2 AND user_id = ?3)`;
  const identity = `scope_key = ${scope} AND ${ORIGIN} = ?4 AND id = ?5`;
  const selected = [...row.map((column) => `m.${column}`), terms, 'v.vector'].join(', ');
  const from = `FROM ${memory} AS m LEFT JOIN ${vectors} AS v ON v.memory_key = m.memory_key`;
  return {
    layout,
    schema: layout.schema,
    table: memoryTable,
    idWidth: 5,
    rows: `SELECT m.memory_key, s.app_name, s.kind, s.user_id, ${ORIGIN}, m.id, ${selected}
  ${from} JOIN ${scopes} AS s ON s.scope_key = m.scope_key WHERE m.memory_key > ? ORDER BY m.memory_key LIMIT ?`,
    row: `SELECT ${selected} ${from} WHERE m.${identity}`,
    remove: `DELETE FROM ${memory} WHERE ${identity}`,
    /** Parameters of all three: id, row. */
    addScope: `INSERT INTO ${scopes} (app_name, kind, user_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`,
    add: `INSERT INTO ${memory} (scope_key, id, ${row.join(', ')}, terms)
  SELECT scope_key, ?5, ${row.map((_, i) => `?${i + 6}`).join(', ')}, ${ownTerms} FROM ${scopes}
  WHERE app_name = ?1 AND kind = ?2 AND user_id = ?3 AND ?4 IS NOT NULL`,
    addVector: `INSERT INTO ${vectors} (memory_key, scope_key, vector)
  SELECT memory_key, scope_key, ?6 FROM ${memory} WHERE ${identity}`,
  };
}

export function artifactQueries(names: Names) {
  const { sessions: sessionsTable, events: eventsTable, metadata: metadataTable, artifacts: artifactsTable } = names;
  const layout = new ArtifactLayout({ sessionsTable, eventsTable, metadataTable, artifactsTable, foreignTables });
  const [artifacts, blobs, sessions, changes] = [
    `"${artifactsTable}"`,
    `"${layout.names.blobs}"`,
    `"${sessionsTable}"`,
    `"${names.changes}"`,
  ];
  const id = ['app_name', 'user_id', 'session_id', 'name', 'version'];
  const row = ['content', 'part', 'mime_type', 'size', 'sha256', 'custom_metadata', 'create_time'];
  const rewinds = (of: string) => `FROM ${changes} AS c JOIN ${sessions} AS s ON s.session_key = c.session_key
    WHERE c.kind = 'rewind' AND ${of}`;
  /** A hidden version names the rewind by its number within the session: keys differ from file to file. */
  const hidden = `iif(a.hidden_by IS NULL, NULL, (SELECT count(*) ${rewinds(
    's.app_name = a.app_name AND s.user_id = a.user_id AND s.id = a.session_id AND c.change_key <= a.hidden_by',
  )}))`;
  const selected = [...row.map((column) => `a.${column}`), hidden].join(', ');
  const isIt = id.map((column, i) => `a.${column} = ?${i + 1}`).join(' AND ');
  const hiddenBy = `iif(?13 IS NULL, NULL, coalesce((SELECT c.change_key ${rewinds(
    's.app_name = ?1 AND s.user_id = ?2 AND s.id = ?3',
  )} ORDER BY c.change_key LIMIT 1 OFFSET max(?13 - 1, 0)), 0))`;
  return {
    schema: layout.schema,
    table: artifactsTable,
    idWidth: id.length,
    rows: `SELECT a.artifact_key, ${id.map((column) => `a.${column}`).join(', ')}, ${selected} FROM ${artifacts} AS a
  WHERE a.artifact_key > ? ORDER BY a.artifact_key LIMIT ?`,
    row: `SELECT ${selected} FROM ${artifacts} AS a WHERE ${isIt}`,
    remove: `DELETE FROM ${artifacts} AS a WHERE ${isIt}`,
    /** Parameters: id, row. */
    add: `INSERT INTO ${artifacts} (${[...id, ...row, 'hidden_by'].join(', ')})
  VALUES (${[...id, ...row].map((_, i) => `?${i + 1}`).join(', ')}, ${hiddenBy})`,
    /** A content by its hash, in chunks. */
    chunks: `SELECT chunk, bytes FROM ${blobs} WHERE sha256 = ? ORDER BY chunk`,
    addChunk: `INSERT INTO ${blobs} (sha256, chunk, bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
    size: `SELECT coalesce(sum(octet_length(bytes)), 0) FROM ${blobs} WHERE sha256 = ?`,
  };
}
