import type { Pool } from 'aiosqlite';
import type { SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/store/backend.js';
import { nameOf, PreparedAppend } from '../../../src/store/prepare.js';
import { append } from '../../../src/store/sqlite/append/append.js';
import { Chain, inTurn } from '../../../src/store/sqlite/append/chain.js';
import { KnownIds, type Link } from '../../../src/store/sqlite/append/known-ids.js';
import type { Context } from '../../../src/store/sqlite/context.js';
import { eventCodec, KNOWN_AT, sqliteDialect } from '../../../src/store/sqlite/dialect.js';
import { Layout } from '../../../src/store/sqlite/layout.js';
import { databases } from '../../support/databases.js';
import { anotherStore, event, ids, key, makeStore } from '../fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
/** Knows nothing of what the first one has seen, as another process. */
let other: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
  other = anotherStore(pool);
  await store.createSession(key);
});

describe('appends in a row', () => {
  /** Each job that the store sends from now on, with the parameters as they are then. */
  function sentJobs(): { sql: string; params: unknown[] }[][] {
    const sent: { sql: string; params: unknown[] }[][] = [];
    const { batch } = pool;
    pool.batch = ((queries: { sql: string; params: unknown[] }[], options: never) => {
      sent.push(queries.map(({ sql, params }) => ({ sql, params: [...params] })));
      return batch.call(pool, queries as never, options);
    }) as never;
    return sent;
  }

  const verbs = (sent: ReturnType<typeof sentJobs>) =>
    sent.map((queries) => queries.map(({ sql }) => /^\w+/.exec(sql)?.[0] ?? ''));

  test('are two statements each, awaited or not', async () => {
    const sent = sentJobs();
    await store.appendEvent(event('a'));
    await Promise.all(['b', 'c', 'd'].map((id) => store.appendEvent(event(id))));
    expect(verbs(sent)).toEqual(Array(4).fill(['UPDATE', 'INSERT']));
    expect(ids(await store.getEvents(key))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('look back for an id that was appended before, also while that append is under way', async () => {
    const sent = sentJobs();
    const appended = await Promise.all(
      ['a', 'a', 'b'].map((id, at) => store.appendEvent(event(id, { author: `author ${at}` }))),
    );
    const events = await store.getEvents(key);
    expect(events.map(({ id, author }) => [id, author])).toEqual([
      ['a', 'author 1'],
      ['b', 'author 2'],
    ]);
    expect(appended.map(({ revision }) => revision)).toEqual([2, 3, 4]);
    expect(verbs(sent)[1]?.[0]).toBe('INSERT');
  });

  test('that another writer has overtaken are stored all the same, in the order of the calls', async () => {
    await store.appendEvent(event('a'));
    const calls = [
      other.appendEvent(event('x')),
      ...['b', 'c'].map((id) => store.appendEvent(event(id))),
      store.appendEvent(event('d'), undefined, { expectedRevision: 3 }).catch(({ code }) => code),
      store.appendEvent(event('e')),
    ];
    const ends = await Promise.all(calls);
    expect(ends[3]).toBe('ADK_STALE_SESSION');
    expect(ids(await store.getEvents(key))).toEqual(['a', 'x', 'b', 'c', 'e']);
  });

  test('that a full queue refuses are not stored; all others are, in the order of the calls', async () => {
    const narrow = anotherStore(on.pool({ synchronous: 'off', maxPending: 8 }));
    const calls: Promise<string | { code: string }>[] = [];
    for (let at = 0; at < 300; at += 1) {
      calls.push(
        narrow.appendEvent(event(`e${at}`)).then(
          () => `e${at}`,
          (error) => error,
        ),
      );
      if (at % 13 === 0) await new Promise(setImmediate);
    }
    const ends = await Promise.all(calls);
    const refused = ends.filter((end) => typeof end !== 'string').map(({ code }) => code);
    expect(new Set(refused)).toEqual(new Set(['ERR_QUEUE_FULL']));
    expect(ids(await store.getEvents(key))).toEqual(ends.filter((end) => typeof end === 'string'));
  });

  test('look back from what they know, also after one that was refused', async () => {
    const { seq } = await store.appendEvent(event('a'));
    await other.appendEvent(event('x'));
    const sent = sentJobs();
    await store.appendEvent(event('b'));
    await store.appendEvent(event('c'));
    expect(verbs(sent)).toEqual([
      ['UPDATE', 'INSERT'],
      ['INSERT', 'UPDATE'],
      ['INSERT', 'UPDATE', 'SELECT'],
    ]);
    expect(sent[1]?.[0]?.params[KNOWN_AT.knownSeq]).toBe(seq);
    expect(sent[2]?.[2]?.params[3]).toBe(seq);
    expect(ids(await store.getEvents(key))).toEqual(['a', 'x', 'b', 'c']);
  });

  test('find a session that was deleted or created again meanwhile', async () => {
    await store.appendEvent(event('a'));
    await other.deleteSession(key);
    await expect(store.appendEvent(event('b'))).rejects.toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    await other.createSession(key);
    await store.appendEvent(event('b'));
    expect(ids(await store.getEvents(key))).toEqual(['b']);
  });

  test('find an event that was stored without raising the revision', async () => {
    await store.appendEvent(event('a'));
    await pool.run(`INSERT INTO adk_events (session_key, id, session_id, app_name, user_id, invocation_id, author, actions, timestamp)
      SELECT session_key, 'b', session_id, app_name, user_id, invocation_id, 'raw', actions, timestamp FROM adk_events`);
    await store.appendEvent(event('b', { author: 'own' }));
    const events = await store.getEvents(key);
    expect(events.map(({ id, author }) => [id, author])).toEqual([
      ['a', 'user'],
      ['b', 'own'],
    ]);
  });

  test('find a session of another name under the key that they know, as after a restored backup', async () => {
    await pool.run("UPDATE adk_sessions SET id = 'of another'");
    await expect(store.appendEvent(event('a'))).rejects.toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    expect(await pool.get('SELECT count(*) AS events FROM adk_events')).toEqual({ events: 0 });
  });
});

test('whatever others do meanwhile, events of a session are stored once and in the order of the calls', async () => {
  await pool.exec(`CREATE TRIGGER fails BEFORE INSERT ON adk_events WHEN NEW.id LIKE 'fail%'
    BEGIN SELECT RAISE(ABORT, 'made to fail'); END`);
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom(
        'append',
        'append',
        'shared',
        'app',
        'many',
        'again',
        'fail',
        'other',
        'state',
        'own',
        'stale',
      ),
      waits: fc.constantFrom('not', 'not', 'not', 'turn', 'all'),
    }),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      await other.deleteSession(key);
      await store.createSession(key);
      const appended: string[] = [];
      let sent: Promise<unknown>[] = [];
      let state: number | undefined;
      let appState: number | undefined;
      sent.push(store.updateAppState('app', { own: undefined }));
      for (const [at, { what, waits }] of list.entries()) {
        const id = what === 'again' && appended.length > 0 ? (appended.at(-1) as string) : `e${at}`;
        const expected = what === 'stale' ? { expectedRevision: 1_000 } : {};
        if (what === 'append' || what === 'again' || what === 'shared') {
          if (!appended.includes(id)) appended.push(id);
          if (what === 'append') state = at;
          if (what === 'shared') appState = at;
          const scope = what === 'append' ? 'session' : 'app';
          sent.push(store.appendEvent(event(id), what === 'again' ? {} : { [scope]: { own: at } }));
        }
        if (what === 'app') {
          appState = at;
          sent.push(store.updateAppState('app', { own: at }));
        }
        if (what === 'fail' || what === 'stale') {
          sent.push(expect(store.appendEvent(event(`fail${at}`), undefined, expected)).rejects.toThrow());
        }
        if (what === 'many') {
          appended.push(id);
          sent.push(store.appendEvents([event(id)]));
        }
        if (what === 'own') {
          state = at;
          sent.push(store.mergeSessionState(key, { own: at }));
        }
        if (what === 'other') sent.push(other.appendEvent(event(`f${at}`)));
        if (what === 'state') sent.push(other.mergeSessionState(key, { at }));
        if (waits === 'turn') await new Promise(setImmediate);
        if (waits === 'all') {
          await Promise.all(sent);
          sent = [];
        }
      }
      await Promise.all(sent);
      const stored = ids(await store.getEvents(key));
      expect(stored.filter((id) => id.startsWith('e'))).toEqual(appended);
      const writes = list.filter(({ what }) => !['fail', 'stale', 'app'].includes(what)).length;
      const session = await store.getSession(key);
      expect(session?.revision).toBe(1 + writes);
      expect(session?.state.own).toBe(state);
      expect((await store.getAppState('app')).own).toBe(appState);
    }),
    { numRuns: 150 },
  );
});

