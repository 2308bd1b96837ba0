import type { NamesOf } from '../../arguments.js';
import type { EventRecord, JsonObject, SessionRecord } from '../records.js';

/**
 * A point of a session's history: before the first event of an invocation, or after the event of a seq. State that was set
 * without an event belongs to the moment at which it was set.
 */
export type HistoryPoint = { beforeInvocationId: string } | { toSeq: number };

/** How a session is taken back. */
export interface RewindOptions {
  /**
   * `'remove'` (default) removes the events after the point. `'mark'` removes nothing: it appends a marker as adk-python
   * writes it, whose readers skip everything that it undoes. Only with `beforeInvocationId`.
   */
  mode?: 'remove' | 'mark';
  /** Whether removed events are kept for `undoRewind()`. Default: `true`. Not with `mode: 'mark'`. */
  archive?: boolean;
  /**
   * `'restore'` (default) hides the artifact versions of the session that were saved after the point: those that events after it
   * name, and later ones. Versions that no event names, as after retention, are judged by other versions of the artifact that
   * events name, otherwise by the time at which they were saved.
   */
  artifacts?: 'restore' | 'keep';
}
export const REWIND_OPTIONS: NamesOf<RewindOptions> = { mode: true, archive: true, artifacts: true };

/** Result of a rewind. */
export interface Rewound<S extends JsonObject = JsonObject> {
  /** Number of events that were removed: 0 with `mode: 'mark'`. */
  removed: number;
  /** The session as it is now. */
  session: SessionRecord<S>;
}

/** Result of an undone rewind. */
export interface Restored<S extends JsonObject = JsonObject> {
  /** Number of events that count again. */
  restored: number;
  /** The session as it is now. */
  session: SessionRecord<S>;
}

/** The key of a fork, and the part of the history that it takes over. */
export interface ForkOptions {
  /** A UUID by default, and for `''`. */
  sessionId?: string;
  /** The same user by default. */
  userId?: string;
  /** The end of the history that is taken over; all of it by default. */
  at?: HistoryPoint;
  /** `'share'` (default): the fork sees the session's artifact versions up to the point, whose bytes are not copied. */
  artifacts?: 'share' | 'none';
}
export const FORK_OPTIONS: NamesOf<ForkOptions> = { sessionId: true, userId: true, at: true, artifacts: true };

/** A page of a session's events. */
export interface EventPageOptions {
  /** Only events before this seq (exclusive). */
  beforeSeq?: number;
  /** Only events after this seq (exclusive). */
  afterSeq?: number;
  /** Most events. Default: 100. */
  limit?: number;
  /** `'asc'` (default): oldest first. */
  order?: 'asc' | 'desc';
}
export const EVENT_PAGE: NamesOf<EventPageOptions> = { beforeSeq: true, afterSeq: true, limit: true, order: true };

/** Events of a page, in its order. */
export interface EventPage {
  /** Events of the page, at most `limit`. */
  events: EventRecord[];
  /** Whether more events follow in this order. */
  hasMore: boolean;
}
