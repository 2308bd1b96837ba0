import { readFileSync } from 'node:fs';
import { HumanMessage } from '@langchain/core/messages';
import {
  type Checkpoint,
  type CheckpointTuple,
  emptyCheckpoint,
  JsonPlusSerializer,
  uuid6,
} from '@langchain/langgraph-checkpoint';
import { type Connection, createPool } from 'aiosqlite';
import { SqliteSaver } from 'aiosqlite/langgraph';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const metadata = { source: 'loop', step: 0, parents: {} } as const;
const root = (thread_id: string) => ({ configurable: { thread_id, checkpoint_ns: '' } });

let ids = 0;
function checkpointOf(values: Record<string, unknown>, version = 1): Checkpoint {
  const channel_versions = Object.fromEntries(Object.keys(values).map((channel) => [channel, version]));
  return { ...emptyCheckpoint(), id: uuid6(ids++), channel_values: values, channel_versions };
}

const put = (saver: SqliteSaver, config: object, checkpoint: Checkpoint) =>
  saver.put(config, checkpoint, metadata, checkpoint.channel_versions);

async function collect(tuples: AsyncIterable<CheckpointTuple>): Promise<CheckpointTuple[]> {
  const all: CheckpointTuple[] = [];
  for await (const tuple of tuples) all.push(tuple);
  return all;
}

describe('values', () => {
  test('that are bytes come back as these bytes, in a channel and in a pending write', async () => {
    await using saver = new SqliteSaver(on.file());
    const bytes = Uint8Array.from({ length: 512 }, (_, i) => i % 256);
    const config = await put(saver, root('t'), checkpointOf({ image: bytes, inside: { deep: [bytes] } }));
    await saver.putWrites(config, [['image', bytes]], 'task');
    const tuple = await saver.getTuple(config);
    expect(tuple?.checkpoint.channel_values.image).toEqual(bytes);
    expect(tuple?.checkpoint.channel_values.inside).toEqual({ deep: [bytes] });
    expect(tuple?.pendingWrites).toEqual([['task', 'image', bytes]]);
  });

  test('keep undefined, null, empty texts and empty bytes apart', async () => {
    await using saver = new SqliteSaver(on.file());
    const values = { none: undefined, null: null, text: '', bytes: new Uint8Array(), list: [] };
    const config = await put(saver, root('t'), checkpointOf(values));
    const found = (await saver.getTuple(config))?.checkpoint.channel_values;
    expect(found).toStrictEqual(values);
  });

  test('of channels with any name are found', async () => {
    await using saver = new SqliteSaver(on.file());
    const names = [
      'a"b',
      "it's",
      'back\\slash',
      'new\nline',
      '$.path',
      '日本',
      '😀',
      'branch:to:node',
      'constructor',
      '',
    ];
    const values = Object.fromEntries(names.map((name) => [name, { name }]));
    const config = await put(saver, root('t'), checkpointOf(values));
    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual(values);
  });

  test('are stored once for each version of a channel', async () => {
    const pool = on.pool();
    const saver = new SqliteSaver(pool);
    const first = checkpointOf({ messages: ['hi'], steps: 1 });
    let config = await put(saver, root('t'), first);
    for (let steps = 2; steps <= 10; steps++) {
      const next = checkpointOf({ messages: ['hi'], steps });
      next.channel_versions = { messages: 1, steps };
      config = await saver.put(config, next, metadata, { steps });
    }
    expect(await pool.get('SELECT count(*) AS n FROM langgraph_values')).toEqual({ n: 11 });
    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual({ messages: ['hi'], steps: 10 });
  });

  test('that are plain are stored as the text that LangGraph would write, others by LangGraph', async () => {
    const pool = on.pool();
    const saver = new SqliteSaver(pool);
    const cycle: Record<string, unknown> = { name: 'cycle' };
    cycle.self = cycle;
    const values: Record<string, unknown> = {
      plain: {
        text: 'a"b\\c\u2028\ud800',
        numbers: [0, -0, 1.5, 1e21, Number.NaN],
        none: null,
        nested: { '': [true, {}] },
      },
      text: 'hi',
      bare: Object.assign(Object.create(null), { a: 1 }),
      lacking: { a: undefined, b: [undefined] },
      holes: new Array(3),
      set: { a: new Set([1, 2]) },
      map: new Map([['a', new Date(0)]]),
      bytes: { a: new Uint8Array([1, 255]) },
      error: [new Error('no')],
      regexp: /a/g,
      send: { lg_name: 'Send', node: 'n', args: { a: 1 }, more: 1 },
      record: { lc: 2, type: 'undefined' },
      json: { toJSON: () => ({ a: undefined }) },
      instance: new (class Point {
        x = 1;
      })(),
      deep: Array.from({ length: 200 }).reduce((inner) => [inner], 'deep'),
      cycle,
      message: new HumanMessage('hi'),
    };
    await put(saver, root('t'), checkpointOf(values));
    const rows = await pool.all<{ channel: string; type: string; value: string }>('SELECT * FROM langgraph_values');
    const stored = Object.fromEntries(rows.map(({ channel, type, value }) => [channel, [type, value]]));
    const serde = new JsonPlusSerializer();
    for (const [channel, value] of Object.entries(values)) {
      const [type, bytes] = await serde.dumpsTyped(value);
      expect(stored[channel], channel).toEqual([type, Buffer.from(bytes).toString()]);
    }
  });

  test('of a channel without a version are kept too', async () => {
    await using saver = new SqliteSaver(on.file());
    const checkpoint = { ...checkpointOf({ versioned: 1 }), channel_values: { versioned: 1, loose: { x: 2 } } };
    const config = await put(saver, root('t'), checkpoint);
    expect((await saver.getTuple(config))?.checkpoint).toEqual(checkpoint);
  });

  test('are those at the moment of the call', async () => {
    await using saver = new SqliteSaver(on.file());
    const checkpoint = checkpointOf({ messages: ['hi'] });
    const storing = put(saver, root('t'), checkpoint);
    (checkpoint.channel_values.messages as string[]).push('later');
    checkpoint.channel_versions.messages = 7;
    const tuple = await saver.getTuple(await storing);
    expect(tuple?.checkpoint).toMatchObject({
      channel_values: { messages: ['hi'] },
      channel_versions: { messages: 1 },
    });
  });
});

