import { SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/store/backend.js';
import { databases } from '../../support/databases.js';
import { describePostgres, divide, postgres } from '../../support/postgres.js';
import { event } from '../fixtures.js';
import { contentOf, copySessions, counts, expectEqual, fill, HARD, key } from './fixtures.js';

const on = databases();
let files = 0;
async function sqlite(): Promise<SessionStore> {
  const store = new SessionStore(on.pool({ database: on.file(`copy-${files++}.db`) }));
  await store.createTables();
  return store;
}

const EVENTS = 3 * HARD.length;

function suite(source: () => Promise<SessionStore>, target: () => Promise<SessionStore>): void {
  test('the copy equals the source in every field, and --verify finds it equal', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    const copied = await copySessions(from, to, { verify: true });
    expect(counts(copied)).toEqual({ copied: 4, unchanged: 0, deleted: 0, events: EVENTS });
    expect(copied).toMatchObject({ refused: [], verified: { sessions: 4, events: EVENTS } });
    await expectEqual(from, to);
  });

  test('a second copy finds nothing to do, and a later one brings what has changed since', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    await copySessions(from, to);
    expect(counts(await copySessions(from, to))).toEqual({ copied: 0, unchanged: 4, deleted: 0, events: 0 });

    const changed = key('s0', 'user-0');
    await from.appendEvent(event('new', changed), { session: { late: 1 }, user: { tone: 'cool' } });
    await from.createSession(key('another'));
    const copied = await copySessions(from, to, { verify: true });
    expect(counts(copied)).toEqual({ copied: 2, unchanged: 3, deleted: 0, events: HARD.length + 1 });
    expect(copied.refused).toEqual([]);
    await expectEqual(from, to);
  });

  test('sessions go on in the target as they would have in the source', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    await copySessions(from, to);
    const session = key('s0', 'user-0');
    const before = await to.getEvents(session);
    const { revision } = (await from.getSession(session))!;
    await to.appendEvent(event('e1', { ...session, author: 'again' }), undefined, { expectedRevision: revision });
    await to.appendEvent(event('next', session));
    const after = await to.getEvents(session);
    expect(after.map(({ id }) => id)).toEqual([...before.map(({ id }) => id), 'next']);
    expect(after[1]).toMatchObject({ id: 'e1', author: 'again' });
  });

  test('sessions deleted from the source go from the target, if the copy has brought them', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    await to.createSession({ ...key('own'), state: { own: true } });
    await copySessions(from, to);
    await from.deleteSession(key('s0', 'user-0'));
    expect(counts(await copySessions(from, to))).toEqual({ copied: 0, unchanged: 3, deleted: 1, events: 0 });
    expect(await to.getSession(key('s0', 'user-0'))).toBeUndefined();
    expect(await to.getEvents(key('s0', 'user-0'))).toEqual([]);
    expect(await to.getSession(key('own'))).toMatchObject({ state: { own: true } });
  });

  test('a session that was created again replaces its former copy', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    await copySessions(from, to);
    await from.deleteSession(key('s0', 'user-0'));
    await from.createSession({ ...key('s0', 'user-0'), state: { second: true } });
    expect(counts(await copySessions(from, to))).toMatchObject({ copied: 1, unchanged: 3, deleted: 0 });
    await expectEqual(from, to);
  });

  test('sessions that the target has changed, or has from elsewhere, stay and are named', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    await to.createSession({ ...key('empty'), state: { own: true } });
    await copySessions(from, to);
    await to.appendEvent(event('own', key('s1', 'user-1')));
    await from.appendEvent(event('lost?', key('s1', 'user-1')));
    const { refused, sessions } = await copySessions(from, to);
    expect(sessions).toEqual({ copied: 0, unchanged: 2, deleted: 0 });
    expect(refused.sort((a, b) => (a.row < b.row ? -1 : 1))).toEqual([
      { table: 'adk_sessions', row: 'empty', reason: 'the target has another session with this id' },
      { table: 'adk_sessions', row: 's1', reason: 'the target has changed it since it was copied' },
    ]);
    expect((await to.getEvents(key('s1', 'user-1'))).at(-1)?.id).toBe('own');
    expect(await to.getSession(key('empty'))).toMatchObject({ state: { own: true } });
  });

  test('two sources keep apart: a copy deletes nothing that came from the other', async () => {
    const [one, two, to] = [await source(), await source(), await target()];
    await one.createSession(key('of-one'));
    await two.createSession({ ...key('of-two'), createTime: 1 });
    await copySessions(one, to);
    expect(counts(await copySessions(two, to))).toMatchObject({ copied: 1, deleted: 0 });
    expect(counts(await copySessions(one, to))).toMatchObject({ unchanged: 1, deleted: 0 });
    expect(await to.countSessions({ appName: 'shop' })).toBe(2);
  });

  test('a dry run tells what a copy would do, and writes nothing', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    const copied = await copySessions(from, to, { dryRun: true });
    expect(counts(copied)).toEqual({ copied: 4, unchanged: 0, deleted: 0, events: EVENTS });
    expect(await contentOf(to)).toEqual([]);
    await to.dropTables();
    expect(counts(await copySessions(from, to, { dryRun: true }))).toMatchObject({ copied: 4 });
    await expect(to.listApps()).rejects.toThrow();
  });

  test('verify names a session whose copy differs', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from);
    await copySessions(from, to);
    const { revision } = (await to.getSession(key('empty')))!;
    // A writer that raises no revision.
    const swapped = { a: 1 };
    await to.deleteSession(key('empty'));
    await to.createSession({ ...key('empty'), state: swapped });
    for (let i = 1; i < revision; i++) await to.updateSessionState(key('empty'), swapped);
    const { refused, verified } = await copySessions(from, to, { verify: true });
    expect(refused.map(({ row }) => row)).toEqual(['empty']);
    expect(verified).toEqual({ sessions: 3, events: EVENTS });
  });

  test('a source that is written to meanwhile is copied session by session, and a further pass brings the rest', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from, 20);
    let writing = true;
    const session = key('s7', 'user-1');
    const writer = (async () => {
      for (let n = 0; writing; n++) await from.appendEvent(event(`live-${n}`, session), { session: { n } });
    })();
    const stop = new AbortController();
    let passes = 0;
    const copying = copySessions(from, to, {
      follow: stop.signal,
      intervalMs: 1,
      verify: false,
      onProgress: ({ sessions, totalSessions }) => {
        if (sessions === totalSessions && ++passes === 12) {
          writing = false;
          void writer.then(() => stop.abort());
        }
      },
    });
    const copied = await copying;
    expect(copied.refused).toEqual([]);
    expect(copied.sessions.copied).toBeGreaterThan(21);
    expect((await copySessions(from, to, { verify: true })).verified).toMatchObject({ sessions: 21 });
    await expectEqual(from, to);
  });

  test('a session of many pages arrives whole', async () => {
    const [from, to] = [await source(), await target()];
    await from.createSession(key('long'));
    const events = Array.from({ length: 2_345 }, (_, i) => {
      return event(`e${i}`, { ...key('long'), content: { text: 'x'.repeat(i % 97 === 0 ? 60_000 : 50) } });
    });
    for (let at = 0; at < events.length; at += 500) await from.appendEvents(events.slice(at, at + 500));
    const copied = await copySessions(from, to, { verify: true });
    expect(copied).toMatchObject({ events: { copied: 2_345 }, verified: { sessions: 1, events: 2_345 } });
    await expectEqual(from, to);
  });

  test('an aborted copy ends between two sessions, and the next one goes on', async () => {
    const [from, to] = [await source(), await target()];
    await fill(from, 30);
    const stop = new AbortController();
    const copying = copySessions(from, to, {
      signal: stop.signal,
      onProgress: ({ sessions }) => void (sessions === 5 && stop.abort(new Error('enough'))),
    });
    await expect(copying).rejects.toThrow('enough');
    const { copied, unchanged } = (await copySessions(from, to)).sessions;
    expect(unchanged).toBeGreaterThanOrEqual(5);
    expect(copied + unchanged).toBe(31);
    await expectEqual(from, to);
  });
}

