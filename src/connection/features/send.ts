import { AiosqliteError, warnForgotten } from '../../errors.js';
import type { CallOptions } from '../../executor.js';
import type { Outcome } from '../../wire/outcome.js';
import * as packet from '../../wire/packet.js';
import { Request } from '../../wire/protocol.js';

/**
 * Sends the current packet as one call of a connection, with its checks; resolves to the outcome of a call that
 * succeeded, rejects with the Error of one that failed.
 */
export type Send = (request: Request, options?: CallOptions) => Promise<Outcome>;

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
  /** Its name in the warning about a forgotten one. */
  name: string;
}

/** Closes and reports resources that were dropped without close(). */
const forgotten = new FinalizationRegistry<Opened>(async ({ send, id, name }) => {
  const wasOpen = await closeResource(send, id).catch(() => true);
  if (wasOpen) warnForgotten(name);
});

/** A resource that a call has opened. Closed by close(), or after the garbage collector has found it. */
export abstract class OpenResource {
  readonly #opened: Opened;
  #closed: Promise<void> | undefined;

  constructor(opened: Opened) {
    this.#opened = opened;
    forgotten.register(this, opened, this);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close().catch((error: unknown) => {
      this.#closed = undefined; // not now: from inside a transaction
      throw error;
    });
    return this.#closed;
  }

  async #close(): Promise<void> {
    await closeResource(this.#opened.send, this.#opened.id);
    forgotten.unregister(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
