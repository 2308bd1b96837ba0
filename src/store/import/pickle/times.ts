import { Zone as NamedZone } from '../values/zone.js';
import { type Node, type Span, Zone } from './nodes.js';

/** Python's date: year, month and day, in four bytes. */
export function dateOf(bytes: Node | undefined): string | undefined {
  return bytes instanceof Uint8Array && bytes.length === 4 ? dateText(bytes) : undefined;
}

/** Python's datetime: a date, a time, and where it is known its zone. */
export function datetimeOf(bytes: Node | undefined, zone: Node | undefined): string | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length !== 10 || !isZone(zone)) return undefined;
  const [, , month = 0] = bytes;
  // Set for the second of two equal local times, when clocks are turned back.
  const fold = month > 127;
  const plain = Uint8Array.from(bytes);
  plain[2] = month & 127;
  const date = dateText(plain.subarray(0, 4));
  const time = timeText(plain.subarray(4));
  if (date === undefined || time === undefined) return undefined;
  const local = Date.parse(`${date}T${time.slice(0, 8)}Z`);
  const offset = zone && offsetOf(zone, local, fold);
  return zone && offset === undefined ? undefined : `${date}T${time}${offset ?? ''}`;
}

/** Python's time of a day. A zone with a name has no offset without a date, and Python prints none. */
export function timeOf(bytes: Node | undefined, zone: Node | undefined): string | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length !== 6 || !isZone(zone)) return undefined;
  const plain = Uint8Array.from(bytes);
  plain[0] = (bytes[0] ?? 0) & 127;
  const time = timeText(plain);
  const offset = typeof zone?.offset === 'bigint' ? offsetText(zone.offset) : '';
  return time === undefined ? undefined : time + offset;
}

/** Python's timedelta as an ISO 8601 duration. Days are not made into years, which differ in length. */
export function durationText({ microseconds }: Span): string {
  const size = microseconds < 0n ? -microseconds : microseconds;
  const seconds = size / 1_000_000n;
  const days = seconds / 86_400n;
  const fraction = pad(size % 1_000_000n, 6).replace(/0+$/, '');
  const time = [
    [(seconds / 3_600n) % 24n, 'H'],
    [(seconds / 60n) % 60n, 'M'],
  ].map(([amount, unit]) => (amount === 0n ? '' : `${amount}${unit}`));
  const last = `${seconds % 60n}${fraction && `.${fraction}`}`;
  if (last !== '0') time.push(`${last}S`);
  const clock = time.join('');
  const text = `${days === 0n ? '' : `${days}D`}${clock && `T${clock}`}`;
  return `${microseconds < 0n ? '-' : ''}P${text || 'T0S'}`;
}

const isZone = (node: Node | undefined): node is Zone | null | undefined =>
  (node ?? null) === null || node instanceof Zone;

const pad = (number: number | bigint, length: number) => String(number).padStart(length, '0');

function dateText([high = 0, low = 0, month = 0, day = 0]: Uint8Array): string | undefined {
  const text = `${pad(high * 256 + low, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  const date = new Date(`${text}T00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? text : undefined;
}

function timeText([hour = 0, minute = 0, second = 0, a = 0, b = 0, c = 0]: Uint8Array): string | undefined {
  const micros = a * 65_536 + b * 256 + c;
  if (hour > 23 || minute > 59 || second > 59 || micros > 999_999) return undefined;
  return `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}${micros === 0 ? '' : `.${pad(micros, 6)}`}`;
}

function offsetOf({ offset }: Zone, local: number, fold: boolean): string | undefined {
  if (typeof offset === 'bigint') return offsetText(offset);
  const zone = zoneOf(offset);
  return zone && offsetText(BigInt(fold ? secondOffset(zone, local) : local - zone.toUtc(local)) * 1_000n);
}

function zoneOf(name: string): NamedZone | undefined {
  try {
    return NamedZone.named(name);
  } catch {
    return undefined;
  }
}

/** Offset behind a change of the clock, for a local time that comes twice or never. */
function secondOffset(zone: NamedZone, local: number): number {
  const first = zone.toUtc(local);
  const isLeftOut = first + zone.offsetAt(first) !== local;
  return isLeftOut ? zone.offsetAt(first) : local - zone.toUtc(local, first + 1);
}

/** As Python prints it; UTC as pydantic does. */
function offsetText(offset: bigint): string {
  if (offset === 0n) return 'Z';
  const size = offset < 0n ? -offset : offset;
  const seconds = size / 1_000_000n;
  const rest = [seconds % 60n, size % 1_000_000n] as const;
  const tail = rest[1] !== 0n ? `:${pad(rest[0], 2)}.${pad(rest[1], 6)}` : rest[0] !== 0n ? `:${pad(rest[0], 2)}` : '';
  return `${offset < 0n ? '-' : '+'}${pad(seconds / 3_600n, 2)}:${pad((seconds / 60n) % 60n, 2)}${tail}`;
}
