import type { EventPage, StoredSession, Transfer } from '../../copy/transfer.js';
import { canHold, cannotHold } from '../../copy/unstorable.js';
import { digestOf } from '../../copy/verify.js';
import { nameOf } from '../../prepare.js';
import { type Fate, OTHER_SESSION } from './fate.js';

/**
 * Stores a session with all its events, in one transaction. A session that is there already stays, and is compared in all
 * columns and its history. Pages that are no array are read once. `dry`: writes nothing, and collects hashes of what it would
 * write, by session.
 */
export async function storeWhole(
  transfer: Transfer,
  session: StoredSession,
  pages: EventPage[] | AsyncIterable<EventPage>,
  dry?: Map<string, string>,
): Promise<Fate> {
  if (!canHold(transfer.idBytes, ...Object.values(session.key))) return { reason: cannotHold(transfer.idBytes) };
  const { key } = session;
  const time = (ms: number) => transfer.keptTime(ms);
  const hashOf = async (of: StoredSession, rows: Parameters<typeof digestOf>[1]) =>
    (await digestOf(of, rows, transfer.hasHistory, time)).hash;
  const isArray = Array.isArray(pages);
  let isNew = isArray && dry === undefined;
  if (!isNew) isNew = (await transfer.find([key])).length === 0;
  if (isNew && dry !== undefined) {
    const [name, hash] = [nameOf(key), await hashOf(session, pages)];
    const first = dry.get(name);
    if (first !== undefined) return first === hash ? 'unchanged' : OTHER_SESSION;
    dry.set(name, hash);
    return 'converted';
  }
  if (isNew) {
    const given = isArray ? () => pages : readOnce(pages);
    if (await transfer.write(session, given, undefined, (present) => present === undefined)) return 'converted';
    // Another program has created it in between.
    if (!isArray) return OTHER_SESSION;
  }
  const stored = await transfer.read(key, hashOf);
  return stored === (await hashOf(session, pages)) ? 'unchanged' : OTHER_SESSION;
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