describe('SQLite to SQLite', () => {
  suite(sqlite, sqlite);

  test('seqs are kept in a new file, and given anew where they are taken', async () => {
    const [one, two, to] = [await sqlite(), await sqlite(), await sqlite()];
    await fill(one);
    await fill(two);
    await copySessions(one, to);
    const session = key('s1', 'user-1');
    expect((await to.getEvents(session)).map(({ seq }) => seq)).toEqual(
      (await one.getEvents(session)).map(({ seq }) => seq),
    );
    for (const { appName } of await to.listApps()) {
      for (const { userId, id } of await to.listSessions({ appName }))
        await to.deleteSession({ appName, userId, sessionId: id });
    }
    await to.createSession(key('own'));
    await to.appendEvents(Array.from({ length: 40 }, (_, i) => event(`own${i}`, key('own'))));
    expect((await copySessions(two, to, { verify: true })).refused).toEqual([]);
    expect(await to.getEvents(key('own'))).toHaveLength(40);
  });
});

describePostgres('on PostgreSQL', () => {
  const at = postgres();
  const store = () => at.store() as Promise<SessionStore>;

  describe('SQLite to PostgreSQL', () => {
    suite(sqlite, store);

    test('seqs are kept', async () => {
      const [from, to] = [await sqlite(), await store()];
      await fill(from);
      await copySessions(from, to);
      for (const session of [key('s0', 'user-0'), key('s1', 'user-1')]) {
        expect((await to.getEvents(session)).map(({ seq }) => seq)).toEqual(
          (await from.getEvents(session)).map(({ seq }) => seq),
        );
      }
    });

    test('ids that PostgreSQL cannot hold are named before the first write', async () => {
      const [from, to] = [await sqlite(), await store()];
      await fill(from);
      await from.createSession(key('s\0'));
      await from.appendEvent(event('e'.repeat(801), key('empty')));
      await from.createSession({ ...key('x', 'u'.repeat(801)), user: { a: 1 } });
      const copying = copySessions(from, to);
      await expect(copying).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
      await expect(copying).rejects.toThrow(
        /adk_sessions "s\\u0000".*adk_sessions "x".*adk_events "eee.*adk_user_states "uuu/s,
      );
      expect(await contentOf(to)).toEqual([]);
      const { refused } = await copySessions(from, to, { dryRun: true });
      expect(refused.map(({ table }) => table)).toEqual([
        'adk_sessions',
        'adk_sessions',
        'adk_events',
        'adk_user_states',
      ]);
    });
  });
  describe('PostgreSQL to SQLite', () => suite(store, sqlite));
  describe('PostgreSQL to PostgreSQL', () => suite(store, store));

  test('a target whose tables have partitions takes new sessions and replaces older copies', async () => {
    const from = await sqlite();
    await fill(from);
    const schema = at.schema();
    const to = await at.store({ schema });
    await divide(at.pool(), schema, ['adk_sessions', 'adk_events', 'adk_rewound_events', 'adk_sessions_changes']);
    await to.createTables();
    expect(counts(await copySessions(from, to, { verify: true }))).toMatchObject({ copied: 4, events: EVENTS });
    const changed = key('s0', 'user-0');
    await from.deleteSession(changed);
    await from.createSession(changed);
    await from.appendEvent(event('second', changed));
    expect(counts(await copySessions(from, to, { verify: true }))).toMatchObject({ copied: 1, unchanged: 3 });
    await expectEqual(from, to);
  });

  test('a journey to PostgreSQL and back changes nothing', async () => {
    const [from, middle, to] = [await sqlite(), await store(), await sqlite()];
    await fill(from);
    await copySessions(from, middle);
    await copySessions(middle, to);
    await expectEqual(from, to);
  });
});

