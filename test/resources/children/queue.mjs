// Makes COUNT appends without awaiting while another connection holds the lock: queue.mjs FILE COUNT MAX_PENDING_BYTES.
// Prints how many were stored and refused, what they held, and what is left of it. Wants --expose-gc.
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

const [, , database = '', count, maxPendingBytes] = process.argv;
const gc = /** @type {() => void} */ (globalThis.gc);
const SESSIONS = 1_000;
const text = 'x'.repeat(900);
/** @param {number} n */
const keyOf = (n) => ({ appName: 'app', userId: 'ada', sessionId: `s${n % SESSIONS}` });

async function flood() {
  const hour = 3_600_000;
  const pool = createPool({
    database,
    maxPendingBytes: Number(maxPendingBytes),
    busyTimeoutMs: hour,
    acquireTimeoutMs: hour,
    synchronous: 'off',
  });
  const store = new SessionStore(pool);
  await store.createTables();
  for (let n = 0; n < SESSIONS; n++) await store.createSession({ ...keyOf(n), ifExists: 'return' });
  const lock = await connect(database);
  await lock.exec('BEGIN IMMEDIATE');
  gc();
  const before = process.memoryUsage();
  let peak = before.rss;
  let appended = 0;
  let refused = 0;
  const calls = [];
  for (let n = 0; n < Number(count); n++) {
    const id = `e${n}`;
    const event = { ...keyOf(n), id, invocationId: 'i', author: 'a', timestamp: n, actions: {}, content: { text } };
    calls.push(
      store.appendEvent(event, { session: { n } }).then(
        () => void appended++,
        (error) => {
          if (error.code !== 'ERR_QUEUE_FULL') throw error;
          refused++;
        },
      ),
    );
    if (n % 1_000 !== 999) continue;
    await new Promise((resolve) => setImmediate(resolve));
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  await lock.close();
  await Promise.all(calls);
  calls.length = 0;
  const row = await pool.get('SELECT count(*) AS n FROM adk_events');
  await pool.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  gc();
  const after = process.memoryUsage();
  return {
    appended,
    refused,
    stored: row?.n,
    heldMb: Math.round((peak - before.rss) / 1e6),
    leftMb: Math.round((after.heapUsed + after.external - before.heapUsed - before.external) / 1e5) / 10,
  };
}

console.log(JSON.stringify(await flood()));