test('appends that wait go on, although their session is forgotten meanwhile', async () => {
  const known = new KnownIds({ chains: true });
  const name = nameOf(key);
  known.created(key, 7, 1);
  const link = known.link(name, 'a', null, undefined) as Link;
  const order: string[] = [];
  const context = {
    known,
    sql: new Layout({}).sql,
    db: {
      batch: async (queries: { params: unknown[] }[]) => {
        order.push(String(queries[0]?.params[6]));
        return [
          { rows: [[1, 7]], changes: 1, lastInsertRowid: 1 },
          { rows: [[2]], changes: 1, lastInsertRowid: 0 },
        ];
      },
    },
  } as unknown as Context;
  const backend = { dialect: sqliteDialect, events: eventCodec } as Backend;
  const others = ['x', 'y', 'z'].map((id) => {
    const prepared = new PreparedAppend(backend, event(id));
    prepared.condition = { kind: 'after', ifStale: 'reject', eventId: null };
    return append(context, prepared);
  });
  known.created(key, 8, 1);
  expect(order).toEqual([]);
  known.linked(link, 'a', 1);
  await Promise.all(others);
  expect(order).toEqual(['x', 'y', 'z']);
});

describe('Chain', () => {
  test('tells each append what the one before leaves, until one does not fit', () => {
    const chain = new Chain(7);
    expect(chain.fits(6)).toBe(false);
    expect(chain.fits(7)).toBe(true);
    expect([chain.add('a'), chain.add('b')]).toEqual([
      { revision: 7, lastId: null },
      { revision: 8, lastId: 'a' },
    ]);
    chain.end(8, 'a');
    chain.end(9, 'b');
    expect(chain.fits(undefined)).toBe(true);
    chain.addOther();
    expect(chain.fits(undefined)).toBe(false);
    chain.endOther(10, 'c');
    expect(chain.add('d')).toEqual({ revision: 10, lastId: 'c' });
  });

  test('lets those that do not fit go in their order, after its end', async () => {
    const chain = new Chain(7);
    const order: string[] = [];
    const sendOther = async (name: string) => {
      await inTurn(
        [chain],
        true,
        () => undefined,
        async () => {
          order.push(name);
          chain.addOther();
        },
      );
    };
    chain.add('a');
    const others = ['x', 'y'].map(sendOther);
    expect(chain.fits(undefined)).toBe(false);
    await Promise.resolve();
    expect(order).toEqual([]);
    chain.end(8, 'a');
    others.push(sendOther('z'));
    await Promise.all(others);
    expect(order).toEqual(['x', 'y', 'z']);
  });
});
