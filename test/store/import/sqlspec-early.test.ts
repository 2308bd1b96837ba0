/** Files that the real services of SQLSpec 0.41 and 0.45 have written: fixtures/sqlspec-early.py. */
import { SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, MemoryStore, type SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { makeStore } from '../fixtures.js';
import { actions, at, common, contentsOf, fixture, plain, s1, text } from './support.js';

const on = databases();
let pool: ReturnType<typeof on.pool>;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ database: on.file('target.db') });
  store = await makeStore(pool);
});

const REFUSED = {
  table: 'adk_events',
  row: 'e3',
  reason:
    "its actions can't be read (REDUCE at byte 47: posix.system is none of the types that are read); their bytes are kept as pickledActions",
};
const PICKLED = Buffer.from(
  '\x80\x04\x95\x27\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x0cecho hostile\x94\x85\x94R\x94.',
  'latin1',
).toString('base64');

/** What differs between the versions: 0.41 pickled actions, and did not apply their state to the session. */
const VERSIONS = [
  {
    version: '0.41',
    format: 'sqlspec-0.27',
    refused: [REFUSED],
    state: { first: 1, 'app:theme': 'dark', 'user:name': 'Ada' },
    values: { big: 2 ** 60, when: '2025-01-02T03:04:05Z', tags: [7], raw: '-_8=', price: '1.10' },
    last: { pickledActions: PICKLED },
    hasBigState: false,
  },
  {
    version: '0.45',
    format: 'sqlspec-0.42',
    refused: [],
    state: { first: 1, 'app:theme': 'light', 'user:name': 'Ada', big: 2 ** 60, lost: 1 },
    values: { big: 2 ** 60 },
    last: { actions: { ...actions, stateDelta: { lost: 1 } } },
    hasBigState: true,
  },
];

describe.each(VERSIONS)(
  'a file of SQLSpec $version',
  ({ version, format, refused, state, values, last, hasBigState }) => {
    const EVENTS = [
      { ...common, id: 'e0', timestamp: at('2025-05-01T10:00:01.123'), content: text('hello'), actions },
      {
        id: 'e1',
        invocationId: 'i1',
        author: 'agent',
        branch: 'root.child',
        timestamp: at('2025-05-01T10:00:02'),
        content: { role: 'model', parts: [{ functionCall: { id: 'f1', name: 'look_up', args: { snake_key: 1 } } }] },
        partial: false,
        turnComplete: true,
        interrupted: false,
        errorCode: 'E1',
        errorMessage: 'went wrong',
        longRunningToolIds: ['f1'],
        groundingMetadata: { webSearchQueries: ['tea'] },
        customMetadata: { my_key: { a_b: 1 } },
        actions: {
          ...actions,
          stateDelta: { 'app:theme': 'light', ...values },
          artifactDelta: { 'a_b.txt': 0 },
          escalate: true,
        },
      },
      { ...common, id: 'e2', timestamp: at('2025-05-01T10:00:02'), content: text('at the same time'), actions },
      { ...common, id: 'e3', timestamp: at('2025-05-01T10:00:03.500'), content: text('unreadable'), ...last },
    ];
    const counts = (name: 'converted' | 'unchanged') => {
      const of = (number: number) => ({ converted: 0, unchanged: 0, [name]: number });
      return {
        sessions: { read: 3, refused: 0, ...of(3) },
        events: { read: 5, refused: refused.length, ...of(5 - refused.length) },
        memory: { read: 1, refused: 0, ...of(1) },
      };
    };

    test('comes out with every field, with memory, and stays as it was', async () => {
      const file = fixture(`sqlspec-${version}.db`, on.file('source'));
      const before = contentsOf(on.file('source'));
      expect(await importSessions(file, store)).toEqual({ format, timezone: null, ...counts('converted'), refused });
      expect(contentsOf(on.file('source'))).toEqual(before);

      const service = new SqliteSessionService(store);
      expect(plain(await service.getSession(s1))).toEqual({
        id: 's1',
        appName: 'shop',
        userId: 'ada',
        state,
        lastUpdateTime: at('2025-05-02T10:00:00.250'),
        events: EVENTS,
      });
      expect(await store.getSession(s1)).toMatchObject({ createTime: at('2025-05-01T10:00:00.250') });
      const s2 = await service.getSession({ appName: 'shop', userId: 'bob', sessionId: 's2' });
      // State of the app is in the first session's own, where SQLSpec had it.
      expect(s2).toMatchObject({ state: { n: 1.5 }, events: [] });
      expect(await store.getEvents({ appName: 'other', userId: 'eve', sessionId: 's3' })).toMatchObject([{ id: 'e4' }]);
      const [entry] = await new MemoryStore(pool).search({ appName: 'shop', userId: 'ada', query: 'tea' });
      expect(entry).toMatchObject({
        id: 'm1',
        sessionId: 's1',
        eventId: 'e0',
        author: 'user',
        scope: 'user',
        timestamp: at('2025-05-01T10:00:01'),
        content: text('Ada likes tea'),
        customMetadata: { my_key: 1 },
      });
      expect(await importSessions(file, store)).toEqual({ format, timezone: null, ...counts('unchanged'), refused });
    });

    test('keeps the digits of integers beyond 2^53', async () => {
      await importSessions(fixture(`sqlspec-${version}.db`, on.file('source')), store);
      const db = await on.connect({}, on.file('target.db'));
      const digits = (from: string) => db.get<{ text: string }>(`SELECT json_extract(${from}) || '' AS text`);
      if (hasBigState) {
        expect(await digits("(SELECT state FROM adk_sessions WHERE id = 's1'), '$.big'")).toEqual({
          text: '1152921504606846977',
        });
      } else {
        expect(await digits("(SELECT actions FROM adk_events WHERE id = 'e1'), '$.stateDelta.big'")).toEqual({
          text: '1152921504606846977',
        });
      }
    });

    test('gives only the app that is asked for', async () => {
      const file = fixture(`sqlspec-${version}.db`, on.file('source'));
      const report = await importSessions(file, store, { app: 'other' });
      expect(report).toMatchObject({ sessions: { read: 1 }, events: { read: 1 }, refused: [] });
      expect(await store.listApps()).toMatchObject([{ appName: 'other' }]);
    });
  },
);
