import { julianDay } from '../codec/julian-day.js';
import { isWellFormed } from '../codec/well-formed.js';
import type { SqlParam } from '../executor.js';
import {
  EVENT_COLUMNS,
  type EventColumn,
  type EventFields,
  INSERT_PARAMS,
  isJsonColumn,
  type Kind,
} from './columns.js';
import { removedKeys } from './deltas.js';
import { corruptRow } from './errors.js';
import { type EventRecord, isJsonObject, type JsonObject } from './records.js';
import { serialize, serializeObject } from './serialize.js';

/** A row as the statements of queries.ts give it: `seq` first, then the columns of the table, JSON parsed. */
export type EventRow = unknown[];

/**
 * Facts that the columns can't hold, kept in the column `extra` under one reserved key: fields that were absent where a
 * column needs a value, values that do not fit their column, removed keys, the missing brand.
 */
interface Notes {
  absent: string[] | undefined;
  as: JsonObject | undefined;
  unbranded: true | undefined;
  /** Keys that the event's state delta removes: JSON has no text for `undefined`. */
  removed: string[] | undefined;
}

/** The reserved key. A field of the event that is called so, or so behind more `$`, gets one `$` more. */
const NOTES = '$row';
const LIKE_NOTES = /^\$+row$/;

/** The actions of most events: ADK makes these four, and nothing is in them. */
const noActions = (): JsonObject => ({
  stateDelta: {},
  artifactDelta: {},
  requestedAuthConfigs: {},
  requestedToolConfirmations: {},
});
const NO_ACTIONS_KEYS = Object.keys(noActions());

/**
 * As they are stored. A row has 0 for them (see queries.ts), so that they are neither carried across nor parsed: that was
 * a quarter of what a short event costs.
 */
export const NO_ACTIONS = JSON.stringify(noActions());

export interface EventCodec {
  /** The JSON columns of a row. */
  readonly json: readonly string[];
  /** Every field with a column of its own. */
  readonly fields: ReadonlySet<string>;
  /** Every field that a record names; all others of an event belong into `extra`. */
  readonly named: ReadonlySet<string>;
  /** A record with all its fields, undefined: of one shape, whatever an event has. */
  blank(): JsonObject;
  /** Parameters of the statements that insert an event. Throws `'ADK_NOT_SERIALIZABLE'`. */
  encode(event: EventRecord): SqlParam[];
  /** Fields of a row, or `'ADK_CORRUPT_ROW'`; `table` is for the error. */
  decode(row: EventRow, table: string): EventFields;
  /** Whether a row has more to say than its columns do: see {@link decodeExtra}. */
  hasExtra(row: EventRow): boolean;
  /**
   * Content of the column `extra`: the event's other fields, and the notes. Notes on fields with columns are applied to
   * `event`.
   */
  decodeExtra(event: EventFields, row: EventRow, table: string): { extra: JsonObject | undefined; unbranded: boolean };
}

/** Makes encoder and decoder of a table of columns: straight-line code, as every append and every row of a history runs it. */
export function makeEventCodec(columns: readonly EventColumn[]): EventCodec {
  const fields = new Set(columns.filter(({ kind }) => kind !== 'extra').map(({ field }) => field));
  const noted = new Set(columns.filter(({ kind }) => kind !== 'id' && kind !== 'extra').map(({ field }) => field));
  const named = [...columns.map(({ field }) => field), 'sessionId', 'appName', 'userId', 'unbranded'];
  const decoders = decodersOf(columns);
  const extraAt = 1 + columns.findIndex(({ kind }) => kind === 'extra');
  return {
    json: Object.freeze(columns.filter(isJsonColumn).map(({ column }) => column)),
    fields,
    named: new Set([...named, 'seq']),
    blank:
      compile({}, `() => ({ ${named.map((field) => `${field}: undefined`).join(', ')} })`) ??
      (() => Object.fromEntries(named.map((field) => [field, undefined]))),
    encode: compile(ENCODERS, encoderCode(columns)) ?? plainEncoder(columns),
    decode: compile(decoders, decoderCode(columns)) ?? plainDecoder(columns, decoders),
    hasExtra: (row) => row[extraAt] !== null,
    decodeExtra(event, row, table) {
      return applyExtra(event, decoders.extra(row, extraAt, table) as JsonObject, noted, () => {
        return damaged(columns, row, extraAt, table);
      });
    },
  };
}

