import { Cursor } from './cursor.js';
import { PickleError } from './error.js';
import { LIMITS } from './limits.js';
import { Dict, Global, Items, type Node } from './nodes.js';
import { isRefused, OPCODES, REFUSED } from './opcodes.js';
import { OPERATIONS } from './operations.js';

/** The stack machine of a pickle, over nodes. */
export class Machine {
  readonly input: Cursor;
  /** Values above the last mark. */
  #stack: Node[] = [];
  /** Values below each mark, outermost first. */
  readonly #below: Node[][] = [];
  readonly #memo = new Map<number, Node>();

  constructor(bytes: Uint8Array) {
    this.input = new Cursor(bytes);
  }

  run(): Node {
    const { input } = this;
    for (let count = 0; count < LIMITS.opcodes; count++) {
      const offset = input.at;
      if (input.left === 0) throw new PickleError({ opcode: 'end', offset }, 'the pickle has no STOP');
      const byte = input.uint8();
      const opcode = OPCODES[byte];
      input.place = { opcode: opcode ?? `0x${byte.toString(16).padStart(2, '0')}`, offset };
      if (opcode === undefined) this.fail('no opcode of a pickle');
      if (isRefused(opcode)) this.fail(REFUSED[opcode]);
      if (opcode === 'STOP') return this.#result();
      OPERATIONS[opcode](this, input);
    }
    return this.fail(`more than ${LIMITS.opcodes} opcodes`);
  }

  #result(): Node {
    const result = this.pop();
    if (this.#stack.length > 0 || this.#below.length > 0) this.fail('more than one value is left');
    if (this.input.left > 0) this.fail('bytes follow the end of the pickle');
    return result;
  }

  fail(reason: string): never {
    return this.input.fail(reason);
  }

  push(node: Node): void {
    this.#stack.push(node);
  }

  pop(): Node {
    const node = this.#stack.pop();
    return node === undefined ? this.fail('a value is missing') : node;
  }

  top(): Node {
    const node = this.#stack.at(-1);
    return node === undefined ? this.fail('a value is missing') : node;
  }

  mark(): void {
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  /** Takes the values above the last mark, and the mark. */
  popMarked(): Node[] {
    const items = this.#stack;
    this.#stack = this.#below.pop() ?? this.fail('a mark is missing');
    return items;
  }

  /** Takes the last `length` values. */
  popLast(length: number): Node[] {
    if (this.#stack.length < length) this.fail('a value is missing');
    return this.#stack.splice(this.#stack.length - length);
  }

  popTuple(): Node[] {
    const node = this.pop();
    return node instanceof Items && node.kind === 'tuple' ? node.items : this.fail('needs a tuple');
  }

  popGlobal(): Global {
    const node = this.pop();
    return node instanceof Global ? node : this.fail('needs a class');
  }

  popText(): string {
    const node = this.pop();
    return typeof node === 'string' ? node : this.fail('needs a name');
  }

  pushItems(kind: Items['kind'], items: Node[]): void {
    this.push(new Items(this.input.place, kind, items));
  }

  /** Adds values to the list or set on top. */
  extend(kind: 'list' | 'set', values: readonly Node[]): void {
    const node = this.top();
    if (!(node instanceof Items) || node.kind !== kind) this.fail(`needs a ${kind}`);
    for (const value of values) node.items.push(value);
  }

  pushDict(entries: readonly Node[]): void {
    this.push(new Dict(this.input.place));
    this.setEntries(entries);
  }

  /** Adds keys and values, in turn, to the dict on top. */
  setEntries(entries: readonly Node[]): void {
    if (entries.length % 2 === 1) this.fail('a key has no value');
    const dict = this.top();
    if (!(dict instanceof Dict)) this.fail('needs a dict');
    for (let at = 0; at < entries.length; at += 2) dict.entries.push([entries[at] as Node, entries[at + 1] as Node]);
  }

  pushGlobal(module: string, name: string): void {
    // Messages quote names.
    if (!isPath(module) || !isPath(name)) this.fail('a name that is none in Python');
    this.push(new Global(this.input.place, OLD_MODULES.get(module) ?? module, name));
  }

  get(index: number): void {
    const node = this.#memo.get(index);
    if (node === undefined) this.fail('refers to a value that is not there');
    this.push(node);
  }

  put(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }
}

/** Names of modules that Python writes into protocols up to 2. */
const OLD_MODULES = new Map([
  ['__builtin__', 'builtins'],
  ['copy_reg', 'copyreg'],
]);

function isPath(name: string): boolean {
  return name.length <= 200 && /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(name);
}

/** The value of a pickle, as nodes. Throws {@link PickleError}. */
export function readPickle(bytes: Uint8Array): Node {
  if (bytes.length > LIMITS.bytes) {
    throw new PickleError({ opcode: 'start', offset: 0 }, `the pickle has more than ${LIMITS.bytes} bytes`);
  }
  return new Machine(bytes).run();
}
