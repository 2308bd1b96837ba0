import type { Cursor } from '../connection/row-iterator.js';
import type { Lease } from './lease.js';

export interface OpenedCursor {
  cursor: Cursor;
  /** That it reads on, and takes with it. */
  lease: Lease | undefined;
}

/** A cursor that is still on its way to a reader of its own, which it gives back at its end. */
export function leasedCursor(opening: Promise<OpenedCursor>, name: string): Cursor {
  let opened: Cursor | undefined;
  const ended = opening.then(async ({ cursor, lease }) => {
    opened = cursor;
    await cursor.ended;
    await lease?.close();
  });
  ended.catch(() => {}); // told to whoever asks for the first row
  return {
    first: opening.then(({ cursor }) => cursor.first),
    name,
    ended,
    check: () => opened?.check(),
    next: async () => (await opening).cursor.next(),
    close: async () => {
      await opening.then(({ cursor }) => cursor.close()).catch(() => {});
      await ended.catch(() => {});
    },
  };
}
