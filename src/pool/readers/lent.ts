import type { LaneConnection } from '../../connection/connection.js';
import { type BlobHandle, type BlobLocation, openBlob } from '../../connection/features/blob.js';
import type { Send } from '../../connection/features/send.js';
import type { Cursor } from '../../connection/row-iterator.js';
import { Request } from '../../wire/protocol.js';

/** A connection for one iterator, blob or dump, which gives it back when it closes. */
export interface Lent {
  readonly connection: LaneConnection;
  giveBack(): Promise<void>;
}

export interface OpenedCursor {
  readonly cursor: Cursor;
  readonly lent: Lent;
}

/** A cursor that waits for its connection. */
export function lentCursor(opening: Promise<OpenedCursor>, name: string): Cursor {
  let opened: OpenedCursor | undefined;
  const ended = opening.then(async (it) => {
    opened = it;
    await it.cursor.ended;
    await it.lent.giveBack();
  });
  ended.catch(() => {}); // the first row rejects with it
  return {
    first: opening.then(({ cursor }) => cursor.first),
    name,
    ended,
    check: () => opened?.cursor.check(),
    next: async () => (await opening).cursor.next(),
    close: async () => {
      await opening.then(({ cursor }) => cursor.close()).catch(() => {});
      await ended.catch(() => {});
    },
  };
}

export async function lentBlob(lent: Lent, at: BlobLocation): Promise<BlobHandle> {
  const send: Send = async (call, limits) => {
    const outcome = await lent.connection.perform(call, limits);
    if (call.request === Request.closeResource) await lent.giveBack();
    return outcome;
  };
  try {
    return await openBlob(send, at);
  } catch (error) {
    await lent.giveBack();
    throw error;
  }
}

export async function* lentDump({ connection, giveBack }: Lent): AsyncGenerator<string, void> {
  try {
    yield* connection.dump();
  } finally {
    await giveBack();
  }
}
