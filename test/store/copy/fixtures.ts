import { type Copied, copySessions, type EventRecord, type LoadedSession, type SessionStore } from 'aiosqlite/store';
import { expect } from 'vitest';
import { event } from '../fixtures.js';

export const key = (sessionId: string, userId = 'ada', appName = 'shop') => ({ appName, userId, sessionId });

/** Fields that one database holds in columns and the other in notes, and JSON in all its forms. */
export const HARD: Partial<EventRecord>[] = [
  {},
  { author: 'U+0000 \0', errorMessage: 'lone \ud83d surrogate', timestamp: 1_700_000_000_000.125 },
  {
    timestamp: 9e15,
    branch: null as never,
    content: null as never,
    extra: { $row: { mine: true }, later: [1, { b: 2, a: 1 }] },
  },
  {
    content: { role: 'user', parts: [{ text: '\0\u0010\\u0000 \ud800 \u{1f600} ü "' }] },
    timestamp: 1_796_005_805_123.457,
  },
  {
    actions: { stateDelta: { gone: undefined, n: 1.5e300 }, unknown: { __proto__x: [null] } },
    longRunningToolIds: ['a'],
  },
  { partial: false, turnComplete: true, errorCode: '', groundingMetadata: {} },
  // The time of the last event is the session's, which PostgreSQL has to hold.
  { customMetadata: { '2': 'two', '1': 'one', z: 0 } },
];

/** Sessions of two apps with events of every kind, states and ties in time. */
export async function fill(store: SessionStore, sessions = 3): Promise<void> {
  for (let i = 0; i < sessions; i++) {
    const session = key(`s${i}`, `user-${i % 2}`, i % 3 === 2 ? 'other' : 'shop');
    await store.createSession({
      ...session,
      createTime: 1_600_000_000_000 + i,
      state: { n: i, kept: { '2': 2, '1': 1 } },
    });
    for (const [at, fields] of HARD.entries()) {
      await store.appendEvent(event(`e${at}`, { ...session, ...fields }), {
        session: { [`k${at}`]: at, gone: undefined },
      });
    }
  }
  await store.createSession({ ...key('empty'), app: { currency: 'EUR', nul: '\0' }, user: { tone: 'warm' } });
  await store.updateSessionState(key('empty'), { replaced: [true] });
}

/** Everything that a store says of all its sessions, but for internal keys. */
export async function contentOf(store: SessionStore): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const { appName } of await store.listApps()) {
    for (const { userId, id } of await store.listSessions({ appName, orderBy: 'createTime' })) {
      const loaded = (await store.loadSession({ appName, userId, sessionId: id })) as LoadedSession;
      all.push({ ...loaded, events: loaded.events.map((each) => ({ ...each, seq: 0 })) });
    }
  }
  return all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

export async function expectEqual(from: SessionStore, to: SessionStore): Promise<void> {
  expect(await contentOf(to)).toEqual(await contentOf(from));
}

export const counts = ({ sessions, events }: Copied) => ({ ...sessions, events: events.copied });

export { copySessions };
