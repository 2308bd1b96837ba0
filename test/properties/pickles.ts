import fc from 'fast-check';
import { expect } from 'vitest';
import { actionsOf } from '../../src/store/import/pickle/actions.js';
import { PickleError } from '../../src/store/import/pickle/error.js';
import { LIMITS } from '../../src/store/import/pickle/limits.js';
import { actions, op } from '../store/import/pickle/assemble.js';
import { ACTIONS, HOSTILE } from '../store/import/pickle/fixtures.js';
import { type Budget, check } from './check.js';

const SEEDS = [...ACTIONS, ...HOSTILE].map(({ pickle }) => pickle);

type Change = (bytes: Buffer) => Buffer;

/** A place in bytes of any length. */
const place = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const cut = (bytes: Buffer, at: number) => at % (bytes.length + 1);

const insert = (bytes: Buffer, at: number, more: Buffer) =>
  Buffer.concat([bytes.subarray(0, cut(bytes, at)), more, bytes.subarray(cut(bytes, at))]);

const flip = fc.tuple(place, fc.integer({ min: 0, max: 7 })).map(
  ([at, bit]): Change =>
    (bytes) => {
      const changed = Buffer.from(bytes);
      const index = at % Math.max(1, changed.length);
      changed[index] = (changed[index] ?? 0) ^ (1 << bit);
      return changed;
    },
);

const overwrite = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
  ([at, more]): Change =>
    (bytes) => {
      const changed = Buffer.from(bytes);
      Buffer.from(more).copy(changed, cut(bytes, at));
      return changed;
    },
);

const add = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
  ([at, more]): Change =>
    (bytes) =>
      insert(bytes, at, Buffer.from(more)),
);

const remove = fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(
  ([at, length]): Change =>
    (bytes) => {
      const from = cut(bytes, at);
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
    },
);

const truncate = place.map(
  (at): Change =>
    (bytes) =>
      bytes.subarray(0, cut(bytes, at)),
);

/** Copies a part of any pickle to any place. */
const graft = fc.tuple(place, place, place, fc.integer({ min: 1, max: 200 })).map(
  ([which, from, to, length]): Change =>
    (bytes) => {
      const donor = SEEDS[which % SEEDS.length] as Buffer;
      const start = cut(donor, from);
      return insert(bytes, to, donor.subarray(start, start + length));
    },
);

const GLOBALS = [
  ['os', 'system'],
  ['builtins', 'eval'],
  ['builtins', 'set'],
  ['builtins', 'bytearray'],
  ['builtins', 'getattr'],
  ['uuid', 'UUID'],
  ['_codecs', 'encode'],
  ['collections', 'OrderedDict'],
  ['collections', 'defaultdict'],
  ['copyreg', '_reconstructor'],
  ['datetime', 'date'],
  ['datetime', 'datetime'],
  ['datetime', 'time'],
  ['datetime', 'timedelta'],
  ['datetime', 'timezone'],
  ['decimal', 'Decimal'],
  ['zoneinfo', 'ZoneInfo._unpickle'],
  ['google.adk.events.event_actions', 'EventActions'],
] as const;

const slot = fc.integer({ min: 0, max: 5 });
const single = (code: string) => Buffer.from(code, 'latin1');

/** One opcode with what belongs to it: programs that get further than mutations do. */
const instruction = fc.oneof(
  fc.constantFrom(...'()]}NRbt.aseudl\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94'.split('').map(single)),
  fc.constantFrom(...GLOBALS).map(([module, name]) => op.global(module, name)),
  slot.map(op.put),
  slot.map(op.get),
  fc
    .oneof(fc.string({ maxLength: 5 }), fc.constantFrom('__dict__', '__pydantic_fields_set__', 'int', 'latin1', 'UTC'))
    .map(op.text),
  fc.uint8Array({ maxLength: 11 }).map((bytes) => Buffer.from([0x43, bytes.length, ...bytes])),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from([0x8a, bytes.length, ...bytes])),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from([0x47, ...bytes])),
  fc.constantFrom('I01\n', 'I-5\n', 'L9\n', 'F1.5\n', 'Vt\\u00e4\n').map(single),
);

const program = fc.array(instruction, { maxLength: 60 }).map((code) => actions(...code));

/** Code of a value that can be read. */
const { value } = fc.letrec<{ value: Buffer }>((tie) => {
  const values = fc.array(tie('value'), { maxLength: 4 });
  const join = (head: Buffer, items: readonly Buffer[], tail: string) => Buffer.concat([head, ...items, single(tail)]);
  return {
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom('N', '\x88', '\x89', 'K\x07', 'J\xff\xff\xff\xff', 'I-5\n', 'C\x02\xfb\xff').map(single),
      fc.string({ maxLength: 5, unit: 'grapheme' }).map(op.text),
      values.map((items) => join(single(']('), items, 'e')),
      values.map((items) => join(single('('), items, 't')),
      fc.tuple(slot, tie('value')).map(([index, code]) => Buffer.concat([code, op.put(index)])),
      fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 4 }).chain((keys) => {
        const entries = fc.tuple(...keys.map((key) => tie('value').map((code) => Buffer.concat([op.text(key), code]))));
        return entries.map((codes) => join(single('}('), codes, 'u'));
      }),
    ),
  };
});
const valid = value.map((code) => actions(code));

const mutated = fc
  .tuple(
    fc.oneof(fc.constantFrom(...SEEDS), valid),
    fc.array(fc.oneof(flip, overwrite, add, remove, truncate, graft), { minLength: 1, maxLength: 6 }),
  )
  .map(([seed, changes]) => changes.reduce((bytes, change) => change(bytes), seed));

/** The same list twice in the next one, again and again: a text that doubles with each step. */
const doubling = fc.integer({ min: 1, max: 2_000 }).map((steps) =>
  actions(
    op.list,
    Array.from({ length: steps }, () => [op.put(0), op.list, op.get(0), op.append, op.get(0), op.append]),
  ),
);

/** Whatever the bytes, they are actions in JSON, or refused by name. */
export async function checkPickles(budget: Budget): Promise<void> {
  let slowest = 0;
  let read = 0;
  const property = fc.asyncProperty(
    fc.oneof(
      { weight: 4, arbitrary: valid },
      { weight: 8, arbitrary: mutated },
      { weight: 8, arbitrary: program },
      doubling,
    ),
    async (pickle) => {
      const began = performance.now();
      try {
        const json = actionsOf(pickle);
        expect(json.length).toBeLessThan(LIMITS.text + 1_000);
        expect(JSON.parse(json)).toBeTypeOf('object');
        read++;
      } catch (error) {
        if (!(error instanceof PickleError)) throw error;
        expect(error.message).toMatch(/^\w+ at byte \d+: [^\n]+$/);
        expect(error.offset).toBeLessThanOrEqual(pickle.length);
      }
      slowest = Math.max(slowest, performance.now() - began);
    },
  );
  await check('pickles', property, budget);
  console.log(
    `${read} of them read, the slowest in ${slowest.toFixed(0)} ms, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`,
  );
}
