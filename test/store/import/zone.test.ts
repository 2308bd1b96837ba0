import { describe, expect, test } from 'vitest';
import { inferZone, type ZoneVote } from '../../../src/store/import/values/infer-zone.js';
import { julianTime, milliseconds, parseTime, timeOf } from '../../../src/store/import/values/times.js';
import { Zone } from '../../../src/store/import/values/zone.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const utc = (text: string) => Date.parse(`${text}Z`);
const berlin = Zone.named('Europe/Berlin');

describe('times', () => {
  test('are seconds or milliseconds by their size', () => {
    expect(milliseconds(1_700_000_000.1234)).toBe(1_700_000_000_123);
    expect(milliseconds(1_700_000_000_123.5)).toBe(1_700_000_000_123.5);
  });

  test('of texts have their fraction and offset', () => {
    expect(parseTime('2026-03-29 01:30:00.123456')).toEqual({ time: utc('2026-03-29T01:30:00.123'), hasOffset: false });
    expect(parseTime('2026-03-29T01:30:00Z')).toEqual({ time: utc('2026-03-29T01:30:00'), hasOffset: true });
    expect(parseTime('2026-03-29 01:30:00+05:30')?.time).toBe(utc('2026-03-28T20:00:00'));
    expect(parseTime('2026-03-29 01:30:00-0800')?.time).toBe(utc('2026-03-29T09:30:00'));
    for (const text of ['', 'yesterday', '2026-02-30 00:00:00', '2026-01-01', '2026-01-01 00:00:00 sharp']) {
      expect(parseTime(text)).toBeUndefined();
    }
  });

  test('of columns are what each row has', () => {
    expect(timeOf(1_700_000_000)).toBe(1_700_000_000_000);
    expect(timeOf(1_700_000_000_001n)).toBe(1_700_000_000_001);
    expect(timeOf('2026-01-01 00:00:00')).toBe(utc('2026-01-01T00:00:00'));
    for (const value of [null, Number.NaN, new Uint8Array(1), 'no']) expect(timeOf(value)).toBeUndefined();
  });

  test('of Julian Days are exact to the millisecond', () => {
    for (let ms = 1_700_000_000_000; ms < 1_700_000_001_000; ms += 7) {
      expect(julianTime(ms / DAY + 2_440_587.5)).toBe(ms);
    }
  });
});

describe('a zone', () => {
  test('converts local times on both sides of a change', () => {
    expect(berlin.toUtc(utc('2026-03-29T01:59:00'))).toBe(utc('2026-03-29T00:59:00'));
    expect(berlin.toUtc(utc('2026-03-29T03:00:00'))).toBe(utc('2026-03-29T01:00:00'));
    expect(berlin.toUtc(utc('2026-10-25T01:59:00'))).toBe(utc('2026-10-24T23:59:00'));
    expect(berlin.toUtc(utc('2026-10-25T03:00:00'))).toBe(utc('2026-10-25T02:00:00'));
    expect(Zone.named('America/New_York').toUtc(utc('2026-07-01T12:00:00'))).toBe(utc('2026-07-01T16:00:00'));
    expect(Zone.named('Asia/Kathmandu').toUtc(utc('2026-07-01T12:00:00'))).toBe(utc('2026-07-01T06:15:00'));
  });

  test('takes the first of two equal local times, or the second where the first is too early', () => {
    const local = utc('2026-10-25T02:30:00');
    expect(berlin.toUtc(local)).toBe(utc('2026-10-25T00:30:00'));
    expect(berlin.toUtc(local, utc('2026-10-25T00:45:00'))).toBe(utc('2026-10-25T01:30:00'));
  });

  test('takes a local time that there is not as one of before the change', () => {
    expect(berlin.toUtc(utc('2026-03-29T02:30:00'))).toBe(utc('2026-03-29T01:30:00'));
  });

  test('with one offset is named by it', () => {
    expect([0, 2 * HOUR, -9.5 * HOUR].map((offset) => Zone.fixed(offset).name)).toEqual([
      'UTC',
      'UTC+02:00',
      'UTC-09:30',
    ]);
    expect(() => Zone.named('Europe/Nowhere')).toThrow(RangeError);
  });
});

describe('inferZone()', () => {
  /** Votes of one session a day, each some seconds late. */
  const votes = (zone: Zone, from: string, days: number): ZoneVote[] =>
    Array.from({ length: days }, (_, day) => {
      const at = utc(from) + day * DAY;
      return { utc: at, local: at + zone.offsetAt(at) + (day % 50) * 1_000 };
    });

  test('finds one offset', () => {
    expect(inferZone(votes(berlin, '2026-06-01T10:00:00', 30)).name).toBe('UTC+02:00');
    expect(inferZone(votes(Zone.fixed(0), '2025-01-01T10:00:00', 700)).name).toBe('UTC');
    expect(inferZone(votes(Zone.named('Asia/Kolkata'), '2025-01-01T10:00:00', 700)).name).toBe('UTC+05:30');
  });

  test.each(['Europe/Berlin', 'America/New_York', 'Australia/Adelaide'])('finds the rules of %s', (name) => {
    const zone = inferZone(votes(Zone.named(name), '2024-01-01T10:00:00', 800));
    for (let at = utc('2024-01-01T10:00:00'); at < utc('2026-02-01T00:00:00'); at += 6 * HOUR) {
      expect(zone.offsetAt(at)).toBe(Zone.named(name).offsetAt(at));
    }
  });

  test('names the zone of this machine if it fits, else the best known one that does', () => {
    const name = (own: string) => inferZone(votes(berlin, '2024-01-01T10:00:00', 800), own).name;
    expect(name('Europe/Vienna')).toBe('Europe/Vienna');
    expect(name('Asia/Tokyo')).toBe('Europe/Berlin');
    expect(name('UTC')).toBe('Europe/Berlin');
  });

  test('is not misled by sessions whose first event came late', () => {
    const late = votes(berlin, '2026-06-01T10:00:00', 40).map((vote, i) =>
      i % 3 === 0 ? { ...vote, local: vote.local + (i + 1) * 17 * 60_000 } : vote,
    );
    expect(inferZone(late).name).toBe('UTC+02:00');
  });

  test('refuses what decides nothing', () => {
    const refusal = (given: ZoneVote[]) => expect(() => inferZone(given));
    refusal([]).toThrow(
      expect.objectContaining({ code: 'ADK_IMPORT_SOURCE', message: expect.stringContaining('--timezone') }),
    );
    const half = [...votes(berlin, '2026-06-01T10:00:00', 10), ...votes(Zone.fixed(0), '2026-06-01T10:00:00', 10)];
    refusal(half).toThrow(/contradict/);
    // Athens and Jerusalem change their clocks on different days, of which there are no votes.
    const athens = Zone.named('Europe/Athens');
    const two = [...votes(athens, '2026-01-05T10:00:00', 3), ...votes(athens, '2026-07-05T10:00:00', 3)];
    refusal(two).toThrow(/fit its sessions as well/);
  });
});