describe('forks of a thread', () => {
  test('each see their own value of a channel, although both count to the same version', async () => {
    await using saver = new SqliteSaver(on.file());
    const start = await put(saver, root('t'), checkpointOf({ x: 'start' }, 1));
    const left = await put(saver, start, checkpointOf({ x: 'left' }, 2));
    const right = await put(saver, start, checkpointOf({ x: 'right' }, 2));
    const below = async (parent: object) => {
      const child = checkpointOf({ x: 'inherited', y: 1 });
      child.channel_versions = { x: 2, y: 1 };
      return await saver.put(parent, child, metadata, { y: 1 });
    };
    const [underLeft, underRight] = [await below(left), await below(await below(right))];
    const values = await Promise.all(
      [start, left, right, underLeft, underRight].map(
        async (config) => (await saver.getTuple(config))?.checkpoint.channel_values.x,
      ),
    );
    expect(values).toEqual(['start', 'left', 'right', 'left', 'right']);
    const listed = (await collect(saver.list(root('t')))).map(({ checkpoint }) => checkpoint.channel_values.x);
    expect(listed).toEqual(['right', 'right', 'left', 'right', 'left', 'start']);
  });

  test('have no value of a channel that is empty, although the other one has one at the same version', async () => {
    await using saver = new SqliteSaver(on.file());
    const start = await put(saver, root('t'), checkpointOf({ x: 'start' }, 1));
    await put(saver, start, checkpointOf({ x: 'left' }, 2));
    const empty = { ...checkpointOf({}), channel_versions: { x: 2 } };
    const right = await put(saver, start, empty);
    expect((await saver.getTuple(right))?.checkpoint).toEqual(empty);
  });

  test('keep their values when the checkpoint that made them is put again with others', async () => {
    await using saver = new SqliteSaver(on.file());
    const first = checkpointOf({ x: 'first', y: 1 }, 1);
    const made = await put(saver, root('t'), first);
    const child = { ...checkpointOf({ x: 'not stored', z: 2 }), channel_versions: { x: 1, z: 1 } };
    const below = await saver.put(made, child, metadata, { z: 1 });
    await put(saver, root('t'), { ...first, channel_values: { x: 'second' }, channel_versions: { x: 2 } });
    const values = async (config: object) => (await saver.getTuple(config))?.checkpoint.channel_values;
    expect(await values(made)).toEqual({ x: 'second' });
    expect(await values(below)).toEqual({ x: 'first', z: 2 });
  });

  test('without a parent have the last values of their thread', async () => {
    await using saver = new SqliteSaver(on.file());
    for (const x of ['first', 'last']) await put(saver, root('t'), checkpointOf({ x }, 1));
    await put(saver, root('other'), checkpointOf({ x: 'of another thread' }, 1));
    const config = await saver.put(root('t'), checkpointOf({ x: 'not stored' }, 1), metadata, {});
    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual({ x: 'last' });
  });

  test('have the values that their parent lacks or has at other versions, also where these are not called new', async () => {
    await using saver = new SqliteSaver(on.file());
    const start = await put(saver, root('t'), checkpointOf({ x: 'start', y: 'kept' }, 1));
    // LangGraph copies a checkpoint so: below the parent of the copied one, beside a fork that counts alike.
    const copied = { ...checkpointOf({ x: 'copied', y: 'kept', z: 'new' }, 2), channel_versions: { x: 2, y: 1, z: 2 } };
    await saver.put(start, copied, metadata, { x: 2, z: 2 });
    await saver.put(start, { ...copied, id: uuid6(ids++), channel_values: { x: 'fork' } }, metadata, { x: 2 });
    const copy = await saver.put(start, { ...copied, id: uuid6(ids++) }, metadata, {});
    expect((await saver.getTuple(copy))?.checkpoint.channel_values).toEqual(copied.channel_values);
    // So does one whose parent has only writes, or is not known to this saver.
    const unknown = { configurable: { thread_id: 't', checkpoint_ns: '', checkpoint_id: 'has only writes' } };
    await saver.putWrites(unknown, [['x', 1]], 'task');
    const below = await saver.put(unknown, { ...copied, id: uuid6(ids++) }, metadata, {});
    expect((await saver.getTuple(below))?.checkpoint.channel_values).toEqual(copied.channel_values);
  });

  test.each<[string, (saver: SqliteSaver, db: Connection, parent: Checkpoint) => Promise<unknown>]>([
    [
      'deleted by the same saver',
      async (saver, _, parent) => {
        await put(saver, root('t'), parent);
        await saver.deleteThread('t');
      },
    ],
    [
      'deleted by another saver',
      async (saver, _, parent) => {
        await put(saver, root('t'), parent);
        await using other = new SqliteSaver(on.file());
        await other.deleteThread('t');
      },
    ],
    [
      'rolled back',
      async (saver, db, parent) => {
        await saver.getTuple(root('t'));
        await db.exec('BEGIN');
        await put(saver, root('t'), parent);
        await db.exec('ROLLBACK');
      },
    ],
    [
      'rolled back beside a fork',
      async (saver, db, parent) => {
        await put(saver, root('t'), checkpointOf({ x: 'of the fork', y: 'of the fork' }));
        await db.exec('BEGIN');
        await put(saver, root('t'), parent);
        await db.exec('ROLLBACK');
      },
    ],
    [
      'gone with an earlier copy',
      async (saver, db, parent) => {
        await saver.getTuple(root('t'));
        await db.backup(on.file('copy.db'));
        await put(saver, root('t'), parent);
        await db.restore(on.file('copy.db'));
      },
    ],
  ])('have all values that are put with them where their parent is %s', async (_, lose) => {
    const db = await on.connect();
    const saver = new SqliteSaver(db);
    const parent = checkpointOf({ x: 'x', y: 'y' });
    await lose(saver, db, parent);
    const child = { ...checkpointOf({ x: 'x', y: 'y', z: 'z' }), channel_versions: { x: 1, y: 1, z: 2 } };
    const below = { configurable: { ...root('t').configurable, checkpoint_id: parent.id } };
    const config = await saver.put(below, child, metadata, { z: 2 });
    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual({ x: 'x', y: 'y', z: 'z' });
    const next = { ...child, id: uuid6(ids++) };
    const after = await saver.put(config, next, metadata, {});
    expect((await saver.getTuple(after))?.checkpoint.channel_values).toEqual({ x: 'x', y: 'y', z: 'z' });
    expect(await db.get('SELECT count(*) AS n FROM langgraph_values WHERE channel = ?', ['z'])).toEqual({ n: 1 });
  });

  test('end at a checkpoint that is its own ancestor', async () => {
    await using saver = new SqliteSaver(on.file());
    const one = checkpointOf({ x: 'one' });
    const config = await put(saver, root('t'), one);
    await put(saver, root('t'), checkpointOf({ x: 'other' }));
    const again = { ...one, channel_values: { x: 'again' } };
    await saver.put({ configurable: { ...config.configurable, checkpoint_id: one.id } }, again, metadata, {});
    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual({ x: 'one' });
  });
});

