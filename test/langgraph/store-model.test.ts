import { InMemoryStore, type Operation } from '@langchain/langgraph-checkpoint';
import { SqliteStore } from 'aiosqlite/langgraph';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { databases } from '../support/databases.js';

const on = databases();

const label = fc.constantFrom('a', 'b', 'c');
const namespace = fc.array(label, { minLength: 1, maxLength: 3 });
const key = fc.constantFrom('x', 'y', 'z');
const scalar = fc.constantFrom<unknown>(0, 1, 2, -1.5, '1', 'b', '', true, false, null);
const value = fc.dictionary(fc.constantFrom('n', 'm', 'o"p'), scalar, { maxKeys: 3 });
const operator = fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte');
const condition = fc.oneof(
  scalar,
  fc.tuple(operator, scalar).map(([name, operand]) => ({ [name]: operand })),
  fc.array(scalar, { maxLength: 3 }).map((list) => ({ $in: list })),
  fc.array(scalar, { maxLength: 3 }).map((list) => ({ $nin: list })),
);
const filter = fc.option(fc.dictionary(fc.constantFrom('n', 'm', 'o"p', 'q'), condition, { maxKeys: 2 }), {
  nil: undefined,
});
const page = { limit: fc.integer({ min: 0, max: 5 }), offset: fc.integer({ min: 0, max: 4 }) };
const wild = fc.array(fc.oneof(label, fc.constant('*')), { minLength: 1, maxLength: 3 });

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ namespace, key, value }) },
  { weight: 2, arbitrary: fc.record({ namespace, key, value: fc.constant(null) }) },
  { weight: 1, arbitrary: fc.record({ namespace, key }) },
  {
    weight: 3,
    arbitrary: fc.record({ namespacePrefix: fc.oneof(namespace, fc.constant([])), filter, ...page }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      matchConditions: fc.array(fc.record({ matchType: fc.constantFrom('prefix', 'suffix'), path: wild }), {
        maxLength: 2,
      }),
      maxDepth: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      ...page,
    }),
  },
);

/** LangGraph's store in memory, except that a namespace goes with its last item, and that an item it gives does not change. */
function reference(): InMemoryStore {
  const memory = new InMemoryStore();
  const inside = memory as unknown as {
    data: Map<string, Map<string, unknown>>;
    putOperation(operation: unknown): void;
    getOperation(operation: unknown): object | null;
  };
  const put = inside.putOperation.bind(memory);
  inside.putOperation = (one) => {
    put(one);
    for (const [path, items] of inside.data) if (items.size === 0) inside.data.delete(path);
  };
  const get = inside.getOperation.bind(memory);
  inside.getOperation = (one) => structuredClone(get(one));
  return memory;
}

const withoutTimes = (result: unknown): unknown => {
  if (Array.isArray(result)) return result.map(withoutTimes);
  if (typeof result !== 'object' || result === null) return result ?? null;
  const { createdAt: _, updatedAt: __, ...rest } = result as Record<string, unknown>;
  return rest;
};

test('batches of random operations give what the InMemoryStore gives, also after opening the file again', async () => {
  let files = 0;
  const property = fc.asyncProperty(
    fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
    fc.nat(),
    async (batches, reopenAt) => {
      const file = on.file(`${files++}.db`);
      const memory = reference();
      let store = new SqliteStore(file, { poolSize: 2 });
      try {
        for (const [i, batch] of batches.entries()) {
          if (i === reopenAt % batches.length) {
            await store.close();
            store = new SqliteStore(file, { poolSize: 2 });
          }
          const expected = await memory.batch(structuredClone(batch) as Operation[]);
          const actual = await store.batch(batch as Operation[]);
          expect(withoutTimes(actual)).toEqual(withoutTimes(expected));
        }
        const all = { limit: 1_000 };
        expect(withoutTimes(await store.search([], all))).toEqual(withoutTimes(await memory.search([], all)));
        expect(await store.listNamespaces()).toEqual(await memory.listNamespaces());
      } finally {
        await store.close();
      }
    },
  );
  await fc.assert(property, { numRuns: 80 });
});
