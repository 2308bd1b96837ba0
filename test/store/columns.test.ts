import { describe, expect, test } from 'vitest';
import { type Column, EVENT_COLUMNS, SESSION_COLUMNS, type SessionColumn } from '../../src/store/codec/columns.js';
import { makeEventCodec, makeEventShape } from '../../src/store/codec/event-codec.js';
import { makeSessionCodec } from '../../src/store/codec/session-codec.js';
import { resolveNames } from '../../src/store/names.js';
import type { EventRecord } from '../../src/store/records.js';
import { sqliteDialect } from '../../src/store/sqlite/dialect.js';
import { buildQueries } from '../../src/store/sqlite/queries.js';
import { buildSchema } from '../../src/store/sqlite/schema.js';
import { createTables } from '../../src/store/sqlite/tables.js';
import { databases } from '../support/databases.js';
import { event, key } from './fixtures.js';

const on = databases();

/** Copies of the tables with one line more of each kind that an optional field can have. */
const added: Column[] = [
  ...EVENT_COLUMNS.slice(0, -1),
  { field: 'route', column: 'route', type: 'TEXT', kind: 'text' },
  { field: 'isFinal', column: 'is_final', type: 'INTEGER', kind: 'flag' },
  { field: 'usageMetadata', column: 'usage_metadata', type: 'TEXT', kind: 'object' },
  { field: 'labels', column: 'labels', type: 'TEXT', kind: 'list' },
  ...EVENT_COLUMNS.slice(-1),
];

const addedToSessions: SessionColumn[] = [
  ...SESSION_COLUMNS,
  { field: 'title', column: 'title', type: 'TEXT', kind: 'text' },
  { field: 'settings', column: 'settings', type: 'TEXT', kind: 'object' },
  { field: 'expiresAt', column: 'expires_at', type: 'REAL', kind: 'time' },
];

/** Writes and reads a session by the statements of a table of columns alone. */
async function roundTripSession(given: Record<string, unknown>): Promise<{ read: object; row: unknown }> {
  const db = await on.connect();
  const names = resolveNames({ ownerIdColumn: 'owner TEXT' });
  const codec = makeSessionCodec(addedToSessions, sqliteDialect);
  const sql = buildQueries(names, EVENT_COLUMNS, addedToSessions);
  for (const { sql: text } of buildSchema(names, EVENT_COLUMNS, addedToSessions).tables) await db.exec(text);
  await db.run(sql.insertSession, [...codec.encode(given), 'me'] as never);
  const options = { rowMode: 'array', jsonColumns: ['state', 'settings'] } as const;
  const found = await db.get<unknown[]>(sql.session, ['app', 'ada', 's1'], options);
  const row = await db.get('SELECT * FROM adk_sessions');
  return { read: codec.decode(found as unknown[], 'adk_sessions'), row };
}

/** Writes and reads an event by the statements of a table of columns alone. */
async function roundTrip(columns: readonly Column[], given: EventRecord): Promise<{ read: object; row: unknown }> {
  const db = await on.connect();
  const names = resolveNames({});
  const codec = makeEventCodec(columns, sqliteDialect);
  const sql = buildQueries(names, columns);
  for (const { sql: text } of buildSchema(names, columns).tables) await db.exec(text);
  await db.run(sql.insertSession, ['s1', 'app', 'ada', '{}', 1, 1]);
  await db.all(sql.insertEvent.byKey, codec.encode(given) as never);
  const params = ['app', 'ada', 's1', 0, Number.NEGATIVE_INFINITY, -1];
  const [row] = await db.all<unknown[]>(sql.events.asc, params, { rowMode: 'array', jsonColumns: codec.json });
  const read = codec.decode(row as unknown[], 'adk_events');
  if (codec.hasExtra(row as unknown[])) Object.assign(read, codec.decodeExtra(read, row as unknown[], 'adk_events'));
  return { read, row: await db.get('SELECT * FROM adk_events') };
}

