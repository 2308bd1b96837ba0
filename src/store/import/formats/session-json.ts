import { eventShape } from '../../codec/event-codec.js';
import { isJsonObject, type JsonObject, type SessionKey } from '../../records.js';
import { unreadable } from '../errors.js';
import type { TextInput } from '../input/input.js';
import type { Format, FoundEvent, Item, ReadOptions } from '../source.js';
import { camelCase, KEPT_BY_ADK_PYTHON } from '../values/casing.js';
import { asNumber, isText } from '../values/exact.js';
import { splitScopes } from '../values/scopes.js';
import { milliseconds, timeOf } from '../values/times.js';

const toCamelCase = camelCase(KEPT_BY_ADK_PYTHON);

/**
 * A session in JSON, or a list of sessions: as `adk run --save_session` and the web UI write them. ADK for JavaScript has
 * milliseconds and names in camel case; ADK for Python seconds, and names in either.
 */
export const sessionJson: Format<TextInput> = {
  name: 'session-json',
  kind: 'text',
  recognizes: ({ document }) => document !== undefined,
  async open({ document }, options) {
    const sessions = document === undefined || Array.isArray(document) ? (document ?? []) : [document];
    return { timezone: null, items: readSessions(sessions, options) };
  },
};

/** Whether a document is what this format reads. */
export function isSessionDocument(document: unknown): boolean {
  const sessions = Array.isArray(document) ? document : [document];
  const isSession = (value: unknown) => isJsonObject(value) && Array.isArray(value.events) && !('createTime' in value);
  return sessions.length > 0 && sessions.every(isSession);
}

async function* readSessions(sessions: JsonObject[], options: ReadOptions): AsyncGenerator<Item, void> {
  for (const [at, session] of sessions.entries()) {
    const key = keyOf(session, options, at);
    if (options.app !== undefined && key.appName !== options.app) continue;
    const { app, user, session: state } = splitScopes(isJsonObject(session.state) ? session.state : {});
    const table = 'session';
    const { appName, userId } = key;
    if (Object.keys(app).length > 0) yield { kind: 'state', table, appName, state: app };
    if (Object.keys(user).length > 0) yield { kind: 'state', table, appName, userId, state: user };
    const events = (session.events as unknown[]).map((event, number) => eventOf(key, event, number));
    const times = events.flatMap((event) => ('timestamp' in event ? [event.timestamp] : []));
    const updateTime = timeOf(asNumber(session.lastUpdateTime ?? session.last_update_time)) ?? times.at(-1) ?? 0;
    const createTime = times[0] ?? updateTime;
    yield { kind: 'session', table, eventTable: 'events', key, state, createTime, updateTime, isRewound: true, events };
  }
}

function keyOf(session: JsonObject, { app }: ReadOptions, at: number): SessionKey {
  const text = (name: string, value: unknown): string => {
    if (isText(value)) return value;
    throw unreadable(`session ${at + 1} has no ${name}${name === 'appName' ? ': name its app with --app' : ''}`);
  };
  return {
    appName: text('appName', session.appName ?? session.app_name ?? app),
    userId: text('userId', session.userId ?? session.user_id ?? 'user'),
    sessionId: text('id', session.id),
  };
}

function eventOf(key: SessionKey, event: unknown, number: number): FoundEvent {
  const refused = (reason: string) => ({ table: 'events', row: `event ${number + 1}`, reason });
  if (!isJsonObject(event)) return refused('it is no object');
  if (!isText(event.id)) return refused('it has no id');
  const time = asNumber(event.timestamp);
  if (typeof time !== 'number') return refused('it has no time');
  const converted = isSnakeCase(event) ? toCamelCase(event) : { ...event };
  converted.timestamp = milliseconds(time);
  return eventShape.recordOf(converted, key);
}

/** Fields that every event of ADK for Python has in one of two cases; those of one word say nothing. */
function isSnakeCase(event: JsonObject): boolean {
  if ('invocationId' in event) return false;
  if ('invocation_id' in event) return true;
  return Object.keys(event).some((name) => name.includes('_'));
}
