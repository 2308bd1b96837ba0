import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createPool } from 'aiosqlite';
import { PostgresError, PostgresSessionStore, StoreError } from 'aiosqlite/postgres';
import { describe, expect, test } from 'vitest';
import { describePostgres, divide, makePool, postgres, serverUrl, type TestPool } from '../../support/postgres.js';
import { rejection } from '../../support/rejection.js';
import { event, ids, key } from '../fixtures.js';

const SECRET = 'sesame-4711';

describe('the constructor', () => {
  test.each([
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ query() {} }, 'ERR_INVALID_ARG_TYPE'],
    ['agent.db', 'ERR_OUT_OF_RANGE'],
    [`mysql://u:${SECRET}@host/db`, 'ERR_OUT_OF_RANGE'],
    [`postgres://u:${SECRET}@host:x/db`, 'ERR_OUT_OF_RANGE'],
  ])('refuses the source %j', (source, code) => {
    const error: any = catchError(() => new PostgresSessionStore(source as any));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(/^source must be/);
    expect(inspect(error)).not.toContain(SECRET);
  });

  test.each([
    [{ schema: 'a b' }, 'ADK_INVALID_NAME'],
    [{ schema: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ batch: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ prepare: 'no' }, 'ERR_INVALID_ARG_TYPE'],
    [{ retryMs: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ retryMs: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ shema: 'x' }, 'ERR_UNKNOWN_OPTION'],
    [{ artifactsTable: 'x' }, 'ERR_UNKNOWN_OPTION'],
    [{ sessionsTable: 'x"y' }, 'ADK_INVALID_NAME'],
    [{ ownerIdColumn: 'user_id text' }, 'ADK_INVALID_NAME'],
  ])('refuses the options %j', (options, code) => {
    expect(catchError(() => new PostgresSessionStore('postgres://u@h/d', options as any))).toMatchObject({ code });
  });

  test('a printed store shows no password', () => {
    const store = new PostgresSessionStore(`postgres://u:${SECRET}@host/db`);
    expect(inspect(store, { depth: 20, showHidden: true })).not.toContain(SECRET);
  });
});

