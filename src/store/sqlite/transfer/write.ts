import type { BatchQuery, Executor, SqlParam } from '../../../executor.js';
import type { EventPage, Origin, Present, StoredChange, StoredSession } from '../../copy/transfer.js';
import type { RewindRecord } from '../../history/stored.js';
import { nameOf } from '../../prepare.js';
import { type Context, hasCode, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import type { TransferQueries } from './queries.js';
import { rowCodec } from './read.js';

/**
 * Numbers that are added to seqs and keys of changes. Those of another file are kept where they are free; a session from
 * elsewhere, whose events count from 1, gets new ones, in the same order.
 */
interface Shift {
  seq: number;
  change: number;
}

export interface Work {
  session: StoredSession;
  pages: () => AsyncIterable<EventPage> | Iterable<EventPage>;
  origin: Origin | undefined;
  /** `undefined` if nothing is to be written. */
  find(tx: Executor): Promise<{ present: Present | undefined } | undefined>;
}

/**
 * One transaction; a second one with other seqs if some of the first are taken. `taken`: names of sessions of which that is known.
 * Pages that can be read only once end the second one, too: then the session comes again, and begins with other seqs.
 */
export async function writeSession(
  db: Executor,
  sql: TransferQueries,
  work: Work,
  taken: Set<string>,
): Promise<boolean> {
  const name = nameOf(work.session.key);
  const write = (renumber: boolean) =>
    db.transaction(
      async (tx) => {
        const found = await work.find(tx);
        if (found === undefined) return false;
        await put(tx, sql, work, await shiftOf(tx, sql, work.session, found.present, renumber));
        return true;
      },
      { mode: 'immediate' },
    );
  try {
    return await write(taken.has(name));
  } catch (error) {
    if (!hasCode(error, 'SQLITE_CONSTRAINT_PRIMARYKEY') && !hasCode(error, 'SQLITE_CONSTRAINT_ROWID')) throw error;
    taken.add(name);
    return await write(true);
  }
}

/**
 * Adds a session whose events have no seqs, as one job, which may share its commit. Resolves to whether there was no session of
 * its key; otherwise nothing is written.
 */
export async function addSession(
  context: Context,
  sql: TransferQueries,
  session: StoredSession,
  pages: readonly EventPage[],
): Promise<boolean> {
  const rows = pages.flatMap((page) => page.rows);
  const place = placeOf(session);
  try {
    await sendWrites(context, [
      { sql: sql.addSession, params: sessionParams(session, sql), ifNone: 'rollback' },
      ...rows.map((event): BatchQuery => ({ sql: sql.addEvent, params: [...place, ...rowCodec.write(event)] })),
    ]);
    return true;
  } catch (error) {
    if (hasCode(error, 'ERR_NO_MATCH')) return false;
    throw error;
  }
}

/** Whether {@link addSession} can write it: it has neither changes nor seqs of its own. */
export const isPlain = ({ changes, firstSeq }: StoredSession): boolean => changes.length === 0 && firstSeq === 0;

const placeOf = ({ key: { appName, userId, sessionId } }: StoredSession) => [appName, userId, sessionId];

function sessionParams(session: StoredSession, { hasOwner }: TransferQueries): SqlParam[] {
  const { state, createTime, updateTime, revision, initialState, ownerId } = session;
  const times = [createTime, updateTime].map(sqliteDialect.encodeTime);
  return [...placeOf(session), state, ...times, revision, initialState, ...(hasOwner ? [ownerId] : [])];
}

async function shiftOf(
  tx: Executor,
  sql: TransferQueries,
  { firstSeq, changes }: StoredSession,
  present: Present | undefined,
  renumber: boolean,
): Promise<Shift> {
  const firstChange = changes.reduce((first, { changeKey }) => Math.min(first, changeKey), Number.MAX_SAFE_INTEGER);
  const params = [firstSeq, firstChange, present?.sessionNumber ?? null];
  const [seqTaken, changeTaken, lastSeq, lastChange] = (
    (await tx.get(sql.free, params, { rowMode: 'array' })) ?? []
  ).map(Number) as [number, number, number, number];
  return {
    seq: firstSeq > 0 && (renumber || seqTaken === 1) ? lastSeq + 1 - firstSeq : 0,
    change: changes.length > 0 && (renumber || changeTaken === 1) ? lastChange + 1 - firstChange : 0,
  };
}

async function put(tx: Executor, sql: TransferQueries, { session, pages, origin }: Work, shift: Shift): Promise<void> {
  const { endSeq } = session;
  const place = placeOf(session);
  const [made] = await sendWrites({ db: tx }, [{ sql: sql.putSession, params: sessionParams(session, sql) }]);
  const sessionNumber = Number(made?.rows[0]?.[0]);
  await sendWrites({ db: tx }, [
    ...sql.clear.map((text): BatchQuery => ({ sql: text, params: [sessionNumber] })),
    ...session.changes.map((change): BatchQuery => {
      return { sql: sql.putChange, params: changeParams(change, sessionNumber, shift) };
    }),
  ]);
  for await (const { rows, rewindKey } of pages()) {
    const before = rewindKey === undefined ? [] : [rewindKey + shift.change];
    const params = rows.map((event): SqlParam[] => {
      const seq = event[0] === null ? null : Number(event[0]) + shift.seq;
      return [...before, seq, sessionNumber, ...place, ...rowCodec.write(event)];
    });
    await tx.executeMany(rewindKey === undefined ? sql.putEvent : sql.putArchived, params);
  }
  const last = endSeq === 0 ? 0 : endSeq + shift.seq;
  const queries: BatchQuery[] = [
    { sql: sql.raiseSequence, params: [last] },
    { sql: sql.beginSequence, params: [last] },
    { sql: sql.noteMarked, params: [sessionNumber] },
  ];
  if (origin !== undefined) queries.push({ sql: sql.putOrigin, params: [sessionNumber, JSON.stringify(origin)] });
  await sendWrites({ db: tx }, queries);
}

function changeParams(change: StoredChange, sessionNumber: number, shift: Shift): SqlParam[] {
  const { changeKey, seq, kind, value, removed, revision, time, undoneBy } = change;
  return [
    changeKey + shift.change,
    sessionNumber,
    seq === 0 ? 0 : seq + shift.seq,
    kind,
    kind === 'rewind' ? shifted(value, shift.seq) : value,
    removed,
    revision,
    sqliteDialect.encodeTime(time),
    undoneBy === null ? null : undoneBy + shift.change,
  ];
}

/** The record of a rewind names the seqs of its marker and of the events that this ends. */
function shifted(value: string, by: number): string {
  const { marker, ended, ...record } = JSON.parse(value) as RewindRecord;
  if (by === 0 || marker === undefined) return value;
  const [lastSeq, summaries] = ended ?? [];
  return JSON.stringify({
    ...record,
    marker: marker + by,
    ...(lastSeq !== undefined && { ended: [lastSeq + by, summaries?.map((seq) => seq + by)] }),
  });
}
