import type { BatchQuery, Executor, SqlParam } from '../../executor.js';
import { scopesTable } from '../memory/erasure.js';
import type { Names } from '../names.js';
import { quoted } from '../names.js';
import { sendBatch, sendWrites } from '../sqlite/context.js';
import { buildFold, deleteArchived, deleteEvents } from '../sqlite/history/fold.js';
import { MarkedSessions } from '../sqlite/history/marked.js';
import type { Cuts } from './policy.js';

export type PruneNames = Pick<
  Names,
  'sessions' | 'events' | 'rewound' | 'changes' | 'metadata' | 'userStates' | 'memory'
>;

/** A rule: a table is read page by page, by a key; rows that the rule is about are deleted by their keys. */
export interface Rule {
  /** One row: the last key of the page, its number of rows, and a JSON array of the keys of those that go. */
  page(after: number, limit: number): BatchQuery;
  /** Checks again, in the transaction that deletes. Resolves to the number of rows removed. */
  remove(db: Executor, keys: number[]): Promise<number>;
}

/**
 * `idle`: the time before which sessions go but are still there, in a dry run; otherwise null. `beforePage`: called before each
 * further read, which it may prevent.
 */
export function buildRules(names: PruneNames, { appName, ...cuts }: Cuts, idle: number | null, beforePage: () => void) {
  const { sessions, events, rewound, userStates, memory } = quoted(names);
  const scopes = `"${scopesTable(names.memory)}"`;

  const sessionRule = (cut: number): Rule => ({
    page: pageOf(`${sessions} AS s`, 's.session_key', 's.update_time < ?3 AND (?4 IS NULL OR s.app_name = ?4)', [
      cut,
      appName,
    ]),
    remove: deleting((keys) => [
      {
        sql: `DELETE FROM ${events} WHERE session_key IN (SELECT session_key FROM ${sessions} WHERE session_key IN carray(?1) AND update_time < ?2)`,
        params: [keys, cut],
      },
      { sql: `DELETE FROM ${sessions} WHERE session_key IN carray(?1) AND update_time < ?2`, params: [keys, cut] },
    ]),
  });

  const stays = `(?5 IS NULL OR (SELECT s.update_time FROM ${sessions} AS s WHERE s.session_key = e.session_key) >= ?5)`;
  const eventPage = (table: string, cut: number) =>
    pageOf(`${table} AS e`, 'e.seq', `e.timestamp < ?3 AND (?4 IS NULL OR e.app_name = ?4) AND ${stays}`, [
      cut,
      appName,
      idle,
    ]);
  const fold = buildFold(names);
  const marked = new MarkedSessions(fold, beforePage);
  const eventRule = (cut: number): Rule => ({
    page: eventPage(events, cut),
    remove: (db, keys) => marked.transaction(db, (tx) => deleteEvents(tx, fold, keys, cut, marked.keys)),
  });
  /** Events that a rewind has removed and that are kept for undoRewind(). */
  const archiveRule = (cut: number): Rule => ({
    page: eventPage(rewound, cut),
    remove: (db, keys) => db.transaction((tx) => deleteArchived(tx, fold, keys, cut)),
  });

  const ofApp = `m.scope_key IN (SELECT c.scope_key FROM ${scopes} AS c WHERE c.app_name = ?4)`;
  const memoryRule = (cut: number): Rule => ({
    page: pageOf(`${memory} AS m`, 'm.memory_key', `m.timestamp < ?3 AND (?4 IS NULL OR ${ofApp})`, [cut, appName]),
    remove: deleting((keys) => [
      {
        sql: `DELETE FROM ${scopes} AS c WHERE c.scope_key IN (SELECT scope_key FROM ${memory} WHERE memory_key IN carray(?1))
  AND NOT EXISTS (SELECT 1 FROM ${memory} AS m WHERE m.scope_key = c.scope_key AND m.memory_key NOT IN carray(?1))`,
        params: [keys],
      },
      { sql: `DELETE FROM ${memory} WHERE memory_key IN carray(?1)`, params: [keys] },
    ]),
  });

  const isIdle = (cut: number) => `u.update_time < ?${cut} AND NOT EXISTS (SELECT 1 FROM ${sessions} AS s
  WHERE s.app_name = u.app_name AND s.user_id = u.user_id AND s.update_time >= ?${cut + 1})`;
  const stateRule = (cut: number): Rule => {
    // Sessions that go before are no use.
    const used = Math.max(cut, idle ?? cut);
    return {
      page: pageOf(`${userStates} AS u`, 'u.rowid', `${isIdle(3)} AND (?5 IS NULL OR u.app_name = ?5)`, [
        cut,
        used,
        appName,
      ]),
      remove: deleting((keys) => [
        {
          sql: `DELETE FROM ${userStates} AS u WHERE u.rowid IN carray(?1) AND ${isIdle(2)}`,
          params: [keys, cut, used],
        },
      ]),
    };
  };

  const rule = (cut: number | undefined, make: (cut: number) => Rule) => (cut === undefined ? undefined : make(cut));
  return {
    sessions: rule(cuts.idleDays, sessionRule),
    events: rule(cuts.eventDays, eventRule),
    archive: rule(cuts.eventDays, archiveRule),
    memory: rule(cuts.memoryDays, memoryRule),
    userStates: rule(cuts.userStateIdleDays, stateRule),
  };
}

