import { native } from './native.js';

/** Memory that both sides of the addon see: a slot of 8 bytes and a tag for each entry of a call. */
export interface Memory {
  readonly buffer: ArrayBuffer;
  /** Number of entries. */
  readonly capacity: number;
  readonly slots: Float64Array;
  /** The same memory as `slots`. */
  readonly integers: BigInt64Array;
  readonly tags: Uint8Array;
}

const INITIAL_CAPACITY = 4096;
/** Larger memory goes back to the system. */
const LARGEST_KEPT = 1 << 17;
/** Calls that are written at a time: more than one if a getter among the arguments makes a call of its own. */
const MOST_FREE = 4;

/** Memory that no call uses. The one given back last is taken first: the addon reads it already. */
const free: Memory[] = [];
let shown: Memory | undefined;

export function allocate(capacity: number): Memory {
  const buffer = new ArrayBuffer(capacity * 9);
  return {
    buffer,
    capacity,
    slots: new Float64Array(buffer, 0, capacity),
    integers: new BigInt64Array(buffer, 0, capacity),
    tags: new Uint8Array(buffer, capacity * 8, capacity),
  };
}

export function takeMemory(): Memory {
  return free.pop() ?? allocate(INITIAL_CAPACITY);
}

/** Returns memory of another size with the same first entries, in place of `from`. */
export function resized(from: Memory, capacity: number, entries: number): Memory {
  const memory = allocate(capacity);
  memory.slots.set(from.slots.subarray(0, entries));
  memory.tags.set(from.tags.subarray(0, entries));
  giveBack(from);
  return memory;
}

export function giveBack(memory: Memory): void {
  const { capacity } = memory;
  if (capacity >= INITIAL_CAPACITY && capacity <= LARGEST_KEPT && free.length < MOST_FREE) free.push(memory);
}

/** Makes the addon read this memory. */
export function show(memory: Memory): void {
  if (memory === shown) return;
  native().setScratch(memory.buffer, memory.capacity);
  shown = memory; // last: the call before can fail for want of stack
}
