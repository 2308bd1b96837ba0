import { checkArray, checkNames, checkString } from '../../arguments.js';
import { julianDay } from '../../codec/julian-day.js';
import type { BatchQuery, SqlParam } from '../../executor.js';
import { checkChoice, checkCount, checkId, checkTime } from '../arguments.js';
import { isJsonObject, type JsonObject } from '../records.js';
import { textOf } from './content.js';
import { type MemoryContext, sendReads } from './context.js';
import { type Embedder, encodeVector } from './embedder.js';
import { decodeEmbedding, embeddingQuery } from './embedding.js';
import { decodeEntry, type EntryRow } from './entry.js';
import { MEMORY_QUERY, type MemoryQuery, type MemoryRecord } from './records.js';
import { queryPhrases } from './words.js';

const LIMIT = 10;
const MAX_BYTES = 32_768;
/** Most words of a query that are looked for. */
const MAX_WORDS = 64;
/** How many of each ranking are fused, and the constant of the fusion (reciprocal rank fusion, Cormack et al. 2009). */
const FUSED = 50;
const FUSION = 60;

/** Rows of a search, the best first, and whether there are no others. */
interface Ranked {
  rows: EntryRow[];
  complete: boolean;
}

/** Entries that fit a query, the best first. */
export async function search(context: MemoryContext, query: MemoryQuery): Promise<MemoryRecord[]> {
  checkQuery(query);
  const { limit = LIMIT, maxBytes = MAX_BYTES } = query;
  const phrases = queryPhrases(query.query, MAX_WORDS);
  const { embedder } = context.layout;
  if (limit === 0 || query.query.trim() === '' || (phrases.length === 0 && !embedder)) return [];
  const [vector] = (await embedder?.tryEmbed([query.query], 'query')) ?? [];
  if (phrases.length === 0 && vector === undefined) return [];
  const isAnswer = answersTo(query.query);
  // Earlier entries of the same text are left out afterwards: mostly one or none, at worst all that were asked for.
  for (let most = vector ? FUSED : limit + LIMIT; ; most *= 4) {
    const { rows, complete } = vector
      ? await byBoth(context, embedder as Embedder, query, phrases, vector, most)
      : await byWords(context, query, phrases, most);
    const answers = rows.filter(isAnswer);
    if (complete || answers.length >= limit) return withinBytes(answers.slice(0, limit), maxBytes, context);
  }
}

async function byWords(context: MemoryContext, query: MemoryQuery, phrases: string[], most: number): Promise<Ranked> {
  const [found] = await sendReads(context, [wordsQuery(context, query, phrases, most)]);
  const rows = found?.rows ?? [];
  return { rows, complete: rows.length < most };
}

/** Ranks entries by words and by meaning, and fuses the ranks. */
async function byBoth(
  context: MemoryContext,
  embedder: Embedder,
  query: MemoryQuery,
  phrases: string[],
  vector: Float32Array,
  most: number,
): Promise<Ranked> {
  const queries: BatchQuery[] = [embeddingQuery(context.layout), meaningQuery(context, query, vector, most)];
  if (phrases.length > 0) queries.push(wordsQuery(context, query, phrases, most));
  const [embedding, near, hits] = await sendReads(context, queries);
  embedder.check(decodeEmbedding(context.layout, embedding), vector.length);
  const lists = [near?.rows ?? [], hits?.rows ?? []];
  return { rows: fuse(lists), complete: lists.every((rows) => rows.length < most) };
}

/** Each row once, by the sum of its reciprocal ranks, which becomes its score; ties newest first. */
function fuse(lists: EntryRow[][]): EntryRow[] {
  const rows = new Map<unknown, EntryRow>();
  for (const list of lists) {
    for (const [rank, row] of list.entries()) {
      const fused = rows.get(row[KEY]) ?? [...row.slice(0, -1), 0];
      fused[SCORE] = (fused[SCORE] as number) + 1 / (FUSION + rank + 1);
      rows.set(row[KEY], fused);
    }
  }
  const by = (a: EntryRow, b: EntryRow, column: number) => Number(b[column] ?? 0) - Number(a[column] ?? 0);
  return [...rows.values()].sort((a, b) => by(a, b, SCORE) || by(a, b, TIME) || by(a, b, KEY));
}

/** Columns of a row: see queries.ts. */
const KEY = 0;
const TIME = 8;
const CONTENT = 10;
const SCORE = 11;

/** From the best on, as long as their contents fit together. */
function withinBytes(rows: EntryRow[], maxBytes: number, { layout }: MemoryContext): MemoryRecord[] {
  const records: MemoryRecord[] = [];
  let bytes = 0;
  for (const row of rows) {
    bytes += Buffer.byteLength(row[CONTENT] as string);
    if (bytes > maxBytes) break;
    records.push(decodeEntry(row, layout.names.memory));
  }
  return records;
}

/**
 * Whether an entry is more than the question. The message that is being answered is in the memory already where appends
 * fill it, and `preload_memory` takes its text for the query.
 */
function answersTo(query: string): (row: EntryRow) => boolean {
  const question = query.trim();
  const json = JSON.stringify(question).slice(1, -1);
  return (row) => {
    const content = row[CONTENT] as string;
    return !content.includes(json) || textIn(content) !== question;
  };
}

/** The text of a stored content; `undefined` for a damaged one, which decodeEntry reports. */
function textIn(json: string): string | undefined {
  try {
    const { parts } = JSON.parse(json) as JsonObject;
    return Array.isArray(parts) ? textOf(parts.filter(isJsonObject), false).trim() : undefined;
  } catch {
    return undefined;
  }
}

// ── the statements ──

function wordsQuery({ layout }: MemoryContext, query: MemoryQuery, phrases: string[], most: number): BatchQuery {
  return { sql: layout.sql.byWords, params: [...common(query), phrases.join(' OR '), phrases.length, most] };
}

function meaningQuery({ layout }: MemoryContext, query: MemoryQuery, vector: Float32Array, most: number): BatchQuery {
  return { sql: layout.sql.byMeaning, params: [...common(query), encodeVector(vector), most] };
}

function common({ appName, userId, scopes = SCOPES, after, before, maxBytes = MAX_BYTES }: MemoryQuery): SqlParam[] {
  return [
    appName,
    scopes.includes('user') ? userId : null,
    scopes.includes('app'),
    after === undefined ? null : julianDay.encode(after),
    before === undefined ? null : julianDay.encode(before),
    maxBytes,
  ];
}

const SCOPES = ['user', 'app'] as const;

function checkQuery(query: MemoryQuery): void {
  checkNames('query', query, MEMORY_QUERY);
  checkId('appName', query.appName);
  checkId('userId', query.userId);
  checkString('query', query.query);
  checkCount('limit', query.limit);
  checkCount('maxBytes', query.maxBytes);
  if (query.after !== undefined) checkTime('after', query.after);
  if (query.before !== undefined) checkTime('before', query.before);
  if (query.scopes === undefined) return;
  checkArray('scopes', query.scopes);
  for (const [at, scope] of query.scopes.entries()) checkChoice(`scopes[${at}]`, scope, SCOPES);
}
