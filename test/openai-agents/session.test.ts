import { existsSync, readFileSync } from 'node:fs';
import { type AgentInputItem, MemorySession } from '@openai/agents-core';
import { connect } from 'aiosqlite';
import { SqliteSession } from 'aiosqlite/openai-agents';
import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { killedAfter } from '../support/killed.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const child = new URL('children/write.mjs', import.meta.url);

const said = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const texts = (items: AgentInputItem[]) => items.map((item) => (item as { content: string }).content);

describe('SqliteSession', () => {
  test('keeps a history beyond its process, apart from other sessions', async () => {
    const first = new SqliteSession(on.file(), { sessionId: 'a' });
    await first.addItems([said('one'), said('two')]);
    await first.close();
    await using again = new SqliteSession(on.file(), { sessionId: 'a' });
    await using other = new SqliteSession(on.file(), { sessionId: 'b' });
    expect(texts(await again.getItems())).toEqual(['one', 'two']);
    expect(await other.getItems()).toEqual([]);
    await other.addItems([said('mine')]);
    await again.clearSession();
    expect(await again.getItems()).toEqual([]);
    expect(texts(await other.getItems())).toEqual(['mine']);
  });

  test.each<[string, (session: SqliteSession) => Promise<unknown>]>([
    ['compacted', (session) => session.replaceHistoryWithCompaction([said('short')])],
    [
      'popped',
      async (session) => {
        for (let i = 0; i < 120; i++) await session.popItem();
      },
    ],
    [
      'replaced by a transaction',
      async (session) => {
        const expectedSuffix = await session.getItems(60);
        const transaction = { type: 'replace_suffix' as const, expectedSuffix, replacement: [said('short')] };
        await session.applyHistoryTransaction({ operationId: 'o', transaction });
      },
    ],
  ])('leaves no byte of items in the file that were %s before clearSession()', async (_, change) => {
    const pool = on.pool();
    await using session = new SqliteSession(pool, { sessionId: 's' });
    for (let i = 0; i < 120; i++) await session.addItems([said(`secret${i} ${'pad '.repeat((i * 37) % 300)}`)]);
    await change(session);
    await session.clearSession();
    await pool.checkpoint();
    const files = [on.file(), `${on.file()}-wal`].filter((file) => existsSync(file));
    expect(files.flatMap((file) => readFileSync(file, 'latin1').match(/secret\d+/g) ?? [])).toEqual([]);
  });

  test('makes a name of its own where none is given, and keeps it', async () => {
    const pool = on.pool();
    await using one = new SqliteSession(pool);
    await using two = new SqliteSession(pool);
    expect(await one.getSessionId()).toMatch(/^[0-9a-f-]{36}$/);
    expect(await one.getSessionId()).toBe(await one.getSessionId());
    expect(await one.getSessionId()).not.toBe(await two.getSessionId());
  });

  test.each<[string, (file: string) => Promise<ConstructorParameters<typeof SqliteSession>[0]>]>([
    ['a path', async (file) => file],
    ['a URL', async (file) => new URL(`file://${file}`)],
    ['options of a pool', async (file) => ({ database: file, poolSize: 2 })],
    ['a pool', async (file) => on.pool({ database: file })],
    ['a connection', (file) => on.connect({}, file)],
    ['memory', async () => ':memory:'],
  ])('works on %s', async (_, source) => {
    await using session = new SqliteSession(await source(on.file()), { sessionId: 's' });
    await session.addItems([said('one'), said('two'), said('three')]);
    expect(texts(await session.getItems(2))).toEqual(['two', 'three']);
    await session.applyHistoryTransaction({
      operationId: 'o',
      transaction: { type: 'replace_suffix', expectedSuffix: [said('three')], replacement: [said('3')] },
    });
    expect(texts(await session.getItems())).toEqual(['one', 'two', '3']);
    expect(texts([(await session.popItem()) as AgentInputItem])).toEqual(['3']);
  });

  test('gives bytes, NaN, dates and lone surrogates of an item back exactly', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const item = {
      type: 'function_call_result',
      callId: 'c',
      name: 'n',
      status: 'completed',
      output: [{ type: 'input_image', image: { data: bytes, mediaType: 'image/png' } }],
      providerData: { nan: Number.NaN, zero: -0, at: new Date(7), big: 2n ** 70n, text: '\ud800\0', list: [undefined] },
    } as unknown as AgentInputItem;
    const session = new SqliteSession(on.file(), { sessionId: 's' });
    await session.addItems([item, said('\udfff')]);
    await session.close();
    await using again = new SqliteSession(on.file(), { sessionId: 's' });
    expect(await again.getItems()).toStrictEqual([item, said('\udfff')]);
  });

  test('stores an item as JSON, which SQL can read', async () => {
    const session = new SqliteSession(on.file(), { sessionId: 's' });
    await session.addItems([
      { type: 'function_call', callId: 'c', name: 'weather', arguments: '{}', namespace: undefined } as never,
    ]);
    await session.close();
    const db = await on.connect();
    expect(await db.all("SELECT item ->> 'name' AS name FROM openai_items")).toEqual([{ name: 'weather' }]);
  });

  test('takes items at the moment of the call', async () => {
    await using session = new SqliteSession(on.file());
    const items = [said('before')];
    const replacement = { type: 'function_call' as const, callId: 'c', name: 'before', arguments: '' };
    const adding = session.addItems(items);
    const applying = session.applyHistoryTransaction({
      operationId: 'o',
      transaction: { type: 'append_items', items },
    });
    const calling = session.addItems([{ ...replacement, name: 'old' }]);
    const rewriting = session.applyHistoryMutations({
      mutations: [{ type: 'replace_function_call', callId: 'c', replacement }],
    });
    (items[0] as { content: string }).content = 'after';
    replacement.name = 'after';
    await Promise.all([adding, applying, calling, rewriting]);
    const stored = await session.getItems();
    expect(texts(stored.slice(0, 2))).toEqual(['before', 'before']);
    expect(stored[2]).toMatchObject({ name: 'before' });
  });

  test('puts a compaction in the place of the history, and knows its transactions afterwards', async () => {
    await using session = new SqliteSession(on.file());
    const args = { operationId: 'o', transaction: { type: 'append_items' as const, items: [said('one')] } };
    await session.applyHistoryTransaction(args);
    const compaction = { type: 'compaction', encrypted_content: 'x' } as AgentInputItem;
    await session.replaceHistoryWithCompaction([compaction, said('kept')]);
    await session.applyHistoryTransaction(args);
    expect(await session.getItems()).toEqual([compaction, said('kept')]);
  });

  test('a write that fails leaves the history as it was', async () => {
    const pool = on.pool();
    await using session = new SqliteSession(pool, { sessionId: 's' });
    await session.addItems([said('one'), said('two')]);
    await pool.exec(`CREATE TRIGGER no BEFORE INSERT ON openai_items WHEN new.item LIKE '%never%'
      BEGIN SELECT raise(ABORT, 'no'); END`);
    const bad = [said('fine'), said('never')];
    for (const write of [
      session.addItems(bad),
      session.replaceHistoryWithCompaction(bad),
      session.applyHistoryTransaction({
        operationId: 'o',
        transaction: { type: 'replace_suffix', expectedSuffix: [said('two')], replacement: bad },
      }),
    ]) {
      expect(await rejection(write)).toMatchObject({ code: 'SQLITE_CONSTRAINT_TRIGGER' });
    }
    expect(texts(await session.getItems())).toEqual(['one', 'two']);
    await pool.exec('DROP TRIGGER no');
    // The id of the transaction that failed is free.
    await session.applyHistoryTransaction({ operationId: 'o', transaction: { type: 'append_items', items: bad } });
    expect(texts(await session.getItems())).toEqual(['one', 'two', 'fine', 'never']);
  });

  test('a history that stays the same at its start keeps its rows there', async () => {
    const pool = on.pool();
    await using session = new SqliteSession(pool, { sessionId: 's' });
    const call = { type: 'function_call' as const, callId: 'c', name: 'old', arguments: '{}' };
    await session.addItems([said('one'), said('two'), call, said('three')]);
    const ids = async () =>
      (await pool.all<{ id: number }>('SELECT id FROM openai_items ORDER BY id')).map((row) => row.id);
    const before = await ids();
    await session.applyHistoryMutations({
      mutations: [{ type: 'replace_function_call', callId: 'c', replacement: { ...call, name: 'new' } }],
    });
    expect((await ids()).slice(0, 2)).toEqual(before.slice(0, 2));
    expect(await session.getItems()).toEqual([said('one'), said('two'), { ...call, name: 'new' }, said('three')]);
  });
});

