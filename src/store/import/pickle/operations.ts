import type { Cursor } from './cursor.js';
import { LIMITS } from './limits.js';
import type { Machine } from './machine.js';
import { Instance } from './nodes.js';
import type { Read } from './opcodes.js';
import { reduce } from './reduce.js';

type Operation = (machine: Machine, input: Cursor) => void;

const HIGHEST_PROTOCOL = 5;

/** Each opcode over nodes: none looks a name up, and none calls anything. */
export const OPERATIONS: Readonly<Record<Read, Operation>> = {
  PROTO(machine, input) {
    if (input.place.offset !== 0) machine.fail('not at the beginning');
    if (input.uint8() > HIGHEST_PROTOCOL) machine.fail(`a protocol above ${HIGHEST_PROTOCOL}`);
  },
  FRAME(machine, input) {
    if (input.uint64() > input.left) machine.fail('the pickle ends inside of it');
  },

  MARK: (machine) => machine.mark(),
  MEMOIZE: (machine) => machine.put(),
  PUT: (machine, input) => machine.put(indexOf(machine, input)),
  BINPUT: (machine, input) => machine.put(input.uint8()),
  LONG_BINPUT: (machine, input) => machine.put(input.uint32()),
  GET: (machine, input) => machine.get(indexOf(machine, input)),
  BINGET: (machine, input) => machine.get(input.uint8()),
  LONG_BINGET: (machine, input) => machine.get(input.uint32()),

  NONE: (machine) => machine.push(null),
  NEWTRUE: (machine) => machine.push(true),
  NEWFALSE: (machine) => machine.push(false),
  INT(machine, input) {
    // Protocols 0 and 1 write booleans in this way, too.
    const text = input.line();
    machine.push(text === '01' ? true : text === '00' ? false : integerOf(machine, text));
  },
  LONG: (machine, input) => machine.push(integerOf(machine, input.line().replace(/L$/, ''))),
  BININT: (machine, input) => machine.push(BigInt(input.int32())),
  BININT1: (machine, input) => machine.push(BigInt(input.uint8())),
  BININT2: (machine, input) => machine.push(BigInt(input.uint16())),
  LONG1: (machine, input) => pushLong(machine, input, input.uint8()),
  LONG4: (machine, input) => pushLong(machine, input, input.int32()),
  FLOAT(machine, input) {
    const text = input.line();
    if (!/^(-?\d{1,400}(\.\d{0,400})?(e[-+]?\d{1,3})?|-?inf|nan)$/.test(text)) machine.fail('no number');
    pushFloat(machine, Number(text.replace('inf', 'Infinity')));
  },
  BINFLOAT: (machine, input) => pushFloat(machine, input.float64()),

  UNICODE: (machine, input) => machine.push(unescaped(input.line())),
  SHORT_BINUNICODE: (machine, input) => machine.push(input.utf8(input.uint8())),
  BINUNICODE: (machine, input) => machine.push(input.utf8(input.uint32())),
  BINUNICODE8: (machine, input) => machine.push(input.utf8(input.uint64())),
  SHORT_BINBYTES: (machine, input) => machine.push(input.bytes(input.uint8())),
  BINBYTES: (machine, input) => machine.push(input.bytes(input.uint32())),
  BINBYTES8: (machine, input) => machine.push(input.bytes(input.uint64())),
  BYTEARRAY8: (machine, input) => machine.push(input.bytes(input.uint64())),

  EMPTY_LIST: (machine) => machine.pushItems('list', []),
  LIST: (machine) => machine.pushItems('list', machine.popMarked()),
  APPEND: (machine) => {
    const value = machine.pop();
    machine.extend('list', [value]);
  },
  APPENDS: (machine) => {
    const values = machine.popMarked();
    machine.extend('list', values);
  },
  EMPTY_TUPLE: (machine) => machine.pushItems('tuple', []),
  TUPLE1: (machine) => machine.pushItems('tuple', machine.popLast(1)),
  TUPLE2: (machine) => machine.pushItems('tuple', machine.popLast(2)),
  TUPLE3: (machine) => machine.pushItems('tuple', machine.popLast(3)),
  TUPLE: (machine) => machine.pushItems('tuple', machine.popMarked()),
  EMPTY_SET: (machine) => machine.pushItems('set', []),
  ADDITEMS: (machine) => {
    const values = machine.popMarked();
    machine.extend('set', values);
  },
  FROZENSET: (machine) => machine.pushItems('set', machine.popMarked()),
  EMPTY_DICT: (machine) => machine.pushDict([]),
  DICT: (machine) => machine.pushDict(machine.popMarked()),
  SETITEM: (machine) => machine.setEntries(machine.popLast(2)),
  SETITEMS: (machine) => machine.setEntries(machine.popMarked()),

  GLOBAL(machine, input) {
    const module = input.line();
    machine.pushGlobal(module, input.line());
  },
  STACK_GLOBAL(machine) {
    const name = machine.popText();
    machine.pushGlobal(machine.popText(), name);
  },
  REDUCE(machine, input) {
    const args = machine.popTuple();
    machine.push(reduce(input.place, machine.popGlobal(), args));
  },
  NEWOBJ(machine, input) {
    const args = machine.popTuple();
    machine.push(new Instance(input.place, machine.popGlobal(), args));
  },
  BUILD(machine) {
    const state = machine.pop();
    const object = machine.top();
    if (!(object instanceof Instance)) return machine.fail('needs an object');
    if (object.state !== undefined) machine.fail('the object has its state already');
    object.state = state;
  },
};

/** The number behind PUT and GET. */
function indexOf(machine: Machine, input: Cursor): number {
  const text = input.line();
  return /^\d{1,10}$/.test(text) ? Number(text) : machine.fail('no number');
}

function integerOf(machine: Machine, text: string): bigint {
  if (!/^-?\d+$/.test(text)) machine.fail('no integer');
  if (text.length > LIMITS.digits) tooLong(machine);
  return BigInt(text);
}

/** An integer of `length` bytes, the lowest first, in two's complement. */
function pushLong(machine: Machine, input: Cursor, length: number): void {
  if (length < 0) machine.fail('a negative length');
  // A decimal digit has log2(10) bits.
  if (length > (LIMITS.digits * Math.log2(10)) / 8) tooLong(machine);
  const hex = Buffer.from(input.bytes(length)).reverse().toString('hex');
  machine.push(BigInt.asIntN(length * 8, BigInt(`0x${hex || '0'}`)));
}

function tooLong(machine: Machine): never {
  return machine.fail(`an integer of more than ${LIMITS.digits} digits`);
}

/** JSON has no infinity and no NaN, wherever they are used. */
function pushFloat(machine: Machine, value: number): void {
  if (Number.isNaN(value)) machine.fail('NaN, which JSON has not');
  if (!Number.isFinite(value)) machine.fail('an infinite number, which JSON has not');
  machine.push(value);
}

/** Text of protocol 0: Latin-1, all other characters, line ends and backslashes escaped. */
function unescaped(text: string): string {
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})/g, (_, four, eight) => {
    return String.fromCodePoint(Number.parseInt(four ?? eight, 16));
  });
}
