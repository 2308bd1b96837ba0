import { quoted } from '../names.js';
import { mayMark, wellFormed } from '../sqlite/dialect.js';
import { buildErasure } from './erasure.js';
import { ORIGIN } from './identity.js';
import type { MemoryNames } from './layout.js';

/** Every statement of the store, its text fixed for the store's lifetime. */
export function buildMemoryQueries(names: MemoryNames) {
  const { memory, fts, scopes, vectors, metadata, sessions, events } = quoted(names);
  const scope = 'app_name = ? AND kind = ? AND user_id = ?';
  /** The text before each word of a scope in the index. Consonants and digits, so that stemming leaves the word alone. */
  const prefix = "'s' || scope_key || 'x'";
  const columns = `m.memory_key, s.app_name, s.kind, s.user_id, m.session_id, m.event_id, m.id, m.author, m.timestamp,
  m.custom_metadata, m.content`;
  /** Parameters: app, user or NULL, 1 or NULL for the app's own. */
  const searched = `searched AS MATERIALIZED (SELECT scope_key FROM ${scopes}
    WHERE app_name = ?1 AND (kind = 'user' AND user_id = ?2 OR kind = 'app' AND ?3))`;
  const within = `m.scope_key IN (SELECT scope_key FROM searched)
    AND (?4 IS NULL OR m.timestamp > ?4) AND (?5 IS NULL OR m.timestamp < ?5) AND octet_length(m.content) <= ?6`;
  const { inFilter, ...erasure } = buildErasure(names.memory);
  const isIdentical = `scope_key = (SELECT scope_key FROM ${scopes} WHERE ${scope}) AND ${ORIGIN} = ? AND id = ?`;
  const scopeKey = `(SELECT scope_key FROM ${scopes} WHERE app_name = ?1 AND kind = ?2 AND user_id = ?3)`;

  return {
    // ── add ──
    addScope: `INSERT INTO ${scopes} (app_name, kind, user_id) SELECT ?1, ?2, ?3
  WHERE NOT EXISTS (SELECT 1 FROM ${scopes} WHERE app_name = ?1 AND kind = ?2 AND user_id = ?3)`,
    /** An entry that is there already is replaced; one that is there exactly so is left alone. */
    addEntry: `INSERT INTO ${memory} (scope_key, session_id, event_id, id, author, timestamp, custom_metadata, content, terms)
  SELECT scope_key, ?4, ?5, ?6, ?7, ?8, ?9, ?10, scope_words(?11, ${prefix}) FROM ${scopes}
  WHERE app_name = ?1 AND kind = ?2 AND user_id = ?3
  ON CONFLICT (scope_key, ${ORIGIN}, id) DO UPDATE SET session_id = excluded.session_id, event_id = excluded.event_id,
    author = excluded.author, timestamp = excluded.timestamp, custom_metadata = excluded.custom_metadata,
    content = excluded.content, terms = excluded.terms
  WHERE content <> excluded.content OR terms <> excluded.terms OR author IS NOT excluded.author
    OR timestamp IS NOT excluded.timestamp OR custom_metadata IS NOT excluded.custom_metadata
    OR session_id <> excluded.session_id`,

    /** An entry as `addEntry` has stored it. */
    entry: `SELECT session_id, event_id, id, author, timestamp, custom_metadata, content FROM ${memory} WHERE ${isIdentical}`,
    /** Indexes an entry that is not indexed yet: a changed one is, by a trigger. Parameters: identity. */
    indexEntry: `INSERT INTO ${fts} (rowid, terms) SELECT memory_key, terms FROM ${memory} WHERE ${isIdentical}
  AND NOT EXISTS (SELECT 1 FROM "${names.fts}_docsize" AS indexed WHERE indexed.id = memory_key)`,
    /**
     * Both in the form that needs no statement journal, which would make FTS5 write its words out. A new entry of a scope that is
     * there; for any other the first one changes no row. Parameters as those of `addEntry`; none, as the new row has the highest key.
     */
    addNewEntry: `INSERT OR IGNORE INTO ${memory} (scope_key, session_id, event_id, id, author, timestamp, custom_metadata, content, terms)
  VALUES (${scopeKey}, ?4, ?5, ?6, ?7, ?8, ?9, ?10, scope_words(?11, 's' || ${scopeKey} || 'x'))`,
    indexNewEntry: `INSERT INTO ${fts} (rowid, terms) VALUES ((SELECT max(memory_key) FROM ${memory}),
  (SELECT terms FROM ${memory} WHERE memory_key = (SELECT max(memory_key) FROM ${memory})))`,

    // ── search ──
    /** Parameters: searched scopes, within, then phrases, their number, limit. */
    byWords: `WITH ${searched}, hit AS MATERIALIZED (
    SELECT rowid AS memory_key, scoped_bm25(${fts}, ?8, (SELECT count(*) FROM ${memory} WHERE scope_key IN (SELECT scope_key FROM searched))) AS rank
    FROM ${fts} WHERE ${fts} MATCH (SELECT group_concat(replace(?7, '#', ${prefix}), ' OR ') FROM searched))
  SELECT ${columns}, -hit.rank FROM hit JOIN ${memory} AS m USING (memory_key) JOIN ${scopes} AS s USING (scope_key)
  WHERE ${within} ORDER BY hit.rank, m.timestamp DESC, m.memory_key DESC LIMIT ?9`,
    /** Parameters: searched scopes, within, then vector, limit. */
    byMeaning: `WITH ${searched}, near AS MATERIALIZED (
    SELECT memory_key, cosine_similarity(vector, ?7) AS cosine FROM ${vectors}
    WHERE scope_key IN (SELECT scope_key FROM searched))
  SELECT ${columns}, near.cosine FROM near JOIN ${memory} AS m USING (memory_key) JOIN ${scopes} AS s USING (scope_key)
  WHERE near.cosine > 0 AND ${within} ORDER BY near.cosine DESC, m.timestamp DESC, m.memory_key DESC LIMIT ?8`,

    // ── delete, count ──
    ...erasure,
    deleteEntry: `DELETE FROM ${memory} WHERE ${isIdentical}`,
    /** Events from the first one of an invocation on. Parameters: app, user, session, invocation. */
    deleteUndone: `DELETE FROM ${memory} WHERE scope_key = (SELECT scope_key FROM ${scopes}
    WHERE app_name = ?1 AND kind = 'user' AND user_id = ?2) AND ${ORIGIN} = ?3 AND id IN (SELECT e.id FROM ${sessions} AS s
    JOIN ${events} AS e USING (session_key) WHERE s.app_name = ?1 AND s.user_id = ?2 AND s.id = ?3
    AND e.seq >= (SELECT min(f.seq) FROM ${events} AS f WHERE f.session_key = s.session_key AND f.invocation_id = ?4))`,
    count: {
      app: `SELECT count(*) FROM ${memory} WHERE ${inFilter.app}`,
      user: `SELECT count(*) FROM ${memory} WHERE ${inFilter.user}`,
    },

    // ── vectors ──
    embedding: `SELECT value FROM ${metadata} WHERE key = ?`,
    addEmbedding: `INSERT INTO ${metadata} (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    /** In any JSON text: other programs may have written it. Parameters: key, model, dimension. */
    isEmbedding: `SELECT 1 FROM ${metadata} WHERE key = ? AND iif(json_valid(value), value ->> '$.model' = ? AND value ->> '$.dimension' = ?, 0)`,
    /** Whether an entry is there exactly so, with its vector. */
    hasVector: `SELECT 1 FROM ${memory} JOIN ${vectors} USING (memory_key) WHERE ${memory}.${isIdentical} AND content = ?`,
    addVector: `INSERT INTO ${vectors} (memory_key, scope_key, vector) SELECT memory_key, scope_key, ? FROM ${memory}
  WHERE ${isIdentical} AND content = ? ON CONFLICT (memory_key) DO UPDATE SET vector = excluded.vector`,
    /** Parameters: after which key, app and user or NULL, limit. */
    withoutVector: `SELECT m.memory_key, m.content FROM ${memory} AS m JOIN ${scopes} AS s USING (scope_key)
  WHERE m.memory_key > ?1 AND (?2 IS NULL OR s.app_name = ?2) AND (?3 IS NULL OR s.user_id = ?3 AND s.kind = 'user')
    AND NOT EXISTS (SELECT 1 FROM ${vectors} AS v WHERE v.memory_key = m.memory_key) ORDER BY m.memory_key LIMIT ?4`,
    addVectorByKey: `INSERT INTO ${vectors} (memory_key, scope_key, vector) SELECT memory_key, scope_key, ? FROM ${memory}
  WHERE memory_key = ? AND content = ? ON CONFLICT (memory_key) DO UPDATE SET vector = excluded.vector`,

    // ── backfill ──
    tables: `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name COLLATE NOCASE IN (?, ?)`,
    /** Parameters: after which key, app and user or NULL, limit. */
    sessions: `SELECT session_key, app_name, user_id, id FROM ${sessions}
  WHERE session_key > ?1 AND (?2 IS NULL OR app_name = ?2) AND (?3 IS NULL OR user_id = ?3) ORDER BY session_key LIMIT ?4`,
    session: `SELECT session_key, app_name, user_id, id FROM ${sessions} WHERE app_name = ? AND user_id = ? AND id = ?`,
    /** Events of a session: which invocation, a marker's actions, whether remembered. Parameters: key, app, user, session. */
    outline: `SELECT e.seq, e.id, e.invocation_id,
    iif(${mayMark('e.actions')}, CAST(e.actions AS TEXT), NULL),
    EXISTS (SELECT 1 FROM ${memory} WHERE scope_key = (SELECT scope_key FROM ${scopes}
      WHERE app_name = ?2 AND kind = 'user' AND user_id = ?3) AND ${ORIGIN} = ?4 AND id = e.id), e.content IS NOT NULL
  FROM ${events} AS e WHERE e.session_key = ?1 ORDER BY e.seq`,
    /**
     * Whether events are there, those that were read with the same content, and none of them was undone since.
     * Parameters: session key, seqs, their number, last seq of then, contents by seq.
     */
    haveStayed: `SELECT 1 WHERE ?3 = (SELECT count(*) FROM ${events} AS e WHERE e.seq IN carray(?2) AND e.session_key = ?1)
  AND NOT EXISTS (SELECT 1 FROM ${events} AS m WHERE m.session_key = ?1 AND m.seq > ?4
    AND ${mayMark('m.actions')})
  AND NOT EXISTS (SELECT 1 FROM json_each(?5) AS r LEFT JOIN ${events} AS e ON e.seq = CAST(r.key AS INTEGER)
    WHERE e.content IS NOT r.value)`,
    events: `SELECT seq, id, author, timestamp, partial, ${wellFormed('content')}, CAST(actions AS TEXT), extra FROM ${events} WHERE seq IN carray(?)`,
  };
}
