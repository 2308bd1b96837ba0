/** Numbers from here on are milliseconds since the Unix epoch (in 1973), others seconds (until the year 5138). */
const FIRST_MILLISECONDS = 1e11;

/** A time in seconds or in milliseconds, as milliseconds. Seconds are rounded: they come from microseconds. */
export function milliseconds(time: number): number {
  return Math.abs(time) >= FIRST_MILLISECONDS ? time : Math.round(time * 1_000);
}

const DAY_MS = 86_400_000;
/** Julian Day of the Unix epoch. */
const EPOCH = 2_440_587.5;

/** The Julian Day as SQLite's functions and SQLSpec write it: milliseconds since the Unix epoch. */
const fromJulianDay = (day: number): number => Math.round((day - EPOCH) * DAY_MS);

/** A time column of SQLSpec. `undefined` for anything else than a Julian Day. */
export const julianTime = (value: unknown): number | undefined =>
  typeof value === 'number' && value > 0 ? fromJulianDay(value) : undefined;

/** `2026-03-29 02:30:00.123456`, also with `T`, without a fraction, or with an offset. */
const TEXT = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * The time in a text, as if it were in UTC, and whether the text has said its offset (which is then taken into account).
 * `undefined` if the text is no time.
 */
export function parseTime(text: string): { time: number; hasOffset: boolean } | undefined {
  const parts = TEXT.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '0', offset] = parts;
  const date = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  if (new Date(date).getUTCDate() !== Number(day)) return undefined;
  const time = date + Math.round(Number(`0.${fraction}`) * 1_000) - offsetOf(offset);
  return { time, hasOffset: offset !== undefined };
}

function offsetOf(offset: string | undefined): number {
  if (offset === undefined || offset === 'Z') return 0;
  const [hours, minutes = '0'] = [offset.slice(1, 3), offset.slice(3).replace(':', '') || '0'];
  return (offset.startsWith('-') ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** A time column of ADK: a number of seconds or milliseconds, or a text in UTC. `undefined` for anything else. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? milliseconds(value) : undefined;
  if (typeof value === 'bigint') return milliseconds(Number(value));
  return typeof value === 'string' ? parseTime(value)?.time : undefined;
}
