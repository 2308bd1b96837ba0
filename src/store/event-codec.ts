import { julianDay } from '../codec/julian-day.js';
import { isWellFormed } from '../codec/well-formed.js';
import type { SqlParam } from '../executor.js';
import { removedKeys } from './deltas.js';
import { corruptRow } from './errors.js';
import { type EventRecord, isJsonObject, type JsonObject } from './records.js';
import { serialize, serializeObject } from './serialize.js';

/** What the columns of one row say; the session it belongs to is known to whoever asked for it. */
export type EventFields = Omit<EventRecord, 'sessionId' | 'appName' | 'userId' | 'seq' | 'extra' | 'unbranded'>;

/** A row as the statements of queries.ts give it: `seq` first, then the columns of {@link EventFields}, JSON parsed. */
export type EventRow = unknown[];

/** The JSON columns of such a row. */
export const EVENT_JSON = Object.freeze([
  'actions',
  'long_running_tool_ids_json',
  'content',
  'grounding_metadata',
  'custom_metadata',
  'extra',
] as const);

/**
 * What the columns can't hold, kept in the column `extra` under one reserved key: known fields that were absent where a
 * column needs a value, known fields with a value that their column has no room for, removed keys, the missing brand.
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

/** The fields that notes may speak of. */
const FIELDS = new Set<string>([
  'invocationId',
  'author',
  'actions',
  'longRunningToolIds',
  'branch',
  'timestamp',
  'content',
  'groundingMetadata',
  'customMetadata',
  'partial',
  'turnComplete',
  'interrupted',
  'errorCode',
  'errorMessage',
]);

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

/** Every field that a record names; all others of an event belong into `extra`. */
const NAMED = new Set<string>([...FIELDS, 'id', 'sessionId', 'appName', 'userId', 'extra', 'unbranded', 'seq']);

/** The event itself, or a copy whose unnamed fields have moved to `extra`. */
export function gatherExtra(event: EventRecord): EventRecord {
  let extra: JsonObject | undefined;
  for (const field in event) {
    if (NAMED.has(field)) continue;
    const value = (event as unknown as JsonObject)[field];
    if (value === undefined) continue;
    extra ??= Object.assign(Object.create(null) as JsonObject, event.extra);
    extra[field] = value;
  }
  return extra !== undefined && isMissingOrObject(event.extra) ? { ...event, extra } : event;
}

const isMissingOrObject = (value: unknown) => value === undefined || isJsonObject(value);

/** Where those at the end begin. */
export const KNOWN_AT = 19;

// ── encode: straight-line code, since every append runs it on the JavaScript thread ──

/**
 * The parameters of `insertEvent.byKey`, with room at the end for what is known of the session; without that end they are
 * those of `insertEvent.byName`. Throws `'ADK_NOT_SERIALIZABLE'`.
 */
