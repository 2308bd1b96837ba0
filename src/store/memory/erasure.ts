/** Statements that erase entries of a memory, for its own store and for a session store in the same file. */
export function buildErasure(memoryTable: string) {
  const [memory, scopes] = [`"${memoryTable}"`, `"${scopesTable(memoryTable)}"`];
  const inFilter = {
    app: `scope_key IN (SELECT scope_key FROM ${scopes} WHERE app_name = ?1)`,
    user: `scope_key = (SELECT scope_key FROM ${scopes} WHERE app_name = ?1 AND kind = 'user' AND user_id = ?2)`,
  };
  const deleteSome = (where: string) => `DELETE FROM ${memory} WHERE memory_key IN (SELECT memory_key FROM ${memory}
  WHERE ${where} AND (?3 IS NULL OR session_id = ?3) AND (?4 IS NULL OR timestamp < ?4) AND (?5 IS NULL OR id = ?5) LIMIT ?6)`;
  return {
    inFilter,
    /** Parameters: app, user, session, before, id, limit; NULL for what does not matter. */
    deleteSome: { app: deleteSome(inFilter.app), user: deleteSome(inFilter.user) },
    deleteEmptyScopes: `DELETE FROM ${scopes} WHERE app_name = ?1 AND (?2 IS NULL OR user_id = ?2)
  AND NOT EXISTS (SELECT 1 FROM ${memory} AS m WHERE m.scope_key = ${scopes}.scope_key)`,
  };
}

/** The table of apps and users that belongs to a memory. */
export const scopesTable = (memoryTable: string) => `${memoryTable}_scopes`;

/** Entries that one job deletes, so that writers wait some milliseconds at most. */
export const DELETES_PER_JOB = 100;
