import Database from 'better-sqlite3-13';
import { openBetterSqlite3 } from './shared/better-sqlite3.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

export const openSql = (file, options) => openBetterSqlite3(Database, file, options);

export function openSessions(file, options) {
  return new SqlSessionService(openSql(file, options));
}
