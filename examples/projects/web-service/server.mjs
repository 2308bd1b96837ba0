import { createPool } from 'aiosqlite';
import express from 'express';
import { Notes } from './notes.mjs';

const { DATABASE = 'notes.db', PORT = '3000' } = process.env;
// No request waits longer than this for the database.
const pool = createPool({ database: DATABASE, operationTimeoutMs: 5_000 });
const notes = new Notes(pool);
await notes.createTables();

const app = express();
app.use(express.json());

app.post('/notes', async (request, response) => {
  const { title, text } = request.body ?? {};
  if (typeof title !== 'string' || typeof text !== 'string') {
    response.status(400).json({ error: 'title and text are needed' });
    return;
  }
  response.status(201).json({ id: await notes.add(title, text) });
});
app.get('/notes', async ({ query }, response) => {
  const limit = Math.min(Number(query.limit) || 20, 100);
  response.json(await notes.page(limit, Number(query.after) || 0));
});
app.get('/notes/:id', async ({ params }, response) => {
  const note = await notes.get(Number(params.id));
  if (note) response.json(note);
  else response.status(404).json({ error: 'no such note' });
});
app.delete('/notes/:id', async ({ params }, response) => {
  response.status((await notes.remove(Number(params.id))) ? 204 : 404).end();
});
app.get('/search', async ({ query }, response) => {
  response.json(await notes.search(String(query.q ?? '')));
});

/** Codes are a promise, messages are not. Any other error is a fault of ours. */
const STATUS = { SQLITE_CONSTRAINT_UNIQUE: 409, ERR_QUEUE_FULL: 503, ERR_TIMEOUT: 503, SQLITE_BUSY: 503 };
app.use((error, _request, response, _next) => {
  const status = STATUS[error.code] ?? error.status ?? 500;
  if (status === 500) console.error(error);
  response.status(status).json({ error: status === 500 ? 'internal error' : (error.code ?? error.message) });
});

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`listens on http://127.0.0.1:${port}`);
});
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    // Requests that run are answered, then the pool is closed, and nothing keeps the process alive.
    server.close(async () => {
      await pool.close();
      console.log('closed');
    });
    server.closeIdleConnections();
  });
}
