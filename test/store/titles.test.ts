import type { Pool } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import type { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { ids, key, makeStore, sqliteTest } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
const titled = (displayName: unknown) => ({ __session_metadata__: { displayName } });

beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  const titles = ['Tea in Ägypten', 'ЧАЙ', 'no Tea', undefined, 7, '50% off_season'];
  for (const [i, title] of titles.entries()) {
    const state = title === undefined ? {} : titled(title);
    await store.createSession({ ...key, userId: i === 2 ? 'bob' : 'ada', sessionId: `s${i}`, state, createTime: i });
  }
});

describe('the title of a session', () => {
  test('is what the web UI writes into its state, in every record of the session', async () => {
    const first = { ...key, sessionId: 's0' };
    expect(await store.getSession(first)).toMatchObject({ title: 'Tea in Ägypten' });
    expect((await store.loadSession(first))?.session.title).toBe('Tea in Ägypten');
    expect((await store.listSessions({ appName: 'app', order: 'asc' })).map(({ title }) => title)).toEqual([
      'Tea in Ägypten',
      'ЧАЙ',
      'no Tea',
      undefined,
      undefined,
      '50% off_season',
    ]);
    expect(await store.mergeSessionState(first, titled('Cairo'))).toMatchObject({ title: 'Cairo' });
    expect(await store.getSession({ ...key, sessionId: 's3' })).not.toHaveProperty('title');
  });

  test.each<[title: string, found: string]>([
    ['TEA', 's0 s2'],
    ['äGYPT', 's0'],
    ['чай', 's1'],
    ['чай ', ''],
    ['%', 's5'],
    ['f_s', 's5'],
    ['7', ''],
    ['', 's0 s1 s2 s5'],
    ["'", ''],
  ])('is found by %j', async (title, found) => {
    const { sessions, total } = await store.listSessionPage({ appName: 'app', title, order: 'asc' });
    expect(ids(sessions).join(' ')).toBe(found);
    expect(total).toBe(sessions.length);
  });

  test('narrows pages and totals, of a user and in every order', async () => {
    const filter = { appName: 'app', title: 'e' };
    expect(ids(await store.listSessions({ ...filter, userId: 'bob' }))).toEqual(['s2']);
    for (const orderBy of ['updateTime', 'createTime'] as const) {
      const { sessions, total } = await store.listSessionPage({
        ...filter,
        orderBy,
        order: 'desc',
        limit: 1,
        offset: 1,
      });
      expect([ids(sessions), total]).toEqual([['s2'], 3]);
    }
  });

  sqliteTest('passes over a session whose state is damaged', async () => {
    await pool.run("UPDATE adk_sessions SET state = '{' WHERE id = 's2'");
    expect(ids(await store.listSessions({ appName: 'app', title: 'tea' }))).toEqual(['s0']);
  });

  test.each([[7], [null], ['\ud800']])('is no filter as %j', async (title) => {
    const error = await rejection(store.listSessions({ appName: 'app', title: title as string }));
    expect(error).toMatchObject({ message: expect.stringContaining('title') });
  });

  sqliteTest("is a filter of the service's list, too", async () => {
    const service = new SqliteSessionService(store);
    const { sessions, totalItems } = await service.listSessions({ appName: 'app', userId: 'ada', title: 'tea' });
    expect([ids(sessions), totalItems]).toEqual([['s0'], 1]);
  });
});