describe('pending writes', () => {
  test('come in the order of path, task and place, by code points', async () => {
    await using saver = new SqliteSaver(on.file());
    const config = await put(saver, root('t'), checkpointOf({}));
    const order: [taskId: string, path: string][] = [
      ['z', ''],
      ['b', 'path:1'],
      ['c', 'path:1'],
      ['a', 'path:2'],
      ['a2', 'path:\uffff'],
      ['a1', 'path:\u{10000}'],
    ];
    for (const [taskId, path] of order.toReversed()) {
      const writes: [string, unknown][] = [
        ['x', `${taskId}0`],
        ['y', `${taskId}1`],
      ];
      await saver.putWrites(config, writes, taskId, path);
    }
    const values = (await saver.getTuple(config))?.pendingWrites?.map(([, , value]) => value);
    expect(values).toEqual(order.flatMap(([taskId]) => [`${taskId}0`, `${taskId}1`]));
  });

  test('stay as they are when they are put again, except errors, interrupts and resumes', async () => {
    await using saver = new SqliteSaver(on.file());
    const config = await put(saver, root('t'), checkpointOf({}));
    for (const round of ['first', 'second']) {
      await saver.putWrites(
        config,
        [
          ['x', round],
          ['__interrupt__', round],
          ['constructor', round],
        ],
        'task',
      );
    }
    expect((await saver.getTuple(config))?.pendingWrites).toEqual([
      ['task', '__interrupt__', 'second'],
      ['task', 'x', 'first'],
      ['task', 'constructor', 'first'],
    ]);
  });

  test('without a namespace are those of the root', async () => {
    await using saver = new SqliteSaver(on.file());
    const { configurable } = await put(saver, root('t'), checkpointOf({}));
    const { thread_id, checkpoint_id } = configurable ?? {};
    await saver.putWrites({ configurable: { thread_id, checkpoint_id } }, [['x', 1]], 'task');
    expect((await saver.getTuple(root('t')))?.pendingWrites).toEqual([['task', 'x', 1]]);
  });

  test('may come before their checkpoint, and may be none', async () => {
    await using saver = new SqliteSaver(on.file());
    const checkpoint = checkpointOf({});
    const config = { configurable: { thread_id: 't', checkpoint_ns: '', checkpoint_id: checkpoint.id } };
    await saver.putWrites(config, [['x', 1]], 'task');
    await saver.putWrites(config, [], 'idle');
    expect(await saver.getTuple(config)).toBeUndefined();
    await put(saver, root('t'), checkpoint);
    expect((await saver.getTuple(config))?.pendingWrites).toEqual([['task', 'x', 1]]);
  });
});

