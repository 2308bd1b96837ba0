import type { Dialect } from '../codec/dialect.js';
import { corruptRow } from '../errors.js';
import type { Names } from '../names.js';
import {
  type Present,
  parseOrigin,
  type Stamp,
  type StoredChange,
  type StoredSession,
  type StoredState,
} from './transfer.js';

/** Rows of sessions, changes and states, in the order in which every backend selects them. Each throws `'ADK_CORRUPT_ROW'`. */
export interface Decoder {
  stamp(row: unknown[]): Stamp;
  /** A stamp, and the origin from the table of metadata. */
  present(row: unknown[]): Present;
  /** A stamp and the rest of the session; its changes in their order. */
  session(row: unknown[], changes: readonly unknown[][]): StoredSession;
  state(row: unknown[]): StoredState;
}

/** `parse`: the JSON of a column's text, `undefined` if it is none. */
export function makeDecoder(
  { decodeTime }: Dialect,
  parse: (text: string) => string | undefined,
  names: Names,
): Decoder {
  const cells = (table: string, key: string) => ({
    json(column: string, value: unknown): string {
      const text = typeof value === 'string' ? parse(value) : undefined;
      if (text === undefined) throw corruptRow(table, key, column);
      return text;
    },
    time(column: string, value: unknown): number {
      const time = decodeTime(value);
      if (Number.isNaN(time)) throw corruptRow(table, key, column);
      return time;
    },
  });

  function stamp([sessionNumber, app, user, id, createTime, revision, lastSeq]: unknown[]): Stamp {
    const key = { appName: String(app), userId: String(user), sessionId: String(id) };
    return {
      key,
      sessionNumber: Number(sessionNumber),
      createTime: cells(names.sessions, key.sessionId).time('create_time', createTime),
      revision: Number(revision),
      lastSeq: Number(lastSeq),
    };
  }

  function change([changeKey, seq, kind, value, removed, revision, time, undoneBy]: unknown[]): StoredChange {
    const row = cells(names.changes, String(changeKey));
    return {
      changeKey: Number(changeKey),
      seq: Number(seq),
      kind: String(kind),
      value: row.json('value', value),
      removed: removed === null ? null : row.json('removed', removed),
      revision: revision === null ? null : Number(revision),
      time: row.time('time', time),
      undoneBy: undoneBy === null ? null : Number(undoneBy),
    };
  }

  return {
    stamp,
    present: (row) => ({ ...stamp(row), origin: parseOrigin(row[7]) }),
    session(row, changes) {
      const session = stamp(row);
      const [updateTime, state, initialState, ownerId, firstSeq, endSeq] = row.slice(7);
      const { json, time } = cells(names.sessions, session.key.sessionId);
      return {
        ...session,
        updateTime: time('update_time', updateTime),
        state: json('state', state),
        initialState: initialState === null ? null : json('initial_state', initialState),
        ownerId: ownerId as StoredSession['ownerId'],
        firstSeq: Number(firstSeq),
        // PostgreSQL uses no number again, not even that of a deleted event.
        endSeq: Math.max(session.lastSeq, Number(endSeq)),
        changes: changes.map(change),
      };
    },
    state([appName, userId, state, updateTime]) {
      const [table, key] =
        userId === null ? [names.appStates, `${appName}`] : [names.userStates, `${appName}, ${userId}`];
      const { json, time } = cells(table, key);
      return {
        appName: String(appName),
        userId: userId === null ? undefined : String(userId),
        state: json('state', state),
        updateTime: time('update_time', updateTime),
      };
    },
  };
}
