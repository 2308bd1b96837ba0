import { constants } from 'node:buffer';
import { isAnyArrayBuffer } from 'node:util/types';
import { AiosqliteError, invalidArgument, outOfRange } from '../errors.js';
import type { Params, SqlArray, SqlParam } from '../executor.js';
import { native } from './native.js';
import { Header, Tag } from './protocol.js';
import { sharedNumberOf, sharedText, shareWhatWasMet } from './shared-texts.js';

/**
 * What a call carries to its worker, written in one pass into memory that both sides see: a tag and a number per entry,
 * all texts in one string. It crosses in three copies, however many values it has (measured: value by value through
 * Node-API costs the JavaScript thread four times as much).
 *
 * There is one packet at a time: `begin`, the entries, then Port.submit, with nothing awaited in between. A call that
 * must wait before it has a worker takes its packet along with `park` and `unpark`.
 */

const INITIAL_CAPACITY = 4096;
/** A packet that was larger than this gives its memory back. */
const LARGEST_KEPT = 1 << 17;

/** Before the first packet, more than any. */
let capacity = Number.POSITIVE_INFINITY;
let slots: Float64Array;
let integers: BigInt64Array;
let tags: Uint8Array;
let at: number = Header.firstEntry;
let texts = '';
let blobs: Uint8Array[] | undefined;
let sqls = '';
let lastTicket = 0;

function allocate(size: number): void {
  const buffer = new ArrayBuffer(size * 9);
  const newSlots = new Float64Array(buffer, 0, size);
  const newIntegers = new BigInt64Array(buffer, 0, size);
  const newTags = new Uint8Array(buffer, size * 8, size);
  if (capacity <= size) {
    newSlots.set(slots);
    newTags.set(tags);
  }
  native().setScratch(buffer, size);
  // After all calls, as each can fail for want of stack: both sides see the same memory, or this one hears of it.
  capacity = size;
  slots = newSlots;
  integers = newIntegers;
  tags = newTags;
}

/** Starts a packet; what was written before is dropped. Returns a ticket for {@link checkWhole}. */
export function begin(): number {
  if (capacity > LARGEST_KEPT) allocate(INITIAL_CAPACITY);
  shareWhatWasMet();
  at = Header.firstEntry;
  texts = '';
  blobs = undefined;
  sqls = '';
  return ++lastTicket;
}

/** Throws if another packet has been begun since: reading the caller's arguments may run a getter that makes a call. */
export function checkWhole(ticket: number): void {
  if (ticket === lastTicket) return;
  throw new AiosqliteError('ERR_INVALID_ARG_VALUE', 'a getter among the arguments has made a call of its own');
}

/** How many elements an array has. A Proxy may say anything, and what comes after is counted on. */
export function lengthOf(array: readonly unknown[]): number {
  return array.length >>> 0;
}

export function addNumber(value: number): void {
  if (at === capacity) allocate(capacity * 2);
  tags[at] = Tag.integer;
  slots[at++] = value;
}

export function addText(value: string): void {
  if (texts.length + value.length >= constants.MAX_STRING_LENGTH) {
    throw outOfRange('what one call carries in texts', `less than ${constants.MAX_STRING_LENGTH} characters`);
  }
  if (at === capacity) allocate(capacity * 2);
  tags[at] = Tag.text;
  slots[at++] = value.length;
  texts += value;
  // Also keeps a lone surrogate at the end from pairing with one at the start of the next text.
  texts += '\0';
}

/** A text that other packets are likely to have, too: see shared-texts.ts. */
export function addShared(text: string): void {
  const number = sharedNumberOf(text);
  if (number === undefined) {
    addText(text);
    return;
  }
  if (at === capacity) allocate(capacity * 2);
  tags[at] = Tag.shared;
  slots[at++] = number;
}

/** SQL text, kept for those who trace. */
export function addSql(sql: string): void {
  addShared(sql);
  sqls = sqls === '' ? sql : `${sqls};\n${sql}`;
}

/** The SQL texts of the packet. */
export function sqlOf(): string {
  return sqls;
}

/** The values of one statement: their count, negative if they go by name, then each, with its name before it. */
export function addParams(params: Params | undefined, name = 'params'): void {
  if (params === undefined) {
    addNumber(0);
    return;
  }
  if (Array.isArray(params)) {
    const count = lengthOf(params);
    addNumber(count);
    for (let i = 0; i < count; i++) addValue(params[i], name, i, true);
    return;
  }
  if (typeof params !== 'object' || params === null || ArrayBuffer.isView(params) || isAnyArrayBuffer(params)) {
    throw invalidArgument(name, 'an array or an object', params);
  }
  const keys = Object.keys(params);
  addNumber(-keys.length);
  for (const key of keys) {
    addText(key);
    addValue((params as Record<string, SqlParam>)[key], name, key, true);
  }
}