describe('misuse of a session', () => {
  test.each<[string, () => unknown, string]>([
    ['no database', () => new SqliteSession(undefined as never), 'ERR_INVALID_ARG_TYPE'],
    ['an unknown option', () => new SqliteSession(':memory:', { sessionID: 'x' } as never), 'ERR_UNKNOWN_OPTION'],
    [
      'a name that is no string',
      () => new SqliteSession(':memory:', { sessionId: 7 as never }),
      'ERR_INVALID_ARG_TYPE',
    ],
    ['an empty name', () => new SqliteSession(':memory:', { sessionId: '' }), 'ERR_OUT_OF_RANGE'],
    [
      'a name that UTF-8 does not have',
      () => new SqliteSession(':memory:', { sessionId: '\ud800' }),
      'ERR_OUT_OF_RANGE',
    ],
  ])('is refused at once: %s', (_, make, code) => {
    expect(make).toThrow(expect.objectContaining({ code }));
  });

  test.each<[string, (session: any) => Promise<unknown>, string]>([
    ['getItems', (session) => session.getItems('5'), 'limit must be a number, not string'],
    ['getItems', (session) => session.getItems(Number.NaN), 'limit must be a number of items'],
    ['addItems', (session) => session.addItems({}), 'items must be an array, not an instance of Object'],
    ['replaceHistoryWithCompaction', (session) => session.replaceHistoryWithCompaction(), 'items must be an array'],
    ['applyHistoryMutations', (session) => session.applyHistoryMutations(), 'args.mutations must be an array'],
    [
      'applyHistoryMutations',
      (session) => session.applyHistoryMutations({ mutations: [null] }),
      'args.mutations[0] must be an object, not null',
    ],
  ])('%s names the argument', async (_, call, message) => {
    await using session = new SqliteSession(on.file());
    expect(await rejection(call(session))).toMatchObject({ message: expect.stringContaining(message) });
  });

  test('holes of an array are stored as MemorySession has them', async () => {
    await using session = new SqliteSession(on.file());
    const theirs = new MemorySession();
    const items: AgentInputItem[] = new Array(2);
    items[1] = said('one');
    for (const each of [session, theirs]) await each.addItems(items);
    expect(await session.getItems()).toEqual(await theirs.getItems());
  });

  test('an item that holds a function is refused without a word of its content, and none is stored', async () => {
    await using session = new SqliteSession(on.file());
    const error = await rejection(
      session.addItems([said('one'), { ...said('two'), secret: () => 'swordfish' } as unknown as AgentInputItem]),
    );
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringMatching(/^items\[1] /) });
    expect(error.stack).not.toContain('swordfish');
    expect(await session.getItems()).toEqual([]);
  });
});

