import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ArtifactStore, MemoryStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, ids } from './fixtures.js';

const on = databases();
const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };

beforeEach(() => {
  const fixture = readFileSync(new URL('fixtures/version-1.db.gz', import.meta.url));
  writeFileSync(on.file(), gunzipSync(fixture));
});

const open = () => on.connect();
const VERSION = "SELECT value FROM adk_metadata WHERE key = 'schema_version'";

describe('a file of schema version 1', () => {
  test('is read as it is, and upgraded by createTables() without rewriting its rows', async () => {
    const db = await open();
    const store = new SessionStore(db);
    const before = {
      session: await store.getSession(key),
      events: await store.getEvents(key),
      rows: await db.all('SELECT session_key, state, revision FROM adk_sessions'),
    };
    expect(before.session?.state).toEqual({ cart: ['tea', 'milk'], kept: true, note: 'new', late: 1 });
    expect(ids(before.events)).toEqual(['e1', 'e2', 'e3']);
    expect(await db.get(VERSION)).toEqual({ value: '1' });
    const { totalChanges } = db;
    await store.createTables();
    // The one row is the version.
    expect(db.totalChanges - totalChanges).toBe(1);
    expect(await db.get(VERSION)).toEqual({ value: '2' });
    expect({
      session: await store.getSession(key),
      events: await store.getEvents(key),
      rows: await db.all('SELECT session_key, state, revision FROM adk_sessions'),
    }).toEqual(before);
    expect(await db.all('SELECT DISTINCT initial_state FROM adk_sessions')).toEqual([{ initial_state: null }]);
    expect(await db.integrityCheck()).toMatchObject({ ok: true });
  });

  test('takes new sessions and events after the upgrade, and is not upgraded twice', async () => {
    const db = await open();
    const store = new SessionStore(db);
    await store.createTables();
    await store.createSession({ ...key, sessionId: 'new', state: { a: 1 } });
    await store.appendEvent(event('e4', key), { session: { cart: [] } });
    expect(ids(await store.getEvents(key))).toEqual(['e1', 'e2', 'e3', 'e4']);
    const { totalChanges } = db;
    await store.createTables();
    expect(db.totalChanges).toBe(totalChanges);
    expect(await store.countSessions({ appName: 'shop' })).toBe(3);
  });

  test('has sessions whose rewind removes the keys written later, and leaves the others', async () => {
    const db = await open();
    const store = new SessionStore(db);
    await store.createTables();
    const [first, second] = await store.getEvents(key);
    expect(await store.stateAt(key, first?.seq as number)).toEqual({ kept: true });
    expect(await store.stateAt(key, second?.seq as number)).toEqual({ cart: ['tea', 'milk'], kept: true, late: 1 });
    const { state } = (await store.getSession(key)) as { state: object };
    await store.rewind(key, { beforeInvocationId: 'i3' });
    expect((await store.getSession(key))?.state).toEqual({ cart: ['tea', 'milk'], kept: true, late: 1 });
    expect(await store.undoRewind(key)).toMatchObject({ restored: 1, session: { state } });
    await store.mergeSessionState(key, { kept: false });
    await store.rewind(key, { toSeq: second?.seq as number });
    expect((await store.getSession(key))?.state).toEqual({ cart: ['tea', 'milk'], late: 1 });
  });

  test('is upgraded by one of many callers that race', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, async () => new SessionStore(await open())));
    await Promise.all(stores.map((store) => store.createTables()));
    expect((await stores[0]?.getSession(key))?.state).toMatchObject({ kept: true });
  });

  test('is upgraded by a store of sessions also after another store has raised the version', async () => {
    const db = await open();
    await new MemoryStore(db).createTables();
    await new ArtifactStore(db).createTables();
    expect(await db.get(VERSION)).toEqual({ value: '2' });
    const store = new SessionStore(db);
    await store.createTables();
    await store.createSession({ ...key, sessionId: 'new', state: { a: 1 } });
    expect(await db.get("SELECT initial_state FROM adk_sessions WHERE id = 'new'")).toEqual({
      initial_state: '{"a":1}',
    });
  });

  test('is left as it was if the upgrade fails half-way', async () => {
    const db = await open();
    // A view that has the name of a new table: found only after the columns of the old ones were compared.
    await db.exec('CREATE TABLE other (x); CREATE VIEW adk_sessions_changes AS SELECT 1 AS change_key');
    const schema = await db.all('SELECT name, sql FROM sqlite_schema ORDER BY name');
    expect(await rejection(new SessionStore(db).createTables())).toMatchObject({ code: 'ADK_SCHEMA_MISMATCH' });
    expect(await db.all('SELECT name, sql FROM sqlite_schema ORDER BY name')).toEqual(schema);
    expect(await db.get(VERSION)).toEqual({ value: '1' });
  });

  test('with a table of another kind is refused, and the difference named without the column to come', async () => {
    const db = await open();
    await db.exec('ALTER TABLE adk_sessions ADD COLUMN tenant TEXT');
    expect(await rejection(new SessionStore(db).createTables())).toMatchObject({
      code: 'ADK_SCHEMA_MISMATCH',
      message: expect.stringContaining('has tenant TEXT'),
    });
    expect(await db.get(VERSION)).toEqual({ value: '1' });
  });
});
