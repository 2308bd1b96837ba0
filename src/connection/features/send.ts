import { AiosqliteError, warnForgotten } from '../../errors.js';
import { Call } from '../../wire/call.js';
import type { Limits } from '../../wire/limits.js';
import type { Outcome } from '../../wire/outcome/outcome.js';
import { Request } from '../../wire/protocol.js';

/** Sends a call of a connection. Resolves to its outcome if it succeeded, rejects with its Error if it failed. */
export type Send = (call: Call, limits?: Limits) => Promise<Outcome>;

/** Closes a resource. Resolves to false if its connection has closed, and the resource with it. */
async function closeResource(send: Send, id: number): Promise<boolean> {
  try {
    await send(Call.of(Request.closeResource).number(id));
    return true;
  } catch (error) {
    if (error instanceof AiosqliteError && error.code === 'ERR_CLOSED') return false;
    throw error;
  }
}

interface Opened {
  readonly send: Send;
  readonly id: number;
  /** Name in the warning about a forgotten resource. */
  readonly name: string;
}

/** Closes and reports resources that were dropped without close(). */
const forgotten = new FinalizationRegistry<Opened>(async ({ send, id, name }) => {
  const wasOpen = await closeResource(send, id).catch(() => true);
  if (wasOpen) warnForgotten(name);
});

/** A resource that a call has opened. Closed by close(), or after the garbage collector has found it. */
export abstract class OpenResource {
  protected readonly opened: Opened;
  #closed: Promise<void> | undefined;

  constructor(opened: Opened) {
    this.opened = opened;
    forgotten.register(this, opened, this);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close().catch((error: unknown) => {
      this.#closed = undefined; // refused inside a transaction: it can be tried again
      throw error;
    });
    return this.#closed;
  }

  async #close(): Promise<void> {
    await closeResource(this.opened.send, this.opened.id);
    forgotten.unregister(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
