import { checkString } from '../../arguments.js';
import { outOfRange } from '../../errors.js';
import type { SqlParam, SqlValue } from '../../executor.js';
import type { Backend, Snapshot } from '../backend.js';
import { corruptRow } from '../errors.js';
import { isJsonObject, type JsonObject, type SessionRecord } from '../records.js';
import { jsonColumns, SESSION_COLUMNS, type SessionColumn } from './columns.js';
import { type Decoder, decodersOf, makeDecoder, type Row } from './decoder.js';
import { type Dialect, jsonParam } from './dialect.js';
import { serializeObject } from './serialize.js';
import { titleOf } from './title.js';

/** A row of a session: its key, its columns, the owner; behind them, in a row of a snapshot, what {@link decodeSnapshot} reads. */
export type SessionRow = Row;

/** JSON columns of these rows. */
export const SESSION_JSON = jsonColumns(SESSION_COLUMNS.filter(isRead));
export const SNAPSHOT_JSON = Object.freeze([...SESSION_JSON, 'app_state', 'user_state']);

export interface SessionCodec {
  /** Place of the owner in a row. */
  readonly ownerAt: number;
  /** Parameters of the statement that creates a session, in the order of the {@link isGiven given} columns. */
  encode(session: JsonObject): SqlParam[];
  decode: Decoder<SessionRecord>;
}

/** Whether a row has the column. */
export function isRead({ initial }: SessionColumn): boolean {
  return initial !== true;
}

/** Whether the statement that creates a session has a parameter for the column. */
export function isGiven(column: SessionColumn): boolean {
  return isRead(column) && column.kind !== 'counter';
}

/** Makes encoder and decoder of a table of columns. */
export function makeSessionCodec(columns: readonly SessionColumn[], dialect: Dialect): SessionCodec {
  const read = columns.filter(isRead);
  const given = columns.filter(isGiven);
  return {
    ownerAt: 1 + read.length,
    encode: (session) => given.map((column) => encodeField(column, dialect, session[column.field])),
    decode: makeDecoder(read, decodersOf(read, dialect)),
  };
}

function encodeField({ field, kind, required }: SessionColumn, dialect: Dialect, value: unknown): SqlParam {
  if (value === undefined && !required) return null;
  switch (kind) {
    case 'object':
      return jsonParam(dialect, serializeObject(value, field));
    case 'time':
      return dialect.encodeTime(value as number);
    default:
      checkString(field, value);
      if (!dialect.holdsText(value)) throw outOfRange(field, 'text that the database can store');
      return value;
  }
}

/** Names and codec for rows of sessions. */
type Tables = Pick<Backend, 'names' | 'sessions'>;

/** A session from a row, or `'ADK_CORRUPT_ROW'`. */
export function decodeSession({ names, sessions }: Tables, row: SessionRow): SessionRecord {
  const session = sessions.decode(row, names.sessions);
  const title = titleOf(session.state);
  if (title !== undefined) session.title = title;
  if (names.owner) session.ownerId = row[sessions.ownerAt] as SqlValue;
  return session;
}

/** The same with the states that it shares, and the `seq` of its newest event. */
export function decodeSnapshot(tables: Tables, row: SessionRow): Snapshot {
  const { names, sessions } = tables;
  const session = decodeSession(tables, row);
  const at = sessions.ownerAt + 1;
  return {
    sessionNumber: Number(row[0]),
    session,
    appState: decodeState(row[at] ?? {}, names.appStates, session.appName),
    userState: decodeState(row[at + 1] ?? {}, names.userStates, `${session.appName}, ${session.userId}`),
    lastSeq: Number(row[at + 2]),
  };
}

/** A state that an app or a user shares. `key` is for the error. */
export function decodeState(state: unknown, table: string, key: string): JsonObject {
  if (!isJsonObject(state)) throw corruptRow(table, key, 'state');
  return state;
}
