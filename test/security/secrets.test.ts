import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createEvent } from '@google/adk';
import type { Connection, TracedCall } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import { SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
/** A word that stands in values alone, never in SQL text or names. */
const SECRET = 'secret4711';

/** All that a log could show of an error, its causes included. */
function everything(error: any): string {
  const causes: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    causes.push(JSON.stringify({ ...each, name: each.name, message: each.message, stack: each.stack }));
  }
  return causes.join('\n');
}

describe('what SQLite says of a value while a statement runs', () => {
  let db: Connection;
  beforeEach(async () => {
    db = await on.connect({}, ':memory:');
    await db.exec(`
      CREATE VIRTUAL TABLE note USING fts5 (text); INSERT INTO note VALUES ('a');
      CREATE VIRTUAL TABLE box USING rtree (id, low, high);
      CREATE TABLE typed (n INTEGER, t TEXT UNIQUE, CHECK (length(t) < 5)) STRICT`);
  });

  test.each<[string, string, unknown[]]>([
    ['a column in a query of FTS5', 'SELECT * FROM note WHERE note MATCH ?', [`${SECRET}: x`]],
    ['a distance of FTS5', 'SELECT * FROM note WHERE note MATCH ?', [`NEAR(a b, ${SECRET})`]],
    ['a syntax error of FTS5', 'SELECT * FROM note WHERE note MATCH ?', [`a AND ${SECRET} ^`]],
    ['an unfinished text of FTS5', 'SELECT * FROM note WHERE note MATCH ?', [`"${SECRET}`]],
    ['a special query of FTS5', 'SELECT * FROM note WHERE note MATCH ?', [`*${SECRET}`]],
    ['a ranking of FTS5', "SELECT * FROM note WHERE note MATCH 'a' AND rank MATCH ?", [SECRET]],
    [
      'a function of a ranking',
      "SELECT * FROM note WHERE note MATCH 'a' AND rank MATCH ? ORDER BY rank",
      [`${SECRET}()`],
    ],
    ['a command of FTS5', 'INSERT INTO note (note, rank) VALUES (?, 1)', [SECRET]],
    ['a path in JSON', "SELECT json_extract('{}', ?)", [SECRET]],
    ['a path of json_each()', "SELECT * FROM json_each('{}', ?)", [SECRET]],
    ['a path made of a value', "SELECT '{}' -> ('$' || ?)", [SECRET]],
    ['an element that is none', "SELECT json_array_insert('{}', ?, 1)", [`$.${SECRET}`]],
    ['no JSON', 'SELECT json(?)', [SECRET]],
    ['a file to attach', 'ATTACH ? AS other', [`/no/such/${SECRET}`]],
    ['a name to attach as', "ATTACH ':memory:' AS main", []],
    ['a VFS', 'ATTACH ? AS other', [`file:x?vfs=${SECRET}`]],
    ['a host', 'ATTACH ? AS other', [`file://${SECRET}/x`]],
    ['a mode of opening', 'ATTACH ? AS other', [`file:x?mode=${SECRET}`]],
    ['a mode of caching', 'ATTACH ? AS other', [`file:x?cache=${SECRET}`]],
    ['a database to detach', 'DETACH ?', [SECRET]],
    ['a file to write to', 'VACUUM INTO ?', [`/no/such/${SECRET}`]],
    ['a type of carray()', 'SELECT * FROM carray(?1, 1, ?2)', [[1], SECRET]],
    ['a database of a PRAGMA', 'SELECT * FROM pragma_index_list(?1, ?1)', [SECRET]],
    ['a table to check', 'SELECT * FROM pragma_integrity_check(?)', [SECRET]],
    ['a box that is none', 'INSERT INTO box VALUES (1, 5, ?)', [SECRET]],
    ['a value of another type', 'INSERT INTO typed (n) VALUES (?)', [SECRET]],
    ['a value that a CHECK refuses', 'INSERT INTO typed (t) VALUES (?)', [SECRET]],
    ['an escape', "SELECT unistr('\\' || ?)", [SECRET]],
    ['a number of rows', 'SELECT 1 LIMIT ?', [SECRET]],
    ['an ESCAPE', "SELECT 'a' LIKE 'a' ESCAPE ?", [SECRET]],
  ])('does not tell %s', async (_, sql, params) => {
    for (const call of [
      () => db.all(sql, params as never),
      () => db.executeMany(sql, [params as never]),
      async () => {
        for await (const _row of db.iterate(sql, params as never));
      },
    ]) {
      const told = await call().then(() => '', everything);
      expect(told).not.toContain(SECRET);
    }
    // And it does fail, or there was nothing to tell.
    expect(await rejection(db.all(sql, params as never))).toMatchObject({ name: 'SqliteError' });
  });

  test('what it says of the text of a statement is left as it is', async () => {
    expect((await rejection(db.all('SELECT nowhere FROM typed'))).message).toBe('no such column: nowhere');
    await db.all('SELECT n FROM typed');
    await db.exec('ALTER TABLE typed RENAME COLUMN n TO m');
    // A statement that is prepared already is prepared anew when it runs.
    expect((await rejection(db.all('SELECT n FROM typed'))).message).toBe('no such column: n');
    expect((await rejection(db.exec('SELECT * FROM nowhere'))).message).toBe('no such table: nowhere');
    await db.exec('CREATE TABLE base (a, b); CREATE VIEW named AS SELECT a, b FROM base');
    await db.all('SELECT * FROM named');
    await db.exec('DROP TABLE base; CREATE TABLE base (a)');
    expect((await rejection(db.all('SELECT * FROM named'))).message).toBe('no such column: b');
  });
});

