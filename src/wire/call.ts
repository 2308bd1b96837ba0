import { constants } from 'node:buffer';
import { isAnyArrayBuffer } from 'node:util/types';
import { AiosqliteError, invalidArgument, outOfRange } from '../errors.js';
import type { Params, SqlArray, SqlParam } from '../executor.js';
import { allocate, giveBack, type Memory, resized, show, takeMemory } from './memory.js';
import type { NativeQueue, NativeWorker } from './native.js';
import { Header, Policy, type Request, Tag } from './protocol.js';
import { type SharedTexts, sharedTexts } from './shared-texts.js';

/** Read once: values come by the hundred thousand. */
const { null: NULL, integer: INTEGER, real: REAL, text: TEXT } = Tag;
const { MAX_STRING_LENGTH: LONGEST } = constants;

/** Longer strings go to memory that the system hands out page by page: V8 copies what is in parts to make it one text. */
const PART = 1 << 15;

/** Memory of calls that were sent. */
const NONE: Memory = allocate(0);

/**
 * One call of a worker, written in one pass: `Call.of(Request.readBlob).number(id).number(offset)`, then `Lane.send`.
 * Memory that both sides see holds its entries, a tag and a number each; strings of {@link PART} units and more hold its texts.
 * So it crosses in few copies, however many values it has.
 */
export class Call {
  readonly request: Request;
  /** Restrictions and wishes of this call, beside those of its lane (Policy). */
  policy: number = Policy.none;
  #memory: Memory;
  #at: number = Header.firstEntry;
  #texts = '';
  /** The texts before these, in strings of {@link PART} units and more. */
  #parts: string[] | undefined;
  /** Of all texts. */
  #textLength = 0;
  #blobs: Uint8Array[] | undefined;
  /** SQL of the call; of a batch that of its first query. */
  #sql: string | undefined;
  #moreSql: string[] | undefined;
  readonly #shared: SharedTexts = sharedTexts();

  private constructor(request: Request) {
    this.request = request;
    this.#memory = takeMemory();
  }

  static of(request: Request): Call {
    return new Call(request);
  }

  #add(tag: number, value: number): void {
    const at = this.#at++;
    if (at === this.#memory.capacity) this.#memory = resized(this.#memory, at * 2, at);
    this.#memory.tags[at] = tag;
    this.#memory.slots[at] = value;
  }

  number(value: number): this {
    this.#add(INTEGER, value);
    return this;
  }

  flag(on: boolean): this {
    this.#add(INTEGER, on ? 1 : 0);
    return this;
  }

  text(value: string): this {
    if (this.#textLength + value.length >= LONGEST) throw tooLong();
    this.#add(TEXT, value.length);
    this.#textLength += value.length;
    this.#texts += value;
    if (this.#texts.length >= PART) this.#endPart();
    return this;
  }

  #endPart(): void {
    this.#parts ??= [];
    this.#parts.push(this.#texts);
    this.#texts = '';
  }

  /** Their count, then each. */
  texts(values: readonly string[]): this {
    this.number(values.length);
    for (const value of values) this.text(value);
    return this;
  }

  /** A text that other calls are likely to have, too: see shared-texts.ts. */
  sharedText(value: string): this {
    const number = this.#shared.numberOf(value);
    if (number === undefined) return this.text(value);
    this.#add(Tag.shared, number);
    return this;
  }

  sql(sql: string): this {
    if (this.#sql === undefined) {
      this.#sql = sql;
    } else if (this.#moreSql === undefined) {
      this.#moreSql = [sql]; // the first push() to an empty array makes room for 17
    } else {
      this.#moreSql.push(sql);
    }
    return this.sharedText(sql);
  }

  /** All SQL of the call, for traces. */
  get sqlText(): string {
    return this.#moreSql === undefined ? (this.#sql ?? '') : [this.#sql, ...this.#moreSql].join(';\n');
  }

  /** Whether the call has SQL, and `test` holds for each of its texts. */
  everySql(test: (sql: string) => boolean): boolean {
    return this.#sql !== undefined && test(this.#sql) && (this.#moreSql === undefined || this.#moreSql.every(test));
  }

  /**
   * The values of one statement: their count, negative if they go by name, then each, with its name before it. `name`:
   * the argument that they come from, for errors; `index` takes the place of a `#` in it.
   */
  params(params: Params | undefined, name = 'params', index = 0): this {
    if (params === undefined) return this.number(0);
    if (Array.isArray(params)) {
      const count = lengthOf(params);
      this.number(count);
      for (let i = 0; i < count; i++) this.value(params[i], name, i, index, true);
      return this;
    }
    if (typeof params !== 'object' || params === null || ArrayBuffer.isView(params) || isAnyArrayBuffer(params)) {
      throw invalidArgument(name.replace('#', String(index)), 'an array or an object', params);
    }
    const keys = Object.keys(params);
    this.number(-keys.length);
    for (const key of keys) this.text(key).value((params as Record<string, SqlParam>)[key], name, key, index, true);
    return this;
  }

  /** One value; `name`, `key` and `index` name it in errors. `arrays`: it may be one for carray(?). */
  value(value: SqlParam | SqlArray | undefined, name: string, key: number | string, index = 0, arrays = false): this {
    // Most values end here: V8 inlines a function that is so short.
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') {
      // SQLite's integers have no -0. NaN becomes NULL there.
      this.#add(Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0) ? INTEGER : REAL, value);
      return this;
    }
    if (value === null) {
      this.#add(NULL, 0);
      return this;
    }
    return this.#otherValue(value, name, key, index, arrays);
  }