describe('close() of a session', () => {
  test('lets calls finish, may be called again, and leaves a pool that was given open', async () => {
    const pool = on.pool();
    const session = new SqliteSession(pool, { sessionId: 's' });
    const args = { operationId: 'o', transaction: { type: 'append_items' as const, items: [said('two')] } };
    const calls = [session.addItems([said('one')]), session.applyHistoryTransaction(args)];
    await Promise.all([session.close(), session.close()]);
    await Promise.all(calls);
    expect(await pool.get('SELECT count(*) AS n FROM openai_items')).toEqual({ n: 2 });
  });

  test.each<[string, (session: SqliteSession) => Promise<unknown>]>([
    ['getSessionId', (session) => session.getSessionId()],
    ['getItems', (session) => session.getItems()],
    ['getItems of none', (session) => session.getItems(0)],
    ['addItems', (session) => session.addItems([])],
    ['popItem', (session) => session.popItem()],
    ['clearSession', (session) => session.clearSession()],
    ['replaceHistoryWithCompaction', (session) => session.replaceHistoryWithCompaction([])],
    ['applyHistoryMutations', (session) => session.applyHistoryMutations({ mutations: [] })],
    [
      'applyHistoryTransaction',
      (session) =>
        session.applyHistoryTransaction({ operationId: 'o', transaction: { type: 'append_items', items: [] } }),
    ],
  ])('%s() rejects ERR_CLOSED afterwards', async (_, call) => {
    const session = new SqliteSession(on.file());
    await session.close();
    expect(await rejection(call(session))).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CLOSED' });
  });

  test('a file that can not be opened fails each call, and close() after it', async () => {
    const session = new SqliteSession(on.file('no/such/folder.db'));
    expect(await rejection(session.getItems())).toMatchObject({ code: 'SQLITE_CANTOPEN' });
    expect(await rejection(session.addItems([said('one')]))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
    await session.close();
  });
});

describe('several processes', () => {
  test('share a session: items of a call stay together, an operation is applied once', async () => {
    const names = ['ada', 'bob', 'cyd'];
    const ends = await Promise.all(names.map((name) => run(child, [on.file(), name, 25])));
    for (const end of ends) expect(end, end.stderr).toMatchObject({ code: 0, stderr: '' });
    await using session = new SqliteSession(on.file(), { sessionId: 'shared' });
    const history = texts(await session.getItems());
    for (let round = 0; round < 25; round++) {
      const at = history.indexOf(`common ${round}`);
      expect(history[at + 1]).toBe(`common ${round} too`);
      expect(history.lastIndexOf(`common ${round}`)).toBe(at);
      for (const name of names) {
        expect(history[history.indexOf(`${name} ${round} a`) + 1]).toBe(`${name} ${round} b`);
      }
    }
    expect(history).toHaveLength(25 * 2 * (1 + names.length));
  });

  test('pop each item once, whichever pops first', async () => {
    const sessions = [1, 2, 3].map(() => new SqliteSession(on.file(), { sessionId: 's' }));
    await sessions[0]?.addItems(Array.from({ length: 30 }, (_, i) => said(String(i))));
    const popped = await Promise.all(Array.from({ length: 33 }, (_, i) => sessions[i % 3]?.popItem()));
    const items = popped.filter((item) => item !== undefined);
    expect(new Set(items.map((item) => JSON.stringify(item))).size).toBe(30);
    expect([items.length, await sessions[0]?.getItems()]).toEqual([30, []]);
    await Promise.all(sessions.map((session) => session.close()));
  });

  test('one that is killed has lost nothing that it said is stored, and stored nothing by halves', async () => {
    for (let kill = 0; kill < 4; kill++) {
      const file = on.file(`${kill}.db`);
      const stored = await killedAfter(child, [file, 'ada', 100_000], 3 + 5 * kill);
      await using session = new SqliteSession(file, { sessionId: 'shared' });
      const history = texts(await session.getItems());
      const rounds = (history.length - (history.length % 4)) / 4;
      expect(rounds).toBeGreaterThanOrEqual(stored + 1);
      expect(history.length % 2).toBe(0);
      for (let round = 0; round < rounds; round++) {
        const expected = [`common ${round}`, `common ${round} too`, `ada ${round} a`, `ada ${round} b`];
        expect(history.slice(4 * round, 4 * round + 4)).toEqual(expected);
      }
      // The writer that comes after it goes on: operations that were stored are not applied again.
      const end = await run(child, [file, 'bob', stored + 1]);
      expect(end, end.stderr).toMatchObject({ code: 0 });
      const after = texts(await session.getItems());
      expect(after.filter((text) => text === 'common 0')).toHaveLength(1);
      const db = await connect(file);
      expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
      await db.close();
    }
  });
});
