import { type EventRecord, isJsonObject, type JsonObject, type SessionKey } from '../../records.js';
import { unreadable } from '../errors.js';
import type { TextInput } from '../input.js';
import type { Format, Item, ReadOptions } from '../source.js';
import { parseJson } from './json.js';

/** Lines of JSON as `aiosqlite export` writes them. Every other text is taken for them, too: its first line says what is wrong. */
export const jsonLines: Format<TextInput> = {
  name: 'aiosqlite',
  kind: 'text',
  recognizes: ({ document }) => document === undefined,
  async open(input, options) {
    const { first, firstNumber } = input.lines;
    // Before anything is made for what is no export at all.
    if (first !== '') parseLine(first, firstNumber);
    return { timezone: null, items: readLines(input, options) };
  },
};

async function* readLines({ lines }: TextInput, { app }: ReadOptions): AsyncGenerator<Item, void> {
  for await (const { line, number } of lines.numbered()) {
    const { appName, userId, id, state, appState, userState, createTime, updateTime, events } = parseLine(line, number);
    if (app !== undefined && appName !== app) continue;
    const key: SessionKey = { appName, userId, sessionId: id };
    const table = 'adk_sessions';
    yield { kind: 'state', table: 'adk_app_states', appName, state: appState };
    yield { kind: 'state', table: 'adk_user_states', appName, userId, state: userState };
    const records = events.map((event) => ({ ...event, ...key }) as unknown as EventRecord);
    const times = { createTime, updateTime };
    yield { kind: 'session', table, eventTable: 'adk_events', key, state, ...times, isWhole: true, events: records };
  }
}

/** A session as one line. */
interface SessionLine {
  appName: string;
  userId: string;
  id: string;
  createTime: number;
  updateTime: number;
  state: JsonObject;
  appState: JsonObject;
  userState: JsonObject;
  events: JsonObject[];
}

/** Fails with the number of the line, never with its content. */
function parseLine(text: string, number: number): SessionLine {
  const wrong = (why: string) => unreadable(`line ${number} is no exported session: ${why}`);
  const line = parseJson(text);
  if (line === undefined) throw wrong('it is not JSON');
  if (!isJsonObject(line)) throw wrong('it is no object');
  for (const name of ['appName', 'userId', 'id']) if (typeof line[name] !== 'string') throw wrong(`${name} is no text`);
  for (const name of ['createTime', 'updateTime']) {
    if (typeof line[name] !== 'number') throw wrong(`${name} is no number`);
  }
  for (const name of ['state', 'appState', 'userState']) {
    if (!isJsonObject(line[name])) throw wrong(`${name} is no object`);
  }
  if (!Array.isArray(line.events) || !line.events.every(isJsonObject)) throw wrong('events is no list of objects');
  return line as unknown as SessionLine;
}
