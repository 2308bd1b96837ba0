import { Readable } from 'node:stream';
import { LogLevel, Runner, StreamingMode, setLogLevel } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import fastify from 'fastify';
import { agent } from './agent.mjs';

const { DATABASE = 'chat.db', PORT = '3000' } = process.env;
const appName = 'chat';

setLogLevel(LogLevel.ERROR);
const sessionService = new SqliteSessionService(DATABASE);
const runner = new Runner({ appName, agent, sessionService });
// Clients that wait for nothing hold up the end of the service for five seconds at most.
const app = fastify({ keepAliveTimeout: 5_000 });

/** The answer as server-sent events: one for each piece of text, and one that says that it is over. */
async function* answer(userId, sessionId, text) {
  const newMessage = { role: 'user', parts: [{ text }] };
  const runConfig = { streamingMode: StreamingMode.SSE };
  for await (const event of runner.runAsync({ userId, sessionId, newMessage, runConfig })) {
    const piece = event.content?.parts?.[0]?.text;
    // The pieces are not stored. Last comes the whole text as one event, which is.
    if (piece) yield `event: ${event.partial ? 'piece' : 'whole'}\ndata: ${JSON.stringify(piece)}\n\n`;
  }
  yield 'event: end\ndata: null\n\n';
}

const body = { type: 'object', required: ['text'], properties: { text: { type: 'string', minLength: 1 } } };

app.post('/users/:userId/sessions/:sessionId/messages', { schema: { body } }, async (request, reply) => {
  const { userId, sessionId } = /** @type {{ userId: string, sessionId: string }} */ (request.params);
  const { text } = /** @type {{ text: string }} */ (request.body);
  await sessionService.getOrCreateSession({ appName, userId, sessionId });
  // A client that leaves ends the stream, and with it the run.
  return reply
    .type('text/event-stream')
    .header('connection', 'close')
    .send(Readable.from(answer(userId, sessionId, text)));
});

app.get('/users/:userId/sessions/:sessionId', async (request, reply) => {
  const { userId, sessionId } = /** @type {{ userId: string, sessionId: string }} */ (request.params);
  const config = { numRecentEvents: 50 };
  const session = await sessionService.getSession({ appName, userId, sessionId, config });
  if (!session) return reply.code(404).send({ error: 'no such session' });
  return session.events.map(({ author, content }) => ({ author, text: content?.parts?.[0]?.text }));
});

app.get('/users/:userId/sessions', async (request) => {
  const { userId } = /** @type {{ userId: string }} */ (request.params);
  const { sessions, totalItems } = await sessionService.listSessions({ appName, userId, limit: 20 });
  return { sessions: sessions.map(({ id, lastUpdateTime }) => ({ id, lastUpdateTime })), total: totalItems };
});

// First the requests that run, then the sessions they write to: nothing that was answered is lost.
app.addHook('onClose', async () => sessionService.close());
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    await app.close();
    console.log('closed');
  });
}

console.log(`listens on ${await app.listen({ port: Number(PORT), host: '127.0.0.1' })}`);
