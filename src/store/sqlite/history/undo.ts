import { serializeObject } from '../../codec/serialize.js';
import { sessionNotFound, staleSession } from '../../errors.js';
import { decodeRewind, type RewindRecord, stateBefore } from '../../history/stored.js';
import { keyParams } from '../../prepare.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { type Context, runReads, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { readSession } from '../jobs.js';
import { present } from '../other-stores.js';
import { inTransaction } from './in-transaction.js';
import { decodeChanges } from './read.js';
import { remember } from './remember.js';

/** A rewind as it is stored. */
interface StoredRewind extends RewindRecord {
  rewindKey: number;
  sessionNumber: number;
  /** The last seq before the rewind. */
  seq: number;
  /** The session's revision, if nothing but its state was changed since. */
  revision: number;
}

/** Puts back what the last rewind removed, in one transaction. `functionResponses`: of the memory that indexes it again. */
export async function undoRewind(
  context: Context,
  key: SessionKey,
  functionResponses = false,
): Promise<{ restored: number; session: SessionRecord }> {
  return await inTransaction(context, async (within) => {
    const rewind = await lastRewind(within, key);
    const restored = await putBack(within, key, rewind, functionResponses);
    return { restored, session: (await readSession(within, key)) as SessionRecord };
  });
}

async function lastRewind(context: Context, key: SessionKey): Promise<StoredRewind> {
  const params = keyParams(key);
  const { session, history } = context.sql;
  const [sessions, rewinds] = await runReads(context, [
    { sql: session, params },
    { sql: history.lastRewind, params, jsonColumns: ['value'] },
  ]);
  const [stored] = sessions?.rows ?? [];
  if (!stored) throw sessionNotFound(key.sessionId);
  const [rewindKey, seq, value, revision] = rewinds?.rows[0] ?? [];
  const rewind = decodeRewind(context.names, key.sessionId, [rewindKey, value]);
  if (Number(stored[7]) !== Number(revision)) throw staleSession(key.sessionId);
  const keys = { rewindKey: Number(rewindKey), sessionNumber: Number(stored[0]) };
  return { ...rewind, ...keys, seq: Number(seq), revision: Number(revision) };
}

/** Resolves to the number of events that count again: of those that the rewind has ended some may be deleted since. */
async function putBack(
  context: Context,
  key: SessionKey,
  rewind: StoredRewind,
  functionResponses: boolean,
): Promise<number> {
  const { history: sql } = context.sql;
  const { rewindKey, sessionNumber, seq, marker, ended = [END, []] } = rewind;
  const others = await present(context);
  const state = await stateNow(context, rewind);
  const before = marker === undefined ? await lastKept(context, sessionNumber) : Number(ended[0]);
  const now = sqliteDialect.encodeTime(Date.now());
  const outcomes = await sendWrites(context, [
    ...(marker === undefined
      ? [
          { sql: sql.restoreEvents, params: [sessionNumber, rewindKey] },
          { sql: sql.deleteArchived, params: [sessionNumber, rewindKey] },
        ]
      : [
          { sql: sql.restoreInitial, params: [rewind.state, sessionNumber, marker] },
          { sql: sql.deleteKept, params: [sessionNumber, marker - 1] },
          { sql: sql.deleteEvents, params: [sessionNumber, END, [marker]] },
          { sql: sql.count, params: [sessionNumber, ...ended] },
        ]),
    { sql: sql.moveChanges, params: [seq, sessionNumber, rewindKey] },
    { sql: sql.redoChanges, params: [sessionNumber, rewindKey] },
    { sql: sql.deleteChange, params: [rewindKey] },
    { sql: sql.setState, params: [serializeObject(state, 'state'), now, sessionNumber] },
    // Two writes were made since the rewind before this one, if there is one: this rewind and its undo.
    { sql: sql.keepUndoable, params: [2, ...keyParams(key)] },
    ...(others.artifacts ? [{ sql: sql.showVersions, params: [...keyParams(key), rewindKey] }] : []),
  ]);
  // Takes out what counts no more, too. Other entries may have been erased on purpose.
  if (others.memory) await remember(context, key, (seq) => rewind.remembered && seq > before, functionResponses);
  return marker === undefined ? (outcomes[0]?.changes ?? 0) : Number(outcomes[3]?.rows[0]?.[0]);
}

/** The last seq that a rewind has left: behind it come all that it has removed, but for summaries, which no memory has. */
async function lastKept(context: Context, sessionNumber: number): Promise<number> {
  const [found] = await runReads(context, [{ sql: context.sql.history.lastKept, params: [sessionNumber] }]);
  return Number(found?.rows[0]?.[0] ?? 0);
}

/** Above every seq. */
const END = Number.MAX_SAFE_INTEGER;

/** The state before the rewind, with what was set since. */
async function stateNow(context: Context, rewind: StoredRewind) {
  const { rewindKey, sessionNumber } = rewind;
  const query = {
    sql: context.sql.history.changesSince,
    params: [sessionNumber, rewindKey],
    jsonColumns: ['value', 'removed'],
  };
  const [since] = await runReads(context, [query]);
  return stateBefore(rewind, decodeChanges(context, since));
}
