import type { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/store/backend.js';
import type { EventPage, Present, StoredSession } from '../../../src/store/copy/transfer.js';
import { storedEvent } from '../../../src/store/import/target/stored-event.js';
import { databases } from '../../support/databases.js';
import { event, ids, key, makeStore } from '../fixtures.js';

const on = databases();
let store: SessionStore;
let transfer: Backend['transfer'];
beforeEach(async () => {
  store = await makeStore(on.pool());
  ({ transfer } = (store as unknown as { backend: Backend }).backend);
});

const createTime = 1_600_000_000_123;
const updateTime = 1_600_000_000_456;

const session = (state: object = { cart: ['tea'] }): StoredSession => ({
  key,
  sessionNumber: 0,
  createTime,
  updateTime,
  revision: 7,
  state: JSON.stringify(state),
  initialState: null,
  ownerId: null,
  lastSeq: 0,
  firstSeq: 0,
  endSeq: 0,
  changes: [],
});

/** Events without seqs, on pages of two. */
function pagesOf(...names: string[]): EventPage[] {
  const rows = names.map((id) => storedEvent(event(id)));
  return [{ rows: rows.slice(0, 2) }, { rows: rows.slice(2) }].filter(({ rows }) => rows.length > 0);
}

async function* later(pages: EventPage[]) {
  yield* pages;
}

const isNew = (present: Present | undefined) => present === undefined;

describe.each([
  ['pages in an array', (pages: EventPage[]) => pages],
  ['pages one after the other', later],
])('a session of another program, with %s,', (_, given) => {
  const write = (names: string[], decide: (present: Present | undefined) => boolean = isNew) =>
    transfer.write(session(), () => given(pagesOf(...names)), undefined, decide);

  test('is stored with its times, revision, state and events, in their order', async () => {
    expect(await write(['c', 'a', 'b'])).toBe(true);
    const loaded = await store.loadSession(key);
    expect(loaded?.session).toEqual({
      id: 's1',
      appName: 'app',
      userId: 'ada',
      state: { cart: ['tea'] },
      createTime,
      updateTime,
      revision: 7,
    });
    expect(ids(loaded!.events)).toEqual(['c', 'a', 'b']);
    expect(await store.countSessions({ appName: 'app' })).toBe(1);
  });

  test('goes on as any other', async () => {
    await write(['a', 'b']);
    await store.appendEvent(event('b', { author: 'again' }));
    const { revision } = await store.appendEvent(event('c'), undefined, { expectedRevision: 8 });
    expect(revision).toBe(9);
    expect(ids(await store.getEvents(key))).toEqual(['a', 'b', 'c']);
  });

  test('may have no events', async () => {
    expect(await write([])).toBe(true);
    await store.appendEvent(event('a'));
    expect(ids(await store.getEvents(key))).toEqual(['a']);
  });

  test('leaves a session that is there', async () => {
    await store.createSession({ ...key, state: { own: true } });
    await store.appendEvent(event('own'));
    const before = await store.loadSession(key);
    expect(await write(['a'])).toBe(false);
    expect(await store.loadSession(key)).toEqual(before);
  });

  test('replaces a session that it may replace', async () => {
    await store.createSession({ ...key, state: { own: true } });
    await store.appendEvent(event('own'));
    expect(await write(['a', 'b'], (present) => present?.revision === 2)).toBe(true);
    const after = await store.loadSession(key);
    expect(after?.session).toMatchObject({ state: { cart: ['tea'] }, createTime, updateTime, revision: 7 });
    expect(ids(after!.events)).toEqual(['a', 'b']);
    await store.appendEvent(event('a', { author: 'again' }));
    await store.appendEvent(event('own'));
    expect(ids(await store.getEvents(key))).toEqual(['a', 'b', 'own']);
  });

  test('is written once where many write it, and as one of them', async () => {
    const states = Array.from({ length: 8 }, (_, writer) => ({ writer }));
    const written = await Promise.all(
      states.map((state, at) =>
        transfer.write(session(state), () => given(pagesOf(`e${at}`, 'x', 'y')), undefined, isNew),
      ),
    );
    const winner = written.indexOf(true);
    expect(written.filter(Boolean)).toHaveLength(1);
    expect(await store.loadSession(key)).toMatchObject({ session: { state: { writer: winner } } });
    expect(ids(await store.getEvents(key))).toEqual([`e${winner}`, 'x', 'y']);
  });
});

test('pages that fail leave nothing', async () => {
  async function* failing() {
    yield* pagesOf('a', 'b');
    throw new Error('no more');
  }
  await expect(transfer.write(session(), failing, undefined, isNew)).rejects.toThrow('no more');
  expect(await store.getSession(key)).toBeUndefined();
  expect(await store.getEvents(key)).toEqual([]);
});