  #otherValue(
    value: SqlParam | SqlArray | undefined,
    name: string,
    key: number | string,
    index: number,
    arrays: boolean,
  ): this {
    switch (typeof value) {
      case 'bigint':
        if (BigInt.asIntN(64, value) !== value) throw outOfRange(place(name, key, index), 'a signed 64-bit integer');
        this.#add(Tag.int64, 0);
        this.#memory.integers[this.#at - 1] = value;
        return this;
      case 'boolean':
        return this.flag(value);
      case 'object':
        if (ArrayBuffer.isView(value) || isAnyArrayBuffer(value)) {
          this.#blobs ??= [];
          this.#add(Tag.blob, this.#blobs.push(bytesOf(value, name, key, index)) - 1);
          return this;
        }
        if (arrays && Array.isArray(value)) return this.#array(value, place(name, key, index));
    }
    throw invalidArgument(place(name, key, index), 'null, a number, bigint, string, boolean or binary data', value);
  }

  #array(values: SqlArray, name: string): this {
    const count = lengthOf(values);
    this.#add(Tag.array, count);
    let found = 0;
    for (let i = 0; i < count; i++) {
      const value = values[i];
      if (typeof value === 'string' && value.includes('\0')) {
        throw new AiosqliteError(
          'ERR_INVALID_ARG_VALUE',
          `${place(name, i)} holds U+0000, where carray() would stop reading`,
        );
      }
      this.value(value, name, i);
      found |= 1 << (this.#memory.tags[this.#at - 1] as number);
    }
    if (ONE_TYPE.some((allowed) => (found & ~allowed) === 0)) return this;
    throw invalidArgument(
      name,
      'an array of one type: of numbers, bigints, strings or binary data, without null',
      values,
    );
  }

  /**
   * Makes the call ready to wait: from here on it holds no more memory than its entries take, and copies of its blobs,
   * which the caller may change.
   */
  keep(): void {
    this.#memory = resized(this.#memory, this.#at, this.#at);
    this.#blobs = this.#blobs?.map((bytes) => bytes.slice());
  }

  /** Writes the call's own numbers in front of the entries, and makes the addon read its memory. */
  prepare(id: number, lane: number, policy: number, timeoutMs: number, cancellable: boolean): void {
    if (this.#memory === NONE) throw new Error('a call is sent once');
    const { slots } = this.#memory;
    slots[Header.id] = id;
    slots[Header.request] = this.request;
    slots[Header.lane] = lane;
    slots[Header.policy] = policy | this.policy;
    slots[Header.timeoutMs] = timeoutMs;
    slots[Header.cancellable] = cancellable ? 1 : 0;
    slots[Header.entries] = this.#at - Header.firstEntry;
    slots[Header.textLength] = this.#textLength;
    show(this.#memory);
  }

  /** Hands the prepared call over, once. Returns false if the queue is full. */
  submit(to: NativeQueue): boolean {
    const taken = to.submit(this.#allTexts, this.#blobs);
    this.#release();
    return taken;
  }

  get #allTexts(): string | string[] {
    return this.#parts === undefined ? this.#texts : [...this.#parts, this.#texts];
  }

  /** Starts a worker with the prepared call. */
  open(thread: NativeWorker, worker: number): void {
    thread.open(worker, this.#allTexts, this.#blobs);
    this.#release();
  }

  /** Gives the memory back, unless that has happened. For a call that can't be sent. */
  drop(): void {
    if (this.#memory !== NONE) this.#release();
  }

  /** Lets go of everything: callers hold their calls until the outcome. */
  #release(): void {
    giveBack(this.#memory);
    this.#memory = NONE;
    this.#texts = '';
    this.#parts = undefined;
    this.#blobs = undefined;
  }
}

function tooLong(): Error {
  return outOfRange('what one call carries in texts', `less than ${LONGEST} characters`);
}

/** Number of elements of an array. A Proxy may return anything, and later calculations rely on it. */
export function lengthOf(array: readonly unknown[]): number {
  return array.length >>> 0;
}

/** Tags that the elements of one array may have together, as sets of bits. carray() knows one type for all. */
const ONE_TYPE = [[Tag.integer, Tag.int64], [Tag.integer, Tag.real], [Tag.text], [Tag.blob]].map((tags) =>
  tags.reduce((set, tag) => set | (1 << tag), 0),
);

function bytesOf(value: ArrayBuffer | ArrayBufferView, name: string, key: number | string, index: number): Uint8Array {
  try {
    return ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
  } catch {
    throw invalidArgument(place(name, key, index), 'binary data that is still there', value);
  }
}

/** Name of a value in errors: `params[0]`, `params.name`, `rows[3][0]`. */
function place(name: string, key: number | string, index = 0): string {
  const argument = name.replace('#', String(index));
  return typeof key === 'number' ? `${argument}[${key}]` : `${argument}.${key}`;
}
