import type { Event, Session } from '@google/adk';
import {
  decodeEvent,
  decodeExtra,
  type EventRecord,
  type EventRow,
  eventCodec,
  hasExtra,
  type JsonObject,
} from '../store/internal.js';
import { define } from './state-scopes.js';

/** What `createEvent` marks its events with, and ADK's workflow nodes look for. JSON can't hold it. */
const BRAND = Symbol.for('google.adk.event');

type Branded = { [BRAND]?: true };

const { blank, fields: COLUMN_FIELDS } = eventCodec;

/**
 * ADK's event as the store takes it, whatever its fields are: the store keeps what it has no column for. Only fields that
 * are there are looked at: asking an object for a dozen that are not was most of the cost (1.1 of 1.3 µs).
 */
export function toRecord(event: Event, session: Session): EventRecord {
  const record = blank();
  record.sessionId = session.id;
  record.appName = session.appName;
  record.userId = session.userId;
  record.unbranded = (event as Branded)[BRAND] !== true;
  let extra: JsonObject | undefined;
  for (const key in event) {
    const value = (event as unknown as JsonObject)[key];
    if (COLUMN_FIELDS.has(key)) record[key] = value;
    else if (value !== undefined) {
      extra ??= Object.create(null) as JsonObject;
      extra[key] = value;
    }
  }
  record.extra = extra;
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