describe('what is stored of a session', () => {
  const key = { appName: 'app', userId: 'ada', sessionId: 's1' };
  const content = { role: 'user', parts: [{ text: SECRET }] };
  const cycle: any = { [`key of ${'a'.repeat(3)}`]: SECRET };
  cycle.itself = cycle;
  let store: SessionStore;
  let service: SqliteSessionService;
  beforeEach(async () => {
    const pool = on.pool();
    store = new SessionStore(pool);
    service = new SqliteSessionService(store);
    const session = await service.createSession({ ...key, state: { a: SECRET, 'user:b': SECRET, 'app:c': SECRET } });
    await service.appendEvent({ session, event: createEvent({ id: 'e1', author: 'user', content }) });
  });

  test('is in no error of the service: misuse, stale, missing, not serializable', async () => {
    const session = (await service.getSession(key)) as any;
    const stale = (await service.getSession(key)) as any;
    await service.appendEvent({ session, event: createEvent({ id: 'e2', author: 'user', content }) });
    const strict = new SqliteSessionService(store, { staleSessions: 'reject' });
    const event = createEvent({ id: 'e3', author: 'user', content });
    const withDelta = (value: unknown) => {
      const made = createEvent({ id: 'e4', author: 'user', content });
      made.actions.stateDelta = { secret: value, other: SECRET };
      return made;
    };
    const errors = await Promise.all(
      [
        service.createSession({ ...key, state: { a: SECRET } }),
        strict.appendEvent({ session: stale, event }),
        service.appendEvent({ session: { ...session, id: 'gone' }, event }),
        service.appendEvent({ session, event: withDelta(cycle) }),
        service.appendEvent({ session, event: withDelta([SECRET, 1n]) }),
        service.appendEvent({ session, event: { ...event, id: { toString: () => SECRET } as never } }),
        service.appendEvent({ session, event: { ...event, timestamp: SECRET as never } }),
        service.createSession({ ...key, sessionId: 's2', state: SECRET as never }),
        service.createSession({ ...key, sessionId: 's2', state: { toJSON: () => SECRET } as never }),
        store.updateSessionState(key, [SECRET] as never),
        store.updateSessionState({ ...key, sessionId: 's3' }, { a: SECRET }),
        store.appendEvent({ ...key, id: 'e', author: SECRET } as never),
      ].map(rejection),
    );
    for (const error of errors) expect(everything(error)).not.toContain(SECRET);
  });

  test.each([
    ['adk_events', 'content', `'{"${SECRET}'`],
    ['adk_events', 'actions', `'"${SECRET}"'`],
    ['adk_events', 'author', `CAST('${SECRET}' AS BLOB)`],
    ['adk_events', 'timestamp', `'${SECRET}'`],
    ['adk_sessions', 'state', `'{"a":"${SECRET}'`],
    ['adk_sessions', 'update_time', `'${SECRET}'`],
    ['adk_app_states', 'state', `'${SECRET}'`],
    ['adk_user_states', 'state', `'["${SECRET}"]'`],
  ])('is in no error of a damaged row: %s.%s', async (table, column, value) => {
    const pool = on.pool();
    await pool.exec(`UPDATE ${table} SET ${column} = ${value}`);
    const calls = [
      store.loadSession(key),
      service.getSession(key),
      service.listSessions(key),
      store.updateAppState('app', { a: 1 }),
      store.updateUserState('app', 'ada', { a: 1 }),
    ];
    const errors = (await Promise.allSettled(calls)).filter((result) => result.status === 'rejected');
    expect(errors.length).toBeGreaterThan(0);
    for (const { reason } of errors) expect(everything(reason)).not.toContain(SECRET);
  });
});

test('traces, slow queries and warnings tell texts of statements, and nothing of values', async () => {
  const told: unknown[] = [];
  const listen = (call: unknown) => void told.push(call);
  const warn = (warning: Error) => void told.push(everything(warning));
  subscribe('aiosqlite:call', listen);
  process.on('warning', warn);
  try {
    const slow: TracedCall[] = [];
    const pool = on.pool({ onSlowQuery: (call) => void slow.push(call), slowQueryMs: 0.000_001 });
    const service = new SqliteSessionService(new SessionStore(pool));
    const session = await service.createSession({ appName: 'app', userId: 'ada', state: { a: SECRET } });
    const content = { parts: [{ text: SECRET }] };
    await service.appendEvent({ session, event: createEvent({ id: SECRET, author: 'user', content }) });
    await service.getSession({ appName: 'app', userId: 'ada', sessionId: session.id });
    await pool.executeMany('INSERT INTO adk_metadata VALUES (?, ?)', [[SECRET, SECRET]]);
    await rejection(pool.run('INSERT INTO adk_metadata VALUES (?, ?)', [SECRET, SECRET]));
    await rejection(pool.get("SELECT json_extract('{}', ?)", [SECRET]));
    expect(told.length).toBeGreaterThan(5);
    expect(slow.length).toBeGreaterThan(5);
    expect(JSON.stringify([told, slow])).not.toContain(SECRET);
  } finally {
    unsubscribe('aiosqlite:call', listen);
    process.off('warning', warn);
  }
});
