import type { SqlParam } from '../../executor.js';
import type { AppendCondition, Appended } from '../backend.js';
import { sessionNotFound, staleSession } from '../errors.js';
import { keyParams, type PreparedAppend, statesOf } from '../prepare.js';
import type { SessionKey } from '../records.js';
import type { PgParam } from './client.js';
import { type Context, type PendingAppend, run } from './context.js';
import { checkStorable, checkStorableKey, isStorableText } from './ids.js';
import { loadSession } from './sessions.js';

/** Events that one statement of {@link appendAll} takes. */
const EVENTS_PER_STATEMENT = 256;

/**
 * Appends in one trip to the server. Rejects `'ADK_SESSION_NOT_FOUND'`, `'ADK_STALE_SESSION'`. The statement may be one that
 * many appends share, each with its own outcome.
 */
export async function append(context: Context, prepared: PreparedAppend): Promise<Appended> {
  checkStorableKey(prepared.key);
  checkStorable('event.id', prepared.id);
  const { turns } = context;
  if (turns === undefined) return await appendAlone(context, prepared, performance.now());
  return await new Promise((resolve, reject) => {
    const pending = { context, append: prepared, since: performance.now(), resolve, reject };
    const alone = () => settleAlone(pending);
    // Shared states are locked by one statement at a time: in a statement of many, two could wait for each other. A look at the
    // newest event is not worth a parameter of all.
    const states = statesOf(prepared);
    if (states.length > 0 || checksLast(prepared.condition)) void turns.alone([prepared.name, ...states], alone);
    else turns.share(prepared.name, pending, sizeOf(prepared.params), alone);
  });
}

/** Runs appends of different sessions as one statement. If it fails, each goes alone and gets the error that is its own. */
export async function appendShared(appends: PendingAppend[]): Promise<void> {
  // Rows are locked in one order by all statements.
  const inOrder = [...appends].sort((a, b) => compareKeys(a.append.key, b.append.key));
  const since = Math.min(...inOrder.map((pending) => pending.since));
  const { context } = inOrder[0] as PendingAppend;
  const rows = inOrder.map(({ append }) => batchParamsOf(append));
  let unknown = false;
  const onUnknown = () => {
    unknown = true;
    return false;
  };
  let written: Written;
  try {
    const [row] = await run(context, context.sql.appendBatch, columnsOf(rows), { since, onUnknown });
    written = writtenIn(row as (number[] | null)[]);
  } catch {
    // The server may still execute a statement whose connection has broken. One after the other, in the order of its locks: an append
    // waits until the statement has ended, and finds what it has stored.
    if (unknown) for (const pending of inOrder) await settleAlone(pending, true);
    else await Promise.all(inOrder.map((pending) => settleAlone(pending)));
    return;
  }
  await Promise.all(
    inOrder.map((pending, i) => {
      const row = written.get(i);
      // Alone, it learns whether the session is absent, or in another state than it expects, or was changed meanwhile.
      if (row === undefined) return settleAlone(pending);
      // Sessions of two users have the same key. Sent again, it finds the event that it has stored.
      if (Number.isNaN(row[1])) return settleAlone(pending, true);
      return settle(pending, () => conclude(context, pending.append, row));
    }),
  );
}

/**
 * Writes of `append_batch`, by the places of the appends: the session's key, the event's seq, the session's revision. The seq is
 * NaN where sessions of two users have the same key, as in tables that were merged: the schema has keys unique for a user.
 */
type Written = ReadonlyMap<number, [key: number, seq: number, revision: number]>;

function writtenIn(row: readonly (number[] | null)[]): Written {
  const [places = [], keys = [], revisions = [], stored = [], seqs = []] = row.map((numbers) => numbers ?? []);
  const seqOf = new Map<number, number>();
  for (const [i, key] of stored.entries()) seqOf.set(key, seqOf.has(key) ? Number.NaN : (seqs[i] as number));
  return new Map(
    places.map((place, i) => {
      const key = keys[i] as number;
      return [place - 1, [key, seqOf.get(key) as number, revisions[i] as number]];
    }),
  );
}

async function settleAlone(pending: PendingAppend, again = false): Promise<void> {
  const { context, append, since } = pending;
  await settle(pending, () => appendAlone(context, append, since, again));
}

async function settle(pending: PendingAppend, work: () => Promise<Appended>): Promise<void> {
  try {
    pending.resolve(await work());
  } catch (error) {
    pending.reject(error);
  }
}

async function appendAlone(context: Context, append: PreparedAppend, since: number, again = false): Promise<Appended> {
  const params = paramsOf(append, again);
  const onUnknown = () => {
    params[params.length - 1] = true;
    return true;
  };
  const [row] = await run(context, context.sql.append, params, { since, onUnknown });
  return await conclude(context, append, row);
}

/** Outcome of an append from its row; reads what the caller lacks, if it lacks anything. */
async function conclude(context: Context, append: PreparedAppend, row: unknown[] = []): Promise<Appended> {
  const [sessionNumber, seq, revision] = refuse(append.key, row);
  const missed = await readMissed(context, append, sessionNumber, revision);
  return {
    sessionNumber,
    revision: missed?.snapshot.session.revision ?? revision,
    seq,
    updateTime: context.dialect.decodeTime(append.updateTime),
    missed,
  };
}

/** Throws if an append's row tells that nothing was written. */
function refuse(
  { sessionId }: SessionKey,
  [key, seq, revision]: unknown[],
): [key: number, seq: number, revision: number] {
  if (typeof key !== 'number') throw sessionNotFound(sessionId);
  if (typeof seq === 'number') return [key, seq, Number(revision)];
  throw staleSession(sessionId);
}

