// A query that ends when its client leaves. `node examples/cancel-on-disconnect.mjs [FILE]`
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const pool = createPool(file);
const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n';

const server = createServer(async (_request, response) => {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('the client has left')));
  try {
    console.log('query started');
    response.end(JSON.stringify(await pool.get(ENDLESS, [], { signal: gone.signal, timeoutMs: 60_000 })));
  } catch (error) {
    if (gone.signal.aborted) console.log('query ended:', /** @type {Error} */ (error).message);
    else response.writeHead(503).end();
    server.emit('answered');
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
const client = new AbortController();
server.once('request', () => setTimeout(() => client.abort(), 50));
const answered = once(server, 'answered');
await fetch(`http://127.0.0.1:${port}`, { signal: client.signal }).catch(() => console.log('client left'));
await answered;
console.log('the connection goes on:', await pool.get('SELECT 1 AS one'));
server.close();
await pool.close();
cleanUp();
