import type { Pool } from 'aiosqlite';
import type { EventRecord, JsonObject, SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key, makeStore } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = await makeStore(pool);
  await store.createSession(key);
});

/** What an event is when it has been stored and read. */
async function reloaded(record: EventRecord): Promise<EventRecord> {
  await store.appendEvent(record);
  const { seq: _, ...stored } = (await store.getEvents(key, { last: 1 }))[0] as EventRecord;
  return stored;
}

/** JSON values of all kinds, keys that are hard to keep among them. */
const keys = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'a_b',
    'aB',
    'seq',
    'id',
    'extra',
    '$row',
    '$$row',
    '$',
    'row',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\u0000', '\ud800', '\u{1f600}', '"', '\\'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(keys, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}));
const objects = json.object as fc.Arbitrary<Record<string, unknown>>;

/** What a field may hold that no column does. */
const odd = fc.oneof(
  fc.constant(null),
  fc.integer(),
  fc.boolean(),
  fc.string(),
  fc.constant('\ud800'),
  fc.array(fc.string()),
  objects,
);
const timestamps = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000_000_000 }),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }).map((ms) => ms + 0),
  fc.constantFrom(0, 0.1, -1, 8.64e15, 1e300, 5e-324, Number.MAX_SAFE_INTEGER),
);

