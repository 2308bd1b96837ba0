import type { Pool } from 'aiosqlite';
import type { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, ids, key, makeStore } from './fixtures.js';

const on = databases();
const sound = { ...key, sessionId: 's2' };
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await store.createSession({ ...key, state: { a: 1 }, app: { b: 2 }, user: { c: 3 } });
  await store.createSession({ ...sound, userId: 'bob' });
  for (const id of ['e1', 'e2', 'e3']) await store.appendEvent(event(id));
});

const corrupt = (table: string, row: string, column: string) => ({
  name: 'StoreError',
  code: 'ADK_CORRUPT_ROW',
  message: `Damaged row in table ${table}, key ${row}: column ${column}`,
});

/** Not UTF-8: what JavaScript sees of it is JSON with U+FFFD in it. */
const ILL_FORMED = "CAST(x'7b2261223a22ff227d' AS TEXT)";

/** Values that no JSON column may have, by how they are written in SQL. */
const noObjects = ["'{'", '\'{"a": }\'', "'null'", "'[]'", "'1'", "''", "x'00ff'", "'{} trailing'", ILL_FORMED];

describe('a damaged event', () => {
  test.each([
    ['actions', 'CAST(\'{"a":\' AS BLOB)'],
    ['actions', "'[1]'"],
    ['content', "'{'"],
    ['content', "'[]'"],
    ['content', "x'7b7d'"],
    ['content', ILL_FORMED],
    ['actions', ILL_FORMED],
    ['grounding_metadata', "'no'"],
    ['custom_metadata', "'3'"],
    ['extra', '\'{"$row":1}\''],
    ['extra', '\'{"$row":{"absent":{}}}\''],
    ['extra', '\'""\''],
    ['long_running_tool_ids_json', "'{}'"],
    ['long_running_tool_ids_json', "'[1,'"],
    ['timestamp', "'yesterday'"],
    ['timestamp', '9e999'],
    ['author', "x'00'"],
    ['partial', "'yes'"],
    ['turn_complete', '2'],
    ['branch', "x'00'"],
  ])('is named: %s = %s', async (column, value) => {
    await pool.run(`UPDATE adk_events SET ${column} = ${value} WHERE id = 'e2'`);
    const expected = corrupt('adk_events', 'e2', column);
    expect(await rejection(store.getEvents(key))).toMatchObject(expected);
    expect(await rejection(store.loadSession(key))).toMatchObject(expected);
    expect(await rejection(store.getEvents(key, { last: 2 }))).toMatchObject(expected);
  });

  test('does no harm to what does not need it', async () => {
    await pool.run("UPDATE adk_events SET content = '{' WHERE id = 'e2'");
    expect(ids(await store.getEvents(key, { last: 1 }))).toEqual(['e3']);
    expect(await store.getSession(key)).toMatchObject({ id: 's1' });
    await store.appendEvent(event('e4'));
    await store.appendEvent(event('e2', { content: { now: 'sound' } }));
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2', 'e3', 'e4']);
  });
});

describe('a damaged session', () => {
  test.each(noObjects)('is named: state = %s', async (value) => {
    await pool.run(`UPDATE adk_sessions SET state = ${value} WHERE id = 's1'`);
    const expected = corrupt('adk_sessions', 's1', 'state');
    expect(await rejection(store.getSession(key))).toMatchObject(expected);
    expect(await rejection(store.loadSession(key))).toMatchObject(expected);
    expect(await rejection(store.listSessions({ appName: 'app' }))).toMatchObject(expected);
  });

  test.each(['create_time', 'update_time'])('is named: a text as %s', async (column) => {
    await pool.run(`UPDATE adk_sessions SET ${column} = 'noon' WHERE id = 's1'`);
    expect(await rejection(store.getSession(key))).toMatchObject(corrupt('adk_sessions', 's1', column));
  });

  test('does no harm to others, can be given a new state, and can be deleted', async () => {
    await pool.run("UPDATE adk_sessions SET state = '{' WHERE id = 's1'");
    expect(ids(await store.listSessions({ appName: 'app', userId: 'bob' }))).toEqual(['s2']);
    expect(await store.countSessions({ appName: 'app' })).toBe(2);
    await store.updateSessionState(key, { new: true });
    expect(await store.getSession(key)).toMatchObject({ state: { new: true } });
    await pool.run("UPDATE adk_sessions SET state = '{' WHERE id = 's1'");
    expect(await store.deleteSession(key)).toBe(true);
  });

  test('takes events, but no delta', async () => {
    await pool.run("UPDATE adk_sessions SET state = '{' WHERE id = 's1'");
    await store.appendEvent(event('e4'));
    const error = await rejection(store.appendEvent(event('e5'), { session: { a: 2 } }));
    expect(error).toMatchObject(corrupt('adk_sessions', 's1', 'state'));
    expect(error.cause).toMatchObject({ name: 'SqliteError', code: 'SQLITE_ERROR' });
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2', 'e3', 'e4']);
  });
});

describe('a damaged shared state', () => {
  test.each([
    ['adk_app_states', 'app', "'{'", { app: { b: 3 } }],
    ['adk_app_states', 'app', ILL_FORMED, { app: { b: 3 } }],
    ['adk_user_states', 'app, ada', "'{'", { user: { c: 4 } }],
    ['adk_user_states', 'app, ada', ILL_FORMED, { user: { c: 4 } }],
  ])('is named: %s, key %s, state = %s', async (table, row, value, deltas) => {
    await pool.run(`UPDATE ${table} SET state = ${value}`);
    const expected = corrupt(table, row, 'state');
    const isApp = table === 'adk_app_states';
    for (const call of [
      () => (isApp ? store.getAppState('app') : store.getUserState('app', 'ada')),
      () => (isApp ? store.updateAppState('app', { x: 1 }) : store.updateUserState('app', 'ada', { x: 1 })),
      () => store.loadSession(key),
      () => store.appendEvent(event('e4'), deltas),
      () => store.createSession({ ...key, sessionId: 'new', ...deltas }),
    ]) {
      expect(await rejection(call())).toMatchObject(expected);
    }
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2', 'e3']);
    expect(await store.getSession({ ...key, sessionId: 'new' })).toBeUndefined();
  });
});

test('a damaged number of sessions is named', async () => {
  await pool.run("UPDATE adk_metadata SET value = 'many' WHERE key LIKE 'adk_sessions:%'");
  expect(await rejection(store.countSessions({ appName: 'app' }))).toMatchObject(
    corrupt('adk_metadata', 'adk_sessions:["app"]', 'value'),
  );
});

test('an error that has nothing to do with damage stays what it is', async () => {
  await pool.exec('DROP TABLE adk_user_states');
  for (const call of [() => store.loadSession(key), () => store.updateUserState('app', 'ada', { a: 1 })]) {
    expect(await rejection(call())).toMatchObject({ name: 'SqliteError' });
  }
});
