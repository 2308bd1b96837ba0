import type { Event, Session } from '@google/adk';
import {
  decodeEvent,
  decodeExtra,
  type EventRecord,
  type EventRow,
  hasExtra,
  type JsonObject,
} from '../store/internal.js';
import { define } from './state-scopes.js';

/** What `createEvent` marks its events with, and ADK's workflow nodes look for. JSON can't hold it. */
const BRAND = Symbol.for('google.adk.event');

type Branded = { [BRAND]?: true };

/** The fields that records have under the same name; all others go to `extra`. */
const RECORD_FIELDS = new Set<string>([
  'id',
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

/**
 * ADK's event as the store takes it, whatever its fields are: the store keeps what it has no column for. Only fields that
 * are there are looked at: asking an object for a dozen that are not was most of the cost (1.1 of 1.3 µs).
 */
export function toRecord(event: Event, session: Session): EventRecord {
  const record = {
    id: undefined,
    sessionId: session.id,
    appName: session.appName,
    userId: session.userId,
    invocationId: undefined,
    author: undefined,
    actions: undefined,
    longRunningToolIds: undefined,
    branch: undefined,
    timestamp: undefined,
    content: undefined,
    groundingMetadata: undefined,
    customMetadata: undefined,
    partial: undefined,
    turnComplete: undefined,
    interrupted: undefined,
    errorCode: undefined,
    errorMessage: undefined,
    extra: undefined as JsonObject | undefined,
    unbranded: (event as Branded)[BRAND] !== true,
  };
  for (const key in event) {
    const value = (event as unknown as JsonObject)[key];
    if (RECORD_FIELDS.has(key)) (record as JsonObject)[key] = value;
    else if (value !== undefined) {
      record.extra ??= Object.create(null) as JsonObject;
      record.extra[key] = value;
    }
  }
  return record as unknown as EventRecord;
}

/** A stored event as it was given to the service. `table` is for errors. */
export function toEvent(row: EventRow, table: string): Event {
  const event = decodeEvent(row, table) as unknown as Event & Branded & JsonObject;
  if (!hasExtra(row)) {
    event[BRAND] = true;
    return event;
  }
  const { extra = {}, unbranded } = decodeExtra(event as never, row, table);
  for (const key of Object.keys(extra)) {
    // One by one: spreading costs far more. Columns come first, should somebody have stored such fields twice.
    if (key === '__proto__') define(event, key, extra[key]);
    else if (!Object.hasOwn(event, key)) event[key] = extra[key];
  }
  if (!unbranded) event[BRAND] = true;
  return event;
}
