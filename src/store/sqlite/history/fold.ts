import { julianDay } from '../../../codec/julian-day.js';
import type { BatchQuery, Executor } from '../../../executor.js';
import { NO_ACTIONS } from '../../codec/no-actions.js';
import { serializeObject } from '../../codec/serialize.js';
import { changesBySession, fold, type StoredChange } from '../../history/fold.js';
import { outlineOf } from '../../history/outline.js';
import { keptChange } from '../../history/stored.js';
import type { PlacedChange, SessionChange } from '../../history/timeline.js';
import { type Names, quoted } from '../../names.js';
import { isJsonObject, type JsonObject } from '../../records.js';
import { sendBatch, sendWrites } from '../context.js';
import { mayMark } from '../dialect.js';

/** Statements that delete events and keep the changes that these have made to the state. */
export function buildFold(names: Pick<Names, 'sessions' | 'events' | 'rewound' | 'changes'>) {
  const { sessions, events, changes } = quoted(names);
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
  /** `marked`: session key, marker, last seq before what it undoes. */
  const rename = (
    marked: string,
  ) => `UPDATE ${events} AS m SET actions = CAST(json_set(CAST(m.actions AS TEXT), '$.rewindBeforeInvocationId', r.invocation_id) AS BLOB)
  FROM (SELECT k.*, (SELECT e.invocation_id FROM ${events} AS e WHERE e.session_key = k.session_key
        AND e.seq > k.last_seq AND e.seq < k.marker ORDER BY e.seq LIMIT 1) AS invocation_id FROM (${marked}) AS k) AS r
  WHERE m.session_key = r.session_key AND m.seq = r.marker
    AND json_extract(CAST(m.actions AS TEXT), '$.rewindBeforeInvocationId') <> r.invocation_id
    AND NOT EXISTS (SELECT 1 FROM ${events} AS b
      WHERE b.session_key = r.session_key AND b.seq <= r.last_seq AND b.invocation_id = r.invocation_id)`;
  const first = `(SELECT min(i.seq) FROM ${events} AS i WHERE i.session_key = ?1 AND i.invocation_id = ?2)`;
  return {
    events: removal(events),
    /** Sessions of the same events in which a rewind has marked events as undone. */
    marked: `SELECT r.session_key FROM ${changes} AS r WHERE r.kind = 'rewind' AND json_extract(r.value, '$.ended') IS NOT NULL
  AND r.session_key IN (SELECT e.session_key FROM ${events} AS e WHERE ${gone})`,
    /**
     * A marker undoes all from the first event of an invocation on. If that event is gone, this lets the marker name the
     * invocation of the first undone event that is left, unless this invocation began before. Parameter: session keys.
     */
    renameMarked: rename(
      `SELECT c.session_key, c.value ->> '$.marker' AS marker, c.value ->> '$.ended[0]' AS last_seq
    FROM ${changes} AS c WHERE c.session_key IN carray(?) AND c.kind = 'rewind' AND c.value ->> '$.marker' IS NOT NULL`,
    ),
    /** The same for any markers, as those of ADK. Parameters: session key, seqs of the markers, last seq before what they undo. */
    renameMarkers: rename('SELECT ?1 AS session_key, value AS marker, ?3 AS last_seq FROM carray(?2)'),
    /** Markers that name an invocation, and the last seq before it. Parameters: session key, invocation. */
    markersOf: `SELECT m.seq, ${first} - 1 FROM ${events} AS m
  WHERE m.session_key = ?1 AND m.seq > ${first} AND ${mayMark('m.actions')}
    AND json_extract(CAST(m.actions AS TEXT), '$.rewindBeforeInvocationId') = ?2`,
    archived: removal(`"${names.rewound}"`, ', e.rewind_key'),
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

type FoldQueries = ReturnType<typeof buildFold>;

/** Deletes events inside a transaction, those with a timestamp before `before` (Julian Day); resolves to their number. */
export async function deleteEvents(tx: Executor, sql: FoldQueries, seqs: number[], before: number): Promise<number> {
  const [marked] = await sendBatch({ db: tx }, [{ sql: sql.marked, params: [seqs, before] }]);
  const { rows, count } = await removeFrom(tx, sql.events, seqs, before);
  const keys = (marked?.rows ?? []).map(([session]) => Number(session));
  if (keys.length > 0) await sendWrites({ db: tx }, [{ sql: sql.renameMarked, params: [keys] }]);
  const deleted = changesBySession(
    rows.map(([seq, session, actions, extra]) => [Number(seq), Number(session), parse(actions), parse(extra)]),
  );
  if (deleted.size > 0) await keep(tx, sql, deleted);
  return count;
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
