import type { Backend } from '../backend.js';
import type { EventPage, StoredSession, Transfer } from '../copy/transfer.js';
import { digestOf } from '../copy/verify.js';
import { type Fate, OTHER_SESSION } from './fate.js';

/**
 * Stores a session as another database has held it, in one transaction. A session that is there already stays, and is
 * compared in all columns and its history.
 */
export async function storeWhole(
  { transfer }: Backend,
  session: StoredSession,
  pages: EventPage[],
  dryRun: boolean,
): Promise<Fate> {
  if (!canHold(transfer, session, pages)) {
    return { reason: `the database holds no id with U+0000 or more than ${transfer.idBytes} bytes` };
  }
  const isNew = dryRun
    ? (await transfer.find([session.key])).length === 0
    : await transfer.write(
        session,
        () => pages,
        undefined,
        (present) => present === undefined,
      );
  if (isNew) return 'converted';
  const time = (ms: number) => transfer.keptTime(ms);
  const stored = await transfer.read(session.key, (there, rows) => digestOf(there, rows, transfer.hasHistory, time));
  const { hash } = await digestOf(session, pages, transfer.hasHistory, time);
  return stored?.hash === hash ? 'unchanged' : OTHER_SESSION;
}

/** Whether the target can hold the ids of the session and its events. */
function canHold({ idBytes }: Transfer, { key }: StoredSession, pages: EventPage[]): boolean {
  if (idBytes === undefined) return true;
  const isShort = (id: string) => !id.includes('\0') && Buffer.byteLength(id) <= idBytes;
  return Object.values(key).every(isShort) && pages.every(({ rows }) => rows.every(([, id]) => isShort(String(id))));
}
