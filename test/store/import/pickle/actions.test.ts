/**
 * Pickles that pickles.py has written with Python's own pickler; it compares them with those of the real classes of
 * google-adk, pydantic and google-genai. Each field is compared with JSON that Python has written, number by number.
 */
import { describe, expect, test } from 'vitest';
import { actionsOf } from '../../../../src/store/import/pickle/actions.js';
import { PickleError } from '../../../../src/store/import/pickle/error.js';
import { actions, bytes, op } from './assemble.js';
import { ACTIONS, HOSTILE } from './fixtures.js';

const tokens = (json: string) => json.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{}:,]/gs) ?? [];

/** Compares token by token: texts by value, integers digit by digit, and floats, which have several texts, as numbers. */
function expectSame(json: string, wanted: string): void {
  const found = tokens(json);
  expect(found.join('')).toBe(json);
  const values = tokens(wanted).map((token, at) => {
    const other = found[at] ?? '';
    const isFloat = /^-?\d.*[.eE]/.test(token);
    const parse = (text: string) => (isFloat ? Number(text) : text[0] === '"' ? JSON.parse(text) : text);
    return { wanted: [parse(token), isFloat], found: [parse(other), isFloat] };
  });
  expect(values.map(({ found }) => found)).toEqual(values.map(({ wanted }) => wanted));
  expect(found.length).toBe(values.length);
}

const refusal = (pickle: Uint8Array): PickleError => {
  try {
    actionsOf(pickle);
  } catch (error) {
    expect(error).toBeInstanceOf(PickleError);
    return error as PickleError;
  }
  throw new Error('the pickle was read');
};

