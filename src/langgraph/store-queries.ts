import type { AdapterTables } from '../source/adapter.js';

/** The tables of {@link SqliteStore}. Triggers keep index and vectors with their items, whichever program writes these. */
export const STORE_TABLES: AdapterTables = {
  langgraph_namespaces: `CREATE TABLE IF NOT EXISTS langgraph_namespaces (
  namespace_key INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE
);`,
  langgraph_items: `CREATE TABLE IF NOT EXISTS langgraph_items (
  item_key INTEGER PRIMARY KEY,
  namespace_key INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  scope TEXT,
  terms TEXT,
  UNIQUE (namespace_key, key)
);`,
  // External content: the index is given the deleted words back, and takes them out of its pages.
  langgraph_items_fts: `CREATE VIRTUAL TABLE IF NOT EXISTS langgraph_items_fts USING fts5(scope, terms,
  content = 'langgraph_items', content_rowid = 'item_key',
  tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co M*'");
INSERT INTO langgraph_items_fts (langgraph_items_fts, rank) VALUES ('secure-delete', 1);`,
  langgraph_vectors: `CREATE TABLE IF NOT EXISTS langgraph_vectors (
  vector_key INTEGER PRIMARY KEY,
  item_key INTEGER NOT NULL,
  vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS langgraph_vectors_item ON langgraph_vectors (item_key);`,
  langgraph_items_insert: `CREATE TRIGGER IF NOT EXISTS langgraph_items_insert AFTER INSERT ON langgraph_items BEGIN
  INSERT INTO langgraph_items_fts (rowid, scope, terms) VALUES (NEW.item_key, NEW.scope, NEW.terms);
END;`,
  langgraph_items_update: `CREATE TRIGGER IF NOT EXISTS langgraph_items_update AFTER UPDATE OF value, terms ON langgraph_items BEGIN
  INSERT INTO langgraph_items_fts (langgraph_items_fts, rowid, scope, terms)
    VALUES ('delete', OLD.item_key, OLD.scope, OLD.terms);
  INSERT INTO langgraph_items_fts (rowid, scope, terms) VALUES (NEW.item_key, NEW.scope, NEW.terms);
  DELETE FROM langgraph_vectors WHERE item_key = OLD.item_key;
END;`,
  langgraph_items_delete: `CREATE TRIGGER IF NOT EXISTS langgraph_items_delete AFTER DELETE ON langgraph_items BEGIN
  INSERT INTO langgraph_items_fts (langgraph_items_fts, rowid, scope, terms)
    VALUES ('delete', OLD.item_key, OLD.scope, OLD.terms);
  DELETE FROM langgraph_vectors WHERE item_key = OLD.item_key;
  DELETE FROM langgraph_namespaces WHERE namespace_key = OLD.namespace_key
    AND NOT EXISTS (SELECT 1 FROM langgraph_items WHERE namespace_key = OLD.namespace_key);
END;`,
};

// ── put, delete ──

export const ADD_NAMESPACE = 'INSERT INTO langgraph_namespaces (path) VALUES (?) ON CONFLICT (path) DO NOTHING';

/** Parameters: path, key, value, time, scope, text or NULL. */
export const PUT_ITEM = `INSERT INTO langgraph_items (namespace_key, key, value, created_at, updated_at, scope, terms)
  SELECT namespace_key, ?2, ?3, ?4, ?4, ?5, scope_words(?6, '') FROM langgraph_namespaces WHERE path = ?1
  ON CONFLICT (namespace_key, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at,
    scope = excluded.scope, terms = excluded.terms`;

const ITEM_OF = `FROM langgraph_items AS i JOIN langgraph_namespaces AS n USING (namespace_key) WHERE n.path = ?1 AND i.key = ?2`;

/** Parameters: path, key, vector. */
export const ADD_VECTOR = `INSERT INTO langgraph_vectors (item_key, vector) SELECT i.item_key, ?3 ${ITEM_OF}`;

export const DELETE_ITEM = `DELETE FROM langgraph_items WHERE item_key = (SELECT i.item_key ${ITEM_OF})`;

// ── get, search, listNamespaces ──

const COLUMNS = 'n.path, i.key, i.value, i.created_at, i.updated_at';

export const GET_ITEM = `SELECT ${COLUMNS} ${ITEM_OF}`;

/** The columns that arrive parsed. */
export const JSON_COLUMNS = ['value'] as const;

/** A condition with its values. */
export interface Condition {
  sql: string;
  params: (string | number | Uint8Array)[];
}

/** Namespaces at a path and below it, which end at the character after the separator. */
export function below(path: string, column = 'n.path'): Condition {
  if (path === '') return { sql: 'TRUE', params: [] };
  return { sql: `(${column} = ? OR ${column} > ? AND ${column} < ?)`, params: [path, `${path}:`, `${path};`] };
}

/** The order of a search: as items were added, by the rank of their words, or by their nearest vector. */
export type Order = { by: 'age' } | { by: 'words'; match: string } | { by: 'vector'; vector: Uint8Array };

/** A search. The last column is the score. */
export function searchQuery(order: Order, conditions: readonly Condition[]): Condition {
  const namespaces = 'JOIN langgraph_namespaces AS n USING (namespace_key)';
  const where = conditions.map(({ sql }) => sql).join(' AND ');
  const params = conditions.flatMap((condition) => condition.params);
  switch (order.by) {
    case 'age':
      return {
        sql: `SELECT ${COLUMNS}, NULL FROM langgraph_items AS i ${namespaces} WHERE ${where} ORDER BY i.namespace_key, i.item_key`,
        params,
      };
    case 'words':
      return {
        sql: `SELECT ${COLUMNS}, -hit.rank FROM (SELECT rowid AS item_key, bm25(langgraph_items_fts, 0.0, 1.0) AS rank
    FROM langgraph_items_fts WHERE langgraph_items_fts MATCH ?) AS hit JOIN langgraph_items AS i USING (item_key) ${namespaces}
  WHERE ${where} ORDER BY hit.rank, i.namespace_key, i.item_key`,
        params: [order.match, ...params],
      };
    case 'vector':
      return {
        sql: `SELECT ${COLUMNS},
    (SELECT max(cosine_similarity(v.vector, ?)) FROM langgraph_vectors AS v WHERE v.item_key = i.item_key) AS score
  FROM langgraph_items AS i ${namespaces} WHERE ${where} ORDER BY score DESC NULLS LAST, i.namespace_key, i.item_key`,
        params: [order.vector, ...params],
      };
  }
}

export function namespacesQuery(condition: Condition): Condition {
  return {
    sql: `SELECT path FROM langgraph_namespaces WHERE ${condition.sql} ORDER BY path`,
    params: condition.params,
  };
}
