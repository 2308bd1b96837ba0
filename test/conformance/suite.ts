import { type BaseSessionService, createEvent, type Event, type Session, State } from '@google/adk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rejection } from '../support/rejection.js';

export interface Subject {
  service: BaseSessionService;
  close?: () => Promise<void>;
}

/**
 * What docs call the contract of a session service, as tests of any implementation. `differences` are the titles of those
 * that are known not to hold for it: they must fail, so that the list stays true.
 */
export function conformance(name: string, make: () => Promise<Subject>, differences: readonly string[] = []): void {
  const titles = new Set<string>();
  const differing = new Set(differences);
  const rule = (title: string, body: () => Promise<void>) => {
    if (titles.has(title)) throw new Error(`two rules are called "${title}"`);
    titles.add(title);
    (differing.has(title) ? test.fails : test)(title, body);
  };

  describe(name, () => {
    let subject: Subject;
    let service: BaseSessionService;
    beforeEach(async () => {
      subject = await make();
      service = subject.service;
    });
    afterEach(() => subject.close?.());

    const appName = 'app';
    const key = { appName, userId: 'ada', sessionId: 's1' };
    let clock = 1_700_000_000_000;
    const event = (id: string, fields: Parameters<typeof createEvent>[0] = {}): Event => {
      clock += 1;
      return createEvent({ id, invocationId: 'i1', author: 'user', timestamp: clock, ...fields });
    };
    const withDelta = (id: string, stateDelta: Record<string, unknown>) => event(id, { actions: { stateDelta } });
    const ids = (session: { events: Event[] } | undefined) => session?.events.map(({ id }) => id).join(' ');
    const load = async (config?: { numRecentEvents?: number; afterTimestamp?: number }) =>
      (await service.getSession(config ? { ...key, config } : key)) as Session;

    describe('a new session', () => {
      rule('has the id and the state that were given, and no events', async () => {
        const session = await service.createSession({ ...key, state: { a: 1, b: { c: [null] } } });
        expect(session).toEqual({
          id: 's1',
          appName,
          userId: 'ada',
          state: { a: 1, b: { c: [null] } },
          events: [],
          lastUpdateTime: expect.any(Number),
        });
        expect(Math.abs(session.lastUpdateTime - Date.now())).toBeLessThan(60_000);
        expect(await load()).toEqual(session);
      });

      rule('has an id of its own where none is given', async () => {
        const [one, other] = [
          await service.createSession({ appName, userId: 'ada' }),
          await service.createSession({ appName, userId: 'ada' }),
        ];
        expect(one.id).toMatch(/^[\w-]{8,}$/);
        expect(one.id).not.toBe(other.id);
      });

      rule('has exactly the ids that were given, white space and quotes too', async () => {
        for (const id of [' s ', '\t', "'; --", '"', 'a\u0000b', '\u{1f600}', '%']) {
          const odd = { appName: id, userId: id, sessionId: id };
          await service.createSession({ ...odd, state: { id } });
          expect(await service.getSession(odd)).toMatchObject({ id, appName: id, userId: id, state: { id } });
          expect(await service.getSession({ ...odd, sessionId: `${id} ` })).toBeUndefined();
        }
      });

      rule('that exists already is refused, and stays as it is', async () => {
        await service.createSession({ ...key, state: { first: true } });
        const error = await rejection(service.createSession({ ...key, state: { second: true } }));
        expect(error.message).toMatch(/already exists/);
        expect((await load()).state).toEqual({ first: true });
      });

      rule('splits its state by scope', async () => {
        await service.createSession({ ...key, state: { own: 1, 'app:all': 2, 'user:mine': 3 } });
        const other = await service.createSession({ ...key, sessionId: 's2', state: {} });
        expect(other.state).toEqual({ 'app:all': 2, 'user:mine': 3 });
        const another = await service.createSession({ ...key, userId: 'bob' });
        expect(another.state).toEqual({ 'app:all': 2 });
      });

      rule('drops temp keys of its initial state', async () => {
        const session = await service.createSession({ ...key, state: { a: 1, 'temp:t': 2 } });
        expect(session.state).toEqual({ a: 1 });
        expect((await load()).state).toEqual({ a: 1 });
      });

      rule('is independent of the objects that it was made from', async () => {
        const state = { list: [1] };
        await service.createSession({ ...key, state });
        state.list.push(2);
        expect((await load()).state).toEqual({ list: [1] });
      });
    });

    describe('getOrCreateSession()', () => {
      rule('finds a session that exists, with its events, and leaves its state alone', async () => {
        const session = await service.createSession({ ...key, state: { a: 1 } });
        await service.appendEvent({ session, event: event('e1') });
        const found = await service.getOrCreateSession({ ...key, state: { a: 2 } });
        expect(found).toMatchObject({ id: 's1', state: { a: 1 }, events: [{ id: 'e1' }] });
      });

      rule('creates one that does not exist, with or without an id', async () => {
        expect(await service.getOrCreateSession({ ...key, state: { a: 1 } })).toMatchObject({
          id: 's1',
          state: { a: 1 },
        });
        expect((await service.getOrCreateSession({ appName, userId: 'ada' })).id).not.toBe('s1');
      });

      rule('gives any number of concurrent callers one session', async () => {
        const calls = Array.from({ length: 20 }, (_, at) => service.getOrCreateSession({ ...key, state: { at } }));
        const sessions = await Promise.all(calls);
        expect(new Set(sessions.map(({ state }) => state.at)).size).toBe(1);
      });
    });

    describe('getSession()', () => {
      rule('resolves to undefined for what is not there', async () => {
        await service.createSession(key);
        for (const other of [{ appName: 'other' }, { userId: 'bob' }, { sessionId: 's2' }]) {
          expect(await service.getSession({ ...key, ...other })).toBeUndefined();
        }
      });

      rule('never gives two callers the same objects', async () => {
        const session = await service.createSession({ ...key, state: { list: [] } });
        await service.appendEvent({
          session,
          event: event('e1', { content: { role: 'user', parts: [{ text: 'hi' }] } }),
        });
        const [one, other]: any[] = [await load(), await load()];
        one.state.list.push(1);
        one.events[0].content.parts[0].text = 'changed';
        one.events.pop();
        expect(other.state.list).toEqual([]);
        expect(other.events[0].content.parts[0].text).toBe('hi');
        expect(await load()).toEqual(other);
      });

      describe('limits events', () => {
        beforeEach(async () => {
          const session = await service.createSession(key);
          for (const [at, timestamp] of [10, 30, 20, 40].entries()) {
            await service.appendEvent({ session, event: event(`e${at}`, { timestamp }) });
          }
        });

        rule('to the newest n in the order of the appends', async () => {
          expect(ids(await load({ numRecentEvents: 2 }))).toBe('e2 e3');
          expect(ids(await load({ numRecentEvents: 99 }))).toBe('e0 e1 e2 e3');
        });

        rule('to none', async () => {
          expect(ids(await load({ numRecentEvents: 0 }))).toBe('');
        });

        rule('to those after a time, exclusive', async () => {
          expect(ids(await load({ afterTimestamp: 20 }))).toBe('e1 e3');
          expect(ids(await load({ afterTimestamp: 40 }))).toBe('');
        });

        rule('to the newest n after a time', async () => {
          expect(ids(await load({ afterTimestamp: 10, numRecentEvents: 2 }))).toBe('e2 e3');
          expect(ids(await load({ afterTimestamp: 20, numRecentEvents: 2 }))).toBe('e1 e3');
        });

        rule('but not to a negative or broken number', async () => {
          for (const numRecentEvents of [-1, 1.5, Number.NaN]) {
            expect(await rejection(load({ numRecentEvents }))).toBeInstanceOf(RangeError);
          }
        });
      });
    });

    describe('appendEvent()', () => {
      let session: Session;
      beforeEach(async () => {
        session = await service.createSession({ ...key, state: { a: 1, b: { c: 2 } } });
      });
      const append = (given: Event, to = session) => service.appendEvent({ session: to, event: given });

      rule('resolves to the event, which is then on the session object and in storage', async () => {
        const given = event('e1', { content: { role: 'user', parts: [{ text: 'hi' }] } });
        expect(await append(given)).toBe(given);
        expect(session.events).toEqual([given]);
        expect((await load()).events).toEqual([given]);
      });

      rule('keeps the order of the appends, whatever the timestamps say', async () => {
        for (const [id, timestamp] of Object.entries({ a: 3_000, b: 1_000, c: 2_000, d: 2_000 })) {
          await append(event(id, { timestamp }));
        }
        expect(ids(session)).toBe('a b c d');
        expect(ids(await load())).toBe('a b c d');
      });

      rule('replaces an event of the same id at its place', async () => {
        for (const id of ['e1', 'e2', 'e3']) await append(event(id));
        await append(event('e2', { author: 'model' }));
        for (const each of [session, await load()]) {
          expect(each.events.map(({ id, author }) => `${id} ${author}`)).toEqual(['e1 user', 'e2 model', 'e3 user']);
        }
      });

      rule("makes the event's time the time of the session", async () => {
        await append(event('e1', { timestamp: 1_700_000_009_123 }));
        expect(session.lastUpdateTime).toBe(1_700_000_009_123);
        expect((await load()).lastUpdateTime).toBe(1_700_000_009_123);
      });

      rule('has the same lastUpdateTime on the session object and after reading, fractions or not', async () => {
        for (const [at, timestamp] of [1_732_968_271_123.4568, 0.5, 8.64e15].entries()) {
          await append(event(`t${at}`, { timestamp }));
          expect((await load()).lastUpdateTime).toBe(session.lastUpdateTime);
        }
      });

      rule('merges its delta key by key: values are replaced, null stays, nothing else changes', async () => {
        const { state } = session;
        await append(withDelta('e1', { b: { d: 3 }, n: null, 'a.b': 4 }));
        expect(session.state).toBe(state);
        const expected = { a: 1, b: { d: 3 }, n: null, 'a.b': 4 };
        expect(session.state).toEqual(expected);
        expect((await load()).state).toEqual(expected);
      });

      rule('puts app and user keys where other sessions see them', async () => {
        await append(withDelta('e1', { 'app:x': 1, 'user:y': 2 }));
        expect(session.state).toMatchObject({ 'app:x': 1, 'user:y': 2 });
        expect((await service.createSession({ ...key, sessionId: 's2' })).state).toEqual({ 'app:x': 1, 'user:y': 2 });
        expect((await service.createSession({ ...key, userId: 'bob' })).state).toEqual({ 'app:x': 1 });
      });

      rule('takes any key for data', async () => {
        const delta = JSON.parse(
          '{"__proto__": {"polluted": 1}, "constructor": 2, "toString": 3, "": 4, "a\\u0000b": 5}',
        );
        await append(withDelta('e1', delta));
        const { state, events } = await load();
        for (const key of Object.keys(delta)) {
          expect({ key, value: Object.getOwnPropertyDescriptor(state, key)?.value }).toEqual({
            key,
            value: delta[key],
          });
        }
        expect(Object.entries(events[0]?.actions.stateDelta ?? {})).toEqual(Object.entries(delta));
        expect(({} as any).polluted).toBeUndefined();
      });

      rule('trims temp keys from the event and never stores them', async () => {
        const given = withDelta('e1', { a: 2, 'temp:t': 3 });
        await append(given);
        expect(given.actions.stateDelta).toEqual({ a: 2 });
        const { state, events } = await load();
        expect(state).toEqual({ a: 2, b: { c: 2 } });
        expect(events[0]?.actions.stateDelta).toEqual({ a: 2 });
      });

      rule('shows temp keys on the session object, also where only the event has them', async () => {
        await append(withDelta('e1', { 'temp:t': 3 }));
        expect(session.state['temp:t']).toBe(3);
        await append(event('e2'));
        expect(session.state['temp:t']).toBe(3);
      });

      rule('returns partial events as they came, and does nothing else', async () => {
        const given = event('e1', { partial: true, actions: { stateDelta: { a: 2, 'temp:t': 3 } } });
        const copy = { ...given, actions: structuredClone(given.actions) };
        const before = structuredClone({ ...session });
        expect(await append(given)).toBe(given);
        expect(given).toEqual(copy);
        expect(session).toEqual(before);
        expect(await load()).toEqual(before);
      });

      rule('stores what the event was at the call', async () => {
        const given = event('e1', { content: { role: 'user', parts: [{ text: 'before' }] } });
        await append(given);
        (given.content as any).parts[0].text = 'after';
        expect((await load()).events[0]?.content?.parts?.[0]?.text).toBe('before');
      });

      rule('never rolls a newer State.set() back to an older event', async () => {
        const write = (key: string, value: unknown) => {
          const stateDelta: Record<string, unknown> = {};
          new State(session.state, stateDelta).set(key, value);
          return stateDelta;
        };
        const older = withDelta('e1', write('n', 1));
        const newer = withDelta('e2', write('n', 2));
        await append(older);
        expect(session.state.n).toBe(2);
        await append(newer);
        expect(session.state.n).toBe(2);
        expect((await load()).state.n).toBe(2);
      });

      rule('to a session that is not there rejects, and leaves session object and event alone', async () => {
        await service.deleteSession(key);
        const given = withDelta('e1', { a: 2, 'temp:t': 3 });
        const before = structuredClone({ ...session });
        const error = await rejection(append(given));
        expect(error.message).toMatch(/not found/);
        expect(session).toEqual(before);
        expect(given.actions.stateDelta).toEqual({ a: 2, 'temp:t': 3 });
      });

      rule('of what can not be stored rejects, and leaves session object and event alone', async () => {
        const given = withDelta('e1', { a: 2n, 'temp:t': 3 });
        const before = structuredClone({ ...session });
        await rejection(append(given));
        expect(session).toEqual(before);
        expect(await load()).toEqual(before);
        expect(given.actions.stateDelta).toEqual({ a: 2n, 'temp:t': 3 });
      });

      rule('many times at once through one session object stores all, each once', async () => {
        await Promise.all(
          Array.from({ length: 30 }, (_, at) => append(withDelta(`e${at}`, { [`k${at}`]: at, last: at }))),
        );
        const stored = await load();
        expect(stored.events).toHaveLength(30);
        expect(session.events).toEqual(stored.events);
        expect(session.state).toEqual(stored.state);
      });

      rule('through a session object that others have overtaken brings it up to date', async () => {
        const other = await load();
        await append(withDelta('e1', { a: 2, 'app:x': 1 }), other);
        await append(withDelta('e2', { b: 3 }), other);
        await append(withDelta('e3', { c: 4 }));
        const stored = await load();
        expect(ids(stored)).toBe('e1 e2 e3');
        expect(stored.state).toEqual({ a: 2, b: 3, c: 4, 'app:x': 1 });
        expect(session.events).toEqual(stored.events);
        expect(session.state).toEqual(stored.state);
      });

      rule('through an overtaken session object does not touch what is waiting to be appended', async () => {
        const waiting: Record<string, unknown> = {};
        new State(session.state, waiting).set('a', 'mine');
        new State(session.state, {}).set('temp:t', 1);
        await append(withDelta('e1', { a: 'theirs', b: 'theirs' }), await load());
        await append(withDelta('e2', { c: 1 }));
        expect(session.state).toEqual({ a: 'mine', b: 'theirs', c: 1, 'temp:t': 1 });
        await append(withDelta('e3', waiting));
        expect((await load()).state).toEqual({ a: 'mine', b: 'theirs', c: 1 });
        expect(session.state).toEqual({ a: 'mine', b: 'theirs', c: 1, 'temp:t': 1 });
      });

      rule('through a session object that was read in part does not fetch the rest', async () => {
        for (const id of ['e1', 'e2', 'e3']) await append(event(id));
        const recent = await load({ numRecentEvents: 1 });
        await append(event('e4'), recent);
        expect(ids(recent)).toBe('e3 e4');
        expect(ids(await load())).toBe('e1 e2 e3 e4');
      });

      rule('through a copy of a session object doubles nothing and skips nothing', async () => {
        for (const id of ['e1', 'e2']) await append(event(id));
        const copy = JSON.parse(JSON.stringify(session));
        for (const id of ['e3', 'e4']) await append(withDelta(id, { a: id }));
        await append(event('e5'), copy);
        expect(ids(copy)).toBe('e1 e2 e3 e4 e5');
        expect(copy.state).toEqual(session.state);
        await append(event('e6'), copy);
        expect(ids(copy)).toBe('e1 e2 e3 e4 e5 e6');
        expect(ids(await load())).toBe('e1 e2 e3 e4 e5 e6');
      });
    });

    describe('an event comes back as it was given', () => {
      const reload = async (given: Event) => {
        const session = await service.getOrCreateSession(key);
        await service.appendEvent({ session, event: given });
        return (await load()).events.at(-1);
      };

      rule('with all fields that ADK has, and those that it has not', async () => {
        const given = event('e1', {
          branch: 'root.leaf',
          longRunningToolIds: ['t1'],
          content: {
            role: 'model',
            parts: [{ text: 'hi' }, { functionCall: { name: 'f', args: { a_b: 1, aB: { X_y: 2 } } } }],
          },
          groundingMetadata: { webSearchQueries: ['q'] },
          customMetadata: { any_key: 1, anyKey: 2 },
          partial: false,
          turnComplete: true,
          interrupted: false,
          errorCode: 'E1',
          errorMessage: 'no',
          usageMetadata: { totalTokenCount: 3 },
          output: { deep: [null, 1] },
          route: ['a', 1, true],
          nodeInfo: { path: 'wf.a', outputFor: ['wf'] },
          isolationScope: 'scope',
          actions: {
            stateDelta: { a: 1 },
            artifactDelta: { 'file.txt': 2 },
            skipSummarization: true,
            transferToAgent: 'b',
            escalate: true,
            agentState: { step: 1 },
            endOfAgent: true,
            ...{ notInAdkYet: { x: 1 } },
          },
          ...JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'),
          ...{ notInAdkYet: { y: [2] }, seq: 7, sessionId: 'not a column', extra: { z: 3 }, $row: 4, $$row: 5 },
        });
        expect(await reload(given)).toEqual(given);
      });

      rule('without the fields that it has not', async () => {
        const given = { id: 'e1', timestamp: 5 } as Event;
        expect(await reload({ ...given })).toEqual(given);
        const odd = {
          id: 'e2',
          timestamp: 6.25,
          author: null,
          invocationId: 3,
          branch: null,
          content: null,
          turnComplete: 'no',
        };
        expect(await reload({ ...odd } as unknown as Event)).toEqual(odd);
      });

      rule('with any text, however long', async () => {
        const text = '\u0000\u{1f600}\ud800é"\\'.repeat(100_000);
        const given = event('e1', { content: { role: 'user', parts: [{ text }] }, errorMessage: text });
        expect(await reload(given)).toEqual(given);
      });
    });

    describe('listSessions()', () => {
      beforeEach(async () => {
        for (const [userId, sessionId, timestamp] of [
          ['ada', 'c', 200],
          ['bob', 'd', 100],
          ['ada', 'b', 200],
          ['ada', 'a', 300],
        ] as const) {
          const session = await service.createSession({ appName, userId, sessionId, state: { of: sessionId } });
          await service.appendEvent({ session, event: withDelta('e1', { 'app:x': 1, [`user:${userId}`]: 2 }) });
          await service.appendEvent({ session, event: event('e2', { timestamp }) });
        }
        await service.createSession({ appName: 'other', userId: 'ada' });
      });
      const list = async (request: Partial<Parameters<BaseSessionService['listSessions']>[0]> = {}) =>
        await service.listSessions({ appName, ...request });
      const listed = async (request = {}) => (await list(request)).sessions.map(({ id }) => id).join('');

      rule('is of one user or of all, and of one app', async () => {
        expect([...(await listed({ userId: 'ada' }))].sort().join('')).toBe('abc');
        expect([...(await listed())].sort().join('')).toBe('abcd');
        expect(await listed({ userId: '' })).toBe('');
        expect(await list({ appName: 'none' })).toEqual({
          sessions: [],
          page: 1,
          limit: 0,
          totalItems: 0,
          totalPages: 0,
        });
      });

      rule('is in the order that is asked for, ties by ascending id', async () => {
        expect(await listed({ order: 'asc' })).toBe('dbca');
        expect(await listed({ order: 'desc' })).toBe('abcd');
        expect(await listed({ order: 'asc', userId: 'ada' })).toBe('bca');
      });

      rule('has the most recently updated first unless told otherwise', async () => {
        expect(await listed()).toBe('abcd');
        expect(await listed({ userId: 'ada' })).toBe('abc');
      });

      rule('shows the state of all scopes, and no events', async () => {
        const [first] = (await list({ order: 'desc' })).sessions;
        expect(first).toEqual({
          id: 'a',
          appName,
          userId: 'ada',
          state: { of: 'a', 'app:x': 1, 'user:ada': 2 },
          events: [],
          lastUpdateTime: 300,
        });
      });

      rule('goes by page or offset, and tells which', async () => {
        const page = async (request: object) => {
          const { sessions, ...meta } = await list({ order: 'desc', ...request });
          return { ids: sessions.map(({ id }) => id).join(''), ...meta };
        };
        const totalItems = 4;
        expect(await page({})).toEqual({ ids: 'abcd', page: 1, limit: 4, totalItems, totalPages: 1 });
        expect(await page({ offset: 3 })).toEqual({ ids: 'd', page: 1, limit: 4, totalItems, totalPages: 1 });
        expect(await page({ limit: 3 })).toEqual({ ids: 'abc', page: 1, limit: 3, totalItems, totalPages: 2 });
        expect(await page({ limit: 3, page: 2 })).toEqual({ ids: 'd', page: 2, limit: 3, totalItems, totalPages: 2 });
        expect(await page({ limit: 2, offset: 2 })).toEqual({
          ids: 'cd',
          page: 2,
          limit: 2,
          totalItems,
          totalPages: 2,
        });
        expect(await page({ limit: 2, offset: 1 })).toEqual({
          ids: 'bc',
          page: 1,
          limit: 2,
          totalItems,
          totalPages: 2,
        });
        expect(await page({ limit: 2, page: 1, offset: 3 })).toEqual({
          ids: 'ab',
          page: 1,
          limit: 2,
          totalItems,
          totalPages: 2,
        });
        expect(await page({ limit: 2, page: 9 })).toEqual({ ids: '', page: 9, limit: 2, totalItems, totalPages: 2 });
        expect(await page({ limit: 0 })).toEqual({ ids: '', page: 1, limit: 0, totalItems, totalPages: 0 });
      });

      rule('rejects broken numbers', async () => {
        for (const wrong of [
          { limit: -1 },
          { limit: 1.5 },
          { offset: -1 },
          { limit: 1, page: 0 },
          { limit: 1, page: -1 },
        ]) {
          expect(await rejection(list(wrong))).toBeInstanceOf(RangeError);
        }
      });
    });

    describe('deleteSession()', () => {
      rule('deletes a session with its events, and nothing else', async () => {
        const session = await service.createSession(key);
        await service.appendEvent({ session, event: withDelta('e1', { 'app:x': 1 }) });
        await service.createSession({ ...key, userId: 'bob' });
        await service.deleteSession(key);
        expect(await service.getSession(key)).toBeUndefined();
        expect(await service.getSession({ ...key, userId: 'bob' })).toMatchObject({ state: { 'app:x': 1 } });
        expect(await service.createSession(key)).toMatchObject({ events: [], state: { 'app:x': 1 } });
      });

      rule('of what is not there is no error', async () => {
        await service.deleteSession(key);
        await service.createSession(key);
        await service.deleteSession({ ...key, userId: 'bob' });
        expect(await service.getSession(key)).toBeDefined();
      });
    });

    test('differs in nothing that this suite does not know', () => {
      expect(differences.filter((title) => !titles.has(title))).toEqual([]);
    });
  });
}
