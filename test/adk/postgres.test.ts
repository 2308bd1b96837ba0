import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { LogLevel, setLogLevel } from '@google/adk';
import { openServices, PostgresSessionService } from 'aiosqlite/adk';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { describePostgres, postgres, serverUrl } from '../support/postgres.js';
import { rejection } from '../support/rejection.js';
import { event, ids, key, withDelta } from './fixtures.js';

setLogLevel(LogLevel.ERROR);

const URL_WITH_PASSWORD = 'postgres://ada:sesame@example.invalid/agent';

test('aiosqlite/adk with a PostgresSessionService loads no addon', () => {
  const code = `const { PostgresSessionService } = require('aiosqlite/adk'); new PostgresSessionService('postgres://a@b/c');
    console.log(process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node')).length)`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toBe('0\n');
});

describe('options', () => {
  test.each([
    [{ retryms: 1 }, 'ERR_UNKNOWN_OPTION', /options\.retryms/],
    [{ staleSessions: 'no' }, 'ERR_OUT_OF_RANGE', /staleSessions/],
    [{ schema: '' }, 'ADK_INVALID_NAME', /schema/],
  ])('%j is refused by name', async (options, code, message) => {
    const error = await rejection((async () => new PostgresSessionService(URL_WITH_PASSWORD, options as never))());
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('those of a store are refused beside a store', async () => {
    const store = new PostgresSessionStore(URL_WITH_PASSWORD);
    const error = await rejection((async () => new PostgresSessionService(store, { schema: 'x' } as never))());
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
  });

  test('a memory that appends fill is refused: it would be in another database', async () => {
    const error = await rejection((async () => openServices(URL_WITH_PASSWORD, { memory: { index: 'append' } }))());
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE', message: expect.stringContaining('options.memory.index') });
  });

  test('a printed service shows no password, nor does the error of its calls', async () => {
    await using service = new PostgresSessionService(URL_WITH_PASSWORD, { retryMs: 100 });
    expect(inspect(service, { depth: 20, showHidden: true })).not.toContain('sesame');
    const error = await rejection(service.createSession(key));
    // ENOTFOUND, EAI_AGAIN, or ERR_TIMEOUT where the name's search takes longer.
    expect(error).toMatchObject({ code: expect.stringMatching(/^E[A-Z_]+$/) });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('sesame');
  });
});

describePostgres('PostgresSessionService', () => {
  const on = postgres();
  const files = databases();

  test('closes what it opened alone, after the calls under way', async () => {
    const pool = on.pool();
    const schema = on.schema();
    const service = new PostgresSessionService(pool, { schema });
    const made = service.createSession(key);
    await service.close();
    expect(await made).toMatchObject({ id: key.sessionId });
    expect(await rejection(service.getSession(key))).toMatchObject({ code: 'ERR_CLOSED' });
    const store = new PostgresSessionStore(pool, { schema });
    const other = new PostgresSessionService(store);
    await other.close();
    expect(await other.getSession(key)).toBeDefined();
    expect(other.store).toBe(store);
  });

  test('session objects of two services follow each other, and a session that is created again is another one', async () => {
    const schema = on.schema();
    const [one, other] = [0, 1].map(() => new PostgresSessionService(on.pool(), { schema })) as [
      PostgresSessionService,
      PostgresSessionService,
    ];
    const mine = await one.createSession(key);
    const theirs = (await other.getSession(key)) as typeof mine;
    for (let i = 0; i < 3; i++) {
      await one.appendEvent({ session: mine, event: withDelta(`mine${i}`, { mine: i, 'app:m': i }) });
      await other.appendEvent({ session: theirs, event: withDelta(`theirs${i}`, { theirs: i, 'user:t': i }) });
    }
    expect(ids(theirs)).toBe('mine0 theirs0 mine1 theirs1 mine2 theirs2');
    expect(theirs.state).toEqual({ mine: 2, theirs: 2, 'app:m': 2, 'user:t': 2 });
    expect((await one.getSession(key))?.events).toEqual(theirs.events);
    await other.deleteSession(key);
    await other.createSession(key);
    await one.appendEvent({ session: mine, event: event('again') });
    expect(ids(mine)).toBe('again');
    expect(ids(await other.getSession(key))).toBe('again');
  });

  test('many appends on one object, and on copies of it, are each stored once and in order', async () => {
    const service = new PostgresSessionService(on.pool(), { schema: on.schema() });
    const session = await service.createSession(key);
    const copy = (await service.getSession(key)) as typeof session;
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        service.appendEvent({ session: i % 3 ? session : copy, event: withDelta(`e${i}`, { [`k${i % 7}`]: i }) }),
      ),
    );
    const stored = await service.getSession(key);
    expect(stored?.events.length).toBe(60);
    await service.appendEvent({ session, event: event('last') });
    await service.appendEvent({ session: copy, event: event('very last') });
    const now = await service.getSession(key);
    expect(ids(copy)).toBe(ids(now));
    expect(copy.state).toEqual(now?.state);
  });

  test('calls of the service and of its store are stored in their order', async () => {
    const service = new PostgresSessionService(on.pool(), { schema: on.schema() });
    const session = await service.createSession(key);
    const calls: Promise<unknown>[] = [];
    for (let round = 0; round < 10; round += 1) {
      for (let i = 0; i < 5; i += 1) {
        calls.push(service.appendEvent({ session, event: withDelta(`e${round}.${i}`, { at: `${round}.${i}` }) }));
      }
      calls.push(service.store.updateSessionState(key, { at: round }));
    }
    await Promise.all(calls);
    expect((await service.getSession(key))?.state).toEqual({ at: 9 });
    expect(await service.store.deleteUser({ appName: key.appName, userId: key.userId })).toEqual({ sessions: 1 });
  });

  test('lists sessions by title, in either case of any script', async () => {
    const service = new PostgresSessionService(on.pool(), { schema: on.schema() });
    for (const [sessionId, displayName] of [
      ['a', 'Größe'],
      ['b', 'ΕΛΛΑΔΑ'],
      ['c', 'a\0b'],
      ['d', 7],
    ] as const) {
      await service.createSession({ ...key, sessionId, state: { __session_metadata__: { displayName } } });
    }
    const find = async (title: string) => {
      const { sessions, totalItems } = await service.listSessions({ appName: key.appName, title });
      expect(totalItems).toBe(sessions.length);
      return sessions.map(({ id }) => id).join('');
    };
    expect(await find('GRÖSSE')).toBe('');
    expect(await find('GRÖ')).toBe('a');
    expect(await find('λλαδ')).toBe('b');
    expect(await find('A\0')).toBe('c');
    expect(await find('7')).toBe('');
    expect(await find('%')).toBe('');
  });

  test('openServices() takes a URL: memory and artifacts are in the file that `local` names, or absent', async () => {
    const url = serverUrl() as 'postgres://';
    const appName = on.schema();
    const session = { ...key, appName };
    await using alone = openServices(url);
    expect(Object.keys(alone).sort()).toEqual(['close', 'sessionService']);
    await using services = openServices(url, { local: files.file() });
    const { sessionService, memoryService, artifactService } = services;
    const made = await sessionService.createSession(session);
    await sessionService.appendEvent({
      session: made,
      event: event('e', { content: { role: 'user', parts: [{ text: 'green tea' }] } }),
    });
    await memoryService?.addSessionToMemory(made);
    const found = await memoryService?.searchMemory({ appName, userId: key.userId, query: 'tea' });
    expect(found?.memories).toHaveLength(1);
    await artifactService?.saveArtifact({ ...session, filename: 'a', artifact: { text: 'x' } });
    expect(await artifactService?.loadArtifact({ ...session, filename: 'a' })).toMatchObject({ text: 'x' });
    await alone.sessionService.deleteUser({ appName, userId: key.userId });
    await services.close();
    expect(await rejection(sessionService.getSession(session))).toMatchObject({ code: 'ERR_CLOSED' });
  });
});
