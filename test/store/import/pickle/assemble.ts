/** Opcodes, and the bytes behind them, of pickles that Python would not write. */
const u32 = (number: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
};

export const op = {
  proto: (version = 4) => Buffer.from([0x80, version]),
  text: (value: string) => Buffer.concat([Buffer.from('X'), u32(Buffer.byteLength(value)), Buffer.from(value)]),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  mark: Buffer.from('('),
  dict: Buffer.from('}'),
  list: Buffer.from(']'),
  append: Buffer.from('a'),
  set: Buffer.from('s'),
  tuple0: Buffer.from(')'),
  tuple1: Buffer.from([0x85]),
  newobj: Buffer.from([0x81]),
  build: Buffer.from('b'),
  none: Buffer.from('N'),
  reduce: Buffer.from('R'),
  put: (index: number) => Buffer.concat([Buffer.from('r'), u32(index)]),
  get: (index: number) => Buffer.concat([Buffer.from('j'), u32(index)]),
  stop: Buffer.from('.'),
};

type Code = Buffer | readonly Code[];
const flat = (code: Code): Buffer => (Buffer.isBuffer(code) ? code : Buffer.concat(code.map(flat)));

/** Actions whose state delta has the value that `code` makes under one key. */
export function actions(...code: Code[]): Buffer {
  const head = [op.proto(), op.global('google.adk.events.event_actions', 'EventActions'), op.tuple0, op.newobj];
  const delta = [op.text('state_delta'), op.dict, op.text('x'), ...code, op.set, op.set];
  const fields = [op.text('__dict__'), op.dict, ...delta, op.set];
  const given = [op.text('__pydantic_fields_set__'), op.none, op.set];
  return flat([head, op.dict, fields, given, op.build, op.stop]);
}

export const bytes = (...code: Code[]): Buffer => flat(code);
