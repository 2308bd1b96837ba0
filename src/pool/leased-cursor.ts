import type { Cursor } from '../connection/row-iterator.js';
import type { WorkerLease } from './lease.js';

export interface OpenedCursor {
  cursor: Cursor;
  /** The reader that it holds. */
  lease: WorkerLease | undefined;
}

/** A cursor that is still on its way to a reader of its own, which it gives back at its end. */
export function leasedCursor(opening: Promise<OpenedCursor>, name: string): Cursor {
  let opened: OpenedCursor | undefined;
  const ended = opening.then(async (it) => {
    opened = it;
    await it.cursor.ended;
    await it.lease?.close();
  });
  ended.catch(() => {}); // the first row rejects with it
  return {
    first: opening.then(({ cursor }) => cursor.first),
    name,
    ended,
    check: () => {
      opened?.lease?.touch();
      opened?.cursor.check();
    },
    next: async () => (await opening).cursor.next(),
    close: async () => {
      await opening.then(({ cursor }) => cursor.close()).catch(() => {});
      await ended.catch(() => {});
    },
  };
}
