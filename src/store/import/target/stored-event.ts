import type { SqlParam } from '../../../executor.js';
import { EVENT_COLUMNS, isJson, KEY_PARAMS } from '../../codec/columns.js';
import type { Dialect } from '../../codec/dialect.js';
import { makeEventCodec } from '../../codec/event-codec.js';
import type { StoredEvent } from '../../copy/transfer.js';
import type { EventRecord } from '../../records.js';
import { isMarked, restored } from '../values/exact.js';

/** Takes every value as it is. A number at the place of a text is noted beside the event's other fields. */
const ANY: Dialect = {
  reserved: 0,
  holdsText: (text) => !isMarked(text),
  encodeTime: (ms) => ms,
  decodeTime: (ms) => ms as number,
  encodeFlag: (flag) => flag,
  decodeFlag: (flag) => flag as boolean,
};
const codec = makeEventCodec(EVENT_COLUMNS, ANY);
const JSON_AT = EVENT_COLUMNS.flatMap((column, at) => (isJson(column) ? at : []));

/** An event as every database can take it. Throws `'ADK_NOT_SERIALIZABLE'`. */
export function storedEvent(event: EventRecord): StoredEvent {
  const values: SqlParam[] = codec.encode(event).slice(KEY_PARAMS.length);
  for (const at of JSON_AT) {
    const text = values[at];
    if (typeof text === 'string') values[at] = restored(text);
  }
  return [null, ...values];
}
