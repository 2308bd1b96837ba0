import {
  type Event,
  FunctionTool,
  LlmAgent,
  LOAD_ARTIFACTS,
  LogLevel,
  Runner,
  StreamingMode,
  setLogLevel,
} from '@google/adk';
import { createPool } from 'aiosqlite';
import { SqliteArtifactService, SqliteSessionService } from 'aiosqlite/adk';
import { ArtifactStore, SessionStore } from 'aiosqlite/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { key } from './fixtures.js';
import { ScriptedLlm } from './scripted-llm.js';

setLogLevel(LogLevel.ERROR);
const on = databases();
let sessionService: SqliteSessionService;
let service: SqliteArtifactService;
beforeEach(() => {
  sessionService = new SqliteSessionService(on.file());
  service = new SqliteArtifactService(on.file());
});
afterEach(() => Promise.all([sessionService.close(), service.close()]));

const at = { ...key, filename: 'report.txt' };
const png = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=', displayName: 'chart.png' } };

describe('under a Runner', () => {
  const run = async (agent: LlmAgent, message: any, runConfig = {}) => {
    const runner = new Runner({ appName: key.appName, agent, sessionService, artifactService: service });
    const events: Event[] = [];
    for await (const event of runner.runAsync({ ...key, newMessage: message, runConfig })) events.push(event);
    return events;
  };

  test('tools save versions, which the event names; load_artifacts and instructions read them', async () => {
    const requests: any[] = [];
    const draw = new FunctionTool({
      name: 'draw',
      description: 'Draws',
      execute: async (_: unknown, context: any) => {
        await context.saveArtifact('chart.png', png);
        await context.saveArtifact('user:motto', { text: 'be kind' });
        return { versions: [await context.saveArtifact('chart.png', png)] };
      },
    });
    const model = new ScriptedLlm((request) => {
      requests.push(structuredClone({ contents: request.contents, system: request.config?.systemInstruction }));
      if (requests.length === 1) return [{ functionCall: { name: 'draw', args: {} } }];
      if (requests.length === 2)
        return [{ functionCall: { name: 'load_artifacts', args: { artifact_names: ['chart.png', 'motto'] } } }];
      return [{ text: 'done' }];
    });
    const agent = new LlmAgent({
      name: 'agent',
      model,
      tools: [draw, LOAD_ARTIFACTS],
      instruction: 'Say {artifact.user:motto?}',
    });
    await sessionService.createSession(key);
    const events = await run(agent, { role: 'user', parts: [{ text: 'draw' }] });

    const deltas = events.map(({ actions }) => actions.artifactDelta).filter((delta) => Object.keys(delta).length > 0);
    expect(deltas).toEqual([{ 'chart.png': 1, 'user:motto': 0 }]);
    expect(await service.listArtifactKeys(key)).toEqual(['chart.png', 'user:motto']);
    expect(await service.loadArtifact({ ...key, filename: 'chart.png' })).toEqual(png);
    const shown = JSON.stringify(requests.at(-1));
    expect(shown).toContain(png.inlineData.data);
    expect(shown).toContain('be kind');
    expect(JSON.stringify(requests[1].system)).toContain('user:motto');
  });

  test('what the user sends is saved, where the run is told to', async () => {
    const agent = new LlmAgent({ name: 'agent', model: new ScriptedLlm(() => [{ text: 'thanks' }]) });
    await sessionService.createSession(key);
    const config = { saveInputBlobsAsArtifacts: true, streamingMode: StreamingMode.NONE };
    await run(agent, { role: 'user', parts: [{ text: 'here' }, png] }, config);
    expect(await service.listArtifactKeys(key)).toEqual(['chart.png']);
    expect((await service.loadArtifact({ ...key, filename: 'chart.png' }))?.inlineData?.data).toBe(png.inlineData.data);
  });
});

describe('a session that is deleted by its service', () => {
  test("takes its artifacts along, the user's stay", async () => {
    await sessionService.createSession(key);
    await service.saveArtifact({ ...at, artifact: { text: 'a' } });
    await service.saveArtifact({ ...at, filename: 'user:b', artifact: { text: 'b' } });
    await sessionService.deleteSession(key);
    expect(await service.listArtifactKeys(key)).toEqual(['user:b']);
    await sessionService.createSession(key);
    expect(await service.saveArtifact({ ...at, artifact: { text: 'c' } })).toBe(0);
  });
});

