import type { SqlValue } from '../executor.js';
import { loadAddon } from './addon/load.js';
import { CallsInFlight } from './in-flight.js';
import { Delivery } from './outcome/outcome.js';
import { ExceptionId } from './protocol.js';

/** Methods of binding/node/queue_object.h. They check nothing: TypeScript has checked all arguments before. */
export interface NativeQueue {
  submit(texts: string | string[], blobs: Uint8Array[] | undefined): boolean;
  publish(): void;
  cancel(id: number, evenRunning: boolean): boolean;
  drain(lane: number): number[];
  expire(ageMs: number): number[];
  pending(): number;
}

/** Methods of binding/node/worker_object.h. */
export interface NativeWorker {
  open(number: number, texts: string | string[], blobs: Uint8Array[] | undefined): void;
  beginClose(): void;
  interrupt(): void;
  join(): void;
  stats(): number[];
}

interface NativeModule {
  Queue: new (maxPending: number, maxPendingBytes: number) => NativeQueue;
  Worker: new (queue: NativeQueue) => NativeWorker;
  setScratch(buffer: ArrayBuffer, slots: number): void;
  shareText(number: number, text: string): void;
  setDispatcher(
    dispatcher: (header: string, chunks: string[] | undefined, buffers: ArrayBuffer[] | undefined) => void,
  ): void;
  setFunctionCaller(caller: (id: number, operation: number, instance: number, args: SqlValue[]) => unknown): void;
  /** Calls `fn` in no asynchronous context. */
  callOutside(fn: () => void): void;
  invertChangeset(changeset: Uint8Array): Promise<Uint8Array | null>;
  sqliteVersion: string;
  sqliteSourceId: string;
  compileOptions: string[];
}

let loaded: NativeModule | undefined;

/** The addon: the one built here, or the prebuilt one for this platform. It is loaded at the first call. */
export function native(): NativeModule {
  loaded ??= load();
  return loaded;
}

function load(): NativeModule {
  const addon = loadAddon() as NativeModule;
  addon.setDispatcher((header, chunks, buffers) => {
    for (const outcome of new Delivery(chunks, buffers).outcomes(header)) {
      if (outcome.failure?.exception !== undefined) nameException(outcome.failure.exception);
      inFlight.settle(outcome);
    }
  });
  return addon;
}

/** The calls of every queue. */
export const inFlight = new CallsInFlight();

/** Exceptions of functions called from SQL, until their statement has failed. */
const exceptions = new Map<number, { error: unknown; owner: object }>();
let lastException: number = ExceptionId.none;
/** Ids of exceptions that no failure has named yet, by the worker that they belong to, in their order. */
const unnamed = new WeakMap<object, number[]>();

export function keepException(error: unknown, owner: object): number {
  lastException = lastException + 1 === ExceptionId.unknown ? 1 : lastException + 1;
  exceptions.set(lastException, { error, owner });
  const ids = unnamed.get(owner);
  if (ids === undefined) unnamed.set(owner, [lastException]);
  else ids.push(lastException);
  return lastException;
}

/** A worker names the first exception of each statement, in order, so that earlier ones will never be named. */
function nameException(id: number): void {
  const ids = unnamed.get(exceptions.get(id)?.owner ?? exceptions) ?? [];
  for (let first = ids.shift(); first !== undefined && first !== id; first = ids.shift()) exceptions.delete(first);
}

export function takeException(id: number): unknown {
  const error = exceptions.get(id)?.error;
  exceptions.delete(id);
  return error;
}

export function forgetExceptions(owner: object): void {
  for (const id of unnamed.get(owner) ?? []) exceptions.delete(id);
  unnamed.delete(owner);
}
