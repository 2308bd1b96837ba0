import { ourFile } from '../drivers/shared/package.mjs';
import { sessionOf } from '../workload.mjs';
import { makeSessionFile, openSessions } from './shared.mjs';

const CALLERS = 16;
const REPLY = 'You have two orders on their way; the first one arrives on Tuesday, the other is still being packed.';

/** A whole turn of ADK's Runner: the user's message, an agent without a model that answers in three events. */
export default [
  {
    name: 'runner-turn',
    title: `a turn of ADK's Runner, four events, ${CALLERS} users at once`,
    unit: 'turn',
    baseline: 'adk-memory',
    drivers: ['aiosqlite', 'adk-memory', 'adk-database', 'better-sqlite3', 'better-sqlite3-batching', 'json-file'],
    durable: true,
    step: CALLERS,
    template: (file) => makeSessionFile(file),
    async open({ driver, module, file }) {
      // Our service's base class and the Runner must come from one copy of ADK.
      const copy = ourFile('node_modules/@google/adk/dist/esm/index.js');
      const { BaseAgent, createEvent, Runner } = await (driver === 'aiosqlite' ? import(copy) : import('@google/adk'));
      class Clerk extends BaseAgent {
        async *runAsyncImpl({ invocationId }) {
          for (let i = 0; i < 3; i++) {
            const content = { role: 'model', parts: [{ text: REPLY }] };
            yield createEvent({ invocationId, author: this.name, content });
          }
        }
        async *runLiveImpl() {}
      }
      const service = await openSessions({ driver, module, file });
      const agent = new Clerk({ name: 'clerk', description: 'answers' });
      const runner = new Runner({ appName: sessionOf(0).appName, agent, sessionService: service });
      return { service, runner, made: 0 };
    },
    async prepare(state) {
      const sessions = Array.from({ length: CALLERS }, () => sessionOf(state.made++));
      for (const session of sessions) await state.service.createSession(session);
      return sessions;
    },
    async round({ runner }, count, sessions) {
      let left = count;
      const user = async ({ userId, sessionId }) => {
        while (left-- > 0) {
          const newMessage = { role: 'user', parts: [{ text: 'Where are my orders?' }] };
          let events = 0;
          for await (const _ of runner.runAsync({ userId, sessionId, newMessage })) events++;
          if (events !== 3) throw new Error('not the events of the turn');
        }
      };
      await Promise.all(sessions.map(user));
    },
    close: ({ service }) => service.close(),
  },
];