describe('list()', () => {
  test('goes over any number of checkpoints, newest first, also where a filter leaves few', async () => {
    await using saver = new SqliteSaver(on.file());
    const all: string[] = [];
    for (let i = 0; i < 130; i++) {
      const checkpoint = checkpointOf({ i });
      const source = i % 40 === 0 ? 'input' : 'loop';
      await saver.put(root(i % 2 ? 'odd' : 'even'), checkpoint, { ...metadata, source, step: i }, { i: 1 });
      all.unshift(checkpoint.id);
    }
    const listed = async (config: object, options?: object) =>
      (await collect(saver.list(config, options))).map(({ checkpoint }) => checkpoint.id);
    expect(await listed({})).toEqual(all);
    expect(await listed(root('even'))).toEqual(all.filter((_, i) => i % 2 === 1));
    expect(await listed({}, { limit: 60 })).toEqual(all.slice(0, 60));
    expect(await listed({}, { limit: 0 })).toEqual([]);
    expect(await listed({}, { filter: { source: 'input' } })).toEqual([all[9], all[49], all[89], all[129]]);
    expect(await listed({}, { filter: { source: 'input' }, limit: 2 })).toEqual([all[9], all[49]]);
    const before = { configurable: { checkpoint_id: all[100] } };
    expect(await listed({}, { before })).toEqual(all.slice(101));
    expect(await listed({ configurable: { thread_id: 'even', checkpoint_id: all[1] } })).toEqual([all[1]]);
  });

  test('compares fields of the metadata as a whole, and leaves out what a filter has undefined', async () => {
    await using saver = new SqliteSaver(on.file());
    for (const tags of [['a'], ['a', 'b'], undefined]) {
      await saver.put(root('t'), checkpointOf({}), { ...metadata, tags } as typeof metadata, {});
    }
    const count = async (filter: object) => (await collect(saver.list({}, { filter }))).length;
    expect(await count({ tags: ['a'] })).toBe(1);
    expect(await count({ tags: undefined })).toBe(3);
    expect(await count({ tags: 'a' })).toBe(0);
    expect(await count({ step: 0, source: 'loop' })).toBe(3);
  });

  // The lists of @langchain/langgraph-checkpoint-sqlite 1.0.4, which takes no notice of an id, of dots in names or of a limit of 0.
  test('takes any part of a config, before, filter and limit together', async () => {
    await using saver = new SqliteSaver(on.file());
    const idOf = (i: number) => `1f0c9a00-${String(i).padStart(12, '0')}`;
    for (let i = 0; i < 12; i++) {
      const configurable = {
        thread_id: ['a', 'b', 'a:b'][i % 3],
        checkpoint_ns: ['', 'x', 'x|y'][Math.floor(i / 3) % 3],
      };
      const about = { source: ['input', 'loop', 'update'][i % 3], step: i - 1, parents: {}, score: i % 2 ? null : 1.5 };
      const more = { tags: ['a', i], nested: { k: i % 2 }, 'a.b': i, text: `it's "q" ${i % 2}` };
      await saver.put({ configurable }, { ...checkpointOf({ m: i }), id: idOf(i) }, { ...about, ...more } as never);
    }
    const list = async (configurable: object, options?: object) =>
      (await collect(saver.list({ configurable }, options))).map(({ checkpoint }) => checkpoint.channel_values.m);
    const before = { configurable: { checkpoint_id: idOf(8) } };
    expect(await list({})).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(await list({ thread_id: 'a' })).toEqual([9, 6, 3, 0]);
    expect(await list({ thread_id: 'a', checkpoint_ns: '' })).toEqual([9, 0]);
    expect(await list({ checkpoint_ns: 'x' })).toEqual([5, 4, 3]);
    expect(await list({ thread_id: 'a', checkpoint_ns: '', checkpoint_id: idOf(0) })).toEqual([0]);
    expect(await list({}, { before })).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
    expect(await list({}, { before: null, limit: 2 })).toEqual([11, 10]);
    expect(await list({}, { limit: 0 })).toEqual([]);
    expect(await list({}, { filter: { source: 'loop' }, limit: 2 })).toEqual([10, 7]);
    expect(await list({}, { filter: { source: 'loop' }, before, limit: 1 })).toEqual([7]);
    expect(await list({}, { filter: { source: 'input', step: 2 } })).toEqual([3]);
    expect(await list({ thread_id: 'b' }, { filter: { score: null } })).toEqual([7, 1]);
    expect(await list({ thread_id: 'b' }, { filter: { score: 1.5 } })).toEqual([10, 4]);
    expect(await list({}, { filter: { tags: ['a', 3] } })).toEqual([3]);
    expect(await list({ thread_id: 'a' }, { filter: { nested: { k: 1 }, parents: {} } })).toEqual([9, 3]);
    expect(await list({}, { filter: { 'a.b': 4 } })).toEqual([4]);
    expect(await list({ thread_id: 'a' }, { filter: { text: 'it\'s "q" 1' } })).toEqual([9, 3]);
    for (const none of [1, null]) expect(await list({}, { filter: { none } })).toEqual([]);
  });

  test('goes on beside writes of its own loop', async () => {
    await using saver = new SqliteSaver(on.file());
    for (let i = 0; i < 60; i++) await put(saver, root('t'), checkpointOf({ i }));
    let seen = 0;
    for await (const { config } of saver.list(root('t'))) {
      await saver.putWrites(config, [['x', seen]], 'task');
      seen++;
    }
    expect(seen).toBe(60);
  });

  test('leaves out a checkpoint whose thread is deleted while it is read', async () => {
    let between = async () => {};
    class Slow extends JsonPlusSerializer {
      override async loadsTyped(type: string, value: Uint8Array | string): Promise<unknown> {
        await between();
        return await super.loadsTyped(type, value);
      }
    }
    await using saver = new SqliteSaver(on.file(), { serde: new Slow() });
    for (const thread of ['kept', 'deleted', 'kept']) await put(saver, root(thread), checkpointOf({ x: thread }));
    between = async () => {
      between = async () => {};
      await saver.deleteThread('deleted');
    };
    const listed = await collect(saver.list({}, { limit: 2 }));
    expect(listed.map(({ checkpoint }) => checkpoint.channel_values)).toEqual([{ x: 'kept' }, { x: 'kept' }]);
  });

  test('works with a serializer whose metadata SQL cannot read', async () => {
    const xor = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x5a);
    const serde = {
      dumpsTyped: async (value: unknown): Promise<[string, Uint8Array]> => [
        'xor',
        xor(new TextEncoder().encode(JSON.stringify(value))),
      ],
      loadsTyped: async (_: string, bytes: Uint8Array | string) =>
        JSON.parse(new TextDecoder().decode(xor(bytes as Uint8Array))),
    };
    const pool = on.pool();
    const saver = new SqliteSaver(pool, { serde });
    await put(saver, root('t'), checkpointOf({ secret: 'plaintext' }));
    expect(await collect(saver.list({}, { filter: { source: 'loop' } }))).toHaveLength(1);
    expect((await saver.getTuple(root('t')))?.checkpoint.channel_values).toEqual({ secret: 'plaintext' });
    expect(await pool.all('SELECT 1 FROM langgraph_values WHERE value LIKE ?', ['%plaintext%'])).toEqual([]);
  });
});

