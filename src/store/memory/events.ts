import { isWellFormed } from '../../codec/well-formed.js';
import { type EventRecord, isJsonObject } from '../records.js';
import type { MemoryRecord } from './records.js';

/** The memory of an event; `undefined` for what is not remembered: partial events, and summaries of a compaction. */
export function recordOfEvent(event: EventRecord): MemoryRecord | undefined {
  const { id, appName, userId, sessionId, author, timestamp, content, partial } = event;
  if (partial || !isJsonObject(content) || isSummary(event)) return undefined;
  const record: MemoryRecord = { id, appName, userId, scope: 'user', sessionId, eventId: id, timestamp, content };
  // Memory keeps well-formed text alone; an event may have any author.
  if (typeof author === 'string' && isWellFormed(author)) record.author = author;
  return record;
}

/** As ADK's compactors write them, in JavaScript and in Python. */
function isSummary({ actions, extra }: EventRecord): boolean {
  return extra?.isCompacted === true || isJsonObject(actions?.compaction);
}

/** The invocation that a marker names, as adk-python writes it. */
export function rewindBeforeOf({ actions }: Pick<EventRecord, 'actions'>): string | undefined {
  const { rewindBeforeInvocationId } = actions ?? {};
  return typeof rewindBeforeInvocationId === 'string' ? rewindBeforeInvocationId : undefined;
}
