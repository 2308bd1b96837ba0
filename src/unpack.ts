/** Appends the packed rows of a chunk (binding/engine/row_writers.h) to `rows`. */
export type Unpack = (rows: unknown[], texts: unknown[], buffer: ArrayBuffer, count: number, numbers: number) => void;

/** Tags of cells: binding/engine/packet.h. */
const TAG_NULL = 0;
const TAG_REAL = 2;
const TAG_TEXT = 3;
const TAG_INT64 = 4;

/** Cells of a chunk, one after another. */
class Cells {
  readonly #texts: unknown[];
  readonly #numbers: Float64Array;
  readonly #tags: Uint8Array;
  readonly #bytes: Uint8Array;
  #integers: BigInt64Array | undefined;
  #nextTag = 0;
  #nextNumber = 0;
  #nextText = 0;
  #nextByte = 0;

  constructor(texts: unknown[], buffer: ArrayBuffer, tags: number, numbers: number) {
    this.#texts = texts;
    this.#numbers = new Float64Array(buffer, 0, numbers);
    this.#tags = new Uint8Array(buffer, numbers * 8, tags);
    this.#bytes = new Uint8Array(buffer, numbers * 8 + tags);
  }

  next(): unknown {
    switch (this.#tags[this.#nextTag++]) {
      case TAG_NULL:
        return null;
      case TAG_REAL:
        return this.#numbers[this.#nextNumber++];
      case TAG_TEXT:
        return this.#texts[this.#nextText++];
      case TAG_INT64:
        this.#integers ??= new BigInt64Array(this.#numbers.buffer, 0, this.#numbers.length);
        return this.#integers[this.#nextNumber++];
      default: {
        const begin = this.#nextByte;
        this.#nextByte = begin + (this.#numbers[this.#nextNumber++] as number);
        // A copy with memory of its own: results share nothing.
        return this.#bytes.slice(begin, this.#nextByte);
      }
    }
  }
}

/** Makes one row of the next cells. */
type MakeRow = (cells: Cells) => unknown;

const unpackers = new Map<string, Unpack>();
const MOST_UNPACKERS = 500;

/**
 * The function that unpacks rows of these columns. It is made once per set of columns, so that the engine knows the
 * shape of its objects: an object literal with all keys costs a fraction of setting them one by one.
 */
export function unpackerFor(columns: readonly string[], arrays: boolean): Unpack {
  const key = arrays ? String(columns.length) : JSON.stringify(columns);
  let unpack = unpackers.get(key);
  if (unpack === undefined) {
    // Of columns with one name the worker sends the last alone.
    const names = arrays ? [] : columns.filter((name, i) => columns.lastIndexOf(name) === i);
    const width = arrays ? columns.length : names.length;
    const makeRow = arrays ? arrayMaker(width) : objectMaker(names);
    unpack = (rows, texts, buffer, count, numbers) => {
      const cells = new Cells(texts, buffer, count * width, numbers);
      for (let i = 0; i < count; i++) rows.push(makeRow(cells));
    };
    if (unpackers.size >= MOST_UNPACKERS) unpackers.delete(unpackers.keys().next().value as string);
    unpackers.set(key, unpack);
  }
  return unpack;
}

function arrayMaker(width: number): MakeRow {
  return (cells) => {
    const row = new Array(width);
    for (let i = 0; i < width; i++) row[i] = cells.next();
    return row;
  };
}

function objectMaker(names: readonly string[]): MakeRow {
  try {
    // A computed key, so that '__proto__' is a column like any other.
    const members = names.map(
      (name) => `${name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)}: cells.next()`,
    );
    return new Function('cells', `return { ${members.join(', ')} };`) as MakeRow;
  } catch {
    // --disallow-code-generation-from-strings
    return (cells) => Object.fromEntries(names.map((name) => [name, cells.next()]));
  }
}
