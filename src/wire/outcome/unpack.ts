import { constructorSource } from '../../codec/constructor-source.js';
import { Tag } from '../protocol.js';
import type { PackedRows } from './outcome.js';

/** Appends the rows of a chunk to `rows`. */
export type Unpack = (rows: unknown[], chunk: PackedRows) => void;

/** Sources of a chunk's cells, read one after another. */
class Cells {
  readonly tags: Uint8Array;
  readonly numbers: Float64Array;
  readonly texts: unknown[];
  readonly wides: unknown[];
  readonly shorts: string;
  readonly #bytes: Uint8Array;
  #integers: BigInt64Array | undefined;
  #nextByte = 0;

  constructor({ texts, wides, shorts, buffer, numbers }: PackedRows, tags: number) {
    this.texts = texts === undefined ? [] : (JSON.parse(texts) as unknown[]);
    this.wides = wides === undefined ? [] : (JSON.parse(wides) as unknown[]);
    this.shorts = shorts;
    this.numbers = new Float64Array(buffer, 0, numbers);
    this.tags = new Uint8Array(buffer, numbers * 8, tags);
    this.#bytes = new Uint8Array(buffer, numbers * 8 + tags);
  }

  bigint(number: number): bigint | undefined {
    this.#integers ??= new BigInt64Array(this.numbers.buffer, 0, this.numbers.length);
    return this.#integers[number];
  }

  /** A copy with memory of its own: results share nothing. */
  blob(length: number): Uint8Array {
    const begin = this.#nextByte;
    this.#nextByte = begin + length;
    return this.#bytes.slice(begin, this.#nextByte);
  }
}

type Fill = (rows: unknown[], cells: Cells, count: number) => void;

/** Compiled functions by the columns of their rows, the one used longest ago first. */
const compiled = new Map<string, { unpack: Unpack; columns: number }>();
let compiledColumns = 0;
/** Compiled code takes 1 to 2.5 KB a column. Beyond this many columns in all, the oldest functions are dropped. */
const MOST_COMPILED_COLUMNS = 8_000;
/** Wider rows gain nothing from compiled code: V8 keeps them as dictionaries. */
const WIDEST_COMPILED = 400;

/** Returns the function that unpacks rows of these columns; compiles it for the first rows of its kind. */
export function unpackerFor(columns: readonly string[], arrays: boolean): Unpack {
  if (columns.length > WIDEST_COMPILED) return unpackerOf(columns, arrays, plainFiller);
  const key = arrays ? String(columns.length) : JSON.stringify(columns);
  const known = compiled.get(key);
  if (known !== undefined) {
    compiled.delete(key);
    compiled.set(key, known);
    return known.unpack;
  }
  const unpack = unpackerOf(columns, arrays, fillerFor);
  compiled.set(key, { unpack, columns: columns.length });
  compiledColumns += columns.length;
  for (const [oldest, { columns: count }] of compiled) {
    if (compiledColumns <= MOST_COMPILED_COLUMNS) break;
    compiled.delete(oldest);
    compiledColumns -= count;
  }
  return unpack;
}

/** Frees the compiled functions. */
export function forgetUnpackers(): void {
  compiled.clear();
  compiledColumns = 0;
}

function unpackerOf(
  columns: readonly string[],
  arrays: boolean,
  make: (names: readonly string[], arrays: boolean) => Fill,
): Unpack {
  const names = arrays ? columns : lastOfEachName(columns);
  const fill = make(names, arrays);
  return (rows, chunk) => fill(rows, new Cells(chunk, chunk.rows * names.length), chunk.rows);
}

/** The worker sends only the last of several columns of one name. */
function lastOfEachName(columns: readonly string[]): readonly string[] {
  const lastAt = new Map(columns.map((name, i) => [name, i]));
  return lastAt.size === columns.length ? columns : columns.filter((name, i) => lastAt.get(name) === i);
}

function fillerFor(names: readonly string[], arrays: boolean): Fill {
  try {
    return compileFiller(names, arrays);
  } catch {
    return plainFiller(names, arrays); // --disallow-code-generation-from-strings
  }
}

/**
 * As straight-line code: every row is made at once with all keys, so that the engine knows its shape, and every cell is a
 * few instructions. Measured (1,000 rows of 10, JavaScript thread): half of what a call per cell costs.
 */
function compileFiller(names: readonly string[], arrays: boolean): Fill {
  const cells = names.map((_, i) => {
    const value = `v${i}`;
    return `let ${value};
      switch (tag = tags[at++]) {
        case ${Tag.null}: ${value} = null; break;
        case ${Tag.real}: ${value} = numbers[number++]; break;
        case ${Tag.text}: ${value} = texts[text++]; break;
        case ${Tag.wide}: ${value} = wides[wide++]; break;
        case ${Tag.int64}: ${value} = cells.bigint(number++); break;
        case ${Tag.blob}: ${value} = cells.blob(numbers[number++]); break;
        default: ${value} = shorts.substring(short, short += tag - ${Tag.short});
      }`;
  });
  const values = names.map((_, i) => `v${i}`);
  // Objects and copies begin in V8's young generation, those of a literal may not: see constructorSource().
  const row = arrays
    ? {
        before: `const row = [${values.map(() => 'undefined').join(', ')}];`,
        add: `${values.map((value, i) => `row[${i}] = ${value};`).join(' ')} rows.push(row.slice());`,
        after: 'row.fill(undefined);',
      }
    : { before: constructorSource('Row', names), add: `rows.push(new Row(${values.join(', ')}));`, after: '' };
  const code = `${row.before}
  return (rows, cells, count) => {
    const { tags, numbers, texts, wides, shorts } = cells;
    let at = 0, tag = 0, number = 0, text = 0, wide = 0, short = 0;
    for (let i = 0; i < count; i++) {
      ${cells.join('\n')}
      ${row.add}
    }
    ${row.after}
  };`;
  return new Function(code)() as Fill;
}

function plainFiller(names: readonly string[], arrays: boolean): Fill {
  return (rows, cells, count) => {
    let at = 0;
    let number = 0;
    let text = 0;
    let wide = 0;
    let short = 0;
    const next = () => {
      const tag = cells.tags[at++] as number;
      switch (tag) {
        case Tag.null:
          return null;
        case Tag.real:
          return cells.numbers[number++];
        case Tag.text:
          return cells.texts[text++];
        case Tag.wide:
          return cells.wides[wide++];
        case Tag.int64:
          return cells.bigint(number++);
        case Tag.blob:
          return cells.blob(cells.numbers[number++] as number);
        default:
          short += tag - Tag.short;
          return cells.shorts.substring(short - (tag - Tag.short), short);
      }
    };
    for (let i = 0; i < count; i++) {
      const values = names.map(next);
      rows.push(arrays ? values : Object.fromEntries(names.map((name, at) => [name, values[at]])));
    }
  };
}
