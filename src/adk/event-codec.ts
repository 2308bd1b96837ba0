import type { Event, Session } from '@google/adk';
import { decodeEvent, type EventRecord, type EventRow, type JsonObject } from 'aiosqlite/store';

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
  const fields = decodeEvent(row, table) as EventRecord & Branded;
  if (fields.extra === undefined && fields.unbranded !== true) {
    fields[BRAND] = true;
    return fields as unknown as Event;
  }
  const { extra, unbranded, ...known } = fields;
  // Spread, because it makes `__proto__` a key like any other.
  const event = { ...extra, ...known } as unknown as Event & Branded;
  if (!unbranded) event[BRAND] = true;
  return event;
}
