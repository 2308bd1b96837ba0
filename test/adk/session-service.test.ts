import { existsSync } from 'node:fs';
import { BaseSessionService, LlmAgent, Runner, type Session } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { SessionStore } from 'aiosqlite/store';
import { afterEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { gate } from '../support/time.js';
import { event, ids, key, withDelta } from './fixtures.js';

const on = databases();
const opened: SqliteSessionService[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((service) => service.close()));
});

function open(source: any, options?: any): SqliteSessionService {
  const service = new SqliteSessionService(source, options);
  opened.push(service);
  return service;
}

describe('a service', () => {
  test("is one of ADK's, and shows its store", () => {
    const service = open(on.file());
    expect(service).toBeInstanceOf(BaseSessionService);
    expect(service.store).toBeInstanceOf(SessionStore);
  });

  test('makes its tables at the first call, whatever that is, and no file before', async () => {
    const calls: ((service: SqliteSessionService) => Promise<unknown>)[] = [
      (service) => service.createSession(key),
      (service) => service.getSession(key),
      (service) => service.getOrCreateSession(key),
      (service) => service.listSessions({ appName: 'app' }),
      (service) => service.deleteSession(key),
      (service) => service.getAppState({ appName: 'app' }),
      (service) => service.getUserState({ appName: 'app', userId: 'ada' }),
    ];
    for (const [at, call] of calls.entries()) {
      const file = on.file(`${at}.db`);
      const service = open(file);
      expect(existsSync(file)).toBe(false);
      await call(service);
      expect(existsSync(file)).toBe(true);
    }
  });

  test('makes them once, however many callers come first', async () => {
    const services = [open(on.file()), open(on.file())];
    const calls = services.flatMap((service) =>
      Array.from({ length: 20 }, () => service.getOrCreateSession({ ...key, state: { a: 1 } })),
    );
    for (const session of await Promise.all(calls)) expect(session.state).toEqual({ a: 1 });
  });

  test('tries again when that has failed', async () => {
    const pool = on.pool();
    await pool.exec('CREATE TABLE adk_sessions (id)');
    const service = open(new SessionStore(pool));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await rejection(service.createSession(key))).toMatchObject({ code: 'ADK_SCHEMA_MISMATCH' });
    }
    await pool.exec('DROP TABLE adk_sessions');
    expect(await service.createSession(key)).toMatchObject({ id: 's1' });
  });

  test('takes values at the call, also at the first one, which waits for the tables', async () => {
    const service = open(on.file());
    const request = { ...key, state: { a: 1 } };
    const creating = service.createSession(request);
    request.state.a = 2;
    request.sessionId = 'other';
    expect(await creating).toMatchObject({ id: 's1', state: { a: 1 } });
  });
});

