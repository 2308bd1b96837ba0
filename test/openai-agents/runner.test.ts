/** The SDK's own Runner over SqliteSession, with a model that follows a script. */
import { Agent, MemorySession, Runner, type Session, setTracingDisabled, tool } from '@openai/agents-core';
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing';
import { SqliteSession } from 'aiosqlite/openai-agents';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';

setTracingDisabled(true);
const on = databases();

const parameters = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
  additionalProperties: false as const,
};

function agent(needsApproval = false) {
  const model = new ScriptedModel();
  const weather = tool({
    name: 'weather',
    description: 'The weather of a city',
    parameters,
    strict: true,
    needsApproval,
    execute: async (input) => `Sun in ${(input as { city: string }).city}`,
  });
  return { model, agent: new Agent({ name: 'guide', model, tools: [weather] }) };
}

const call = (city: string, callId: string) => [functionCall('weather', { city }, { callId })];
const answer = (text: string) => [assistantMessage(text)];

describe.each([false, true])("the SDK's Runner, streaming: %s", (stream) => {
  const turn = async (over: Agent, question: string, session: Session) => {
    if (!stream) return (await new Runner().run(over, question, { session })).finalOutput;
    const result = await new Runner().run(over, question, { session, stream: true });
    await result.completed;
    return result.finalOutput;
  };

  test('runs turns with tools over one file, opened anew for each, as over MemorySession', async () => {
    const steps = [
      call('Oslo', 'c1'),
      answer('Sunny in Oslo'),
      [...call('Rome', 'c2'), ...call('Bonn', 'c3')],
      answer('Both'),
    ];
    const memory = new MemorySession({ sessionId: 's' });
    const theirs = agent();
    theirs.model.enqueue(...steps);
    const ours = agent();
    ours.model.enqueue(...steps);
    for (const question of ['Oslo?', 'Rome and Bonn?']) {
      await using session = new SqliteSession(on.file(), { sessionId: 's' });
      const expected = await turn(theirs.agent, question, memory);
      expect(await turn(ours.agent, question, session)).toEqual(expected);
      expect(await session.getItems()).toEqual(await memory.getItems());
    }
    // The model was sent the same conversation.
    expect(ours.model.calls.map(({ request }) => request.input)).toEqual(
      theirs.model.calls.map(({ request }) => request.input),
    );
    ours.model.assertComplete();
    expect((await memory.getItems()).length).toBeGreaterThan(8);
  });
});

test('a run that waits for approval goes on in another session object over the file, and stores each item once', async () => {
  const { model, agent: guide } = agent(true);
  const theirs = agent(true);
  for (const each of [model, theirs.model]) each.enqueue(call('Oslo', 'c1'), answer('Sunny in Oslo'));
  const memory = new MemorySession({ sessionId: 's' });

  const approve = async (over: Agent, session: () => SqliteSession | MemorySession) => {
    const stopped = await new Runner().run(over, 'Oslo?', { session: session() });
    const [interruption] = stopped.interruptions;
    if (!interruption) return expect.fail('it did not ask');
    stopped.state.approve(interruption);
    return (await new Runner().run(over, stopped.state, { session: session() })).finalOutput;
  };
  const sessions: SqliteSession[] = [];
  const ours = await approve(guide, () => {
    const session = new SqliteSession(on.file(), { sessionId: 's' });
    sessions.push(session);
    return session;
  });
  expect(ours).toBe(await approve(theirs.agent, () => memory));
  expect(await sessions[1]?.getItems()).toEqual(await memory.getItems());
  await Promise.all(sessions.map((session) => session.close()));
});

test('output that a guardrail blocks is stored by transactions, as over MemorySession', async () => {
  const memory = new MemorySession({ sessionId: 's' });
  await using session = new SqliteSession(on.file(), { sessionId: 's' });
  for (const over of [memory, session]) {
    const { model, agent: guide } = agent();
    model.enqueue(call('Oslo', 'c1'), answer('Blocked'), answer('Fine'));
    const outputGuardrails = [
      {
        name: 'no',
        execute: async ({ agentOutput }: { agentOutput: unknown }) => ({
          tripwireTriggered: agentOutput === 'Blocked',
          outputInfo: {},
        }),
      },
    ];
    const guarded = guide.clone({ outputGuardrails });
    await expect(new Runner().run(guarded, 'Oslo?', { session: over })).rejects.toThrow('guardrail');
    expect((await new Runner().run(guarded, 'Again?', { session: over })).finalOutput).toBe('Fine');
  }
  expect(await session.getItems()).toEqual(await memory.getItems());
  const db = await on.connect();
  expect(await db.get('SELECT count(*) > 0 AS used FROM openai_operations')).toEqual({ used: 1 });
});