describe('an event comes back as it was given', () => {
  test('with every field, and with none but the required ones', async () => {
    const full = event('full', {
      actions: { stateDelta: { a: 1 }, artifactDelta: { 'a.txt': 2 }, escalate: true, unknown: { x: [null] } },
      longRunningToolIds: ['t1', 't2'],
      branch: 'root.leaf',
      content: { role: 'model', parts: [{ text: 'hello' }, { functionCall: { name: 'f', args: { a_b: 1, aB: 2 } } }] },
      groundingMetadata: { chunks: [] },
      customMetadata: { k: 'v' },
      partial: false,
      turnComplete: true,
      interrupted: false,
      errorCode: 'E1',
      errorMessage: 'said "no"',
      extra: { usageMetadata: { total: 3 }, output: null, route: ['a', 1, true] },
    });
    expect(await reloaded(full)).toEqual(full);
    const bare = event('bare');
    expect(await reloaded(bare)).toEqual(bare);
    expect(Object.keys(await reloaded(bare)).sort()).toEqual(Object.keys(bare).sort());
  });

  test('whatever JSON its fields hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        objects,
        objects,
        objects,
        fc.array(fc.string({ unit: 'binary' })),
        timestamps,
        async (...values) => {
          const [actions, content, extra, longRunningToolIds, timestamp] = values;
          const given = event('e', {
            actions,
            content,
            groundingMetadata: content,
            customMetadata: extra,
            longRunningToolIds,
            timestamp,
          });
          if (Object.keys(extra).length > 0) given.extra = extra;
          const stored = await reloaded(given);
          expect(stored).toEqual(given);
          expect(JSON.stringify(stored.content)).toBe(JSON.stringify(content));
          expect(Object.keys(stored.extra ?? {})).toEqual(Object.keys(extra));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('also where a known field is absent, null, or of another type', async () => {
    const fields = [
      'invocationId',
      'author',
      'actions',
      'longRunningToolIds',
      'branch',
      'content',
      'groundingMetadata',
      'customMetadata',
      'partial',
      'turnComplete',
      'interrupted',
      'errorCode',
      'errorMessage',
    ];
    const changes = fc.record(Object.fromEntries(fields.map((name) => [name, fc.oneof(odd, fc.constant(undefined))])), {
      requiredKeys: [],
      noNullPrototype: true,
    });
    await fc.assert(
      fc.asyncProperty(changes, fc.boolean(), async (change, unbranded) => {
        const given = { ...event('e'), ...change, ...(unbranded ? { unbranded } : {}) } as EventRecord;
        expect(await reloaded(given)).toEqual(given);
        for (const [name, value] of Object.entries(change)) {
          const stored = await reloaded(given);
          expect({ name, isThere: name in stored }).toEqual({ name, isThere: value !== undefined });
        }
      }),
      { numRuns: 200 },
    );
  });

  test('with the actions that most events have, and with what is nearly that', async () => {
    const usual = { stateDelta: {}, artifactDelta: {}, requestedAuthConfigs: {}, requestedToolConfirmations: {} };
    const { stateDelta, ...less } = usual;
    class Odd {
      toJSON() {
        return { a: 1 };
      }
    }
    const variants: [JsonObject, JsonObject][] = [
      [usual, usual],
      [less, less],
      [
        { ...usual, more: {} },
        { ...usual, more: {} },
      ],
      [
        { ...less, stateDelta },
        { ...less, stateDelta },
      ],
      [
        { ...usual, artifactDelta: { a: 1 } },
        { ...usual, artifactDelta: { a: 1 } },
      ],
      [
        { ...usual, requestedAuthConfigs: [] },
        { ...usual, requestedAuthConfigs: [] },
      ],
      [
        { ...usual, requestedToolConfirmations: null },
        { ...usual, requestedToolConfirmations: null },
      ],
      [
        { ...usual, requestedToolConfirmations: undefined },
        { stateDelta: {}, artifactDelta: {}, requestedAuthConfigs: {} },
      ],
      [
        { ...usual, requestedAuthConfigs: new Odd() },
        { ...usual, requestedAuthConfigs: { a: 1 } },
      ],
      [Object.assign(Object.create({ toJSON: () => ({ b: 2 }) }), usual), { b: 2 }],
    ];
    for (const [i, [given, wanted]] of variants.entries()) {
      const { actions } = await reloaded(event(`usual ${i}`, { actions: given }));
      expect(actions).toEqual(wanted);
      expect(Object.keys(actions)).toEqual(Object.keys(wanted));
    }
    await store.appendEvent(event('again', { actions: usual }));
    const [one, two] = (await store.getEvents(key)).filter(({ id }) => id === 'usual 0' || id === 'again');
    (one?.actions.stateDelta as JsonObject).mine = true;
    expect(two?.actions).toEqual(usual);
  });

  test('also with megabytes of text', async () => {
    const text = '\u{1f600}é\u0000"\\ '.repeat(200_000);
    const given = event('big', { content: { text }, errorMessage: text });
    expect((await reloaded(given)).content).toEqual({ text });
    expect((await reloaded(given)).errorMessage).toBe(text);
  });

  test('never shows what was kept beside the columns', async () => {
    const given = { ...event('e', { timestamp: 0.5 }), author: undefined } as unknown as EventRecord;
    expect(Object.keys(await reloaded(given))).not.toContain('extra');
    const [row] = await pool.all('SELECT author, extra FROM adk_events');
    expect(row).toEqual({ author: '', extra: '{"$row":{"absent":["author"],"as":{"timestamp":0.5}}}' });
  });
});

describe('what is no JSON', () => {
  test.each<[string, Partial<EventRecord>, string]>([
    ['a bigint', { content: { parts: [1n] } }, 'event.content.parts[0] is a bigint'],
    ['a bigint in another field', { extra: { output: { n: 1n } } }, 'event.extra.output.n is a bigint'],
    ['a bigint for a text', { author: 1n as any }, 'event.author is a bigint'],
  ])('rejects: %s', async (_, fields, message) => {
    const error = await rejection(store.appendEvent(event('e', fields)));
    expect(error).toMatchObject({
      name: 'StoreError',
      code: 'ADK_NOT_SERIALIZABLE',
      message: expect.stringContaining(message),
    });
    expect(await store.getEvents(key)).toEqual([]);
  });

  test('rejects: a cycle', async () => {
    const actions: any = { stateDelta: {} };
    actions.stateDelta.self = actions;
    expect(await rejection(store.appendEvent(event('e', { actions })))).toMatchObject({
      code: 'ADK_NOT_SERIALIZABLE',
      message: 'event.actions.stateDelta.self refers back to what contains it',
    });
  });

  test('otherwise follows JSON.stringify', async () => {
    const given = event('e', {
      content: { date: new Date(0), nan: Number.NaN, gone: undefined, list: [undefined, () => {}], zero: -0 },
      branch: (() => {}) as any,
    });
    expect(await reloaded(given)).toMatchObject({
      content: { date: '1970-01-01T00:00:00.000Z', nan: null, list: [null, null], zero: 0 },
    });
    expect(Object.keys((await reloaded(given)).content ?? {})).not.toContain('gone');
    expect(await reloaded(given)).not.toHaveProperty('branch');
  });

  test('takes 1,000 levels in a field, no more', async () => {
    const nested = (levels: number) => {
      let value: any = {};
      for (let level = 1; level < levels; level += 1) value = { in: value };
      return value;
    };
    const deepest = event('e', { content: nested(1_000) });
    expect((await reloaded(deepest)).content).toEqual(deepest.content);
    for (const levels of [1_001, 20_000]) {
      const error = await rejection(store.appendEvent(event('e', { content: nested(levels) })));
      expect(error).toMatchObject({
        code: 'ADK_NOT_SERIALIZABLE',
        message: 'event.content is nested deeper than 1000 levels',
      });
    }
  });
});