/** Compiles a function from code of our own; `undefined` where the program may not make code from text. */
function compile<Made>(helpers: object, code: string): Made | undefined {
  try {
    return new Function('helpers', `const { ${Object.keys(helpers).join(', ')} } = helpers; return ${code}`)(
      helpers,
    ) as Made;
  } catch (error) {
    if ((error as Error).name !== 'EvalError') throw error;
    return undefined;
  }
}

// ── encode ──

/** The parameters before the fields, with room for those that are set later. */
const HEAD = INSERT_PARAMS.map((name) => (isSetLater(name) ? 'null' : `event.${name}`)).join(', ');

function isSetLater(name: (typeof INSERT_PARAMS)[number]): boolean {
  return name === 'sessionKey' || name === 'knownSeq' || name === 'knownId';
}

function encoderCode(columns: readonly EventColumn[]): string {
  const call = ({ field, kind, required }: EventColumn) => {
    if (kind === 'id') return `event.${field}`;
    const encoded = `${kind}(notes, 'event.${field}', event.${field})`;
    return required && kind === 'text' ? `(${encoded} ?? absent(notes, '${field}', ''))` : encoded;
  };
  // A time is noted before all others.
  const values = columns.map((column) => (column.kind === 'time' ? column.field : call(column)));
  const times = columns.filter(({ kind }) => kind === 'time');
  return `(event) => {
    const notes = notesOf(event);
    ${times.map((column) => `const ${column.field} = ${call(column)};`).join('\n')}
    return [${HEAD}, ${values.join(', ')}];
  }`;
}

function plainEncoder(columns: readonly EventColumn[]): (event: EventRecord) => SqlParam[] {
  const inOrder = [...columns].sort((a, b) => Number(b.kind === 'time') - Number(a.kind === 'time'));
  return (event) => {
    const notes = notesOf(event);
    const values = new Map<string, SqlParam>();
    for (const { field, kind, required } of inOrder) {
      const value = ENCODERS[kind](notes, `event.${field}`, (event as unknown as JsonObject)[field]);
      values.set(field, required && kind === 'text' ? (value ?? absent(notes, field, '')) : value);
    }
    const fields = columns.map(({ field }) => values.get(field) as SqlParam);
    return [null, null, null, event.appName, event.userId, event.sessionId, ...fields];
  };
}

function notesOf(event: EventRecord): Notes {
  return {
    absent: undefined,
    as: undefined,
    unbranded: event.unbranded === true ? true : undefined,
    removed: removedFrom(event.actions),
  };
}

/** Whether JSON.stringify would make {@link NO_ACTIONS} of it. */
function isNoActions(actions: unknown): boolean {
  if (!isPlain(actions)) return false;
  let count = 0;
  for (const key in actions) if (key !== NO_ACTIONS_KEYS[count++] || !isEmpty(actions[key])) return false;
  return count === NO_ACTIONS_KEYS.length;
}

function isEmpty(value: unknown): boolean {
  if (!isPlain(value)) return false;
  for (const _ in value) return false;
  return true;
}

