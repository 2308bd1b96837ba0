import { isWellFormed } from '../../codec/well-formed.js';
import { EVENT_COLUMNS, SESSION_COLUMNS } from '../codec/columns.js';
import type { Dialect } from '../codec/dialect.js';
import { MARKER, makeEventCodec } from '../codec/event-codec.js';
import { makeSessionCodec } from '../codec/session-codec.js';
import { escapeJson, unescapeJson } from './escape.js';

/** Whether actions are those of a marker of a rewind, as far as their text tells. */
export const mayMark = (actions: string) => `strpos(${actions}::text, '"${MARKER}"') > 0`;

/** Times that a column can hold: from 4713 BC, where timestamptz begins, to the year 275760, where Date ends. */
const FIRST_MS = -210_866_803_200_000;
const LAST_MS = 8_640_000_000_000_000;
/** Up to here a double holds microseconds. */
const LAST_EXACT_MS = 9_000_000_000_000;

/** The nearest time that a column can hold: microseconds, whole milliseconds far from now. */
function nearestTime(ms: number): number {
  const within = Math.min(Math.max(ms, FIRST_MS), LAST_MS);
  return Math.abs(within) < LAST_EXACT_MS ? Math.round(within * 1000) / 1000 : Math.round(within);
}

/** Times travel as milliseconds since the Unix epoch, JSON as escaped text. */
export const postgresDialect: Dialect = {
  reserved: 0,
  holdsText: (text) => isWellFormed(text) && !text.includes('\0'),
  encodeTime: nearestTime,
  decodeTime(value) {
    return typeof value === 'number' && Number.isFinite(value) ? nearestTime(value) : Number.NaN;
  },
  encodeFlag: (flag) => flag,
  decodeFlag: (value) => (typeof value === 'boolean' ? value : undefined),
  encodeJson: escapeJson,
  decodeJson: (value) => (typeof value === 'string' ? parse(unescapeJson(value)) : value),
};

export const eventCodec = makeEventCodec(EVENT_COLUMNS, postgresDialect);
export const sessionCodec = makeSessionCodec(SESSION_COLUMNS, postgresDialect);

/** `undefined` for what is no JSON: a column of another type, which a decoder refuses. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