describe('a service can be made from', () => {
  test('a path, and finds there what was left', async () => {
    const first = open(on.file());
    await first.createSession({ ...key, state: { a: 1 } });
    await first.close();
    expect((await open(on.file()).getSession(key))?.state).toEqual({ a: 1 });
  });

  test("':memory:', which is its own and gone with it", async () => {
    const [one, other] = [open(':memory:'), open(':memory:')];
    await one.createSession(key);
    expect(await one.getSession(key)).toBeDefined();
    expect(await other.getSession(key)).toBeUndefined();
  });

  test("a 'file:' URI", async () => {
    const shared = `file:/${Math.random()}?vfs=memdb`;
    const [one, other] = [open(shared), open(shared)];
    await one.createSession(key);
    expect(await other.getSession(key)).toBeDefined();
    await open(`file:${on.file()}`).createSession(key);
    expect(existsSync(on.file())).toBe(true);
  });

  test("ADK's 'sqlite://' forms, with their meaning there", async () => {
    const service = open(`sqlite://${on.file('adk.db')}`);
    await service.createSession(key);
    expect(existsSync(on.file('adk.db'))).toBe(true);
    await open('sqlite://:memory:').createSession(key);
    expect(existsSync(':memory:')).toBe(false);
  });

  test('the options of pool, store and service together', async () => {
    const service = open({
      database: `sqlite://${on.file('options.db')}`,
      poolSize: 2,
      synchronous: 'normal',
      sessionsTable: 'my_sessions',
      eventsTable: 'my_events',
      appStatesTable: 'my_app_states',
      userStatesTable: 'my_user_states',
      metadataTable: 'my_metadata',
      ownerIdColumn: "tenant TEXT DEFAULT 'none'",
      staleSessions: 'reject',
    });
    const session = await service.createSession({ ...key, state: { 'app:x': 1 } });
    await service.appendEvent({ session: (await service.getSession(key)) as Session, event: event('e1') });
    expect(await rejection(service.appendEvent({ session, event: event('e2') }))).toMatchObject({
      code: 'ADK_STALE_SESSION',
    });
    const db = await on.connect({}, on.file('options.db'));
    expect(await db.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'adk%'")).toEqual([]);
    expect(await db.get('SELECT count(*) AS n FROM my_events')).toEqual({ n: 1 });
  });

  test('a store, which stays open when the service is closed', async () => {
    const pool = on.pool();
    const service = new SqliteSessionService(new SessionStore(pool));
    await service.createSession(key);
    await service.close();
    expect(await pool.get('SELECT count(*) AS n FROM adk_sessions')).toEqual({ n: 1 });
    expect(await service.getSession(key)).toBeDefined();
  });

  test('a store with an owner column that may be empty', async () => {
    const store = new SessionStore(on.pool(), { ownerIdColumn: 'tenant_id INTEGER' });
    const service = new SqliteSessionService(store);
    const session = await service.createSession(key);
    await store.createSession({ ...key, sessionId: 's2', ownerId: 7 });
    await service.appendEvent({ session, event: event('e1') });
    expect((await service.listSessions({ appName: 'app' })).totalItems).toBe(2);
    expect(await store.getSession({ ...key, sessionId: 's2' })).toMatchObject({ ownerId: 7 });
  });

  test.each<[any, any, string, string]>([
    [undefined, {}, 'TypeError', 'source must be an object, not undefined'],
    [null, {}, 'TypeError', 'source must be an object, not null'],
    [5, {}, 'TypeError', 'source must be an object, not number'],
    [{}, {}, 'TypeError', 'database'],
    ['postgres://localhost/db', {}, 'RangeError', 'source must be a path'],
    ['memory://', {}, 'RangeError', 'source must be a path'],
    ['sqlite://', {}, 'RangeError', 'source must be a path'],
    [{ database: 'mysql://x' }, {}, 'RangeError', 'source must be a path'],
    [{ database: ':memory:', sessionsTable: 'a b' }, {}, 'StoreError', 'sessionsTable must be'],
    [{ database: ':memory:', poolSize: 0 }, {}, 'RangeError', 'poolSize'],
    [':memory:', { staleSessions: 'ignore' }, 'RangeError', "staleSessions must be 'merge' or 'reject'"],
    [
      { database: ':memory:', staleSessions: true },
      undefined,
      'RangeError',
      "staleSessions must be 'merge' or 'reject'",
    ],
    [':memory:', null, 'TypeError', 'options must be an object, not null'],
  ])('nothing else: %j with %j', (source, options, name, message) => {
    expect(() => new SqliteSessionService(source, options)).toThrow(
      expect.objectContaining({ name, message: expect.stringContaining(message) }),
    );
  });
});

describe('a path first', () => {
  test('takes the options of the pool, the store and the service', async () => {
    const service = open(on.file(), { poolSize: 1, sessionsTable: 'chat', staleSessions: 'reject' });
    const session = await service.createSession(key);
    expect(await service.pool.get('SELECT count(*) AS n FROM chat')).toEqual({ n: 1 });
    expect(service.pool.stats().size).toBe(1);
    const stale = structuredClone({ ...session });
    await service.appendEvent({ session, event: event('e1') });
    const late = service.appendEvent({ session: stale as Session, event: event('e2') });
    expect(await rejection(late)).toMatchObject({ code: 'ADK_STALE_SESSION' });
  });

  test('refuses wrong options, and options of a pool beside a store', () => {
    const unknown = expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' });
    expect(() => open(on.file(), { poolsize: 1 } as never)).toThrow(unknown);
    expect(() => open(on.file(), { database: 'x.db' } as never)).toThrow(unknown);
    expect(() => open(new SessionStore(on.pool()), { poolSize: 1 } as never)).toThrow(unknown);
    expect(() => open({ database: on.file() }, { poolSize: 1 } as never)).toThrow(unknown);
    expect(() => open(on.file(), { poolSize: 0 })).toThrow(RangeError);
  });
});

describe('pool and backup()', () => {
  test('are those of the pool that the service opened, or that its store works on', async () => {
    const pool = on.pool();
    expect(open(new SessionStore(pool)).pool).toBe(pool);
    const service = open(on.file('own.db'));
    await service.createSession(key);
    await service.backup(on.file('copy.db'));
    const copy = open(on.file('copy.db'));
    expect(await copy.getSession(key)).toMatchObject({ id: key.sessionId });
    const again = service.backup(on.file('copy.db'), { signal: AbortSignal.abort('no') });
    expect(await rejection(again)).toBe('no');
  });

  test('of a store over a connection: it is copied, but has no pool', async () => {
    const service = open(new SessionStore(await on.connect()));
    await service.createSession(key);
    await service.backup(on.file('copy.db'));
    expect(existsSync(on.file('copy.db'))).toBe(true);
    expect(() => service.pool).toThrow(expect.objectContaining({ code: 'ERR_NO_POOL' }));
  });

  test('close() waits for a backup', async () => {
    const service = open(on.file());
    await service.createSession(key);
    const copying = service.backup(on.file('copy.db'));
    await service.close();
    await copying;
    expect(existsSync(on.file('copy.db'))).toBe(true);
    expect(await rejection(service.backup(on.file('copy.db')))).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('close()', () => {
  test('waits for what is under way, and may be called again', async () => {
    const service = open(on.file());
    const session = await service.createSession(key);
    const appending = service.appendEvent({ session, event: event('e1') });
    await service.close();
    await appending;
    await service.close();
    expect(await rejection(service.getSession(key))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(ids(await open(on.file()).getSession(key))).toBe('e1');
  });

  test('finishes the first call, made before the pool has opened', async () => {
    const service = open(on.file());
    const first = service.createSession(key);
    await service.close();
    expect(await first).toMatchObject({ id: 's1' });
    expect(await open(on.file()).getSession(key)).toMatchObject({ id: 's1' });
  });

  test.each(['merge', 'reject'] as const)('finishes appends that take turns: %s', async (staleSessions) => {
    const service = open(on.file(), { staleSessions });
    const made = await service.createSession(key);
    const session = staleSessions === 'merge' ? structuredClone(made) : made;
    const appends = [1, 2, 3, 4].map((i) => service.appendEvent({ session, event: event(`e${i}`) }));
    const reads = [service.getSession(key), service.listSessions({ appName: 'app' })];
    const closing = service.close();
    const late = service.appendEvent({ session, event: event('late') });
    expect(await rejection(late)).toMatchObject({ code: 'ERR_CLOSED' });
    await closing;
    await Promise.all([...appends, ...reads]);
    expect(ids(await open(on.file()).getSession(key))).toBe('e1 e2 e3 e4');
  });

  test('inside a transaction that its calls wait for rejects ERR_NESTED_ACQUIRE, and the service goes on', async () => {
    const service = open(on.file());
    const session = await service.createSession(key);
    const begun = gate();
    const waiting = gate();
    const transaction = service.pool.transaction(async () => {
      begun.open();
      await waiting.opened;
      expect(await rejection(service.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
    await begun.opened;
    const appending = service.appendEvent({ session, event: event('e1') });
    waiting.open();
    await Promise.all([transaction, appending]);
    await service.appendEvent({ session, event: event('e2') });
    expect(ids(await service.getSession(key))).toBe('e1 e2');
  });

  test('is what `await using` does', async () => {
    const service = open(on.file());
    await service[Symbol.asyncDispose]();
    expect(await rejection(service.getSession(key))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('leaves a session object as it was when an append comes too late', async () => {
    const service = open(on.file());
    const session = await service.createSession({ ...key, state: { a: 1 } });
    await service.close();
    const given = withDelta('e1', { a: 2, 'temp:t': 3 });
    expect(await rejection(service.appendEvent({ session, event: given }))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(session).toMatchObject({ state: { a: 1 }, events: [] });
    expect(given.actions.stateDelta).toEqual({ a: 2, 'temp:t': 3 });
  });
});

test('shared states can be read without a session', async () => {
  const service = open(on.file());
  await service.createSession({ ...key, state: { 'app:x': 1, 'user:y': 2 } });
  expect(await service.getAppState({ appName: 'app' })).toEqual({ x: 1 });
  expect(await service.getUserState({ appName: 'app', userId: 'ada' })).toEqual({ y: 2 });
  expect(await service.getUserState({ appName: 'app', userId: 'bob' })).toEqual({});
});

test('temp values of an initial state are neither stored nor shown, whatever they are', async () => {
  const service = open(':memory:');
  const state = { a: 1, 'temp:client': { call: () => 'x' }, 'temp:n': 1n };
  for (const create of [service.createSession, service.getOrCreateSession]) {
    const session = await create.call(service, { ...key, sessionId: create.name, state });
    expect(Object.keys(session.state)).toEqual(['a']);
  }
});

test("a Runner without an appName rejects with ADK's own sentence", async () => {
  const runner = new Runner({ agent: new LlmAgent({ name: 'root' }), sessionService: open(':memory:') } as never);
  const turn = runner.runAsync({ userId: 'ada', sessionId: 's1', newMessage: { parts: [{ text: 'hi' }] } });
  expect((await rejection(turn.next())).message).toContain('appName must be provided in runner constructor');
});

test('a user can be deleted with sessions and state', async () => {
  const service = open(':memory:');
  await service.deleteUser({ appName: 'app', userId: 'nobody' });
  await service.createSession({ ...key, state: { a: 1, 'user:email': 'a@b', 'app:all': 1 } });
  await service.deleteUser({ appName: 'app', userId: 'ada' });
  expect(await service.getSession(key)).toBeUndefined();
  expect((await service.createSession(key)).state).toEqual({ 'app:all': 1 });
});

test('64 appends at once on 64 sessions share commits, and each is there', async () => {
  const pool = on.pool();
  const service = new SqliteSessionService(new SessionStore(pool));
  const sessions = await Promise.all(
    Array.from({ length: 64 }, (_, at) => service.createSession({ ...key, sessionId: `s${at}` })),
  );
  const { commits } = pool.stats();
  await Promise.all(sessions.map((session) => service.appendEvent({ session, event: withDelta('e1', { a: 1 }) })));
  expect(pool.stats().commits - commits).toBeLessThan(64 / 3); // 1 on a machine at rest
  for (const { id: sessionId } of sessions) {
    expect(await service.getSession({ ...key, sessionId })).toMatchObject({ state: { a: 1 }, events: [{ id: 'e1' }] });
  }
});
