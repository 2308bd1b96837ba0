import type { Pool } from 'aiosqlite';
import { MemoryStore, type MemoryStoreOptions } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { entry, ids, owner } from './fixtures.js';

const on = databases();
let pool: Pool;
beforeEach(() => {
  pool = on.pool();
});

/** What texts are about, in three dimensions; words of one meaning share a dimension. */
const MEANINGS = [/tea|coffee|drink|beverage/i, /dog|cat|pet|animal/i, /car|train|travel/i];
const meaningOf = (text: string) => Float32Array.from(MEANINGS, (words) => 0.1 + (text.match(words) ? 1 : 0));

type Embed = NonNullable<MemoryStoreOptions['embed']>;
const calls: [string[], string][] = [];
const embed: Embed = async (texts, kind) => {
  calls.push([texts, kind]);
  return texts.map(meaningOf);
};

async function make(options: MemoryStoreOptions = { embed, embedModel: 'meanings' }): Promise<MemoryStore> {
  const store = new MemoryStore(pool, options);
  await store.createTables();
  calls.length = 0;
  return store;
}

const search = async (store: MemoryStore, query: string, limit = 10) =>
  ids(await store.search({ ...owner, query, limit }));
const vectors = async () => (await pool.get<{ n: number }>('SELECT count(*) AS n FROM adk_memory_vectors'))?.n;

describe('with embed', () => {
  test('entries are found by meaning, those that have the words, too, before the others', async () => {
    const store = await make();
    await store.add([
      entry('m1', 'The dog barks'),
      entry('m2', 'I like tea'),
      entry('m3', 'Coffee, please'),
      entry('m4', 'tea'),
    ]);
    expect(await search(store, 'Which beverage?', 3)).toBe('m4 m3 m2');
    expect((await search(store, 'tea or another drink', 4)).split(' ').slice(0, 2).sort()).toEqual(['m2', 'm4']);
    expect(calls.map(([, kind]) => kind)).toEqual(['document', 'query', 'query']);
  });

  test('a query without a word is searched by meaning alone', async () => {
    const store = await make({ embed: async (texts) => texts.map((text) => meaningOf(text === '🐕' ? 'dog' : text)) });
    await store.add([entry('m1', 'tea'), entry('m2', 'cats')]);
    expect(await search(store, '🐕', 1)).toBe('m2');
    expect(await search(store, ' ')).toBe('');
  });

  test('other users, other scopes, other times, and the question itself stay out', async () => {
    const store = await make();
    await store.add([
      entry('m1', 'tea', { userId: 'bob' }),
      entry('m2', 'coffee', { scope: 'app' }),
      entry('m3', 'a drink?'),
      entry('m4', 'tea', { timestamp: 1_000 }),
    ]);
    expect((await search(store, 'a drink?')).split(' ').sort()).toEqual(['m2', 'm4']);
    const query = { ...owner, query: 'a drink?' };
    expect(ids(await store.search({ ...query, scopes: ['user'] }))).toBe('m4');
    expect(ids(await store.search({ ...query, after: 1_000 }))).toBe('');
    expect(ids(await store.search({ ...query, before: 2_000 }))).toBe('m4');
  });

  test('scores are those of the fusion, best first', async () => {
    const store = await make();
    await store.add([entry('m1', 'tea and coffee'), entry('m2', 'dog')]);
    const [first, second] = await store.search({ ...owner, query: 'tea' });
    expect(first).toMatchObject({ id: 'm1', score: 2 / 61 });
    expect(second?.score).toBeCloseTo(1 / 62);
  });

  test('what is there already is not embedded again', async () => {
    const store = await make();
    const records = [entry('m1', 'tea'), entry('m2', 'dog')];
    await store.add(records);
    await store.add([...records, entry('m3', 'car')]);
    expect(calls.map(([texts]) => texts)).toEqual([['tea', 'dog'], ['car']]);
    await store.add([entry('m1', 'cat')]);
    expect((await search(store, 'animal', 2)).split(' ').sort()).toEqual(['m1', 'm2']);
    expect(await vectors()).toBe(3);
  });

  test('vectors go with their entries', async () => {
    const store = await make();
    await store.add([entry('m1', 'tea'), entry('m2', 'dog')]);
    await store.delete({ ...owner, ids: ['m1'] });
    expect(await vectors()).toBe(1);
    await store.delete(owner);
    expect(await vectors()).toBe(0);
  });

  test('texts come a hundred at a time', async () => {
    const store = await make();
    await store.add(Array.from({ length: 250 }, (_, at) => entry(`m${at}`, `tea ${at}`)));
    expect(calls.map(([texts]) => texts.length)).toEqual([100, 100, 50]);
    expect(await vectors()).toBe(250);
  });
});

