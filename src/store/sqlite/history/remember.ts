import type { BatchQuery } from '../../../executor.js';
import type { MemoryContext } from '../../memory/context.js';
import { MemoryLayout } from '../../memory/layout.js';
import { addSession, type Choice, countingSeqs } from '../../memory/writing/backfill.js';
import type { SessionKey } from '../../records.js';
import { type Context, runReads } from '../context.js';

/**
 * Adds chosen events to the memory in the same file, as far as they count, and takes out those that don't.
 * `functionResponses`: of that memory.
 */
export async function remember(
  context: Context,
  key: SessionKey,
  choice: Choice,
  functionResponses: boolean,
): Promise<void> {
  await addSession(memoryOf(context, functionResponses), key, choice);
}

/**
 * Chooses the events that count once the given ones, among them a marker, are gone, and do not before. `undefined` if there
 * is no marker among them. Other entries may have been erased on purpose.
 */
export async function revivedBy(context: Context, key: SessionKey, events: BatchQuery): Promise<Choice | undefined> {
  const [markers] = await runReads(context, [events]);
  if (markers?.rows.length === 0) return undefined;
  const before = await countingSeqs(memoryOf(context), key);
  return (seq) => !before.has(seq);
}

function memoryOf({ names, db }: Context, functionResponses = false): MemoryContext {
  const layout = new MemoryLayout({
    memoryTable: names.memory,
    metadataTable: names.metadata,
    sessionsTable: names.sessions,
    eventsTable: names.events,
    functionResponses,
  });
  return { db, layout };
}