function isPlain(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const ENCODERS: Record<Kind, (notes: Notes, name: string, value: unknown) => SqlParam> & Record<string, unknown> = {
  id: (_, __, value) => value as string,
  text,
  actions,
  object,
  list,
  flag,
  time,
  extra,
  absent,
  notesOf,
};

function text(notes: Notes, name: string, value: unknown): string | null {
  if (typeof value === 'string' && isWellFormed(value)) return value;
  return value === undefined ? null : note(notes, name, value);
}

function object(notes: Notes, name: string, value: unknown): string | null {
  if (value === undefined) return null;
  const encoded = serialize(value, name);
  return encoded?.[0] === '{' ? encoded : note(notes, name, value);
}

function list(notes: Notes, name: string, value: unknown): string | null {
  if (value === undefined) return null;
  // The value of most events.
  if (Array.isArray(value) && value.length === 0) return '[]';
  const encoded = serialize(value, name);
  return encoded?.[0] === '[' ? encoded : note(notes, name, value);
}

function actions(notes: Notes, name: string, value: unknown): string {
  return isNoActions(value) ? NO_ACTIONS : (object(notes, name, value) ?? absent(notes, 'actions', '{}'));
}

function time(notes: Notes, name: string, value: unknown): number {
  const encoded = julianDay.encode(value as number);
  if (julianDay.decode(encoded) !== value) note(notes, name, value);
  return encoded;
}

function flag(notes: Notes, name: string, value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  return value === undefined ? null : note(notes, name, value);
}

/** Remembers a value that has no column. A value without JSON (a function) is dropped, as by JSON.stringify. */
function note(notes: Notes, name: string, value: unknown): null {
  if (serialize(value, name) !== undefined) {
    notes.as ??= {};
    notes.as[name.slice('event.'.length)] = value;
  }
  return null;
}

/** Notes an absent field, and returns the value that its NOT NULL column holds instead. */
function absent(notes: Notes, field: string, standIn: string): string {
  if (notes.as === undefined || !Object.hasOwn(notes.as, field)) {
    notes.absent ??= [];
    notes.absent.push(field);
  }
  return standIn;
}

function extra(notes: Notes, name: string, value: unknown): string | null {
  const fields = value as JsonObject | undefined;
  const own = fields === undefined ? '{}' : serializeObject(hasReserved(fields) ? escapeKeys(fields) : fields, name);
  if (!hasNotes(notes)) return own === '{}' ? null : own;
  return `${own.slice(0, -1)}${own === '{}' ? '' : ','}"${NOTES}":${JSON.stringify(notes)}}`;
}

function hasNotes({ absent, as, unbranded, removed }: Notes): boolean {
  return absent !== undefined || as !== undefined || unbranded !== undefined || removed !== undefined;
}

/** Keys that the state delta among an event's actions removes. */
function removedFrom(actions: unknown): string[] | undefined {
  const delta = isJsonObject(actions) ? actions.stateDelta : undefined;
  return isJsonObject(delta) ? removedKeys(delta) : undefined;
}

/** Puts the removed keys back into an event's state delta. */
function restoreRemoved({ actions }: EventFields, removed: string[]): void {
  const delta = isJsonObject(actions) ? actions.stateDelta : undefined;
  if (!isJsonObject(delta)) return;
  const property = { value: undefined, writable: true, enumerable: true, configurable: true };
  for (const key of removed) if (!Object.hasOwn(delta, key)) Object.defineProperty(delta, key, property);
}

function hasReserved(fields: JsonObject): boolean {
  for (const key in fields) if (key.charCodeAt(0) === 36 && LIKE_NOTES.test(key)) return true;
  return false;
}

/** Object.fromEntries, because it makes `__proto__` a key like any other. */
function escapeKeys(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [LIKE_NOTES.test(key) ? `$${key}` : key, value]),
  );
}

// ── decode ──

type Decoders = Record<Kind, (row: EventRow, at: number, table: string) => unknown> & { noActions: typeof noActions };

function decoderCode(columns: readonly EventColumn[]): string {
  const call = ({ kind }: EventColumn, at: number) => `${kind}(row, ${at}, table)`;
  const placed = columns.map((column, i) => ({ column, at: i + 1 })).filter(({ column }) => column.kind !== 'extra');
  const required = placed.filter(({ column }) => column.required);
  const optional = placed.filter(({ column }) => !column.required);
  return `(row, table) => {
    const event = { ${required.map(({ column, at }) => `${column.field}: ${call(column, at)}`).join(', ')} };
    ${optional.map(({ column, at }) => `if (row[${at}] !== null) event.${column.field} = ${call(column, at)};`).join('\n')}
    return event;
  }`;
}

