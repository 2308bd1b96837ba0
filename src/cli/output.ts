import type { CopyProgress } from '../store/index.js';
import { SingleBar, Table } from './vendor.js';

/** One line of JSON, or of text. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** A table without colours, its numbers to the right. */
export function printTable(head: readonly string[], rows: readonly (string | number)[][]): void {
  const colAligns = head.map((_, at) => (rows.every((row) => typeof row[at] === 'number') ? 'right' : 'left'));
  const table = new Table({ head: [...head], colAligns, style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell))));
  print(table.toString());
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function sizeOf(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * power);
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

/** Progress on standard error: a bar on a terminal, elsewhere a line of text a second, and none with `--json`. */
export class Progress {
  protected readonly json: boolean;
  readonly #what: string;
  readonly #bar: InstanceType<typeof SingleBar> | undefined;
  #last = Date.now();

  /** `format`: of the bar, null for none; `further`: first values of it. */
  constructor(
    what: string,
    json = false,
    format: string | null = `${what} [{bar}] {percentage}% {value}/{total}`,
    further?: object,
  ) {
    this.#what = what;
    this.json = json;
    if (format === null || !process.stderr.isTTY) return;
    this.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true });
    this.#bar.start(0, 0, further);
  }

  update(value: number, total: number, further?: object): void {
    if (this.#bar !== undefined) {
      this.#bar.setTotal(total);
      this.#bar.update(value, further);
    } else if (Date.now() - this.#last >= 1000) {
      this.#last = Date.now();
      this.line(`${this.#what} ${value}/${total}`);
    }
  }

  protected line(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`);
  }

  stop(): void {
    this.#bar?.stop();
  }
}

/** Progress of a copy. With `--json`, its lines are JSON among the output. */
export class CopyProgressLine extends Progress {
  readonly #start = Date.now();
  #done: CopyProgress | undefined;

  constructor(json: boolean) {
    const format = 'sessions [{bar}] {value}/{total}, {events} events, {rate} MB/s, {eta_formatted} left';
    super('sessions', json, json ? null : format, { events: 0, rate: '0.0' });
  }

  show(done: CopyProgress): void {
    const { sessions, totalSessions, events, characters } = done;
    this.#done = done;
    const rate = (characters / 1e3 / Math.max(Date.now() - this.#start, 1)).toFixed(1);
    this.update(sessions, Math.max(totalSessions, sessions), { events, rate });
  }

  protected override line(text: string): void {
    if (this.json) print(JSON.stringify({ progress: this.#done }));
    else super.line(`${text}, events ${this.#done?.events}`);
  }
}

const COLOURS = { green: 32, yellow: 33, red: 31 };

/** A coloured text, on a terminal whose user has not set NO_COLOR. */
export function coloured(colour: keyof typeof COLOURS, text: string): string {
  if (!process.stdout.isTTY || process.env.NO_COLOR) return text;
  return `\u001B[${COLOURS[colour]}m${text}\u001B[39m`;
}

/**
 * JSON in one line. On a terminal, control characters that JSON leaves as they are (C1, and marks that change the direction
 * of text) are escaped: content of an agent must not drive the terminal.
 */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value);
  if (!process.stdout.isTTY) return text;
  return text.replace(/[\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Text of a file without control characters, for a terminal. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, ' ');
}

let hasWrittenLines = false;

/** Whether the command is there for its output alone. */
export const writesLines = (): boolean => hasWrittenLines;

/** Waits until the output has room again, so that a slow reader holds a command that writes much. */
export async function writeLine(line: string): Promise<void> {
  hasWrittenLines = true;
  if (process.stdout.write(`${line}\n`)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
}
