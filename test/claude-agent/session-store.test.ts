import { readFileSync, statSync } from 'node:fs';
import { type FoldSessionSummary, SqliteSessionStore, type TranscriptEntry } from 'aiosqlite/claude-agent';
import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { killedAfter } from '../support/killed.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const child = new URL('children/append.mjs', import.meta.url);

const key = { projectKey: 'shop', sessionId: 'one' };
const below = { ...key, subpath: 'subagents/agent-1' };
const entry = (type: string, more: object = {}): TranscriptEntry => ({ type, ...more });
const open = (options = {}) => new SqliteSessionStore(on.file(), options);

/** What adapters of the SDK have to do (its reference adapters check the same, in their words). */
describe('a transcript', () => {
  test('comes back as it was appended, call by call', async () => {
    await using store = open();
    await store.append(key, [entry('user', { n: 1, nested: { list: [1, null, { x: 'é\0\ud800' }] } }), entry('mode')]);
    await store.append(key, [entry('summary')]);
    await store.append(key, [entry('user', { n: 2 })]);
    expect(await store.load(key)).toStrictEqual([
      entry('user', { n: 1, nested: { list: [1, null, { x: 'é\0\ud800' }] } }),
      entry('mode'),
      entry('summary'),
      entry('user', { n: 2 }),
    ]);
  });

  test('that was never written is null, also after an append of nothing', async () => {
    await using store = open();
    expect(await store.load(key)).toBeNull();
    expect(await store.load(below)).toBeNull();
    await store.append(key, []);
    expect(await store.load(key)).toBeNull();
    expect(await store.listSessions('shop')).toEqual([]);
  });

  test('keeps the first place and content of an entry whose uuid comes again, and every entry without one', async () => {
    await using store = open();
    const first = [entry('user', { uuid: 'a', text: 'first' }), entry('tag'), entry('user', { uuid: 'b' })];
    await store.append(key, first);
    const [before] = await store.listSessions('shop');
    await store.append(key, [entry('user', { uuid: 'b' }), entry('user', { uuid: 'a', text: 'second' })]);
    expect(await store.load(key)).toEqual(first);
    expect(await store.listSessions('shop')).toEqual([before]);
    await store.append(key, [
      entry('tag'),
      entry('user', { uuid: 'c', n: 1 }),
      entry('user', { uuid: 'a' }),
      entry('user', { uuid: 'c', n: 2 }),
    ]);
    expect(await store.load(key)).toEqual([...first, entry('tag'), entry('user', { uuid: 'c', n: 1 })]);
  });

  test('has uuids of its own: another transcript may have the same', async () => {
    await using store = open();
    const one = [entry('user', { uuid: 'a' })];
    for (const each of [key, below, { ...key, sessionId: 'two' }, { ...key, projectKey: 'other' }]) {
      await store.append(each, one);
      expect(await store.load(each)).toEqual(one);
    }
  });

  test('is not that of a key whose parts read the same together', async () => {
    await using store = open();
    await store.append({ projectKey: 'a', sessionId: 'b/c' }, [entry('one')]);
    await store.append({ projectKey: 'a/b', sessionId: 'c' }, [entry('two')]);
    await store.append({ projectKey: 'a', sessionId: 'b', subpath: 'c' }, [entry('three')]);
    expect(await store.load({ projectKey: 'a', sessionId: 'b/c' })).toEqual([entry('one')]);
    expect(await store.load({ projectKey: 'a/b', sessionId: 'c' })).toEqual([entry('two')]);
    expect((await store.listSessions('a')).map(({ sessionId }) => sessionId)).toEqual(['b/c']);
    expect(await store.listSubkeys({ projectKey: 'a', sessionId: 'b' })).toEqual(['c']);
  });

  test('takes entries at the moment of the call, and calls in their order', async () => {
    await using store = open();
    const entries = [entry('before')];
    const calls = [
      store.append(key, entries),
      ...Array.from({ length: 20 }, (_, n) => store.append(key, [entry('n', { n })])),
    ];
    (entries[0] as TranscriptEntry).type = 'after';
    await Promise.all(calls);
    expect(await store.load(key)).toEqual([
      entry('before'),
      ...Array.from({ length: 20 }, (_, n) => entry('n', { n })),
    ]);
  });

  test('of which an append fails is as it was', async () => {
    const pool = on.pool();
    await using store = new SqliteSessionStore(pool);
    await store.append(key, [entry('one')]);
    const sessions = await store.listSessions('shop');
    await pool.exec(`CREATE TRIGGER no BEFORE INSERT ON claude_entries WHEN new.entry LIKE '%never%'
      BEGIN SELECT raise(ABORT, 'no'); END`);
    expect(await rejection(store.append(key, [entry('fine'), entry('never')]))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_TRIGGER',
    });
    expect(await store.load(key)).toEqual([entry('one')]);
    expect(await store.listSessions('shop')).toEqual(sessions);
    expect(await rejection(store.append({ ...key, sessionId: 'new' }, [entry('never')]))).toHaveProperty('code');
    expect(await store.listSessions('shop')).toEqual(sessions);
  });
});

