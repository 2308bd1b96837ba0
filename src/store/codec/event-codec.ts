import type { Backend } from '../backend.js';
import { type EventRecord, isJsonObject, type JsonObject, type SessionKey } from '../records.js';
import { type Column, EVENT_COLUMNS, type EventFields, jsonColumns } from './columns.js';
import { compile } from './compile.js';
import { type Decoder, damaged, decodersOf, makeDecoder, type Row } from './decoder.js';
import type { Dialect } from './dialect.js';
import { type EventEncoder, makeEncoder } from './event-encoder.js';
import { applyExtra } from './event-notes.js';

/** A row of an event: `seq` first, then the columns of the table. */
export type EventRow = Row;

export interface EventCodec {
  /** The JSON columns of a row. */
  readonly json: readonly string[];
  /** Parameters of the statements that insert an event. Throws `'ADK_NOT_SERIALIZABLE'`. */
  encode: EventEncoder;
  decode: Decoder<EventFields>;
  /** Of a marker: the invocation before which the session was taken back. */
  rewindBefore(row: EventRow): string | undefined;
  /** Whether a marker is among rows. */
  hasMarker(rows: readonly EventRow[]): boolean;
  /** Whether a row has more to say than its columns do: see {@link decodeExtra}. */
  hasExtra(row: EventRow): boolean;
  /**
   * Content of the column `extra`: the event's other fields, and the notes. Notes on fields with columns are applied to
   * `event`.
   */
  decodeExtra(event: EventFields, row: EventRow, table: string): { extra: JsonObject | undefined; unbranded: boolean };
}

/** The field of an event's actions by which adk-python marks a rewind. */
export const MARKER = 'rewindBeforeInvocationId';

/** Makes encoder and decoder of a table of columns. */
export function makeEventCodec(columns: readonly Column[], dialect: Dialect): EventCodec {
  const noted = new Set(columns.filter(({ kind }) => kind !== 'id' && kind !== 'extra').map(({ field }) => field));
  const decoders = decodersOf(columns, dialect);
  const extraAt = 1 + columns.findIndex(({ kind }) => kind === 'extra');
  const rewindBefore = (stored: unknown): string | undefined => {
    if (stored === 0 || (typeof stored === 'string' && !stored.includes(MARKER))) return undefined;
    const actions = (dialect.decodeJson ? dialect.decodeJson(stored) : stored) as JsonObject | null;
    const before = actions?.[MARKER];
    return typeof before === 'string' ? before : undefined;
  };
  const actionsAt = 1 + columns.findIndex(({ kind }) => kind === 'actions');
  return {
    json: jsonColumns(columns),
    encode: makeEncoder(columns, dialect),
    decode: makeDecoder(columns, decoders),
    rewindBefore: (row) => rewindBefore(row[actionsAt]),
    hasMarker(rows) {
      // Every load of a history runs this: most events have no actions, which is 0.
      for (const row of rows) {
        const stored = row[actionsAt];
        if (stored !== 0 && rewindBefore(stored) !== undefined) return true;
      }
      return false;
    },
    hasExtra: (row) => row[extraAt] !== null,
    decodeExtra(event, row, table) {
      return applyExtra(event, decoders.extra(row, extraAt, table) as JsonObject, noted, () => {
        return damaged(columns, row, extraAt, table);
      });
    },
  };
}

/** The fields of a record. */
export interface EventShape {
  /**
   * An event of ADK as a record, whatever its fields are: those without a column go to `extra`. Only fields that are there are
   * looked at: asking an object for a dozen that are not was most of the cost (1.1 of 1.3 µs).
   */
  recordOf(event: object, key: SessionKey): EventRecord;
  /** Every field that a record names; all others of an event belong into `extra`. */
  readonly named: ReadonlySet<string>;
}

export function makeEventShape(columns: readonly Column[]): EventShape {
  const named = [...columns.map(({ field }) => field), 'sessionId', 'appName', 'userId', 'unbranded'];
  const own = columns.filter(({ kind }) => kind !== 'extra').map(({ field }) => field);
  /** Sets a field of a record. False if the field has no column of its own: then nothing is set. */
  const set = compile<SetField>({}, setterCode(own)) ?? plainSetter(new Set(own));
  /** A record with all its fields, undefined: of one shape, whatever an event has. */
  const blank =
    compile<() => JsonObject>({}, `() => ({ ${named.map((field) => `${field}: undefined`).join(', ')} })`) ??
    (() => Object.fromEntries(named.map((field) => [field, undefined])));
  return {
    named: new Set([...named, 'seq']),
    recordOf(event, { sessionId, appName, userId }) {
      const record = blank();
      record.sessionId = sessionId;
      record.appName = appName;
      record.userId = userId;
      let extra: JsonObject | undefined;
      for (const field in event) {
        const value = (event as JsonObject)[field];
        if (set(record, field, value) || value === undefined) continue;
        extra ??= Object.create(null) as JsonObject;
        extra[field] = value;
      }
      record.extra = extra;
      return record as unknown as EventRecord;
    },
  };
}

type SetField = (record: JsonObject, field: string, value: unknown) => boolean;

/** Runs for each field of each append: a switch takes a quarter of the time of a Set lookup and a keyed store. */
const setterCode = (fields: readonly string[]) => `(record, field, value) => {
    switch (field) {
      ${fields.map((field) => `case '${field}': record.${field} = value; return true;`).join('\n')}
      default: return false;
    }
  }`;

const plainSetter = (fields: ReadonlySet<string>): SetField => {
  return (record, field, value) => {
    if (!fields.has(field)) return false;
    record[field] = value;
    return true;
  };
};

/** The shape of the store's own events. */
export const eventShape = makeEventShape(EVENT_COLUMNS);

/** The event itself, or a copy whose unnamed fields have moved to `extra`. */
export function gatherExtra(event: EventRecord): EventRecord {
  let extra: JsonObject | undefined;
  for (const field in event) {
    if (eventShape.named.has(field)) continue;
    const value = (event as unknown as JsonObject)[field];
    if (value === undefined) continue;
    extra ??= Object.assign(Object.create(null) as JsonObject, event.extra);
    extra[field] = value;
  }
  return extra !== undefined && isMissingOrObject(event.extra) ? { ...event, extra } : event;
}

const isMissingOrObject = (value: unknown) => value === undefined || isJsonObject(value);

/** A stored event as a record. Written out: object spread costs thirty times as much. */
export function decodeRecord({ events, names }: Backend, row: EventRow, key: SessionKey): EventRecord {
  const record = events.decode(row, names.events) as EventRecord;
  record.sessionId = key.sessionId;
  record.appName = key.appName;
  record.userId = key.userId;
  record.seq = Number(row[0]);
  if (events.hasExtra(row)) {
    const { extra, unbranded } = events.decodeExtra(record, row, names.events);
    if (extra) record.extra = extra;
    if (unbranded) record.unbranded = true;
  }
  return record;
}
