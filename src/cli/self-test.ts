import { connect, createPool } from '../index.js';
import { SessionStore } from '../store/index.js';
import { must } from './report.js';

/** A round through driver and store, in memory. */
export async function selfTest(): Promise<string> {
  await using db = await connect(':memory:');
  await db.exec('CREATE TABLE t (x)');
  const values = [null, 1, 2 ** 53 - 1, 2n ** 63n - 1n, 0.1, 'a\0ü', new Uint8Array([0, 255])];
  await Promise.all(values.map((value) => db.run('INSERT INTO t VALUES (?)', [value])));
  const rows = await db.all('SELECT x FROM t ORDER BY rowid');
  const same = rows.every(({ x }, i) => (x instanceof Uint8Array ? x.join() === '0,255' : x === values[i]));
  must(rows.length === values.length && same, 'values come back altered');
  const late = await db.get(ENDLESS, [], { timeoutMs: 50 }).catch((error: { code?: string }) => error.code);
  must(late === 'ERR_TIMEOUT', 'a statement that never ends was not ended by its deadline');
  const { ok, problems } = await db.integrityCheck();
  must(ok, problems.join('; '));

  await using pool = createPool({ database: ':memory:' });
  const store = new SessionStore(pool);
  await store.createTables();
  const key = { appName: 'doctor', userId: 'user', sessionId: 'session' };
  await store.createSession(key);
  const event = { ...key, id: 'event', invocationId: 'i', author: 'user', timestamp: 1, actions: {} };
  await store.appendEvent(event, { session: { seen: true } });
  const loaded = await store.loadSession(key);
  must(loaded?.events[0]?.id === 'event' && loaded.session.state.seen === true, 'a session comes back altered');
  return 'values, deadlines, sessions and events';
}

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
