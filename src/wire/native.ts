import type { SqlValue } from '../executor.js';
import { loadAddon } from './addon/load.js';
import { ChunkText, ExceptionId } from './protocol.js';

/** Why a job failed, as the worker tells it (binding/engine/job.h, Failure). */
export interface NativeFailure {
  code: string;
  message: string;
  errcode: number;
  offset?: number;
  index?: number;
  sql?: string;
  column?: string;
  /** ERR_FUNCTION: what {@link keepException} gave. */
  exception?: number;
  /** Ours, not the worker's: the very thing to reject with. */
  reason?: unknown;
}

/** The first rows, and the values that JSON can't hold: `[row, column, integer]` or `[row, column, offset, length]`. */
export type FirstRows = [rows: unknown[], patches: (number | string)[][]];

/**
 * Result of one statement: see binding/node/delivery.h. `rowid` is a string if it is no safe integer; `first`: 1 if its
 * JSON is the first of `texts`.
 */
export type NativeResult = [
  changes: number,
  rowid: number | string,
  columns: string[] | 0,
  first: FirstRows | 0 | 1,
  firstHasBytes: 0 | 1,
  ...layout: number[],
] & {
  /** What came beside the message for this result, in its order. */
  texts?: string[];
  buffers?: ArrayBuffer[];
};

/** What a result's layout says of each chunk of packed rows: its rows, its numbers, which texts it has. */
export const PACKED_LAYOUT = 3;

/** One finished job. `bits`: 1 commit, 4 altered, 8 done, 16 × group size. */
export type Message = [
  id: number,
  failure: NativeFailure | 0,
  walPages: number,
  bits: number,
  worker: number,
  ...results: (NativeResult | string)[],
] & { told?: Told };

/** Comes last in the header, where a commit is watched or a call traced. */
export interface Told {
  changes: CommittedChange[];
  /** Microseconds in the queue, of its statements; rows; bytes. */
  trace?: [queueUs: number, runUs: number, rows: number, bytes: number];
}
/** As the header has it: many changes come beside it, and this is how many of the chunks hold them. */
type WrittenTold = Omit<Told, 'changes'> & { changes: CommittedChange[] | number };
export type CommittedChange = [table: string, operation: 'insert' | 'update' | 'delete', rowid: number | string];

/** What binding/node/connection.h offers. It checks nothing: whatever goes in has been checked before. */
export interface NativeConnection {
  open(number: number, text: string, blobs: Uint8Array[] | undefined): void;
  submit(text: string, blobs: Uint8Array[] | undefined): boolean;
  publish(): void;
  cancel(id: number, evenRunning: boolean): boolean;
  drain(lane: number): number[];
  expire(ageMs: number): number[];
  beginClose(): void;
  interrupt(): void;
  join(): void;
  stats(): number[];
}

interface NativeModule {
  Connection: new (sharedWithOrMaxPending: NativeConnection | number, maxPendingBytes?: number) => NativeConnection;
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
  compileOptions: string[];
}

/** The addon: the one built here, or the prebuilt one for this platform. */
export const native = loadAddon() as NativeModule;

/** Calls in flight, by the id of their job. */
const inFlight = new Map<number, (message: Message) => void>();
let lastId = 0;

/** A new job id. They are 32 bits wide and come around: one that is still in flight is passed over. */
export function nextId(): number {
  do {
    lastId = lastId >= 0xffff_fffe ? 1 : lastId + 1;
  } while (inFlight.has(lastId));
  return lastId;
}

/** From here on the job is in flight; `settle` gets its message. */
export function expect(id: number, settle: (message: Message) => void): void {
  inFlight.set(id, settle);
}

/** Settles a job that was taken back, with a message of our own. */
export function settle(message: Message): void {
  const call = inFlight.get(message[0]);
  inFlight.delete(message[0]);
  call?.(message);
}

/** What functions called from SQL have thrown, until their statement has failed. */
const exceptions = new Map<number, { error: unknown; owner: object }>();
let lastException: number = ExceptionId.none;
/** Those that no failure has named yet, by the worker that they belong to, in their order. */
const unnamed = new WeakMap<object, number[]>();

export function keepException(error: unknown, owner: object): number {
  lastException = lastException + 1 === ExceptionId.unknown ? 1 : lastException + 1;
  exceptions.set(lastException, { error, owner });
  const ids = unnamed.get(owner);
  if (ids === undefined) unnamed.set(owner, [lastException]);
  else ids.push(lastException);
  return lastException;
}

/** A worker names the first of each statement, one statement after the other: those before will never be named. */
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

native.setDispatcher((header, chunks, buffers) => {
  let nextText = 0;
  let nextBuffer = 0;
  for (const message of JSON.parse(header) as Message[]) {
    for (let i = 5; i < message.length; i++) {
      const result = message[i] as NativeResult;
      if (!Array.isArray(result)) {
        if (typeof result !== 'object') continue;
        const { changes, ...told } = message.pop() as unknown as WrittenTold;
        if (typeof changes !== 'number') {
          message.told = { ...told, changes };
          continue;
        }
        const parts = chunks?.slice(nextText, nextText + changes) ?? [];
        nextText += changes;
        message.told = { ...told, changes: parts.flatMap((part) => JSON.parse(part)) };
        continue;
      }
      let textCount = result[3] === 1 ? 1 : 0;
      let bufferCount: number = result[4];
      for (let at = 5; at < result.length; at += PACKED_LAYOUT) {
        const has = result[at + 2] as number;
        textCount +=
          (has & ChunkText.texts ? 1 : 0) + (has & ChunkText.wides ? 1 : 0) + (has & ChunkText.shorts ? 1 : 0);
        bufferCount++;
      }
      if (textCount > 0) result.texts = chunks?.slice(nextText, nextText + textCount) ?? [];
      if (bufferCount > 0) result.buffers = buffers?.slice(nextBuffer, nextBuffer + bufferCount) ?? [];
      nextText += textCount;
      nextBuffer += bufferCount;
    }
    if (message[1] !== 0 && message[1].exception !== undefined) nameException(message[1].exception);
    settle(message);
  }
});
