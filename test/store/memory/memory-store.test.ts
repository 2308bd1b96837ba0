import { readFileSync } from 'node:fs';
import type { Pool } from 'aiosqlite';
import { type MemoryQuery, MemoryStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { entry, ids, owner, textOf } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: MemoryStore;
beforeEach(async () => {
  pool = on.pool();
  store = new MemoryStore(pool);
  await store.createTables();
});

const search = (query: string, more: Partial<MemoryQuery> = {}) => store.search({ ...owner, query, ...more });
const found = async (query: string, more: Partial<MemoryQuery> = {}) => ids(await search(query, more));

describe('an entry', () => {
  test('comes back whole', async () => {
    const whole = entry('m1', 'tea', {
      sessionId: 's1',
      eventId: 'e1',
      author: 'ada',
      timestamp: 1_700_000_000_123,
      content: { role: 'user', parts: [{ text: 'tea', extra: null }, { inlineData: { data: 'aGk=' } }] },
      customMetadata: { tags: ['a', { b: 1 }] },
    });
    expect(await store.add([whole])).toBe(1);
    expect(await search('tea?')).toEqual([{ ...whole, score: expect.any(Number) }]);
    await store.add([entry('m2', 'coffee')]);
    expect(await search('coffee?')).toEqual([{ ...entry('m2', 'coffee'), score: expect.any(Number) }]);
  });

  test('is what it was at the call, and belongs to its caller afterwards', async () => {
    const record = entry('m1', 'tea');
    const adding = store.add([record]);
    (record.content.parts as any)[0].text = 'coffee';
    await adding;
    const [one] = await search('tea?');
    (one as any).content.parts[0].text = 'cocoa';
    expect((await search('tea?')).map(textOf)).toEqual(['tea']);
  });

  test('replaces the one of the same app, user and id', async () => {
    await store.add([entry('m1', 'tea'), entry('m2', 'tea')]);
    await store.add([entry('m1', 'coffee', { author: 'ada' })]);
    expect(await found('tea?')).toBe('m2');
    expect(await search('coffee?')).toMatchObject([{ id: 'm1', author: 'ada' }]);
    expect(await store.count(owner)).toBe(2);
  });

  test('that is an event is one of its session', async () => {
    const event = { eventId: 'e1', sessionId: 's1' };
    await store.add([entry('e1', 'tea one', event), entry('e1', 'tea two', { ...event, sessionId: 's2' })]);
    expect(await store.count(owner)).toBe(2);
    await store.add([entry('e1', 'tea three', event)]);
    expect((await search('tea?')).map(textOf).sort()).toEqual(['tea three', 'tea two']);
    expect(await store.delete({ ...owner, ids: ['e1'] })).toBe(2);
  });

  test('that is added again changes nothing', async () => {
    const records = [entry('m1', 'tea', { timestamp: 1, customMetadata: { a: 1 } }), entry('m2', 'coffee')];
    await store.add(records);
    const connection = await on.connect();
    const before = await connection.get('PRAGMA data_version');
    const rows = await pool.all('SELECT * FROM adk_memory_fts_data');
    expect(await store.add(records)).toBe(2);
    expect(await pool.all('SELECT * FROM adk_memory_fts_data')).toEqual(rows);
    expect(await connection.get('PRAGMA data_version')).toEqual(before);
  });

  test('without text is not stored', async () => {
    const empty = [
      {},
      { parts: [] },
      { parts: 'tea' },
      { parts: [{ text: '' }, { functionCall: { name: 'tea' } }, null] },
    ];
    expect(await store.add(empty.map((content, at) => entry(`m${at}`, '', { content })))).toBe(0);
    expect(await store.add([])).toBe(0);
    expect(await store.count(owner)).toBe(0);
  });

  test('is stored without its thoughts', async () => {
    const parts = [{ text: 'secret reasoning', thought: true }, { text: 'tea' }];
    await store.add([entry('m1', '', { content: { role: 'model', parts } })]);
    expect(await store.add([entry('m2', '', { content: { parts: [{ text: 'reasoning', thought: true }] } })])).toBe(0);
    expect(await found('reasoning')).toBe('');
    expect((await search('tea?'))[0]?.content).toEqual({ role: 'model', parts: [{ text: 'tea' }] });
    expect(JSON.stringify(await pool.all('SELECT * FROM adk_memory'))).not.toContain('reasoning');
  });

  test('is found by strings of function responses where the store is told to', async () => {
    const parts = [
      { functionResponse: { name: 'weather', response: { city: 'Lima', days: [{ sky: 'drizzle' }, 7], key: null } } },
    ];
    const record = entry('m1', '', { content: { role: 'user', parts } });
    expect(await store.add([record])).toBe(0);
    const other = new MemoryStore(pool, { functionResponses: true });
    expect(await other.add([record])).toBe(1);
    expect(await found('drizzle')).toBe('m1');
    expect(await found('Lima')).toBe('m1');
    expect(await found('weather')).toBe('');
  });
});

describe('a query', () => {
  test.each([
    "what's up?",
    'AND',
    'OR NOT NEAR',
    '"',
    '""',
    "'",
    '*',
    'a*',
    '(',
    'NEAR(a b, 2)',
    'col:x',
    'terms : tea',
    '-a',
    '^a',
    '+',
    '{a b}',
    '👋🏽',
    '\u0000',
    'a\u0000b',
    '\ud800',
    '%_\\',
    "'; DROP TABLE adk_memory; --",
    '\n\t\r',
  ])('may be any text: %j', async (query) => {
    await store.add([entry('m1', 'tea up or and not near the a b x')]);
    expect(Array.isArray(await search(query))).toBe(true);
  });

  test('may be of a megabyte', async () => {
    await store.add([entry('m1', 'tea')]);
    for (const query of [
      'tea '.repeat(250_000),
      `${'. '.repeat(500_000)}tea`,
      '茶'.repeat(330_000),
      `${'é'.repeat(1_000_000)}`,
    ]) {
      expect(Array.isArray(await search(query))).toBe(true);
    }
    expect(await found(`${'. '.repeat(500_000)}tea?`)).toBe('m1');
  });

  test.each(['', ' ', '?!', '👋🏽', '—'])('without a word finds nothing: %j', async (query) => {
    await store.add([entry('m1', '?! 👋🏽 — tea')]);
    expect(await search(query)).toEqual([]);
  });

  test('looks for its first 64 words', async () => {
    const words = Array.from({ length: 70 }, (_, at) => `word${at}`);
    await store.add(words.map((word, at) => entry(`m${at}`, word)));
    expect(await search(words.join(' '), { limit: 100 })).toHaveLength(64);
    expect(await found(`${'tea '.repeat(100)} word69`)).toBe('m69');
  });

  test.each(['tea ', '茶'])('takes the time of 4,096 words at most, equal ones included: %j', async (word) => {
    await store.add([entry('m1', 'coffee'), entry('m2', 'tea 茶茶')]);
    expect(await search(`${word.repeat(4_000)} coffee`)).toHaveLength(2);
    expect(await found(`${word.repeat(5_000)} coffee`)).toBe('m2');
  });

  test('is found as it is in no other syntax: words alone count, each of which may be missing', async () => {
    await store.add([
      entry('m1', 'green tea from China'),
      entry('m2', 'black coffee'),
      entry('m3', 'green coffee cup'),
    ]);
    expect(await found('tea NOT green')).toBe('m1 m3');
    expect(await found('who likes coffee?')).toBe('m2 m3');
  });

  test.each<[string, any]>([
    ['query', { query: undefined }],
    ['query', { query: 7 }],
    ['appName', { appName: 'a\ud800' }],
    ['userId', { userId: undefined }],
    ['limit', { limit: -1 }],
    ['limit', { limit: 1.5 }],
    ['maxBytes', { maxBytes: Number.NaN }],
    ['after', { after: '1' }],
    ['before', { before: Number.POSITIVE_INFINITY }],
    ['scopes', { scopes: 'user' }],
    ['scopes[1]', { scopes: ['user', 'all'] }],
    ['query.max', { max: 5 }],
  ])('is checked: %s', async (argument, wrong) => {
    expect(await rejection(search('tea?', wrong))).toMatchObject({ message: expect.stringContaining(argument) });
  });
});

describe('words', () => {
  test.each([
    ['running', 'She runs every day'],
    ['run', 'running'],
    ['cafe', 'Café'],
    ['CAFÉ', 'a cafe'],
    ['resume', 'Résumé'],
    ['İstanbul', 'istanbul'],
    ['naïve', 'nai\u0308ve'],
    ['Ελλαδα', 'Ελλάδα'],
    ['елка', 'ёлка'],
    ['שלום', 'שָׁלוֹם'],
    ['محمد', 'مُحَمَّد'],
    ['हिन्दी', 'यह हिन्दी है'],
    ['தமிழ்', 'நான் தமிழ் பேசுகிறேன்'],
    ['42', 'the answer is 42.'],
    ['v2', 'release v2 of it'],
    ['2.0.1', 'version 2.0.1'],
    ['user_id', 'the column user_id'],
    ['id', 'the column user_id'],
    ['C', 'written in C'],
    ['ﬁle', 'a file'],
    ['１２', 'number 12'],
    ['東京', '東京都へ行く'],
    ['京都', '東京都へ行く'],
    ['都', '東京都'],
    ['東', '東京都'],
    ['カタカナ', 'ｶﾀｶﾅ'],
    ['東京', '私の住む東京'],
    ['Debian', 'Debianは自由'],
    ['linux', 'GNU/Linuxを使う'],
    ['北京', '我住在北京市'],
    ['서울', '서울특별시에서'],
    ['데비안', '데비안은'],
    ['ข้าว', 'ฉันกินข้าวทุกวัน'],
    ['ພາສາ', 'ຂ້ອຍເວົ້າພາສາລາວ'],
    ['ភាសា', 'ខ្ញុំនិយាយភាសាខ្មែរ'],
    ['မြန်မာ', 'ကျွန်တော်မြန်မာစကားပြောတယ်'],
  ])('%s finds %s', async (query, text) => {
    await store.add([entry('m1', text), entry('m2', 'something else, entirely')]);
    expect(await found(query)).toBe('m1');
  });

  test.each([
    ['东', '北京'],
    ['京東', '東京'],
    ['is', 'I'],
    ['as', 'a'],
    ['s1xtea', 'tea'],
    ['scope', 'tea'],
  ])('%s does not find %s', async (query, text) => {
    await store.add([entry('m1', text)]);
    expect(await found(query)).toBe('');
  });
});

describe('the ranking', () => {
  test('puts what fits better first, rare words before common ones', async () => {
    const common = Array.from({ length: 30 }, (_, at) => entry(`c${at}`, `the tea of day ${at}`));
    await store.add([...common, entry('m1', 'the zebra'), entry('m2', 'the tea of the zebra')]);
    expect((await found('the tea of the zebra at the zoo', { limit: 2 })).split(' ').sort()).toEqual(['m1', 'm2']);
    const results = await search('the tea of the zebra at the zoo');
    const scores = results.map(({ score }) => score as number);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(Math.min(...scores)).toBeGreaterThan(0);
  });

  test('puts the newest of equals first, those without a time last', async () => {
    const times = [3, 1, undefined, 5, 4];
    await store.add(
      times.map((time, at) => entry(`m${at}`, 'equal tea', time === undefined ? {} : { timestamp: time * 1e9 })),
    );
    expect(await found('tea?')).toBe('m3 m4 m0 m1 m2');
  });

  test("does not depend on what other users' entries are about", async () => {
    const mine = [entry('m1', 'the zebra'), entry('m2', 'the tea'), entry('m3', 'the tea'), entry('m4', 'the tea')];
    await store.add(mine);
    const others = Array.from({ length: 200 }, (_, at) => entry(`o${at}`, 'a zebra', { userId: `user ${at}` }));
    await store.add(others);
    expect(await found('the zebra or tea', { limit: 1 })).toBe('m1');
  });

  test('has at most 10 results unless told otherwise', async () => {
    await store.add(Array.from({ length: 30 }, (_, at) => entry(`m${at}`, `tea ${at}`)));
    expect(await search('tea?')).toHaveLength(10);
    expect(await search('tea?', { limit: 25 })).toHaveLength(25);
    expect(await search('tea?', { limit: 0 })).toEqual([]);
  });

  test('has at most 32 KiB of content unless told otherwise, and leaves out what is larger alone', async () => {
    const size = 8 * 1024;
    await store.add(Array.from({ length: 6 }, (_, at) => entry(`m${at}`, `tea ${'é'.repeat(size / 2 - 100)}`)));
    expect(await search('tea?')).toHaveLength(4);
    expect(await search('tea?', { maxBytes: 3 * size })).toHaveLength(3);
    await store.add([
      entry('large', 'tea tea tea', { content: { parts: [{ text: 'tea' }, { text: 'é'.repeat(20_000) }] } }),
    ]);
    expect(await found('tea?')).not.toContain('large');
    expect(await search('tea?')).toHaveLength(4);
    expect(await found('tea?', { maxBytes: 100_000, limit: 20 })).toContain('large');
    expect(await search('tea?', { maxBytes: 0 })).toEqual([]);
  });

  test('leaves out entries that say nothing but the question, however often it was asked', async () => {
    await store.add(Array.from({ length: 60 }, (_, at) => entry(`q${at}`, 'Which tea do I like?')));
    await store.add([
      entry('a1', 'I like green tea'),
      entry('a2', 'Which tea do I like? Green.'),
      entry('q', ' Which tea do I like?\n'),
    ]);
    expect((await found('Which tea do I like?')).split(' ').sort()).toEqual(['a1', 'a2']);
  });

  test('can be of a time', async () => {
    await store.add([1, 2, 3].map((at) => entry(`m${at}`, `tea ${at}`, { timestamp: at * 1_000 })));
    expect(await found('tea?', { after: 1_000 })).toBe('m3 m2');
    expect(await found('tea?', { before: 3_000 })).toBe('m2 m1');
    expect(await found('tea?', { after: 1_000, before: 3_000 })).toBe('m2');
  });
});

describe('scopes', () => {
  test('keep apps and users apart, whatever they are called', async () => {
    const owners = [
      { appName: 'a', userId: 'b/u' },
      { appName: 'a/b', userId: 'u' },
      { appName: 'a', userId: 'b' },
      { appName: '', userId: 'a' },
      { appName: 'a', userId: '' },
      { appName: 's1x', userId: '__proto__' },
    ];
    for (const [at, one] of owners.entries()) await store.add([entry('m1', `tea of ${at}`, one)]);
    for (const [at, one] of owners.entries()) {
      expect((await search('tea?', one)).map(textOf)).toEqual([`tea of ${at}`]);
      expect(await store.count(one)).toBe(1);
    }
    expect(await search('tea?', { appName: 'a', userId: 'u' })).toEqual([]);
  });

  test("of an app are found by all of its users, under no user's name", async () => {
    await store.add([entry('m1', 'tea of mine'), entry('m1', 'tea for all', { scope: 'app', userId: 'ignored' })]);
    await store.add([entry('m1', 'tea elsewhere', { scope: 'app', appName: 'other' })]);
    expect((await search('tea?')).map(textOf).sort()).toEqual(['tea for all', 'tea of mine']);
    expect(await search('tea?', { userId: 'bob' })).toMatchObject([{ id: 'm1', scope: 'app', userId: '' }]);
    expect((await search('tea?', { scopes: ['user'] })).map(textOf)).toEqual(['tea of mine']);
    expect((await search('tea?', { scopes: ['app'] })).map(textOf)).toEqual(['tea for all']);
    expect(await search('tea?', { scopes: [] })).toEqual([]);
  });

  test('can not be entered by writing their names into a text or a query', async () => {
    await store.add([entry('m1', 'tea'), entry('m2', 's1xtea s2xtea s3xtea', { userId: 'bob' })]);
    const [scope] = await pool.all<{ key: number }>(
      "SELECT scope_key AS key FROM adk_memory_scopes WHERE user_id = 'ada'",
    );
    for (const query of [`s${scope?.key}xtea`, `"s${scope?.key}xtea"`, 'terms:s1xtea']) {
      expect(await found(query, { userId: 'bob' })).not.toContain('m1');
      expect(await found(query)).toBe('');
    }
  });
});

describe('delete()', () => {
  beforeEach(async () => {
    await store.add([
      entry('m1', 'tea', { sessionId: 's1', timestamp: 1_000 }),
      entry('m2', 'tea', { sessionId: 's1', eventId: 'm2', timestamp: 2_000 }),
      entry('m3', 'tea', { sessionId: 's2', timestamp: 3_000 }),
      entry('m4', 'tea'),
      entry('m1', 'tea', { userId: 'bob', sessionId: 's1' }),
      entry('m5', 'tea', { scope: 'app' }),
      entry('m1', 'tea', { appName: 'other' }),
    ]);
  });
  const left = async () => (await pool.all<{ n: number }>('SELECT count(*) AS n FROM adk_memory'))[0]?.n;

  test.each<[string, any, number]>([
    ['all of an app', { appName: 'app' }, 6],
    ['one user', owner, 4],
    ['one session of a user', { ...owner, sessionId: 's1' }, 2],
    ['a session of whichever user', { appName: 'app', sessionId: 's1' }, 3],
    ['some ids', { ...owner, ids: ['m1', 'm4', 'm9'] }, 2],
    ['no ids', { ...owner, ids: [] }, 0],
    ['what is older', { ...owner, before: 3_000 }, 2],
    ['what is older in a session', { ...owner, before: 2_000, sessionId: 's1' }, 1],
    ['nobody', { appName: 'app', userId: 'carl' }, 0],
  ])('takes out %s', async (_, filter, count) => {
    expect(await store.delete(filter)).toBe(count);
    expect(await left()).toBe(7 - count);
    expect(await store.delete(filter)).toBe(0);
    expect(await search('tea?', { appName: 'other' })).toHaveLength(1);
  });

  test('goes on until all is gone, however much it is', async () => {
    await store.add(Array.from({ length: 350 }, (_, at) => entry(`x${at}`, `tea ${at}`)));
    expect(await store.delete(owner)).toBe(354);
    expect(await store.count(owner)).toBe(0);
    await pool.exec("INSERT INTO adk_memory_fts (adk_memory_fts, rank) VALUES ('integrity-check', 1)");
  });

  test.each<[string, any]>([
    ['appName', {}],
    ['filter.userID', { appName: 'app', userID: 'ada' }],
    ['ids[0]', { appName: 'app', ids: [7] }],
    ['before', { appName: 'app', before: Number.NaN }],
    ['filter', undefined],
  ])('takes out nothing where the filter is wrong: %s', async (argument, filter) => {
    expect(await rejection(store.delete(filter))).toMatchObject({ message: expect.stringContaining(argument) });
    expect(await left()).toBe(7);
  });

  test('leaves no word in the file and its WAL, once a checkpoint has run: in random runs', async () => {
    const secret = { appName: 'app', userId: 'hidden user' };
    const letters = 'bcdfghjklmnpqrtvwz';
    const pick = (below: number) => Math.floor(Math.random() * below);
    const word = () => Array.from({ length: 12 }, () => letters[pick(letters.length)]).join('');
    const alive = new Map<string, string[]>();
    const dead: string[] = [];
    const bury = (id: string) => dead.push(...(alive.get(id) ?? []));
    for (let step = 0; step < 100; step += 1) {
      const present = [...alive.keys()];
      if (Math.random() < 0.6 || present.length === 0) {
        const records = Array.from({ length: 1 + pick(20) }, () => {
          const again = Math.random() < 0.15 ? present[pick(present.length)] : undefined;
          const id = again ?? `id ${word()}`;
          const words = Array.from({ length: 1 + pick(25) }, word);
          bury(id);
          alive.set(id, words);
          return entry(id, words.join(' '), { ...secret, author: 'hidden author', sessionId: `s${pick(5)}` });
        });
        await store.add(records);
      } else {
        const gone = present.filter(() => Math.random() < 0.15);
        await store.delete({ ...secret, ids: gone });
        for (const id of gone) bury(id);
        for (const id of gone) alive.delete(id);
      }
      if (Math.random() < 0.2) await pool.checkpoint();
    }
    const bytes = () => {
      const files = [on.file(), on.file('test.db-wal')].map((file) => readFileSync(file, 'latin1'));
      return files.join('');
    };
    await pool.checkpoint();
    expect(dead.length).toBeGreaterThan(1_000);
    const remains = bytes();
    expect(dead.filter((each) => remains.includes(each))).toEqual([]);
    expect([...alive.values()].flat().every((each) => remains.includes(each))).toBe(true);

    await store.delete({ appName: 'app' });
    await pool.checkpoint();
    const rest = bytes();
    expect([...alive.values()].flat().filter((each) => rest.includes(each))).toEqual([]);
    expect(rest).not.toContain('hidden ');
  });
});

describe('the tables', () => {
  test('can be written by any SQL: the index follows', async () => {
    await store.add([entry('m1', 'tea'), entry('m2', 'coffee')]);
    await pool.run("DELETE FROM adk_memory WHERE id = 'm1'");
    await pool.run("UPDATE adk_memory SET terms = replace(terms, 'coffee', 'cocoa')");
    expect(await found('tea coffee')).toBe('');
    expect(await found('cocoa')).toBe('m2');
    await pool.exec("INSERT INTO adk_memory_fts (adk_memory_fts, rank) VALUES ('integrity-check', 1)");
  });

  test('are made once, by any number of callers, and refused where they are others', async () => {
    await Promise.all(Array.from({ length: 10 }, () => new MemoryStore(pool).createTables()));
    const other = on.pool({ database: on.file('other.db') });
    await other.exec('CREATE TABLE adk_memory (id TEXT, text TEXT)');
    expect(await rejection(new MemoryStore(other).createTables())).toMatchObject({
      code: 'ADK_SCHEMA_MISMATCH',
      message: expect.stringContaining('adk_memory'),
    });
    expect(await other.get('SELECT count(*) AS n FROM sqlite_schema')).toEqual({ n: 1 });
  });

  test('may have other names, and stores of different names are independent', async () => {
    const other = new MemoryStore(pool, { memoryTable: 'notes' });
    await other.createTables();
    await other.add([entry('m1', 'tea in notes')]);
    await store.add([entry('m1', 'tea')]);
    expect((await other.search({ ...owner, query: 'tea?' })).map(textOf)).toEqual(['tea in notes']);
    for (const memoryTable of ['a b', 'sqlite_x', 'adk_events']) {
      expect(() => new MemoryStore(pool, { memoryTable })).toThrow(
        expect.objectContaining({ code: 'ADK_INVALID_NAME' }),
      );
    }
  });

  test.each([
    ['content', "'{'"],
    ['content', "'[]'"],
    ['custom_metadata', "'1'"],
    ['timestamp', "'today'"],
  ])('with a damaged row name it: %s = %s', async (column, value) => {
    await store.add([entry('m1', 'tea'), entry('m2', 'coffee')]);
    await pool.run(`UPDATE adk_memory SET ${column} = ${value} WHERE id = 'm1'`);
    expect(await rejection(search('tea?'))).toMatchObject({
      code: 'ADK_CORRUPT_ROW',
      message: `Damaged row in table adk_memory, key m1: column ${column}`,
    });
    expect(await found('coffee?')).toBe('m2');
    expect(await store.delete({ ...owner, ids: ['m1'] })).toBe(1);
  });
});

describe('add()', () => {
  test.each<[string, any]>([
    ['records must be an array', 'tea'],
    ['records[1]', [entry('m1', 'tea'), 7]],
    ['records[0].id', [entry(undefined as any, 'tea')]],
    ['records[0].userId', [entry('m1', 'tea', { userId: 'a\ud800' })]],
    ['records[0].scope', [entry('m1', 'tea', { scope: 'all' as any })]],
    ['records[0].timestamp', [entry('m1', 'tea', { timestamp: Number.NaN })]],
    ['records[0].content', [entry('m1', 'tea', { content: 'tea' as any })]],
    ['records[0].customMetadata.n is a bigint', [entry('m1', 'tea', { customMetadata: { n: 1n } })]],
    ['records[0].content.parts[0].n is a bigint', [entry('m1', '', { content: { parts: [{ text: 'tea', n: 1n }] } })]],
  ])('stores nothing where an argument is wrong: %s', async (message, records) => {
    expect(await rejection(store.add(records))).toMatchObject({ message: expect.stringContaining(message) });
    expect(await store.count(owner)).toBe(0);
  });

  test('is one transaction, however many entries it has', async () => {
    const many = Array.from({ length: 1_000 }, (_, at) => entry(`m${at}`, `tea ${at}`));
    const { commits } = pool.stats();
    await store.add(many);
    expect(pool.stats().commits).toBe(commits + 1);
    expect(await store.count(owner)).toBe(1_000);
  });

  test('and everything else can be part of a transaction of the caller', async () => {
    await store.add([entry('m0', 'tea')]);
    const undone = pool.transaction(async (tx) => {
      const inside = store.with(tx);
      await inside.add([entry('m1', 'tea')]);
      await inside.delete({ ...owner, ids: ['m0'] });
      expect(ids(await inside.search({ ...owner, query: 'tea!' }))).toBe('m1');
      expect(await inside.count(owner)).toBe(1);
      throw new Error('no');
    });
    expect(await rejection(undone)).toMatchObject({ message: 'no' });
    expect(await found('tea!')).toBe('m0');
  });
});

test('integers that are bigints make no difference', async () => {
  const bigints = on.pool({ integerMode: 'bigint' });
  const embed = async (texts: string[]) => texts.map((text) => Float32Array.from([text.length, 1]));
  const own = new MemoryStore(bigints, { embed });
  await own.createTables();
  await new SessionStore(bigints).createTables();
  await new SessionStore(bigints).createSession({ ...owner, sessionId: 's1' });
  const said = { invocationId: 'i1', author: 'ada', actions: {}, content: { parts: [{ text: 'green tea' }] } };
  await new SessionStore(bigints).appendEvent({ id: 'e1', ...owner, sessionId: 's1', timestamp: 1, ...said });
  expect(await own.backfill()).toEqual({ sessions: 1, entries: 1 });
  expect(await own.backfill()).toEqual({ sessions: 1, entries: 0 });
  expect(await own.add([entry('m1', 'black tea'), entry('m2', 'coffee')])).toBe(2);
  expect(await own.count(owner)).toBe(3);
  expect(
    ids(await own.search({ ...owner, query: 'tea?' }))
      .split(' ')
      .sort(),
  ).toEqual(['e1', 'm1', 'm2']);
  expect(await own.delete({ ...owner, ids: ['m1'] })).toBe(1);
});
