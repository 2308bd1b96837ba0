import type { QueryResult, RunResult } from '../executor.js';
import { type FirstRows, type Message, type NativeResult, PACKED_LAYOUT } from './native.js';
import { ChunkText } from './protocol.js';
import { unpackerFor } from './unpack.js';

/** How an INTEGER arrives: see ConnectionOptions.integerMode. */
export type IntegerMode = 'mixed' | 'number' | 'bigint';

/** The result of a message's statement, by its position in a batch. */
export function resultAt(message: Message, index = 0): NativeResult {
  return message[5 + index] as NativeResult;
}

export function resultCount(message: Message): number {
  return message.length - 5;
}

/** The rows, as the worker encoded them: the first as JSON, the rest cell by cell. */
export function decodeRows(result: NativeResult, arrays: boolean): unknown[] {
  const first = result[3];
  if (first === 0) return [];
  const [rows, patches] = first === 1 ? (JSON.parse(result.texts?.[0] as string) as FirstRows) : first;
  if (patches.length > 0) patch(rows, patches, result[2], result.buffers?.[0]);
  if (result.length > 5) {
    const unpack = unpackerFor(result[2] as string[], arrays);
    const texts = result.texts ?? [];
    let text = first === 1 ? 1 : 0;
    let buffer: number = result[4];
    for (let i = 5; i < result.length; i += PACKED_LAYOUT) {
      const has = result[i + 2] as number;
      unpack(rows, {
        rows: result[i] as number,
        numbers: result[i + 1] as number,
        texts: has & ChunkText.texts ? (JSON.parse(texts[text++] as string) as unknown[]) : [],
        wides: has & ChunkText.wides ? (JSON.parse(texts[text++] as string) as unknown[]) : [],
        shorts: has & ChunkText.shorts ? (texts[text++] as string) : '',
        buffer: result.buffers?.[buffer++] as ArrayBuffer,
      });
    }
  }
  return rows;
}

function patch(
  rows: unknown[],
  patches: (number | string)[][],
  columns: string[] | 0,
  buffer: ArrayBuffer | undefined,
): void {
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

export function decodeQueryResult(result: NativeResult, integers: IntegerMode, arrays: boolean): QueryResult<unknown> {
  return {
    changes: result[0],
    lastInsertRowid: decodeRowid(result[1], integers),
    rows: decodeRows(result, arrays),
    columns: result[2] === 0 ? [] : result[2],
  };
}

function decodeRowid(rowid: number | string, integers: IntegerMode): number | bigint {
  return typeof rowid === 'string' || integers === 'bigint' ? BigInt(rowid) : rowid;
}
