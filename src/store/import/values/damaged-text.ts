import { isUtf8 } from 'node:buffer';
import { wellFormed } from '../../sqlite/dialect.js';
import type { TablesInput } from '../input/input.js';

/** Texts of SQLite that are no UTF-8 arrive as bytes. PostgreSQL has no such texts. */
export const sound = (engine: TablesInput['engine'], column: string): string =>
  engine === 'sqlite' ? wellFormed(column) : column;

export const isDamagedText = (value: unknown): boolean => value instanceof Uint8Array && !isUtf8(value);

/** Reason why a value is not the text that it should be. */
export const noText = (name: string, value: unknown): string =>
  isDamagedText(value) ? `${name} is no valid UTF-8` : `${name} is no text`;

/** A value of a row as its name in the report. */
export const shown = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
