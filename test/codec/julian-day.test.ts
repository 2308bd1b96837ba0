import { julianDay } from 'aiosqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';

const on = databases();

/** The years 0 to 9999, which is what SQLite's own functions take. */
const dates = fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });

describe('julianDay', () => {
  test('knows the Unix epoch', () => {
    expect(julianDay.encode(0)).toBe(2440587.5);
    expect(julianDay.decode(2440587.5)).toBe(0);
  });

  test('is exact to the millisecond both ways, far beyond the years that SQLite knows', () => {
    fc.assert(
      fc.property(fc.integer({ min: -210_866_760_000_000, max: 1_830_000_000_000_000 }), (ms) => {
        expect(julianDay.decode(julianDay.encode(ms)) + 0).toBe(ms + 0);
      }),
    );
  });

  test("gives the very number that SQLite's julianday() gives", async () => {
    const db = await on.connect({}, ':memory:');
    await fc.assert(
      fc.asyncProperty(dates, async (date) => {
        const row = await db.get<{ day: number }>('SELECT julianday(?) AS day', [date.toISOString()]);
        expect(julianDay.encode(date.getTime())).toBe(row?.day);
      }),
    );
  });

  test('rounds fractions of a millisecond when it decodes', () => {
    expect(julianDay.decode(julianDay.encode(1_700_000_000_000.4))).toBe(1_700_000_000_000);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %s', (value) => {
    const expected = expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    expect(() => julianDay.encode(value)).toThrow(expected);
    expect(() => julianDay.decode(value)).toThrow(expected);
  });

  test.each([undefined, null, '2024-01-01', 1n, new Date()])('refuses %s, which is no number', (value: any) => {
    const expected = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(() => julianDay.encode(value)).toThrow(expected);
    expect(() => julianDay.decode(value)).toThrow(expected);
  });
});
