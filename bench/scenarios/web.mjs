import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importOurs, ourFile } from '../drivers/shared/package.mjs';
import { sessionOf } from '../workload.mjs';
import { makeSessionFile, openSessions } from './shared.mjs';

const EVENTS = 10_000;
const seed = { sessions: 1, events: EVENTS };
const { appName, userId, sessionId } = sessionOf(0);
const DRIVERS = ['aiosqlite', 'adk-database'];

/** Answers in one event, without a model. */
const AGENT = `import { BaseAgent, createEvent } from '@google/adk';

class Clerk extends BaseAgent {
  async *runAsyncImpl({ invocationId }) {
    const content = { role: 'model', parts: [{ text: 'Two orders are on their way.' }] };
    yield createEvent({ invocationId, author: this.name, content });
  }
  async *runLiveImpl() {}
}

export const rootAgent = new Clerk({ name: 'clerk', description: 'answers' });
`;

/** The server of `aiosqlite web` over a driver's session service. */
async function serve({ driver, module, file }) {
  const folder = join(dirname(file), driver);
  mkdirSync(join(folder, 'agents'), { recursive: true });
  symlinkSync(fileURLToPath(ourFile('node_modules')), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'agents', `${appName}.mjs`), AGENT);
  const service = await openSessions({ driver, module, file, seed });
  const { serveAdk } = await importOurs('web/index');
  const options = { agentsDir: join(folder, 'agents'), services: { sessionService: service }, port: 0, ui: false };
  const server = await serveAdk(options);
  return { service, server };
}

async function ask(url, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, body && { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text.slice(0, 200)}`);
  return text;
}

const scenario = (name, title, round) => ({
  name,
  title,
  unit: 'request',
  baseline: 'adk-database',
  drivers: DRIVERS,
  quick: DRIVERS,
  fixed: 5,
  timed: true,
  template: (file) => makeSessionFile(file, seed),
  open: serve,
  round,
  async close({ server, service }) {
    await server.close();
    await service.close();
  },
});

export default [
  scenario(
    'web-open',
    `aiosqlite web: a session of ${EVENTS.toLocaleString('en')} events`,
    async ({ server }, count) => {
      for (let i = 0; i < count; i++) {
        const text = await ask(`${server.url}/apps/${appName}/users/${userId}/sessions/${sessionId}`);
        if (text.length < EVENTS * 300) throw new Error('not all of the events');
      }
    },
  ),
  scenario(
    'web-turn',
    `aiosqlite web: a turn on a session of ${EVENTS.toLocaleString('en')} events`,
    async ({ server }, count) => {
      const newMessage = { role: 'user', parts: [{ text: 'Where are my orders?' }] };
      for (let i = 0; i < count; i++) {
        const events = JSON.parse(await ask(`${server.url}/run`, { appName, userId, sessionId, newMessage }));
        if (events.length !== 1) throw new Error('not the event of the turn');
      }
    },
  ),
];
