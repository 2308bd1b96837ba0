import {
  type createEvent,
  type Event,
  InMemorySessionService,
  LlmAgent,
  LOAD_MEMORY,
  LogLevel,
  PRELOAD_MEMORY,
  Runner,
  setLogLevel,
} from '@google/adk';
import { MemoryPlugin, SqliteMemoryService, SqliteSessionService } from 'aiosqlite/adk';
import { MemoryStore, SessionStore } from 'aiosqlite/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key } from './fixtures.js';
import { ScriptedLlm } from './scripted-llm.js';

setLogLevel(LogLevel.ERROR);
const on = databases();
let service: SqliteMemoryService;
beforeEach(() => {
  service = new SqliteMemoryService(on.file());
});
afterEach(() => service.close());

const owner = { appName: key.appName, userId: key.userId };
const said = (id: string, text: string, fields: Parameters<typeof createEvent>[0] = {}) =>
  event(id, { content: { role: 'user', parts: [{ text }] }, ...fields });
const session = (events: Event[], id = key.sessionId) => ({ id, ...owner, state: {}, events, lastUpdateTime: 0 });
const found = async (query: string, more = {}) =>
  (await service.searchMemory({ ...owner, query, ...more })).memories.map(({ id }) => id).join(' ');

describe('addSessionToMemory()', () => {
  test('remembers what was said, with author, time and id', async () => {
    const events = [said('e1', 'green tea', { author: 'ada', timestamp: 1_700_000_000_123 }), said('e2', 'coffee')];
    await service.addSessionToMemory(session(events));
    expect(await service.searchMemory({ ...owner, query: 'tea' })).toEqual({
      memories: [
        {
          id: 'e1',
          author: 'ada',
          timestamp: '2023-11-14T22:13:20.123Z',
          content: { role: 'user', parts: [{ text: 'green tea' }] },
        },
      ],
    });
  });

  test('adds to what is there: twice changes nothing, a shorter session takes nothing away', async () => {
    await service.addSessionToMemory(session([said('e1', 'tea one'), said('e2', 'tea two')]));
    await service.addSessionToMemory(session([said('e3', 'tea three')]));
    await service.addSessionToMemory(session([said('e1', 'tea changed')]));
    expect((await found('tea?')).split(' ').sort()).toEqual(['e1', 'e2', 'e3']);
    expect(await found('changed?')).toBe('e1');
    await service.addSessionToMemory(session([said('e1', 'tea of another session')], 's2'));
    expect(await service.store.count(owner)).toBe(4);
  });

  test('leaves out what is partial, thought, summed up or undone', async () => {
    const thought = { role: 'model', parts: [{ text: 'no', thought: true }] };
    const undone = said('undone', 'no', { invocationId: 'i2' });
    const marker = said('marker', 'no', { invocationId: 'i3', actions: { rewindBeforeInvocationId: 'i2' } as any });
    await service.addSessionToMemory(
      session([
        said('e1', 'no, yes', { invocationId: 'i1' }),
        said('e2', 'no', { partial: true }),
        event('e3', { content: thought }),
        { ...said('e4', 'no'), isCompacted: true } as Event,
        event('e5'),
        undone,
        marker,
      ]),
    );
    expect(await found('no?')).toBe('e1');
  });
});

describe('entries of your own', () => {
  test('are added, replaced by their id, and erased', async () => {
    const memory = (text: string, id?: string) => ({ content: { role: 'user', parts: [{ text }] }, ...(id && { id }) });
    await service.addMemory({
      ...owner,
      memories: [
        { ...memory('likes tea', 'm1'), author: 'user', timestamp: '2024-01-02T03:04:05.678Z' },
        memory('likes jazz'),
      ],
      customMetadata: { source: 'form' },
    });
    await service.addMemory({ ...owner, memories: [{ ...memory('likes coffee', 'm1'), customMetadata: { n: 1 } }] });
    expect(await found('tea?')).toBe('');
    const { memories } = await service.searchMemory({ ...owner, query: 'coffee or jazz?' });
    expect(memories.map(({ customMetadata }) => JSON.stringify(customMetadata)).sort()).toEqual([
      '{"n":1}',
      '{"source":"form"}',
    ]);
    for (const { id } of memories) await service.deleteMemory({ ...owner, id: id as string });
    expect(await service.store.count(owner)).toBe(0);
  });

  test('and events go with their session or their user', async () => {
    await service.addEventsToMemory({ ...owner, sessionId: 's1', events: [said('e1', 'tea one')] });
    await service.addEventsToMemory({
      ...owner,
      sessionId: 's2',
      events: [said('e2', 'tea two')],
      customMetadata: { a: 1 },
    });
    await service.addEventsToMemory({ ...owner, userId: 'bob', events: [said('e3', 'tea three')] });
    await service.deleteSessionMemory({ ...owner, sessionId: 's1' });
    expect(await found('tea?')).toBe('e2');
    await service.deleteUserMemory(owner);
    expect(await found('tea?')).toBe('');
    expect(await found('tea?', { userId: 'bob' })).toBe('e3');
  });
});

