// A service that ends in order: SIGTERM (or Ctrl-C) lets requests finish, closes the pool and exits with 0.
// `node examples/graceful-shutdown.mjs [FILE]`, then in another terminal `curl localhost:PORT/slow` and `kill PID`.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const pool = createPool({ database: file });
await pool.exec('CREATE TABLE IF NOT EXISTS visit (at REAL, path TEXT)');
let stopping = false;

const server = createServer(async (request, response) => {
  try {
    if (request.url === '/slow') {
      console.log('a slow request has begun');
      await sleep(500);
    }
    await pool.run('INSERT INTO visit VALUES (julianday(), ?)', [request.url ?? '']);
    const visits = await pool.get('SELECT count(*) AS visits FROM visit');
    // A client must not keep its connection open for more requests: the server would wait for it.
    if (stopping) response.setHeader('connection', 'close');
    response.setHeader('content-type', 'application/json').end(JSON.stringify(visits));
  } catch {
    response.writeHead(503).end();
  }
});

async function stop(/** @type {string} */ signal) {
  console.log(`${signal}: no new connections, waiting for requests that run`);
  stopping = true;
  // A client that never ends must not hold the service up for ever.
  setTimeout(() => server.closeAllConnections(), 10_000).unref();
  await new Promise((resolve) => server.close(resolve));
  // close() waits for what is queued. Then nothing keeps the process alive, and it exits by itself.
  await pool.close();
  cleanUp();
  console.log('closed');
}
// Once: a second signal ends the process at once.
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`pid ${process.pid} listens on http://127.0.0.1:${port}`);
});
