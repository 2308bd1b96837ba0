import { type EventRecord, isJsonObject, type JsonObject } from '../records.js';
import type { EventFields } from './columns.js';
import { removedKeys } from './deltas.js';
import { serialize, serializeObject } from './serialize.js';

/**
 * Facts that the columns can't hold, kept in the column `extra` under one reserved key: fields that were absent where a
 * column needs a value, values that do not fit their column, removed keys, the missing brand.
 */
export interface Notes {
  absent: string[] | undefined;
  as: JsonObject | undefined;
  unbranded: true | undefined;
  /** Keys that the event's state delta removes: JSON has no text for `undefined`. */
  removed: string[] | undefined;
  /** The change of the session state, where the event's state delta says another one. */
  applied: AppliedNote | undefined;
}

/** JSON text of the keys that were set (inside JSON, it adds no levels to the text around it), and the keys removed. */
export interface AppliedNote {
  set: string;
  removed: readonly string[];
}

/** The reserved key. A field of this name, or of this name behind more `$`, is stored with one `$` more. */
export const NOTES = '$row';
const LIKE_NOTES = /^\$+row$/;

export function notesOf(event: EventRecord, applied: AppliedNote | undefined): Notes {
  return {
    absent: undefined,
    as: undefined,
    unbranded: event.unbranded === true ? true : undefined,
    removed: removedFrom(event.actions),
    applied,
  };
}

/** Notes a value that has no column. A value without JSON (a function) is dropped, as by JSON.stringify. */
export function note(notes: Notes, name: string, value: unknown): null {
  if (serialize(value, name) !== undefined) {
    notes.as ??= {};
    notes.as[name.slice('event.'.length)] = value;
  }
  return null;
}

/** Notes an absent field, and returns the value that its NOT NULL column holds instead. */
export function absent(notes: Notes, field: string, standIn: string): string {
  if (notes.as === undefined || !Object.hasOwn(notes.as, field)) {
    notes.absent ??= [];
    notes.absent.push(field);
  }
  return standIn;
}

/** JSON of the column `extra`: an event's other fields and the notes; null if there is neither. */
export function encodeExtra(notes: Notes, name: string, value: unknown): string | null {
  const fields = value as JsonObject | undefined;
  const own = fields === undefined ? '{}' : serializeObject(hasReserved(fields) ? escapeKeys(fields) : fields, name);
  if (!hasNotes(notes)) return own === '{}' ? null : own;
  return `${own.slice(0, -1)}${own === '{}' ? '' : ','}"${NOTES}":${JSON.stringify(notes)}}`;
}

/** Splits the column's value into the other fields and the notes, and applies the notes on `noted` fields to the event. */
export function applyExtra(
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

function hasNotes({ absent, as, unbranded, removed, applied }: Notes): boolean {
  return (
    absent !== undefined ||
    as !== undefined ||
    unbranded !== undefined ||
    removed !== undefined ||
    applied !== undefined
  );
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
