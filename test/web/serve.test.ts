import { createServer } from 'node:net';
import { connect } from 'aiosqlite';
import { serveAdk } from 'aiosqlite/web';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fault, findFaults } from '../../lib/web/faults.js';
import { makeFront } from '../../lib/web/front.js';
import { Site, sessions, turn } from './fixtures.js';

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => site.remove());

const EVENTS = ['exit', 'SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'uncaughtException', 'unhandledRejection'];
const listeners = () => EVENTS.map((name) => [name, process.listenerCount(name)]);

test('closing leaves no handler of the process and no listening port, and the services open', async () => {
  const before = listeners();
  const server = await site.serve();
  await site.ask('POST', sessions, { sessionId: 's1' });
  await site.ask('POST', '/run', turn('s1', 'hi'));
  expect(listeners()).toEqual(before);
  await Promise.all([server.close(), server.close()]);
  expect(listeners()).toEqual(before);
  await expect(fetch(`${server.url}/list-apps`)).rejects.toThrow();
  expect(await site.sessionService.getSession({ appName: 'hello', userId: 'ada', sessionId: 's1' })).toBeDefined();
});

test('closing waits for a run', async () => {
  const server = await site.serve();
  await site.ask('POST', sessions, { sessionId: 's1' });
  delete (globalThis as { pieces?: number }).pieces;
  const run = site.ask('POST', '/run', turn('s1', 'slowly'));
  while ((globalThis as { pieces?: number }).pieces === undefined)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await server.close();
  expect((await run).json.at(-1).content.parts[0].text).toBe('You said: slowly');
});

test('the web UI is served, or left out', async () => {
  await site.serve();
  expect((await site.ask('GET', '/dev-ui/')).text).toContain('<html');
  const bare = await serveAdk({ agentsDir: site.agentsDir, services: site.services, port: 0, ui: false });
  expect((await fetch(`${bare.url}/dev-ui/`)).status).toBe(404);
  expect((await fetch(`${bare.url}/health`)).status).toBe(200);
  await bare.close();
});

test('services that are not given are kept in memory', async () => {
  await site.serve({ services: { sessionService: site.sessionService } });
  await site.ask('POST', sessions, { sessionId: 's1' });
  await site.ask('POST', `${sessions}/s1/artifacts/a`, { text: 'x' });
  expect((await site.ask('GET', `${sessions}/s1/artifacts`)).json).toEqual(['a']);
});

describe('faults', () => {
  const allowed = { host: '127.0.0.1', further: new Set<string>() };
  const all: Fault[] = ['create', 'list', 'read', 'change', 'memory', 'artifacts', 'graph', 'history'];
  const serverWith = async (faults: Fault[]) => {
    const { AdkApiServer } = await import('@google/adk-devtools');
    const server: any = new AdkApiServer({
      ...site.services,
      agentLoader: { listAgents: async () => [] } as any,
      logger,
    });
    await server.init();
    const options = { app: server.app, agents: { has: () => true }, services: site.services, faults: new Set(faults) };
    return makeFront({ ...options, allowed, maxBodyBytes: 1e6 });
  };
  const quiet = () => {};
  const logger: any = { log: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, setLogLevel: quiet };

  test('are all found in the server of this version of ADK, none behind the routes that mend them', async () => {
    expect([...(await findFaults(await serverWith([]), site.services))].sort()).toEqual([...all].sort());
    await site.sessionService.deleteUser({ appName: 'probe', userId: 'probe' });
    expect([...(await findFaults(await serverWith(all), site.services))]).toEqual([]);
  });
});

describe('what is wrong at the start is said in one sentence', () => {
  const serve = (options: object) => site.serve(options as any);

  test('no folder, no agent, a port in use', async () => {
    await expect(serve({ agentsDir: `${site.folder}/none` })).rejects.toThrow(`there is no folder ${site.folder}/none`);
    site.write('empty/readme.txt', '');
    await expect(serve({ agentsDir: `${site.folder}/empty` })).rejects.toThrow(/^no agent in /);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(serve({ port })).rejects.toThrow(`port ${port} of 127.0.0.1 is in use`);
    other.close();
  });

  test.each([
    [{ agentsDir: 1 }, 'agentsDir'],
    [{ services: undefined }, 'services'],
    [{ services: {} }, 'sessionService'],
    [{ host: 1 }, 'host'],
    [{ port: -1 }, 'port'],
    [{ port: '80' }, 'port'],
    [{ ui: 'yes' }, 'ui'],
    [{ allowedHosts: 'a' }, 'allowedHosts'],
    [{ maxBodyBytes: 0 }, 'maxBodyBytes'],
    [{ ports: 1 }, 'options.ports'],
  ])('%o: the error names %s', async (options, name) => {
    await expect(serve(options)).rejects.toThrow(name);
    await expect(serve(options)).rejects.toHaveProperty('code', expect.stringMatching(/^ERR_/));
  });

  test('a database that is not fit is refused by the store, and sessions are 503', async () => {
    site.write('agent.db', 'this is no database, whatever its name says'.repeat(100));
    await site.serve();
    const { status, json } = await site.ask('GET', sessions);
    expect([status, json.code]).toEqual([503, 'SQLITE_NOTADB']);
  });

  test('a database of a newer version is refused unchanged, and sessions are 503', async () => {
    await site.sessionService.listSessions({ appName: 'hello' });
    const db = await connect(site.file);
    await db.run("UPDATE adk_metadata SET value = '99' WHERE key = 'schema_version'");
    const { SqliteSessionService } = await import('aiosqlite/adk');
    const sessionService = new SqliteSessionService(site.file);
    await site.serve({ services: { sessionService } });
    const { status, json } = await site.ask('GET', sessions);
    expect([status, json.code]).toEqual([503, 'ADK_SCHEMA_VERSION']);
    expect(await db.get("SELECT value FROM adk_metadata WHERE key = 'schema_version'")).toEqual({ value: '99' });
    await sessionService.close();
    await db.close();
  });

  test('a database that another process holds is 503 once its time is over', async () => {
    const holder = await connect(site.file);
    await holder.exec('PRAGMA locking_mode = exclusive; CREATE TABLE t (x); BEGIN EXCLUSIVE');
    const { SqliteSessionService } = await import('aiosqlite/adk');
    const sessionService = new SqliteSessionService(site.file, { busyTimeoutMs: 50 });
    await site.serve({ services: { sessionService } });
    expect((await site.ask('GET', sessions)).status).toBe(503);
    await holder.close();
    expect((await site.ask('GET', sessions)).status).toBe(200);
    await sessionService.close();
  });
});