describePostgres('a store on PostgreSQL', () => {
  const on = postgres();

  test('works from a URL, and close() ends its own pool only', async () => {
    const schema = on.schema();
    const store = new PostgresSessionStore(serverUrl(), { schema });
    await store.createTables();
    await store.createSession(key);
    await store.close();
    await store.close();
    expect(await rejection(store.getSession(key))).toMatchObject({ code: 'ERR_CLOSED' });
    const pool = on.pool();
    await using given = new PostgresSessionStore(pool, { schema });
    expect(await given.getSession(key)).toMatchObject({ id: 's1' });
    await given.close();
    expect(await given.getSession(key)).toMatchObject({ id: 's1' });
  });

  test.each([
    ['U+0000', 'a\0b'],
    ['801 bytes', 'x'.repeat(801)],
    ['801 bytes of UTF-8', `${'é'.repeat(400)}x`],
  ])('refuses an id with %s by name, and finds none', async (_, id) => {
    const store = await on.store();
    for (const name of ['appName', 'userId', 'sessionId'] as const) {
      const odd = { ...key, [name]: id };
      for (const refused of [store.createSession(odd), store.appendEvent(event('e', odd))]) {
        expect(await rejection(refused)).toMatchObject({
          code: 'ERR_OUT_OF_RANGE',
          message: expect.stringMatching(name === 'sessionId' ? /^(?:sessionId|id) / : name),
        });
      }
      expect(await store.getSession(odd)).toBeUndefined();
      expect(await store.loadSession(odd)).toBeUndefined();
      expect(await store.deleteSession(odd)).toBe(false);
      expect(await store.getEvents(odd)).toEqual([]);
      expect(await all(store.iterateEvents(odd))).toEqual([]);
      expect(await rejection(store.updateSessionState(odd, {}))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    }
    await store.createSession(key);
    const unstorable = [store.appendEvent(event(id)), store.appendEvents([event('e'), event(id)])];
    for (const refused of unstorable) {
      expect(await rejection(refused)).toMatchObject({
        code: 'ERR_OUT_OF_RANGE',
        message: expect.stringContaining('event.id'),
      });
    }
    expect(await store.getEvents(key)).toEqual([]);
    expect(await store.getAppState(id)).toEqual({});
    expect(await store.listSessionPage({ appName: id })).toEqual({ sessions: [], total: 0 });
  });

  test('keeps times to the microsecond, and all others in the event', async () => {
    const store = await on.store();
    await store.createSession(key);
    const times = [0, -1.5, 1_796_005_805_123.457, 1_796_005_805_123.4568, 253_402_300_799_999, 8.64e15, 1e300, -1e300];
    for (const [at, timestamp] of times.entries()) await store.appendEvent(event(`e${at}`, { timestamp }));
    expect((await store.getEvents(key)).map(({ timestamp }) => timestamp)).toEqual(times);
    await store.appendEvent(event('now', { timestamp: 1_796_005_805_123.457 }));
    expect((await store.getSession(key))?.updateTime).toBe(1_796_005_805_123.457);
  });

  test('a catalogue of values comes back as it is from an owner column', async () => {
    const pool = on.pool();
    const schema = on.schema();
    await pool.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".tenants (id bigint PRIMARY KEY)`);
    await pool.query(`INSERT INTO "${schema}".tenants VALUES (1), (9007199254740993)`);
    const store = await on.store({
      schema,
      ownerIdColumn: `tenant bigint REFERENCES "${schema}".tenants ON DELETE CASCADE`,
    });
    const other = { ...key, sessionId: 's2' };
    expect(await store.createSession({ ...key, ownerId: 1 })).toMatchObject({ ownerId: 1 });
    expect(await store.createSession({ ...other, ownerId: 9_007_199_254_740_993n })).toMatchObject({
      ownerId: 9_007_199_254_740_993n,
    });
    expect(await store.createSession({ ...key, sessionId: 's3' })).toMatchObject({ ownerId: null });
    expect(await store.getSession(other)).toMatchObject({ ownerId: 9_007_199_254_740_993n });
    await store.appendEvents([event('e1'), event('e2', other)]);
    expect(await rejection(store.createSession({ ...key, sessionId: 's4', ownerId: 2 }))).toMatchObject({
      code: '23503',
    });
    await pool.query(`DELETE FROM "${schema}".tenants WHERE id = 1`);
    expect(ids(await store.listSessions({ appName: 'app', orderBy: 'createTime', order: 'asc' }))).toEqual([
      's2',
      's3',
    ]);
    expect((await pool.query(`SELECT id FROM "${schema}".adk_events`)).rows).toEqual([{ id: 'e2' }]);
  });

  describe('inside a transaction of the caller', () => {
    test('writes commit and roll back with it', async () => {
      const store = await on.store();
      await store.createSession(key);
      const client = await on.pool().connect();
      const inside = store.with(client);
      await client.query('BEGIN');
      await inside.appendEvent(event('undone'), { session: { a: 1 }, app: { b: 2 } });
      expect(ids(await inside.getEvents(key))).toEqual(['undone']);
      expect(await store.getEvents(key)).toEqual([]);
      // The transaction stays usable after a refusal of the store.
      expect(await rejection(inside.createSession(key))).toMatchObject({ code: 'ADK_SESSION_EXISTS' });
      const none = { ...key, sessionId: 'none' };
      expect(await rejection(inside.appendEvents([event('x'), event('y', none)]))).toMatchObject({
        code: 'ADK_SESSION_NOT_FOUND',
      });
      expect(ids(await inside.getEvents(key))).toEqual(['undone']);
      await client.query('ROLLBACK');
      expect(await store.loadSession(key)).toMatchObject({
        session: { state: {}, revision: 1 },
        appState: {},
        events: [],
      });
      await client.query('BEGIN');
      await inside.appendEvent(event('done'));
      expect(ids(await all(inside.iterateEvents(key)))).toEqual(['done']);
      await client.query('COMMIT');
      client.release();
      expect(ids(await store.getEvents(key))).toEqual(['done']);
    });

    test('with() refuses what is no client', async () => {
      const store = await on.store();
      for (const wrong of [undefined, {}, createPool({ database: ':memory:' })]) {
        expect(catchError(() => store.with(wrong as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
      }
    });
  });

  describe('appends that share a statement', () => {
    const sessions = Array.from({ length: 64 }, (_, i) => ({ ...key, sessionId: `s${i}` }));
    /** Statements that a pool's clients have run, and the codes of those that failed. */
    function counted(): { pool: TestPool; texts: string[]; failed: string[] } {
      const texts: string[] = [];
      const failed: string[] = [];
      const pool = on.pool();
      const connect = pool.connect.bind(pool);
      pool.connect = async () => {
        const client = await connect();
        return {
          ...client,
          release: client.release.bind(client),
          query(config: any) {
            texts.push(config.text);
            return client.query(config).catch((error) => {
              failed.push(error.code);
              throw error;
            });
          },
        };
      };
      return { pool, texts, failed };
    }

    /** Resolves once so many connections wait for locks, some of them that of the client. */
    async function waiters(client: Pick<TestPool, 'query'>, count: number): Promise<void> {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      const admin = on.pool({ max: 1 });
      const waiting = `WITH RECURSIVE waiting AS (
        SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))
        UNION SELECT a.pid FROM pg_stat_activity AS a JOIN waiting AS w ON w.pid = ANY (pg_blocking_pids(a.pid)))
        SELECT count(*)::int AS n FROM waiting`;
      while ((await admin.query(waiting, [rows[0]?.pid])).rows[0]?.n < count) await sleep(5);
    }

    test.each([true, false])('each has its own outcome (batch: %j)', async (batch) => {
      const { pool, texts } = counted();
      const store = await on.store({ batch }, pool);
      await Promise.all(sessions.slice(0, 60).map((session) => store.createSession(session)));
      texts.length = 0;
      const outcomes = await Promise.allSettled(
        sessions.map((session, i) => {
          const options = i % 3 === 1 ? { expectedRevision: 7 } : {};
          return store.appendEvent(event('e', session), { session: { i } }, options);
        }),
      );
      // Those that the shared statements have not found, or not in their state, ask why, alone.
      expect(texts.length).toBe(batch ? 2 + outcomes.filter(({ status }) => status === 'rejected').length : 64);
      outcomes.forEach((outcome, i) => {
        if (i % 3 === 1 || i >= 60) {
          expect(outcome).toMatchObject({ reason: { code: i >= 60 ? 'ADK_SESSION_NOT_FOUND' : 'ADK_STALE_SESSION' } });
        } else expect(outcome).toMatchObject({ value: { seq: 1, revision: 2 } });
      });
      for (const [i, session] of sessions.slice(0, 60).entries()) {
        const loaded = await store.loadSession(session);
        expect(loaded).toMatchObject(
          i % 3 === 1 ? { events: [], session: { state: {} } } : { events: [{ seq: 1 }], session: { state: { i } } },
        );
      }
    });

    test('tells sessions of two users apart that have the same key, as in tables that were merged', async () => {
      const schema = on.schema();
      const store = await on.store({ schema });
      const key = (userId: string) => ({ appName: 'app', userId, sessionId: 's' });
      for (const userId of ['a', 'b', 'c']) await store.createSession(key(userId));
      for (let i = 0; i < 5; i++) await store.appendEvent(event(`e${i}`, key('b')));
      const keyOfA = `(SELECT session_key FROM "${schema}".adk_sessions WHERE user_id = 'a')`;
      for (const table of ['adk_events', 'adk_sessions'])
        await on.pool().query(`UPDATE "${schema}".${table} SET session_key = ${keyOfA} WHERE user_id = 'b'`);
      const appends = ['c', 'a', 'b'].map((userId) => store.appendEvent(event('new', key(userId))));
      expect((await Promise.all(appends)).map(({ seq }) => seq)).toEqual([1, 1, 6]);
      expect(await store.getEvents(key('b'))).toHaveLength(6);
    });

    test('one that the database refuses fails alone', async () => {
      const schema = on.schema();
      const store = await on.store({ schema });
      await on.pool().query(`ALTER TABLE "${schema}".adk_events ADD CHECK (author <> '${SECRET}')`);
      await Promise.all(sessions.map((session) => store.createSession(session)));
      const outcomes = await Promise.allSettled(
        sessions.map((session, i) => store.appendEvent(event('e', { ...session, author: i === 9 ? SECRET : 'user' }))),
      );
      const failed = outcomes.filter(({ status }) => status === 'rejected');
      expect(failed).toMatchObject([{ reason: { code: '23514' } }]);
      expect(inspect(failed, { depth: 20, showHidden: true })).not.toContain(SECRET);
      expect(outcomes[9]?.status).toBe('rejected');
      for (const [i, session] of sessions.entries())
        expect(await store.getEvents(session)).toHaveLength(i === 9 ? 0 : 1);
    });

    test('an event that is there is replaced at its place, beside new ones', async () => {
      const store = await on.store();
      const some = sessions.slice(0, 4);
      await Promise.all(some.map((session) => store.createSession(session)));
      for (const id of ['first', 'second']) {
        await Promise.all(some.map((session) => store.appendEvent(event(id, session))));
      }
      const appended = await Promise.all(
        some.map((session, i) =>
          store.appendEvent(event(i === 2 ? 'first' : 'third', { ...session, author: 'new' }), { session: { i } }),
        ),
      );
      expect(appended.map(({ seq, revision }) => [seq, revision])).toEqual([
        [3, 4],
        [3, 4],
        [1, 4],
        [3, 4],
      ]);
      expect(await store.loadSession(some[2] as typeof key)).toMatchObject({
        session: { state: { i: 2 } },
        events: [{ id: 'first', author: 'new' }, { id: 'second' }],
      });
    });

    test.each([
      ['an empty table', 0, ''],
      ['an empty table with statistics', 0, 'VACUUM ANALYZE'],
      ['a table of 3 sessions with statistics', 3, 'VACUUM ANALYZE'],
      ['a table of 200 sessions', 200, ''],
      ['a table of 200 sessions with statistics', 200, 'VACUUM ANALYZE'],
      ['a large table with statistics', 4_000, 'VACUUM ANALYZE'],
    ])(
      'read the row of their session alone, on a connection that has planned them for %s',
      async (_, planned, statistics) => {
        const schema = on.schema();
        const admin = on.pool();
        const table = `"${schema}".adk_sessions`;
        const fill = (user: string, count: number) =>
          admin.query(
            `INSERT INTO ${table} (app_name, user_id, id, state, create_time, update_time, update_hour)
           SELECT 'app', $1, 's' || i, '{}', now(), now(), date_trunc('hour', now()) FROM generate_series(0, $2 - 1) AS i`,
            [user, count],
          );
        const pool = makePool({ max: 1 });
        const store = new PostgresSessionStore(pool, { schema });
        const append = (user: string, from: number, count: number) =>
          Promise.allSettled(
            sessions
              .slice(from, from + count)
              .map((session) => store.appendEvent(event('e', { ...session, userId: user }))),
          );
        await store.createTables();
        // No statistics but these: they would be the end of the plan.
        await admin.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
        await fill('first', planned);
        if (statistics) await admin.query(`${statistics} ${table}`);
        for (let i = 0; i < 8; i++) await append('first', 0, Math.min(planned || 2, 16));
        await admin.query(`DELETE FROM ${table}`);
        await fill('u', 2_000);
        const outcomes: PromiseSettledResult<unknown>[] = [];
        for (let from = 0; from < 64; from += 16) outcomes.push(...(await append('u', from, 16)));
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(64);
        // A connection reports what it has counted when it ends.
        await pool.end();
        const updates = 64 + 8 * Math.min(planned, 16);
        for (let reported = 0; reported < updates; await sleep(20)) {
          const { rows } = await admin.query(
            `SELECT n_tup_upd::int AS n FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = 'adk_sessions'`,
            [schema],
          );
          reported = rows[0].n;
        }
        const { rows } = await admin.query(
          `SELECT (SELECT sum(seq_tup_read)::int FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = 'adk_sessions') AS scanned,
           (SELECT sum(idx_tup_read)::int FROM pg_stat_user_indexes WHERE schemaname = $1 AND relname = 'adk_sessions') AS found`,
          [schema],
        );
        // The deletion above reads the rows of the plan's table.
        expect(rows[0].scanned).toBeLessThanOrEqual(planned * 3);
        expect(rows[0].found).toBeLessThan(4 * updates);
      },
    );

    test('what another connection commits to a session while the statement waits for it counts', async () => {
      const store = await on.store();
      const [a, b, c] = sessions as [typeof key, typeof key, typeof key];
      await Promise.all([a, b, c].map((session) => store.createSession({ ...session, state: { n: 0 } })));
      const client = await on.pool().connect();
      await client.query('BEGIN');
      for (const session of [a, b]) {
        await store.with(client).appendEvent(event('theirs', session), { session: { theirs: true } });
      }
      const outcomes = Promise.allSettled([
        store.appendEvent(event('mine', a), { session: { n: 1 } }),
        store.appendEvent(event('mine', b), {}, { expectedRevision: 1 }),
        store.appendEvent(event('mine', c), { session: { n: 1 } }),
      ]);
      await waiters(client, 1);
      await client.query('COMMIT');
      client.release();
      expect(await outcomes).toMatchObject([
        { value: { seq: 2, revision: 3 } },
        { reason: { code: 'ADK_STALE_SESSION' } },
        { value: { seq: 1, revision: 2 } },
      ]);
      expect(await store.loadSession(a)).toMatchObject({
        session: { state: { n: 1, theirs: true }, revision: 3 },
        events: [{ id: 'theirs' }, { id: 'mine' }],
      });
      expect(ids(await store.getEvents(b))).toEqual(['theirs']);
    });

    test('each changes its own session in a table with partitions, whose rows have equal places', async () => {
      const schema = on.schema();
      const store = await on.store({ schema });
      const pool = on.pool();
      const table = `"${schema}".adk_sessions`;
      await divide(pool, schema, ['adk_sessions']);
      await store.createTables();
      const some = sessions.slice(0, 12).map((session, i) => ({ ...session, userId: `u${i}` }));
      for (const session of some) await store.createSession(session);
      const { rows } = await pool.query(`SELECT count(*)::int AS n, count(DISTINCT ctid)::int AS places FROM ${table}`);
      expect(rows[0].places).toBeLessThan(rows[0].n);
      const appended = await Promise.all(
        some.slice(0, 3).map((session, i) => store.appendEvent(event('e', session), { session: { i } })),
      );
      expect(appended).toMatchObject(Array(3).fill({ seq: 1, revision: 2 }));
      const loaded = await Promise.all(some.map((session) => store.loadSession(session)));
      expect(loaded.map((one) => [one?.session.state, one?.session.revision, one?.events.length])).toEqual(
        some.map((_, i) => (i < 3 ? [{ i }, 2, 1] : [{}, 1, 0])),
      );
    });

    test('what is written after a broken connection stays, also when its statement has waited for a lock meanwhile', async () => {
      const schema = on.schema();
      const pool = on.pool();
      const clients: any[] = [];
      pool.on('connect', (client) => clients.push(client));
      const [store, other] = [await on.store({ schema }, pool), await on.store({ schema })];
      const some = sessions.slice(0, 3);
      await Promise.all(some.map((session) => store.createSession(session)));
      const client = await on.pool().connect();
      await client.query('BEGIN');
      await store.with(client).appendEvent(event('theirs', some[0]));
      const mine = some.map((session) => store.appendEvent(event('mine', session), { session: { by: 'mine' } }));
      await waiters(client, 1);
      // The server goes on with the statement.
      for (const { connection } of clients) connection.stream.destroy();
      const later = Promise.all(
        some.slice(1).map(async (session, i) => {
          await mine[i + 1];
          await other.appendEvent(event('later', session), { session: { by: 'later' } });
        }),
      );
      await waiters(client, 2);
      // Time for a wrong order; the right one waits for the commit.
      await Promise.race([later, sleep(300)]);
      await client.query('COMMIT');
      client.release();
      expect((await Promise.all(mine)).map(({ seq }) => seq)).toEqual([2, 1, 1]);
      await later;
      for (const session of some.slice(1)) {
        expect(await store.loadSession(session)).toMatchObject({
          session: { state: { by: 'later' }, revision: 3 },
          events: [{ id: 'mine' }, { id: 'later' }],
        });
      }
    });

    test('statements that lock the same sessions, called in different orders, do not wait for each other in a circle', async () => {
      const schema = on.schema();
      const { pool, failed } = counted();
      const [one, other] = [await on.store({ schema }, pool), await on.store({ schema }, pool)];
      const some = sessions.slice(0, 3);
      await Promise.all(some.map((session) => one.createSession(session)));
      const client = await on.pool().connect();
      await client.query('BEGIN');
      await one.with(client).appendEvent(event('between', some[1]));
      const first = Promise.all(some.map((session) => one.appendEvent(event('one', session))));
      await waiters(client, 1);
      const second = Promise.all([...some].reverse().map((session) => other.appendEvent(event('other', session))));
      await waiters(client, 2);
      await client.query('COMMIT');
      client.release();
      const seqs = (await Promise.all([first, second])).map((appended) => appended.map(({ seq }) => seq));
      expect([0, 1, 2].map((i) => seqs.map((of) => of[i]).sort())).toEqual([
        [1, 2],
        [2, 3],
        [1, 2],
      ]);
      // The server ends a deadlock by an error; each append of its statement would go alone.
      expect(failed).toEqual([]);
    });

    test('those of one session keep the order of the calls, also among shared states and other writes', async () => {
      const store = await on.store();
      await Promise.all(sessions.slice(0, 8).map((session) => store.createSession(session)));
      const wanted = Array.from({ length: 40 }, (_, i) => `e${i}`);
      const appends = wanted.flatMap((id, i) =>
        sessions
          .slice(0, 8)
          .map((session) => store.appendEvent(event(id, session), i % 5 === 0 ? { app: { [id]: i } } : {})),
      );
      const seqs = (await Promise.all(appends)).map(({ seq }) => seq);
      expect(Math.max(...seqs)).toBe(40);
      for (const session of sessions.slice(0, 8)) expect(ids(await store.getEvents(session))).toEqual(wanted);
      expect(Object.keys(await store.getAppState('app'))).toHaveLength(8);
    });

    test('appendEvents() comes in the order of the calls in each of its sessions', async () => {
      const store = await on.store();
      const [a, b] = sessions as [typeof key, typeof key];
      await Promise.all([a, b].map((session) => store.createSession(session)));
      await Promise.all([
        store.appendEvent(event('1', a)),
        store.appendEvents([event('2', a), event('1', b), event('3', a)]),
        store.appendEvents([event('2', b), event('4', a)]),
        store.appendEvent(event('3', b)),
        store.appendEvent(event('5', a), { app: { done: true } }),
        store.appendEvents([event('4', b), event('5', b)]),
      ]);
      expect(ids(await store.getEvents(a))).toEqual(['1', '2', '3', '4', '5']);
      expect(ids(await store.getEvents(b))).toEqual(['1', '2', '3', '4', '5']);
    });

    test('writes of many sessions come behind the appends before them, and before every later call', async () => {
      const store = await on.store();
      const [a, b, c] = sessions as [typeof key, typeof key, typeof key];
      await Promise.all([a, b].map((session) => store.createSession(session)));
      const first = Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.appendEvent(event(`e${i}`, a))));
      const ends = await Promise.allSettled([
        store.deleteUser({ appName: a.appName, userId: a.userId }),
        store.appendEvent(event('late', a)),
        store.appendEvent(event('late', b)),
        store.createSession(c),
        store.appendEvent(event('new', { ...c, timestamp: 1_000 })),
        store.appendEvent(event('newer', { ...c, timestamp: 2_000_000_000_000 })),
        store.deleteIdleSessions({ idleSince: 1_900_000_000_000 }),
        store.deleteOldEvents({ before: 2_000 }),
      ]);
      expect(new Set((await first).map(({ status }) => status))).toEqual(new Set(['fulfilled']));
      const missing = 'ADK_SESSION_NOT_FOUND';
      const codes = ends.map((end) => (end.status === 'fulfilled' ? 'done' : end.reason.code));
      expect(codes).toEqual(['done', missing, missing, ...Array(5).fill('done')]);
      expect(ends[0]).toMatchObject({ value: { sessions: 2 } });
      expect(ends.slice(6)).toMatchObject([{ value: 0 }, { value: 1 }]);
      expect(ids(await store.getEvents(c))).toEqual(['newer']);
    });

    test('writes behind retention do not wait for an append that it waits for', async () => {
      const store = await on.store();
      const [a, b, c] = [...sessions.slice(0, 2), { ...key, userId: 'other' }] as [typeof key, typeof key, typeof key];
      await Promise.all([a, b, c].map((session) => store.createSession(session)));
      const client = await on.pool().connect();
      await client.query('BEGIN');
      await store.with(client).appendEvent(event('theirs', a));
      const waiting = [
        store.appendEvent(event('mine', a)),
        store.deleteIdleSessions({ idleSince: 1_000, appName: 'none' }),
        store.deleteOldEvents({ before: 1_000 }),
      ];
      await waiters(client, 1);
      await store.appendEvent(event('first', b));
      const deleted = store.deleteUser({ appName: a.appName, userId: a.userId });
      const late = rejection(store.appendEvent(event('late', b)));
      waiting.push(store.deleteOldEvents({ before: 1_000 }));
      await store.appendEvent(event('second', c));
      expect(ids(await store.getEvents(b))).toEqual(['first']);
      await client.query('COMMIT');
      client.release();
      await Promise.all(waiting);
      expect(await deleted).toMatchObject({ sessions: 2 });
      expect(await late).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
      expect(ids(await store.getEvents(c))).toEqual(['second']);
    });

    test('deleteUser() of many sessions leaves those that were called behind it', async () => {
      const store = await on.store();
      const many = Array.from({ length: 120 }, (_, i) => ({ ...key, sessionId: `s${i}` }));
      await Promise.all(many.map((session) => store.createSession(session)));
      const [deleted] = await Promise.all([
        store.deleteUser({ appName: key.appName, userId: key.userId }),
        store.createSession({ ...key, sessionId: 'new' }),
      ]);
      expect(deleted).toMatchObject({ sessions: 120 });
      expect(await store.listSessions({ appName: key.appName })).toMatchObject([{ id: 'new' }]);
    });

    test('an append behind fork() goes to the new session', async () => {
      const store = await on.store();
      await store.createSession(key);
      await store.appendEvent(event('e'));
      const client = await on.pool().connect();
      await client.query('BEGIN');
      await store.with(client).appendEvent(event('theirs'));
      const target = { ...key, sessionId: 'fork' };
      const calls = Promise.allSettled([
        store.fork(key, { sessionId: 'fork' }),
        store.appendEvent(event('later', target)),
      ]);
      await waiters(client, 1);
      // Time for a wrong order.
      await Promise.race([calls, sleep(200)]);
      await client.query('COMMIT');
      client.release();
      expect(await calls).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
      expect(ids(await store.getEvents(target))).toEqual(['e', 'theirs', 'later']);
    });

    test('shared states have the values of the last call, whatever the sessions of the calls', async () => {
      const store = await on.store();
      await Promise.all(sessions.slice(0, 8).map((session) => store.createSession(session)));
      for (let round = 0; round < 5; round += 1) {
        const value = (at: number) => ({ at: `${round}.${at}` });
        await Promise.all(
          sessions.slice(0, 8).map((session, at) => {
            const deltas = { app: value(at), user: value(at) };
            return at % 3 === 1
              ? store.updateAppState('app', value(at))
              : store.appendEvent(event(`e${round}`, session), deltas);
          }),
        );
        expect(await store.getAppState('app')).toEqual(value(7));
      }
    });

    test('no statement has more than 256 of them or, with more than one, more than a megabyte', async () => {
      const { pool, texts } = counted();
      const store = await on.store({}, pool);
      const many = Array.from({ length: 600 }, (_, i) => ({ ...key, sessionId: `m${i}` }));
      for (const some of [many.slice(0, 300), many.slice(300)])
        await Promise.all(some.map((session) => store.createSession(session)));
      texts.length = 0;
      await Promise.all(many.map((session) => store.appendEvent(event('e', session))));
      expect(texts.length).toBe(3);
      texts.length = 0;
      const content = { text: 'x'.repeat(600_000) };
      await Promise.all(many.slice(0, 4).map((session) => store.appendEvent(event('big', { ...session, content }))));
      expect(texts.length).toBe(4);
    });
  });

  describe('createTables()', () => {
    test('races in any number of stores, and then writes nothing', async () => {
      const schema = on.schema();
      const stores = Array.from({ length: 12 }, () => new PostgresSessionStore(on.pool({ max: 1 }), { schema }));
      await Promise.all(stores.map((store) => store.createTables()));
      await Promise.all(stores.map((store) => store.createSession({ ...key, ifExists: 'return' })));
      expect(await stores[0]?.countSessions({ appName: 'app' })).toBe(1);
      const { rows } = await on.pool().query(`SELECT count(*)::int AS n FROM "${schema}".adk_metadata`);
      expect(rows).toEqual([{ n: 1 }]);
    });

    test('a role with DML rights alone can use the tables, and gets 42501 where they are not', async () => {
      const schema = on.schema();
      await on.store({ schema });
      const admin = on.pool();
      const role = `role_${schema}`;
      await admin.query(`CREATE ROLE "${role}" LOGIN; GRANT USAGE ON SCHEMA "${schema}" TO "${role}"`);
      try {
        const pool = makePool({ user: role, max: 2 });
        const store = new PostgresSessionStore(pool, { schema });
        expect(await rejection(store.createTables())).toMatchObject({ code: '42501' });
        await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO "${role}"`);
        await store.createTables();
        await store.createSession(key);
        await store.appendEvent(event('e'), { session: { a: 1 }, app: { b: 2 } });
        expect(await store.deleteSession(key)).toBe(true);
        const missing = new PostgresSessionStore(pool, { schema: on.schema() });
        expect(await rejection(missing.createTables())).toMatchObject({ code: '42501', name: 'PostgresError' });
        await pool.end();
      } finally {
        await admin.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
      }
    });

    test('nothing depends on search_path', async () => {
      const schema = on.schema();
      const store = await on.store({ schema }, on.pool({ options: '-c search_path=pg_catalog' }));
      await store.createSession(key);
      await store.appendEvent(event('e'), { session: { a: 1 }, user: { b: 2 } });
      await store.appendEvent(event('e2'), { session: { a: 2 }, user: { b: 3 } });
      expect(await store.loadSession(key)).toMatchObject({ session: { state: { a: 2 } }, userState: { b: 3 } });
    });

    test('a newer version, other columns and other programs are refused by name, untouched', async () => {
      const pool = on.pool();
      const newer = on.schema();
      const store = await on.store({ schema: newer }, pool);
      await pool.query(`UPDATE "${newer}".adk_metadata SET value = '99'`);
      expect(await rejection(store.createTables())).toMatchObject({
        code: 'ADK_SCHEMA_VERSION',
        message: expect.stringContaining('99'),
      });

      const other = on.schema();
      await pool.query(`CREATE SCHEMA "${other}"; CREATE TABLE "${other}".adk_events (id text, extra jsonb)`);
      const error = await rejection(new PostgresSessionStore(pool, { schema: other }).createTables());
      expect(error).toMatchObject({ code: 'ADK_SCHEMA_MISMATCH', message: expect.stringContaining('has extra jsonb') });
      const tables = await pool.query(`SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = '${other}'`);
      expect(tables.rows).toEqual([{ n: 1 }]);

      const adk = on.schema();
      await pool.query(`CREATE SCHEMA "${adk}"`);
      for (const table of ['sessions', 'events', 'app_states', 'user_states', 'adk_internal_metadata']) {
        await pool.query(`CREATE TABLE "${adk}"."${table}" (id text)`);
      }
      const foreign = await rejection(new PostgresSessionStore(pool, { schema: adk }).createTables());
      expect(foreign).toMatchObject({
        code: 'ADK_SCHEMA_MISMATCH',
        message: expect.stringContaining('DatabaseSessionService'),
      });
      const beside = new PostgresSessionStore(pool, { schema: adk, foreignTables: 'beside' });
      await beside.createTables();
      await beside.createSession(key);
    });

    test.each([
      // As SQLSpec makes them with asyncpg: up to version 0.41, then up to 0.50.
      `id VARCHAR(128) PRIMARY KEY, session_id VARCHAR(128) NOT NULL, app_name VARCHAR(128) NOT NULL, user_id VARCHAR(128) NOT NULL,
       invocation_id VARCHAR(256), author VARCHAR(256), actions BYTEA, timestamp TIMESTAMPTZ NOT NULL, content JSONB`,
      `session_id VARCHAR(128) NOT NULL, invocation_id VARCHAR(256) NOT NULL, author VARCHAR(256) NOT NULL,
       timestamp TIMESTAMPTZ NOT NULL, event_json JSONB NOT NULL`,
    ])('a schema of early SQLSpec, whose tables have our names, is refused by name: %s', async (events) => {
      const pool = on.pool();
      const schema = on.schema();
      await pool.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".adk_sessions (id VARCHAR(128) PRIMARY KEY,
        app_name VARCHAR(128) NOT NULL, user_id VARCHAR(128) NOT NULL, state JSONB NOT NULL, create_time TIMESTAMPTZ, update_time TIMESTAMPTZ);
        CREATE TABLE "${schema}".adk_events (${events})`);
      const names = { sessionsTable: 'our_sessions', eventsTable: 'our_events' };
      for (const options of [{}, names]) {
        const refused = await rejection(new PostgresSessionStore(pool, { schema, ...options }).createTables());
        expect(refused).toMatchObject({ code: 'ADK_SCHEMA_MISMATCH', program: "SQLSpec's ADK store" });
      }
      await new PostgresSessionStore(pool, { schema, ...names, foreignTables: 'beside' }).createTables();
      await new PostgresSessionStore(pool, { schema, ...names }).createSession(key);
      const same = new PostgresSessionStore(pool, { schema, foreignTables: 'beside' });
      expect(await rejection(same.createTables())).toMatchObject({ program: "SQLSpec's ADK store" });
    });

    test('a store whose own tables have names of another program is opened again', async () => {
      const options = {
        schema: on.schema(),
        sessionsTable: 'sessions',
        eventsTable: 'events',
        appStatesTable: 'app_states',
      };
      const pool = on.pool();
      for (const store of [new PostgresSessionStore(pool, options), new PostgresSessionStore(pool, options)])
        await store.createTables();
    });

    test('stores with tables of other names stand beside each other, also with long ones', async () => {
      const schema = on.schema();
      const long = 'x'.repeat(63);
      const names = { eventsTable: 'e2', appStatesTable: 'a2', userStatesTable: 'u2', metadataTable: 'm2' };
      const one = await on.store({ schema });
      const other = await on.store({ schema, sessionsTable: long, ...names });
      await one.createSession(key);
      await one.appendEvent(event('one'));
      await other.createSession(key);
      await other.appendEvent(event('other'));
      expect(ids(await one.getEvents(key))).toEqual(['one']);
      expect(ids(await other.getEvents(key))).toEqual(['other']);
      const mixed = new PostgresSessionStore(on.pool(), { schema, eventsTable: 'e3' });
      expect(await rejection(mixed.createTables())).toMatchObject({ code: 'ADK_SCHEMA_MISMATCH' });
    });

    test('dropTables() removes tables, indexes and functions, and leaves what is not its own', async () => {
      const schema = on.schema();
      const store = await on.store({ schema });
      const pool = on.pool();
      await pool.query(
        `CREATE TABLE "${schema}".mine (id int); CREATE FUNCTION "${schema}".mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
      );
      await store.dropTables();
      await store.dropTables();
      const left = await pool.query(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = '"${schema}"'::regnamespace UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = '"${schema}"'::regnamespace`,
      );
      expect(left.rows).toEqual([{ name: 'mine' }, { name: 'mine' }]);
      await store.createTables();
      await store.createSession(key);
    });
  });

  describe('what can not succeed', () => {
    test.each([
      ['an unknown host', { host: 'no.such.host.invalid' }],
      ['a closed port', { host: '127.0.0.1', port: 1 }],
      ['a socket that is not there', { host: '/tmp/none' }],
    ])('%s rejects within retryMs', async (_, address) => {
      const store = new PostgresSessionStore(on.pool({ ...address, password: SECRET }), { retryMs: 300 });
      const error = await rejection(store.getSession(key));
      // ERR_TIMEOUT where the first attempt takes longer.
      expect(error.code).toMatch(/^E[A-Z_]+$/);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(SECRET);
    });

    test('a database that does not exist, or a wrong password, rejects at once', async () => {
      const store = new PostgresSessionStore(on.pool({ database: 'none' }), { retryMs: 600_000 });
      const error = await rejection(store.getSession(key));
      expect(error).toBeInstanceOf(PostgresError);
      expect(error).toMatchObject({ code: '3D000' });
      const role = new PostgresSessionStore(on.pool({ user: 'none' }), { retryMs: 600_000 });
      expect(await rejection(role.getSession(key))).toMatchObject({ code: '28000' });
    });

    test('a pool without a free connection rejects ERR_TIMEOUT, and runs nothing later', async () => {
      const pool = on.pool({ max: 1 });
      const store = await on.store({ retryMs: 2_000 }, pool);
      await store.createSession(key);
      const client = await pool.connect();
      const failed = await Promise.all([rejection(store.appendEvent(event('late'))), rejection(store.getSession(key))]);
      for (const error of failed) expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
      client.release();
      await store.appendEvent(event('next'));
      expect(ids(await store.getEvents(key))).toEqual(['next']);
    });

    test('a read-only server rejects 25006 within retryMs', async () => {
      const schema = on.schema();
      await (await on.store({ schema })).createSession(key);
      const replica = on.pool({ options: '-c default_transaction_read_only=on' });
      const store = new PostgresSessionStore(replica, { schema, retryMs: 1_000 });
      expect(await store.getSession(key)).toMatchObject({ id: 's1' });
      expect(await rejection(store.appendEvent(event('e')))).toMatchObject({ code: '25006' });
      expect(replica.totalCount).toBeLessThanOrEqual(1);
    });

    test('the failure of an attempt is told where no time is left for another connection', async () => {
      const schema = on.schema();
      await (await on.store({ schema })).createSession(key);
      const replica = on.pool({ options: '-c default_transaction_read_only=on' });
      let left = Number.POSITIVE_INFINITY;
      type Connect = (callback: never) => Promise<never>;
      const connect: Connect = (callback) =>
        left-- > 0 ? (replica.connect as unknown as Connect).call(replica, callback) : new Promise(() => {});
      const store = new PostgresSessionStore(Object.assign(Object.create(replica), { connect }), {
        schema,
        retryMs: 2_000,
      });
      expect(await store.getSession(key)).toMatchObject({ id: 's1' });
      left = 1;
      expect(await rejection(store.appendEvent(event('e')))).toMatchObject({ code: '25006' });
    });

    test('a damaged row is named, and others stay readable', async () => {
      const schema = on.schema();
      const store = await on.store({ schema });
      const other = { ...key, sessionId: 's2' };
      for (const session of [key, other]) {
        await store.createSession(session);
        await store.appendEvent(event('e', session));
      }
      const pool = on.pool();
      await pool.query(`UPDATE "${schema}".adk_events SET content = '["${SECRET}"]' WHERE session_id = 's1'`);
      const damaged = await rejection(store.loadSession(key));
      expect(damaged).toBeInstanceOf(StoreError);
      expect(damaged).toMatchObject({
        code: 'ADK_CORRUPT_ROW',
        message: expect.stringMatching(/adk_events.* e.*content/),
      });
      expect(inspect(damaged)).not.toContain(SECRET);
      expect(await store.loadSession(other)).toBeDefined();
      await pool.query(`UPDATE "${schema}".adk_sessions SET state = '["${SECRET}"]' WHERE id = 's1'`);
      const state = await rejection(store.listSessions({ appName: 'app' }));
      expect(state).toMatchObject({
        code: 'ADK_CORRUPT_ROW',
        message: expect.stringMatching(/adk_sessions.* s1.*state/),
      });
      expect(await store.deleteSession(key)).toBe(true);
    });
  });

  test('connections that the server ends are replaced, and no error reaches the process', async () => {
    const name = on.schema();
    const pool = on.pool({ max: 4, application_name: name });
    const store = await on.store({}, pool);
    await store.createSession(key);
    await Promise.all(Array.from({ length: 8 }, () => store.getSession(key)));
    const admin = on.pool({ max: 1 });
    for (let i = 0; i < 5; i++) {
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`);
      await store.appendEvent(event(`e${i}`), { session: { i } });
    }
    expect(await store.loadSession(key)).toMatchObject({
      session: { state: { i: 4 }, revision: 6 },
      events: [{}, {}, {}, {}, {}],
    });
  });
});

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error');
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const array: T[] = [];
  for await (const item of items) array.push(item);
  return array;
}
