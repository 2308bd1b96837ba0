import type { EventRecord, JsonObject, LoadedSession, SessionKey } from '../store/index.js';
import { Failure } from './failure.js';

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
export type EventLine = Omit<EventRecord, 'appName' | 'userId' | 'sessionId' | 'seq'>;

export function toLine({ session, appState, userState, events }: LoadedSession): SessionLine {
  const { appName, userId, id, createTime, updateTime, state } = session;
  const lines = events.map(({ appName: _, userId: __, sessionId: ___, seq: ____, ...event }) => event);
  return { appName, userId, id, createTime, updateTime, state, appState, userState, events: lines };
}

export function keyOf({ appName, userId, id }: Pick<SessionLine, 'appName' | 'userId' | 'id'>): SessionKey {
  return { appName, userId, sessionId: id };
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A line of an export. Fails with the number of the line, never with its content. */
export function parseLine(text: string, number: number): SessionLine {
  const wrong = (why: string) => new Failure(`line ${number} is no exported session: ${why}`);
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    throw wrong('it is not JSON');
  }
  if (!isObject(line)) throw wrong('it is no object');
  for (const name of ['appName', 'userId', 'id']) if (typeof line[name] !== 'string') throw wrong(`${name} is no text`);
  for (const name of ['createTime', 'updateTime']) {
    if (typeof line[name] !== 'number') throw wrong(`${name} is no number`);
  }
  for (const name of ['state', 'appState', 'userState']) if (!isObject(line[name])) throw wrong(`${name} is no object`);
  if (!Array.isArray(line.events) || !line.events.every(isObject)) throw wrong('events is no list of objects');
  return line as unknown as SessionLine;
}
