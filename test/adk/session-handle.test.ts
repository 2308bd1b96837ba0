import { type Event, type Session, State } from '@google/adk';
import type { Pool } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import { SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, ids, key, withDelta, withWrite } from './fixtures.js';

const on = databases();
let pool: Pool;
/** Somebody else, whose writes wait in the same line as ours. */
let others: SessionStore;
let service: SqliteSessionService;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  others = new SessionStore(pool);
  service = new SqliteSessionService(new SessionStore(pool));
  await others.createTables();
  // Whatever is called "fail…" can't be stored.
  await pool.exec(`CREATE TRIGGER failing BEFORE INSERT ON adk_events WHEN NEW.id LIKE 'fail%'
    BEGIN SELECT RAISE(ABORT, 'made to fail'); END`);
});

const record = (id: string) => ({
  ...{ ...key, id, invocationId: 'i', author: 'other', actions: { stateDelta: {} }, timestamp: 5 },
});
const append = (session: Session, given: Event, to = service) => to.appendEvent({ session, event: given });
const load = async () => (await service.getSession(key)) as Session;

describe('in merge mode', () => {
  test('a handle that lacks nothing is brought nothing', async () => {
    const session = await service.createSession({ ...key, state: { cart: ['tea'] } });
    const { cart } = session.state;
    for (const id of ['e1', 'e2']) await append(session, event(id));
    expect(session.state.cart).toBe(cart);
  });

  test('only what has changed is replaced, so that other values stay the same objects', async () => {
    const session = await service.createSession({ ...key, state: { cart: ['tea'], other: { n: 1 } } });
    const { cart, other } = session.state;
    await others.appendEvent(record('f1'), { session: { other: { n: 2 } } });
    await append(session, event('e1'));
    expect(session.state).toEqual({ cart: ['tea'], other: { n: 2 } });
    expect(session.state.cart).toBe(cart);
    expect(session.state.other).not.toBe(other);
    expect(ids(session)).toBe('f1 e1');
  });

  test('keys that are gone from storage go, but no temp keys and none that are waiting', async () => {
    const session = await service.createSession({ ...key, state: { a: 1, b: 2, c: 3 } });
    session.state['temp:t'] = 4;
    new State(session.state, {}).set('b', 20);
    new State(session.state, {}).set('new', 30);
    await others.updateSessionState(key, { c: 3 });
    await append(session, event('e1'));
    expect(session.state).toEqual({ b: 20, c: 3, new: 30, 'temp:t': 4 });
  });

  test('a State.set() that waits is safe also where it set what was there before', async () => {
    const session = await service.createSession({ ...key, state: { n: 1 } });
    const first = withWrite('e1', session, { n: 1 });
    await others.appendEvent(record('f1'), { session: { n: 2 } });
    await append(session, event('e2'));
    expect(session.state.n).toBe(1);
    await append(session, first);
    const second = withWrite('e3', session, { n: 1 });
    await others.appendEvent(record('f2'), { session: { n: 3 } });
    await append(session, event('e4'));
    expect(session.state.n).toBe(1);
    await append(session, second);
    await others.appendEvent(record('f3'), { session: { n: 4 } });
    await append(session, event('e5'));
    expect(session.state.n).toBe(4);
    expect(ids(session)).toBe('f1 e2 e1 f2 e4 e3 f3 e5');
  });

  test('a State.set() of a key that others were first to store is safe too', async () => {
    const session = await service.createSession(key);
    const waiting = withWrite('e1', session, { 'never seen': 'mine' });
    await others.appendEvent(record('f1'), { session: { 'never seen': 'theirs' } });
    // Another handle sees that key now; this one did not when it was read.
    await append(await load(), event('e2'));
    await append(session, event('e3'));
    expect(session.state['never seen']).toBe('mine');
    await append(session, waiting);
    expect((await load()).state['never seen']).toBe('mine');
  });

  test('appends of its own that are under way are no reason to bring it anything', async () => {
    const session = await service.createSession(key);
    // It could not be brought this.
    await pool.run("UPDATE adk_sessions SET state = '{'");
    await Promise.all(['e1', 'e2', 'e3', 'e4'].map((id) => append(session, event(id))));
    expect(ids(session)).toBe('e1 e2 e3 e4');
  });

  test('temp keys are never touched, not even where a store has such keys too', async () => {
    await others.createSession({ ...key, state: { 'temp:t': 'stored' } });
    const session = await load();
    expect(session.state).toEqual({ 'temp:t': 'stored' });
    await others.updateSessionState(key, { 'temp:t': 'stored later', 'temp:u': 1, a: 1 });
    await append(session, event('e1'));
    expect(session.state).toEqual({ 'temp:t': 'stored', a: 1 });
  });

  test('events that somebody has taken off a handle are not brought back', async () => {
    const session = await service.createSession(key);
    // After a refused append, the next ones are sent once.
    await others.appendEvent(record('f0'));
    await append(session, event('e0'));
    await others.appendEvent(record('f1'));
    const first = append(session, event('e1'));
    // The second append is called before the first is back, and waits behind a transaction.
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const between = pool.transaction(() => ended);
    const second = append(session, event('e2'));
    await first;
    expect(ids(session)).toBe('f0 e0 f1 e1');
    session.events.length = 0;
    end();
    await Promise.all([between, second]);
    await append(session, event('e3'));
    expect(ids(session)).toBe('e2 e3');
  });

  test('a session that was deleted and created again takes the place of the old one', async () => {
    const session = await service.createSession({ ...key, state: { old: 1 } });
    for (const id of ['e1', 'e2']) await append(session, event(id));
    await others.deleteSession(key);
    await others.createSession({ ...key, state: { new: 1 } });
    await others.appendEvent(record('f1'));
    await append(session, event('e3'));
    expect(ids(session)).toBe('f1 e3');
    expect(session.state).toEqual({ new: 1 });
  });

  test('a handle that was listed has seen the session as it was, though without its events', async () => {
    const first = await service.createSession(key);
    for (const id of ['e1', 'e2']) await append(first, event(id));
    const [listed] = (await service.listSessions({ appName: 'app' })).sessions as [Session];
    await append(listed, event('e3'));
    expect(ids(listed)).toBe('e3');
    await append(first, event('e4'));
    await append(listed, event('e5'));
    expect(ids(listed)).toBe('e3 e4 e5');
  });

  test('a handle that somebody built by hand is brought all that it lacks', async () => {
    const first = await service.createSession({ ...key, state: { a: 1 } });
    for (const id of ['e1', 'e2']) await append(first, event(id));
    const built = { id: 's1', appName: 'app', userId: 'ada', state: {}, events: [], lastUpdateTime: 0 };
    await Promise.all(['e3', 'e4', 'e5'].map((id) => append(built, withDelta(id, { [id]: 1 }))));
    expect(ids(built)).toBe('e1 e2 e3 e4 e5');
    expect(built.state).toEqual({ a: 1, e3: 1, e4: 1, e5: 1 });
    expect(ids(await load())).toBe('e1 e2 e3 e4 e5');
  });

  test('a handle that somebody built by hand shows the state that is stored, and its own events once', async () => {
    await others.createSession({ ...key, state: { 'only stored': 'new' } });
    for (const id of ['f1', 'f2']) await others.appendEvent(record(id));
    const events = ['f1', 'never stored'].map((id) => event(id));
    const built = {
      id: 's1',
      appName: 'app',
      userId: 'ada',
      state: { 'only stored': 'old' },
      events,
      lastUpdateTime: 0,
    };
    await append(built, event('e1'));
    expect(built.state).toEqual({ 'only stored': 'new' });
    expect(ids(built)).toBe('f1 never stored f2 e1');
  });

  test('appends wait for those before them that had to wait', async () => {
    await service.createSession(key);
    const built = { id: 's1', appName: 'app', userId: 'ada', state: {}, events: [], lastUpdateTime: 0 };
    const [first, ...more] = ['e1', 'e2', 'e3'].map((id) => append(built, event(id)));
    const last = first?.then(() => append(built, event('e4')));
    await Promise.all([...more, last]);
    expect(ids(built)).toBe('e1 e2 e3 e4');
    expect(ids(await load())).toBe('e1 e2 e3 e4');
  });

  test('an append that fails leaves no gap, even if a write of others hides it', async () => {
    const session = await service.createSession(key);
    const failing = append(session, event('fail'));
    const hiding = others.appendEvent(record('f1'), { session: { f: 1 } });
    const behind = [append(session, event('e1')), append(session, withDelta('e2', { e: 2 }))];
    expect((await rejection(failing)).message).toContain('made to fail');
    await Promise.all([hiding, ...behind]);
    expect(ids(session)).toBe('f1 e1 e2');
    expect(session.state).toEqual({ f: 1, e: 2 });
    await append(session, event('e3'));
    expect(ids(session)).toBe('f1 e1 e2 e3');
  });

  test('damage in what it would be brought rejects, names the row, and writes nothing', async () => {
    const session = await service.createSession(key);
    await others.appendEvent(record('f1'), { session: { a: 1 } });
    await pool.run("UPDATE adk_events SET content = '{' WHERE id = 'f1'");
    expect(await rejection(append(session, event('e1')))).toMatchObject({
      code: 'ADK_CORRUPT_ROW',
      message: 'Damaged row in table adk_events, key f1: column content',
    });
    expect(session).toMatchObject({ state: {}, events: [] });
    await pool.run("UPDATE adk_events SET content = NULL WHERE id = 'f1'");
    await append(session, event('e1'));
    expect(ids(session)).toBe('f1 e1');
  });
});

