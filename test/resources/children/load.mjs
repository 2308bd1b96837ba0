// Does a bit of everything, over and over, and tells what the process holds: node --expose-gc load.mjs FILE SECONDS.
import { readdirSync, rmSync, statSync } from 'node:fs';
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

const [, , file = '', seconds] = process.argv;
const gc = /** @type {() => void} */ (globalThis.gc);
const NUMBERS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
const pool = createPool({ database: file, poolSize: 3 });
const narrow = createPool({ database: ':memory:', acquireTimeoutMs: 50 });
const small = await connect(':memory:', { maxPending: 10 });
const store = new SessionStore(pool);
await store.createTables();
await pool.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 1), (2, zeroblob(2000)), (3, 3)');
/** How often each code was met: a test that is never refused anything shows nothing of refusals. @type {Record<string, number>} */
const refusals = {};
/** @template T @param {Promise<T>} call */
const refused = (call) =>
  call.catch((error) => {
    const name = typeof error.code === 'string' ? error.code : error.name;
    refusals[name] = (refusals[name] ?? 0) + 1;
    return undefined;
  });
let turn = 0;

/** As many sessions at each time, so that the file does not grow. */
async function sessions() {
  const sessionId = `s${turn % 8}`;
  const key = { appName: 'app', userId: 'ada', sessionId };
  await store.deleteSession(key);
  await store.createSession({ ...key, state: { turn } });
  const content = { parts: [{ text: 'x'.repeat(1_000) }] };
  const appends = Array.from({ length: 32 }, (_, n) => {
    const event = { ...key, id: `e${n}`, invocationId: 'i', author: 'a', timestamp: n, actions: {}, content };
    return store.appendEvent(event, { session: { n }, user: { n }, app: { turn } });
  });
  await Promise.all(appends);
  await Promise.all([
    store.getSession(key),
    store.getEvents(key, { last: 10 }),
    store.listSessionPage({ appName: 'app' }),
  ]);
}

async function verbs() {
  await pool.executeMany(
    'INSERT OR REPLACE INTO t VALUES (?, ?)',
    Array.from({ length: 50 }, (_, i) => [i, Buffer.alloc(2_000, turn)]),
  );
  await pool.transaction(async (tx) => {
    await tx.run('UPDATE t SET x = ? WHERE id = 1', [turn]);
    await refused(tx.transaction((inner) => inner.run('INSERT INTO t VALUES (1, 1)')));
  });
  // Another text each time, and other columns.
  const texts = Array.from({ length: 50 }, (_, i) => `SELECT ${i} AS a${turn * 50 + i}, id FROM t`);
  await Promise.all(texts.map((sql) => pool.all(sql)));
  for await (const _ of pool.iterate('SELECT * FROM t', [], { batchSize: 5 }));
  for await (const _ of pool.iterate('SELECT * FROM t', [], { batchSize: 5 })) break;
  await pool.read(async (tx) => [await tx.get('SELECT count(*) FROM t'), await tx.get('SELECT 1')]);
}

async function refusalsOfAllKinds() {
  const stop = new AbortController();
  const endless = [
    refused(pool.get(`${NUMBERS} SELECT count(*) FROM n`, [], { timeoutMs: 10 })),
    refused(pool.get(`${NUMBERS} SELECT count(*) FROM n`, [], { signal: stop.signal })),
  ];
  const lease = await refused(narrow.acquire());
  await Promise.all([refused(narrow.acquire()).then((other) => other?.close()), refused(narrow.get('SELECT 1'))]);
  await lease?.close();
  await Promise.all(Array.from({ length: 30 }, () => refused(small.get('SELECT 1'))));
  await refused(small.get('SELECT nonsense'));
  stop.abort();
  await Promise.all(endless);
}

async function connections() {
  const db = await connect(file);
  db.onCommit(() => {});
  await db.createFunction('f', (x) => Number(x) + turn);
  await db.get('SELECT f(1), f(2)');
  await db.createFunction('g', () => {
    throw new Error('of a function');
  });
  await refused(db.get('SELECT g()'));
  const blob = await db.openBlob({ table: 't', column: 'x', rowid: 2 });
  await blob.read(0, 100);
  await blob.close();
  const recorder = await db.recordChanges();
  await db.run('UPDATE t SET x = ? WHERE id = 3', [turn]);
  await recorder.changeset();
  if (turn % 10 === 0) await db.backup(`${file}-copy`);
  await db.close();
  if (turn % 10 === 0) rmSync(`${file}-copy`);
}

const count = (/** @type {string} */ what) =>
  process.platform === 'linux' ? readdirSync(`/proc/self/${what}`).length : 0;

async function sample() {
  gc();
  await new Promise((resolve) => setTimeout(resolve, 10));
  gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    rss,
    heap: heapUsed + external,
    threads: count('task'),
    files: count('fd'),
    disk: statSync(file).size + statSync(`${file}-wal`).size,
  };
}

const began = performance.now();
const samples = [];
let next = 0;
for (; performance.now() - began < Number(seconds) * 1_000; turn++) {
  await Promise.all([sessions(), verbs(), refusalsOfAllKinds(), connections()]);
  if (performance.now() - began < next) continue;
  samples.push(await sample());
  next += (Number(seconds) * 1_000) / 40;
}
await Promise.all([pool.close(), narrow.close(), small.close()]);
console.log(JSON.stringify({ turns: turn, refusals, samples }));
