import type { JsonObject, SessionRecord } from '../records.js';

/** A change of the session state: values of keys, and keys that are removed. */
export interface StateChange {
  set: JsonObject;
  removed: readonly string[];
}

/** An event that may have changed the state, saved artifacts or summarised others. */
export interface EventOutline {
  seq: number;
  /** The change that the event has made to the session state. */
  change: StateChange | undefined;
  /** Versions of artifacts by name. */
  artifacts: JsonObject;
  /** Of a summary that a compaction has written: the end of the summarised range, in milliseconds. */
  summaryEnd: number | undefined;
}

/**
 * A change that no stored event carries: state that was set without one, and the deltas of events that were deleted. It
 * follows the event of its `seq`, and precedes every later one.
 */
export interface SessionChange extends StateChange {
  seq: number;
  /**
   * `'merge'` and `'replace'`: state that was set without an event, as a delta or as the whole state. `'deleted'`: the delta of
   * an event that is deleted, which is as old as the event.
   */
  kind: 'merge' | 'replace' | 'deleted';
}

/** The history of a session, with a point of it, of one moment. */
export interface History {
  session: SessionRecord;
  place: Place;
  /** The state at `createSession`; `undefined` in sessions of schema version 1. */
  initialState: JsonObject | undefined;
  /** By seq; events that are no {@link EventOutline} are left out. */
  events: readonly EventOutline[];
  /** By seq, and in the order in which they were made. */
  changes: readonly SessionChange[];
}

/** A point, found in the history of a session. */
export interface Place {
  /** Events up to this seq lie before the point. */
  lastSeq: number;
  /** Changes without an event lie before the point if their seq is below this one. */
  changesBefore: number;
  /** Milliseconds. */
  time: number;
  /** The time of the first event after the point; `undefined` if there is none. */
  nextTime: number | undefined;
}

/** The session state at the point of a history. */
export function stateAt(history: History): JsonObject {
  const { initialState, place } = history;
  if (initialState === undefined) return withoutLaterKeys(history);
  const state = new Map(Object.entries(initialState));
  for (const change of changesOf(history)) if (isBefore(change, place)) apply(state, change);
  return Object.fromEntries(state);
}

/**
 * Without an initial state the values before the point are unknown: keys that were written after it are removed, others
 * stay.
 */
function withoutLaterKeys(history: History): JsonObject {
  const { place, session } = history;
  const later = new Set<string>();
  for (const change of changesOf(history)) {
    if (isBefore(change, place)) continue;
    for (const key of [...Object.keys(change.set), ...change.removed]) later.add(key);
  }
  return Object.fromEntries(Object.entries(session.state).filter(([key]) => !later.has(key)));
}

/** A change in its place: of an event, or without one. */
export type PlacedChange = StateChange & { seq: number; kind: 'event' | SessionChange['kind'] };

/** All changes in their order: an event's comes before those that follow the event. Merged, since ten thousand take long to sort. */
function* changesOf({ events, changes }: History): Generator<PlacedChange> {
  let next = 0;
  for (const { seq, change } of events) {
    if (change === undefined) continue;
    for (; next < changes.length && (changes[next] as SessionChange).seq < seq; next += 1) {
      yield changes[next] as SessionChange;
    }
    yield { set: change.set, removed: change.removed, seq, kind: 'event' };
  }
  yield* changes.slice(next);
}

/** The order of changes: an event's comes before others of its seq, which stay in the order that they have. */
export function inOrder(a: PlacedChange, b: PlacedChange): number {
  return a.seq - b.seq || Number(b.kind === 'event') - Number(a.kind === 'event');
}

function isBefore({ seq, kind }: PlacedChange, { lastSeq, changesBefore }: Place): boolean {
  return kind === 'event' ? seq <= lastSeq : seq < changesBefore;
}

/** Applies a change to a state. */
export function apply(state: Map<string, unknown>, change: StateChange & { kind: string }): void {
  if (change.kind === 'replace') state.clear();
  for (const key of change.removed) state.delete(key);
  const { set } = change;
  for (const key of Object.keys(set)) state.set(key, set[key]);
}
