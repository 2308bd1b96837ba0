// Reads 64 MB, lets them go and stays idle. Prints how many MB of buffers the collector could not free.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../lib/index.mjs';

const db = await connect(':memory:');
const read = async () => {
  const rows = await db.all(
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 64) SELECT zeroblob(1000000) FROM n',
  );
  if (rows.length !== 64) throw new Error('not all rows');
};
await read();
for (let i = 0; i < 10; i++) {
  await sleep(10);
  globalThis.gc?.();
}
console.log(JSON.stringify({ heldMb: process.memoryUsage().arrayBuffers / 1e6 }));
await db.close();
