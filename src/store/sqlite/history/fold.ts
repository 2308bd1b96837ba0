import { julianDay } from '../../../codec/julian-day.js';
import type { BatchQuery, Executor } from '../../../executor.js';
import { outlineOf } from '../../history/outline.js';
import { apply, type SessionChange, type StateChange } from '../../history/timeline.js';
import type { Names } from '../../names.js';
import { NO_ACTIONS } from '../../no-actions.js';
import { isJsonObject, type JsonObject } from '../../records.js';
import { serializeObject } from '../../serialize.js';
import { sendBatch } from '../context.js';

/** Statements that delete events and keep the changes that these have made to the state. */
export function buildFold(names: Pick<Names, 'sessions' | 'events' | 'changes'>) {
  const [sessions, events, changes] = [`"${names.sessions}"`, `"${names.events}"`, `"${names.changes}"`];
  const gone = 'e.seq IN carray(?1) AND e.timestamp < ?2';
  return {
    /** Parameters of both: seqs, a time (Julian Day) before which events go. */
    changing: `SELECT e.seq, e.session_key, CAST(e.actions AS TEXT), e.extra FROM ${events} AS e WHERE ${gone}
  AND (e.actions <> CAST('${NO_ACTIONS}' AS BLOB) OR instr(e.extra, '"$row"') > 0) ORDER BY e.seq`,
    remove: `DELETE FROM ${events} AS e WHERE ${gone}`,
    /** With the first event that is left. Parameter of both: session keys. */
    sessions: `SELECT s.session_key, s.initial_state, (SELECT min(e.seq) FROM ${events} AS e WHERE e.session_key = s.session_key)
  FROM ${sessions} AS s WHERE s.session_key IN carray(?)`,
    changes: `SELECT c.change_key, c.session_key, c.seq, c.kind, c.value, c.removed FROM ${changes} AS c
  WHERE c.session_key IN carray(?) AND c.undone_by IS NULL AND c.kind <> 'rewind' ORDER BY c.seq, c.change_key`,
    setInitial: `UPDATE ${sessions} SET initial_state = ? WHERE session_key = ?`,
    addChange: `INSERT INTO ${changes} (session_key, seq, kind, value, removed, time) VALUES (?, ?, 'merge', ?, ?, ?)`,
    deleteChanges: `DELETE FROM ${changes} WHERE change_key IN carray(?)`,
  };
}

type FoldQueries = ReturnType<typeof buildFold>;

/** A change in its place: of a deleted event, or stored without one. */
interface Placed extends StateChange {
  seq: number;
  kind: 'event' | SessionChange['kind'];
  /** Of a stored one. */
  changeKey?: number;
}

const ERASING = { rowMode: 'array', columns: false, secureDelete: true } as const;

/**
 * Deletes events inside a transaction, those with a timestamp before `before` (Julian Day); resolves to their number. Changes
 * before the first event that is left become part of the session's initial state, others a change without an event, so that
 * the state at any later point stays as it was.
 */
export async function deleteEvents(tx: Executor, sql: FoldQueries, seqs: number[], before: number): Promise<number> {
  const params = [seqs, before];
  const [changing, removed] = await sendBatch(
    { db: tx },
    [
      { sql: sql.changing, params },
      { sql: sql.remove, params },
    ],
    ERASING,
  );
  const changes = changesBySession(changing?.rows ?? []);
  if (changes.size > 0) await keep(tx, sql, changes);
  return removed?.changes ?? 0;
}

/** Changes of deleted events, in their order. An event that can't be read has none. */
function changesBySession(rows: unknown[][]): Map<number, Placed[]> {
  const changes = new Map<number, Placed[]>();
  for (const [seq, session, actions, extra] of rows) {
    const { change } = outlineOf({ seq: Number(seq), actions: parse(actions) ?? {}, extra: parse(extra) ?? {} });
    if (change === undefined) continue;
    const own = changes.get(Number(session)) ?? [];
    own.push({ ...change, seq: Number(seq), kind: 'event' });
    changes.set(Number(session), own);
  }
  return changes;
}

async function keep(tx: Executor, sql: FoldQueries, changes: ReadonlyMap<number, Placed[]>): Promise<void> {
  const keys = [...changes.keys()];
  const [sessions, stored] = await sendBatch({ db: tx }, [
    { sql: sql.sessions, params: [keys] },
    { sql: sql.changes, params: [keys] },
  ]);
  const others = (stored?.rows ?? []).map((row) => ({ session: Number(row[1]), change: decodeChange(row) }));
  const queries = (sessions?.rows ?? []).flatMap(([key, initialState, first]) => {
    const session = Number(key);
    const all = [
      ...(changes.get(session) ?? []),
      ...others.flatMap((other) => (other.session === session ? other.change : [])),
    ];
    return keepOfSession(sql, session, initialState, first === null ? Number.POSITIVE_INFINITY : Number(first), all);
  });
  if (queries.length > 0) await sendBatch({ db: tx }, queries, ERASING);
}

function keepOfSession(
  sql: FoldQueries,
  session: number,
  initialState: unknown,
  firstLeft: number,
  changes: Placed[],
): BatchQuery[] {
  const state = parse(initialState);
  // A session of schema version 1 has no initial state: then changes before the first event are of no use. A damaged one stays.
  const folds = initialState === null || state !== undefined;
  const isEarly = ({ seq }: Placed) => folds && seq < firstLeft;
  const early = changes.filter(isEarly);
  const late = changes.filter((change) => change.kind === 'event' && !isEarly(change));
  const queries = late.map(({ seq, set, removed }): BatchQuery => {
    const json = JSON.stringify(Object.fromEntries(removed.map((name) => [name, null])));
    // Behind the seq before, so that it precedes all that followed the event.
    const params = [session, seq - 1, serializeObject(set, 'state'), json, julianDay.encode(Date.now())];
    return { sql: sql.addChange, params };
  });
  if (state !== undefined && early.length > 0) {
    queries.push({ sql: sql.setInitial, params: [serializeObject(applied(state, early), 'state'), session] });
  }
  const folded = early.flatMap(({ changeKey }) => changeKey ?? []);
  if (folded.length > 0) queries.push({ sql: sql.deleteChanges, params: [folded] });
  return queries;
}

/** A state after changes; those of events come before others of their seq. */
function applied(state: JsonObject, changes: Placed[]): JsonObject {
  const values = new Map(Object.entries(state));
  const inOrder = changes.toSorted((a, b) => a.seq - b.seq || Number(b.kind === 'event') - Number(a.kind === 'event'));
  for (const change of inOrder) apply(values, change);
  return Object.fromEntries(values);
}

function decodeChange([changeKey, , seq, kind, value, removed]: unknown[]): Placed {
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