describe('a service can be made from', () => {
  const works = async (made: SqliteArtifactService) => {
    expect(await made.saveArtifact({ ...at, artifact: { text: 'a' } })).toBe(0);
    expect(await made.loadArtifact(at)).toEqual({ text: 'a' });
    await made.close();
    await made[Symbol.asyncDispose]();
  };

  test.each([':memory:', 'file:x?mode=memory'])('%s', (source) => works(new SqliteArtifactService(source)));

  test("ADK's sqlite:// form", () => works(new SqliteArtifactService(`sqlite://${on.file('other.db')}`)));

  test('the options of a pool and a store together', async () => {
    const database = on.file('options.db');
    await works(new SqliteArtifactService({ database, poolSize: 1, artifactsTable: 'files', blobsTable: 'bytes' }));
    const pool = on.pool({ database });
    expect(await pool.all('SELECT name FROM files')).toEqual([{ name: 'report.txt' }]);
    const small = new SqliteArtifactService({ database, maxBytes: 3 });
    expect(await rejection(small.saveArtifact({ ...at, artifact: { text: 'four' } }))).toMatchObject({
      code: 'ADK_ARTIFACT_TOO_LARGE',
    });
    await small.close();
  });

  test('a store, which stays open', async () => {
    const pool = on.pool({ database: on.file('store.db') });
    const store = new ArtifactStore(pool);
    const made = new SqliteArtifactService(store);
    expect(made.store).toBe(store);
    await works(made);
    expect((await store.versions({ ...key, name: 'report.txt' })).length).toBe(1);
  });

  test('a session store, whose database and table names it takes', async () => {
    const pool = createPool({ database: ':memory:' });
    const sessions = new SessionStore(pool, { sessionsTable: 'chats', artifactsTable: 'files' });
    await sessions.createTables();
    const made = new SqliteArtifactService(sessions);
    await works(made);
    await sessions.createSession(key);
    await sessions.deleteSession(key);
    expect(await pool.all('SELECT * FROM files')).toEqual([]);
    await pool.close();
  });

  test.each<[any, string]>([
    [undefined, 'source'],
    [7, 'source'],
    ['postgres://x/y', 'source'],
    [{ database: ':memory:', artifactsTable: 'a b' }, 'artifactsTable'],
  ])('nothing else: %j', (source, argument) => {
    expect(() => new SqliteArtifactService(source)).toThrow(argument);
  });
});

describe('a request', () => {
  test.each<[string, any, string]>([
    ['none', undefined, 'request must be an object'],
    ['a name that is none', { ...at, filename: 7 }, 'request.filename must be a string'],
    ['half a character', { ...at, filename: 'a\ud800' }, 'well-formed'],
    ['no session', { ...at, sessionId: undefined }, 'request.sessionId must be a string'],
    ["the user's scope without its prefix", { ...at, sessionId: '' }, 'request.sessionId must be'],
    ['no app', { ...at, appName: undefined }, 'appName must be a string'],
  ])('is checked: %s', async (_, request, message) => {
    const calls = [
      () => service.saveArtifact({ ...request, ...(request && { artifact: { text: 'a' } }) } as any),
      () => service.loadArtifact(request),
      () => service.deleteArtifact(request),
      () => service.listVersions(request),
      () => service.listArtifactVersions(request),
      () => service.getArtifactVersion(request),
    ];
    for (const call of request === undefined ? calls.slice(1) : calls) {
      expect(await rejection(call())).toMatchObject({ message: expect.stringContaining(message) });
    }
    const at7 = { ...at, artifact: 7 } as any;
    expect(await rejection(service.saveArtifact(at7))).toMatchObject({
      message: expect.stringMatching(/^request.artifact /),
    });
    expect(await service.listArtifactKeys(key)).toEqual([]);
  });

  test('is read when the call is made, also by the first one, which has to make the tables', async () => {
    const artifact = { text: 'before' };
    const saving = service.saveArtifact({ ...at, artifact });
    artifact.text = 'after';
    await saving;
    expect(await service.loadArtifact(at)).toEqual({ text: 'before' });
  });
});

test('many first calls of many services make the tables once', async () => {
  const services = Array.from({ length: 5 }, () => new SqliteArtifactService(on.file('raced.db')));
  const versions = await Promise.all(
    services.flatMap((each) => [0, 1, 2].map(() => each.saveArtifact({ ...at, artifact: { text: 'a' } }))),
  );
  expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, n) => n));
  await Promise.all(services.map((each) => each.close()));
});
