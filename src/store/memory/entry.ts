import { checkObject } from '../../arguments.js';
import { julianDay } from '../../codec/julian-day.js';
import type { SqlParam } from '../../executor.js';
import { checkChoice, checkId, checkTime } from '../arguments.js';
import { parseObject, serializeObject } from '../codec/serialize.js';
import { corruptRow } from '../errors.js';
import { remember } from './content.js';
import type { MemoryRecord } from './records.js';
import { indexText } from './words.js';

/** An entry as it was when the call was made, ready to be written. */
export interface Entry {
  /** App, kind, user. */
  scope: [appName: string, kind: string, userId: string];
  /** Origin (see identity.ts) and id. */
  identity: [origin: string, id: string];
  /** Parameters of `addEntry`. */
  params: SqlParam[];
  /** JSON. */
  content: string;
  text: string;
}

/** Checks and encodes at once. `undefined`: it has no text, by which it could be found. `json`: the content, if it is encoded. */
export function encodeEntry(
  record: MemoryRecord,
  name: string,
  functionResponses: boolean,
  json?: unknown,
): Entry | undefined {
  checkObject(name, record);
  const { scope: kind = 'user', appName, id, sessionId = '', eventId, author, timestamp, customMetadata } = record;
  checkChoice(`${name}.scope`, kind, ['user', 'app']);
  const userId = kind === 'app' ? '' : record.userId;
  checkId(`${name}.appName`, appName);
  checkId(`${name}.userId`, userId);
  checkId(`${name}.id`, id);
  checkId(`${name}.sessionId`, sessionId);
  if (eventId !== undefined) checkId(`${name}.eventId`, eventId);
  if (author !== undefined) checkId(`${name}.author`, author);
  if (timestamp !== undefined) checkTime(`${name}.timestamp`, timestamp);
  checkObject(`${name}.content`, record.content);
  const custom = customMetadata === undefined ? null : serializeObject(customMetadata, `${name}.customMetadata`);
  const remembered = remember(record.content, functionResponses);
  if (remembered === undefined) return undefined;
  const isEncoded = typeof json === 'string' && remembered.content === record.content;
  const content = isEncoded ? json : serializeObject(remembered.content, `${name}.content`);
  const scope: Entry['scope'] = [appName, kind, userId];
  const time = timestamp === undefined ? null : julianDay.encode(timestamp);
  return {
    scope,
    identity: [eventId === undefined ? '' : sessionId, id],
    params: [
      ...scope,
      sessionId,
      eventId ?? null,
      id,
      author ?? null,
      time,
      custom,
      content,
      indexText(remembered.text),
    ],
    content,
    text: remembered.text,
  };
}

/** A row of a search: the columns of queries.ts, then its score. */
export type EntryRow = unknown[];

export function decodeEntry(row: EntryRow, table: string): MemoryRecord {
  const [, appName, kind, userId, sessionId, eventId, id, author, time, custom, content, score] = row;
  const damaged = (column: string, cause?: unknown) => corruptRow(table, String(id), column, cause);
  if (typeof id !== 'string') throw damaged('id');
  if (typeof sessionId !== 'string') throw damaged('session_id');
  if (time !== null && !Number.isFinite(time)) throw damaged('timestamp');
  const record: MemoryRecord = {
    id,
    appName: appName as string,
    userId: userId as string,
    scope: kind as 'user' | 'app',
    content: parseObject(content, (cause) => damaged('content', cause)),
    score: score as number,
  };
  if (sessionId !== '') record.sessionId = sessionId;
  if (typeof eventId === 'string') record.eventId = eventId;
  if (typeof author === 'string') record.author = author;
  if (time !== null) record.timestamp = julianDay.decode(time as number);
  if (custom !== null) record.customMetadata = parseObject(custom, (cause) => damaged('custom_metadata', cause));
  return record;
}
