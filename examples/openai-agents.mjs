/**
 * The OpenAI Agents SDK with a durable session. `node examples/openai-agents.mjs [FILE]`
 *
 * The model follows a script here, so that the example needs no key: leave
 * `model` out, and the SDK asks OpenAI.
 */
import { Agent, run, setTracingDisabled, tool } from '@openai/agents-core';
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing';
import { SqliteSession } from 'aiosqlite/openai-agents';
import { scratchFile } from './support/scratch-file.mjs';

setTracingDisabled(true);
const { file, cleanUp } = scratchFile();

const model = new ScriptedModel([
  [functionCall('weather', { city: 'Oslo' }, { callId: 'call-1' })],
  [assistantMessage('Sunny in Oslo. Take no umbrella.')],
  [assistantMessage('You asked about Oslo.')],
]);
const weather = tool({
  name: 'weather',
  description: 'The weather of a city',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  execute: async (input) => `Sun in ${/** @type {{ city: string }} */ (input).city}`,
});
const agent = new Agent({ name: 'guide', model, tools: [weather] });

// Each turn could be a process of its own: the file has the conversation.
for (const question of ['How is the weather in Oslo?', 'Which city was it?']) {
  const session = new SqliteSession(file, { sessionId: 'chat-42' });
  const { finalOutput } = await run(agent, question, { session });
  await session.close();
  console.log(`${question} ${finalOutput}`);
}

// The last turn is taken back.
const session = new SqliteSession(file, { sessionId: 'chat-42' });
const taken = [await session.popItem(), await session.popItem()];
/** @param {any} item */
const kindOf = (item) => item?.role ?? item?.type;
console.log('taken back:', taken.map(kindOf).join(', '));
console.log('left:', (await session.getItems()).map(kindOf).join(', '));
await session.close();
cleanUp();
