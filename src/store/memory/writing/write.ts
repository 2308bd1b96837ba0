import { checkArray, checkNames } from '../../../arguments.js';
import { julianDay } from '../../../codec/julian-day.js';
import type { BatchQuery, SqlParam } from '../../../executor.js';
import { COUNT_FILTER, checkId, checkTime } from '../../arguments.js';
import { type MemoryContext, sendReads, sendWrites } from '../context.js';
import { type Embedder, encodeVector } from '../embedder.js';
import { claimEmbedding, decodeEmbedding, embeddingQuery, explained } from '../embedding.js';
import { type Entry, encodeEntry } from '../entry.js';
import { DELETES_PER_JOB } from '../erasure.js';
import type { MemoryLayout } from '../layout.js';
import { MEMORY_FILTER, type MemoryFilter, type MemoryRecord } from '../records.js';

/** Entries of one job: more go in several jobs of one transaction, so that the event loop is never held for long. */
const ENTRIES_PER_JOB = 250;

/** Stores entries, all or nothing; resolves to how many have a text. `first`: queries that may refuse it. */
export async function add(
  context: MemoryContext,
  records: readonly MemoryRecord[],
  first: readonly BatchQuery[] = [],
): Promise<number> {
  checkArray('records', records);
  const { functionResponses, embedder } = context.layout;
  const entries = records
    .map((record, at) => encodeEntry(record, `records[${at}]`, functionResponses))
    .filter((entry) => entry !== undefined);
  if (entries.length === 0) return 0;
  const vectors = embedder && (await embedNew(context, embedder, entries));
  const slices = [];
  for (let at = 0; at < entries.length; at += ENTRIES_PER_JOB) slices.push(entries.slice(at, at + ENTRIES_PER_JOB));
  try {
    await sendSlices(
      context,
      slices.map((slice) => [...first, ...addQueries(context, slice, vectors)]),
    );
  } catch (error) {
    const [vector] = vectors?.values() ?? [];
    throw await explained(context, error, vector?.length);
  }
  return entries.length;
}

/** The vectors of entries that are not there with one, by entry. */
async function embedNew(
  context: MemoryContext,
  embedder: Embedder,
  entries: Entry[],
): Promise<Map<Entry, Float32Array> | undefined> {
  const { layout } = context;
  const looks = entries.map(({ scope, identity, content }) => ({
    sql: layout.sql.hasVector,
    params: [...scope, ...identity, content],
  }));
  const [embedding, ...found] = await sendReads(context, [embeddingQuery(layout), ...looks]);
  const stored = decodeEmbedding(layout, embedding);
  embedder.check(stored);
  const lacking = entries.filter((_, at) => found[at]?.rows.length === 0);
  if (lacking.length === 0) return undefined;
  const vectors = await embedder.tryEmbed(
    lacking.map(({ text }) => text),
    'document',
  );
  if (vectors === undefined) return undefined;
  embedder.check(stored, vectors[0]?.length);
  return new Map(lacking.map((entry, at) => [entry, vectors[at] as Float32Array]));
}

function addQueries(
  { layout }: MemoryContext,
  entries: Entry[],
  vectors: ReadonlyMap<Entry, Float32Array> | undefined,
): BatchQuery[] {
  const { sql, embedder } = layout;
  const queries = entries.flatMap((entry) => entryQueries(sql, entry));
  if (vectors === undefined || embedder === undefined) return queries;
  const own = new Map(
    entries.filter((entry) => vectors.has(entry)).map((entry) => [entry, vectors.get(entry) as Float32Array]),
  );
  return [...queries, ...vectorQueries(layout, embedder, own)];
}

/** Statements that store and index an entry, whatever is there. */
export function entryQueries(sql: MemoryLayout['sql'], { scope, identity, params }: Entry): BatchQuery[] {
  return [
    { sql: sql.addScope, params: scope },
    { sql: sql.addEntry, params },
    { sql: sql.indexEntry, params: [...scope, ...identity] },
  ];
}

/** Statements that store the vectors of entries, as far as these are there as they were encoded. */
export function vectorQueries(
  layout: MemoryLayout,
  { model }: Embedder,
  vectors: ReadonlyMap<Entry, Float32Array>,
): BatchQuery[] {
  const [first] = vectors.values();
  if (first === undefined) return [];
  const queries = claimEmbedding(layout, { model, dimension: first.length });
  for (const [{ scope, identity, content }, vector] of vectors) {
    queries.push({ sql: layout.sql.addVector, params: [encodeVector(vector), ...scope, ...identity, content] });
  }
  return queries;
}

/** One job, or several in one transaction. */
async function sendSlices(context: MemoryContext, slices: BatchQuery[][]): Promise<void> {
  const [first = [], ...more] = slices;
  if (more.length === 0) {
    await sendWrites(context, first);
    return;
  }
  await context.ready?.();
  await context.db.transaction(async (db) => {
    for (const slice of slices) await sendWrites({ db }, slice);
  });
}

/** Erases entries, in batches; resolves to how many. */
export async function remove(context: MemoryContext, filter: MemoryFilter): Promise<number> {
  checkFilter(filter);
  const { appName, userId = null, sessionId = null, before, ids } = filter;
  const { sql } = context.layout;
  const text = userId === null ? sql.deleteSome.app : sql.deleteSome.user;
  const time = before === undefined ? null : julianDay.encode(before);
  const one = (id: string | null): SqlParam[] => [appName, userId, sessionId, time, id, DELETES_PER_JOB];
  let total = 0;
  for (const id of ids ?? [null]) {
    for (let deleted = DELETES_PER_JOB; deleted === DELETES_PER_JOB; total += deleted) {
      const [result] = await sendWrites(context, [{ sql: text, params: one(id) }]);
      deleted = result?.changes ?? 0;
    }
  }
  await sendWrites(context, [{ sql: sql.deleteEmptyScopes, params: [appName, userId] }]);
  return total;
}

export async function count(context: MemoryContext, filter: { appName: string; userId?: string }): Promise<number> {
  checkNames('filter', filter, COUNT_FILTER);
  checkFilter(filter);
  const { appName, userId } = filter;
  const { app, user } = context.layout.sql.count;
  const query = userId === undefined ? { sql: app, params: [appName] } : { sql: user, params: [appName, userId] };
  const [result] = await sendReads(context, [query]);
  return Number(result?.rows[0]?.[0]);
}

function checkFilter(filter: MemoryFilter): void {
  checkNames('filter', filter, MEMORY_FILTER);
  checkId('appName', filter.appName);
  if (filter.userId !== undefined) checkId('userId', filter.userId);
  if (filter.sessionId !== undefined) checkId('sessionId', filter.sessionId);
  if (filter.before !== undefined) checkTime('before', filter.before);
  if (filter.ids === undefined) return;
  checkArray('ids', filter.ids);
  for (const [at, id] of filter.ids.entries()) checkId(`ids[${at}]`, id);
}