/** One transaction; the number of rows removed is that of the last statement. */
function deleting(queries: (keys: number[]) => BatchQuery[]): Rule['remove'] {
  return async (db, keys) => {
    const results = await sendWrites({ db }, queries(keys));
    return results.at(-1)?.changes ?? 0;
  };
}

function pageOf(from: string, key: string, goes: string, params: SqlParam[]): Rule['page'] {
  const sql = `SELECT max(k), count(*), json_group_array(k) FILTER (WHERE goes) FROM (
  SELECT ${key} AS k, ${goes} AS goes FROM ${from} WHERE ${key} > ?1 ORDER BY ${key} LIMIT ?2)`;
  return (after, limit) => ({ sql, params: [after, limit, ...params] });
}

/** Events beyond the newest `most` of each session. `idle`, `old`: times before which sessions and events go, in a dry run. */
export function buildSurplus(
  names: PruneNames,
  most: number,
  appName: string | null,
  idle: number | null,
  old: number | null,
  beforePage: () => void,
) {
  const page = `SELECT max(k), count(*), json_group_array(json_array(k, n - ?3)) FILTER (WHERE n > ?3) FROM (
  SELECT s.session_key AS k, iif(s.update_time < ?5 OR s.app_name <> ?4, 0, (SELECT count(*) FROM "${names.events}" AS e
    WHERE e.session_key = s.session_key AND (?6 IS NULL OR e.timestamp >= ?6))) AS n
  FROM "${names.sessions}" AS s WHERE s.session_key > ?1 ORDER BY s.session_key LIMIT ?2)`;
  const surplus = `SELECT json_group_array(seq) FROM (SELECT seq FROM "${names.events}" WHERE session_key = ?1
  AND seq <= (SELECT seq FROM "${names.events}" WHERE session_key = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2) ORDER BY seq LIMIT ?3)`;
  const fold = buildFold(names);
  const marked = new MarkedSessions(fold, beforePage);
  return {
    /** The third column is a JSON array of pairs: a session's key, and the number of its events too many. */
    page: (after: number, limit: number) => ({ sql: page, params: [after, limit, most, appName, idle, old] }),
    /** Removes the oldest events that are too many, up to a limit. */
    remove: (db: Executor, session: number, limit: number) =>
      marked.transaction(db, async (tx) => {
        const [found] = await sendBatch({ db: tx }, [{ sql: surplus, params: [session, most, limit] }]);
        const seqs = JSON.parse(found?.rows[0]?.[0] as string) as number[];
        return seqs.length === 0 ? 0 : await deleteEvents(tx, fold, seqs, Number.POSITIVE_INFINITY, marked.keys);
      }),
  };
}

/** Names of those tables that the file has. */
export const TABLES = "SELECT lower(name) FROM sqlite_schema WHERE type = 'table'";
