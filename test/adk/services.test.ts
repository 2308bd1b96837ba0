import { pathToFileURL } from 'node:url';
import { FunctionTool, LlmAgent, LOAD_MEMORY, LogLevel, PRELOAD_MEMORY, Runner, setLogLevel } from '@google/adk';
import { openServices, type Services, type ServicesOptions } from 'aiosqlite/adk';
import { afterEach, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key } from './fixtures.js';
import { ScriptedLlm } from './scripted-llm.js';

setLogLevel(LogLevel.ERROR);
const on = databases();
const opened: Services[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((services) => services.close()));
});

function open(options?: ServicesOptions, source: Parameters<typeof openServices>[0] = on.file()): Services {
  const services = openServices(source, options);
  opened.push(services);
  return services;
}

const owner = { appName: key.appName, userId: key.userId };
const said = (id: string, text: string) => event(id, { content: { role: 'user', parts: [{ text }] } });
const count = (services: Services) => services.memoryService.store.count(owner);

/** A failure of `openServices` as a rejection. */
const attempt = async (...args: Parameters<typeof openServices>) => open(args[1], args[0]);

async function run(runner: Runner, sessionId: string, text: string): Promise<void> {
  const turn = runner.runAsync({ userId: key.userId, sessionId, newMessage: { role: 'user', parts: [{ text }] } });
  for await (const _ of turn);
}

/** An agent that writes notes as artifacts, and looks into memory for questions. */
function makeAgent(requests: any[]): LlmAgent {
  const model = new ScriptedLlm((request) => {
    requests.push(structuredClone({ contents: request.contents, system: request.config?.systemInstruction }));
    const [part] = request.contents.at(-1).parts;
    if (part.text?.startsWith('Note')) return [{ functionCall: { name: 'note', args: { text: part.text } } }];
    if (part.text?.startsWith('Which')) return [{ functionCall: { name: 'load_memory', args: { query: part.text } } }];
    return [{ text: 'Noted.' }];
  });
  const note = new FunctionTool({
    name: 'note',
    description: 'Writes a note',
    execute: async (args: any, context: any) => {
      context.state.set('notes', 1);
      context.state.set('user:language', 'en');
      return { version: await context.saveArtifact('note.txt', { text: args.text }) };
    },
  });
  return new LlmAgent({ name: 'agent', model, tools: [LOAD_MEMORY, PRELOAD_MEMORY, note] });
}

test('openServices() is all that a Runner needs: sessions, memory and artifacts on one file', async () => {
  const requests: any[] = [];
  const services = open();
  const runner = new Runner({ appName: key.appName, agent: makeAgent(requests), ...services });
  const { sessionService, artifactService } = services;
  for (const sessionId of ['s1', 's2']) await sessionService.createSession({ ...owner, sessionId });
  await run(runner, 's1', 'Note: my favourite tea is sencha.');
  expect(await artifactService.loadArtifact({ ...owner, sessionId: 's1', filename: 'note.txt' })).toEqual({
    text: 'Note: my favourite tea is sencha.',
  });
  const session = (await sessionService.getSession({ ...owner, sessionId: 's1' }))!;
  expect(session.state).toEqual({ notes: 1, 'user:language': 'en' });
  expect(session.events.some(({ actions }) => actions.artifactDelta['note.txt'] === 0)).toBe(true);
  await run(runner, 's2', 'Which tea is my favourite?');
  const last = requests.at(-1);
  expect(JSON.stringify(last.system)).toContain('user: Note: my favourite tea is sencha.');
  const { memories } = last.contents.at(-1).parts[0].functionResponse.response;
  expect(memories[0]).toMatchObject({ content: 'Note: my favourite tea is sencha.', author: 'user' });
  await services.close();

  const again = open();
  expect((await again.sessionService.listSessions(owner)).sessions).toHaveLength(2);
  expect(await again.artifactService.listArtifactKeys({ ...owner, sessionId: 's1' })).toEqual(['note.txt']);
  await again.sessionService.deleteSession({ ...owner, sessionId: 's1', memory: true });
  expect(await again.artifactService.listArtifactKeys({ ...owner, sessionId: 's1' })).toEqual([]);
  // The question of the other session, and its answer.
  expect(await count(again)).toBe(2);
});

test('a Runner goes on behind a rewind as if the turns that it undid had never been', async () => {
  const requests: any[] = [];
  const services = open();
  const runner = new Runner({ appName: key.appName, agent: makeAgent(requests), ...services });
  const { sessionService, artifactService } = services;
  const at = { ...owner, sessionId: 's1' };
  const note = { ...at, filename: 'note.txt' };
  for (const sessionId of ['s1', 's2']) await sessionService.createSession({ ...owner, sessionId });
  await run(runner, 's1', 'Note: tea with milk.');
  await run(runner, 's1', 'Note: tea with walrus.');
  const { events } = (await sessionService.getSession(at))!;
  const { invocationId } = events.find(({ content }) => JSON.stringify(content).includes('walrus'))!;
  await sessionService.rewind(at, { beforeInvocationId: invocationId });
  expect(await artifactService.listVersions(note)).toEqual([0]);

  requests.length = 0;
  await run(runner, 's1', 'Which tea?');
  await run(runner, 's2', 'Which tea?');
  expect(JSON.stringify(requests)).toContain('tea with milk');
  expect(JSON.stringify(requests)).not.toContain('walrus');
  // The number of the hidden version is not used again.
  await run(runner, 's1', 'Note: tea with lemon.');
  expect(await artifactService.listVersions(note)).toEqual([0, 2]);
  expect(await artifactService.loadArtifact(note)).toEqual({ text: 'Note: tea with lemon.' });
});

