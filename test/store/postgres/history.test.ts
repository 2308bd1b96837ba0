import { PostgresSessionStore } from 'aiosqlite/postgres';
import { expect, test } from 'vitest';
import { breaking, describePostgres, postgres } from '../../support/postgres.js';
import { rejection } from '../../support/rejection.js';
import { event, ids, key } from '../fixtures.js';

/** The histories that PostgreSQL keeps, where they differ from those of SQLite. The suites of both are in ../history. */
describePostgres('a history on PostgreSQL', () => {
  const on = postgres();

  async function twoTurns(store: PostgresSessionStore): Promise<void> {
    await store.createSession({ ...key, state: { first: 1 } });
    for (const at of [1, 2]) {
      const delta = { at, [`k${at}`]: at };
      await store.appendEvent(event(`e${at}`, { invocationId: `i${at}`, actions: { stateDelta: delta } }), {
        session: delta,
      });
    }
  }

  test('a schema of version 1 gets what it lacks, and keeps its rows', async () => {
    const schema = on.schema();
    const pool = on.pool();
    const store = await on.store({ schema }, pool);
    await twoTurns(store);
    await pool.query(`DROP TABLE "${schema}".adk_rewound_events, "${schema}".adk_sessions_changes`);
    await pool.query(`DROP FUNCTION "${schema}".adk_sessions_change_v1, "${schema}".adk_sessions_delete_v2`);
    await pool.query(`UPDATE "${schema}".adk_metadata SET value = '1' WHERE key = 'schema_version'`);
    await Promise.all([store, new PostgresSessionStore(pool, { schema })].map((each) => each.createTables()));
    expect((await pool.query(`SELECT key, value FROM "${schema}".adk_metadata`)).rows).toEqual([
      { key: 'schema_version', value: '2' },
    ]);
    expect(await store.rewind(key, { beforeInvocationId: 'i2' })).toMatchObject({
      removed: 1,
      session: { state: { first: 1, at: 1, k1: 1 } },
    });
  });

  test.each<[string, (store: PostgresSessionStore) => Promise<unknown>]>([
    ['rewind()', (store) => store.rewind(key, { beforeInvocationId: 'i2' })],
    ['a marked rewind()', (store) => store.rewind(key, { beforeInvocationId: 'i2' }, { mode: 'mark' })],
    ['fork()', (store) => store.fork(key, { sessionId: 'fork' })],
    ['deleteInvocation()', (store) => store.deleteInvocation(key, 'i2')],
  ])('%s is tried again on a connection that breaks before its commit, and done once', async (_, change) => {
    const schema = on.schema();
    const plain = await on.store({ schema });
    await twoTurns(plain);
    const { revision } = (await plain.getSession(key)) as { revision: number };
    await change(new PostgresSessionStore(breaking(on.pool(), /INSERT|DELETE/, 'after'), { schema }));
    const forks = await plain.listSessions({ appName: 'app' });
    expect(forks.reduce((sum, session) => sum + session.revision, 0)).toBe(revision + 1);
  });

  test('one whose connection breaks at its commit rejects, and is not done twice', async () => {
    const schema = on.schema();
    const plain = await on.store({ schema });
    await twoTurns(plain);
    await plain.rewind(key, { beforeInvocationId: 'i2' });
    await plain.rewind(key, { beforeInvocationId: 'i1' });
    const store = new PostgresSessionStore(breaking(on.pool(), /^COMMIT/, 'after'), { schema });
    expect(await rejection(store.undoRewind(key))).toMatchObject({ name: 'PostgresError', code: 'ECONNRESET' });
    expect(ids(await plain.getEvents(key))).toEqual(['e1']);
    await store.undoRewind(key);
    expect(ids(await plain.getEvents(key))).toEqual(['e1', 'e2']);
  });

  test('stateAt() is a read: a replica can be asked', async () => {
    const schema = on.schema();
    await twoTurns(await on.store({ schema }));
    const replica = new PostgresSessionStore(on.pool({ options: '-c default_transaction_read_only=on' }), { schema });
    expect(await replica.stateAt(key, 1)).toEqual({ first: 1, at: 1, k1: 1 });
  });

  test('appends that run at the same time end on one side of a rewind each', async () => {
    const schema = on.schema();
    const [store, other] = [await on.store({ schema }), new PostgresSessionStore(on.pool(), { schema })];
    await twoTurns(store);
    const appends = Array.from({ length: 60 }, (_, i) => {
      const delta = { [`a${i}`]: i };
      const fields = { invocationId: 'later', actions: { stateDelta: delta } };
      return (i % 2 ? store : other).appendEvent(event(`a${i}`, fields), { session: delta });
    });
    const rewinds = [store, other, store].map((each) => each.rewind(key, { beforeInvocationId: 'i2' }).catch(() => {}));
    await Promise.all([...appends, ...rewinds]);
    const { state } = (await store.getSession(key)) as { state: object };
    const left = ids(await store.getEvents(key));
    expect(left[0]).toBe('e1');
    expect(left).not.toContain('e2');
    expect(new Set(Object.keys(state))).toEqual(new Set(['first', 'at', 'k1', ...left.slice(1)]));
  });

  test('an id that PostgreSQL can not hold is found nowhere, and refused for a fork', async () => {
    const store = await on.store();
    await twoTurns(store);
    const odd = { ...key, sessionId: 'a\0' };
    const notFound = { code: 'ADK_SESSION_NOT_FOUND' };
    expect(await rejection(store.rewind(odd, { toSeq: 1 }))).toMatchObject(notFound);
    expect(await rejection(store.stateAt(odd, 1))).toMatchObject(notFound);
    expect(await rejection(store.rewind(key, { beforeInvocationId: 'i\0' }))).toMatchObject({
      code: 'ADK_POINT_NOT_FOUND',
    });
    expect(await store.deleteInvocation(key, 'i\0')).toBe(0);
    for (const option of ['sessionId', 'userId']) {
      expect(await rejection(store.fork(key, { [option]: 'a\0' }))).toMatchObject({
        code: 'ERR_OUT_OF_RANGE',
        message: expect.stringContaining(`options.${option}`),
      });
    }
  });

  test('a session goes with its owner, and its history with it', async () => {
    const schema = on.schema();
    const pool = on.pool();
    await pool.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".tenants (id int PRIMARY KEY)`);
    await pool.query(`INSERT INTO "${schema}".tenants VALUES (1)`);
    const owner = `tenant int DEFAULT 1 REFERENCES "${schema}".tenants ON DELETE CASCADE`;
    const store = await on.store({ schema, ownerIdColumn: owner }, pool);
    await store.createSession({ ...key, ownerId: 1 });
    await store.appendEvent(event('e1', { invocationId: 'i1' }));
    await store.mergeSessionState(key, { a: 1 });
    await store.rewind(key, { beforeInvocationId: 'i1' });
    await pool.query(`DELETE FROM "${schema}".tenants`);
    for (const table of ['adk_rewound_events', 'adk_sessions_changes']) {
      expect((await pool.query(`SELECT * FROM "${schema}".${table}`)).rows).toEqual([]);
    }
  });
});