describe('threads', () => {
  test('that put at the same time share commits', async () => {
    const pool = on.pool();
    const saver = new SqliteSaver(pool);
    await saver.getTuple(root('t'));
    const before = pool.stats().commits;
    const threads = Array.from({ length: 64 }, (_, i) => `t${i}`);
    await Promise.all(
      threads.map(async (thread) => {
        const config = await put(saver, root(thread), checkpointOf({ thread }));
        await saver.putWrites(config, [['x', thread]], 'task');
      }),
    );
    expect(pool.stats().commits - before).toBeLessThan(128 / 3);
    for (const thread of threads) {
      const tuple = await saver.getTuple(root(thread));
      expect(tuple?.checkpoint.channel_values).toEqual({ thread });
      expect(tuple?.pendingWrites).toEqual([['task', 'x', thread]]);
    }
  });

  test('are deleted in every namespace, and no other thread is', async () => {
    const pool = on.pool();
    const saver = new SqliteSaver(pool);
    for (const thread of ['a', 'b']) {
      for (const checkpoint_ns of ['', 'child']) {
        const config = await put(saver, { configurable: { thread_id: thread, checkpoint_ns } }, checkpointOf({ x: 1 }));
        await saver.putWrites(config, [['x', 1]], 'task');
        const { configurable } = {
          configurable: { thread_id: thread, checkpoint_ns, checkpoint_id: 'has only writes' },
        };
        await saver.putWrites({ configurable }, [['x', 1]], 'task');
      }
    }
    await saver.deleteThread('a');
    for (const [table, n] of Object.entries({ checkpoints: 4, values: 2, writes: 4 })) {
      expect(await pool.get(`SELECT count(*) AS n FROM langgraph_${table}`)).toEqual({ n });
    }
    expect(await pool.all('SELECT DISTINCT thread_id FROM langgraph_checkpoints')).toEqual([{ thread_id: 'b' }]);
    expect(await collect(saver.list(root('a')))).toEqual([]);
  });

  test('leave no bytes in the file once they are deleted and the log is checkpointed', async () => {
    const pool = on.pool();
    const saver = new SqliteSaver(pool);
    const long = 'secret of '.repeat(2_000); // pages of its own
    const config = await put(saver, root('t'), checkpointOf({ x: long }));
    await saver.putWrites(config, [['x', long]], 'task');
    await saver.deleteThread('t');
    await pool.checkpoint();
    expect(readFileSync(on.file()).includes('secret of')).toBe(false);
  });
});

