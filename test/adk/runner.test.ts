import {
  createEvent,
  type Event,
  FunctionTool,
  InMemorySessionService,
  LlmAgent,
  LogLevel,
  ParallelAgent,
  Runner,
  type Session,
  setLogLevel,
} from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { key } from './fixtures.js';
import { ScriptedLlm } from './scripted-llm.js';

setLogLevel(LogLevel.ERROR);
const on = databases();
let service: SqliteSessionService;
beforeEach(() => {
  service = new SqliteSessionService(on.file());
});
afterEach(() => service.close());

const says = (text: string) => new ScriptedLlm(() => [{ text }]);

async function run(runner: Runner, text: string): Promise<Event[]> {
  const events: Event[] = [];
  const turn = runner.runAsync({
    userId: key.userId,
    sessionId: key.sessionId,
    newMessage: { role: 'user', parts: [{ text }] },
  });
  for await (const event of turn) events.push(event);
  return events;
}

const load = async () => (await service.getSession(key)) as Session;

test('ParallelAgent, 20 runs: events are read back in the order in which they were yielded', async () => {
  const agents = Array.from({ length: 4 }, (_, at) => {
    const model = new ScriptedLlm(() => [{ text: `${at} first` }]);
    return new LlmAgent({ name: `agent_${at}`, model, outputKey: `answer_${at}` });
  });
  const runner = new Runner({
    appName: 'app',
    agent: new ParallelAgent({ name: 'all', subAgents: agents }),
    sessionService: service,
  });
  await service.createSession(key);
  let orders = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    const before = (await load()).events.length;
    const yielded = await run(runner, `turn ${turn}`);
    const { events, state } = await load();
    expect(events.slice(before + 1).map(({ id }) => id)).toEqual(yielded.map(({ id }) => id));
    expect(Object.keys(state).sort()).toEqual(agents.map((_, at) => `answer_${at}`));
    orders += yielded.map(({ author }) => author).join() === agents.map(({ name }) => name).join() ? 1 : 0;
  }
  // They did race.
  expect(orders).toBeLessThan(20);
});

test('a conversation with tools, state and streaming goes on in another process as if there had been no end', async () => {
  const remember = new FunctionTool({
    name: 'remember',
    description: 'Remembers',
    execute: (_: unknown, context: any) => {
      context.state.set('count', (context.state.get('count') ?? 0) + 1);
      context.state.set('app:seen', true);
      context.state.set('user:name', 'Ada');
      context.state.set('temp:scratch', 'only now');
      return { ok: true };
    },
  });
  const model = new ScriptedLlm(({ contents }) => {
    const last = contents.at(-1)?.parts?.[0];
    if (last?.text) return [{ functionCall: { name: 'remember', args: {} } }];
    return [{ text: 'Don', partial: true }, { text: 'e', partial: true }, { text: `Done, ${contents.length}` }];
  });
  const agent = new LlmAgent({ name: 'agent', model, tools: [remember], outputKey: 'answer' });
  const turn = async () => await run(new Runner({ appName: 'app', agent, sessionService: service }), 'go');

  await service.createSession({ ...key, state: { count: 10 } });
  const first = await turn();
  expect(first.filter(({ partial }) => partial)).toHaveLength(2);
  const stored = await load();
  expect(stored.events.map(({ id }) => id).slice(1)).toEqual(
    first.filter(({ partial }) => !partial).map(({ id }) => id),
  );
  expect(stored.state).toEqual({ count: 11, 'app:seen': true, 'user:name': 'Ada', answer: 'Done, 3' });

  await service.close();
  service = new SqliteSessionService(on.file());
  await turn();
  expect((await load()).state).toEqual({ count: 12, 'app:seen': true, 'user:name': 'Ada', answer: 'Done, 7' });
});

test("the events are those that ADK's own in-memory service keeps", async () => {
  const agent = new LlmAgent({ name: 'agent', model: says('hello'), outputKey: 'answer' });
  const services = [service, new InMemorySessionService()];
  const [ours, theirs] = await Promise.all(
    services.map(async (sessionService) => {
      await sessionService.createSession(key);
      await run(new Runner({ appName: 'app', agent, sessionService }), 'hi');
      const session = (await sessionService.getSession(key)) as Session;
      const plain = JSON.parse(JSON.stringify(session.events));
      return plain.map((event: any) => ({ ...event, id: '', invocationId: '', timestamp: 0 }));
    }),
  );
  expect(ours).toEqual(theirs);
});

describe('an event that was stored', () => {
  test("is one for ADK's workflow nodes too", async () => {
    const session = await service.createSession(key);
    await service.appendEvent({ session, event: createEvent({ author: 'user' }) });
    const [stored] = (await load()).events as any[];
    expect(stored[Symbol.for('google.adk.event')]).toBe(true);
  });

  test('is none if it was none', async () => {
    const session = await service.createSession(key);
    await service.appendEvent({ session, event: { id: 'e1', timestamp: 1 } as Event });
    const [stored] = (await load()).events as any[];
    expect(Symbol.for('google.adk.event') in stored).toBe(false);
  });
});

test.each(['accessToken', 'app:accessToken', 'user:accessToken'])(
  'what a tool sets to undefined is gone when the session is read again: %s',
  async (name) => {
    const logOut = new FunctionTool({
      name: 'log_out',
      description: 'logs out',
      execute: (_: unknown, context) => {
        context?.state.set(name, undefined);
        return { done: true };
      },
    });
    const model = new ScriptedLlm(({ contents }) => [
      contents.at(-1).parts[0].functionResponse ? { text: 'bye' } : { functionCall: { name: 'log_out', args: {} } },
    ]);
    const agent = new LlmAgent({ name: 'root', model, tools: [logOut] });
    await service.createSession({ ...key, state: { [name]: 'secret', kept: 1 } });
    await run(new Runner({ appName: 'app', agent, sessionService: service }), 'log out');
    const { state, events } = await load();
    expect(state).toStrictEqual(Object.assign(Object.create(null), { kept: 1 }));
    expect(events.some(({ actions }) => name in actions.stateDelta)).toBe(true);
  },
);