describe('under a Runner', () => {
  const run = async (runner: Runner, sessionId: string, text: string) => {
    await runner.sessionService.createSession({ ...owner, sessionId });
    const turn = runner.runAsync({ ...owner, sessionId, newMessage: { role: 'user', parts: [{ text }] } });
    for await (const _ of turn);
  };

  test('load_memory and preload_memory find what the plugin has stored, of whatever session service', async () => {
    const requests: any[] = [];
    const model = new ScriptedLlm((request) => {
      requests.push(structuredClone({ contents: request.contents, system: request.config?.systemInstruction }));
      const last = request.contents.at(-1)?.parts?.[0];
      if (last?.text?.startsWith('Which'))
        return [{ functionCall: { name: 'load_memory', args: { query: last.text } } }];
      return [{ text: 'Noted.' }];
    });
    const agent = new LlmAgent({ name: 'agent', model, tools: [LOAD_MEMORY, PRELOAD_MEMORY] });
    const plugins = [new MemoryPlugin(service)];
    const sessionService = new InMemorySessionService();
    const runner = new Runner({ appName: key.appName, agent, sessionService, memoryService: service, plugins });
    await run(runner, 's1', 'My favourite tea is sencha.');
    await run(runner, 's2', "What's up?");
    await run(runner, 's3', 'Which tea is my favourite?');
    const [, second, third, fourth] = requests;
    expect(JSON.stringify(second.system)).not.toContain('PAST_CONVERSATIONS');
    expect(JSON.stringify(third.system)).toContain('user: My favourite tea is sencha.');
    const response = fourth.contents.at(-1).parts[0].functionResponse.response;
    expect(response.memories[0]).toMatchObject({ content: 'My favourite tea is sencha.', author: 'user' });
    await run(runner, 's4', 'Which tea is my favourite?');
    const answers = requests.at(-1).contents.at(-1).parts[0].functionResponse.response.memories;
    expect(answers.map(({ content }: any) => content)).not.toContain('Which tea is my favourite?');
  });

  test('backfill() brings in what sessions of the same file hold', async () => {
    const sessionService = new SqliteSessionService(on.file());
    const agent = new LlmAgent({ name: 'agent', model: new ScriptedLlm(() => [{ text: 'Sencha it is.' }]) });
    await run(new Runner({ appName: key.appName, agent, sessionService }), 's1', 'I drink sencha.');
    expect(await service.backfill()).toEqual({ sessions: 1, entries: 2 });
    expect(
      (await service.searchMemory({ ...owner, query: 'sencha?' })).memories.map(({ author }) => author).sort(),
    ).toEqual(['agent', 'user']);
    await sessionService.close();
  });
});

describe('a service can be made from', () => {
  test('a store, which stays open, and a session store', async () => {
    const pool = on.pool({ database: on.file('stores.db') });
    const store = new MemoryStore(pool);
    const made = new SqliteMemoryService(store);
    expect(made.store).toBe(store);
    await made.addSessionToMemory(session([said('e1', 'green tea')]));
    await made.close();
    expect(await store.count(owner)).toBe(1);
    const other = new SqliteMemoryService(new SessionStore(pool));
    expect((await other.searchMemory({ ...owner, query: 'tea' })).memories).toHaveLength(1);
    await other[Symbol.asyncDispose]();
  });

  test('the options of a pool and a store together, and nothing else', async () => {
    const made = new SqliteMemoryService({ database: ':memory:', memoryTable: 'notes', functionResponses: true });
    await made.addSessionToMemory(session([said('e1', 'green tea')]));
    expect((await made.searchMemory({ ...owner, query: 'tea' })).memories).toHaveLength(1);
    await made.close();
    expect(() => new SqliteMemoryService(7 as any)).toThrow('source');
    expect(() => new SqliteMemoryService({ database: ':memory:', memorytable: 'x' } as any)).toThrow(
      'source.memorytable',
    );
    expect(() => new MemoryPlugin({} as any)).toThrow('memoryService');
  });
});

test.each<[string, (service: any) => Promise<unknown>]>([
  ['session must be', (it) => it.addSessionToMemory(undefined)],
  ['session.events must be', (it) => it.addSessionToMemory({ ...session([]), events: undefined })],
  ['request.query must be', (it) => it.searchMemory(owner)],
  ['userId must be', (it) => it.searchMemory({ appName: 'app', query: 'tea' })],
  [
    'request.memories[0].timestamp must be',
    (it) => it.addMemory({ ...owner, memories: [{ content: {}, timestamp: 'soon' }] }),
  ],
  ['request.memories[0] must be', (it) => it.addMemory({ ...owner, memories: [7] })],
  ['request.userId must be', (it) => it.deleteUserMemory({ appName: 'app' })],
  ['key.sessionId must be', (it) => it.deleteSessionMemory(owner)],
  ['request.id must be', (it) => it.deleteMemory(owner)],
  ['request.memories[0].id must be', (it) => it.addMemory({ ...owner, memories: [{ id: 7, content: {} }] })],
  ['request.userId must be', (it) => it.addMemory({ appName: 'app', memories: [{ content: {} }] })],
  ['request.appName must be', (it) => it.addEventsToMemory({ userId: 'ada', events: [said('e2', 'tea')] })],
])('a request is checked: %s', async (message, call) => {
  await service.addSessionToMemory(session([said('e1', 'green tea')]));
  expect(await rejection(call(service))).toMatchObject({ message: expect.stringContaining(message) });
  expect(await service.store.count(owner)).toBe(1);
});
