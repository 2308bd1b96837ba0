import type { EventRow } from '../codec/event-codec.js';
import { keyParams } from '../prepare.js';
import type { EventFilter, SessionKey } from '../records.js';
import { AGAIN, type Context, run } from './context.js';
import { isStorableKey } from './ids.js';
import { eventRows, filterParams } from './sessions.js';

/** Events that one page of {@link iterateEvents} has. */
const EVENTS_PER_PAGE = 500;

/** Events of a session in append order. */
export async function listEvents(context: Context, key: SessionKey, filter: EventFilter): Promise<EventRow[]> {
  if (!isStorableKey(key)) return [];
  const { asc, desc } = context.sql.events;
  const statement = filter.last === undefined ? asc : desc;
  return eventRows(await run(context, statement, [...keyParams(key), ...filterParams(context, filter)], AGAIN));
}

/** Events between two seqs, both exclusive, in either order. */
export async function eventPage(
  context: Context,
  key: SessionKey,
  { afterSeq, beforeSeq, limit, order }: { afterSeq: number; beforeSeq: number; limit: number; order: 'asc' | 'desc' },
): Promise<EventRow[]> {
  if (!isStorableKey(key)) return [];
  const params = [...keyParams(key), afterSeq, beforeSeq, limit];
  const rows = eventRows(await run(context, context.sql.between[order], params, AGAIN));
  return order === 'asc' ? rows : rows.reverse();
}

/** Whether a marker of a rewind follows a seq. */
export async function isMarked(context: Context, key: SessionKey, afterSeq: number): Promise<boolean> {
  if (!isStorableKey(key)) return false;
  return (await run(context, context.sql.isMarked, [...keyParams(key), afterSeq], AGAIN)).length === 1;
}

export async function countEvents(context: Context, key: SessionKey): Promise<number> {
  if (!isStorableKey(key)) return 0;
  const [counted] = await run(context, context.sql.countEvents, keyParams(key), AGAIN);
  return Number(counted?.[0]);
}

/** Events of a session, page by page, up to the one that is the last when the iteration begins. */
export async function* iterateEvents(
  context: Context,
  key: SessionKey,
  filter: Pick<EventFilter, 'after' | 'afterSeq'>,
): AsyncGenerator<EventRow, void> {
  if (!isStorableKey(key)) return;
  const [session] = await run(context, context.sql.lastSeq, keyParams(key), AGAIN);
  if (!session) return;
  const [sessionNumber, lastSeq] = session.map(Number) as [number, number];
  const [from, after] = filterParams(context, filter) as [number, number | null];
  for (let seq = from, count = EVENTS_PER_PAGE; count === EVENTS_PER_PAGE; ) {
    const params = [key.userId, sessionNumber, seq, lastSeq, after, EVENTS_PER_PAGE];
    const rows = eventRows(await run(context, context.sql.eventPage, params, AGAIN));
    yield* rows;
    count = rows.length;
    seq = Number(rows.at(-1)?.[0]);
  }
}
