import { existsSync } from 'node:fs';
import { connect, createPool, deserialize, type Executor, type PoolOptions } from 'aiosqlite';
import { SqliteArtifactService, SqliteSessionService } from 'aiosqlite/adk';
import { drizzle, migrate } from 'aiosqlite/drizzle';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { PrismaAiosqlite } from 'aiosqlite/prisma';
import { ArtifactStore, MemoryStore, SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { databases } from './support/databases.js';
import { rejection } from './support/rejection.js';

const on = databases();

/** The error for `name` where `hint` was expected. */
const unknown = (name: string, hint: string) =>
  expect.objectContaining({
    name: 'TypeError',
    code: 'ERR_UNKNOWN_OPTION',
    message: `${name} is unknown: did you mean ${hint}?`,
  });

test.each([
  ['readOnly', 'readonly'],
  ['fileMustExist', 'mustExist'],
  ['busyTimeout', 'busyTimeoutMs'],
  ['timeout', 'busyTimeoutMs'],
  ['synchronus', 'synchronous'],
  ['foreign_keys', 'foreignKeys'],
])('connect(), deserialize() and createPool() refuse %s, and name %s', async (name, hint) => {
  const options = { [name]: 1 };
  expect(await rejection(connect(on.file(), options))).toEqual(unknown(`options.${name}`, hint));
  expect(await rejection(deserialize(new Uint8Array(), options))).toEqual(unknown(`options.${name}`, hint));
  const make = () => createPool({ database: on.file(), ...options });
  expect(make).toThrow(unknown(`options.${name}`, hint));
  expect(existsSync(on.file())).toBe(false);
});

test('an option that is like none is answered with those that there are', async () => {
  const message = 'options.verbose is unknown: known are signal, timeoutMs, rowMode, jsonColumns';
  const db = await on.connect({}, ':memory:');
  expect(await rejection(db.get('SELECT 1', [], { verbose: true } as never))).toMatchObject({ message });
});

test.each(['toString', '__proto__', 'constructor'])('%s, which every object has, is no option', async (name) => {
  const options = JSON.parse(`{ "${name}": 1 }`);
  const db = await on.connect({}, ':memory:');
  expect(await rejection(db.get('SELECT 1', [], options))).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
});

test('options that an object inherits are taken as they are', async () => {
  const db = await on.connect({}, ':memory:');
  const options = Object.create({ somethingElse: 1, rowMode: 'array' });
  expect(await db.get('SELECT 1', [], options)).toEqual([1]);
});

test('a signal in place of options is refused: it would cancel nothing', async () => {
  const db = await on.connect({}, ':memory:');
  const { signal } = new AbortController();
  expect(await rejection(db.get('SELECT 1', [], signal as never))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'options must be an object such as { signal }, not an instance of AbortSignal',
  });
});

test('an option that is undefined is the default', async () => {
  const db = await on.connect({ readonly: undefined } as never);
  expect(await db.get('SELECT 1 AS one', [], { signal: undefined, rowMode: undefined } as never)).toEqual({ one: 1 });
});

describe.each(['a connection', 'a pool', 'a transaction', 'a transaction of a pool'])('verbs of %s', (name) => {
  async function using(work: (db: Executor) => Promise<void>): Promise<void> {
    const db = name.includes('pool') ? on.pool() : await on.connect();
    await (name.startsWith('a transaction') ? db.transaction(work) : work(db));
  }

  test.each<[string, (db: Executor, options: never) => Promise<unknown>, string]>([
    ['run()', (db, options) => db.run('SELECT 1', [], options), 'timeoutMs'],
    ['run() of a Query', (db, options) => db.run({ sql: 'SELECT 1' }, options), 'timeoutMs'],
    ['get()', (db, options) => db.get('SELECT 1', [], options), 'timeoutMs'],
    ['all()', (db, options) => db.all('SELECT 1', [], options), 'timeoutMs'],
    ['query()', (db, options) => db.query({ sql: 'SELECT 1' }, options), 'timeoutMs'],
    ['iterate()', (db, options) => db.iterate('SELECT 1', [], options).next(), 'timeoutMs'],
    ['exec()', (db, options) => db.exec('SELECT 1', options), 'timeoutMs'],
    ['executeMany()', (db, options) => db.executeMany('SELECT 1', [[]], options), 'timeoutMs'],
    ['batch()', (db, options) => db.batch([{ sql: 'SELECT 1' }], options), 'timeoutMs'],
    ['transaction()', (db, options) => db.transaction(async () => {}, options), 'timeoutMs'],
  ])('%s refuses { timeout: 5 }', async (_verb, call, hint) => {
    await using(async (db) => {
      expect(await rejection(call(db, { timeout: 5 } as never))).toEqual(unknown('options.timeout', hint));
      expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
    });
  });

  test('options of another verb are refused: run() has no rowMode, batch() no jsonColumns of its own', async () => {
    await using(async (db) => {
      const wrong = [
        () => db.run('SELECT 1', [], { rowMode: 'array' } as never),
        () => db.get('SELECT 1', [], { batchSize: 1 } as never),
        () => db.batch([{ sql: 'SELECT 1' }], { jsonColumns: ['a'] } as never),
        () => db.exec('SELECT 1', { mode: 'immediate' } as never),
      ];
      for (const call of wrong) expect(await rejection(call())).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
    });
  });

  test('a misspelt ifNone does not commit a batch that should have been undone', async () => {
    await using(async (db) => {
      await db.exec('CREATE TABLE t (x)');
      const queries = [{ sql: 'INSERT INTO t VALUES (1)' }, { sql: 'DELETE FROM t WHERE x = 2', ifnone: 'rollback' }];
      expect(await rejection(db.batch(queries))).toEqual(unknown('queries[1].ifnone', 'ifNone'));
      expect(await db.all('SELECT x FROM t')).toEqual([]);
    });
  });
});

