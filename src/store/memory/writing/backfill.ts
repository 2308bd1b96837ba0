import { checkNames, checkSignal, type NamesOf, optionalFunction } from '../../../arguments.js';
import { julianDay } from '../../../codec/julian-day.js';
import { checkId, checkKey } from '../../arguments.js';
import { parseObject } from '../../codec/serialize.js';
import { corruptRow } from '../../errors.js';
import { type Rewindable, withoutRewound } from '../../history/rewound.js';
import { isJsonObject, type JsonObject, type SessionKey } from '../../records.js';
import { hasCode } from '../../sqlite/context.js';
import { textOf } from '../content.js';
import { type MemoryContext, sendReads, sendWrites } from '../context.js';
import { type Embedder, encodeVector } from '../embedder.js';
import { claimEmbedding, decodeEmbedding, embeddingQuery, sendVectors } from '../embedding.js';
import { recordOfEvent, rewindBeforeOf } from '../events.js';
import { add } from './write.js';

const SESSIONS_PER_READ = 100;
const EVENTS_PER_STEP = 200;
const VECTORS_PER_STEP = 100;

/** Sessions that a backfill has gone through, and entries that it has added. */
export interface Backfilled {
  /** Sessions that were read. */
  sessions: number;
  /** Entries that were added. */
  entries: number;
}

/** Options of {@link MemoryStore.backfill}. */
export interface BackfillOptions {
  /** Only this app; by default all. */
  appName?: string;
  /** Only this user; by default all. */
  userId?: string;
  /** Called after each session. */
  onProgress?: (done: Backfilled) => void;
  /** Ends it between two steps, with `signal.reason`; finished steps stay. */
  signal?: AbortSignal;
}

/** Adds what sessions hold and memory lacks, session by session, then the vectors that entries lack. */
export async function backfill(context: MemoryContext, options: BackfillOptions = {}): Promise<Backfilled> {
  checkOptions(options);
  const { appName = null, userId = null, onProgress, signal } = options;
  const done: Backfilled = { sessions: 0, entries: 0 };
  signal?.throwIfAborted();
  if (await hasSessions(context)) {
    for (let page: StoredSession[] = [], after = 0; ; after = page.at(-1)?.[0] ?? 0) {
      const params = [after, appName, userId, SESSIONS_PER_READ];
      const [read] = await sendReads(context, [{ sql: context.layout.sql.sessions, params }]);
      page = (read?.rows ?? []) as StoredSession[];
      for (const session of page) {
        done.entries += await fillSession(context, session, ALL, signal);
        done.sessions += 1;
        onProgress?.({ ...done });
      }
      if (page.length < SESSIONS_PER_READ) break;
    }
  }
  const { embedder } = context.layout;
  if (embedder) await addVectors(context, embedder, { appName, userId, signal });
  return done;
}

/** Decides by its seq whether an event may be added. */
export type Choice = (seq: number) => boolean;

const ALL: Choice = () => true;

/** Adds what one stored session holds and memory lacks; `false` if the file has no such session. */
export async function addSession(context: MemoryContext, key: SessionKey, choice = ALL): Promise<boolean> {
  checkKey(key);
  const session = await findSession(context, key);
  if (session === undefined) return false;
  await fillSession(context, session, choice, undefined);
  return true;
}

/** Seqs of the events of a session that no marker has undone. */
export async function countingSeqs(context: MemoryContext, key: SessionKey): Promise<Set<number>> {
  const session = await findSession(context, key);
  const outline = session === undefined ? [] : await readOutline(context, session);
  return new Set(withoutRewound(outline).map(({ seq }) => seq));
}

async function findSession(context: MemoryContext, key: SessionKey): Promise<StoredSession | undefined> {
  if (!(await hasSessions(context))) return undefined;
  const params = [key.appName, key.userId, key.sessionId];
  const [found] = await sendReads(context, [{ sql: context.layout.sql.session, params }]);
  return (found?.rows as StoredSession[] | undefined)?.[0];
}

async function hasSessions(context: MemoryContext): Promise<boolean> {
  const { names, sql } = context.layout;
  const [found] = await sendReads(context, [{ sql: sql.tables, params: [names.sessions, names.events] }]);
  return Number(found?.rows[0]?.[0]) === 2;
}

type StoredSession = [sessionNumber: number, appName: string, userId: string, sessionId: string];

/** An event as the query `outline` has it. */
interface Outline extends Rewindable {
  seq: number;
  id: string;
  isRemembered: boolean;
  hasContent: boolean;
}

/** Adds the events that are lacking, takes out those that were undone; resolves to how many it has added. */
async function fillSession(
  context: MemoryContext,
  session: StoredSession,
  choice: Choice,
  signal: AbortSignal | undefined,
): Promise<number> {
  const done = { entries: 0 };
  for (;;) {
    try {
      await fill(context, session, choice, signal, done);
      return done.entries;
    } catch (error) {
      // The first query of each job fails if some of the events were deleted, undone or replaced meanwhile, which has changed
      // their memory. Another one that fails would fail again.
      if (!hasCode(error, 'ERR_NO_MATCH') || error.index !== 0) throw error;
    }
  }
}

