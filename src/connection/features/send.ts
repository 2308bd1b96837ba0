import { AiosqliteError, warnForgotten } from '../../errors.js';
import type { CallOptions } from '../../executor.js';
import type { Message } from '../../wire/native.js';
import * as packet from '../../wire/packet.js';
import { Request } from '../../wire/protocol.js';

/**
 * Sends the current packet as one call of a connection, with its checks; resolves to the message of a call that
 * succeeded, rejects with the Error of one that failed.
 */
export type Send = (request: Request, options?: CallOptions) => Promise<Message>;

/** What a message says beside results. */
export function infoOf(message: Message): string {
  return message[5] as string;
}

/** Closes what a call has opened. False if its connection has closed, and it with it. */
async function closeResource(send: Send, id: number): Promise<boolean> {
  packet.begin();
  packet.addNumber(id);
  try {
    await send(Request.closeResource);
    return true;
  } catch (error) {
    if (error instanceof AiosqliteError && error.code === 'ERR_CLOSED') return false;
    throw error;
  }
}

interface Opened {
  send: Send;
  id: number;
  /** What a forgotten one is called by. */
  name: string;
}

/** From here on `handle` closes what a call has opened, or whoever collects it does. */
export function registerHandle(handle: object, opened: Opened): void {
  forgotten.register(handle, opened, handle);
}

export async function closeHandle(handle: object, send: Send, id: number): Promise<void> {
  await closeResource(send, id);
  forgotten.unregister(handle);
}

/** Tells of handles that were dropped without close(), and closes them. */
const forgotten = new FinalizationRegistry<Opened>(async ({ send, id, name }) => {
  const wasOpen = await closeResource(send, id).catch(() => true);
  if (wasOpen) warnForgotten(name);
});
