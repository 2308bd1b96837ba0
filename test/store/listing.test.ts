import type { Pool } from 'aiosqlite';
import type { SessionFilter, SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, ids, key, makeStore, sqliteDescribe } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
});

/** Makes sessions in this order, last updated at these times. */
async function make(sessions: [userId: string, sessionId: string, updatedAt: number][]) {
  for (const [userId, sessionId, timestamp] of sessions) {
    await store.createSession({ appName: 'app', userId, sessionId });
    await store.appendEvent(event('e', { appName: 'app', userId, sessionId, timestamp }));
  }
}

describe('listSessions()', () => {
  beforeEach(async () => {
    await store.createSession({ appName: 'other', userId: 'ada', sessionId: 'x' });
    await make([
      ['ada', 'c', 200],
      ['bob', 'd', 100],
      ['ada', 'b', 200],
      ['ada', 'a', 300],
      ['bob', 'e', 200],
    ]);
  });

  test.each<[Omit<SessionFilter, 'appName'>, string]>([
    [{}, 'abced'],
    [{ order: 'desc' }, 'abced'],
    [{ order: 'asc' }, 'dbcea'],
    [{ userId: 'ada' }, 'abc'],
    [{ userId: 'ada', order: 'asc' }, 'bca'],
    [{ userId: 'bob' }, 'ed'],
    [{ userId: '' }, ''],
    [{ userId: 'nobody' }, ''],
    [{ limit: 2 }, 'ab'],
    [{ limit: 2, offset: 2 }, 'ce'],
    [{ offset: 3 }, 'ed'],
    [{ limit: 0 }, ''],
    [{ offset: 99 }, ''],
    [{ userId: 'ada', limit: 1, offset: 1, order: 'asc' }, 'c'],
  ])('with %j', async (filter, expected) => {
    const sessions = await store.listSessions({ appName: 'app', ...filter });
    expect(ids(sessions).join('')).toBe(expected);
    const total = { undefined: 5, ada: 3, bob: 2 }[String(filter.userId)] ?? 0;
    expect(await store.listSessionPage({ appName: 'app', ...filter })).toEqual({ sessions, total });
  });

  test('by createTime', async () => {
    for (const [sessionId, time] of Object.entries({ a: 2, b: 1, c: 2, d: 3, e: 1 })) {
      const session = { appName: 'app', userId: 'abc'.includes(sessionId) ? 'ada' : 'bob', sessionId };
      await store.deleteSession(session);
      await store.createSession({ ...session, createTime: time });
    }
    const list = async (filter: object) =>
      ids(await store.listSessions({ appName: 'app', orderBy: 'createTime', ...filter })).join('');
    expect(await list({})).toBe('dacbe');
    expect(await list({ order: 'asc' })).toBe('beacd');
    expect(await list({ userId: 'ada' })).toBe('acb');
    expect(await list({ userId: 'ada', order: 'asc' })).toBe('bac');
  });

  test('gives whole records', async () => {
    const [first] = await store.listSessions({ appName: 'app' });
    expect(first).toEqual(await store.getSession({ appName: 'app', userId: 'ada', sessionId: 'a' }));
  });

  test('does not take wildcards for anything but themselves', async () => {
    for (const userId of ['%', '_da', 'a*', '*'])
      expect(await store.listSessions({ appName: 'app', userId })).toEqual([]);
    expect(await store.listSessions({ appName: '%' })).toEqual([]);
  });

  test.each<[any, string, string]>([
    [undefined, 'TypeError', 'filter must be an object, not undefined'],
    [{}, 'TypeError', 'appName must be a string, not undefined'],
    [{ appName: 'app', userId: null }, 'TypeError', 'userId must be a string, not null'],
    [{ appName: 'app', limit: -1 }, 'RangeError', 'limit must be a whole number, 0 or more'],
    [{ appName: 'app', limit: 1.5 }, 'RangeError', 'limit must be'],
    [{ appName: 'app', limit: '1' }, 'TypeError', 'limit must be a number, not string'],
    [{ appName: 'app', offset: -1 }, 'RangeError', 'offset must be'],
    [{ appName: 'app', offset: Number.POSITIVE_INFINITY }, 'RangeError', 'offset must be'],
    [{ appName: 'app', order: 'up' }, 'RangeError', "order must be 'asc' or 'desc'"],
    [{ appName: 'app', orderBy: 'id; DROP' }, 'RangeError', "orderBy must be 'updateTime' or 'createTime'"],
  ])('rejects %j', async (filter, name, message) => {
    for (const call of [() => store.listSessions(filter), () => store.listSessionPage(filter)]) {
      expect(await rejection(call())).toMatchObject({ name, message: expect.stringContaining(message) });
    }
  });
});