test('each service can make the first call: tables are made once, for all of them', async () => {
  const first: ((services: Services) => Promise<unknown>)[] = [
    ({ sessionService }) => sessionService.createSession(key),
    ({ memoryService }) => memoryService.searchMemory({ ...owner, query: 'tea' }),
    ({ artifactService }) => artifactService.listArtifactKeys(key),
    (services) => Promise.all(first.slice(0, 3).map((call) => call(services))),
  ];
  for (const [at, call] of first.entries()) {
    const services = open({}, on.file(`${at}.db`));
    await call(services);
    const tables = await services.sessionService.pool.all("SELECT name FROM sqlite_schema WHERE type = 'table'");
    const names = tables.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['adk_sessions', 'adk_memory', 'adk_artifacts']));
  }
});

test('with index session-end, addSessionToMemory() adds what is stored, whatever the session object shows', async () => {
  const services = open({ memory: { index: 'session-end' } });
  const session = await services.sessionService.createSession(key);
  for (const id of ['e1', 'e2', 'e3']) await services.sessionService.appendEvent({ session, event: said(id, 'tea') });
  expect(await count(services)).toBe(0);
  const shown = (await services.sessionService.getSession({ ...key, config: { numRecentEvents: 1 } }))!;
  await services.memoryService.addSessionToMemory(shown);
  expect(await count(services)).toBe(3);
  const elsewhere = { ...key, id: 'elsewhere', state: {}, events: [said('e4', 'tea')], lastUpdateTime: 0 };
  await services.memoryService.addSessionToMemory(elsewhere);
  expect(await count(services)).toBe(4);
});

test('with index manual, addSessionToMemory() adds the events of the session object', async () => {
  const services = open({ memory: { index: 'manual' } });
  const session = await services.sessionService.createSession(key);
  for (const id of ['e1', 'e2']) await services.sessionService.appendEvent({ session, event: said(id, 'tea') });
  const shown = (await services.sessionService.getSession({ ...key, config: { numRecentEvents: 1 } }))!;
  await services.memoryService.addSessionToMemory(shown);
  expect(await count(services)).toBe(1);
});

test('close() lets every call of the three services finish, and ends them all; close() of one service ends none', async () => {
  const services = open();
  const { sessionService, memoryService, artifactService } = services;
  await sessionService.createSession(key);
  for (const service of [sessionService, memoryService, artifactService]) await service.close();
  const calls = [
    sessionService.getSession(key),
    memoryService.addEventsToMemory({ ...owner, events: [said('e1', 'tea')] }),
    artifactService.saveArtifact({ ...key, filename: 'a', artifact: { text: 'a' } }),
  ];
  await Promise.all([services.close(), services[Symbol.asyncDispose]()]);
  expect(await Promise.all(calls)).toEqual([expect.objectContaining({ id: 's1' }), undefined, 0]);
  for (const late of [
    sessionService.getSession(key),
    memoryService.searchMemory({ ...owner, query: 'tea' }),
    artifactService.listVersions({ ...key, filename: 'a' }),
  ]) {
    expect(await rejection(late)).toMatchObject({ code: 'ERR_CLOSED' });
  }
});

test('a source is a path, a URL, or the options of a pool and a store with tables of other names', async () => {
  for (const source of [on.file('a.db'), `sqlite://${on.file('a.db')}`, pathToFileURL(on.file('a.db'))]) {
    const services = open({}, source);
    await services.sessionService.getOrCreateSession(key);
    expect(await count(services)).toBe(0);
  }
  const named = { sessionsTable: 'my_sessions', artifactsTable: 'my_artifacts', memoryTable: 'my_memory' };
  const services = open({ staleSessions: 'reject' }, { database: ':memory:', poolSize: 1, ...named });
  const session = await services.sessionService.createSession(key);
  await services.sessionService.appendEvent({ session, event: said('e1', 'tea') });
  await services.memoryService.addSessionToMemory(session);
  await services.artifactService.saveArtifact({ ...key, filename: 'a', artifact: { text: 'a' } });
  const tables = await services.sessionService.pool.all("SELECT name FROM sqlite_schema WHERE type = 'table'");
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.values(named)));
  await services.sessionService.deleteUser(owner);
  expect(await count(services)).toBe(0);
  expect(await services.artifactService.listArtifactKeys(key)).toEqual([]);
});

test('options of memory are those of its store: function responses are searched, too', async () => {
  const services = open({ memory: { functionResponses: true } });
  const response = { functionResponse: { name: 'weather', response: { city: 'Lisbon' } } };
  const answer = event('e1', { content: { role: 'user', parts: [response] } });
  await services.memoryService.addEventsToMemory({ ...owner, sessionId: 's1', events: [answer] });
  expect((await services.memoryService.searchMemory({ ...owner, query: 'Lisbon' })).memories).toHaveLength(1);
});

test.each<[string, any, any?]>([
  ['options.memmory is unknown', 'a.db', { memmory: {} }],
  ['options.memory must be', 'a.db', { memory: 'append' }],
  ['options.memory.indx is unknown', 'a.db', { memory: { indx: 'append' } }],
  ['options.memory.index must be', 'a.db', { memory: { index: 'always' } }],
  ['options.embed must be', 'a.db', { memory: { embed: 7 } }],
  ['staleSessions must be', 'a.db', { staleSessions: 'maybe' }],
  ['options.local must be a string', 'a.db', { local: 7 }],
  ['options.local must be absent', 'a.db', { local: 'b.db' }],
  ['source must be', 7],
  ['source must be', 'mysql://ada@example.org/agent'],
  ['source.poolsize is unknown', { database: 'a.db', poolsize: 1 }],
  ['sessionsTable must be', { database: 'a.db', sessionsTable: 'no table' }],
])('a wrong argument is named: %s', async (message, source, options) => {
  expect((await rejection(attempt(source, options))).message).toContain(message);
});
