import type { QueryResult, RunResult } from '../../executor.js';
import type { EncodedResult, FirstRows } from './outcome.js';
import { unpackerFor } from './unpack.js';

/** How an INTEGER arrives: see ConnectionOptions.integerMode. */
export type IntegerMode = 'mixed' | 'number' | 'bigint';

/** Decodes the rows: the first are JSON, the rest is packed cell by cell. */
export function decodeRows(result: EncodedResult, arrays: boolean): unknown[] {
  const { first, columns, packed } = result;
  if (first === undefined) return [];
  const [rows, patches] = typeof first === 'string' ? (JSON.parse(first) as FirstRows) : first;
  if (patches.length > 0) patch(rows, patches, result);
  if (packed.length > 0) {
    const unpack = unpackerFor(columns, arrays);
    for (const chunk of packed) unpack(rows, chunk);
  }
  return rows;
}

function patch(rows: unknown[], patches: (number | string)[][], { columns, bytes, longTexts }: EncodedResult): void {
  for (const [row, column, third, length] of patches) {
    const value = patchedValue(third, length as number | undefined, bytes, longTexts);
    const target = rows[row as number];
    if (Array.isArray(target)) {
      target[column as number] = value;
    } else {
      // The key is an own property already, so that even '__proto__' is set and not followed.
      const key = columns[column as number] as string;
      Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }
}

function patchedValue(
  third: number | string | undefined,
  length: number | undefined,
  bytes: ArrayBuffer | undefined,
  longTexts: readonly string[],
): bigint | string | Uint8Array | undefined {
  if (typeof third === 'string') return BigInt(third);
  return length === undefined ? longTexts[third as number] : bytesOf(bytes, third as number, length);
}

/** Memory of its own, since results share nothing: a copy, or all of the buffer. An empty blob has no buffer. */
function bytesOf(buffer: ArrayBuffer | undefined, offset: number, length: number): Uint8Array {
  if (buffer === undefined) return new Uint8Array(0);
  return new Uint8Array(length === buffer.byteLength ? buffer : buffer.slice(offset, offset + length));
}

export function decodeRunResult({ changes, rowid }: EncodedResult, integers: IntegerMode): RunResult {
  return { changes, lastInsertRowid: decodeRowid(rowid, integers) };
}

export function decodeQueryResult(result: EncodedResult, integers: IntegerMode, arrays: boolean): QueryResult<unknown> {
  return {
    changes: result.changes,
    lastInsertRowid: decodeRowid(result.rowid, integers),
    rows: decodeRows(result, arrays),
    columns: result.columns.length === 0 ? [] : (result.columns as string[]),
  };
}

/** Returns the bytes of a result without rows. */
export function decodeBytes({ bytes }: EncodedResult): Uint8Array {
  return new Uint8Array(bytes ?? new ArrayBuffer(0));
}

function decodeRowid(rowid: number | string, integers: IntegerMode): number | bigint {
  return typeof rowid === 'string' || integers === 'bigint' ? BigInt(rowid) : rowid;
}
