// A table of a million rows as CSV over HTTP, with little memory. `node examples/csv-export.mjs [FILE]`; ROWS=1000 for fewer.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const rows = Number(process.env.ROWS ?? 1_000_000);
const pool = createPool(file);
await pool.exec(`CREATE TABLE IF NOT EXISTS product (id INTEGER PRIMARY KEY, name TEXT, price REAL);
  DELETE FROM product;
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
  INSERT INTO product SELECT i, format('cup "No. %d", blue', i), i % 100 + 0.5 FROM n;`);

/** One value, quoted where CSV needs it. */
function field(value) {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Lines of CSV in pieces of 64 KB. The iterator fetches the next rows while the client takes these. */
async function* csv(query) {
  yield 'id,name,price\r\n';
  let lines = '';
  for await (const row of pool.iterate(query, [], { rowMode: 'array', batchSize: 5_000 })) {
    lines += `${/** @type {any} */ (row).map(field).join(',')}\r\n`;
    if (lines.length < 65_536) continue;
    yield lines;
    lines = '';
  }
  yield lines;
}

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/csv; charset=utf-8');
  // If the client leaves, pipeline() ends the generator, and the loop in it releases its reader.
  pipeline(Readable.from(csv('SELECT * FROM product ORDER BY id')), response).catch((error) => {
    console.log('download ended early:', error.code);
  });
});
server.listen(0, '127.0.0.1', async () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}/products.csv`;

  let [lines, last] = [0, ''];
  for await (const piece of (await fetch(url)).body ?? []) {
    const text = last + Buffer.from(piece).toString();
    const parts = text.split('\r\n');
    last = parts.pop() ?? '';
    lines += parts.length;
  }
  console.log('lines received:', lines);

  const early = await fetch(url);
  await early.body?.cancel(); // a client that leaves after the first bytes
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  console.log('pool:', await pool.get('SELECT count(*) AS products FROM product'));
  await pool.close();
  cleanUp();
});
