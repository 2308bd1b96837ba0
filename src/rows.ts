import type { QueryResult, RunResult } from './executor.js';
import type { Chunk, Message, NativeResult } from './native.js';

/** How an INTEGER arrives: see ConnectionOptions.integerMode. */
export type IntegerMode = 'mixed' | 'number' | 'bigint';

/** The result of a message's statement, by its position in a batch. */
export function resultAt(message: Message, index = 0): NativeResult {
  return message[5 + index] as NativeResult;
}

export function resultCount(message: Message): number {
  return message.length - 5;
}

/** The rows, as the worker encoded them: one JSON.parse per chunk, then the values that JSON can't hold. */
export function decodeRows(result: NativeResult): unknown[] {
  const [, , columns, count, bufferCount] = result;
  if (count === -1) {
    const chunk = result[5] as Chunk;
    if (chunk[1].length > 0) patch(chunk, columns, bufferCount > 0 ? result[6]?.[0] : undefined);
    return chunk[0];
  }
  if (count === 0) return [];
  const texts = result[5] as string[];
  let nextBuffer = 0;
  let rows: unknown[] | undefined;
  for (const text of texts) {
    const chunk = JSON.parse(text) as Chunk;
    if (chunk[1].length > 0) patch(chunk, columns, chunk[2] ? result[6]?.[nextBuffer++] : undefined);
    if (rows === undefined) rows = chunk[0];
    else for (const row of chunk[0]) rows.push(row);
  }
  return rows as unknown[];
}

function patch([rows, patches]: Chunk, columns: string[] | 0, buffer: ArrayBuffer | undefined): void {
  for (const [row, column, third, length] of patches) {
    const value = length === undefined ? BigInt(third as string) : bytesOf(buffer, third as number, length as number);
    const target = rows[row as number];
    if (Array.isArray(target)) {
      target[column as number] = value;
    } else {
      // The key is an own property already, so that even '__proto__' is set and not followed.
      const key = (columns as string[])[column as number] as string;
      Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }
}

/** A copy with memory of its own: results share nothing. An empty blob has no buffer. */
function bytesOf(buffer: ArrayBuffer | undefined, offset: number, length: number): Uint8Array {
  return buffer === undefined ? new Uint8Array(0) : new Uint8Array(buffer.slice(offset, offset + length));
}

export function decodeRunResult(result: NativeResult, integers: IntegerMode): RunResult {
  return { changes: result[0], lastInsertRowid: decodeRowid(result[1], integers) };
}

export function decodeQueryResult(result: NativeResult, integers: IntegerMode): QueryResult<unknown> {
  return {
    changes: result[0],
    lastInsertRowid: decodeRowid(result[1], integers),
    rows: decodeRows(result),
    columns: result[2] === 0 ? [] : result[2],
  };
}

function decodeRowid(rowid: number | string, integers: IntegerMode): number | bigint {
  return typeof rowid === 'string' || integers === 'bigint' ? BigInt(rowid) : rowid;
}
