import { AiosqliteError } from '../errors.js';
import type { CallOptions } from '../executor.js';
import type { Message } from '../native.js';
import * as packet from '../packet.js';
import { Request } from '../port.js';

/**
 * Sends the current packet as one call of a connection, with its checks; resolves to the message of a call that
 * succeeded, rejects with the Error of one that failed.
 */
export type Send = (request: Request, options?: CallOptions) => Promise<Message>;

/** What a message says beside results. */
export function infoOf(message: Message): string {
  return message[5] as string;
}

/** Closes what a call has opened. If its connection has closed, it has been closed with it. */
export async function closeResource(send: Send, id: number): Promise<void> {
  packet.begin();
  packet.addNumber(id);
  try {
    await send(Request.closeResource);
  } catch (error) {
    if (!(error instanceof AiosqliteError && error.code === 'ERR_CLOSED')) throw error;
  }
}