test('calls of a connection refuse them', async () => {
  const db = await on.connect();
  const wrong: [() => Promise<unknown>, string, string][] = [
    [() => db.backup(on.file('copy.db'), { pagesperstep: 1 } as never), 'options.pagesperstep', 'pagesPerStep'],
    [() => db.createFunction('f', () => 1, { directonly: true } as never), 'options.directonly', 'directOnly'],
    [
      () => db.createAggregate('f', { start: () => 1, step: () => 1, results: () => 1 } as never),
      'aggregate.results',
      'result',
    ],
    [() => db.authorize({ denied: [] } as never), 'rules.denied', 'deny'],
    [() => db.authorize({ deny: [{ action: 'read', tables: 't' } as never] }), 'rules.deny[0].tables', 'table'],
    [() => db.recordChanges({ table: ['t'] } as never), 'options.table', 'tables'],
    [() => db.applyChangeset(new Uint8Array(), { onConflicts: 'omit' } as never), 'options.onConflicts', 'onConflict'],
    [() => db.openBlob({ table: 't', column: 'x', rowId: 1 } as never), 'at.rowId', 'rowid'],
  ];
  for (const [call, name, hint] of wrong) expect(await rejection(call())).toEqual(unknown(name, hint));
});

test('calls of a pool refuse them', async () => {
  const pool = on.pool();
  const wrong: [() => Promise<unknown>, string, string][] = [
    [() => pool.acquire({ roles: 'reader' } as never), 'options.roles', 'role'],
    [() => pool.withConnection(async () => {}, { Role: 'reader' } as never), 'options.Role', 'role'],
    [() => pool.read(async () => {}, { timeout: 5 } as never), 'options.timeout', 'timeoutMs'],
    [() => pool.backup(on.file('copy.db'), { progress: () => {} } as never), 'options.progress', 'onProgress'],
  ];
  for (const [call, name, hint] of wrong) expect(await rejection(call())).toEqual(unknown(name, hint));
});

describe('a store', () => {
  test('refuses options that it does not have', () => {
    const make = () => new SessionStore(on.pool(), { sessionTable: 's' } as never);
    expect(make).toThrow(unknown('options.sessionTable', 'sessionsTable'));
  });

  test('refuses filters and deltas that it does not have: what they leave out would be deleted, or lost', async () => {
    const store = new SessionStore(on.pool());
    await store.createTables();
    const key = { appName: 'shop', userId: 'ada', sessionId: 's' };
    await store.createSession(key);
    const event = { ...key, id: 'e', invocationId: 'i', author: 'user', actions: {}, timestamp: 1 };
    const wrong: [() => Promise<unknown>, string, string][] = [
      [
        () => store.deleteIdleSessions({ idleSince: Date.now() + 1_000, appname: 'x' } as never),
        'filter.appname',
        'appName',
      ],
      [() => store.deleteOldEvents({ before: 2, app: 'x' } as never), 'filter.app', 'appName'],
      [() => store.listSessions({ appName: 'shop', user: 'ada' } as never), 'filter.user', 'userId'],
      [() => store.listSessionPage({ appName: 'shop', orderby: 'createTime' } as never), 'filter.orderby', 'orderBy'],
      [() => store.countSessions({ appName: 'shop', userID: 'ada' } as never), 'filter.userID', 'userId'],
      [() => store.loadSession(key, { lasts: 1 } as never), 'filter.lasts', 'last'],
      [() => store.getEvents(key, { afterseq: 1 } as never), 'filter.afterseq', 'afterSeq'],
      [() => store.iterateEvents(key, { afterseq: 1 } as never).next(), 'filter.afterseq', 'afterSeq'],
      [() => store.createSession({ ...key, States: {} } as never), 'input.States', 'state'],
      [() => store.appendEvent(event, { sesion: { a: 1 } } as never), 'deltas.sesion', 'session'],
      [() => store.appendEvent(event, {}, { revision: 1 } as never), 'options.revision', 'expectedRevision'],
    ];
    for (const [call, name, hint] of wrong) expect(await rejection(call())).toEqual(unknown(name, hint));
    expect(await store.loadSession(key)).toMatchObject({ session: { id: 's' }, events: [] });
  });
});

