import type { BatchQuery } from '../../../executor.js';
import type { EventRecord } from '../../records.js';

/** Statements that an append carries along, in its transaction. */
export interface Attachment {
  queries: BatchQuery[];
  /** Statements that take for granted what was seen before, if any do. A query that finds it otherwise rolls back. */
  quick?: BatchQuery[] | undefined;
  /** Called once they are committed. */
  committed(): void;
}

/** Makes the attachment of each appended event, from the event as it is when the call is made. */
export interface Attachments {
  /** Whether strings of function responses are indexed, too: an undone rewind indexes again. */
  readonly functionResponses: boolean;
  /** `content`: as the event's column has it. */
  of(event: EventRecord, content: unknown): Attachment;
}
