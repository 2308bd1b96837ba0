// The end of a history after a crash inside a tool: a call without its response. Model APIs tend to refuse such a history,
// so answer the call before the next turn. `node examples/after-crash.mjs [FILE]`
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  BaseLlm,
  createEvent,
  FunctionTool,
  getFunctionCalls,
  getFunctionResponses,
  LlmAgent,
  Runner,
} from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };

/** A model that calls the tool once, then reports the answer: it needs no key. */
class Scripted extends BaseLlm {
  async *generateContentAsync({ contents }) {
    const last = contents.at(-1)?.parts?.[0];
    const part = last?.functionResponse
      ? { text: `The tool says: ${JSON.stringify(last.functionResponse.response)}` }
      : { functionCall: { id: 'call-1', name: 'pay', args: {} } };
    yield { content: { role: 'model', parts: [part] } };
  }
  connect() {
    return Promise.reject(new Error('no live mode'));
  }
}
const pay = new FunctionTool({
  name: 'pay',
  description: 'Pays the basket.',
  execute: () => process.kill(process.pid, 'SIGKILL'), // the process dies inside the tool
});
const agent = new LlmAgent({ name: 'assistant', model: new Scripted({ model: 'scripted' }), tools: [pay] });

/** Answers the calls at the end of a history that a crash has left open. Gives their number. */
async function answerOpenCalls(service, session) {
  const answered = new Set(session.events.flatMap(getFunctionResponses).map(({ id }) => id));
  const open = session.events.flatMap(getFunctionCalls).filter(({ id }) => !answered.has(id));
  if (open.length === 0) return 0;
  const response = { error: 'The process ended before the tool did. It may or may not have taken effect.' };
  const parts = open.map(({ id, name }) => ({ functionResponse: { id, name, response } }));
  const { author, invocationId } = session.events.at(-1);
  await service.appendEvent({
    session,
    event: createEvent({ author, invocationId, content: { role: 'user', parts } }),
  });
  return open.length;
}

const service = new SqliteSessionService(file);
if (process.env.CRASH) {
  await service.getOrCreateSession(key);
  const newMessage = { role: 'user', parts: [{ text: 'Pay my basket.' }] };
  for await (const _ of new Runner({ appName: key.appName, agent, sessionService: service }).runAsync({
    ...key,
    newMessage,
  }));
}

await service.deleteSession(key);
const child = spawn(process.execPath, [process.argv[1] ?? '', file], {
  env: { ...process.env, CRASH: '1' },
  stdio: 'inherit',
});
const [code, signal] = await once(child, 'exit');
console.log('ended by', signal ?? code);

const session = await service.getSession(key);
if (!session) throw new Error('no session');
console.log('last event:', session.events.at(-1)?.content?.parts?.[0]?.functionCall?.name, 'is called');
console.log('calls answered:', await answerOpenCalls(service, session));
console.log('last event:', JSON.stringify((await service.getSession(key))?.events.at(-1)?.content?.parts?.[0]));
console.log('calls answered:', await answerOpenCalls(service, session));
await service.close();
cleanUp();
