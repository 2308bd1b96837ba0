import { parentPort, workerData } from 'node:worker_threads';
import { BaseLlm, FunctionTool, LlmAgent, LogLevel, Runner, setLogLevel } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { z } from 'zod';

const appName = 'workers';

// Work that keeps a processor busy belongs in a worker: here a tool that calculates.
const fibonacci = new FunctionTool({
  name: 'fibonacci',
  description: 'Calculates a Fibonacci number.',
  parameters: z.object({ n: z.number() }),
  execute: ({ n }, context) => {
    context?.state.set('asked', Number(context.state.get('asked') ?? 0) + 1);
    const calculate = (i) => (i < 2 ? i : calculate(i - 1) + calculate(i - 2));
    return { value: calculate(n) };
  },
});

/** Calls the tool with what the user has said, then tells the result. */
class Calculator extends BaseLlm {
  /** @override */
  async *generateContentAsync({ contents }) {
    const last = contents.at(-1)?.parts?.[0];
    const part = last?.functionResponse
      ? { text: `It is ${last.functionResponse.response?.value}.` }
      : { functionCall: { name: 'fibonacci', args: { n: Number(last?.text) } } };
    yield { content: { role: 'model', parts: [part] } };
  }

  /** @override */
  connect() {
    return Promise.reject(new Error('a calculator has no live mode'));
  }
}

setLogLevel(LogLevel.ERROR);
// A worker opens connections of its own: they can't be passed between threads. The file is shared.
const sessionService = new SqliteSessionService(workerData.file);
const agent = new LlmAgent({ name: 'calculator', model: new Calculator({ model: 'calculator' }), tools: [fibonacci] });
const runner = new Runner({ appName, agent, sessionService });

async function answer(userId, text) {
  const sessionId = 'only';
  await sessionService.getOrCreateSession({ appName, userId, sessionId });
  let last = '';
  const newMessage = { role: 'user', parts: [{ text }] };
  for await (const event of runner.runAsync({ userId, sessionId, newMessage })) {
    last = event.content?.parts?.[0]?.text ?? last;
  }
  const session = await sessionService.getSession({ appName, userId, sessionId, config: { numRecentEvents: 1 } });
  return `${userId}, question ${session?.state.asked}: ${last}`;
}

parentPort?.on('message', async (message) => {
  if (message === null) {
    await sessionService.close();
    parentPort?.close();
    return;
  }
  const { call, userId, text } = message;
  try {
    parentPort?.postMessage({ call, text: await answer(userId, text) });
  } catch (error) {
    parentPort?.postMessage({ call, error: String(error) });
  }
});
