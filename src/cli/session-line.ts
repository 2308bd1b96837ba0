import type { EventRecord, JsonObject, LoadedSession } from '../store/index.js';

/** A session as one line of JSON: everything of it, and the states that it shares. Times are milliseconds. */
export interface SessionLine {
  appName: string;
  userId: string;
  id: string;
  createTime: number;
  updateTime: number;
  state: JsonObject;
  appState: JsonObject;
  userState: JsonObject;
  /** In the order of their appends. */
  events: EventLine[];
}

/** An event without the fields that its session has. */
type EventLine = Omit<EventRecord, 'appName' | 'userId' | 'sessionId' | 'seq'>;

export function toLine({ session, appState, userState, events }: LoadedSession): SessionLine {
  const { appName, userId, id, createTime, updateTime, state } = session;
  const lines = events.map(({ appName: _, userId: __, sessionId: ___, seq: ____, ...event }) => event);
  return { appName, userId, id, createTime, updateTime, state, appState, userState, events: lines };
}
