import { isUtf8 } from 'node:buffer';
import type { TablesInput } from '../input/input.js';

/**
 * Texts of SQLite that are no UTF-8 arrive as bytes, since JavaScript would get them with U+FFFD for what is damaged. PostgreSQL has
 * no such texts.
 */
export const sound = (engine: TablesInput['engine'], column: string): string =>
  engine === 'sqlite' ? `iif(is_utf8(${column}), ${column}, CAST(${column} AS BLOB))` : column;

export const isDamagedText = (value: unknown): boolean => value instanceof Uint8Array && !isUtf8(value);

/** Reason why a value is not the text that it should be. */
export const noText = (name: string, value: unknown): string =>
  isDamagedText(value) ? `${name} is no valid UTF-8` : `${name} is no text`;

/** A value of a row as its name in the report. */
export const shown = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