sqliteDescribe('the number of sessions', () => {
  const count = async (userId?: string) => [
    await store.countSessions(userId === undefined ? { appName: 'app' } : { appName: 'app', userId }),
    await pool.get(`SELECT count(*) AS n FROM adk_sessions WHERE app_name = 'app' AND coalesce(?, user_id) = user_id`, [
      userId ?? null,
    ]),
  ];

  test('is right after any writes, also those of other programs', async () => {
    const writes = fc.array(
      fc.tuple(
        fc.constantFrom('create', 'delete', 'rename', 'raw insert', 'raw delete', 'undone'),
        fc.nat({ max: 3 }),
        fc.nat({ max: 2 }),
      ),
      { maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(writes, async (list) => {
        for (const [what, session, user] of list) {
          const target = { appName: 'app', userId: `u${user}`, sessionId: `s${session}` };
          const params = [target.userId, target.sessionId];
          if (what === 'create') await store.createSession({ ...target, ifExists: 'return' });
          if (what === 'delete') await store.deleteSession(target);
          if (what === 'rename') {
            await pool.run('UPDATE OR IGNORE adk_sessions SET user_id = ? WHERE id = ?', params);
          }
          if (what === 'raw insert') {
            const sql =
              "INSERT OR IGNORE INTO adk_sessions (app_name, user_id, id, create_time, update_time) VALUES ('app', ?, ?, 1, 1)";
            await pool.run(sql, params);
          }
          if (what === 'raw delete') await pool.run('DELETE FROM adk_sessions WHERE user_id = ?', [target.userId]);
          if (what === 'undone') {
            const undone = pool.transaction(async (tx) => {
              await store.with(tx).createSession({ ...target, ifExists: 'return' });
              throw new Error('undo');
            });
            await rejection(undone);
          }
        }
        for (const userId of [undefined, 'u0', 'u1', 'u2']) {
          const [counted, row] = await count(userId);
          expect({ n: counted }).toEqual(row);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('is right after a cascade from an owner', async () => {
    await pool.exec('CREATE TABLE tenants (id INTEGER PRIMARY KEY); INSERT INTO tenants VALUES (1), (2);');
    const options = {
      sessionsTable: 'own_sessions',
      eventsTable: 'own_events',
      ownerIdColumn: 'tenant_id INTEGER REFERENCES tenants(id) ON DELETE CASCADE',
    };
    const owned = await makeStore(pool, options);
    for (let at = 0; at < 6; at += 1) {
      await owned.createSession({ ...key, sessionId: `s${at}`, ownerId: 1 + (at % 2) });
      await owned.appendEvent(event('e', { sessionId: `s${at}` }));
    }
    await pool.run('DELETE FROM tenants WHERE id = 1');
    expect(await owned.countSessions({ appName: 'app' })).toBe(3);
    expect(await pool.get('SELECT count(*) AS n FROM own_events')).toEqual({ n: 3 });
    expect(await store.countSessions({ appName: 'app' })).toBe(0);
  });

  test('leaves no trace of users who have none', async () => {
    await store.createSession(key);
    await store.deleteSession(key);
    expect(await pool.all('SELECT key FROM adk_metadata')).toEqual([{ key: 'schema_version' }]);
  });
});
