import { type Column, EVENT_COLUMNS } from '../../codec/columns.js';
import { originPrefix } from '../../copy/transfer.js';
import { type Statement, statement } from '../client.js';
import { hourOf, paramType, timeOf } from '../functions/sql.js';
import type { Layout } from '../layout.js';

export type TransferQueries = ReturnType<typeof buildTransferQueries>;

export function buildTransferQueries(layout: Layout) {
  const { sessions, events, appStates, userStates, metadata, rewound, changes, owner } = layout;
  const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::double precision`;
  const time = (place: string) => timeOf(`${place}::double precision`);
  const stamp = `s.session_key, s.app_name, s.user_id, s.id, ${ms('s.create_time')}, s.revision, s.last_seq`;
  const prefix = originPrefix(layout.names.sessions);
  const origin = `${metadata} AS m ON m.key = '${prefix}' || s.session_key`;
  const behind = '(s.user_id, s.app_name, s.id) > ($1, $2, $3) ORDER BY s.user_id, s.app_name, s.id LIMIT $4';
  const fields = EVENT_COLUMNS.map(({ column, kind }) => (kind === 'time' ? ms(`e."${column}"`) : `e."${column}"`));
  /** Of the seqs above 0 that rows of the session have. */
  const seqs = (of: 'min' | 'max') => {
    const each = [events, rewound, changes].map(
      (table) =>
        `SELECT ${of}(t.seq) AS seq FROM ${table} AS t WHERE t.user_id = s.user_id AND t.session_key = s.session_key AND t.seq > 0`,
    );
    return `(SELECT ${of}(x.seq) FROM (${each.join(' UNION ALL ')}) AS x)`;
  };

  const types = EVENT_COLUMNS.map((column: Column) => paramType(column));
  const values = EVENT_COLUMNS.map(({ kind }, i) => (kind === 'time' ? timeOf(`d.p${i}`) : `d.p${i}`));
  const names = EVENT_COLUMNS.map(({ column }) => `"${column}"`).join(', ');
  const arrays = (first: number) =>
    `unnest($${first}::bigint[], ${types.map((type, i) => `$${i + first + 1}::${type}[]`).join(', ')}) AS d(seq, ${types.map((_, i) => `p${i}`).join(', ')})`;
  const state = (table: string, key: readonly string[], user: string) => {
    const params = key.map((_, i) => `$${i + 1}`);
    const [value, at] = [`$${key.length + 1}`, `$${key.length + 2}`];
    return {
      all: statement(
        `SELECT t.app_name, ${user}, t.state, ${ms('t.update_time')} FROM ${table} AS t WHERE (${key.map((name) => `t.${name}`).join(', ')}) > (${params.join(', ')})
  ORDER BY ${key.map((name) => `t.${name}`).join(', ')} LIMIT $${key.length + 1}`,
      ),
      one: statement(
        `SELECT t.app_name, ${user}, t.state, ${ms('t.update_time')} FROM ${table} AS t WHERE ${key.map((name, i) => `t.${name} = ${params[i]}`).join(' AND ')}`,
      ),
      /** Parameters: key, state, time. */
      put: statement(`INSERT INTO ${table} AS t (${key.join(', ')}, state, update_time) VALUES (${params.join(', ')}, ${value}, ${time(at)})
  ON CONFLICT (${key.join(', ')}) DO UPDATE SET state = excluded.state, update_time = excluded.update_time
  WHERE t.update_time <= excluded.update_time AND t.state::text <> excluded.state::text RETURNING 1`),
    };
  };

  const written: [column: string, value: string][] = [
    ['state', '$4'],
    ['create_time', time('$5')],
    ['update_time', time('$6')],
    ['update_hour', hourOf('$6::double precision')],
    ['revision', '$7'],
    ['initial_state', '$8'],
    ['last_seq', '$9'],
    ...(owner ? ([[owner, '$12']] as [string, string][]) : []),
  ];

  return {
    // ── as a source ──
    stamps: statement(`SELECT ${stamp} FROM ${sessions} AS s WHERE ${behind}`),
    session:
      statement(`SELECT ${stamp}, ${ms('s.update_time')}, s.state, s.initial_state, ${owner ? `s.${owner}` : 'NULL'},
  ${seqs('min')}, ${seqs('max')} FROM ${sessions} AS s WHERE s.user_id = $1 AND s.app_name = $2 AND s.id = $3`),
    /** Parameters: user, session key, after which seq, how many. */
    events: statement(`SELECT e.seq, ${fields.join(', ')} FROM ${events} AS e
  WHERE e.user_id = $1 AND e.session_key = $2 AND e.seq > $3 ORDER BY e.seq LIMIT $4`),
    /** The same of archived events. Parameters: user, session key, after which rewind and seq, how many. */
    archived: statement(`SELECT e.seq, ${fields.join(', ')}, e.rewind_key FROM ${rewound} AS e
  WHERE e.user_id = $1 AND e.session_key = $2 AND (e.rewind_key, e.seq) > ($3, $4) ORDER BY e.rewind_key, e.seq LIMIT $5`),
    changes: statement(`SELECT c.change_key, c.seq, c.kind, c.value, c.removed, c.revision, ${ms('c.time')}, c.undone_by
  FROM ${changes} AS c WHERE c.user_id = $1 AND c.session_key = $2 ORDER BY c.change_key`),
    hasAny: statement(`SELECT 1 FROM ${sessions} AS s WHERE s.session_key = ANY ($1::bigint[]) LIMIT 1`),
    countEvents: statement(`SELECT count(*) FROM ${events} AS e WHERE e.user_id = $1 AND e.session_key = $2`),
    states: {
      app: state(appStates, ['app_name'], 'NULL'),
      user: state(userStates, ['user_id', 'app_name'], 't.user_id'),
    },

    // ── as a target ──
    find: statement(`SELECT ${stamp}, m.value FROM unnest($1::text[], $2::text[], $3::text[]) AS k(user_id, app_name, id)
  JOIN ${sessions} AS s ON s.user_id = k.user_id AND s.app_name = k.app_name AND s.id = k.id LEFT JOIN ${origin}`),
    lock: statement(`SELECT ${stamp}, m.value FROM ${sessions} AS s LEFT JOIN ${origin}
  WHERE s.user_id = $1 AND s.app_name = $2 AND s.id = $3 FOR UPDATE OF s`),
    copied: statement(`SELECT ${stamp}, m.value FROM ${sessions} AS s JOIN ${origin} WHERE ${behind}`),
    /** Writes the session and its origin, if there is one. `$11`: whether it replaces another one; otherwise it writes a new one alone. */
    put: statement(`WITH put AS (
  INSERT INTO ${sessions} AS s (user_id, app_name, id, ${written.map(([column]) => column).join(', ')})
  VALUES ($1, $2, $3, ${written.map(([, value]) => value).join(', ')})
  ON CONFLICT (user_id, app_name, id) DO UPDATE SET ${written.map(([column]) => `${column} = excluded.${column}`).join(', ')}
  WHERE $11::boolean
  RETURNING s.session_key),
origin AS (
  INSERT INTO ${metadata} AS m (key, value) SELECT '${prefix}' || put.session_key, $10 FROM put WHERE $10::text IS NOT NULL
  ON CONFLICT (key) DO UPDATE SET value = excluded.value)
SELECT put.session_key FROM put`),
    setLastSeq: statement(`UPDATE ${sessions} AS s SET last_seq = $3 WHERE s.user_id = $1 AND s.session_key = $2`),
    clear: statement(`WITH its_archive AS (DELETE FROM ${rewound} AS e WHERE e.user_id = $1 AND e.session_key = $2),
its_changes AS (DELETE FROM ${changes} AS e WHERE e.user_id = $1 AND e.session_key = $2)
DELETE FROM ${events} AS e WHERE e.user_id = $1 AND e.session_key = $2`),
    /** User, session key, app, session; then an array for the seqs and for each field. */
    putEvents: statement(`INSERT INTO ${events} (user_id, session_key, app_name, session_id, seq, ${names})
  SELECT $1, $2, $3, $4, d.seq, ${values.join(', ')} FROM ${arrays(5)}`),
    /** The same with the key of a rewind behind the session. */
    putArchived:
      statement(`INSERT INTO ${rewound} (user_id, session_key, app_name, session_id, rewind_key, seq, ${names})
  SELECT $1, $2, $3, $4, $5, d.seq, ${values.join(', ')} FROM ${arrays(6)}`),
    /** Returns the key of the change. */
    putChange:
      statement(`INSERT INTO ${changes} (user_id, session_key, seq, kind, value, removed, revision, time, undone_by)
  VALUES ($1, $2, $3, $4, $5, $6, $7, ${time('$8')}, NULL) RETURNING change_key`),
    setUndone: statement(
      `UPDATE ${changes} SET undone_by = $4 WHERE user_id = $1 AND session_key = $2 AND change_key = $3`,
    ),
    /** Parameters: user, app, session, session key, revision. */
    deleteSession: deleteSession(layout, prefix),
  };
}

function deleteSession({ sessions, events, rewound, changes, metadata }: Layout, prefix: string): Statement {
  const its = (name: string, table: string) =>
    `its_${name} AS (DELETE FROM ${table} AS e USING gone WHERE e.user_id = gone.user_id AND e.session_key = gone.session_key)`;
  return statement(`WITH gone AS (
  DELETE FROM ${sessions} AS s WHERE s.user_id = $1 AND s.app_name = $2 AND s.id = $3 AND s.session_key = $4 AND s.revision = $5
  RETURNING s.user_id, s.session_key),
${its('events', events)}, ${its('archive', rewound)}, ${its('changes', changes)},
its_origin AS (DELETE FROM ${metadata} AS m USING gone WHERE m.key = '${prefix}' || gone.session_key)
SELECT 1 FROM gone`);
}
