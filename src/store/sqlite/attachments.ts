import type { BatchQuery } from '../../executor.js';
import type { EventRecord } from '../records.js';

/** Statements that an append carries along, in its transaction. */
export interface Attachment {
  queries: BatchQuery[];
  /** Called once they are committed. */
  committed(): void;
}

/** Makes the attachment of each appended event, from the event as it is when the call is made. */
export interface Attachments {
  of(event: EventRecord): Attachment;
}
