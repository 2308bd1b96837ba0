import { invalidArgument, outOfRange } from '../errors.js';

const MS_PER_DAY = 86_400_000;
/** Milliseconds from Julian Day 0 (noon, 24 November −4713) to the Unix epoch. */
const UNIX_EPOCH_MS = 210_866_760_000_000;

/**
 * Julian Day numbers (REAL), as SQLite's `julianday()` speaks them (sqlite.org/lang_datefunc.html): bit for bit the same
 * number for whole milliseconds. Exact to the millisecond both ways from before the year 0 until after the year 60000.
 */
export const julianDay = {
  /**
   * Milliseconds since the Unix epoch → Julian Day. Throws a RangeError for what is not finite.
   * @example await db.run('INSERT INTO visit (at) VALUES (?)', [julianDay.encode(Date.now())]);
   */
  encode(ms: number): number {
    if (!Number.isFinite(ms)) throw notFinite('ms', ms);
    return (ms + UNIX_EPOCH_MS) / MS_PER_DAY;
  },

  /**
   * Julian Day → milliseconds since the Unix epoch, rounded to a whole one. Throws a RangeError for what is not finite.
   * @example new Date(julianDay.decode(2440587.5)); // 1970-01-01T00:00:00.000Z
   */
  decode(julianDay: number): number {
    if (!Number.isFinite(julianDay)) throw notFinite('julianDay', julianDay);
    return Math.round(julianDay * MS_PER_DAY) - UNIX_EPOCH_MS;
  },
};

function notFinite(name: string, value: unknown): Error {
  return typeof value === 'number' ? outOfRange(name, 'finite') : invalidArgument(name, 'a number', value);
}