describe('opening and closing', () => {
  test('creates the tables once, however many savers call first', async () => {
    const savers = Array.from({ length: 8 }, () => new SqliteSaver(on.file()));
    await Promise.all(
      savers.flatMap((saver, i) => [put(saver, root(`t${i}`), checkpointOf({ i })), saver.getTuple(root('none'))]),
    );
    expect(await collect((savers[0] as SqliteSaver).list({}))).toHaveLength(8);
    await Promise.all(savers.map((saver) => saver.close()));
  });

  test('takes a path, a URL, options, a pool and a connection', async () => {
    const { pathToFileURL } = await import('node:url');
    const sources = [
      new SqliteSaver(on.file(), { poolSize: 2 }),
      new SqliteSaver(pathToFileURL(on.file())),
      new SqliteSaver({ database: on.file(), busyTimeoutMs: 1_000 }),
      new SqliteSaver(on.pool()),
      new SqliteSaver(await on.connect()),
      SqliteSaver.fromConnString(on.file()),
    ];
    for (const [i, saver] of sources.entries()) {
      await put(saver, root('t'), checkpointOf({ i }));
      expect(await collect(saver.list({}))).toHaveLength(i + 1);
    }
    for (const saver of sources) await saver.close();
  });

  test('shows its name alone where a config with it is printed', async () => {
    await using saver = SqliteSaver.fromConnString(on.file());
    expect(JSON.stringify({ checkpointer: saver })).toBe('{"checkpointer":"[SqliteSaver]"}');
  });

  test('reads a file that it may not write', async () => {
    await using writer = new SqliteSaver(on.file());
    await put(writer, root('t'), checkpointOf({ x: 1 }));
    await using saver = new SqliteSaver(on.file(), { readonly: true });
    expect((await saver.getTuple(root('t')))?.checkpoint.channel_values).toEqual({ x: 1 });
    expect(await rejection(put(saver, root('t'), checkpointOf({})))).toMatchObject({ code: 'SQLITE_READONLY' });
  });

  test('lets calls finish, may be closed again, and rejects later calls', async () => {
    const saver = new SqliteSaver(on.file());
    const putting = put(saver, root('t'), checkpointOf({ x: 1 }));
    await Promise.all([saver.close(), saver.close()]);
    const config = await putting;
    for (const call of [
      () => saver.getTuple(config),
      () => collect(saver.list({})),
      () => put(saver, config, checkpointOf({})),
      () => saver.putWrites(config, [['x', 1]], 'task'),
      () => saver.deleteThread('t'),
    ]) {
      expect(await rejection(call())).toMatchObject({ code: 'ERR_CLOSED' });
    }
    await using again = new SqliteSaver(on.file());
    expect((await again.getTuple(config))?.checkpoint.channel_values).toEqual({ x: 1 });
  });

  test('leaves a pool open that it was given', async () => {
    await using pool = createPool({ database: on.file() });
    const saver = new SqliteSaver(pool);
    await put(saver, root('t'), checkpointOf({}));
    await saver.close();
    expect(await rejection(saver.getTuple(root('t')))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await pool.get('SELECT count(*) AS n FROM langgraph_checkpoints')).toEqual({ n: 1 });
  });

  test('tries again after tables could not be created', async () => {
    const pool = on.pool();
    await pool.exec('CREATE VIEW langgraph_writes AS SELECT 1 AS x');
    const saver = new SqliteSaver(pool);
    expect(await rejection(saver.getTuple(root('t')))).toMatchObject({ name: 'SqliteError' });
    await pool.exec('DROP VIEW langgraph_writes');
    await put(saver, root('t'), checkpointOf({}));
  });
});

