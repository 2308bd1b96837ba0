import { membersOf } from '../../../codec/json-parts.js';
import { type EventRecord, isJsonObject, type JsonObject, type SessionKey } from '../../records.js';
import { unreadable } from '../errors.js';
import type { TextInput } from '../input/input.js';
import type { Format, Item, ReadOptions } from '../source.js';
import { isText } from '../values/exact.js';
import { parseJson } from './json.js';
import { readStoredLine, WrongLine } from './stored-line.js';

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
    const session = parseLine(line, number);
    const { appName, userId, appState, userState } = session;
    if (app !== undefined && appName !== app) continue;
    const members = membersOf(line);
    const item = session.revision === undefined ? ofEarlierExport(session) : stored(session, members);
    if (item.kind !== 'refused') {
      const [app, user] = [members.get('appState'), members.get('userState')];
      yield { kind: 'state', table: 'adk_app_states', appName, state: appState, text: app };
      yield { kind: 'state', table: 'adk_user_states', appName, userId, state: userState, text: user };
    }
    yield item;
  }
}

function stored({ appName, userId, id, events }: SessionLine, members: Map<string, string>): Item {
  const table = 'adk_sessions';
  try {
    return { kind: 'stored', table, ...readStoredLine(members, { appName, userId, sessionId: id }) };
  } catch (error) {
    if (!(error instanceof WrongLine)) throw error;
    return { kind: 'refused', of: 'sessions', table, row: id, reason: error.message, events: events.length };
  }
}

/** Earlier exports have no revision, no history, and events as an application reads them. */
function ofEarlierExport({ appName, userId, id, state, createTime, updateTime, events }: SessionLine): Item {
  const key: SessionKey = { appName, userId, sessionId: id };
  const records = events.map((event) => ({ ...event, ...key }) as unknown as EventRecord);
  const times = { createTime, updateTime };
  const tables = { table: 'adk_sessions', eventTable: 'adk_events' };
  return { kind: 'session', ...tables, key, state, ...times, isWhole: true, events: records };
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
  revision?: number;
  changes?: JsonObject[];
  archived?: JsonObject[];
}

/** Fails with the number of the line, never with its content. */
function parseLine(text: string, number: number): SessionLine {
  const wrong = (why: string) => unreadable(`line ${number} is no exported session: ${why}`);
  const line = parseJson(text);
  if (line === undefined) throw wrong('it is not JSON');
  if (!isJsonObject(line)) throw wrong('it is no object');
  for (const name of ['appName', 'userId', 'id']) if (!isText(line[name])) throw wrong(`${name} is no text`);
  for (const name of ['createTime', 'updateTime']) {
    if (typeof line[name] !== 'number') throw wrong(`${name} is no number`);
  }
  for (const name of ['state', 'appState', 'userState']) {
    if (!isJsonObject(line[name])) throw wrong(`${name} is no object`);
  }
  for (const name of ['events', 'changes', 'archived']) {
    const list = name === 'events' ? line[name] : (line[name] ?? []);
    if (!Array.isArray(list) || !list.every(isJsonObject)) throw wrong(`${name} is no list of objects`);
  }
  return line as unknown as SessionLine;
}