describe('actions of events that Python has pickled', () => {
  test.each(ACTIONS)('$name', ({ pickle, wanted }) => {
    const json = actionsOf(pickle);
    JSON.parse(json);
    expectSame(json, wanted);
  });

  test('integers keep each digit', () => {
    const { pickle } = ACTIONS.find(({ name }) => name === 'integers, protocol 5') ?? { pickle: Buffer.alloc(0) };
    const json = actionsOf(pickle);
    expect(json).toContain('"unsafe":9007199254740993,');
    expect(json).toContain(`"huge":1${'0'.repeat(100)},`);
  });

  test('a key __proto__ is a key like any other', () => {
    const { pickle } = ACTIONS.find(({ name }) => name === 'keys of JavaScript, protocol 5') ?? {
      pickle: Buffer.alloc(0),
    };
    const { stateDelta } = JSON.parse(actionsOf(pickle));
    expect(Object.keys(stateDelta)).toContain('__proto__');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('a pickle is refused with opcode, offset and reason', () => {
  test.each(HOSTILE)('$name', ({ pickle, wanted }) => {
    const error = refusal(pickle);
    expect(error.message).toContain(wanted);
    expect(error.message).toMatch(/^[\w]+ at byte \d+: /);
    expect(error.offset).toBeLessThanOrEqual(pickle.length);
  });

  const value = actions(op.none);
  const fields = [op.dict, op.text('a_b'), op.list, op.set, op.text('aB'), op.list, op.set];
  const twoFields = [op.dict, op.text('__dict__'), fields, op.set, op.text('__pydantic_fields_set__'), op.none, op.set];

  test('if it ends too early, at each of its bytes', () => {
    for (const { pickle } of ACTIONS) {
      // Each byte of short ones, 200 of long ones.
      const step = Math.ceil(pickle.length / 200);
      for (let length = 0; length < pickle.length; length += step) refusal(pickle.subarray(0, length));
    }
  });

  test.each([
    ['a byte that is no opcode', bytes(op.proto(), Buffer.from([0xff])), '0xff at byte 2: no opcode of a pickle'],
    ['nothing', Buffer.alloc(0), 'end at byte 0: the pickle has no STOP'],
    [
      'a value that is no EventActions',
      bytes(op.proto(), op.none, op.stop),
      'STOP at byte 3: the value is no EventActions',
    ],
    ['bytes behind STOP', bytes(value, op.none), 'bytes follow the end of the pickle'],
    ['two values', bytes(op.none, value.subarray(2)), 'more than one value is left'],
    ['a mark that is left', bytes(op.none, op.mark, op.none, op.stop), 'more than one value is left'],
    ['no value', bytes(op.stop), 'STOP at byte 0: a value is missing'],
    ['protocol 6', bytes(op.proto(6), op.none, op.stop), 'a protocol above 5'],
    ['a second protocol', bytes(op.proto(), op.proto()), 'PROTO at byte 2: not at the beginning'],
    [
      'a frame beyond the end',
      bytes(op.proto(), Buffer.from([0x95, 255, 0, 0, 0, 0, 0, 0, 0])),
      'the pickle ends inside of it',
    ],
    ['a memo that is not there', actions(op.get(7)), 'LONG_BINGET'],
    ['a length of 2^64 - 1', bytes(Buffer.from([0x8d, ...Array(8).fill(255)])), 'the pickle ends before it'],
    ['a text that is no UTF-8', bytes(Buffer.from([0x8c, 1, 0xff])), 'a text that is no UTF-8'],
    ['a name with a space', bytes(op.global('os', 'a b')), 'a name that is none in Python'],
    ['a name of a path', bytes(op.global('os/../x', 'y')), 'a name that is none in Python'],
    ['a dict without a value', bytes(op.dict, op.mark, op.none, Buffer.from('u')), 'a key has no value'],
    ['an item for no list', bytes(op.dict, op.none, op.append), 'needs a list'],
    ['a state for no object', bytes(op.dict, op.none, op.build), 'needs an object'],
    [
      'a second state',
      actions(op.global('a', 'B'), op.tuple0, op.newobj, op.none, op.build, op.none, op.build),
      'its state already',
    ],
    ['a call without a function', bytes(op.none, op.tuple0, op.reduce), 'needs a class'],
    ['a call without arguments', bytes(op.global('a', 'b'), op.none, op.reduce), 'needs a tuple'],
    [
      'a field and another of the same name',
      actions(op.global('google.adk.x', 'Y'), op.tuple0, op.newobj, twoFields, op.build),
      'two keys that are the same in JSON',
    ],
    [
      'a date without bytes',
      actions(op.global('datetime', 'date'), op.text('x'), op.tuple1, op.reduce),
      'other arguments than Python writes',
    ],
    [
      'the 31st of February',
      actions(op.global('datetime', 'date'), Buffer.from([0x43, 4, 7, 0xe9, 2, 31]), op.tuple1, op.reduce),
      'other arguments',
    ],
    [
      'a zone that is none',
      actions(op.global('zoneinfo', 'ZoneInfo._unpickle'), op.text('No/Where'), op.tuple1, op.reduce),
      'a time zone without a time',
    ],
    [
      'a model with arguments',
      actions(op.global('google.adk.x', 'Y'), op.none, op.tuple1, op.newobj),
      'which is no model',
    ],
    ['a UUID without a value', actions(op.global('uuid', 'UUID'), op.tuple0, op.newobj), 'a UUID without a value'],
    ['a number that is none', bytes(Buffer.from('I1_000\n')), 'no integer'],
    ['a float that is none', bytes(Buffer.from('F0x10\n')), 'no number'],
  ])('%s', (_, pickle, reason) => {
    expect(refusal(pickle).message).toContain(reason);
  });

  // Opcodes of https://github.com/python/cpython/blob/main/Lib/pickletools.py that are refused by name.
  test.each([
    ['POP', 0x30],
    ['POP_MARK', 0x31],
    ['DUP', 0x32],
    ['PERSID', 0x50],
    ['BINPERSID', 0x51],
    ['STRING', 0x53],
    ['BINSTRING', 0x54],
    ['SHORT_BINSTRING', 0x55],
    ['INST', 0x69],
    ['OBJ', 0x6f],
    ['EXT1', 0x82],
    ['EXT2', 0x83],
    ['EXT4', 0x84],
    ['NEWOBJ_EX', 0x92],
    ['NEXT_BUFFER', 0x97],
    ['READONLY_BUFFER', 0x98],
  ])('opcode %s', (name, byte) => {
    expect(refusal(bytes(op.proto(), op.none, Buffer.from([byte, 0, 0, 0, 0, 0x0a])))).toMatchObject({
      opcode: name,
      offset: 3,
    });
  });

  test('if one byte of it is another one, or it is read as other actions', () => {
    for (const { pickle } of ACTIONS.filter(({ pickle: { length } }) => length < 600)) {
      for (let at = 0; at < pickle.length; at++) {
        const other = Buffer.from(pickle);
        other[at] = (pickle[at] ?? 0) ^ (1 << (at % 8));
        try {
          JSON.parse(actionsOf(other));
        } catch (error) {
          expect(error).toBeInstanceOf(PickleError);
        }
      }
    }
  });

  test('if it nests more deeply than SQLite reads', () => {
    const nested = (levels: number) => actions(Buffer.alloc(levels, op.list), Buffer.alloc(levels - 1, op.append));
    // The actions and the state delta are levels, too.
    expect(actionsOf(nested(998))).toContain('['.repeat(998));
    expect(refusal(nested(999)).message).toContain('nested deeper than 1000 levels');
    expect(refusal(nested(200_000)).message).toContain('nested deeper than 1000 levels');
  });

  test('if values that it repeats nest more deeply than SQLite reads', () => {
    // The first value of a list is one of 600 levels; it stands again inside of another 600.
    const inner = [Buffer.alloc(600, op.list), Buffer.alloc(599, op.append), op.put(0)];
    const again = [Buffer.alloc(600, op.list), op.get(0), Buffer.alloc(600, op.append)];
    expect(refusal(actions(op.list, inner, op.append, again, op.append)).message).toContain(
      'nested deeper than 1000 levels',
    );
  });

  test('if it has too many opcodes', () => {
    expect(refusal(bytes(op.proto(), Buffer.alloc(2_000_001, 0x4e))).message).toContain('more than 2000000 opcodes');
  });

  test('without its content', () => {
    const secret = 'sk-secret-0123456789';
    const faults = [
      actions(op.text(secret), op.get(9)),
      actions(op.global(secret, 'x')),
      actions(op.global('os', 'system'), op.text(secret), op.tuple1, op.reduce),
      actions(op.dict, op.text(secret), op.none, op.set, op.text(secret), op.none, op.set),
      actions(Buffer.from(`I${secret}\n`)),
      actions(op.dict, op.put(1), op.text(secret), op.get(1), op.set),
    ];
    for (const pickle of faults) expect(refusal(pickle).message).not.toContain('secret');
  });
});