/** What may happen, in the order in which it is sent; `waits`: before anything else is sent, all is done. */
const steps = fc.array(
  fc.record({
    what: fc.constantFrom('append', 'append', 'write', 'set', 'fail', 'other', 'other', 'replace', 'state', 'recreate'),
    event: fc.nat({ max: 9 }),
    name: fc.constantFrom('a', 'b', 'app:c', 'user:d'),
    value: fc.nat({ max: 3 }),
    waits: fc.boolean(),
  }),
  { maxLength: 25 },
);

describe('whatever happens at the same time', () => {
  test('a handle in merge mode ends up with what is stored, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        await others.deleteSession(key);
        const session = await service.createSession({ ...key, state: { a: 0 } });
        session.state['temp:t'] = 1;
        let sent: Promise<unknown>[] = [];
        const send = (job: Promise<unknown>) =>
          void sent.push(job.catch((error) => expect(error.message).toBe('made to fail')));
        const settle = async () => {
          await Promise.all(sent);
          sent = [];
        };
        /** Writes of State.set() that no event has carried yet. */
        let waiting: Record<string, unknown> = {};
        let count = 0;
        for (const { what, event: number, name, value, waits } of list) {
          count += 1;
          const scopes = { a: 'session', b: 'session', 'app:c': 'app', 'user:d': 'user' } as const;
          const delta = { [scopes[name]]: { [name.replace(/^\w+:/, '')]: value } };
          if (what === 'append') send(append(session, event(`e${number}`)));
          // Not of a key that waits: an older write that is appended later is stored, but by ADK's rule not shown.
          if (what === 'write' && !Object.hasOwn(waiting, name)) {
            send(append(session, withWrite(`w${count}`, session, { [name]: value })));
          }
          if (what === 'fail') send(append(session, event(`fail${count}`)));
          if (what === 'set') new State(session.state, waiting).set(name, value);
          if (what === 'other') send(others.appendEvent(record(`f${count}`), delta));
          if (what === 'replace') send(others.appendEvent(record(`e${number}`), delta));
          if (what === 'state') send(others.updateSessionState(key, { [name]: value }));
          if (what === 'recreate') {
            await settle();
            await others.deleteSession(key);
            await others.createSession({ ...key, state: { a: value } });
          }
          if (waits) {
            await settle();
            for (const [name, value] of Object.entries(waiting))
              expect({ name, value: session.state[name] }).toEqual({ name, value });
          }
          if (waits && value === 0) {
            send(append(session, withDelta(`s${count}`, waiting)));
            waiting = {};
          }
        }
        await settle();
        await append(session, withDelta('s', waiting));
        await append(session, event('last'));
        const stored = await load();
        expect(ids(session)).toBe(ids(stored));
        expect(session.state).toEqual({ ...stored.state, 'temp:t': 1 });
        await others.updateAppState('app', { c: null });
      }),
      { numRuns: 150 },
    );
  });

  test('a handle in reject mode appends nothing once others have', async () => {
    const strict = new SqliteSessionService(new SessionStore(pool), { staleSessions: 'reject' });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        await others.deleteSession(key);
        const session = await strict.createSession(key);
        const codes: string[] = [];
        let sent: Promise<unknown>[] = [];
        let count = 0;
        for (const { what, waits } of list) {
          count += 1;
          const isOther = what === 'other' || what === 'state';
          const id = what === 'fail' ? `fail${count}` : `e${count}`;
          const job = isOther ? others.appendEvent(record(`f${count}`)) : append(session, event(id), strict);
          sent.push(job.catch((error) => codes.push(error.code)));
          if (waits) await Promise.all(sent);
          if (waits) sent = [];
        }
        await Promise.all(sent);
        const order = ids(await load()) ?? '';
        expect(order).toMatch(/^( ?e\d+)*( ?f\d+)*$/);
        const rejected = list.length - order.split(' ').filter(Boolean).length;
        expect(codes).toHaveLength(rejected);
        expect(codes.filter((code) => !/^(ADK_STALE_SESSION|SQLITE_CONSTRAINT_TRIGGER)$/.test(code))).toEqual([]);
        expect(ids(session)).toBe(order.replace(/ ?f\d+/g, ''));
      }),
      { numRuns: 100 },
    );
  });
});

