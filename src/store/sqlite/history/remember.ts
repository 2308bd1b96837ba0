import { addSession } from '../../memory/backfill.js';
import { MemoryLayout } from '../../memory/layout.js';
import type { SessionKey } from '../../records.js';
import type { Context } from '../context.js';

/** Adds events after a seq to the memory in the same file, as far as they count. `functionResponses`: of that memory. */
export async function remember(
  { names, db }: Context,
  key: SessionKey,
  afterSeq: number,
  functionResponses: boolean,
): Promise<void> {
  const layout = new MemoryLayout({
    memoryTable: names.memory,
    metadataTable: names.metadata,
    sessionsTable: names.sessions,
    eventsTable: names.events,
    functionResponses,
  });
  await addSession({ db, layout }, key, afterSeq);
}
