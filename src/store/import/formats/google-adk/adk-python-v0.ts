import type { SqlValue } from '../../../../executor.js';
import { hasColumns, type TablesInput } from '../../input/input.js';
import type { Format, ReadOptions } from '../../source.js';
import { inferZone, type ZoneVote } from '../../values/infer-zone.js';
import { parseTime, timeOf } from '../../values/times.js';
import { Zone } from '../../values/zone.js';
import { type EventTable, isAdkTables, type ReadSession, readAdkTables } from '../adk-tables.js';
import { isPickledMarker, pickledColumns, pickledEvent } from '../pickled-event.js';

/**
 * DatabaseSessionService of ADK for Python up to 1.21: events have columns, their actions are pickled, and their times are
 * local ones. Times of sessions are in UTC, and so tell the zone.
 */
export const adkPythonV0: Format<TablesInput> = {
  name: 'adk-python-v0',
  kind: 'tables',
  recognizes: (input, options) => isAdkTables(input, options, 'actions') && !hasColumns(input, 'events', 'event_data'),
  async open(input, options) {
    const zone = await zoneOf(input, options);
    const back = zone === undefined ? [] : zone.repeated(...(await rangeOf(input)));
    return { timezone: zone?.name ?? null, items: readAdkTables(input, options, eventTable(input, zone, back)) };
  },
};

/** A time as text, in SQL, and whether it is one: SQLite also takes numbers. */
const ENGINES = {
  sqlite: { text: (column: string) => column, isText: "typeof(timestamp) = 'text'" },
  postgres: { text: (column: string) => `to_char(${column}, 'YYYY-MM-DD HH24:MI:SS.US')`, isText: 'TRUE' },
};

// ── the zone ──

const MINUTE = 60_000;

/** `undefined` for a source without local times. */
async function zoneOf(input: TablesInput, { timezone }: ReadOptions): Promise<Zone | undefined> {
  if (timezone !== undefined) return Zone.named(timezone);
  const votes = await votesOf(input);
  if (votes.length === 0) return undefined;
  // A session begins with an event and is written to with the last one, or else there is a pause, of any length.
  const close = votes.filter(({ local, utc }) => Math.abs(remainder(local - utc, 15 * MINUTE)) < MINUTE);
  return inferZone(close.length > 0 ? close : votes);
}

const remainder = (value: number, by: number) => value - Math.round(value / by) * by;

async function votesOf(input: TablesInput): Promise<ZoneVote[]> {
  const votes: ZoneVote[] = [];
  const { text, isText } = ENGINES[input.engine];
  const times = ['e.first', 'e.last', 's.create_time', 's.update_time'].map(text);
  const sql = `SELECT ${times.join(', ')} FROM sessions AS s JOIN (
    SELECT app_name, user_id, session_id, min(timestamp) AS first, max(timestamp) AS last FROM events
    WHERE ${isText} GROUP BY 1, 2, 3
  ) AS e ON e.app_name = s.app_name AND e.user_id = s.user_id AND e.session_id = s.id`;
  for await (const [first, last, created, updated] of input.rows(sql)) {
    vote(votes, first, created);
    // The service wrote to the session only where an event changed the state.
    if (updated !== created) vote(votes, last, updated);
  }
  return votes;
}

function vote(votes: ZoneVote[], event: SqlValue | undefined, session: SqlValue | undefined): void {
  const local = localTime(event);
  const utc = timeOf(session);
  if (local !== undefined && utc !== undefined) votes.push({ local, utc });
}

/** A local time as if it were in UTC. */
function localTime(value: SqlValue | undefined): number | undefined {
  const parsed = typeof value === 'string' ? parseTime(value) : undefined;
  return parsed?.hasOffset ? undefined : parsed?.time;
}

/** The first and the last local time. */
async function rangeOf(input: TablesInput): Promise<[first: number, last: number]> {
  const { text, isText } = ENGINES[input.engine];
  const sql = `SELECT ${text('min(timestamp)')}, ${text('max(timestamp)')} FROM events WHERE ${isText}`;
  for await (const row of input.rows(sql)) {
    const [first, last] = row.map(localTime);
    if (first !== undefined && last !== undefined) return [first, last];
  }
  return [0, 0];
}

// ── events ──

type Period = readonly [from: number, to: number];

/** `repeated`: local times that the clock shows twice. Their events are in the order of their rows. */
function eventTable(input: TablesInput, zone: Zone | undefined, repeated: readonly Period[]): EventTable {
  let last = { sessionId: {} as object, time: 0 };
  return {
    columns: [ENGINES[input.engine].text('e.timestamp'), ...pickledColumns(input, 'events')],
    moment: momentIn(input, repeated),
    isMarker: isPickledMarker(input),
    decode([column, ...values], id, session) {
      const timestamp = timeInUtc(column, session);
      if (timestamp === undefined) return 'its timestamp is no time';
      return pickledEvent(values, id, timestamp);
    },
  };

  /** Of two possible times the first one that is neither before the session nor before the event in front of it. */
  function timeInUtc(column: SqlValue | undefined, { key, createTime }: ReadSession): number | undefined {
    const local = localTime(column);
    if (local === undefined || zone === undefined) return timeOf(column);
    const isRepeated = repeated.some(([from, to]) => from <= local && local < to);
    const before = last.sessionId === key ? last.time : createTime;
    const time = isRepeated ? zone.toUtc(local, Math.max(before, createTime) - MINUTE) : zone.toUtc(local);
    last = { sessionId: key, time };
    return time;
  }
}

function momentIn({ engine }: TablesInput, repeated: readonly Period[]): string {
  const text = (time: number) => `'${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}'`;
  const cases = repeated.map(
    ([from, to]) => `WHEN e.timestamp >= ${text(from)} AND e.timestamp < ${text(to)} THEN ${text(from)}`,
  );
  const moment = cases.length === 0 ? 'e.timestamp' : `CASE ${cases.join(' ')} ELSE e.timestamp END`;
  return engine === 'sqlite' ? moment : `(extract(epoch FROM ${moment}) * 1000000)::double precision`;
}
