import type { SqlParam } from '../executor.js';
import type { Delta } from './codec/deltas.js';
import type { Dialect } from './codec/dialect.js';
import type { EventCodec, EventRow } from './codec/event-codec.js';
import type { SessionCodec } from './codec/session-codec.js';
import type { Transfer } from './copy/transfer.js';
import type { ForkPlan, RewindPlan } from './history/plan.js';
import type { HistoryPoint, Restored, Rewound } from './history/records.js';
import type { History } from './history/timeline.js';
import type { Names } from './names.js';
import type { PreparedAppend, PreparedSession } from './prepare.js';
import type { EventFilter, EventRecord, JsonObject, SessionFilter, SessionKey, SessionRecord } from './records.js';

/** A session as it was at one moment, with all that a session object shows of it. */
export interface Snapshot {
  /** The internal key: another one if the session was deleted and created again. */
  sessionNumber: number;
  session: SessionRecord;
  appState: JsonObject;
  userState: JsonObject;
  /** `seq` of the newest event, 0 if there is none. */
  lastSeq: number;
}

/** A session and its events, of one moment. The events are rows: the caller decodes each once, into its own objects. */
export interface Loaded {
  snapshot: Snapshot;
  events: EventRow[];
}

export interface Page<Item> {
  sessions: Item[];
  /** Number of sessions on all pages, of the same moment. */
  total: number;
}

/**
 * Precondition of an append: the state of the session before it. `ifStale` tells what happens to a session that is not so:
 * `'reject'` writes nothing and rejects `'ADK_STALE_SESSION'`; `'catchUp'` writes all the same and returns what the caller
 * lacks.
 */
export type AppendCondition =
  | { kind: 'none' }
  /**
   * The session has this revision and, unless it is null, this internal key. `seq` is that of the last event that the
   * caller has seen: a catch-up begins behind it.
   */
  | { kind: 'revision'; ifStale: IfStale; revision: number; sessionNumber: number | null; seq: number }
  /** The newest event is this one; null: there is none. For callers that know no revision. A catch-up always returns. */
  | { kind: 'after'; ifStale: IfStale; eventId: string | null };

type IfStale = 'reject' | 'catchUp';

/** Outcome of an append that was stored. */
export interface Appended {
  /** The session's internal key. */
  sessionNumber: number;
  /** The revision that the append made. If `missed` is set, the one that `missed` has. */
  revision: number;
  seq: number;
  /** The session's `updateTime`, in milliseconds. */
  updateTime: number;
  /**
   * The session as it is now, and all events behind the last one that the caller has seen, the new one among them.
   * `isRewound`: that last one is not there any more.
   */
  missed: (Loaded & { isRewound: boolean }) | undefined;
}

/** All sessions of an app, or of one of its users. */
export interface SharedScope {
  appName: string;
  userId?: string | undefined;
}

/**
 * Storage of sessions, events and shared states: each operation is atomic, and takes arguments that have been checked and
 * encoded. Writes take effect in the order of their calls, for each session. A write of a shared state or of many sessions comes
 * behind every write of them that was called before it. Errors are a StoreError where {@link SessionStore} promises one,
 * otherwise the database's own.
 */
export interface Backend {
  readonly names: Names;
  readonly dialect: Dialect;
  readonly events: EventCodec;
  readonly sessions: SessionCodec;

  /** The same storage inside a transaction of the caller's. */
  within(transaction: unknown): Backend;
  /** The same storage, each of whose operations waits for what `ready` returns. A service creates its tables there. */
  after(ready: () => Promise<void> | undefined): Backend;

  createTables(): Promise<void>;
  dropTables(): Promise<void>;

  // ── sessions ──

  /** `events`: which events to return of a session that exists. */
  create(session: PreparedSession, events: EventFilter): Promise<Loaded>;
  session(key: SessionKey): Promise<SessionRecord | undefined>;
  load(key: SessionKey, events: EventFilter): Promise<Loaded | undefined>;
  /** Loads the events after a seq, and the session, behind every write that was sent before. */
  loadAfterWrites(key: SessionKey, afterSeq: number): Promise<Loaded | undefined>;
  /** Replaces the session state, given as JSON. Resolves to whether the session exists. */
  replaceState(key: SessionKey, state: string): Promise<boolean>;
  mergeState(key: SessionKey, delta: Delta): Promise<SessionRecord | undefined>;
  list(filter: SessionFilter): Promise<Page<SessionRecord>>;
  /** The same, each session with the states that it shares. */
  listSnapshots(filter: SessionFilter): Promise<Page<Snapshot>>;
  count(scope: SharedScope): Promise<number>;
  /** `memory`: erase what a memory in the same database holds of the session, too. Resolves to whether it existed. */
  delete(key: SessionKey, memory: boolean): Promise<boolean>;

  // ── events ──

  /** Makes the part of an append that is the backend's own, from the event as it is when the call is made. */
  attach?(event: EventRecord, params: readonly SqlParam[]): unknown;
  append<Result>(append: PreparedAppend<Result>): Promise<Result>;
  /** All or nothing. */
  appendAll(appends: readonly PreparedAppend[]): Promise<void>;
  listEvents(key: SessionKey, filter: EventFilter): Promise<EventRow[]>;
  /** Reads only as far as the consumer goes. */
  iterateEvents(key: SessionKey, filter: Pick<EventFilter, 'after' | 'afterSeq'>): AsyncIterable<EventRow>;

  /** Events between two seqs, both exclusive, in either order; as many at most. */
  eventPage(
    key: SessionKey,
    page: { afterSeq: number; beforeSeq: number; limit: number; order: 'asc' | 'desc' },
  ): Promise<EventRow[]>;
  /** Whether a marker of a rewind follows a seq. */
  isMarked(key: SessionKey, afterSeq: number): Promise<boolean>;
  /** The number of a session's events, counted in an index. */
  countEvents(key: SessionKey): Promise<number>;

  // ── sessions from elsewhere ──

  /** Whole sessions, read and written as they are stored. */
  readonly transfer: Transfer;

  // ── history: each rejects 'ADK_SESSION_NOT_FOUND' and 'ADK_POINT_NOT_FOUND', and is one transaction ──

  history(key: SessionKey, point: HistoryPoint): Promise<History>;
  rewind(key: SessionKey, plan: RewindPlan): Promise<Rewound>;
  /** Rejects `'ADK_STALE_SESSION'`. */
  undoRewind(key: SessionKey): Promise<Restored>;
  /** Rejects `'ADK_SESSION_EXISTS'`. */
  fork(key: SessionKey, plan: ForkPlan): Promise<SessionRecord>;
  /** Resolves to the number of events deleted. */
  deleteInvocation(key: SessionKey, invocationId: string): Promise<number>;

  // ── states that sessions share ──

  /** `{}` if nothing was ever set. */
  sharedState(scope: SharedScope): Promise<JsonObject>;
  mergeSharedState(scope: SharedScope, delta: Delta): Promise<void>;

  // ── apps, users and retention ──

  listApps(): Promise<{ appName: string; sessions: number }[]>;
  listUsers(filter: {
    appName: string;
    limit?: number;
    after?: string;
  }): Promise<{ userId: string; sessions: number }[]>;
  /** Deletes memory and artifacts in the same database, too. In batches, as the two below. Resolves to the number of sessions. */
  deleteUser(appName: string, userId: string): Promise<number>;
  deleteIdleSessions(filter: { idleSince: number; appName?: string }): Promise<number>;
  deleteOldEvents(filter: { before: number; appName?: string }): Promise<number>;
}