describe('an embed that fails', () => {
  const wrong: [string, Embed][] = [
    ['throws', () => Promise.reject(new Error('quota'))],
    [
      'throws at once',
      () => {
        throw new Error('quota');
      },
    ],
    ['answers nothing', async () => undefined as any],
    ['answers too few', async (texts) => texts.slice(1).map(meaningOf)],
    ['answers too many', async (texts) => [...texts, 'x'].map(meaningOf)],
    ['answers texts', async (texts) => texts as any],
    ['answers gaps', async (texts) => new Array(texts.length)],
    ['answers empty vectors', async (texts) => texts.map(() => new Float32Array())],
    ['answers NaN', async (texts) => texts.map(() => Float32Array.of(Number.NaN, 1))],
    ['answers vectors of different lengths', async (texts) => texts.map((_, at) => new Float32Array(at + 1))],
  ];
  test.each(wrong)('because it %s leaves entries and searches to words', async (_, embed) => {
    const errors: unknown[] = [];
    const store = await make({ embed, embedModel: 'm', onEmbedError: (error) => errors.push(error) });
    expect(await store.add([entry('m1', 'green tea'), entry('m2', 'black coffee')])).toBe(2);
    expect(await search(store, 'tea')).toBe('m1');
    expect(await vectors()).toBe(0);
    expect(errors[0]).toMatchObject({ message: expect.stringMatching(/^quota$|^embed must resolve to /) });
  });

  test('is made good by backfill(), and rejects there', async () => {
    let works = false;
    const store = await make({
      embed: (texts, kind) => (works ? embed(texts, kind) : Promise.reject(new Error('quota'))),
    });
    await store.add([entry('m1', 'green tea'), entry('m2', 'black coffee')]);
    expect(await rejection(store.backfill())).toMatchObject({ message: 'quota' });
    works = true;
    expect(await store.backfill()).toEqual({ sessions: 0, entries: 0 });
    expect(await vectors()).toBe(2);
    expect(await search(store, 'a beverage', 2)).toBe('m2 m1');
  });
});

describe('another embedding than the stored one', () => {
  const other: Embed = async (texts) => texts.map(() => Float32Array.of(1, 0));

  test.each<[string, MemoryStoreOptions, string]>([
    [
      'of another model',
      { embed, embedModel: 'other' },
      "model 'meanings' with 3 dimensions, embed gives model 'other'",
    ],
    ['without a name', { embed }, "model 'meanings'"],
    [
      'of another length',
      { embed: other, embedModel: 'meanings' },
      "3 dimensions, embed gives model 'meanings' with 2",
    ],
  ])('%s is refused, and nothing is written', async (_, options, message) => {
    const store = await make();
    await store.add([entry('m1', 'tea')]);
    const wrong = new MemoryStore(pool, options);
    const expected = { name: 'StoreError', code: 'ADK_EMBEDDING_MISMATCH', message: expect.stringContaining(message) };
    expect(await rejection(wrong.add([entry('m2', 'dog')]))).toMatchObject(expected);
    expect(await rejection(wrong.search({ ...owner, query: 'tea?' }))).toMatchObject(expected);
    await new MemoryStore(pool).add([entry('m3', 'cat')]);
    expect(await rejection(wrong.backfill())).toMatchObject(expected);
    expect(await store.count(owner)).toBe(2);
  });

  test.each([
    ['{ "dimension": 3,\n "model": "meanings" }', 'ok'],
    ['{"model":"m\\u0065anings","dimension":3.0,"by":"another program"}', 'ok'],
    ['{"model":"other","dimension":3}', 'ADK_EMBEDDING_MISMATCH'],
    ['{"model":"meanings"', 'ADK_CORRUPT_ROW'],
  ])('is told by what its JSON says, not by its text: %s', async (json, expected) => {
    const store = await make();
    await store.add([entry('m1', 'tea')]);
    await pool.run("UPDATE adk_metadata SET value = ? WHERE key = 'adk_memory:embedding'", [json]);
    const added = await store.add([entry('m2', 'dog')]).then(
      () => 'ok',
      ({ code }) => code,
    );
    expect(added).toBe(expected);
    expect(await vectors()).toBe(expected === 'ok' ? 2 : 1);
  });

  test('is refused in a race for the first vectors, too', async () => {
    const one = await make();
    const two = new MemoryStore(pool, { embed: other, embedModel: 'other' });
    const outcomes = await Promise.allSettled([one.add([entry('m1', 'tea')]), two.add([entry('m2', 'dog')])]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'ADK_EMBEDDING_MISMATCH' },
    });
    expect(await one.count(owner)).toBe(1);
  });
});

test.each<[string, any]>([
  ['options.embed', { embed: 'model' }],
  ['options.embedModel', { embedModel: 7 }],
  ['options.onEmbedError', { onEmbedError: true }],
  ['options.functionResponses', { functionResponses: 'yes' }],
  ['options.memorytable', { memorytable: 'x' }],
])('options are checked: %s', (argument, options) => {
  expect(() => new MemoryStore(pool, options)).toThrow(argument);
});