describe('wrong arguments', () => {
  test.each<[string, (saver: SqliteSaver) => Promise<unknown>, string, string]>([
    ['no thread', (s) => put(s, {}, checkpointOf({})), 'config.configurable.thread_id', 'ERR_INVALID_ARG_TYPE'],
    ['a number', (s) => s.getTuple({ configurable: { thread_id: 7 } }), 'thread_id', 'ERR_INVALID_ARG_TYPE'],
    ['an empty thread', (s) => put(s, root(''), checkpointOf({})), 'thread_id', 'ERR_OUT_OF_RANGE'],
    ['no config', (s) => s.getTuple(undefined as never), 'config', 'ERR_INVALID_ARG_TYPE'],
    ['no checkpoint', (s) => s.putWrites(root('t'), [], 'task'), 'checkpoint_id', 'ERR_INVALID_ARG_TYPE'],
    [
      'no task',
      (s) => s.putWrites({ configurable: { thread_id: 't', checkpoint_id: 'c' } }, [], ''),
      'taskId',
      'ERR_OUT_OF_RANGE',
    ],
    ['a limit', (s) => collect(s.list({}, { limit: '5' as never })), 'options.limit', 'ERR_INVALID_ARG_TYPE'],
    ['a part of a number', (s) => collect(s.list({}, { limit: 1.5 })), 'options.limit', 'ERR_OUT_OF_RANGE'],
    ['no number', (s) => collect(s.list({}, { limit: Number.NaN })), 'options.limit', 'ERR_OUT_OF_RANGE'],
    [
      'a namespace',
      (s) => s.getTuple({ configurable: { thread_id: 't', checkpoint_ns: 1 } }),
      'checkpoint_ns',
      'ERR_INVALID_ARG_TYPE',
    ],
    ['a lone surrogate', (s) => s.getTuple(root('\ud800')), 'thread_id', 'ERR_OUT_OF_RANGE'],
    ['such a channel', (s) => put(s, root('t'), checkpointOf({ '\ud800': 1 })), 'channel_versions', 'ERR_OUT_OF_RANGE'],
    [
      'no checkpoint to put',
      (s) => s.put(root('t'), undefined as never, metadata),
      'checkpoint must',
      'ERR_INVALID_ARG_TYPE',
    ],
    [
      'new versions',
      (s) => s.put(root('t'), checkpointOf({ a: 1 }), metadata, 5 as never),
      'newVersions',
      'ERR_INVALID_ARG_TYPE',
    ],
    ...[{}, null, Number.NaN].map((version): [string, (saver: SqliteSaver) => Promise<unknown>, string, string] => [
      `the version ${JSON.stringify(version)}`,
      (s) => s.put(root('t'), { ...checkpointOf({ a: 1 }), channel_versions: { a: version as never } }, metadata, {}),
      'checkpoint.channel_versions',
      typeof version === 'number' ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE',
    ]),
    [
      'a write',
      (s) => s.putWrites({ configurable: { thread_id: 't', checkpoint_id: 'c' } }, [5 as never], 'task'),
      'writes[0] must be an array',
      'ERR_INVALID_ARG_TYPE',
    ],
    [
      'a bigint',
      (s) => put(s, root('t'), checkpointOf({ a: { b: [1n] } })),
      'channel_values.a',
      'ERR_INVALID_ARG_TYPE',
    ],
    [
      'a bigint to write',
      (s) => s.putWrites({ configurable: { thread_id: 't', checkpoint_id: 'c' } }, [['a', 1n]], 'task'),
      'writes[0][1]',
      'ERR_INVALID_ARG_TYPE',
    ],
    ['no thread to delete', (s) => s.deleteThread(undefined as never), 'threadId', 'ERR_INVALID_ARG_TYPE'],
  ])('%s is rejected by its name', async (_, call, name, code) => {
    await using saver = new SqliteSaver(on.file());
    const error = await rejection(call(saver));
    expect(error).toMatchObject({ code });
    expect(error.message).toContain(name);
  });

  test('unknown options throw, and so does an object that is no database', () => {
    expect(() => new SqliteSaver(on.file(), { poolsize: 2 } as never)).toThrow(/poolSize/);
    expect(() => new SqliteSaver({ database: on.file(), serd: {} } as never)).toThrow(/serde/);
    expect(() => new SqliteSaver(on.pool(), { poolSize: 2 } as never)).toThrow(/options\.poolSize/);
    expect(() => new SqliteSaver({ transaction() {}, prepare() {} } as never)).toThrow(/source\.transaction/);
    for (const serde of [5, null, {}, { dumpsTyped() {} }])
      expect(() => new SqliteSaver(on.file(), { serde: serde as never })).toThrow(/^options\.serde must be/);
  });

  test('a value that cannot be serialized stores nothing', async () => {
    const pool = on.pool();
    class Refusing extends JsonPlusSerializer {
      override async dumpsTyped(value: unknown): Promise<[string, Uint8Array]> {
        if (value === 'bad') throw new TypeError('refused');
        return await super.dumpsTyped(value);
      }
    }
    const saver = new SqliteSaver(pool, { serde: new Refusing() });
    expect(await rejection(put(saver, root('t'), checkpointOf({ good: 1, bad: 'bad' })))).toMatchObject({
      message: 'refused',
    });
    expect(await saver.getTuple(root('t'))).toBeUndefined();
    expect(await pool.get('SELECT count(*) AS n FROM langgraph_values')).toEqual({ n: 0 });
  });
});
