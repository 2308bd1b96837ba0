import type { SqlParam } from '../../executor.js';

/** How the columns of a backend hold texts, times, flags and JSON. One constant for each backend. */
export interface Dialect {
  /** Number of an event's first parameters that the backend sets itself, when it sends them. */
  readonly reserved: number;
  /** Whether a text column can hold this text. */
  holdsText(text: string): boolean;
  /** Milliseconds since the Unix epoch → the value of a time column. */
  encodeTime(milliseconds: number): SqlParam;
  /** The value of a time column → milliseconds since the Unix epoch; NaN if it is no time. */
  decodeTime(value: unknown): number;
  encodeFlag(flag: boolean): SqlParam;
  /** `undefined` if the value is no flag. */
  decodeFlag(value: unknown): boolean | undefined;
  /** JSON text → the value of a JSON column. Absent if the text is that value. */
  encodeJson?(text: string): string;
  /** The value of a JSON column as a row has it → the parsed value. Absent if rows arrive parsed. */
  decodeJson?(value: unknown): unknown;
}

/** JSON text as a JSON column takes it. */
export function jsonParam({ encodeJson }: Dialect, text: string): string {
  return encodeJson ? encodeJson(text) : text;
}
