#!/usr/bin/env node
/**
 * Single operations, one at a time, with Benchmark.js: `node bench/micro.mjs [part of a name]`.
 * For comparing a change with the commit before it; whole workloads are index.mjs's business (README.md says why).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Benchmark from 'benchmark';
import { importOurs } from './drivers/shared/package.mjs';
import { eventOf, MIXED_TABLE, mixedRow, SIX_INSERT, SIX_TABLE, sixRows } from './workload.mjs';

const filter = process.argv[2] ?? '';
const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-micro-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));

const [{ connect, julianDay }, { SessionStore }] = await Promise.all([importOurs('index'), importOurs('store/index')]);
const options = { journalMode: 'wal', synchronous: 'off' };
const db = await connect(join(folder, 'ours.db'), options);
const store = new SessionStore(db);
await store.createTables();
await db.exec(MIXED_TABLE(false));
await db.exec(SIX_TABLE);
await db.executeMany(
  'INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  Array.from({ length: 1_000 }, (_, i) => mixedRow(i, false)),
);

await db.createFunction('plus', (a, b) => Number(a) + Number(b));

const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };
await store.createSession(key);
const recordOf = (i) => {
  const { id, invocationId, author, actions, timestamp, content } = eventOf(i);
  return { ...key, id, invocationId, author, actions, timestamp, content };
};
for (let i = 0; i < 100; i++) await store.appendEvent(recordOf(i));

const [, row] = sixRows(2, 'ascii');
let next = 1_000;
const asynchronous = {
  'get() by primary key': () => db.get('SELECT * FROM item WHERE id = ?', [500]),
  'get() with a named parameter': () => db.get('SELECT * FROM item WHERE id = :id', { id: 500 }),
  'all() of 10 rows': () => db.all('SELECT * FROM item LIMIT 10'),
  'all() of 10 rows as arrays': () => db.all('SELECT * FROM item LIMIT 10', [], { rowMode: 'array' }),
  'run() of an insert, not durable': () => db.run(SIX_INSERT, row),
  'batch() of two inserts, not durable': () =>
    db.batch([
      { sql: SIX_INSERT, params: row },
      { sql: SIX_INSERT, params: row },
    ]),
  'get() that calls a function 1,000 times': () =>
    db.get(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT sum(plus(i, 1)) FROM n',
    ),
  'store.getSession()': () => store.getSession(key),
  'store.loadSession() of 10 events': () => store.loadSession(key, { last: 10 }),
  'store.appendEvent(), not durable': () => store.appendEvent(recordOf(next++)),
};
let sum = 0;
const synchronous = {
  'julianDay there and back': () => {
    // Kept, or the compiler would leave it out.
    sum += julianDay.decode(julianDay.encode(1_750_000_000_000 + next++));
  },
};

const suite = new Benchmark.Suite();
for (const [name, work] of Object.entries(asynchronous)) {
  if (!name.includes(filter)) continue;
  suite.add(name, { defer: true, fn: (deferred) => work().then(() => deferred.resolve(), fail) });
}
for (const [name, work] of Object.entries(synchronous)) if (name.includes(filter)) suite.add(name, work);
suite.on('cycle', ({ target }) => {
  if (target.error) fail(target.error);
  console.log(String(target));
});
suite.on('complete', () => Number.isFinite(sum) && db.close());
suite.run({ async: true });

function fail(error) {
  console.error(error);
  process.exit(1);
}
