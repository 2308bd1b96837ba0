import { eventShape } from '../../codec/event-codec.js';
import type { EventRecord, JsonObject, SessionKey } from '../../records.js';

/** ADK's event as a record: fields that records don't name are in `extra`. */
export function eventRecord({ appName, userId, sessionId }: SessionKey, event: JsonObject): EventRecord {
  const record = eventShape.blank();
  record.appName = appName;
  record.userId = userId;
  record.sessionId = sessionId;
  let extra: JsonObject | undefined;
  for (const field of Object.keys(event)) {
    if (eventShape.set(record, field, event[field])) continue;
    extra ??= Object.create(null) as JsonObject;
    extra[field] = event[field];
  }
  record.extra = extra;
  return record as unknown as EventRecord;
}
