import type { EventPage, StoredSession, Transfer } from '../copy/transfer.js';
import { canHold, cannotHold } from '../copy/unstorable.js';
import { digestOf } from '../copy/verify.js';
import { type Fate, OTHER_SESSION } from './fate.js';

/**
 * Stores a session with all its events, in one transaction. A session that is there already stays, and is compared in all
 * columns and its history. Pages that are no array are read once.
 */
export async function storeWhole(
  transfer: Transfer,
  session: StoredSession,
  pages: EventPage[] | AsyncIterable<EventPage>,
  dryRun: boolean,
): Promise<Fate> {
  if (!canHold(transfer.idBytes, ...Object.values(session.key))) return { reason: cannotHold(transfer.idBytes) };
  const isArray = Array.isArray(pages);
  let isNew = false;
  if (dryRun || !isArray) {
    isNew = (await transfer.find([session.key])).length === 0;
    if (isNew && dryRun) for await (const _ of pages);
  }
  if (!dryRun && (isNew || isArray)) {
    isNew = await transfer.write(
      session,
      isArray ? () => pages : readOnce(pages),
      undefined,
      (present) => present === undefined,
    );
    // Another program has created it in between.
    if (!isNew && !isArray) return OTHER_SESSION;
  }
  if (isNew) return 'converted';
  const time = (ms: number) => transfer.keptTime(ms);
  const stored = await transfer.read(session.key, (there, rows) => digestOf(there, rows, transfer.hasHistory, time));
  const { hash } = await digestOf(session, pages, transfer.hasHistory, time);
  return stored?.hash === hash ? 'unchanged' : OTHER_SESSION;
}

function readOnce(pages: AsyncIterable<EventPage>): () => AsyncIterable<EventPage> {
  let isRead = false;
  return () => ({
    [Symbol.asyncIterator]() {
      if (isRead) throw new Error('the database has undone the import of a session, whose events were read only once');
      isRead = true;
      return pages[Symbol.asyncIterator]();
    },
  });
}
