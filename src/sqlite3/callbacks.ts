import type { Database } from './database.js';
import type { Statement } from './statement.js';

/** A callback at the end of a call; `this` is the statement or the database. */
// biome-ignore lint/suspicious/noExplicitAny: callbacks of every call
export type Callback = (this: any, ...results: any[]) => void;

/** A value of a parameter, an array or an object of values. */
// biome-ignore lint/complexity/noBannedTypes: everything, and yet a function there has the type of the callback
export type Param = {} | null | undefined;
/** Arguments of a call: values, then perhaps a callback. */
export type Args<Callback> = [...values: Param[], callback: Callback] | Param[];

/** Callback of a call without a result. */
export type ErrorCallback<This = Statement> = (this: This, error: Error | null) => void;
/** Callback of `run()`: `this` has `lastID` and `changes`. */
export type RunCallback = (this: Statement, error: Error | null) => void;
/** Callback of `get()` and, for each row, of `each()`. */
export type RowCallback<T> = (this: Statement, error: Error | null, row: T) => void;
/** Callback of `all()`. */
export type RowsCallback<T> = (this: Statement, error: Error | null, rows: T[]) => void;
/** Callback of `each()` after the last row. */
export type CompleteCallback = (this: Statement, error: Error | null, count: number) => void;
/** Callback of `map()`. */
export type MapCallback<T> = (this: Statement, error: Error | null, map: Record<string, T>) => void;
/** Arguments of `each()`: values, then perhaps a callback for each row and one for the end. */
export type EachArgs<T> = [...values: Param[], row: RowCallback<T>, complete: CompleteCallback] | Args<RowCallback<T>>;
/** Callback of opening and closing. */
export type DatabaseCallback = (this: Database, error: Error | null) => void;

/** Separates the arguments of a call into values and the functions at their end, of which there are at most `most`. */
export function split(args: readonly unknown[], most = 1): { given: readonly unknown[]; callbacks: Callback[] } {
  let end = args.length;
  while (end > 0 && args.length - end < most && typeof args[end - 1] === 'function') end--;
  return { given: args.slice(0, end), callbacks: args.slice(end) as Callback[] };
}

/** Calls a user's function. Its exception is an uncaught one, not a failure of the call. */
export function deliver(owner: object, callback: Callback, args: unknown[]): void {
  try {
    callback.apply(owner, args);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
