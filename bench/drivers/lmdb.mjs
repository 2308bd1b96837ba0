import { open } from 'lmdb';

/**
 * The fastest durable store that Node has, without SQL: an append puts the event's JSON and the session's record. lmdb-js commits
 * what was put in one turn of the event loop in one transaction, so both are stored or neither, and appends share commits.
 *
 * `overlappingSync: false`: a promise of lmdb-js resolves after the sync. With its default, a commit resolves before.
 */
export function openSessions(file) {
  const db = open({ path: `${file}.lmdb`, overlappingSync: false });
  const sessions = db.openDB('sessions', { encoding: 'json' });
  const events = db.openDB('events', { encoding: 'json' });
  const keyOf = ({ appName, userId, id }) => [appName, userId, id];
  /** Number of the session and of its newest event, of the sessions that were handed out. */
  const known = new WeakMap();
  let sessionKeys = 0;
  return {
    async createSession({ appName, userId, sessionId: id, state = {} }) {
      const session = { id, appName, userId, state, events: [], lastUpdateTime: Date.now() };
      const record = { key: ++sessionKeys, seq: 0, revision: 1, state, updateTime: session.lastUpdateTime };
      known.set(session, record);
      await sessions.put(keyOf(session), record);
      return session;
    },
    async appendEvent({ session, event }) {
      const record = known.get(session);
      Object.assign(record.state, event.actions.stateDelta);
      record.seq += 1;
      record.revision += 1;
      record.updateTime = event.timestamp;
      events.put([record.key, record.seq], event);
      await sessions.put(keyOf(session), record);
      session.lastUpdateTime = event.timestamp;
      const at = session.events.findIndex((other) => other.id === event.id);
      if (at >= 0) session.events[at] = event;
      else session.events.push(event);
      return event;
    },
    async getSession({ appName, userId, sessionId: id }) {
      const record = sessions.get(keyOf({ appName, userId, id }));
      if (record === undefined) return undefined;
      const range = { start: [record.key, 0], end: [record.key + 1, 0] };
      const stored = events.getRange(range).map(({ value }) => value).asArray;
      const session = { id, appName, userId, state: record.state, events: stored, lastUpdateTime: record.updateTime };
      known.set(session, record);
      return session;
    },
    close: () => db.close(),
  };
}