export function encodeEvent(event: EventRecord): SqlParam[] {
  const notes: Notes = {
    absent: undefined,
    as: undefined,
    unbranded: event.unbranded === true ? true : undefined,
    removed: removedFrom(event.actions),
  };
  const timestamp = julianDay.encode(event.timestamp);
  if (julianDay.decode(timestamp) !== event.timestamp) note(notes, 'event.timestamp', event.timestamp);
  return [
    event.appName,
    event.userId,
    event.sessionId,
    event.id,
    text(notes, 'event.invocationId', event.invocationId) ?? absent(notes, 'invocationId', ''),
    text(notes, 'event.author', event.author) ?? absent(notes, 'author', ''),
    isNoActions(event.actions)
      ? NO_ACTIONS
      : (json(notes, 'event.actions', event.actions, '{') ?? absent(notes, 'actions', '{}')),
    json(notes, 'event.longRunningToolIds', event.longRunningToolIds, '['),
    text(notes, 'event.branch', event.branch),
    timestamp,
    json(notes, 'event.content', event.content, '{'),
    json(notes, 'event.groundingMetadata', event.groundingMetadata, '{'),
    json(notes, 'event.customMetadata', event.customMetadata, '{'),
    flag(notes, 'event.partial', event.partial),
    flag(notes, 'event.turnComplete', event.turnComplete),
    flag(notes, 'event.interrupted', event.interrupted),
    text(notes, 'event.errorCode', event.errorCode),
    text(notes, 'event.errorMessage', event.errorMessage),
    extra(notes, event.extra),
    0,
    0,
    null,
  ];
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

function text(notes: Notes, name: string, value: unknown): string | null {
  if (typeof value === 'string' && isWellFormed(value)) return value;
  return value === undefined ? null : note(notes, name, value);
}

function json(notes: Notes, name: string, value: unknown, opening: string): string | null {
  if (value === undefined) return null;
  // What most events have.
  if (opening === '[' && Array.isArray(value) && value.length === 0) return '[]';
  const encoded = serialize(value, name);
  return encoded?.[0] === opening ? encoded : note(notes, name, value);
}

function flag(notes: Notes, name: string, value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  return value === undefined ? null : note(notes, name, value);
}

/** Remembers a value that has no column. What has no JSON either (a function) is dropped, as JSON.stringify does. */
function note(notes: Notes, name: string, value: unknown): null {
  if (serialize(value, name) !== undefined) {
    notes.as ??= {};
    notes.as[name.slice('event.'.length)] = value;
  }
  return null;
}

/** Stands in for a value that a NOT NULL column did not get. */
function absent(notes: Notes, field: string, standIn: string): string {
  if (notes.as === undefined || !Object.hasOwn(notes.as, field)) {
    notes.absent ??= [];
    notes.absent.push(field);
  }
  return standIn;
}

function extra(notes: Notes, fields: JsonObject | undefined): string | null {
  const own =
    fields === undefined ? '{}' : serializeObject(hasReserved(fields) ? escapeKeys(fields) : fields, 'event.extra');
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

// ── decode: as cheap as it can be, since a history has thousands of rows ──

/** What the columns say, or `'ADK_CORRUPT_ROW'`; `table` is for the error. */
export function decodeEvent(row: EventRow, table: string): EventFields {
  const event: EventFields = {
    id: textAt(row, 1, table),
    invocationId: textAt(row, 2, table),
    author: textAt(row, 3, table),
    actions: row[4] === 0 ? noActions() : objectAt(row, 4, table),
    timestamp: timeAt(row, 7, table),
  };
  if (row[5] !== null) event.longRunningToolIds = arrayAt(row, 5, table);
  if (row[6] !== null) event.branch = textAt(row, 6, table);
  if (row[8] !== null) event.content = objectAt(row, 8, table);
  if (row[9] !== null) event.groundingMetadata = objectAt(row, 9, table);
  if (row[10] !== null) event.customMetadata = objectAt(row, 10, table);
  if (row[11] !== null) event.partial = flagAt(row, 11, table);
  if (row[12] !== null) event.turnComplete = flagAt(row, 12, table);
  if (row[13] !== null) event.interrupted = flagAt(row, 13, table);
  if (row[14] !== null) event.errorCode = textAt(row, 14, table);
  if (row[15] !== null) event.errorMessage = textAt(row, 15, table);
  return event;
}

/** Column names by their place in a row. */
const COLUMNS = [
  'seq',
  'id',
  'invocation_id',
  'author',
  'actions',
  'long_running_tool_ids_json',
  'branch',
  'timestamp',
  'content',
  'grounding_metadata',
  'custom_metadata',
  'partial',
  'turn_complete',
  'interrupted',
  'error_code',
  'error_message',
  'extra',
];

const damaged = (row: EventRow, at: number, table: string) => corruptRow(table, String(row[1]), String(COLUMNS[at]));

function textAt(row: EventRow, at: number, table: string): string {
  const value = row[at];
  if (typeof value !== 'string') throw damaged(row, at, table);
  return value;
}

function objectAt(row: EventRow, at: number, table: string): JsonObject {
  const value = row[at];
  if (!isJsonObject(value)) throw damaged(row, at, table);
  return value;
}

function arrayAt(row: EventRow, at: number, table: string): string[] {
  const value = row[at];
  if (!Array.isArray(value)) throw damaged(row, at, table);
  return value;
}

/** Integers arrive as bigint where the connection's integerMode says so. */
function flagAt(row: EventRow, at: number, table: string): boolean {
  const value = row[at];
  if (value === 1 || value === 1n) return true;
  if (value === 0 || value === 0n) return false;
  throw damaged(row, at, table);
}

function timeAt(row: EventRow, at: number, table: string): number {
  const value = row[at];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw damaged(row, at, table);
  return julianDay.decode(value);
}

/** Whether a row has more to say than its columns do: see {@link decodeExtra}. */
export const hasExtra = (row: EventRow): boolean => row[16] !== null;

/**
 * What the column `extra` says beside the other columns: the event's other fields, and our notes. What these say of the
 * fields with columns is done to `event`.
 */
export function decodeExtra(
  event: EventFields,
  row: EventRow,
  table: string,
): { extra: JsonObject | undefined; unbranded: boolean } {
  const stored = objectAt(row, 16, table);
  if (!hasReserved(stored)) return { extra: stored, unbranded: false };
  const fields = Object.entries(stored).filter(([key]) => key !== NOTES);
  const extra =
    fields.length === 0
      ? undefined
      : Object.fromEntries(fields.map(([key, value]) => [LIKE_NOTES.test(key) ? key.slice(1) : key, value]));
  if (!Object.hasOwn(stored, NOTES)) return { extra, unbranded: false };
  const notes = stored[NOTES];
  if (!isJsonObject(notes)) throw damaged(row, 16, table);
  const { absent = [], as = {}, unbranded, removed = [] } = notes;
  if (!Array.isArray(absent) || !isJsonObject(as) || !Array.isArray(removed)) throw damaged(row, 16, table);
  for (const field of absent) if (FIELDS.has(field)) delete event[field as keyof EventFields];
  for (const field of Object.keys(as)) if (FIELDS.has(field)) Object.assign(event, { [field]: as[field] });
  if (removed.length > 0) restoreRemoved(event, removed);
  return { extra, unbranded: unbranded === true };
}
