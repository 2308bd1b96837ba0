/** Opcodes that are read, with their byte. */
const READ_BYTES = {
  40: 'MARK',
  41: 'EMPTY_TUPLE',
  46: 'STOP',
  66: 'BINBYTES',
  67: 'SHORT_BINBYTES',
  70: 'FLOAT',
  71: 'BINFLOAT',
  73: 'INT',
  74: 'BININT',
  75: 'BININT1',
  76: 'LONG',
  77: 'BININT2',
  78: 'NONE',
  82: 'REDUCE',
  86: 'UNICODE',
  88: 'BINUNICODE',
  93: 'EMPTY_LIST',
  97: 'APPEND',
  98: 'BUILD',
  99: 'GLOBAL',
  100: 'DICT',
  101: 'APPENDS',
  103: 'GET',
  104: 'BINGET',
  106: 'LONG_BINGET',
  108: 'LIST',
  112: 'PUT',
  113: 'BINPUT',
  114: 'LONG_BINPUT',
  115: 'SETITEM',
  116: 'TUPLE',
  117: 'SETITEMS',
  125: 'EMPTY_DICT',
  128: 'PROTO',
  129: 'NEWOBJ',
  133: 'TUPLE1',
  134: 'TUPLE2',
  135: 'TUPLE3',
  136: 'NEWTRUE',
  137: 'NEWFALSE',
  138: 'LONG1',
  139: 'LONG4',
  140: 'SHORT_BINUNICODE',
  141: 'BINUNICODE8',
  142: 'BINBYTES8',
  143: 'EMPTY_SET',
  144: 'ADDITEMS',
  145: 'FROZENSET',
  147: 'STACK_GLOBAL',
  148: 'MEMOIZE',
  149: 'FRAME',
  150: 'BYTEARRAY8',
} as const;

const PYTHON_2 = 'Python 2 writes it, which ADK does not run on';
const NEVER = 'Python does not write it for the actions of an event';
const CYCLE = 'Python writes it for a tuple that contains itself';

/** Opcodes that are refused, with the reason. */
export const REFUSED = {
  STRING: PYTHON_2,
  BINSTRING: PYTHON_2,
  SHORT_BINSTRING: PYTHON_2,
  INST: NEVER,
  OBJ: NEVER,
  NEWOBJ_EX: NEVER,
  DUP: NEVER,
  POP: CYCLE,
  POP_MARK: CYCLE,
  PERSID: 'the value is outside of the pickle',
  BINPERSID: 'the value is outside of the pickle',
  EXT1: 'the class is outside of the pickle',
  EXT2: 'the class is outside of the pickle',
  EXT4: 'the class is outside of the pickle',
  NEXT_BUFFER: 'the bytes are outside of the pickle',
  READONLY_BUFFER: 'the bytes are outside of the pickle',
} as const;

const REFUSED_BYTES = {
  48: 'POP',
  49: 'POP_MARK',
  50: 'DUP',
  80: 'PERSID',
  81: 'BINPERSID',
  83: 'STRING',
  84: 'BINSTRING',
  85: 'SHORT_BINSTRING',
  105: 'INST',
  111: 'OBJ',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  146: 'NEWOBJ_EX',
  151: 'NEXT_BUFFER',
  152: 'READONLY_BUFFER',
} as const satisfies Record<number, keyof typeof REFUSED>;

/** Opcodes that are read, but for STOP, which ends the pickle. */
export type Read = Exclude<(typeof READ_BYTES)[keyof typeof READ_BYTES], 'STOP'>;
export type Refused = keyof typeof REFUSED;

/** Name of the opcode of each byte. */
export const OPCODES: Readonly<Record<number, Read | 'STOP' | Refused>> = { ...READ_BYTES, ...REFUSED_BYTES };

export function isRefused(opcode: string): opcode is Refused {
  return Object.hasOwn(REFUSED, opcode);
}
