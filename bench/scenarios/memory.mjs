import { setImmediate } from 'node:timers/promises';
import { importOurs } from '../drivers/shared/package.mjs';
import { eventsOf, sessionOf } from '../workload.mjs';
import { makeSessionFile } from './shared.mjs';

const QUEUED = 100_000;
const SIZE = 400;
const CONNECTIONS = 50;
/** Limits that this many can't reach. */
const ENOUGH = { busyTimeoutMs: 120_000, acquireTimeoutMs: 120_000, maxPending: 2 * QUEUED, maxPendingBytes: 2 ** 32 };

async function settledMemory() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await setImmediate();
  }
  return process.memoryUsage();
}

/** Another connection holds the write lock, so that 100,000 appends wait; then it lets go of it. */
const queued = {
  name: 'memory-queued',
  title: '100,000 queued appends: memory of each beyond its event',
  unit: 'append',
  drivers: ['aiosqlite'],
  quick: ['aiosqlite'],
  fixed: QUEUED,
  warm: false,
  rounds: 1,
  template: (file) => makeSessionFile(file),
  async open({ module, file }) {
    const service = await module.openSessions(file, { synchronous: 'normal', ...ENOUGH });
    const sessions = [];
    for (let i = 0; i < 2_000; i++) sessions.push(await service.createSession(sessionOf(i)));
    const { connect } = await importOurs('index');
    return { service, sessions, lock: await connect(file) };
  },
  prepare: (_, count) => eventsOf(0, count, { size: SIZE }),
  async round({ service, sessions, lock }, count, events) {
    await lock.exec('BEGIN IMMEDIATE');
    const promises = new Array(count);
    const before = await settledMemory();
    for (let i = 0; i < count; i++) {
      promises[i] = service.appendEvent({ session: sessions[i % sessions.length], event: events[i] });
    }
    const after = await settledMemory();
    await lock.exec('COMMIT');
    await Promise.all(promises);
    const bytesPerAppend = (after.rss - before.rss) / count;
    return { bytesPerAppend, onJsHeap: (after.heapUsed - before.heapUsed) / count, beyondEvent: bytesPerAppend - SIZE };
  },
  async close({ service, lock }) {
    await lock.close();
    await service.close();
  },
};

/** Connections that have read one row and have nothing to do. */
const idle = {
  name: 'memory-idle',
  title: `${CONNECTIONS} idle connections: memory of each`,
  unit: 'connection',
  drivers: ['aiosqlite', 'better-sqlite3', 'better-sqlite3-worker', 'sqlite3', 'libsql', 'node-sqlite'],
  quick: ['aiosqlite'],
  fixed: CONNECTIONS,
  warm: false,
  rounds: 1,
  template: (file) => makeSessionFile(file, { sessions: 100 }),
  async open({ module, file }) {
    const open = async () => {
      const db = await module.openSql(file, { synchronous: 'full' });
      await db.get('SELECT id FROM adk_sessions LIMIT 1');
      return db;
    };
    await (await open()).close();
    return { open, connections: [] };
  },
  async round({ open, connections }, count) {
    const before = await settledMemory();
    for (let i = 0; i < count; i++) connections.push(await open());
    return { bytesPerConnection: ((await settledMemory()).rss - before.rss) / count };
  },
  async close({ connections }) {
    for (const db of connections) await db.close();
  },
};

export default [queued, idle];