describe('in reject mode', () => {
  let strict: SqliteSessionService;
  beforeEach(() => {
    strict = new SqliteSessionService(new SessionStore(pool), { staleSessions: 'reject' });
  });
  const stale = { name: 'StoreError', code: 'ADK_STALE_SESSION' };

  test.each<[string, () => Promise<unknown>]>([
    ['an append', () => others.appendEvent(record('f1'))],
    ['a replacement', () => others.appendEvent(record('e1'))],
    ['a new state', () => others.updateSessionState(key, {})],
    [
      'its end and a new beginning',
      async () => {
        await others.deleteSession(key);
        await others.createSession(key);
        for (const id of ['f1', 'f2', 'f3']) await others.appendEvent(record(id));
      },
    ],
  ])('%s of others makes a handle stale, and nothing is written', async (_, write) => {
    const session = await strict.createSession({ ...key, state: { a: 1 } });
    await append(session, event('e1'), strict);
    await write();
    const [before, stored] = [structuredClone({ ...session, events: [] }), await load()];
    const given = withDelta('e2', { a: 2, 'app:x': 1, 'temp:t': 1 });
    expect(await rejection(append(session, given, strict))).toMatchObject(stale);
    expect(await load()).toEqual(stored);
    expect({ ...session, events: [] }).toEqual(before);
    expect(given.actions.stateDelta).toEqual({ a: 2, 'app:x': 1, 'temp:t': 1 });
    await append((await strict.getSession(key)) as Session, event('e3'), strict);
  });

  test('writes to shared states by others do not', async () => {
    const session = await strict.createSession(key);
    await others.updateAppState('app', { a: 1 });
    await others.updateUserState('app', 'ada', { a: 1 });
    await append(session, event('e1'), strict);
  });

  test('a handle is not made stale by its own appends, and not by its own failures', async () => {
    const session = await strict.createSession(key);
    const calls = ['e1', 'e2', 'fail', 'e3', 'e2', 'e4'].map((id) => append(session, event(id), strict));
    const settled = await Promise.allSettled(calls);
    expect(settled.map(({ status }) => status[0]).join('')).toBe('ffrfff');
    expect(ids(session)).toBe('e1 e2 e3 e4');
    expect(ids(await load())).toBe('e1 e2 e3 e4');
  });

  test('a handle that shows only some of the events has still seen all', async () => {
    const first = await strict.createSession(key);
    for (const id of ['e1', 'e2']) await append(first, event(id), strict);
    const [listed] = (await strict.listSessions({ appName: 'app' })).sessions as [Session];
    const recent = (await strict.getSession({ ...key, config: { numRecentEvents: 0 } })) as Session;
    await append(recent, event('e3'), strict);
    expect(await rejection(append(listed, event('e4'), strict))).toMatchObject(stale);
  });

  test('a copy is judged by its last event', async () => {
    const session = await strict.createSession(key);
    const empty = structuredClone(session);
    await append(structuredClone(empty), event('e1'), strict);
    expect(await rejection(append(empty, event('e2'), strict))).toMatchObject(stale);
    const copy = JSON.parse(JSON.stringify(await load()));
    await append(copy, event('e2'), strict);
    await append(copy, event('e3'), strict);
    const old = JSON.parse(JSON.stringify({ ...(await load()), events: [event('e2')] }));
    expect(await rejection(append(old, event('e4'), strict))).toMatchObject(stale);
    const again = JSON.parse(JSON.stringify(await load()));
    await append(again, event('e3', { author: 'again' }), strict);
    expect(ids(await load())).toBe('e1 e2 e3');
  });

  test('a session that is not there is not stale but missing', async () => {
    const session = await strict.createSession(key);
    await others.deleteSession(key);
    expect(await rejection(append(session, event('e1'), strict))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    expect(await rejection(append({ ...session }, event('e1'), strict))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
  });
});

describe('temp keys', () => {
  test('of an older event never roll back a newer State.set()', async () => {
    const session = await service.createSession(key);
    const older = withWrite('e1', session, { 'temp:t': 1 });
    const newer = withWrite('e2', session, { 'temp:t': 2 });
    await append(session, older);
    expect(session.state['temp:t']).toBe(2);
    await append(session, newer);
    expect(session.state['temp:t']).toBe(2);
  });

  test('of an event that no State was asked about replace what an event has brought before', async () => {
    const session = await service.createSession(key);
    await append(session, withDelta('e0', { 'temp:t': 0 }));
    for (const [at, id] of ['e1', 'e2'].entries()) {
      await append(session, withDelta(id, { 'temp:t': at + 1 }));
      expect(session.state['temp:t']).toBe(at + 1);
    }
    await append(session, withWrite('e3', session, { 'temp:t': 3 }));
    await append(session, withDelta('e4', { 'temp:t': 4 }));
    expect(session.state['temp:t']).toBe(4);
  });

  test('appear only once the event is stored', async () => {
    const session = await service.createSession(key);
    const appending = append(session, withDelta('e1', { 'temp:t': 1 }));
    expect(session.state).toEqual({});
    await appending;
    expect(session.state).toEqual({ 'temp:t': 1 });
    await rejection(append(session, withDelta('fail', { 'temp:u': 1 })));
    expect(session.state).toEqual({ 'temp:t': 1 });
  });
});

test('the empty delta of a stored event is its own: what the caller writes into the given one stays out', async () => {
  const session = await service.createSession(key);
  const given = event('e1');
  const { stateDelta } = given.actions;
  const appending = append(session, given);
  stateDelta.later = 1;
  await appending;
  expect(given.actions.stateDelta).toEqual({});
  expect((await load()).events[0]?.actions.stateDelta).toEqual({});
  const failing = event('fail');
  const before = failing.actions.stateDelta;
  await rejection(append(session, failing));
  expect(failing.actions.stateDelta).toBe(before);
});

test('an object whose id is changed is that of another session', async () => {
  await service.createSession({ ...key, sessionId: 's2' });
  const session = await service.createSession(key);
  await append(session, event('e1'));
  Object.assign(session, { id: 's2', events: [] });
  await append(session, event('e2'));
  expect(ids((await service.getSession({ ...key, sessionId: 's2' })) as Session)).toBe('e2');
  expect(ids(await load())).toBe('e1');
});