describe('a field that is added to the table of columns', () => {
  const more = { route: 'a/b', isFinal: false, usageMetadata: { n: [1] }, labels: ['x'] };

  test('is stored in a column of its own, and read from it', async () => {
    const given = { ...event('e1', { content: { parts: [] }, branch: 'main' }), ...more };
    const { read, row } = await roundTrip(added, given);
    const { appName: _, userId: __, sessionId: ___, ...fields } = given;
    expect(read).toEqual(fields);
    expect(row).toMatchObject({ route: 'a/b', is_final: 0, usage_metadata: '{"n":[1]}', labels: '["x"]', extra: null });
  });

  test('comes back exactly so where it is absent or of another type', async () => {
    expect((await roundTrip(added, event('e1'))).read).not.toHaveProperty('route');
    const odd = { ...event('e1'), route: 5, labels: null } as unknown as EventRecord;
    expect((await roundTrip(added, odd)).read).toMatchObject({ route: 5, labels: null });
  });
});

test('a column of events with `since` is added to a file that lacks it, among events and archives', async () => {
  const db = await on.connect();
  const names = resolveNames({});
  await createTables(db, buildSchema(names));
  const later: Column[] = [...EVENT_COLUMNS, { field: 'route', column: 'route', type: 'TEXT', kind: 'text', since: 3 }];
  await createTables(db, buildSchema(names, later));
  for (const table of ['adk_events', 'adk_rewound_events']) {
    const columns = await db.all<{ name: string }>('SELECT name FROM pragma_table_info(?)', [table]);
    expect(columns.at(-1)).toEqual({ name: 'route' });
  }
});

describe('a field that is added to the table of session columns', () => {
  const session = { id: 's1', appName: 'app', userId: 'ada', state: { a: 1 }, createTime: 1_000, updateTime: 2_000 };

  test('is stored in a column of its own, and read from it', async () => {
    const given = { ...session, title: 'Tea', settings: { n: [1] }, expiresAt: 3_000 };
    const { read, row } = await roundTripSession(given);
    expect(read).toEqual({ ...given, revision: 1 });
    expect(row).toMatchObject({ title: 'Tea', settings: '{"n":[1]}', initial_state: '{"a":1}', owner: 'me' });
  });

  test('is absent where it was', async () => {
    expect((await roundTripSession(session)).read).toEqual({ ...session, revision: 1 });
  });

  test('of another type is refused, with its name', async () => {
    await expect(roundTripSession({ ...session, title: 5 })).rejects.toThrow(/title/);
    await expect(roundTripSession({ ...session, settings: [] })).rejects.toThrow(/settings/);
  });
});

test('a program that may not make code from text encodes and decodes the same', async () => {
  const given = [
    event('e1'),
    event('e2', { branch: 'b', partial: true, timestamp: 0.5, extra: { $row: 1 }, content: { role: 'user' } }),
    { ...event('e3'), author: undefined, branch: null, actions: { stateDelta: { a: undefined } } } as never,
  ];
  const compiled = makeEventCodec(EVENT_COLUMNS, sqliteDialect);
  const recordOf = () => makeEventShape(EVENT_COLUMNS).recordOf({ id: 'e', author: 'ada', title: 'other' }, key);
  const record = recordOf();
  const real = globalThis.Function;
  let plain: typeof compiled;
  try {
    globalThis.Function = function refuse() {
      throw new EvalError('Code generation from strings disallowed for this context');
    } as never;
    plain = makeEventCodec(EVENT_COLUMNS, sqliteDialect);
    expect(recordOf()).toEqual(record);
  } finally {
    globalThis.Function = real;
  }
  expect(plain.encode).not.toBe(compiled.encode);
  for (const each of given) {
    const params = compiled.encode(each);
    expect(plain.encode(each)).toEqual(params);
    const row = (await roundTripRow(params)) as unknown[];
    expect(plain.decode(row, 't')).toStrictEqual(compiled.decode(row, 't'));
  }
});

async function roundTripRow(params: unknown[]): Promise<unknown[] | undefined> {
  const db = await on.connect({}, ':memory:');
  const names = resolveNames({});
  const sql = buildQueries(names);
  for (const { sql: text } of buildSchema(names).tables) await db.exec(text);
  await db.run(sql.insertSession, [key.sessionId, key.appName, key.userId, '{}', 1, 1]);
  await db.all(sql.insertEvent.byKey, params as never);
  const codec = makeEventCodec(EVENT_COLUMNS, sqliteDialect);
  const query = ['app', 'ada', 's1', 0, Number.NEGATIVE_INFINITY, -1];
  return await db.get<unknown[]>(sql.events.asc, query, { rowMode: 'array', jsonColumns: codec.json });
}
