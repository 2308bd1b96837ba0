import { NO_ACTIONS } from '../../codec/no-actions.js';
import { scopesTable } from '../../memory/erasure.js';
import { ORIGIN } from '../../memory/identity.js';
import { type Names, quoted } from '../../names.js';
import { mayMark } from '../dialect.js';

/** Statements on the history of a session. `key` is three parameters: app, user, session. */
export function buildHistoryQueries(
  names: Names,
  { sessionColumns, eventColumns }: { sessionColumns: string; eventColumns: readonly string[] },
) {
  const { sessions, events, rewound, changes, artifacts, memory } = quoted(names);
  const sessionNumber = `(SELECT s.session_key FROM ${sessions} AS s WHERE s.app_name = ? AND s.user_id = ? AND s.id = ?)`;
  /** Seq of a change that is made now: that of the last event, or of a later change whose event is deleted. */
  const last = (of: string) => `max(coalesce((SELECT max(e.seq) FROM ${events} AS e WHERE e.session_key = ${of}), 0),
    coalesce((SELECT max(p.seq) FROM ${changes} AS p WHERE p.session_key = ${of}
      AND p.undone_by IS NULL AND p.kind <> 'rewind'), 0))`;
  /** State set without an event that a later change may join: no rewind and no deleted event came in between. */
  const since = `c.undone_by IS NULL AND c.change_key > coalesce((SELECT max(r.change_key) FROM ${changes} AS r
    WHERE r.session_key = c.session_key AND r.kind IN ('rewind', 'deleted')), 0)`;
  const owner = names.owner ? `, "${names.owner.column}"` : '';
  const columns = eventColumns.join(', ');
  const copied = eventColumns.map((column) => ({ user_id: '?', session_id: '?' })[column] ?? column).join(', ');

  const hasNotes = `(instr(e.extra, '"$row"') > 0 OR instr(e.extra, '"isCompacted"') > 0)`;
  const hasActions = `e.actions <> CAST('${NO_ACTIONS}' AS BLOB)`;
  /** Events that may have changed the state, saved artifacts or summarised others. */
  const outline = (where: string, end = '') => `SELECT e.seq, e.id,
    iif(${hasActions}, CAST(e.actions AS TEXT), NULL) AS actions, iif(${hasNotes}, e.extra, NULL) AS extra
  FROM ${events} AS e WHERE e.session_key = ${sessionNumber} AND ${where} AND (${hasActions} OR ${hasNotes}) ORDER BY e.seq ${end}`;
  /** The events that a cut ends. Parameters: session key, last seq before the point, seqs of summaries. */
  const ended = 'session_key = ? AND (seq > ? OR seq IN carray(?))';
  const ofInvocation = 'session_key = ? AND invocation_id = ?';
  const markers = (where: string) => `SELECT 1 FROM ${events}
  WHERE ${where} AND ${mayMark('actions')} LIMIT 1`;
  const forget = (
    where: string,
  ) => `DELETE FROM ${memory} WHERE scope_key = (SELECT scope_key FROM "${scopesTable(names.memory)}"
  WHERE app_name = ? AND kind = 'user' AND user_id = ?) AND ${ORIGIN} = ? AND id IN (SELECT id FROM ${events} WHERE ${where})`;

  return {
    // ── read ──
    session: `SELECT ${sessionColumns}, s.initial_state FROM ${sessions} AS s
  WHERE s.app_name = ? AND s.user_id = ? AND s.id = ?`,
    /** The event that a point names, and the first one after a seq. */
    place: {
      seq: `SELECT e.seq, e.timestamp FROM ${events} AS e WHERE e.session_key = ${sessionNumber} AND e.seq = ?`,
      invocation: `SELECT e.seq, e.timestamp FROM ${events} AS e WHERE e.session_key = ${sessionNumber} AND e.invocation_id = ?
  ORDER BY e.seq LIMIT 1`,
      next: `SELECT e.seq, e.timestamp FROM ${events} AS e WHERE e.session_key = ${sessionNumber} AND e.seq > ?
  ORDER BY e.seq LIMIT 1`,
    },
    /** Parameters: key, after which seq, how many; or key, invocation. */
    outline: { range: outline('e.seq > ?', 'LIMIT ?'), invocation: outline('e.invocation_id = ?') },
    changes: `SELECT c.change_key, c.seq, c.kind, c.value, c.removed FROM ${changes} AS c
  WHERE c.session_key = ${sessionNumber} AND c.undone_by IS NULL AND c.kind <> 'rewind' ORDER BY c.seq, c.change_key`,
    versions: `SELECT artifact_key, name, version, create_time FROM ${artifacts}
  WHERE app_name = ? AND user_id = ? AND session_id = ? AND hidden_by IS NULL`,

    // ── state without an event ──
    /** Parameters: state or delta (two), time, key. */
    replaceState: `UPDATE ${sessions} AS s SET state = ?, update_time = ?, revision = revision + 1
  WHERE s.app_name = ? AND s.user_id = ? AND s.id = ? RETURNING session_key`,
    mergeState: `UPDATE ${sessions} AS s SET state = json_merge_shallow(state, ?, ?), update_time = ?, revision = revision + 1
  WHERE s.app_name = ? AND s.user_id = ? AND s.id = ? RETURNING session_key`,
    /** A rewind stays the last write but for settings of the state. */
    keepUndoable: `UPDATE ${changes} SET revision = revision + ? WHERE kind = 'rewind' AND session_key = ${sessionNumber}`,
    /** Between two events all changes are one: the state between them can't be asked for. */
    forgetReplaced: `DELETE FROM ${changes} AS c WHERE c.session_key = ${sessionNumber} AND c.seq = ${last('c.session_key')} AND ${since}`,
    addReplacement: `INSERT INTO ${changes} (session_key, seq, kind, value, time)
  SELECT s.session_key, ${last('s.session_key')}, 'replace', ?, ? FROM ${sessions} AS s
  WHERE s.app_name = ? AND s.user_id = ? AND s.id = ?`,
    addMerge: `INSERT INTO ${changes} (session_key, seq, kind, value, removed, time)
  SELECT s.session_key, ${last('s.session_key')}, 'merge', '{}', NULL, ? FROM ${sessions} AS s
  WHERE s.app_name = ? AND s.user_id = ? AND s.id = ? AND NOT EXISTS (SELECT 1 FROM ${changes} AS c
    WHERE c.session_key = s.session_key AND c.seq = ${last('s.session_key')} AND ${since})`,
    /** Parameters: set, removed, key. */
    growMerge: `UPDATE ${changes} SET value = json_merge_shallow(value, ?1, ?2),
    removed = json_merge_shallow(coalesce(removed, '{}'), coalesce(?2, '{}'), ?1)
  WHERE change_key = (SELECT max(c.change_key) FROM ${changes} AS c JOIN ${sessions} AS s USING (session_key)
    WHERE s.app_name = ?3 AND s.user_id = ?4 AND s.id = ?5 AND c.seq = ${last('s.session_key')} AND ${since})`,

    // ── rewind ──
    /** Parameters: session key, seq, kind, value, removed, revision, time. */
    addChange: `INSERT INTO ${changes} (session_key, seq, kind, value, removed, revision, time)
  VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING change_key`,
    forget: { ended: forget(ended), invocation: forget(ofInvocation) },
    count: `SELECT count(*), (SELECT max(seq) FROM ${events} WHERE session_key = ?1) FROM ${events}
  WHERE session_key = ?1 AND (seq > ?2 OR seq IN carray(?3))`,
    /** Whether there is a marker among events. */
    markers: { ended: markers(ended), invocation: markers(ofInvocation) },
    archive: `INSERT INTO ${rewound} (rewind_key, seq, session_key, ${columns})
  SELECT ?, seq, session_key, ${columns} FROM ${events} WHERE ${ended}`,
    deleteEvents: `DELETE FROM ${events} WHERE ${ended}`,
    deleteInvocation: `DELETE FROM ${events} WHERE ${ofInvocation}`,
    undoChanges: `UPDATE ${changes} SET undone_by = ?1 WHERE session_key = ?2 AND seq >= ?3 AND kind <> 'rewind'
  AND undone_by IS NULL AND change_key < ?1`,
    deleteUndone: `DELETE FROM ${changes} WHERE session_key = ? AND undone_by = ?`,
    hideVersions: `UPDATE ${artifacts} SET hidden_by = ? WHERE artifact_key IN carray(?)`,
    setState: `UPDATE ${sessions} SET state = ?, update_time = ?, revision = revision + 1 WHERE session_key = ?`,
    setRevision: `UPDATE ${changes} SET revision = (SELECT s.revision FROM ${sessions} AS s WHERE s.session_key = ?)
  WHERE change_key = ?`,

    // ── undo ──
    lastRewind: `SELECT c.change_key, c.seq, c.value, c.revision FROM ${changes} AS c
  WHERE c.change_key = (SELECT max(r.change_key) FROM ${changes} AS r WHERE r.session_key = ${sessionNumber} AND r.kind = 'rewind')`,
    changesSince: `SELECT c.change_key, c.seq, c.kind, c.value, c.removed FROM ${changes} AS c
  WHERE c.session_key = ? AND c.change_key > ? AND c.undone_by IS NULL AND c.kind <> 'deleted' ORDER BY c.seq, c.change_key`,
    restoreEvents: `INSERT INTO ${events} (seq, session_key, ${columns})
  SELECT seq, session_key, ${columns} FROM ${rewound} WHERE session_key = ? AND rewind_key = ? ORDER BY seq`,
    lastKept: `SELECT max(seq) FROM ${events} WHERE session_key = ?`,
    deleteArchived: `DELETE FROM ${rewound} WHERE session_key = ? AND rewind_key = ?`,
    /** Changes since the rewind follow what comes back. Parameters: seq, session key, rewind key. */
    moveChanges: `UPDATE ${changes} SET seq = ? WHERE session_key = ? AND change_key > ? AND undone_by IS NULL
  AND kind <> 'deleted'`,
    redoChanges: `UPDATE ${changes} SET undone_by = NULL WHERE session_key = ? AND undone_by = ?`,
    deleteChange: `DELETE FROM ${changes} WHERE change_key = ?`,
    /** If all events up to a marker are deleted, their changes and its own are in the initial state. Parameters: state before, session key, seq. */
    restoreInitial: `UPDATE ${sessions} AS s SET initial_state = ? WHERE s.session_key = ? AND s.initial_state IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM ${events} AS e WHERE e.session_key = s.session_key AND e.seq <= ?)`,
    /** The change of a marker that is deleted. Parameters: session key, seq of the change. */
    deleteKept: `DELETE FROM ${changes} WHERE session_key = ? AND seq = ? AND kind = 'deleted'`,
    showVersions: `UPDATE ${artifacts} SET hidden_by = NULL
  WHERE app_name = ? AND user_id = ? AND session_id = ? AND hidden_by = ?`,

    // ── fork ──
    /** Parameters: id, user, state, time (two), session key. */
    forkSession: `INSERT INTO ${sessions} (id, user_id, app_name, state, create_time, update_time, initial_state${owner})
  SELECT ?, ?, app_name, ?, ?, ?, initial_state${owner} FROM ${sessions} WHERE session_key = ?
  ON CONFLICT (app_name, user_id, id) DO NOTHING`,
    /** Parameters: session key of the fork, its session and user, the old session key, last seq, seqs of summaries. */
    forkEvents: `INSERT INTO ${events} (session_key, ${columns})
  SELECT ?, ${copied} FROM ${events} WHERE session_key = ? AND seq <= ? AND seq NOT IN carray(?) ORDER BY seq`,
    /**
     * The fork's events have seqs of their own, one after the other, which its changes must follow: a change behind the nth
     * event follows the nth.
     * Parameters: the fork, the old session, last seq, seqs of summaries, changes before which seq.
     */
    forkChanges: `INSERT INTO ${changes} (session_key, seq, kind, value, removed, time)
  SELECT ?1, iif(n = 0, 0, n - 1 + (SELECT min(f.seq) FROM ${events} AS f WHERE f.session_key = ?1)),
    kind, value, removed, time
  FROM (SELECT c.seq AS at, c.change_key, c.kind, c.value, c.removed, c.time, (SELECT count(*) FROM ${events} AS e
      WHERE e.session_key = ?2 AND e.seq <= min(c.seq, ?3) AND e.seq NOT IN carray(?4)) AS n
    FROM ${changes} AS c WHERE c.session_key = ?2 AND c.seq < ?5 AND c.undone_by IS NULL AND c.kind <> 'rewind'
    ORDER BY c.seq, c.change_key)`,
    forkVersions: `INSERT INTO ${artifacts} (app_name, user_id, session_id, name, version, content, part, mime_type, size, sha256,
    custom_metadata, create_time)
  SELECT app_name, ?, ?, name, version, content, part, mime_type, size, sha256, custom_metadata, create_time
  FROM ${artifacts} WHERE artifact_key IN carray(?)`,
  };
}
