import { SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { nameOf } from '../../../src/store/prepare.js';
import { ID_SEPARATOR } from '../../../src/store/sqlite/append/id-set.js';
import { FETCH_IDS, type FetchedIds, KnownIds } from '../../../src/store/sqlite/append/known-ids.js';
import { databases } from '../../support/databases.js';
import { event, makeStore, key as stored } from '../fixtures.js';

const key = { appName: 'app', userId: 'user', sessionId: 'session' };
const name = nameOf(key);

type SeqAndId = [seq: number, id: string];

/** Ids as an append fetches them. */
function fetched(...events: SeqAndId[]): FetchedIds {
  const [lastSeq, lastId] = events.at(-1) ?? [0, 'null'];
  return { count: events.length, lastSeq, lastId, ids: events.map(([, id]) => id).join(ID_SEPARATOR) };
}

describe('KnownIds', () => {
  test('knows nothing of a session at first, and asks for its ids once', () => {
    const known = new KnownIds();
    expect(known.assume(name, 'a')).toMatchObject({ sessionNumber: Number.NaN, knownSeq: 0, fetchAfter: 0 });
    expect(known.assume(name, 'b')).toMatchObject({ knownSeq: 0, fetchAfter: undefined });
  });

  test('knows all of a session that was created here, and follows its appends', () => {
    const known = new KnownIds();
    known.created(key, 7, 1);
    const first = known.assume(name, 'a');
    expect(first).toMatchObject({ sessionNumber: 7, knownSeq: 0, fetchAfter: undefined });
    known.appended(first, 'a', { sessionNumber: 7, revision: 2, seq: 31 });
    expect(known.assume(name, 'b')).toMatchObject({ knownSeq: 31, knownId: 'a', isListed: false });
    expect(known.assume(name, 'a')).toMatchObject({ knownSeq: 0, isListed: true });
  });

  test('fetches after the last known seq when others have written', () => {
    const known = new KnownIds();
    known.created(key, 7, 1);
    known.appended(known.assume(name, 'a'), 'a', { sessionNumber: 7, revision: 2, seq: 31 });
    known.appended(known.assume(name, 'b'), 'b', { sessionNumber: 7, revision: 5, seq: 40 });
    const third = known.assume(name, 'c');
    expect(third).toMatchObject({ knownSeq: 31, fetchAfter: 31 });
    known.appended(third, 'c', { sessionNumber: 7, revision: 6, seq: 41 }, fetched([35, 'x'], [40, 'b'], [41, 'c']));
    expect(known.assume(name, 'd')).toMatchObject({ knownSeq: 41, knownId: 'c', fetchAfter: undefined });
    expect(known.assume(name, 'x')).toMatchObject({ isListed: true });
  });

  test('fetches a long session in parts, and looks back only beyond what it has', () => {
    const known = new KnownIds();
    const first = known.assume(name, 'new');
    const part = Array.from({ length: FETCH_IDS }, (_, at): SeqAndId => [at + 1, `e${at}`]);
    known.appended(first, 'new', { sessionNumber: 7, revision: 9_000, seq: 5_000 }, fetched(...part));
    expect(known.assume(name, 'next')).toMatchObject({ knownSeq: FETCH_IDS, fetchAfter: FETCH_IDS });
  });

  test('is not fooled by a session that was created again and has the next revision', () => {
    const known = new KnownIds();
    known.created(key, 7, 1);
    known.appended(known.assume(name, 'a'), 'a', { sessionNumber: 8, revision: 2, seq: 50 });
    expect(known.assume(name, 'b')).toMatchObject({ knownSeq: 0, fetchAfter: 0 });
  });

  test('forgets a session whose listed event turns out not to be there', () => {
    const known = new KnownIds();
    known.created(key, 7, 1);
    known.appended(known.assume(name, 'a'), 'a', { sessionNumber: 7, revision: 2, seq: 31 });
    const again = known.assume(name, 'a');
    known.appended(again, 'a', { sessionNumber: 7, revision: 3, seq: 32 });
    expect(known.assume(name, 'b')).toMatchObject({ sessionNumber: Number.NaN, fetchAfter: 0 });
  });

  test('forgets a session that is refused, also if it is so long that it is among the old ones at once', () => {
    const known = new KnownIds({ chains: true });
    known.created(key, 7, 1);
    for (let seq = 1; seq <= 999_990; seq += 1) {
      const link = known.link(name, `e${seq}`, 7, undefined);
      if (link) known.linked(link, `e${seq}`, seq);
    }
    const assumed = known.assume(name, 'new');
    expect(assumed.entry.ids.size).toBeGreaterThan(999_700);
    known.refused(assumed);
    expect(known.assume(name, 'new').sessionNumber).toBeNaN();
  });

  test('ignores a result for an entry that it has dropped since', () => {
    const known = new KnownIds();
    const old = known.assume(name, 'a');
    known.created(key, 9, 1);
    known.appended(old, 'a', { sessionNumber: 8, revision: 2, seq: 10 }, fetched([10, 'a']));
    expect(known.assume(name, 'b')).toMatchObject({ sessionNumber: 9, knownSeq: 0 });
  });

  test('stays bounded: sessions that were not appended to for long go first', () => {
    const known = new KnownIds();
    const many = 50_000;
    for (let at = 0; at < many; at += 1) known.created({ ...key, sessionId: `s${at}` }, at, 1);
    expect(known.assume(nameOf({ ...key, sessionId: 's0' }), 'a').sessionNumber).toBeNaN();
    expect(known.assume(nameOf({ ...key, sessionId: `s${many - 1}` }), 'a').sessionNumber).toBe(many - 1);
  });

  test('whatever happens, what it says to be unknown up to a seq is not there', () => {
    /** A stored session and writers of it, one of which remembers. */
    type Write = { own: boolean; id: number; pipelined: boolean };
    const writes = fc.array(fc.record({ own: fc.boolean(), id: fc.nat({ max: 12 }), pipelined: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(writes, (list: Write[]) => {
        const known = new KnownIds();
        const stored = new Map<string, number>();
        let revision = 1;
        let seq = 0;
        let waiting: (() => void)[] = [];
        for (const { own, id: number, pipelined } of list) {
          const id = `e${number}`;
          const assumed = own ? known.assume(name, id) : undefined;
          if (assumed && stored.has(id)) expect(assumed.knownSeq).toBeLessThan(stored.get(id) as number);
          if (!stored.has(id)) {
            seq += 1;
            stored.set(id, seq);
          }
          revision += 1;
          if (!assumed) continue;
          const found = { sessionNumber: 1, revision, seq: stored.get(id) as number };
          const after = assumed.fetchAfter;
          const later =
            after === undefined
              ? undefined
              : fetched(...[...stored].map(([key, at]): SeqAndId => [at, key]).filter(([at]) => at > after));
          waiting.push(() => known.appended(assumed, id, found, later));
          if (pipelined) continue;
          for (const arrive of waiting) arrive();
          waiting = [];
        }
      }),
    );
  });
});

describe('a store whose session another one has written', () => {
  const on = databases();

  test('fetches ids once, also if its appends replace the newest event, so that none follows', async () => {
    const pool = on.pool();
    const store = await makeStore(pool);
    await store.createSession(stored);
    for (const id of ['a', 'b']) await store.appendEvent(event(id));
    await new SessionStore(pool).mergeSessionState(stored, { x: 1 });
    const batch = vi.spyOn(pool, 'batch');
    for (let i = 0; i < 10; i += 1) await store.appendEvent(event('b'));
    const fetches = batch.mock.calls.filter(([queries]) => queries.some(({ sql }) => sql.includes('group_concat')));
    expect(fetches).toHaveLength(1);
  });
});

describe('nameOf()', () => {
  test('tells sessions apart however their parts are cut', () => {
    const part = fc.string({ unit: fc.constantFrom('a', ':', '1', '\u0000'), maxLength: 3 });
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (one, other) => {
        const [a, b] = [one, other].map(([appName, userId, sessionId]) => nameOf({ appName, userId, sessionId }));
        expect(a === b).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});
