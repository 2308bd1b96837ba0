import { SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { describePostgres, postgres } from '../../support/postgres.js';
import { event } from '../fixtures.js';
import { copySessions, fill, key } from './fixtures.js';

const on = databases();
let files = 0;
async function sqlite(): Promise<SessionStore> {
  const store = new SessionStore(on.pool({ database: on.file(`history-${files++}.db`) }));
  await store.createTables();
  return store;
}

const session = key('told');

/** Events `e1` to `e6`, state set without an event, then a rewind to the point before `e4`. */
async function tell(store: SessionStore, mode: 'remove' | 'mark' = 'remove'): Promise<void> {
  await store.createSession({ ...session, state: { first: true } });
  for (let i = 1; i <= 6; i++) {
    await store.appendEvent(event(`e${i}`, { ...session, invocationId: `i${i}` }), {
      session: { last: i, [`k${i}`]: i },
    });
    if (i === 2) await store.updateSessionState(session, { replaced: true });
  }
  await store.rewind(session, { beforeInvocationId: 'i4' }, { mode });
}

/** A full target, whose seqs and keys of changes are taken. */
async function busy(make: () => Promise<SessionStore>): Promise<SessionStore> {
  const store = await make();
  await fill(store);
  await store.createSession(key('rewound'));
  for (let i = 0; i < 40; i++) await store.appendEvent(event(`r${i}`, { ...key('rewound'), invocationId: `r${i}` }));
  await store.rewind(key('rewound'), { beforeInvocationId: 'r2' });
  return store;
}

function suite(source: () => Promise<SessionStore>, target: () => Promise<SessionStore>): void {
  test('gives the same state at every point', async () => {
    const [from, to] = [await source(), await target()];
    await tell(from);
    const copied = await copySessions(from, to, { verify: true });
    expect(copied).toMatchObject({ refused: [], verified: { sessions: 1 } });
    const [there, here] = [await to.getEvents(session), await from.getEvents(session)];
    expect(there.map(({ id }) => id)).toEqual(here.map(({ id }) => id));
    for (const [at, { seq }] of there.entries()) {
      expect(await to.stateAt(session, Number(seq))).toEqual(await from.stateAt(session, Number(here[at]!.seq)));
    }
  });

  test('undoes its rewind there, which brings the archived events back in their order', async () => {
    const [from, to] = [await source(), await target()];
    await tell(from);
    await copySessions(from, to);
    const [one, two] = [await from.undoRewind(session), await to.undoRewind(session)];
    expect(two.restored).toBe(one.restored);
    const ids = async (store: SessionStore) => (await store.getEvents(session)).map(({ id }) => id);
    expect(await ids(to)).toEqual(await ids(from));
    expect(await ids(to)).toEqual(['e1', 'e2', 'e3', 'e4', 'e5', 'e6']);
    expect((await to.getSession(session))?.state).toEqual((await from.getSession(session))?.state);
  });

  test('undoes a rewind that is a marker', async () => {
    const [from, to] = [await source(), await target()];
    await tell(from, 'mark');
    expect((await copySessions(from, to, { verify: true })).refused).toEqual([]);
    expect((await to.undoRewind(session)).restored).toBe((await from.undoRewind(session)).restored);
    expect((await to.loadSession(session))?.session.state).toEqual((await from.getSession(session))?.state);
  });

  test('new events follow the archived ones, so that an undo after a new copy still works', async () => {
    const [from, to] = [await source(), await target()];
    await tell(from);
    await copySessions(from, to);
    await to.createSession(key('other'));
    await to.appendEvents(Array.from({ length: 10 }, (_, i) => event(`o${i}`, key('other'))));
    expect((await to.undoRewind(session)).restored).toBeGreaterThan(0);
  });

  test('a copy of a session whose rewind was undone in the meantime has no archive', async () => {
    const [from, to] = [await source(), await target()];
    await tell(from);
    await copySessions(from, to);
    await from.undoRewind(session);
    expect((await copySessions(from, to, { verify: true })).refused).toEqual([]);
    await expect(to.undoRewind(session)).rejects.toMatchObject({ code: 'ADK_POINT_NOT_FOUND' });
  });
}

describe('the history of a session, copied', () => {
  describe('to a new file', () => suite(sqlite, sqlite));
  describe('to a file with sessions of its own', () => suite(sqlite, () => busy(sqlite)));

  describePostgres('with PostgreSQL', () => {
    const at = postgres();
    const store = () => at.store() as Promise<SessionStore>;
    describe('from SQLite', () => suite(sqlite, store));
    describe('from SQLite to a database with sessions of its own', () => suite(sqlite, () => busy(store)));
    describe('to SQLite', () => suite(store, sqlite));
    describe('to a file with sessions of its own', () => suite(store, () => busy(sqlite)));
    describe('to PostgreSQL', () => suite(store, store));
  });
});
