import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { startPostgres } from '../../scripts/postgres.mjs';

/** A server for one process of a scenario, durable as PostgreSQL is by default. It ends with the process. */
export function openServer() {
  const folder = mkdtempSync('/tmp/aiosqlite-pgb-');
  chmodSync(folder, 0o711);
  const { address, stop } = startPostgres(folder);
  const end = () => {
    process.off('exit', end);
    stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', end);
  return { address, end };
}

/**
 * A proxy before a server that counts the round trips of its clients, by the protocol's messages that ask for an answer
 * (Sync and Query), and delays what they send.
 */
export async function openProxy({ host, port, ...rest }, { delayMs = 0 } = {}) {
  let trips = 0;
  const sockets = new Set();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect(`${host}/.s.PGSQL.${port}`);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    const count = counter(() => {
      trips += 1;
    });
    client.on('data', (data) => {
      count(data);
      if (delayMs === 0) upstream.write(data);
      else setTimeout(() => upstream.write(data), delayMs);
    });
    upstream.on('data', (data) => client.write(data));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: { ...rest, host: '127.0.0.1', port: server.address().port },
    trips: () => trips,
    end() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Calls `onTrip` for each Sync and Query in a client's stream. The first message, that of the start, has no type. */
function counter(onTrip) {
  let rest = Buffer.alloc(0);
  let isFirst = true;
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    for (;;) {
      const head = isFirst ? 0 : 1;
      if (rest.length < head + 4) return;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return;
      if (!isFirst && 'SQ'.includes(String.fromCharCode(rest[0]))) onTrip();
      isFirst = false;
      rest = rest.subarray(end);
    }
  };
}
