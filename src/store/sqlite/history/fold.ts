import { julianDay } from '../../../codec/julian-day.js';
import type { BatchQuery, Executor } from '../../../executor.js';
import { changesBySession, fold, type StoredChange } from '../../history/fold.js';
import type { PlacedChange, SessionChange } from '../../history/timeline.js';
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

const ERASING = { rowMode: 'array', columns: false, secureDelete: true } as const;

/** Deletes events inside a transaction, those with a timestamp before `before` (Julian Day); resolves to their number. */
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
  const deleted = changesBySession(
    (changing?.rows ?? []).map(([seq, session, actions, extra]) => [
      Number(seq),
      Number(session),
      parse(actions),
      parse(extra),
    ]),
  );
  if (deleted.size > 0) await keep(tx, sql, deleted);
  return removed?.changes ?? 0;
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
  if (queries.length > 0) await sendBatch({ db: tx }, queries, ERASING);
}

function foldQueries(sql: FoldQueries, session: number, { initialState, folded, kept }: ReturnType<typeof fold>) {
  const now = julianDay.encode(Date.now());
  const queries = kept.map(({ seq, value, removed }): BatchQuery => {
    return { sql: sql.addChange, params: [session, seq, value, removed, now] };
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
