import { decodeSession } from '../../codec/session-codec.js';
import { sessionNotFound } from '../../errors.js';
import type { HistoryPoint } from '../../history/records.js';
import { decodeChange, decodeInitialState, decodeOutline, placeOf } from '../../history/stored.js';
import type { EventOutline, History, SessionChange } from '../../history/timeline.js';
import { keyParams } from '../../prepare.js';
import type { SessionKey } from '../../records.js';
import type { Rows } from '../connections.js';
import { AGAIN, type Context, run } from '../context.js';
import { postgresDialect } from '../dialect.js';
import { isStorableKey, isStorableText } from '../ids.js';
import { RECORD_COLUMNS } from '../queries.js';

/** Reads a session's history with a point of it, of one moment. Rejects `'ADK_SESSION_NOT_FOUND'` and `'ADK_POINT_NOT_FOUND'`. */
export async function readHistory(context: Context, key: SessionKey, point: HistoryPoint): Promise<History> {
  if (!isStorableKey(key)) throw sessionNotFound(key.sessionId);
  const { seq, invocation } = context.sql.history.moment;
  const [statement, named] =
    'toSeq' in point ? [seq, point.toSeq] : [invocation, storedInvocation(point.beforeInvocationId)];
  const rows = await run(context, statement, [...keyParams(key), named], AGAIN);
  // No order is promised for the parts of a UNION.
  const tagged = (tag: string) => rows.filter((row) => row[TAG] === tag);
  const eventIn = ([row]: Rows) => row && { seq: Number(row[SEQ]), time: postgresDialect.decodeTime(row[AT]) };
  const [stored] = tagged('session');
  if (!stored) throw sessionNotFound(key.sessionId);
  const place = placeOf(key, point, eventIn(tagged('place')));
  const next = eventIn(tagged('next'));
  if (next) place.nextTime = next.time;
  const { names } = context;
  return {
    session: decodeSession(context, stored),
    initialState: decodeInitialState(names, key.sessionId, parsed(stored[RECORD_COLUMNS])),
    place,
    events: decodeOutlines(
      context,
      tagged('event')
        .map((row) => [row[SEQ], ...row.slice(TEXT)])
        .sort(bySeq),
    ),
    changes: decodeChanges(
      context,
      tagged('change')
        .map((row) => [row[CHANGE], row[SEQ], ...row.slice(TEXT)])
        .sort((a, b) => Number(a[1]) - Number(b[1]) || Number(a[0]) - Number(b[0])),
    ),
  };
}

/** Columns behind those of the session. */
const [TAG, SEQ, AT, CHANGE, TEXT] = [1, 2, 3, 4, 5].map((at) => RECORD_COLUMNS + at) as [
  number,
  number,
  number,
  number,
  number,
];

const bySeq = (a: unknown[], b: unknown[]) => Number(a[0]) - Number(b[0]);

/** An invocation as its column has it; null if none can have this id there. */
export const storedInvocation = (id: string): string | null => (isStorableText(id) ? id : null);

/** The outlines of the events of one invocation. */
export async function readInvocation(
  context: Context,
  userId: string,
  sessionNumber: number,
  invocationId: string | null,
): Promise<EventOutline[]> {
  return decodeOutlines(
    context,
    await run(context, context.sql.history.outlines, [userId, sessionNumber, invocationId]),
  );
}

/** Rows: seq, id, actions, extra. */
const decodeOutlines = ({ names }: Context, rows: Rows): EventOutline[] =>
  rows.map(([seq, id, actions, extra]) => decodeOutline(names, [seq, id, parsed(actions), parsed(extra)]));

/** Rows: key, seq, kind, value, removed keys. */
export const decodeChanges = ({ names }: Context, rows: Rows): SessionChange[] =>
  rows.map(([key, seq, kind, value, removed]) => decodeChange(names, [key, seq, kind, parsed(value), parsed(removed)]));

/** JSON of a column; null if there is none. */
export const parsed = (value: unknown): unknown => (value === null ? null : postgresDialect.decodeJson?.(value));
