import { createHash } from 'node:crypto';
import type { SessionKey } from '../records.js';
import type { Refusal } from './fate.js';
import type { EventPage, StoredChange, StoredSession, Transfer } from './transfer.js';

/** A session with its hash. */
interface Digest {
  revision: number;
  events: number;
  hash: string;
}

/**
 * Compares a session in both databases by a hash over all columns as JSON text. Internal keys and seqs are left out: a target may
 * number events anew, in the same order. Resolves to the number of events, or to the difference.
 */
export async function verifySession(from: Transfer, to: Transfer, key: SessionKey): Promise<number | Refusal> {
  const history = from.hasHistory && to.hasHistory;
  // Times as the target keeps them.
  const time = (ms: number) => to.keptTime(ms);
  const [source, target] = await Promise.all([digest(from, key, history, time), digest(to, key, history, time)]);
  if (source === undefined) return 0;
  if (target === undefined) return { reason: 'the target does not have it' };
  if (source.revision !== target.revision) return { reason: 'it has changed since it was copied' };
  if (source.events !== target.events) {
    return { reason: `the source has ${source.events} events, the target ${target.events}` };
  }
  return source.hash === target.hash ? source.events : { reason: 'the target has other content' };
}

async function digest(
  transfer: Transfer,
  key: SessionKey,
  history: boolean,
  time: (ms: number) => number,
): Promise<Digest | undefined> {
  return await transfer.read(key, (session, pages) => digestOf(session, pages, history, time));
}

/** `time`: converts a time to the precision of the database with which the session is compared. */
export async function digestOf(
  session: StoredSession,
  pages: Iterable<EventPage> | AsyncIterable<EventPage>,
  history: boolean,
  time: (ms: number) => number,
): Promise<Digest> {
  const { appName, userId, sessionId } = session.key;
  const { state, createTime, updateTime, revision, initialState, changes } = session;
  const hash = createHash('sha256');
  const add = (...values: unknown[]) => hash.update(`${JSON.stringify(values)}\n`);
  add(appName, userId, sessionId, state, time(createTime), time(updateTime), revision, initialState);
  if (history) for (const change of changes) add('change', ...contentOf(change, time));
  let events = 0;
  for await (const { rows, rewindKey } of pages) {
    if (rewindKey === undefined) events += rows.length;
    else if (!history) continue;
    for (const [, ...columns] of rows) add(rewindKey === undefined ? 'event' : 'archived', ...columns);
  }
  return { revision, events, hash: hash.digest('hex') };
}

/** A change without the keys and seqs of its database. */
function contentOf({ kind, value, removed, revision, time, undoneBy }: StoredChange, kept: (ms: number) => number) {
  const content = kind === 'rewind' ? { ...(JSON.parse(value) as object), marker: undefined, ended: undefined } : value;
  return [kind, content, removed, revision, kept(time), undoneBy !== null];
}
