import { julianDay } from '../../../codec/julian-day.js';
import type { BatchQuery, Executor } from '../../../executor.js';
import { MARKER } from '../../codec/event-codec.js';
import { NO_ACTIONS } from '../../codec/no-actions.js';
import { serializeObject } from '../../codec/serialize.js';
import { changesBySession, fold, type StoredChange } from '../../history/fold.js';
import { type Renaming, type Retained, renamings } from '../../history/markers.js';
import { outlineOf } from '../../history/outline.js';
import { keptChange } from '../../history/stored.js';
import type { PlacedChange, SessionChange } from '../../history/timeline.js';
import { rewindBeforeOf } from '../../memory/events.js';
import { type Names, quoted } from '../../names.js';
import { isJsonObject, type JsonObject } from '../../records.js';
import { sendBatch, sendWrites } from '../context.js';
import { mayMark } from '../dialect.js';

/** The key of the file's note on its markers, in SQL: see marked.ts. */
export const markersNote = ({ events }: Pick<Names, 'events'>) => `'${events}:markers'`;

/** Statements that delete events and keep the changes that these have made to the state. */
export function buildFold(names: Pick<Names, 'sessions' | 'events' | 'rewound' | 'changes' | 'metadata'>) {
  const { sessions, events, rewound, changes, metadata } = quoted(names);
  const gone = 'e.seq IN carray(?1) AND e.timestamp < ?2';
  /** Parameters of both: seqs, a time (Julian Day) before which events go. */
  const removal = (table: string, more = '') => ({
    changing: `SELECT e.seq, e.session_key, CAST(e.actions AS TEXT), e.extra${more} FROM ${table} AS e WHERE ${gone}
  AND (e.actions <> CAST('${NO_ACTIONS}' AS BLOB) OR instr(e.extra, '"$row"') > 0) ORDER BY e.seq`,
    remove: `DELETE FROM ${table} AS e WHERE ${gone}`,
  });
  /** State that was set since a rewind that can be undone: it will follow what comes back. */
  const isNewerThanRewind = `(c.kind <> 'deleted' AND EXISTS (SELECT 1 FROM ${changes} AS r JOIN ${sessions} AS s USING (session_key)
    WHERE r.session_key = c.session_key AND r.kind = 'rewind' AND r.revision = s.revision AND r.change_key < c.change_key))`;
  const text = (actions: string) => `CAST(${actions} AS TEXT)`;
  const markersAfter = (
    table: string,
  ) => `SELECT max(seq), count(*), json_group_array(session_key) FILTER (WHERE marks) FROM (
  SELECT e.seq, e.session_key, e.actions <> CAST('${NO_ACTIONS}' AS BLOB) AND ${mayMark('e.actions')} AS marks
  FROM ${table} AS e WHERE e.seq > ? ORDER BY e.seq LIMIT ?)`;
  const note = markersNote(names);
  return {
    events: removal(events),
    /** Sessions among `?3` that have a marker of an invocation of which an event is among the same events. */
    losing: `WITH gone AS MATERIALIZED (SELECT e.session_key, e.invocation_id FROM ${events} AS e
    WHERE ${gone} AND e.session_key IN carray(?3))
  SELECT m.session_key FROM ${events} AS m WHERE m.session_key IN (SELECT session_key FROM gone) AND ${mayMark('m.actions')}
    AND (m.session_key, iif(json_valid(${text('m.actions')}), ${text('m.actions')} ->> '$.${MARKER}', NULL)) IN (SELECT session_key, invocation_id FROM gone)`,
    /** Of the next n rows behind a seq: the last seq, their number, and a JSON array of sessions that have markers among them. */
    markersAfter: { stored: markersAfter(events), archived: markersAfter(rewound) },
    /** The file's note on its markers: see marked.ts. */
    note: {
      read: `SELECT value FROM ${metadata} WHERE key = ${note}`,
      write: `INSERT INTO ${metadata} (key, value) VALUES (${note}, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    },
    /** All events of the session `?3`, with the actions of markers, and whether they are among the same events. */
    retained: `SELECT e.seq, e.invocation_id, iif(${mayMark('e.actions')}, ${text('e.actions')}, NULL), ${gone}
  FROM ${events} AS e WHERE e.session_key = ?3 ORDER BY e.seq`,
    /** Parameters: invocation, seq of the marker. */
    rename: `UPDATE ${events} SET actions = CAST(json_set(${text('actions')}, '$.${MARKER}', ?) AS BLOB) WHERE seq = ?`,
    archived: removal(rewound, ', e.rewind_key'),
    /** With the first event that is left. Parameter of both: session keys. */
    sessions: `SELECT s.session_key, s.initial_state, (SELECT min(e.seq) FROM ${events} AS e WHERE e.session_key = s.session_key)
  FROM ${sessions} AS s WHERE s.session_key IN carray(?)`,
    changes: `SELECT c.change_key, c.session_key, c.seq, c.kind, c.value, c.removed FROM ${changes} AS c
  WHERE c.session_key IN carray(?) AND c.undone_by IS NULL AND c.kind <> 'rewind' AND NOT ${isNewerThanRewind}
  ORDER BY c.seq, c.change_key`,
    setInitial: `UPDATE ${sessions} SET initial_state = ? WHERE session_key = ?`,
    /** Parameters: session key, seq, value, removed, time, key of the rewind that has undone it. */
    addChange: `INSERT INTO ${changes} (session_key, seq, kind, value, removed, time, undone_by) VALUES (?, ?, 'deleted', ?, ?, ?, ?)`,
    deleteChanges: `DELETE FROM ${changes} WHERE change_key IN carray(?)`,
  };
}

export type FoldQueries = ReturnType<typeof buildFold>;

/**
 * Deletes events inside a transaction, those with a timestamp before `before` (Julian Day); resolves to their number.
 * `marked`: keys of all sessions with markers.
 */
export async function deleteEvents(
  tx: Executor,
  sql: FoldQueries,
  seqs: number[],
  before: number,
  marked: ReadonlySet<number>,
): Promise<number> {
  const renamed: Renaming[] = [];
  if (marked.size > 0) {
    const [found] = await sendBatch({ db: tx }, [{ sql: sql.losing, params: [seqs, before, [...marked]] }]);
    for (const session of new Set(found?.rows.map(([key]) => Number(key)))) {
      renamed.push(...renamings(await readRetained(tx, sql, session, seqs, before)));
    }
  }
  const { rows, count } = await removeFrom(tx, sql.events, seqs, before);
  await rename(tx, sql, renamed);
  const deleted = changesBySession(
    rows.map(([seq, session, actions, extra]) => [Number(seq), Number(session), parse(actions), parse(extra)]),
  );
  if (deleted.size > 0) await keep(tx, sql, deleted);
  return count;
}

/** All events of a session from which some are deleted. */
export async function readRetained(
  tx: Executor,
  sql: FoldQueries,
  session: number,
  seqs: number[] = [],
  before = 0,
): Promise<Retained[]> {
  const [found] = await sendBatch({ db: tx }, [{ sql: sql.retained, params: [seqs, before, session] }]);
  return (found?.rows ?? []).map(([seq, invocationId, actions, gone]) => ({
    seq: Number(seq),
    invocationId: String(invocationId),
    rewindBefore: rewindBeforeOf({ actions: parse(actions) ?? {} }),
    isDeleted: Number(gone) === 1,
  }));
}

export async function rename(tx: Executor, sql: FoldQueries, renamed: readonly Renaming[]): Promise<void> {
  if (renamed.length === 0) return;
  const queries = renamed.map(({ seq, invocationId }) => ({ sql: sql.rename, params: [invocationId, seq] }));
  await sendWrites({ db: tx }, queries);
}

/** The same for events that an undone rewind would bring back: it then brings back their changes alone. */
export async function deleteArchived(tx: Executor, sql: FoldQueries, seqs: number[], before: number): Promise<number> {
  const { rows, count } = await removeFrom(tx, sql.archived, seqs, before);
  const now = julianDay.encode(Date.now());
  const queries = rows.flatMap(([seq, session, actions, extra, rewindKey]): BatchQuery[] => {
    const { change } = outlineOf({ seq: Number(seq), actions: parse(actions) ?? {}, extra: parse(extra) ?? {} });
    if (change === undefined) return [];
    const { seq: before, value, removed } = keptChange(Number(seq), change);
    return [{ sql: sql.addChange, params: [Number(session), before, value, removed, now, Number(rewindKey)] }];
  });
  if (queries.length > 0) await sendWrites({ db: tx }, queries);
  return count;
}

async function removeFrom(tx: Executor, sql: FoldQueries['events'], seqs: number[], before: number) {
  const params = [seqs, before];
  const queries = [sql.changing, sql.remove].map((text) => ({ sql: text, params }));
  const [changing, removed] = await sendWrites({ db: tx }, queries);
  return { rows: changing?.rows ?? [], count: removed?.changes ?? 0 };
}

async function keep(tx: Executor, sql: FoldQueries, deleted: ReadonlyMap<number, PlacedChange[]>): Promise<void> {
  const keys = [...deleted.keys()];
  const [sessions, changes] = await sendBatch({ db: tx }, [
    { sql: sql.sessions, params: [keys] },
    { sql: sql.changes, params: [keys] },
  ]);
  const stored = (changes?.rows ?? []).map((row) => ({ session: Number(row[1]), change: decodeChange(row) }));
  const queries = (sessions?.rows ?? []).flatMap(([key, initialState, first]) => {
    const session = Number(key);
    const made = fold({
      initialState: initialState === null ? null : parse(initialState),
      firstLeft: first === null ? Number.POSITIVE_INFINITY : Number(first),
      deleted: deleted.get(session) ?? [],
      stored: stored.flatMap((other) => (other.session === session ? other.change : [])),
    });
    return foldQueries(sql, session, made);
  });
  if (queries.length > 0) await sendWrites({ db: tx }, queries);
}

function foldQueries(sql: FoldQueries, session: number, { initialState, folded, kept }: ReturnType<typeof fold>) {
  const now = julianDay.encode(Date.now());
  const queries = kept.map(({ seq, value, removed }): BatchQuery => {
    return { sql: sql.addChange, params: [session, seq, value, removed, now, null] };
  });
  if (initialState !== undefined) {
    queries.push({ sql: sql.setInitial, params: [serializeObject(initialState, 'state'), session] });
  }
  if (folded.length > 0) queries.push({ sql: sql.deleteChanges, params: [folded] });
  return queries;
}

function decodeChange([changeKey, , seq, kind, value, removed]: unknown[]): StoredChange {
  return {
    changeKey: Number(changeKey),
    seq: Number(seq),
    kind: kind as SessionChange['kind'],
    set: parse(value) ?? {},
    removed: Object.keys(parse(removed) ?? {}),
  };
}

function parse(json: unknown): JsonObject | undefined {
  try {
    const value: unknown = typeof json === 'string' ? JSON.parse(json) : undefined;
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
