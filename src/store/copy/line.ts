import { EVENT_COLUMNS, isJson } from '../codec/columns.js';
import type { SessionKey } from '../records.js';
import type { SessionStore } from '../session-store.js';
import type { EventPage, StoredChange, StoredEvent, StoredSession } from './transfer.js';

/** Members of an object in a line: a JSON text each, or `undefined` for one that is left out. */
type Members = Record<string, string | undefined>;

/**
 * A session as one line of JSON, with all that its database holds of it, and the states that it shares; `undefined` if there
 * is none. Times are milliseconds. JSON columns are in the line as they are stored, so that large integers keep their
 * digits. Columns without a value are left out. Several reads: a transaction of the caller makes them one moment.
 */
export async function exportLine(store: SessionStore, key: SessionKey): Promise<string | undefined> {
  const { transfer } = store.backend;
  const { appName, userId } = key;
  const app = await transfer.state({ appName, userId: undefined });
  const user = await transfer.state({ appName, userId });
  const shared = { appState: app?.state ?? '{}', userState: user?.state ?? '{}' };
  return await transfer.read(key, (session, pages) => lineOf(session, pages, shared));
}

async function lineOf(session: StoredSession, pages: AsyncIterable<EventPage>, shared: Members): Promise<string> {
  const events: string[] = [];
  const archived: string[] = [];
  for await (const { rows, rewindKey } of pages) {
    if (rewindKey === undefined) for (const row of rows) events.push(object(membersOfEvent(row)));
    else for (const row of rows) archived.push(object({ rewindKey: json(rewindKey), ...membersOfEvent(row) }));
  }
  const { key, createTime, updateTime, revision, state, initialState, changes } = session;
  const line = object({
    appName: json(key.appName),
    userId: json(key.userId),
    id: json(key.sessionId),
    createTime: json(createTime),
    updateTime: json(updateTime),
    revision: json(revision),
    state,
    initialState: initialState ?? undefined,
    ...shared,
    events: list(events),
    changes: changes.length === 0 ? undefined : list(changes.map((change) => object(membersOfChange(change)))),
    archived: archived.length === 0 ? undefined : list(archived),
  });
  // JSON has line breaks between its tokens alone.
  return line.replace(/[\r\n]/g, ' ');
}

function membersOfEvent([seq, ...values]: StoredEvent): Members {
  const members: Members = { seq: json(seq) };
  for (const [at, column] of EVENT_COLUMNS.entries()) {
    const value = values[at];
    if (value !== null) members[column.field] = isJson(column) ? (value as string) : json(value);
  }
  return members;
}

function membersOfChange({ changeKey, seq, kind, value, removed, revision, time, undoneBy }: StoredChange): Members {
  return {
    changeKey: json(changeKey),
    seq: json(seq),
    kind: json(kind),
    value,
    removed: removed ?? undefined,
    revision: revision === null ? undefined : json(revision),
    time: json(time),
    undoneBy: undoneBy === null ? undefined : json(undoneBy),
  };
}

const json = (value: unknown): string => JSON.stringify(value);
const list = (items: readonly string[]): string => `[${items.join(',')}]`;

function object(members: Members): string {
  const texts = Object.entries(members).flatMap(([name, text]) => (text === undefined ? [] : `"${name}":${text}`));
  return `{${texts.join(',')}}`;
}
