import { julianDay } from '../codec/julian-day.js';
import type { SqlValue } from '../executor.js';
import { corruptRow } from './errors.js';
import type { Names } from './names.js';
import { isJsonObject, type JsonObject, type SessionRecord } from './records.js';

/** A row of sessions as the statements of queries.ts give it, with or without the shared states behind it. */
export type SessionRow = unknown[];

/** Its JSON columns. */
export const SESSION_JSON = ['state'] as const;
export const HANDLE_JSON = Object.freeze(['state', 'app_state', 'user_state'] as const);

/** A session as it was at one moment, with all that a handle on it needs. */
export interface Snapshot {
  /** The internal key: another one if the session was deleted and created again. */
  sessionKey: number;
  session: SessionRecord;
  appState: JsonObject;
  userState: JsonObject;
  /** `seq` of the newest event, 0 if there is none. */
  lastSeq: number;
}

/** What the session's own columns say, or `'ADK_CORRUPT_ROW'`. */
export function decodeSession(row: SessionRow, names: Names): SessionRecord {
  const [, id, appName, userId, state, createTime, updateTime, revision, ownerId] = row;
  const damaged = (column: string) => corruptRow(names.sessions, String(id), column);
  if (typeof id !== 'string') throw damaged('id');
  if (typeof appName !== 'string') throw damaged('app_name');
  if (typeof userId !== 'string') throw damaged('user_id');
  if (!isJsonObject(state)) throw damaged('state');
  if (!Number.isFinite(createTime)) throw damaged('create_time');
  if (!Number.isFinite(updateTime)) throw damaged('update_time');
  if (typeof revision !== 'number' && typeof revision !== 'bigint') throw damaged('revision');
  const session: SessionRecord = {
    id,
    appName,
    userId,
    state,
    createTime: julianDay.decode(createTime as number),
    updateTime: julianDay.decode(updateTime as number),
    revision: Number(revision),
  };
  if (names.owner) session.ownerId = ownerId as SqlValue;
  return session;
}

/** The same with the states it shares. */
export function decodeSnapshot(row: SessionRow, names: Names): Snapshot {
  const session = decodeSession(row, names);
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
