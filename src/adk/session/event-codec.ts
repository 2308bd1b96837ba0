import type { Event } from '@google/adk';
import {
  type Backend,
  type EventRecord,
  type EventRow,
  eventShape,
  type JsonObject,
  type SessionKey,
} from '../../store/internal.js';
import { define } from './state-scopes.js';

/** Brand that `createEvent` gives its events and ADK's workflow nodes look for. JSON can't hold it. */
const BRAND = Symbol.for('google.adk.event');

type Branded = { [BRAND]?: true };

// Not by its name in the module: each call would go through the getters of two exports.
const { recordOf } = eventShape;

/** ADK's event as the store takes it. */
export function toRecord(event: Event, key: SessionKey): EventRecord {
  const record = recordOf(event, key);
  record.unbranded = (event as Branded)[BRAND] !== true;
  return record;
}

/** A stored event as it was given to the service. */
export function toEvent({ events, names }: Backend, row: EventRow): Event {
  const event = events.decode(row, names.events) as unknown as Event & Branded & JsonObject;
  if (!events.hasExtra(row)) {
    event[BRAND] = true;
    return event;
  }
  const { extra = {}, unbranded } = events.decodeExtra(event as never, row, names.events);
  for (const key of Object.keys(extra)) {
    // One by one, because spreading costs far more. Columns win over fields of the same name.
    if (key === '__proto__') define(event, key, extra[key]);
    else if (!Object.hasOwn(event, key)) event[key] = extra[key];
  }
  if (!unbranded) event[BRAND] = true;
  return event;
}
