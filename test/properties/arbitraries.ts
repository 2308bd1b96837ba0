import type { SqlParam } from 'aiosqlite';
import fc from 'fast-check';

const EDGES = [
  0,
  -0,
  1,
  -1,
  2,
  127,
  128,
  -128,
  -129,
  255,
  32_767,
  32_768,
  8_388_607,
  -8_388_609,
  2 ** 31,
  -(2 ** 31) - 1,
];
const LARGE = [2 ** 47, 2 ** 48, 2 ** 53 - 1, 2 ** 53, -(2 ** 53) + 1, -(2 ** 53), 2 ** 63, 2 ** 64, 1e300, 5e-324];
const BIG = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, 2n ** 31n, 0n, 1n];

/** Any string, lone surrogates and U+0000 too. */
const anyString = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '',
    '\0',
    'a\0b',
    '\ud800',
    '\udc00\ud800',
    '\u{10ffff}',
    '﻿',
    "'",
    '"',
    '1',
    '1.0',
    ' 1',
    '0x10',
    'null',
  ),
);

/** Bytes as every kind of view, also those that begin inside their buffer. */
const anyBytes = fc
  .tuple(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 5 }), fc.nat({ max: 3 }))
  .map(([bytes, offset, kind]): Uint8Array | ArrayBuffer | DataView => {
    const whole = new Uint8Array(offset + bytes.length + 3).fill(0xee);
    whole.set(bytes, offset);
    if (kind === 0) return bytes;
    if (kind === 1) return Buffer.from(whole.buffer, offset, bytes.length);
    if (kind === 2) return new DataView(whole.buffer, offset, bytes.length);
    return bytes.slice().buffer;
  });

/** Whatever can be bound. */
export const anyParam: fc.Arbitrary<SqlParam> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(...EDGES, ...LARGE, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(...BIG),
  anyString,
  anyBytes,
);

/** What SQLite is to make of a value, by the README's table of values. */
export type Expected =
  | { type: 'null' }
  | { type: 'integer'; value: bigint }
  | { type: 'real'; value: number }
  | { type: 'text' | 'blob'; value: Buffer };

export function expected(value: SqlParam): Expected {
  if (value === null || (typeof value === 'number' && Number.isNaN(value))) return { type: 'null' };
  if (typeof value === 'boolean') return { type: 'integer', value: value ? 1n : 0n };
  if (typeof value === 'bigint') return { type: 'integer', value };
  if (typeof value === 'number') {
    const whole = Number.isSafeInteger(value) && !Object.is(value, -0);
    return whole ? { type: 'integer', value: BigInt(value) } : { type: 'real', value };
  }
  // Buffer.from() makes U+FFFD of a lone surrogate, as it is promised.
  if (typeof value === 'string') return { type: 'text', value: Buffer.from(value, 'utf8') };
  return {
    type: 'blob',
    value: ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : Buffer.from(value),
  };
}
