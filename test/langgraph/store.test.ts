import { Embeddings } from '@langchain/core/embeddings';
import { InMemoryStore, InvalidNamespaceError } from '@langchain/langgraph-checkpoint';
import { SqliteSaver, SqliteStore } from 'aiosqlite/langgraph';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const keysOf = (items: { key: string }[]) => items.map(({ key }) => key);

/** Counts letters: texts that share letters are near. */
class Letters extends Embeddings {
  calls = 0;
  constructor() {
    super({});
  }
  async embedDocuments(texts: string[]): Promise<number[][]> {
    this.calls++;
    return texts.map((text) => Array.from('abcdefgh', (letter) => text.split(letter).length - 1));
  }
  async embedQuery(text: string): Promise<number[]> {
    return (await this.embedDocuments([text]))[0] as number[];
  }
}

describe('items', () => {
  test('outlive the store, with the time of their creation and of their last change', async () => {
    const before = Date.now();
    await using first = new SqliteStore(on.file());
    await first.put(['users', 'ada'], 'tea', { text: 'Assam', nested: { cups: [1, 2.5, null, true] } });
    await first.put(['users', 'ada'], 'tea', { text: 'Darjeeling' });
    await first.close();
    await using store = new SqliteStore(on.file());
    const item = await store.get(['users', 'ada'], 'tea');
    expect(item).toMatchObject({ namespace: ['users', 'ada'], key: 'tea', value: { text: 'Darjeeling' } });
    expect(item?.createdAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(item?.updatedAt.getTime()).toBeGreaterThanOrEqual(item?.createdAt.getTime() ?? 0);
    expect(await store.get(['users', 'ada'], 'coffee')).toBeNull();
    await store.delete(['users', 'ada'], 'tea');
    expect(await store.get(['users', 'ada'], 'tea')).toBeNull();
    expect(await store.listNamespaces()).toEqual([]);
  });

  test('of a batch are read before its writes, and the last write to a key counts', async () => {
    await using store = new SqliteStore(on.file());
    await store.put(['a'], 'x', { n: 1 });
    const at = { namespace: ['a'], key: 'x' };
    const results = await store.batch([
      { ...at, value: { n: 2 } },
      at,
      { ...at, value: null },
      { namespacePrefix: ['a'] },
      { ...at, value: { n: 3 } },
      { namespace: ['b'], key: 'y', value: { n: 4 } },
      { matchConditions: [], limit: 10, offset: 0 },
    ]);
    expect(results[1]).toMatchObject({ value: { n: 1 } });
    expect(results[3]).toMatchObject([{ value: { n: 1 } }]);
    expect(results[6]).toEqual([['a']]);
    expect((await store.get(['a'], 'x'))?.value).toEqual({ n: 3 });
    expect(await store.listNamespaces()).toEqual([['a'], ['b']]);
  });

  test('of many callers share commits', async () => {
    const pool = on.pool();
    const store = new SqliteStore(pool);
    await store.start();
    const before = pool.stats().commits;
    await Promise.all(Array.from({ length: 64 }, (_, i) => store.put(['n', `${i % 7}`], `k${i}`, { i })));
    expect(pool.stats().commits - before).toBeLessThan(64 / 3);
    expect(await store.search(['n'], { limit: 100 })).toHaveLength(64);
  });

  test('are those at the moment of the call', async () => {
    await using store = new SqliteStore(on.file());
    const value = { n: 1 };
    const putting = store.put(['a'], 'x', value);
    value.n = 2;
    await putting;
    expect((await store.get(['a'], 'x'))?.value).toEqual({ n: 1 });
  });

  test('are in one file with the checkpoints of a saver, on one pool', async () => {
    const pool = on.pool();
    const [saver, store] = [new SqliteSaver(pool), new SqliteStore(pool)];
    await Promise.all([saver.getTuple({ configurable: { thread_id: 't' } }), store.put(['a'], 'x', {})]);
    expect(await pool.integrityCheck()).toEqual({ ok: true, problems: [] });
  });
});

describe('search()', () => {
  test('compares fields as the InMemoryStore does, strange values included', async () => {
    await using store = new SqliteStore(on.file());
    const memory = new InMemoryStore();
    const values = [
      0,
      1,
      2.5,
      -3,
      2 ** 53,
      '1',
      '2.5',
      ' 7 ',
      '',
      'text',
      true,
      false,
      null,
      undefined,
      [5],
      { deep: 1 },
    ];
    for (const [i, n] of values.entries()) {
      for (const one of [store, memory]) await one.put(['n'], `k${i}`, { n, "it's": n, 'q"\\': n });
    }
    const operands = [0, 1, 2.5, 2 ** 53, '1', 'text', true, null, Number.NaN];
    for (const field of ['n', "it's", 'q"\\', 'absent', 'constructor']) {
      for (const operand of operands) {
        const filters: unknown[] = [operand];
        for (const operator of ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte']) filters.push({ [operator]: operand });
        filters.push({ $in: [operand, 'text'] }, { $nin: [operand] }, { $gte: 0, $ne: operand });
        for (const filter of filters) {
          // An inherited property is a field of no value here.
          if (field === 'constructor' && JSON.stringify(filter)?.includes('ne')) continue;
          const options = { filter: { [field]: filter }, limit: 100 };
          // The reference compares NaN by ===, as SQL cannot; JSON has none.
          if (Number.isNaN(operand) && field !== 'n') continue;
          expect(keysOf(await store.search(['n'], options)), JSON.stringify(options)).toEqual(
            keysOf(await memory.search(['n'], options)),
          );
        }
      }
    }
  });

  test('compares objects and arrays by their content', async () => {
    await using store = new SqliteStore(on.file());
    await store.put(['n'], 'object', { x: { a: 1, b: [2] } });
    await store.put(['n'], 'array', { x: [1, 2] });
    expect(keysOf(await store.search(['n'], { filter: { x: { b: [2], a: 1 } } }))).toEqual(['object']);
    expect(keysOf(await store.search(['n'], { filter: { x: [1, 2] } }))).toEqual(['array']);
    expect(keysOf(await store.search(['n'], { filter: { x: { $in: [[1, 2], 7] } } }))).toEqual(['array']);
  });

  test('pages through what a filter leaves, also where SQL alone cannot tell', async () => {
    await using store = new SqliteStore(on.file());
    const operations = Array.from({ length: 300 }, (_, n) => ({
      namespace: ['n'],
      key: `k${n}`,
      value: { n: n % 2 ? `${n}` : n },
    }));
    await store.batch(operations);
    const page = async (offset: number) =>
      keysOf(await store.search(['n'], { filter: { n: { $gte: 100 } }, limit: 3, offset }));
    expect(await page(0)).toEqual(['k100', 'k101', 'k102']);
    expect(await page(150)).toEqual(['k250', 'k251', 'k252']);
    expect(await page(198)).toEqual(['k298', 'k299']);
    expect(await page(200)).toEqual([]);
  });

  test('takes a prefix for whole labels', async () => {
    await using store = new SqliteStore(on.file());
    for (const namespace of [['a'], ['a', 'b'], ['ab'], ['a', 'b', 'c'], ['b', 'a'], ['a-b'], ['a0']]) {
      await store.put(namespace, namespace.join('/'), {});
    }
    expect(keysOf(await store.search(['a'], { limit: 100 }))).toEqual(['a', 'a/b', 'a/b/c']);
    expect(await store.search([], { limit: 100 })).toHaveLength(7);
    expect(await store.search(['a', 'b', 'c', 'd'])).toEqual([]);
  });
});

describe('a query without embeddings', () => {
  test('finds words of any field and form, the best first, below the prefix alone', async () => {
    await using store = new SqliteStore(on.file());
    await store.put(['users', 'ada'], 'tea', { text: 'Ada drinks Assam tea every morning, tea again at noon' });
    await store.put(['users', 'ada', 'old'], 'coffee', {
      deep: [{ note: 'She tried one coffee, and went back to tea' }],
    });
    await store.put(['users', 'bob'], 'tea', { text: 'Bob likes tea' });
    await store.put(['users', 'ada'], 'train', { text: 'Takes the 7:45 train' });
    await store.put(['users', 'ada'], 'jp', { text: '東京で紅茶を飲む' });
    const found = await store.search(['users', 'ada'], { query: 'Which teas does she drink?' });
    expect(keysOf(found)).toEqual(['tea', 'coffee']);
    expect(found[0]?.score).toBeGreaterThan(found[1]?.score ?? 0);
    expect(keysOf(await store.search(['users'], { query: 'tea', filter: { text: 'Bob likes tea' } }))).toEqual(['tea']);
    expect(keysOf(await store.search(['users', 'ada'], { query: '紅茶' }))).toEqual(['jp']);
    expect(keysOf(await store.search(['users'], { query: '7:45' }))).toEqual(['train']);
    expect(await store.search(['users'], { query: '?!' })).toEqual([]);
    expect(await store.search(['users'], { query: '" OR terms:* NOT (' })).toEqual([]);
    expect(keysOf(await store.search([], { query: 'tea', limit: 1, offset: 2 }))).toHaveLength(1);
  });

  test('follows changes and deletions, and finds nothing of an item put with index: false', async () => {
    const pool = on.pool();
    const store = new SqliteStore(pool);
    const find = async (query: string) => keysOf(await store.search([], { query }));
    await store.put(['a'], 'x', { text: 'zebra' });
    await store.put(['a'], 'y', { text: 'zebra' }, false);
    await store.put(['a'], 'z', { title: 'zebra', body: 'giraffe' }, ['title']);
    expect(await find('zebra')).toEqual(['x', 'z']);
    expect(await find('giraffe')).toEqual([]);
    await store.put(['a'], 'x', { text: 'lion' });
    await store.delete(['a'], 'z');
    expect(await find('zebra')).toEqual([]);
    expect(await find('lion')).toEqual(['x']);
    await store.put(['a'], 'x', { text: 'lion' }, false);
    expect(await find('lion')).toEqual([]);
    await pool.exec("INSERT INTO langgraph_items_fts (langgraph_items_fts, rank) VALUES ('integrity-check', 1)");
  });
});

describe('a query with embeddings', () => {
  const texts = { one: 'aaab', two: 'bbbc', three: 'dddd', four: 'aabb', none: 'zzzz' };

  test('ranks as the InMemoryStore does, with its scores, items without vectors last', async () => {
    for (const fields of [
      undefined,
      ['text'],
      ['text', 'more[*].word'],
      ['more[-1].word'],
      ['{text,count}'],
      ['more.*.word'],
    ]) {
      const index = { dims: 8, embeddings: new Letters(), ...(fields && { fields }) };
      await using store = new SqliteStore(on.file(`${fields}.db`.replaceAll('*', 'x')), { index });
      const memory = new InMemoryStore({ index });
      for (const one of [store, memory]) {
        for (const [key, text] of Object.entries(texts)) {
          const more = [{ word: text.slice(2) }, { word: 'gh' }];
          await one.put(['n', key[0] as string], key, { text, more, count: 1 }, key === 'three' ? false : undefined);
        }
      }
      for (const query of ['ab', 'c', 'gh', 'a']) {
        const [actual, expected] = [await store.search(['n'], { query }), await memory.search(['n'], { query })];
        expect(keysOf(actual), `${fields} ${query}`).toEqual(keysOf(expected));
        for (const [i, { score }] of actual.entries()) {
          const other = expected[i]?.score;
          if (other === undefined) expect(score).toBeUndefined();
          else expect(score).toBeCloseTo(other, 5);
        }
      }
    }
  });

  test('replaces vectors with their item, embeds equal texts once, and stores nothing if that fails', async () => {
    const embeddings = new Letters();
    const pool = on.pool();
    const store = new SqliteStore(pool, { index: { dims: 8, embeddings, fields: ['text'] } });
    await store.batch([1, 2, 3].map((n) => ({ namespace: ['n'], key: `k${n}`, value: { text: 'same' } })));
    expect(embeddings.calls).toBe(1);
    await store.put(['n'], 'k1', { text: 'other' });
    await store.delete(['n'], 'k2');
    expect(await pool.get('SELECT count(*) AS n FROM langgraph_vectors')).toEqual({ n: 2 });
    embeddings.embedDocuments = async () => [[1, 2]];
    expect(await rejection(store.put(['n'], 'k4', { text: 'x' }))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    embeddings.embedDocuments = async () => {
      throw new Error('no network');
    };
    expect(await rejection(store.put(['n'], 'k4', { text: 'x' }))).toMatchObject({ message: 'no network' });
    expect(await store.get(['n'], 'k4')).toBeNull();
  });
});

describe('listNamespaces()', () => {
  test('takes prefixes, suffixes and wildcards, cuts, and pages', async () => {
    await using store = new SqliteStore(on.file());
    for (const path of ['a/x/v1', 'a/y/v1', 'a/y/v2', 'a-b/v1', 'b/x/v1', 'a'])
      await store.put(path.split('/'), 'k', {});
    const list = async (options: object) => (await store.listNamespaces(options)).map((path) => path.join('/'));
    expect(await list({ prefix: ['a'] })).toEqual(['a', 'a/x/v1', 'a/y/v1', 'a/y/v2']);
    expect(await list({ suffix: ['v1'] })).toEqual(['a-b/v1', 'a/x/v1', 'a/y/v1', 'b/x/v1']);
    expect(await list({ prefix: ['*', 'x'] })).toEqual(['a/x/v1', 'b/x/v1']);
    expect(await list({ prefix: ['a', '*', 'v1'] })).toEqual(['a/x/v1', 'a/y/v1']);
    expect(await list({ maxDepth: 1 })).toEqual(['a', 'a-b', 'b']);
    expect(await list({ maxDepth: 2, prefix: ['a'], limit: 2, offset: 1 })).toEqual(['a/x', 'a/y']);
    expect(await list({ limit: 2, offset: 1 })).toEqual(['a-b/v1', 'a/x/v1']);
    expect(await list({ limit: 0 })).toEqual([]);
  });
});

describe('opening, closing and wrong arguments', () => {
  test('a store on a connection works, one that is closed rejects, and a pool that was given stays open', async () => {
    const db = await on.connect();
    const store = new SqliteStore(db);
    await store.batch([
      { namespace: ['a'], key: 'x', value: { n: '1' } },
      { namespacePrefix: ['a'], filter: { n: { $gt: 0 } } },
      { namespacePrefix: [], filter: { n: { $gt: 0 } } },
    ]);
    expect(await store.search(['a'], { filter: { n: { $gt: 0 } } })).toHaveLength(1);
    await Promise.all([store.stop(), store.close()]);
    expect(await rejection(store.get(['a'], 'x'))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await db.get('SELECT count(*) AS n FROM langgraph_items')).toEqual({ n: 1 });
  });

  test('stores that call first at the same time create the tables once', async () => {
    const stores = Array.from({ length: 8 }, () => new SqliteStore(on.file()));
    await Promise.all(stores.map((store, i) => store.put(['n'], `k${i}`, {})));
    expect(await stores[0]?.search(['n'])).toHaveLength(8);
    await Promise.all(stores.map((store) => store.close()));
  });

  test.each<[string, unknown, string]>([
    ['no operation', null, 'operations[0]'],
    ['a key', { namespace: ['a'], key: 7 }, 'operations[0].key'],
    ['a lone surrogate', { namespace: ['a'], key: '\ud800' }, 'operations[0].key'],
    ['a namespace', { namespace: 'a', key: 'k' }, 'operations[0].namespace'],
    ['a value', { namespace: ['a'], key: 'k', value: 'text' }, 'operations[0].value'],
    ['a bigint inside', { namespace: ['a'], key: 'k', value: { x: [1n] } }, 'operations[0].value.x[0]'],
    ['an index', { namespace: ['a'], key: 'k', value: {}, index: true }, 'operations[0].index'],
    ['a limit', { namespacePrefix: [], limit: '3' }, 'operations[0].limit'],
    ['an offset', { namespacePrefix: [], offset: -1 }, 'operations[0].offset'],
    ['a filter', { namespacePrefix: [], filter: 'x' }, 'operations[0].filter'],
    ['a query', { namespacePrefix: [], query: 5 }, 'operations[0].query'],
    ['no kind of operation', { namespace: ['a'] }, 'operations[0]'],
    ['a date', { namespace: ['a'], key: 'k', value: new Date(0) }, 'operations[0].value'],
    ['a value that JSON leaves out', { namespace: ['a'], key: 'k', value: { toJSON() {} } }, 'operations[0].value'],
    ['no condition', { matchConditions: [null] }, 'matchConditions[0]'],
    ['a condition', { matchConditions: [{ matchType: 'infix', path: [] }] }, 'matchConditions[0].matchType'],
  ])('%s is rejected by its name, and nothing is written', async (_, operation, name) => {
    await using store = new SqliteStore(on.file());
    const error = await rejection(store.batch([operation, { namespace: ['ok'], key: 'k', value: {} }] as never));
    expect(error.message).toContain(name);
    expect(error.code).toMatch(/^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE)$/);
    expect(await store.listNamespaces()).toEqual([]);
  });

  test('namespaces that LangGraph refuses are refused as there', async () => {
    await using store = new SqliteStore(on.file());
    for (const namespace of [[], [''], ['a.b'], ['a:b'], ['a\0'], [7 as never]]) {
      expect(await rejection(store.put(namespace, 'k', {}))).toBeInstanceOf(InvalidNamespaceError);
      expect(await rejection(store.batch([{ namespace, key: 'k', value: {} }]))).toBeInstanceOf(InvalidNamespaceError);
    }
    expect(await rejection(store.put(['langgraph'], 'k', {}))).toBeInstanceOf(InvalidNamespaceError);
  });

  test('wrong options throw', () => {
    expect(() => new SqliteStore(on.file(), { idx: {} } as never)).toThrow(/index/);
    expect(() => new SqliteStore(on.file(), { index: { field: ['x'] } } as never)).toThrow(/fields/);
    expect(() => new SqliteStore(on.file(), { index: { dims: 0 } })).toThrow(/dims/);
    for (const embeddings of [{}, { embedDocuments() {} }])
      expect(() => new SqliteStore(on.file(), { index: { embeddings: embeddings as never } })).toThrow(/embeddings/);
  });
});
