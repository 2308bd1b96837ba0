import { boolean, checkFunction, checkNames, checkString, integer, type NamesOf } from '../../arguments.js';
import { invalidArgument, outOfRange } from '../../errors.js';
import type { SqlParam, SqlValue } from '../../executor.js';
import { Call } from '../../wire/call.js';
import { forgetExceptions, keepException, native } from '../../wire/native.js';
import type { IntegerMode } from '../../wire/outcome/rows.js';
import { FunctionKind, HostOperation, Request } from '../../wire/protocol.js';
import type { Worker } from '../../wire/worker.js';
import { hasRestParameter } from './rest-parameter.js';
import type { Send } from './send.js';

/** Options of {@link Connection.createFunction} and {@link Connection.createAggregate}. */
export interface FunctionOptions {
  /** Equal arguments give equal results, so SQLite may call the function less often. Default: false. */
  deterministic?: boolean;
  /**
   * Refuses calls from the schema: from triggers, views, generated columns and others. Set it if database files from
   * other sources may be opened (sqlite.org/c3ref/c_deterministic.html). Default: false.
   */
  directOnly?: boolean;
  /** Default: that of the function, or any number where it takes a rest parameter. -1: any number. */
  argumentCount?: number;
}

const FUNCTION_OPTIONS: NamesOf<FunctionOptions> = { deterministic: true, directOnly: true, argumentCount: true };

/**
 * An aggregate for SQL; `S` is its state. Its functions run on the JavaScript thread. An exception rejects the call
 * that ran the SQL with `'ERR_FUNCTION'`.
 */
export interface Aggregate<S> {
  /** Makes the state of a group before its first row. */
  start: () => S;
  /** Adds a row. Returns the next state. */
  step: (state: S, ...args: SqlValue[]) => S;
  /** Removes a row that has left the window. With it the aggregate works as a window function. */
  inverse?: (state: S, ...args: SqlValue[]) => S;
  /** Default: the state itself. */
  result?: (state: S) => SqlParam;
}

const AGGREGATE: NamesOf<Aggregate<unknown>> = { start: true, step: true, inverse: true, result: true };

type Caller = (operation: number, instance: number, args: SqlValue[]) => unknown;

/** The owner of each function, by the number that the worker has for it. */
const owners = new Map<number, WeakRef<Functions>>();
let lastFunction = 0;

function callFunction(id: number, operation: number, instance: number, args: SqlValue[]): unknown {
  // A worker keeps its functions alive.
  const functions = owners.get(id)?.deref() as Functions;
  try {
    return checkResult(functions.call(id, operation, instance, args));
  } catch (error) {
    return [keepException(error, functions)];
  }
}

/** Throws unless a worker can take the value. Binary data becomes a Uint8Array. */
function checkResult(value: unknown): unknown {
  switch (typeof value) {
    case 'undefined':
    case 'number':
    case 'string':
    case 'boolean':
      return value;
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw outOfRange('the result', 'a signed 64-bit integer');
      return value;
    case 'object':
      if (value === null) return value;
      if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      if (value instanceof ArrayBuffer) return new Uint8Array(value);
      if (typeof (value as { then?: unknown }).then === 'function') {
        throw invalidArgument('the result', 'a value: SQL does not wait for a Promise', value);
      }
  }
  throw invalidArgument('the result', 'null, a number, bigint, string, boolean or binary data', value);
}

const ofWorkers = new WeakMap<Worker, Functions>();

/** The functions of a worker. In a pool they outlive the connection object of onConnect, which defines them. */
export function functionsOf(worker: Worker, integers: IntegerMode): Functions {
  let functions = ofWorkers.get(worker);
  if (functions === undefined) {
    functions = new Functions(integers);
    ofWorkers.set(worker, functions);
  }
  return functions;
}

/** The functions of one worker. They are released with it. */
export class Functions {
  readonly #ids = new Map<string, number>();
  readonly #callers = new Map<number, Caller>();
  readonly #integers: IntegerMode;