function plainDecoder(columns: readonly EventColumn[], decoders: Decoders): EventCodec['decode'] {
  return (row, table) => {
    const event: JsonObject = {};
    for (const wanted of [true, undefined]) {
      columns.forEach(({ field, kind, required }, i) => {
        if (kind === 'extra' || required !== wanted || (!required && row[i + 1] === null)) return;
        event[field] = decoders[kind](row, i + 1, table);
      });
    }
    return event as unknown as EventFields;
  };
}

function damaged(columns: readonly EventColumn[], row: EventRow, at: number, table: string): Error {
  return corruptRow(table, String(row[1]), String(columns[at - 1]?.column));
}

/** Reads a value of a row and checks it, by kind. */
function decodersOf(columns: readonly EventColumn[]): Decoders {
  const fail = (row: EventRow, at: number, table: string) => damaged(columns, row, at, table);
  function text(row: EventRow, at: number, table: string): string {
    const value = row[at];
    if (typeof value !== 'string') throw fail(row, at, table);
    return value;
  }
  function object(row: EventRow, at: number, table: string): JsonObject {
    const value = row[at];
    if (!isJsonObject(value)) throw fail(row, at, table);
    return value;
  }
  return {
    id: text,
    text,
    object,
    extra: object,
    actions: (row, at, table) => (row[at] === 0 ? noActions() : object(row, at, table)),
    list(row, at, table) {
      const value = row[at];
      if (!Array.isArray(value)) throw fail(row, at, table);
      return value;
    },
    /** Integers arrive as bigint where the connection's integerMode says so. */
    flag(row, at, table) {
      const value = row[at];
      if (value === 1 || value === 1n) return true;
      if (value === 0 || value === 0n) return false;
      throw fail(row, at, table);
    },
    time(row, at, table) {
      const value = row[at];
      if (typeof value !== 'number' || !Number.isFinite(value)) throw fail(row, at, table);
      return julianDay.decode(value);
    },
    noActions,
  };
}

function applyExtra(
  event: EventFields,
  stored: JsonObject,
  noted: ReadonlySet<string>,
  damage: () => Error,
): { extra: JsonObject | undefined; unbranded: boolean } {
  if (!hasReserved(stored)) return { extra: stored, unbranded: false };
  const fields = Object.entries(stored).filter(([key]) => key !== NOTES);
  const extra =
    fields.length === 0
      ? undefined
      : Object.fromEntries(fields.map(([key, value]) => [LIKE_NOTES.test(key) ? key.slice(1) : key, value]));
  if (!Object.hasOwn(stored, NOTES)) return { extra, unbranded: false };
  const notes = stored[NOTES];
  if (!isJsonObject(notes)) throw damage();
  const { absent = [], as = {}, unbranded, removed = [] } = notes;
  if (!Array.isArray(absent) || !isJsonObject(as) || !Array.isArray(removed)) throw damage();
  for (const field of absent) if (noted.has(field)) delete event[field as keyof EventFields];
  for (const field of Object.keys(as)) if (noted.has(field)) Object.assign(event, { [field]: as[field] });
  if (removed.length > 0) restoreRemoved(event, removed);
  return { extra, unbranded: unbranded === true };
}

/** The codec of the store's own table. */
export const eventCodec = makeEventCodec(EVENT_COLUMNS);

/** The event itself, or a copy whose unnamed fields have moved to `extra`. */
export function gatherExtra(event: EventRecord): EventRecord {
  let extra: JsonObject | undefined;
  for (const field in event) {
    if (eventCodec.named.has(field)) continue;
    const value = (event as unknown as JsonObject)[field];
    if (value === undefined) continue;
    extra ??= Object.assign(Object.create(null) as JsonObject, event.extra);
    extra[field] = value;
  }
  return extra !== undefined && isMissingOrObject(event.extra) ? { ...event, extra } : event;
}

const isMissingOrObject = (value: unknown) => value === undefined || isJsonObject(value);

export const EVENT_JSON = eventCodec.json;
export const { encode: encodeEvent, decode: decodeEvent, hasExtra, decodeExtra } = eventCodec;