async function readMissed(
  context: Context,
  { key, condition }: PreparedAppend,
  sessionNumber: number,
  revision: number,
): Promise<Appended['missed']> {
  if (condition.kind === 'none' || condition.ifStale === 'reject') return undefined;
  if (condition.kind === 'after') {
    const { seq, isRewound } = await lookUp(context, key, condition.eventId);
    const loaded = await loadSession(context, key, { afterSeq: seq });
    return loaded && { ...loaded, isRewound };
  }
  const isOther = condition.sessionNumber !== null && condition.sessionNumber !== sessionNumber;
  if (!isOther && revision === condition.revision + 1) return undefined;
  const { seq } = condition;
  const loaded = await loadSession(context, key, { afterSeq: isOther ? 0 : seq });
  const isThere = isOther || seq === 0 || (await hasSeq(context, key.userId, sessionNumber, seq));
  return loaded && { ...loaded, isRewound: !isThere };
}

/** Whether the event that the caller has seen last is still there. */
async function hasSeq(context: Context, userId: string, sessionNumber: number, seq: number): Promise<boolean> {
  return (await context.runner.run(context.sql.hasSeq, [userId, sessionNumber, seq])).length === 1;
}

/** Seq of an event, 0 if there is no such event, and whether a rewind has removed it. */
async function lookUp(context: Context, key: SessionKey, eventId: string | null) {
  if (eventId === null || !isStorableText(eventId)) return { seq: 0, isRewound: false };
  const { runner, sql } = context;
  const params = [...keyParams(key), eventId];
  const [row] = await runner.run(sql.seqOf, params);
  if (row) return { seq: Number(row[0]), isRewound: false };
  return { seq: 0, isRewound: (await runner.run(sql.isRewound, params)).length === 1 };
}

/** Appends all or nothing, as one transaction, in the turn of each of the sessions. */
export async function appendAll(context: Context, appends: readonly PreparedAppend[]): Promise<void> {
  for (const { key, id } of appends) {
    checkStorableKey(key);
    checkStorable('event.id', id);
  }
  if (appends.length === 0) return;
  const { turns } = context;
  const work = () => appendInTransaction(context, appends);
  await (turns === undefined
    ? work()
    : turns.alone(
        appends.map(({ name }) => name),
        work,
      ));
}

async function appendInTransaction(context: Context, appends: readonly PreparedAppend[]): Promise<void> {
  await context.ready?.();
  const inOrder = [...appends].sort((a, b) => compareKeys(a.key, b.key));
  let again = false;
  const onUnknown = () => {
    again = true;
    return true;
  };
  await context.runner.transaction(
    async (runner) => {
      for (let at = 0; at < inOrder.length; at += EVENTS_PER_STATEMENT) {
        const some = inOrder.slice(at, at + EVENTS_PER_STATEMENT);
        const rows = some.map((append) => paramsOf(append, again));
        const results = await runner.run(context.sql.appendMany, columnsOf(rows));
        for (const [i, { key }] of some.entries()) refuse(key, results[i] ?? []);
      }
    },
    { onUnknown },
  );
}

// ── the parameters ──

/** Parameters of `append`, in the order of APPEND_PARAMS behind those of the event; `again` is the last one. */
function paramsOf(append: PreparedAppend, again = false): SqlParam[] {
  const { condition } = append;
  const { revision, sessionNumber } = expected(condition);
  const isChecked = checksLast(condition);
  return [
    ...append.params,
    append.session?.set ?? null,
    append.session?.remove ?? null,
    append.user?.set ?? null,
    append.user?.remove ?? null,
    append.app?.set ?? null,
    append.app?.remove ?? null,
    revision,
    sessionNumber,
    isChecked ? true : null,
    isChecked ? condition.eventId : null,
    again ? true : null,
  ];
}

/** Parameters of `append_batch`, in the order of BATCH_PARAMS behind those of the event. */
function batchParamsOf({ params, session, condition }: PreparedAppend): SqlParam[] {
  const { revision, sessionNumber } = expected(condition);
  return [...params, session?.set ?? null, session?.remove ?? null, revision, sessionNumber];
}

/** The state that the session must be in; null where any will do. */
function expected(condition: AppendCondition): { revision: SqlParam; sessionNumber: SqlParam } {
  return expectsState(condition) ? condition : { revision: null, sessionNumber: null };
}

function expectsState(condition: AppendCondition): condition is AppendCondition & { kind: 'revision' } {
  return condition.kind === 'revision' && condition.ifStale === 'reject';
}

/** Whether the newest event must be the one that the caller has seen last. */
function checksLast(condition: AppendCondition): condition is AppendCondition & { kind: 'after' } {
  return condition.kind === 'after' && condition.ifStale === 'reject';
}

/** Rows → one array for each parameter, or null if no row has a value: `unnest` fills up with nulls. */
function columnsOf(rows: SqlParam[][]): PgParam[] {
  return (rows[0] ?? []).map((_, i) =>
    rows.some((row) => row[i] !== null) ? rows.map((row) => row[i] as SqlParam) : null,
  );
}

function sizeOf(params: readonly SqlParam[]): number {
  let size = 0;
  for (const param of params) if (typeof param === 'string') size += param.length;
  return size;
}

function compareKeys(a: SessionKey, b: SessionKey): number {
  return compare(a.userId, b.userId) || compare(a.appName, b.appName) || compare(a.sessionId, b.sessionId);
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));
