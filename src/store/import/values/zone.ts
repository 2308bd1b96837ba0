/** A time zone: of a name, or with one offset all the year. */
export class Zone {
  /** As the report names it. */
  readonly name: string;
  readonly #format: Intl.DateTimeFormat | undefined;
  readonly #offsetMs: number;
  /** Offsets by quarter of an hour: clocks change at such times alone. */
  readonly #offsets = new Map<number, number>();

  private constructor(name: string, offsetMs: number, format?: Intl.DateTimeFormat) {
    this.name = name;
    this.#offsetMs = offsetMs;
    this.#format = format;
  }

  /** A zone of the IANA database. Throws a RangeError for any other name. */
  static named(name: string): Zone {
    return new Zone(name, 0, new Intl.DateTimeFormat('en', { timeZone: name, timeZoneName: 'longOffset' }));
  }

  static fixed(offsetMs: number): Zone {
    const minutes = Math.abs(offsetMs) / MINUTE;
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0'));
    return new Zone(offsetMs === 0 ? 'UTC' : `UTC${offsetMs < 0 ? '-' : '+'}${hours}:${rest}`, offsetMs);
  }

  /** Whether it has one offset all the year. */
  get isFixed(): boolean {
    return this.#format === undefined;
  }

  /** Milliseconds that local time is ahead of UTC, at a time in UTC. */
  offsetAt(utc: number): number {
    if (this.#format === undefined) return this.#offsetMs;
    const slot = Math.floor(utc / QUARTER);
    let offset = this.#offsets.get(slot);
    if (offset === undefined) {
      offset = parseOffset(this.#format.format(slot * QUARTER));
      this.#offsets.set(slot, offset);
    }
    return offset;
  }

  /**
   * Local time, in milliseconds as if it were UTC → UTC. An hour that comes twice, since the clock goes back, is taken as
   * the first one, unless that is before `notBefore`. A time that the clock leaves out is taken as one of before the change.
   */
  toUtc(local: number, notBefore = Number.NEGATIVE_INFINITY): number {
    const [later, earlier] = [this.offsetAt(local + DAY / 2), this.offsetAt(local - DAY / 2)];
    const found = [local - Math.max(earlier, later), local - Math.min(earlier, later)].filter((utc) => {
      return utc + this.offsetAt(utc) === local;
    });
    return found.find((utc) => utc >= notBefore) ?? found[0] ?? local - earlier;
  }

  /** Periods of local time between two of them that the clock shows twice. */
  repeated(first: number, last: number): (readonly [from: number, to: number])[] {
    const found: (readonly [number, number])[] = [];
    for (let day = first - DAY; day < last + DAY; day += DAY) {
      const [before, after] = [this.offsetAt(day), this.offsetAt(day + DAY)];
      if (after >= before) continue;
      let change = Math.ceil(day / QUARTER) * QUARTER;
      while (this.offsetAt(change) === before) change += QUARTER;
      found.push([change + after, change + before]);
    }
    return found;
  }
}

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const DAY = 24 * 60 * MINUTE;

/** Of a date such as `3/29/2026, GMT+02:00`. */
function parseOffset(date: string): number {
  const [, sign, hours = '0', minutes = '0'] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(date) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE;
}
