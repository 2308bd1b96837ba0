import { setImmediate } from 'node:timers'; // fake timers replace the global one
import { isAnyArrayBuffer } from 'node:util/types';
import type { Params, SqlArray, SqlParam } from '../executor.js';

export type Rows = Iterable<Params> | AsyncIterable<Params>;

/** A slice ends after this many rows, units of text and bytes, or milliseconds of reading. */
const SLICE_ROWS = 1_000;
const SLICE_SIZE = 1 << 18;
const SLICE_MS = 2;

/** Rows of an iterable, a slice at a time. Reading a slice holds the event loop for some milliseconds at most. */
export class Slices {
  readonly #iterator: Iterator<Params> | AsyncIterator<Params>;
  readonly #isAsync: boolean;
  #isReading = false;
  #hasEnded = false;

  constructor(rows: Rows) {
    this.#isAsync = typeof (rows as AsyncIterable<Params>)[Symbol.asyncIterator] === 'function';
    this.#iterator = this.#isAsync
      ? (rows as AsyncIterable<Params>)[Symbol.asyncIterator]()
      : (rows as Iterable<Params>)[Symbol.iterator]();
  }

  static isIterable(rows: unknown): rows is Rows {
    const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = (rows ?? {}) as Partial<Iterable<Params>> &
      Partial<AsyncIterable<Params>>;
    return typeof rows === 'object' && (typeof later === 'function' || typeof now === 'function');
  }

  /** Whether the last slice was taken, or the iterator was closed. */
  get haveEnded(): boolean {
    return this.#hasEnded;
  }

  /** The first slice of rows that need no waiting, read at once; `undefined` if they do. */
  first(): Params[] | undefined {
    return this.#isAsync ? undefined : this.#takeNow();
  }

  async take(): Promise<Params[]> {
    return this.#isAsync ? this.#takeAsync() : this.#takeNow();
  }

  #takeNow(): Params[] {
    const slice = new Slice();
    while (!slice.isFull) {
      const { done, value } = (this.#iterator as Iterator<Params>).next();
      if (done === true) {
        this.#hasEnded = true;
        break;
      }
      slice.add(value);
    }
    return slice.rows;
  }

  async #takeAsync(): Promise<Params[]> {
    const slice = new Slice();
    while (!slice.isFull && !this.#hasEnded) {
      const { done, value } = await this.#read();
      if (done === true) this.#hasEnded = true;
      else slice.add(value);
    }
    return slice.rows;
  }

  async #read(): Promise<IteratorResult<Params>> {
    this.#isReading = true;
    try {
      return await this.#iterator.next();
    } finally {
      this.#isReading = false;
    }
  }

  /** Ends the iterator before its last row. Waits for that, unless it still waits for a row. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // The failure that led here counts, not one of the clean-up.
    const closed = (async () => this.#iterator.return?.())().catch(() => {});
    if (!this.#isReading) await closed;
  }
}

class Slice {
  readonly rows: Params[] = [];
  readonly #until = performance.now() + SLICE_MS;
  #size = 0;

  get isFull(): boolean {
    const { length } = this.rows;
    return length >= SLICE_ROWS || this.#size >= SLICE_SIZE || (length > 0 && performance.now() >= this.#until);
  }

  /** Copies the row as it is now: its source may reuse the object, or the memory of a blob. */
  add(row: Params): void {
    this.rows.push(this.#copyOf(row));
  }

  #copyOf(row: Params): Params {
    if (typeof row !== 'object' || row === null || isBinary(row)) return row; // the call refuses it, by its place
    if (Array.isArray(row)) return row.map((value) => this.#valueOf(value));
    const copy = { ...row } as Record<string, SqlParam | SqlArray>;
    for (const name in copy) copy[name] = this.#valueOf(copy[name] as SqlParam);
    return copy;
  }

  #valueOf(value: SqlParam | SqlArray): SqlParam | SqlArray {
    if (typeof value === 'string') this.#size += value.length;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((each) => this.#valueOf(each)) as readonly string[];
    if (!isBinary(value) || value.byteLength === 0) return value;
    this.#size += value.byteLength;
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    return bytes.slice();
  }
}

function isBinary(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || isAnyArrayBuffer(value);
}

/** Runs slices until the last, each while the next one is read. Resolves to the sum of the changes. */
export async function runSlices(
  slices: Slices,
  first: Params[] | undefined,
  run: (rows: Params[], from: number) => Promise<{ changes: number }>,
  onProgress: ((rows: number) => void) | undefined,
): Promise<{ changes: number }> {
  let changes = 0;
  let rows = 0;
  for (let slice = first ?? (await slices.take()); ; ) {
    const running = run(slice, rows);
    const [ran, next] = await Promise.all([running, slices.haveEnded ? undefined : turn().then(() => slices.take())]);
    changes += ran.changes;
    rows += slice.length;
    onProgress?.(rows);
    if (next === undefined) return { changes };
    slice = next;
  }
}

/** Lets the event loop do its other work. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
