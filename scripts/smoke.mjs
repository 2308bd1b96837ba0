#!/usr/bin/env node
/**
 * A short program in any runtime: `node scripts/smoke.mjs`, `bun …`, `deno run -A …`, under qemu or Wine. It goes once
 * through what is different in a runtime: native threads, calls from threads into JavaScript, external memory, files,
 * the end of a worker thread and of the process. Prints one line and exits 0, or says what was wrong.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';

// From lib/, or from a package that was installed elsewhere.
const base = process.env.AIOSQLITE_PACKAGE ?? '..';
const { connect, createPool, sqliteVersion } = await import(`${base}/lib/index.js`);
const { SessionStore } = await import(`${base}/lib/store/index.js`);
const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-smoke-'));

const db = await connect(join(folder, 'smoke.db'));
await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
const values = [null, 1, 2 ** 53 - 1, 2n ** 63n - 1n, 0.1, 'a\0ü🎉', new Uint8Array([0, 255])];
await Promise.all(values.map((value) => db.run('INSERT INTO t (x) VALUES (?)', [value])));
const back = (await db.all('SELECT x FROM t ORDER BY id')).map(({ x }) =>
  x instanceof Uint8Array ? new Uint8Array(x) : x,
);
assert.deepEqual(back, values);

await db.createFunction('twice', (x) => x * 2);
assert.equal((await db.get('SELECT twice(21) AS x')).x, 42);
let rows = 0;
const numbers =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i, hex(i) AS h FROM n';
for await (const row of db.iterate(numbers)) rows += row.i > 0 ? 1 : 0;
assert.equal(rows, 5000);
await assert.rejects(db.run('INSERT INTO nowhere VALUES (1)'), { code: 'SQLITE_ERROR' });
await assert.rejects(connect(join(folder, 'no', 'where.db')), { code: 'SQLITE_CANTOPEN' });
const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
await assert.rejects(db.get(endless, [], { timeoutMs: 100 }), { code: 'ERR_TIMEOUT' });
const file = join(folder, 'smoke.db');
const worker = new Worker(new URL('smoke-worker.mjs', import.meta.url), { workerData: { base, file, endless } });
await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
await assert.rejects(db.run('INSERT INTO t (x) VALUES (1)', [], { timeoutMs: 100 }), { code: 'ERR_TIMEOUT' });
await worker.terminate();
await db.run('INSERT INTO t (x) VALUES (1)');
await db.close();

const pool = createPool({ database: join(folder, 'sessions.db') });
const store = new SessionStore(pool);
await store.createTables();
const key = { appName: 'smoke', userId: 'u', sessionId: 's' };
await store.createSession(key);
const event = (i) => ({ ...key, id: `e${i}`, invocationId: 'i', author: 'user', timestamp: i, actions: {} });
await Promise.all(Array.from({ length: 50 }, (_, i) => store.appendEvent(event(i), { session: { [`k${i}`]: i } })));
const loaded = await store.loadSession(key);
assert.equal(loaded.events.length, 50);
assert.equal(loaded.session.state.k49, 49);
await pool.close();
rmSync(folder, { recursive: true, force: true });

const { bun, deno, node } = process.versions;
const runtime = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
console.log(`smoke: ok, SQLite ${sqliteVersion}, ${runtime}, ${process.platform}-${process.arch}`);