test('a session service refuses options of the pool, the store and its own that it does not have', () => {
  const database = ':memory:';
  const make = (options: object, more?: object) => () =>
    new SqliteSessionService({ database, ...options } as PoolOptions, more as never);
  expect(make({ poolsize: 1 })).toThrow(unknown('source.poolsize', 'poolSize'));
  expect(make({ eventTable: 'e' })).toThrow(unknown('source.eventTable', 'eventsTable'));
  expect(make({ staleSession: 'reject' })).toThrow(unknown('source.staleSession', 'staleSessions'));
  expect(make({}, { staleSession: 'reject' })).toThrow(unknown('options.staleSession', 'staleSessions'));
  expect(make({ staleSessions: 'reject', eventsTable: 'e', poolSize: 1 })).not.toThrow();
});

test('keys refuse names that they do not have', async () => {
  const pool = on.pool();
  const [store, memory, artifacts] = [new SessionStore(pool), new MemoryStore(pool), new ArtifactStore(pool)];
  for (const each of [store, memory, artifacts]) await each.createTables();
  const user = { appName: 'shop', userId: 'ada' };
  const key = { ...user, sessionId: 's' };
  const artifact = { ...key, name: 'note.txt' };
  await store.createSession(key);
  await artifacts.save(artifact, { text: 'hello' });
  const wrong: [() => Promise<unknown>, string, string][] = [
    [() => store.getSession({ ...key, sesionId: 's' } as never), 'key.sesionId', 'sessionId'],
    [() => store.deleteSession({ ...key, appname: 'shop' } as never), 'key.appname', 'appName'],
    [() => store.getEvents({ ...key, userID: 'ada' } as never), 'key.userID', 'userId'],
    [() => store.deleteUser({ ...user, users: 'ada' } as never), 'key.users', 'userId'],
    [() => artifacts.load({ ...artifact, session: 's' } as never), 'key.session', 'sessionId'],
    [() => artifacts.delete({ ...user, name: 'note.txt', sessionID: 's' } as never), 'key.sessionID', 'sessionId'],
    [() => artifacts.list({ ...user, session: 's' } as never), 'scope.session', 'sessionId'],
    [() => artifacts.sweep({ olderThan: Date.now() + 1_000, appname: 'x' } as never), 'filter.appname', 'olderThan'],
    [() => memory.count({ ...user, user: 'ada' } as never), 'filter.user', 'userId'],
  ];
  for (const [call, name, hint] of wrong) {
    const error = await rejection(call());
    if (name === 'filter.appname') expect(error).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
    else expect(error).toEqual(unknown(name, hint));
  }
  expect(await rejection(memory.count(key as never))).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
  expect(await artifacts.list(key)).toEqual(['note.txt']);
});

test('an artifact store and its service refuse them', async () => {
  const make = () => new ArtifactStore(on.pool(), { artifactTable: 'a' } as never);
  expect(make).toThrow(unknown('options.artifactTable', 'artifactsTable'));
  const serve = () => new SqliteArtifactService({ database: ':memory:', maxbytes: 1 } as never);
  expect(serve).toThrow(unknown('source.maxbytes', 'maxBytes'));
  const key = { appName: 'shop', userId: 'ada', name: 'note.txt' };
  const loading = new ArtifactStore(on.pool()).load(key, { versions: 1 } as never);
  expect(await rejection(loading)).toEqual(unknown('options.versions', 'version'));
});

test('the query builders refuse a database of another driver', () => {
  const other = { transaction() {}, prepare() {}, exec() {}, pragma() {} } as never;
  for (const make of [() => new AiosqliteDialect(other), () => drizzle(other), () => new PrismaAiosqlite(other)])
    expect(make).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_UNKNOWN_OPTION' }));
});

test('the query builders refuse them', async () => {
  expect(() => new AiosqliteDialect({ database: ':memory:', max: 3, poolsize: 3 } as never)).toThrow(
    expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }),
  );
  expect(() => drizzle(':memory:', { schemas: {} } as never)).toThrow(unknown('config.schemas', 'schema'));
  expect(() => drizzle({ connections: ':memory:' } as never)).toThrow(unknown('config.connections', 'connection'));
  expect(() => drizzle({ connection: { database: ':memory:', readOnly: true } as never })).toThrow(
    unknown('options.readOnly', 'readonly'),
  );
  const db = drizzle(':memory:');
  const migrating = migrate(db, { migrationFolder: './drizzle' } as never);
  expect(await rejection(migrating)).toEqual(unknown('config.migrationFolder', 'migrationsFolder'));
  await db.$client.close();
});
