import sqlite3 from 'sqlite3';
import { openCallbackSql } from './shared/callback-sqlite3.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

export const openSql = (file, options) => openCallbackSql(sqlite3, file, options);

export async function openSessions(file, options) {
  return new SqlSessionService(await openSql(file, options));
}
