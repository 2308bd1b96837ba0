import { pointNotFound } from '../errors.js';
import type { JsonObject, SessionRecord } from '../records.js';
import type { HistoryPoint } from './records.js';

/** A change of the session state: values of keys, and keys that are removed. */
export interface StateChange {
  set: JsonObject;
  removed: readonly string[];
}

/** An event, as far as the history of its session goes. */
export interface EventOutline {
  seq: number;
  id: string;
  invocationId: string;
  /** Milliseconds. */
  timestamp: number;
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
  /** `'replace'`: the values are the whole state. */
  kind: 'merge' | 'replace';
}

/** The history of a session, of one moment. */
export interface History {
  session: SessionRecord;
  /** The state at `createSession`; `undefined` in sessions of schema version 1. */
  initialState: JsonObject | undefined;
  /** In append order. */
  events: readonly EventOutline[];
  /** In the order in which they were made. */
  changes: readonly SessionChange[];
}

/** A point, found in a history. */
export interface Place {
  /** Events up to this seq lie before the point. */
  lastSeq: number;
  /** Changes without an event lie before the point if their seq is below this one. */
  changesBefore: number;
  /** Milliseconds. */
  time: number;
}

/** Finds a point, or throws `'ADK_POINT_NOT_FOUND'`. */
export function placeOf({ session, events }: History, point: HistoryPoint): Place {
  if ('toSeq' in point) {
    const event = events.find(({ seq }) => seq === point.toSeq);
    if (!event) throw pointNotFound(`Session ${session.id} has no event of seq ${point.toSeq}`);
    return { lastSeq: event.seq, changesBefore: event.seq, time: event.timestamp };
  }
  const event = events.find(({ invocationId }) => invocationId === point.beforeInvocationId);
  if (!event) throw pointNotFound(`Session ${session.id} has no invocation ${point.beforeInvocationId}`);
  return { lastSeq: event.seq - 1, changesBefore: event.seq, time: event.timestamp };
}

/** The session state at a place. */
export function stateAt(history: History, place: Place): JsonObject {
  const { initialState, session } = history;
  if (initialState === undefined) return withoutLaterKeys(history, place, session.state);
  const state = new Map(Object.entries(initialState));
  for (const change of changesOf(history)) if (isBefore(change, place)) apply(state, change);
  return Object.fromEntries(state);
}

/**
 * Without an initial state the values before the point can't be told: keys that were written after it are removed, others
 * stay.
 */
function withoutLaterKeys(history: History, place: Place, current: JsonObject): JsonObject {
  const later = new Set<string>();
  for (const change of changesOf(history)) {
    if (isBefore(change, place)) continue;
    for (const key of [...Object.keys(change.set), ...change.removed]) later.add(key);
  }
  return Object.fromEntries(Object.entries(current).filter(([key]) => !later.has(key)));
}

/** A change in its place: of an event, or without one. */
type PlacedChange = StateChange & { seq: number; kind: 'event' | SessionChange['kind'] };

/** All changes in their order: an event's comes before those that follow the event. */
function changesOf({ events, changes }: History): PlacedChange[] {
  const all: PlacedChange[] = [];
  for (const { seq, change } of events) if (change) all.push({ ...change, seq, kind: 'event' });
  return [...all, ...changes].sort((a, b) => a.seq - b.seq || Number(b.kind === 'event') - Number(a.kind === 'event'));
}

function isBefore({ seq, kind }: PlacedChange, { lastSeq, changesBefore }: Place): boolean {
  return kind === 'event' ? seq <= lastSeq : seq < changesBefore;
}

/** Applies a change to a state. */
export function apply(state: Map<string, unknown>, change: StateChange & { kind: string }): void {
  if (change.kind === 'replace') state.clear();
  for (const key of change.removed) state.delete(key);
  for (const [key, value] of Object.entries(change.set)) state.set(key, value);
}
