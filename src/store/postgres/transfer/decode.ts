import {
  type Present,
  parseOrigin,
  type Stamp,
  type StoredChange,
  type StoredSession,
  type StoredState,
} from '../../copy/transfer.js';
import { corruptRow } from '../../errors.js';
import type { Names } from '../../names.js';
import { postgresDialect } from '../dialect.js';
import { unescapeJson } from '../escape.js';

/** A session and its changes, from their rows. Throws `'ADK_CORRUPT_ROW'`. */
export function decodeSession(names: Names, row: unknown[], changes: unknown[][]): StoredSession {
  const stamp = decodeStamp(row);
  const [updateTime, state, initialState, ownerId, firstSeq, endSeq] = row.slice(7);
  const fail = (column: string) => corruptRow(names.sessions, stamp.key.sessionId, column);
  const text = unescaped(state);
  if (text === undefined) throw fail('state');
  return {
    ...stamp,
    updateTime: timeOf(updateTime, () => fail('update_time')),
    state: text,
    initialState: unescaped(initialState) ?? null,
    ownerId: ownerId as StoredSession['ownerId'],
    firstSeq: Number(firstSeq ?? 0),
    // A number is not used again, not even that of a deleted event.
    endSeq: Math.max(stamp.lastSeq, Number(endSeq ?? 0)),
    changes: changes.map((change) => decodeChange(names, change)),
  };
}

function decodeChange(
  names: Names,
  [changeKey, seq, kind, value, removed, revision, time, undoneBy]: unknown[],
): StoredChange {
  const fail = (column: string) => corruptRow(names.changes, String(changeKey), column);
  const text = unescaped(value);
  if (text === undefined) throw fail('value');
  return {
    changeKey: Number(changeKey),
    seq: Number(seq),
    kind: String(kind),
    value: text,
    removed: unescaped(removed) ?? null,
    revision: revision === null ? null : Number(revision),
    time: timeOf(time, () => fail('time')),
    undoneBy: undoneBy === null ? null : Number(undoneBy),
  };
}

/** A shared state from its row. Throws `'ADK_CORRUPT_ROW'`. */
export function decodeState(names: Names, [appName, userId, state, updateTime]: unknown[]): StoredState {
  const [table, key] = userId === null ? [names.appStates, `${appName}`] : [names.userStates, `${appName}, ${userId}`];
  const text = unescaped(state);
  if (text === undefined) throw corruptRow(table, key, 'state');
  return {
    appName: String(appName),
    userId: userId === null ? undefined : String(userId),
    state: text,
    updateTime: timeOf(updateTime, () => corruptRow(table, key, 'update_time')),
  };
}

function timeOf(value: unknown, fail: () => Error): number {
  const time = postgresDialect.decodeTime(value);
  if (Number.isNaN(time)) throw fail();
  return time;
}

export function decodeStamp([sessionNumber, appName, userId, id, createTime, revision, lastSeq]: unknown[]): Stamp {
  return {
    key: { appName: String(appName), userId: String(userId), sessionId: String(id) },
    sessionNumber: Number(sessionNumber),
    createTime: postgresDialect.decodeTime(createTime),
    revision: Number(revision),
    lastSeq: Number(lastSeq),
  };
}

export const decodePresent = (row: unknown[]): Present => ({ ...decodeStamp(row), origin: parseOrigin(row[7]) });

const unescaped = (value: unknown) => (typeof value === 'string' ? unescapeJson(value) : undefined);
