import { isWellFormed } from './codec/well-formed.js';
import { invalidArgument, outOfRange, unknownOption } from './errors.js';
import type {
  BatchOptions,
  BatchQuery,
  CallOptions,
  IterateOptions,
  ManyOptions,
  RowOptions,
  TransactionOptions,
} from './executor.js';

export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgument(name, 'a string', value);
}

export function checkFunction<T>(name: string, value: T): asserts value is NonNullable<T> {
  if (typeof value !== 'function') throw invalidArgument(name, 'a function', value);
}

export function checkArray(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalidArgument(name, 'an array', value);
}

export function checkBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw invalidArgument(name, 'a Uint8Array', value);
}

/** An array is no object, where options are expected. */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(name, 'an object', value);
  }
}

/** The names of an options type. The compiler refuses a table that lacks one or has another. */
export type NamesOf<Options> = { readonly [name in keyof Required<Options>]: true };

export const CALL_OPTIONS: NamesOf<CallOptions> = { signal: true, timeoutMs: true };
export const ROW_OPTIONS: NamesOf<RowOptions> = { ...CALL_OPTIONS, rowMode: true, jsonColumns: true };
export const ITERATE_OPTIONS: NamesOf<IterateOptions> = { ...ROW_OPTIONS, batchSize: true };
export const BATCH_OPTIONS: NamesOf<BatchOptions> = {
  ...CALL_OPTIONS,
  rowMode: true,
  columns: true,
  secureDelete: true,
};
export const MANY_OPTIONS: NamesOf<ManyOptions> = { ...CALL_OPTIONS, onProgress: true };
export const BATCH_QUERY: NamesOf<BatchQuery> = { sql: true, params: true, jsonColumns: true, ifNone: true };
export const TRANSACTION_OPTIONS: NamesOf<TransactionOptions> = { ...CALL_OPTIONS, mode: true };

/**
 * Throws unless `value` is an object whose own names are all in the table. A misspelt option would have no effect.
 * `index` takes the place of a `#` in `name`.
 */
export function checkNames<Options>(name: string, value: Options, known: NamesOf<Options>, index = 0): void {
  const isSignal = value instanceof AbortSignal;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isSignal) {
    const expected = isSignal ? 'an object such as { signal }' : 'an object';
    throw invalidArgument(name.replace('#', String(index)), expected, value);
  }
  for (const key in value) {
    // A name that every object inherits, like 'toString', has another value here.
    if ((known as Record<string, unknown>)[key] !== true && Object.hasOwn(value as object, key)) {
      throw unknownName(name.replace('#', String(index)), key, Object.keys(known));
    }
  }
}

/** The options of one type among those of several. */
export function pick<Options>(options: Options, names: NamesOf<Options>): Options {
  return Object.fromEntries(
    Object.entries(options as object).filter(([name]) => Object.hasOwn(names, name)),
  ) as Options;
}

function unknownName(name: string, key: string, known: string[]): TypeError {
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
  return unknownOption(`${name}.${key}`, hint);
}

/** Two names are near if their letters in common, in order, make up this share of both. */
const NEAR = 0.6;

/** The known name that is most like this one, if any is like it. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, likeness: likeness(key.toLowerCase(), name.toLowerCase()) }));
  const [best] = ranked.sort((a, b) => b.likeness - a.likeness);
  return best !== undefined && best.likeness >= NEAR ? best.name : undefined;
}

/** From 0 to 1: twice the length of the longest common subsequence, over the sum of both lengths. */
function likeness(a: string, b: string): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const letter of a) {
    const next = [0];
    for (let i = 0; i < b.length; i++) {
      next.push(letter === b[i] ? (row[i] as number) + 1 : Math.max(next[i] as number, row[i + 1] as number));
    }
    row = next;
  }
  return (2 * (row[b.length] as number)) / (a.length + b.length);
}

/** Checks a duration in milliseconds; fractions are allowed. */
export function checkTimeoutMs(name: string, timeoutMs: unknown): void {
  if (typeof timeoutMs !== 'number') throw invalidArgument(name, 'a number', timeoutMs);
  if (!(timeoutMs > 0) || timeoutMs === Number.POSITIVE_INFINITY) {
    throw outOfRange(name, 'a positive number of milliseconds');
  }
}

/** Checks the option `signal`, which may be absent. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw invalidArgument('options.signal', 'an AbortSignal', signal);
}

/** Reads an option that is true or false; `fallback` if it is absent. */
export function boolean<K extends string>(options: { [key in K]?: unknown }, key: K, fallback: boolean): boolean {
  const value = options[key];
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidArgument(`options.${key}`, 'a boolean', value);
  return value;
}

/** Reads an option that is a function, or absent. */
export function optionalFunction<O, K extends keyof O & string>(options: O, key: K): O[K] {
  const value = options[key];
  if (value !== undefined) checkFunction(`options.${key}`, value);
  return value;
}

/** Reads an option that is a whole number from `least` to `most`; `fallback` if it is absent. */
export function integer<K extends string>(
  options: { [key in K]?: unknown },
  key: K,
  fallback: number,
  least: number,
  most: number,
): number {
  const value = options[key];
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw invalidArgument(`options.${key}`, 'a number', value);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw outOfRange(`options.${key}`, `a whole number from ${least} to ${most}`);
  }
  return value;
}

/** Reads an option that is one of `values`; `fallback` if it is absent. */
export function oneOf<K extends string, V extends string, F extends string>(
  options: { [key in K]?: unknown },
  key: K,
  values: readonly V[],
  fallback: F,
): V | F {
  const value = options[key];
  if (value === undefined) return fallback;
  checkString(`options.${key}`, value);
  if (!(values as readonly string[]).includes(value)) {
    throw outOfRange(`options.${key}`, `one of ${values.map((v) => `'${v}'`).join(', ')}`);
  }
  return value as V;
}

/** A path as SQLite takes it: as UTF-8, which has no lone surrogates, up to U+0000. */
export function checkPath(name: string, path: unknown): asserts path is string {
  if (typeof path !== 'string') throw invalidArgument(name, 'a path', path);
  if (path === '' || path.includes('\0') || !isWellFormed(path)) {
    throw outOfRange(name, 'a path, not empty, without U+0000 or lone surrogates');
  }
}
