import { isWellFormed } from './codec/well-formed.js';
import { invalidArgument, outOfRange } from './errors.js';

/** Checks a duration in milliseconds; fractions are allowed. */
export function checkTimeoutMs(name: string, timeoutMs: unknown): void {
  if (typeof timeoutMs !== 'number') throw invalidArgument(name, 'a number', timeoutMs);
  if (!(timeoutMs > 0) || timeoutMs === Number.POSITIVE_INFINITY) {
    throw outOfRange(name, 'a positive number of milliseconds');
  }
}

/** Reads an option that is true or false; `fallback` if it is absent. */
export function boolean<K extends string>(options: { [key in K]?: unknown }, key: K, fallback: boolean): boolean {
  const value = options[key];
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidArgument(`options.${key}`, 'a boolean', value);
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
  if (typeof value !== 'string') throw invalidArgument(`options.${key}`, 'a string', value);
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