/** One value; `name` and `key` say what it is called in an error. `arrays`: it may be one for carray(?). */
export function addValue(
  value: SqlParam | SqlArray | undefined,
  name: string,
  key: number | string,
  arrays = false,
): void {
  if (at === capacity) allocate(capacity * 2);
  switch (typeof value) {
    case 'string':
      addText(value);
      return;
    case 'number':
      // -0 has no place among SQLite's integers. NaN becomes NULL there.
      tags[at] = Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0) ? Tag.integer : Tag.real;
      slots[at++] = value;
      return;
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw outOfRange(place(name, key), 'a signed 64-bit integer');
      tags[at] = Tag.int64;
      integers[at++] = value;
      return;
    case 'boolean':
      tags[at] = Tag.integer;
      slots[at++] = value ? 1 : 0;
      return;
    case 'object':
      if (value === null) {
        tags[at] = Tag.null;
        slots[at++] = 0;
        return;
      }
      if (ArrayBuffer.isView(value) || isAnyArrayBuffer(value)) {
        addBlob(bytesOf(value, name, key));
        return;
      }
      if (arrays && Array.isArray(value)) {
        addArray(value, place(name, key));
        return;
      }
  }
  throw invalidArgument(place(name, key), 'null, a number, bigint, string, boolean or binary data', value);
}

/** What the elements of one array may be together, as sets of tags. carray() knows one type for all. */
const ONE_TYPE = [[Tag.integer, Tag.int64], [Tag.integer, Tag.real], [Tag.text], [Tag.blob]].map((tags) =>
  tags.reduce((set, tag) => set | (1 << tag), 0),
);

function addArray(values: SqlArray, name: string): void {
  if (at === capacity) allocate(capacity * 2);
  const count = lengthOf(values);
  tags[at] = Tag.array;
  slots[at++] = count;
  let found = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (typeof value === 'string' && value.includes('\0')) {
      throw new AiosqliteError(
        'ERR_INVALID_ARG_VALUE',
        `${place(name, i)} holds U+0000, where carray() would stop reading`,
      );
    }
    addValue(value, name, i);
    found |= 1 << (tags[at - 1] as number);
  }
  if (!ONE_TYPE.some((allowed) => (found & ~allowed) === 0)) {
    throw invalidArgument(
      name,
      'an array of one type: of numbers, bigints, strings or binary data, without null',
      values,
    );
  }
}

function bytesOf(value: ArrayBuffer | ArrayBufferView, name: string, key: number | string): Uint8Array {
  try {
    return ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
  } catch {
    throw invalidArgument(place(name, key), 'binary data that is still there', value);
  }
}

function addBlob(bytes: Uint8Array): void {
  blobs ??= [];
  tags[at] = Tag.blob;
  slots[at++] = blobs.length;
  blobs.push(bytes);
}

/** How a value is called in an error: `params[0]`, `params.name`. */
function place(name: string, key: number | string): string {
  return typeof key === 'number' ? `${name}[${key}]` : `${name}.${key}`;
}

/** The call's own numbers, in front of the entries. */
export function setHeader(
  id: number,
  request: number,
  lane: number,
  policy: number,
  timeoutMs: number,
  cancellable: boolean,
): void {
  slots[Header.id] = id;
  slots[Header.request] = request;
  slots[Header.lane] = lane;
  slots[Header.policy] = policy;
  slots[Header.timeoutMs] = timeoutMs;
  slots[Header.cancellable] = cancellable ? 1 : 0;
  slots[Header.entries] = at - Header.firstEntry;
  slots[Header.textLength] = texts.length;
}

/** The texts and blobs of the packet, for the call that hands it over. */
export function textsOf(): string {
  return texts;
}
export function blobsOf(): Uint8Array[] | undefined {
  return blobs;
}

export interface ParkedPacket {
  slots: Float64Array;
  tags: Uint8Array;
  texts: string;
  blobs: Uint8Array[] | undefined;
  sqls: string;
}

/** Copies the packet out, values and all: they are those of the moment of the call, whatever the caller does next. */
export function park(): ParkedPacket {
  if (tags.subarray(Header.firstEntry, at).includes(Tag.shared)) unshare();
  return {
    slots: slots.slice(0, at),
    tags: tags.slice(0, at),
    texts,
    blobs: blobs?.map((bytes) => bytes.slice()),
    sqls,
  };
}

/** Writes shared texts out: by the time the packet is sent, their numbers may stand for others. */
function unshare(): void {
  let from = 0;
  const parts: string[] = [];
  for (let i = Header.firstEntry; i < at; i++) {
    if (tags[i] === Tag.shared) {
      const text = sharedText(slots[i] as number);
      tags[i] = Tag.text;
      slots[i] = text.length;
      parts.push(text, '\0');
    } else if (tags[i] === Tag.text) {
      const end = from + (slots[i] as number) + 1;
      parts.push(texts.slice(from, end));
      from = end;
    }
  }
  texts = parts.join('');
}

/** Makes a parked packet the current one. */
export function unpark(parked: ParkedPacket): void {
  lastTicket++;
  while (capacity < parked.slots.length) allocate(capacity * 2);
  slots.set(parked.slots);
  tags.set(parked.tags);
  at = parked.slots.length;
  texts = parked.texts;
  blobs = parked.blobs;
  sqls = parked.sqls;
}
