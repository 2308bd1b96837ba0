import { type MemoryContext, sendReads } from '../context.js';
import { type Entry, encodeEntry } from '../entry.js';
import type { MemoryRecord } from '../records.js';
import { add } from './write.js';

/** Fate of an entry in an import. `other`: an entry of this identity has another content, which stays. */
export type EntryFate = 'converted' | 'unchanged' | 'other' | 'empty';

/** Adds the entries that are missing, all of them in one transaction. A dry run only counts them. */
export async function importEntries(
  context: MemoryContext,
  records: readonly MemoryRecord[],
  dryRun: boolean,
): Promise<EntryFate[]> {
  const { functionResponses, sql } = context.layout;
  const entries = records.map((record, at) => encodeEntry(record, `records[${at}]`, functionResponses));
  const known = entries.filter((entry) => entry !== undefined);
  const found = await sendReads(
    context,
    known.map(({ scope, identity }) => ({ sql: sql.entry, params: [...scope, ...identity] })),
  );
  const fates = new Map(known.map((entry, at) => [entry, fateOf(entry, found[at]?.rows[0])]));
  const fate = (entry: Entry | undefined): EntryFate => (entry && fates.get(entry)) ?? 'empty';
  const added = records.filter((_, at) => fate(entries[at]) === 'converted');
  if (!dryRun && added.length > 0) await add(context, added);
  return entries.map(fate);
}

function fateOf({ params }: Entry, row: unknown[] | undefined): EntryFate {
  if (row === undefined) return 'converted';
  // As the columns of `addEntry`: session, event, id, author, time, metadata, content.
  const given = params.slice(3, 10);
  return given.every((value, at) => value === row[at]) ? 'unchanged' : 'other';
}