  constructor(integers: IntegerMode) {
    this.#integers = integers;
    collected.register(this, this.#ids);
  }

  call(id: number, operation: number, instance: number, args: SqlValue[]): unknown {
    return (this.#callers.get(id) as Caller)(operation, instance, args);
  }

  async createFunction(
    send: Send,
    name: string,
    // biome-ignore lint/suspicious/noConfusingVoidType: a function without a result gives NULL
    fn: (...args: SqlValue[]) => SqlParam | void,
    options: FunctionOptions = {},
  ): Promise<void> {
    checkName(name);
    checkFunction('fn', fn);
    const caller: Caller = (_operation, _instance, args) => fn(...this.#checked(args));
    await this.#define(send, FunctionKind.scalar, name, argumentsOf(options, fn, 0), options, caller);
  }

  async createAggregate<S>(
    send: Send,
    name: string,
    aggregate: Aggregate<S>,
    options: FunctionOptions = {},
  ): Promise<void> {
    checkName(name);
    checkNames('aggregate', aggregate as Aggregate<unknown>, AGGREGATE);
    const { start, step, inverse, result = (state: S) => state as SqlParam } = aggregate;
    for (const [key, value] of Object.entries({ start, step, inverse: inverse ?? step, result })) {
      checkFunction(`aggregate.${key}`, value);
    }
    const states = new Map<number, S>();
    const caller: Caller = (operation, instance, args) => {
      const isNew = operation !== HostOperation.forget && !states.has(instance);
      const state = isNew ? start() : (states.get(instance) as S);
      switch (operation) {
        case HostOperation.step:
          states.set(instance, step(state, ...this.#checked(args)));
          return undefined;
        case HostOperation.inverse:
          states.set(instance, (inverse as typeof step)(state, ...this.#checked(args)));
          return undefined;
        case HostOperation.final:
          states.delete(instance);
          return result(state);
        case HostOperation.forget:
          states.delete(instance);
          return undefined;
        default:
          return result(state);
      }
    };
    const kind = inverse === undefined ? FunctionKind.aggregate : FunctionKind.window;
    await this.#define(send, kind, name, argumentsOf(options, step, 1), options, caller);
  }

  async createCollation(send: Send, name: string, compare: (a: string, b: string) => number): Promise<void> {
    checkName(name);
    checkFunction('compare', compare);
    const caller: Caller = (_operation, _instance, args) => {
      const order = compare(args[0] as string, args[1] as string);
      if (typeof order !== 'number') throw invalidArgument('the result', 'a number', order);
      if (Number.isNaN(order)) throw outOfRange('the result', 'a number, not NaN');
      return order;
    };
    await this.#define(send, FunctionKind.collation, name, 2, {}, caller);
  }

  /** Lets go of all of them. */
  clear(): void {
    for (const id of this.#callers.keys()) owners.delete(id);
    this.#callers.clear();
    this.#ids.clear();
    forgetExceptions(this);
  }

  /** 'number' refuses what no number holds, as it does in rows. */
  #checked(args: SqlValue[]): SqlValue[] {
    if (this.#integers === 'number' && args.some((arg) => typeof arg === 'bigint')) {
      throw outOfRange('an argument', "a safe integer: use integerMode 'mixed' or 'bigint'");
    }
    return args;
  }

  async #define(
    send: Send,
    kind: FunctionKind,
    name: string,
    argumentCount: number,
    options: FunctionOptions,
    caller: Caller,
  ): Promise<void> {
    if (lastFunction === 0) native().setFunctionCaller(callFunction);
    const id = ++lastFunction;
    const call = Call.of(Request.define).number(kind).text(name).number(argumentCount);
    call
      .flag(boolean(options, 'deterministic', false))
      .flag(boolean(options, 'directOnly', false))
      .number(id);
    owners.set(id, new WeakRef(this));
    this.#callers.set(id, caller);
    try {
      await send(call);
    } catch (error) {
      this.#drop(id);
      throw error;
    }
    // SQLite tells functions apart by their name, in which case of ASCII letters alone makes no difference, and their
    // argument count.
    const sameName = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const key = `${kind === FunctionKind.collation ? 'collation' : argumentCount} ${sameName}`;
    this.#drop(this.#ids.get(key) ?? 0);
    this.#ids.set(key, id);
  }

  #drop(id: number): void {
    owners.delete(id);
    this.#callers.delete(id);
  }
}

const collected = new FinalizationRegistry<Map<string, number>>((ids) => {
  for (const id of ids.values()) owners.delete(id);
});

function checkName(name: unknown): asserts name is string {
  checkString('name', name);
  // sqlite.org/c3ref/create_function.html: at most 255 bytes.
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > 255) {
    throw outOfRange('name', 'a name of 1 to 255 bytes without U+0000');
  }
}

/** `skipped`: parameters of `fn` that are not SQL's. */
function argumentsOf(options: FunctionOptions, fn: (...args: never[]) => unknown, skipped: number): number {
  checkNames('options', options, FUNCTION_OPTIONS);
  const own = hasRestParameter(fn) ? -1 : Math.max(fn.length - skipped, 0);
  return integer(options, 'argumentCount', own, -1, 127);
}
