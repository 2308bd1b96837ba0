import { quoted } from '../names.js';
import type { ArtifactNames } from './layout.js';

/** Every statement of the store. `key` is four parameters: app, user, session (`''` for the user's scope), name. */
export function buildArtifactQueries(names: ArtifactNames) {
  const { artifacts, blobs, sessions, events, rewound } = quoted(names);
  const scope = 'app_name = ? AND user_id = ? AND session_id = ?';
  const visible = `${scope} AND name = ? AND hidden_by IS NULL`;
  const info = 'version, mime_type, size, sha256, custom_metadata, create_time';
  const one = (columns: string) => ({
    latest: `SELECT ${columns} FROM ${artifacts} WHERE ${visible} ORDER BY version DESC LIMIT 1`,
    version: `SELECT ${columns} FROM ${artifacts} WHERE ${visible} AND version = ?`,
  });
  // As the part has it. The worker makes the text: the JavaScript thread gets the string that it returns.
  const content = `(SELECT text_of_chunks(bytes, iif(content = 'text', 'utf-8', 'base64'))
    FROM (SELECT bytes FROM ${blobs} AS b WHERE b.sha256 = ${artifacts}.sha256 ORDER BY chunk))`;
  const isUsed = `EXISTS (SELECT 1 FROM ${artifacts} AS a WHERE a.sha256 = b.sha256)`;
  return {
    insertChunk: `INSERT INTO ${blobs} (sha256, chunk, bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
    /** The next number is found inside the transaction that uses it, so that no two savers share one. */
    insertVersion: `INSERT INTO ${artifacts} (app_name, user_id, session_id, name, version,
    content, part, mime_type, size, sha256, custom_metadata, create_time)
  SELECT ?1, ?2, ?3, ?4, coalesce(max(version) + 1, 0), ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM ${artifacts}
  WHERE app_name = ?1 AND user_id = ?2 AND session_id = ?3 AND name = ?4 RETURNING version`,
    /** A version of another program, under its own number. */
    importVersion: `INSERT INTO ${artifacts} (app_name, user_id, session_id, name, version,
    content, part, mime_type, size, sha256, custom_metadata, create_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    anyVersion: `SELECT content, part, mime_type, size, sha256, custom_metadata FROM ${artifacts}
  WHERE ${scope} AND name = ? AND version = ?`,
    info: one(info),
    part: one(`${info}, content, part, ${content}`),
    chunk: `SELECT bytes FROM ${blobs} WHERE sha256 = ? AND chunk = ?`,
    versions: `SELECT ${info} FROM ${artifacts} WHERE ${visible} ORDER BY version`,
    names: `SELECT DISTINCT name FROM ${artifacts} WHERE ${scope} AND hidden_by IS NULL`,
    /** Separate statements: the number of visible versions is the result of a delete. */
    deleteVisible: `DELETE FROM ${artifacts} WHERE ${visible}`,
    deleteHidden: `DELETE FROM ${artifacts} WHERE ${scope} AND name = ?`,

    // ── sweep ──
    /** Parameters: after which key, before which time, app or NULL, time before which sessions are left out or NULL, limit. */
    old: `SELECT artifact_key, app_name, user_id, session_id, name, version, sha256, size FROM ${artifacts} AS a
  WHERE artifact_key > ?1 AND create_time < ?2 AND (?3 IS NULL OR app_name = ?3) AND (?4 IS NULL OR NOT EXISTS (SELECT 1
    FROM ${sessions} AS s WHERE s.app_name = a.app_name AND s.user_id = a.user_id AND s.id = a.session_id AND s.update_time < ?4))
  ORDER BY artifact_key LIMIT ?5`,
    /**
     * Event ids and artifact deltas of one session, or of all sessions of a user; of events that a rewind has removed, too, as an
     * undo brings them back. Parameters: app, user, session or NULL; what goes before: see {@link mentions}.
     */
    mentions: {
      session: mentions({ sessions, events, rewound }, 's.app_name = ?1 AND s.user_id = ?2 AND s.id = ?3'),
      user: mentions({ sessions, events, rewound }, 's.app_name = ?1 AND s.user_id = ?2'),
    },
    deleteVersion: `DELETE FROM ${artifacts} WHERE artifact_key = ?`,
    hasBlob: `SELECT 1 FROM ${blobs} WHERE sha256 = ? LIMIT 1`,
    unusedBlobs: `SELECT sha256, sum(octet_length(bytes)) FROM ${blobs} AS b WHERE NOT ${isUsed} GROUP BY sha256 LIMIT ?`,
    deleteBlob: `DELETE FROM ${blobs} AS b WHERE sha256 = ? AND NOT ${isUsed}`,
    tables: `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name COLLATE NOCASE IN (?, ?, ?)`,
  };
}

/**
 * Parameters from the fourth on leave out events that are deleted before a sweep. They name sessions last updated before a
 * time, events older than a time, and events beyond the newest so many of a session. NULL leaves out none.
 */
function mentions(tables: Record<'sessions' | 'events' | 'rewound', string>, where: string): string {
  const { sessions, events, rewound } = tables;
  const isRecent = (event: string) => `(?5 IS NULL OR ${event}.timestamp >= ?5)`;
  const isNew = `(?6 IS NULL OR (SELECT count(*) FROM (SELECT 1 FROM ${events} AS n
    WHERE n.session_key = e.session_key AND n.seq > e.seq AND ${isRecent('n')} LIMIT ?6)) < ?6)`;
  const of = (
    table: string,
  ) => `SELECT e.id, iif(json_valid(CAST(e.actions AS TEXT)), json_extract(CAST(e.actions AS TEXT), '$.artifactDelta'), '')
  FROM ${sessions} AS s JOIN ${table} AS e ON e.session_key = s.session_key
  WHERE ${where} AND instr(CAST(e.actions AS TEXT), '"artifactDelta"') > 0
    AND (?4 IS NULL OR s.update_time >= ?4) AND ${isRecent('e')}`;
  return `${of(events)} AND ${isNew} UNION ALL ${of(rewound)}`;
}