async function fill(
  context: MemoryContext,
  session: StoredSession,
  choice: Choice,
  signal: AbortSignal | undefined,
  done: { entries: number },
): Promise<void> {
  const { sql } = context.layout;
  const [sessionNumber, appName, userId, sessionId] = session;
  const outline = await readOutline(context, session);
  const counting = new Set(withoutRewound(outline));
  const undone = outline.filter((event) => event.isRemembered && !counting.has(event));
  if (undone.length > 0) {
    const params = [appName, 'user', userId, sessionId];
    await sendWrites(
      context,
      undone.map(({ id }) => ({ sql: sql.deleteEntry, params: [...params, id] })),
    );
  }
  const lacking = [...counting].filter(({ seq, isRemembered, hasContent }) => {
    return choice(seq) && !isRemembered && hasContent;
  });
  for (let at = 0; at < lacking.length; at += EVENTS_PER_STEP) {
    signal?.throwIfAborted();
    const seqs = lacking.slice(at, at + EVENTS_PER_STEP).map(({ seq }) => seq);
    const [events] = await sendReads(context, [{ sql: sql.events, params: [seqs] }]);
    const rows = (events?.rows ?? []) as StoredEvent[];
    const records = rows.map((row) => decodeEvent(context, row, session)).filter(isPresent);
    const contents = Object.fromEntries(rows.map(([seq, , , , , content]) => [seq, content]));
    const params = [sessionNumber, seqs, seqs.length, outline.at(-1)?.seq ?? 0, JSON.stringify(contents)];
    done.entries += await add(context, records, [{ sql: sql.haveStayed, params, ifNone: 'rollback' }]);
  }
  signal?.throwIfAborted();
}

async function readOutline(context: MemoryContext, session: StoredSession): Promise<Outline[]> {
  const [read] = await sendReads(context, [{ sql: context.layout.sql.outline, params: session }]);
  return (read?.rows ?? []).map((row) => decodeOutline(context, row));
}

function decodeOutline(context: MemoryContext, row: unknown[]): Outline {
  const [seq, id, invocationId, actions, isRemembered, hasContent] = row;
  const rewindBefore =
    actions === null ? undefined : rewindBeforeOf({ actions: parse(context, id, 'actions', actions) ?? {} });
  return {
    seq: Number(seq),
    id: id as string,
    invocationId: invocationId as string,
    rewindBefore,
    isRemembered: Number(isRemembered) === 1,
    hasContent: Number(hasContent) === 1,
  };
}

/** An event as the query `events` has it. */
type StoredEvent = [
  seq: number,
  id: string,
  author: string,
  time: unknown,
  partial: unknown,
  content: unknown,
  actions: unknown,
  extra: unknown,
];

function decodeEvent(context: MemoryContext, row: StoredEvent, [, appName, userId, sessionId]: StoredSession) {
  const [, id, author, time, partial, content, actions, extra] = row;
  const remembered = parse(context, id, 'content', content);
  if (remembered === undefined) return undefined;
  if (!Number.isFinite(time)) throw corruptRow(context.layout.names.events, id, 'timestamp');
  return recordOfEvent({
    id,
    appName,
    userId,
    sessionId,
    invocationId: '',
    author,
    timestamp: julianDay.decode(time as number),
    partial: Number(partial) === 1,
    content: remembered,
    actions: parse(context, id, 'actions', actions) ?? {},
    extra: parse(context, id, 'extra', extra) ?? {},
  });
}

/** A JSON column of an event; `undefined` for NULL. */
function parse({ layout }: MemoryContext, id: unknown, column: string, json: unknown): JsonObject | undefined {
  if (json === null) return undefined;
  return parseObject(json, (cause) => corruptRow(layout.names.events, String(id), column, cause));
}

/** Stores the vectors that entries lack; rejects if `embed` fails. Entries that change meanwhile are left for the next time. */
async function addVectors(
  context: MemoryContext,
  embedder: Embedder,
  { appName, userId, signal }: { appName: string | null; userId: string | null; signal?: AbortSignal | undefined },
): Promise<void> {
  const { layout } = context;
  const { sql, names } = layout;
  for (let after = 0; ; ) {
    signal?.throwIfAborted();
    const params = [after, appName, userId, VECTORS_PER_STEP];
    const [embedding, lacking] = await sendReads(context, [embeddingQuery(layout), { sql: sql.withoutVector, params }]);
    const rows = (lacking?.rows ?? []) as [memoryKey: number, content: string][];
    if (rows.length === 0) return;
    const stored = decodeEmbedding(layout, embedding);
    embedder.check(stored);
    const texts = rows.map(([key, content]) => textOfContent(content, layout.functionResponses, names.memory, key));
    const vectors = await embedder.embed(texts, 'document');
    const dimension = vectors[0]?.length as number;
    embedder.check(stored, dimension);
    const writes = [
      ...claimEmbedding(layout, { model: embedder.model, dimension }),
      ...rows.map(([key, content], at) => ({
        sql: sql.addVectorByKey,
        params: [encodeVector(vectors[at] as Float32Array), key, content],
      })),
    ];
    await sendVectors(context, writes, dimension);
    after = rows.at(-1)?.[0] as number;
  }
}

function textOfContent(json: string, functionResponses: boolean, table: string, key: number): string {
  const damaged = (cause?: unknown) => corruptRow(table, String(key), 'content', cause);
  const { parts } = parseObject(json, damaged);
  if (!Array.isArray(parts)) throw damaged();
  return textOf(parts.filter(isJsonObject), functionResponses);
}

const isPresent = <T>(value: T | undefined): value is T => value !== undefined;

const BACKFILL_OPTIONS: NamesOf<BackfillOptions> = { appName: true, userId: true, onProgress: true, signal: true };

function checkOptions(options: BackfillOptions): void {
  checkNames('options', options, BACKFILL_OPTIONS);
  const { appName, userId, signal } = options;
  if (appName !== undefined) checkId('appName', appName);
  if (userId !== undefined) checkId('userId', userId);
  optionalFunction(options, 'onProgress');
  checkSignal(signal);
}
