import { julianDay } from '../../codec/julian-day.js';
import { isWellFormed } from '../../codec/well-formed.js';
import { EVENT_COLUMNS, SESSION_COLUMNS } from '../codec/columns.js';
import type { Dialect } from '../codec/dialect.js';
import { MARKER, makeEventCodec } from '../codec/event-codec.js';
import { makeSessionCodec } from '../codec/session-codec.js';

/**
 * The first parameters of `insertEvent`, which are set when an append is sent (see known-ids.ts). The session's key and the
 * fields follow.
 */
export const KNOWN_AT = { sessionNumber: 0, knownSeq: 1, knownId: 2 } as const;
export const KNOWN_PARAMS = Object.keys(KNOWN_AT);
/** Place of the content among the parameters: behind the three parts of the session's key. */
export const CONTENT_AT = KNOWN_PARAMS.length + 3 + EVENT_COLUMNS.findIndex(({ field }) => field === 'content');

/** Whether actions are those of a marker of a rewind, as far as their text tells: SQL that parses no JSON. */
export const mayMark = (actions: string) => `instr(CAST(${actions} AS TEXT), '"${MARKER}"') > 0`;

/** A text as it is, or its bytes if they are no UTF-8: JavaScript would get U+FFFD for what is damaged. */
export const wellFormed = (column: string) => `iif(is_utf8(${column}), ${column}, CAST(${column} AS BLOB))`;

/** Times are Julian Days. The worker parses JSON columns. */
export const sqliteDialect: Dialect = {
  reserved: KNOWN_PARAMS.length,
  holdsText: isWellFormed,
  encodeTime: julianDay.encode,
  decodeTime(value) {
    return typeof value === 'number' && Number.isFinite(value) ? julianDay.decode(value) : Number.NaN;
  },
  encodeFlag: (flag) => flag,
  /** Integers arrive as bigint where the connection's integerMode says so. */
  decodeFlag(value) {
    if (value === 1 || value === 1n) return true;
    return value === 0 || value === 0n ? false : undefined;
  },
};

export const eventCodec = makeEventCodec(EVENT_COLUMNS, sqliteDialect);
export const sessionCodec = makeSessionCodec(SESSION_COLUMNS, sqliteDialect);
