import type { CallOptions } from '../executor.js';
import type { Message } from '../native.js';
import type { Request } from '../port.js';

/**
 * Sends the current packet as one call of a connection, with its checks; resolves to the message of a call that
 * succeeded, rejects with the Error of one that failed.
 */
export type Send = (request: Request, options?: CallOptions) => Promise<Message>;

/** What a message says beside results. */
export function infoOf(message: Message): string {
  return message[5] as string;
}
