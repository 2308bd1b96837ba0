import type { SqlValue } from '../executor.js';
import type { Snapshot } from './backend.js';
import type { Dialect } from './dialect.js';
import { corruptRow } from './errors.js';
import type { Names } from './names.js';
import { isJsonObject, type JsonObject, type SessionRecord } from './records.js';

/** A row of sessions as the statements of queries.ts give it, with or without the shared states behind it. */
export type SessionRow = unknown[];

/** Its JSON columns. */
export const SESSION_JSON = ['state'] as const;
export const SNAPSHOT_JSON = Object.freeze(['state', 'app_state', 'user_state'] as const);

/** Names of the tables that rows come from, and how their columns hold values. */
interface Tables {
  names: Names;
  dialect: Dialect;
}

/** A session from a row, or `'ADK_CORRUPT_ROW'`. */
export function decodeSession({ names, dialect }: Tables, row: SessionRow): SessionRecord {
  const [, id, appName, userId, state, created, updated, revision, ownerId] = row;
  const createTime = dialect.decodeTime(created);
  const updateTime = dialect.decodeTime(updated);
  const damaged = (column: string) => corruptRow(names.sessions, String(id), column);
  if (typeof id !== 'string') throw damaged('id');
  if (typeof appName !== 'string') throw damaged('app_name');
  if (typeof userId !== 'string') throw damaged('user_id');
  if (!isJsonObject(state)) throw damaged('state');
  if (Number.isNaN(createTime)) throw damaged('create_time');
  if (Number.isNaN(updateTime)) throw damaged('update_time');
  if (typeof revision !== 'number' && typeof revision !== 'bigint') throw damaged('revision');
  const session: SessionRecord = {
    id,
    appName,
    userId,
    state,
    createTime,
    updateTime,
    revision: Number(revision),
  };
  if (names.owner) session.ownerId = ownerId as SqlValue;
  return session;
}

/** The same with the states it shares. */
export function decodeSnapshot(tables: Tables, row: SessionRow): Snapshot {
  const { names } = tables;
  const session = decodeSession(tables, row);
  return {
    sessionKey: Number(row[0]),
    session,
    appState: decodeState(row[9] ?? {}, names.appStates, session.appName),
    userState: decodeState(row[10] ?? {}, names.userStates, `${session.appName}, ${session.userId}`),
    lastSeq: Number(row[11]),
  };
}

/** A state that an app or a user shares. `key` is for the error. */
export function decodeState(state: unknown, table: string, key: string): JsonObject {
  if (!isJsonObject(state)) throw corruptRow(table, key, 'state');
  return state;
}
