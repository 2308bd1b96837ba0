import type { Backend, Loaded } from '../backend.js';
import type { EventRow } from '../codec/event-codec.js';
import type { EventFilter, SessionKey } from '../records.js';
import { withoutRewound } from './rewound.js';

/** Loads a session with those of its events that count: markers of rewinds, and what they undo, are left out. */
export async function loadVisible(backend: Backend, key: SessionKey, filter: EventFilter): Promise<Loaded | undefined> {
  const loaded = await backend.load(key, filter);
  if (!loaded || !(await hides(backend, key, loaded.events, filter))) return loaded;
  const whole = await backend.load(key, {});
  if (!whole) return undefined;
  const rows = visible(backend, whole.events).filter((row) => isWanted(backend, row, filter));
  const { limit = rows.length, last } = filter;
  return {
    ...whole,
    events: last === undefined ? rows.slice(0, limit) : rows.slice(rows.length - Math.min(last, rows.length)),
  };
}

/** Whether a marker decides on some of these events: among them, or behind the first n, all of whose markers come later. */
async function hides(backend: Backend, key: SessionKey, rows: EventRow[], { limit }: EventFilter): Promise<boolean> {
  if (backend.events.hasMarker(rows)) return true;
  const last = rows.at(-1);
  return limit !== undefined && last !== undefined && (await backend.isMarked(key, Number(last[0])));
}

function isWanted({ events, names }: Backend, row: EventRow, { after, afterSeq = 0 }: EventFilter): boolean {
  if (Number(row[0]) <= afterSeq) return false;
  return after === undefined || events.decode(row, names.events).timestamp > after;
}

/** The events that count, of all events of a session. */
export function visible({ events }: Backend, rows: EventRow[]): EventRow[] {
  if (!events.hasMarker(rows)) return rows;
  const marked = rows.map((row) => ({ row, invocationId: String(row[2]), rewindBefore: events.rewindBefore(row) }));
  return withoutRewound(marked).map(({ row }) => row);
}