describe('lists', () => {
  test('have the sessions of one project, last changed first, with whole milliseconds that never go back', async () => {
    await using store = open();
    for (const sessionId of ['one', 'two', 'three', 'one']) {
      await store.append({ projectKey: 'shop', sessionId }, [entry('user')]);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await store.append({ projectKey: 'other', sessionId: 'four' }, [entry('user')]);
    const sessions = await store.listSessions('shop');
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual(['one', 'three', 'two']);
    for (const { mtime } of sessions)
      expect(Number.isInteger(mtime) && Math.abs(Date.now() - mtime) < 3_600_000).toBe(true);
    expect(await store.listSessions('none')).toEqual([]);
    const times: unknown[] = [];
    for (let n = 0; n < 20; n++) {
      await store.append(key, [entry('user')]);
      times.push((await store.listSessions('shop'))[0]?.mtime);
    }
    expect(times).toEqual([...new Set(times)].sort());
  });

  test('leave out a session with transcripts below it alone', async () => {
    await using store = open();
    await store.append(below, [entry('user')]);
    expect(await store.listSessions('shop')).toEqual([]);
    expect(await store.listSubkeys(key)).toEqual(['subagents/agent-1']);
  });

  test('of subpaths are those below the session, without its own transcript', async () => {
    await using store = open();
    await store.append(key, [entry('main')]);
    expect(await store.listSubkeys(key)).toEqual([]);
    await store.append({ ...key, subpath: 'subagents/b' }, [entry('b')]);
    await store.append({ ...key, subpath: 'subagents/a' }, [entry('a')]);
    await store.append({ ...key, sessionId: 'two', subpath: 'subagents/c' }, [entry('c')]);
    expect(await store.listSubkeys(key)).toEqual(['subagents/a', 'subagents/b']);
    expect(await store.listSubkeys({ projectKey: 'x', sessionId: 'never' })).toEqual([]);
  });
});

describe('delete()', () => {
  test('of a session takes all below it, and nothing else', async () => {
    await using store = open();
    const others = [
      { ...key, sessionId: 'two' },
      { ...key, projectKey: 'other' },
      { ...below, sessionId: 'two' },
    ];
    for (const each of [key, below, { ...key, subpath: 'subagents/b' }, ...others]) {
      await store.append(each, [entry('user', { uuid: 'a' })]);
    }
    await store.delete(key);
    expect(await store.load(key)).toBeNull();
    expect(await store.load(below)).toBeNull();
    expect(await store.listSubkeys(key)).toEqual([]);
    for (const each of others) expect(await store.load(each)).toHaveLength(1);
    await store.delete({ projectKey: 'x', sessionId: 'never' });
    // The same entries may come again.
    await store.append(key, [entry('user', { uuid: 'a' })]);
    expect(await store.load(key)).toHaveLength(1);
  });

  test('of a subpath takes that alone', async () => {
    await using store = open();
    for (const each of [key, below, { ...key, subpath: 'subagents/b' }]) await store.append(each, [entry('user')]);
    await store.delete(below);
    expect(await store.load(key)).toHaveLength(1);
    expect(await store.load(below)).toBeNull();
    expect(await store.listSubkeys(key)).toEqual(['subagents/b']);
  });

  test('leaves no word of the session in the files after a checkpoint', async () => {
    const pool = on.pool();
    await using store = new SqliteSessionStore(pool);
    await store.append(key, [entry('user', { text: 'swordfish' })]);
    await pool.checkpoint();
    expect(readFileSync(on.file()).includes('swordfish')).toBe(true);
    await store.delete(key);
    await pool.checkpoint();
    expect(readFileSync(on.file()).includes('swordfish')).toBe(false);
    expect(statSync(`${on.file()}-wal`).size).toBe(0);
  });
});

/** Set once: the first text; last wins: the last one; and what it was called with. */
const fold =
  (calls: unknown[] = []): FoldSessionSummary =>
  (previous, { sessionId }, entries, { mtime }) => {
    calls.push([previous?.data.last, entries.map(({ text }) => text)]);
    const first = previous?.data.first ?? entries[0]?.text;
    return { sessionId, mtime, data: { first, last: entries.at(-1)?.text } };
  };
const said = (text: string) => entry('user', { uuid: text, text });

describe('summaries', () => {
  test('are made by the function of the SDK, of new entries alone, and share the time of the session', async () => {
    const calls: unknown[] = [];
    await using store = open({ foldSessionSummary: fold(calls) });
    await store.append(key, [said('a'), said('b')]);
    await store.append(key, [said('a'), said('c')]);
    await store.append(key, [said('b')]); // nothing new
    await store.append(below, [said('x')]); // no session
    expect(calls).toEqual([
      [undefined, ['a', 'b']],
      ['b', ['c']],
    ]);
    const [session] = await store.listSessions('shop');
    expect(await store.listSessionSummaries('shop')).toEqual([{ ...session, data: { first: 'a', last: 'c' } }]);
    await store.delete(key);
    expect(await store.listSessionSummaries('shop')).toEqual([]);
  });

  test('that miss an append are left out, and made of all entries by the next append that can', async () => {
    const pool = on.pool();
    await using plain = new SqliteSessionStore(pool);
    const calls: unknown[] = [];
    await using folding = new SqliteSessionStore(pool, { foldSessionSummary: fold(calls) });
    await plain.append(key, [said('a')]);
    expect(await plain.listSessionSummaries('shop')).toEqual([]);
    await folding.append(key, [said('b')]);
    expect(calls).toEqual([[undefined, ['a', 'b']]]);
    await plain.append(key, [said('c')]);
    expect(await folding.listSessionSummaries('shop')).toEqual([]);
    await folding.append(key, [said('d')]);
    expect(calls.at(-1)).toEqual([undefined, ['a', 'b', 'c', 'd']]);
    expect((await plain.listSessionSummaries('shop'))[0]?.data).toEqual({ first: 'a', last: 'd' });
  });

  test('whose function throws fail the append, which stores nothing', async () => {
    await using store = open({
      foldSessionSummary: () => {
        throw new Error('no');
      },
    });
    expect(await rejection(store.append(key, [said('a')]))).toMatchObject({ message: 'no' });
    expect(await store.load(key)).toBeNull();
  });
});

describe('misuse of a store', () => {
  test.each<[string, unknown]>([
    ['a Promise', Promise.resolve({ data: {} })],
    ['nothing', undefined],
    ['no data', {}],
    ['a number as data', { data: 5 }],
    ['data that JSON can not hold', { data: { swordfish: 1n } }],
  ])('a fold that returns %s fails the append by name, which stores nothing', async (_, folded) => {
    await using store = open({ foldSessionSummary: () => folded });
    const error = await rejection(store.append(key, [said('a')]));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(error.message).toContain('the result of options.foldSessionSummary must be');
    expect(error.message).not.toContain('swordfish');
    expect(await store.load(key)).toBeNull();
  });

  test.each<[string, () => unknown, string]>([
    ['no database', () => new SqliteSessionStore(undefined as never), 'ERR_INVALID_ARG_TYPE'],
    ['an unknown option', () => open({ fold: fold() }), 'ERR_UNKNOWN_OPTION'],
    ['a fold that is no function', () => open({ foldSessionSummary: 1 }), 'ERR_INVALID_ARG_TYPE'],
  ])('is refused at once: %s', (_, make, code) => {
    expect(make).toThrow(expect.objectContaining({ code }));
  });

  test.each<[string, (store: any) => Promise<unknown>]>([
    ['key must be an object', (store) => store.append('shop', [])],
    ['key.projectKey must be a string', (store) => store.load({ sessionId: 's' })],
    ['key.sessionId must be a string', (store) => store.delete({ projectKey: 'p' })],
    ['key.subpath must be a string, not empty', (store) => store.load({ ...key, subpath: '' })],
    [
      'key.sessionId must be a string, not empty, without lone surrogates',
      (store) => store.load({ ...key, sessionId: '\ud800' }),
    ],
    ['projectKey must be a string', (store) => store.listSessions()],
    ['projectKey must be a string', (store) => store.listSessionSummaries(1)],
    ['entries must be an array', (store) => store.append(key, entry('user'))],
    ['entries[1] must be an object', (store) => store.append(key, [entry('user'), 'x'])],
    ['entries[0].uuid must be a string', (store) => store.append(key, [{ type: 'user', uuid: 7 }])],
    [
      'entries[0] must be an object that JSON can hold',
      (store) => store.append(key, [{ type: 'user', toJSON: () => 5 }]),
    ],
    [
      'entries[0] must be an object that JSON can hold',
      (store) => store.append(key, [{ type: 'user', swordfish: 1n }]),
    ],
  ])('rejects, and names the argument: %s', async (message, call) => {
    await using store = open();
    const error = await rejection(call(store));
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('swordfish');
    expect(await store.load(key)).toBeNull();
  });
});

describe('close() of a store', () => {
  test('lets appends finish, may be called again, and leaves a pool that was given open', async () => {
    const pool = on.pool();
    const store = new SqliteSessionStore(pool);
    const appended = store.append(key, [entry('user')]);
    await Promise.all([store.close(), store.close()]);
    await appended;
    expect(await pool.get('SELECT count(*) AS n FROM claude_entries')).toEqual({ n: 1 });
  });

  test.each<[string, (store: SqliteSessionStore) => Promise<unknown>]>([
    ['append', (store) => store.append(key, [])],
    ['load', (store) => store.load(key)],
    ['listSessions', (store) => store.listSessions('shop')],
    ['listSessionSummaries', (store) => store.listSessionSummaries('shop')],
    ['delete', (store) => store.delete(key)],
    ['listSubkeys', (store) => store.listSubkeys(key)],
  ])('%s() rejects ERR_CLOSED afterwards', async (_, call) => {
    const store = open();
    await store.close();
    expect(await rejection(call(store))).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CLOSED' });
  });
});

describe('several processes', () => {
  const uuids = (entries: TranscriptEntry[] | null) => (entries ?? []).flatMap(({ uuid }) => uuid ?? []);

  test('share a transcript: each entry once, and a summary of them all', async () => {
    const names = ['ada', 'bob', 'cyd'];
    const ends = await Promise.all(names.map((name) => run(child, [on.file(), name, 30])));
    for (const end of ends) expect(end, end.stderr).toMatchObject({ code: 0, stderr: '' });
    await using store = open();
    const entries = await store.load({ projectKey: 'p', sessionId: 's' });
    expect(entries).toHaveLength(30 * (1 + 2 * names.length));
    expect(new Set(uuids(entries)).size).toBe(30 * (1 + names.length));
    for (const name of names) {
      const own = entries?.filter((each) => each.by === name).map((each) => each.round);
      expect(own).toEqual(Array.from({ length: 30 }, (_, round) => round));
    }
    expect((await store.listSessionSummaries('p'))[0]?.data).toEqual({ entries: entries?.length });
  });

  test('one that is killed has lost no append that it said is stored, and stored none by halves', async () => {
    for (let kill = 0; kill < 4; kill++) {
      const file = on.file(`${kill}.db`);
      const stored = await killedAfter(child, [file, 'ada', 100_000], 3 + 5 * kill);
      const pool = on.pool({ database: file });
      await using store = new SqliteSessionStore(pool);
      const entries = await store.load({ projectKey: 'p', sessionId: 's' });
      expect((entries?.length ?? 0) % 3).toBe(0);
      expect((entries?.length ?? 0) / 3).toBeGreaterThanOrEqual(stored + 1);
      expect((await store.listSessionSummaries('p'))[0]?.data).toEqual({ entries: entries?.length });
      expect(await pool.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
    }
  });
});