test('a session whose source is read again, behind the commit of its copy, counts as copied', async () => {
  const [from, to] = [await sqlite(), await sqlite()];
  const session = key('long');
  await from.createSession(session);
  // Longer than what is held of a session, so that the source is read while the target is written.
  const text = 'x'.repeat(100_000);
  for (let i = 0; i < 60; i++) {
    await from.appendEvent(event(`e${i}`, { ...session, content: { parts: [{ text }] } }));
  }
  const { backend } = from as unknown as { backend: Backend };
  const { transfer } = backend;
  const read = transfer.read.bind(transfer);
  let reads = 0;
  // As where the source's connection fails at the end of its transaction.
  transfer.read = async (of, use) => {
    reads += 1;
    await read(of, use);
    return await read(of, use);
  };
  Object.defineProperty(backend, 'transfer', { value: transfer });
  const copied = await copySessions(from, to);
  expect(reads).toBe(2);
  expect(counts(copied)).toEqual({ copied: 1, unchanged: 0, deleted: 0, events: 60 });
  await expectEqual(from, to);
});

test('a session of many pages, some of whose seqs the target has given to others, gets new ones', async () => {
  const [from, to] = [await sqlite(), await sqlite()];
  const [big, own] = [key('big'), key('own')];
  await from.createSession(big);
  await from.appendEvents(Array.from({ length: 700 }, (_, i) => event(`e${i}`, big)));
  await copySessions(from, to);
  await to.createSession(own);
  await to.appendEvent(event('own', own));
  await from.appendEvent(event('more', big));
  expect(await copySessions(from, to, { verify: true })).toMatchObject({ sessions: { copied: 1 }, refused: [] });
  const idsOf = async (store: SessionStore) => (await store.getEvents(big)).map(({ id }) => id);
  expect(await idsOf(to)).toEqual(await idsOf(from));
});

test('retention of a target knows the markers of sessions that come with lower seqs than it has looked at', async () => {
  const [from, to] = [await sqlite(), await sqlite()];
  const [told, own] = [key('told'), key('own')];
  const DAY = 86_400_000;
  const old = Date.now() - 10 * DAY;
  const shown = async (store: SessionStore) => (await store.loadSession(told))?.events.map(({ id }) => id);
  await to.createSession(own);
  for (let i = 0; i < 9; i++) await to.appendEvent(event(`o${i}`, { ...own, timestamp: old - DAY }));
  expect(await to.deleteOldEvents({ before: old })).toBe(9);
  await from.createSession(told);
  const add = (id: string, invocationId: string, timestamp: number, actions: object = {}) =>
    from.appendEvent(event(id, { ...told, invocationId, timestamp, actions: { stateDelta: {}, ...actions } }));
  await add('e1', 'i1', old);
  await add('e2', 'i2', old);
  await add('e3', 'i3', Date.now());
  await add('m', 'm', Date.now(), { rewindBeforeInvocationId: 'i2' });
  await add('e5', 'i5', Date.now());
  await copySessions(from, to);
  expect(await shown(to)).toEqual(['e1', 'e5']);
  expect(await to.deleteOldEvents({ before: old + DAY })).toBe(2);
  expect(await shown(to)).toEqual(['e5']);
});
