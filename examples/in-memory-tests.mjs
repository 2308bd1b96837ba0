// Tests with a database of their own, in memory: fast, and nothing to clean up. `node examples/in-memory-tests.mjs`
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

/** The code under test: it takes any Executor, so a Connection, a Pool or a Transaction. */
async function rename(/** @type {import('aiosqlite').Executor} */ db, id, name) {
  const { changes } = await db.run('UPDATE cat SET name = ? WHERE id = ?', [name, id]);
  if (changes === 0) throw new Error(`no cat ${id}`);
}

/** Each ':memory:' connection is a private database. */
async function openCats(t) {
  const db = await connect(':memory:');
  t.after(() => db.close());
  await db.exec(`CREATE TABLE cat (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO cat VALUES (1, 'Minka')`);
  return db;
}

test('a cat gets its new name', async (t) => {
  const db = await openCats(t);
  await rename(db, 1, 'Tiger');
  assert.deepEqual(await db.all('SELECT * FROM cat'), [{ id: 1, name: 'Tiger' }]);
});

test('a cat that is not there rejects', async (t) => {
  const db = await openCats(t);
  await assert.rejects(rename(db, 7, 'Tiger'), /no cat 7/);
});

// A pool in memory is one connection. Its reader role refuses writes all the same: what passes here passes on a file.
test('sessions of an agent', async (t) => {
  const pool = createPool({ database: ':memory:' });
  t.after(() => pool.close());
  const store = new SessionStore(pool);
  await store.createTables();
  await store.createSession({ appName: 'app', userId: 'ada', sessionId: 's1', state: { step: 1 } });
  const session = await store.getSession({ appName: 'app', userId: 'ada', sessionId: 's1' });
  assert.deepEqual(session?.state, { step: 1 });
});
