import type { SqlValue } from '../../executor.js';
import type { ImportRefusal } from '../import/records.js';
import type { SessionKey } from '../records.js';

/** A session at one moment. Two sessions with equal times of creation and revisions, where one is a copy, are the same. */
export interface Stamp {
  key: SessionKey;
  /** The internal key. A database never uses one twice. */
  sessionNumber: number;
  createTime: number;
  revision: number;
  /** Seq of the newest event. */
  lastSeq: number;
}

/**
 * A session as every backend can read and write it: JSON as text, times in milliseconds. JSON is not parsed, so that it
 * comes out of another database as it was.
 */
export interface StoredSession extends Stamp {
  updateTime: number;
  state: string;
  /** Null in sessions of schema version 1. */
  initialState: string | null;
  ownerId: SqlValue;
  /** Of all seqs above 0 that the session's rows have, the lowest and the highest; 0 if there is none. */
  firstSeq: number;
  endSeq: number;
  /** In the order in which they were made. */
  changes: readonly StoredChange[];
}

/** A row of the table of changes. */
export interface StoredChange {
  changeKey: number;
  seq: number;
  kind: string;
  value: string;
  removed: string | null;
  revision: number | null;
  time: number;
  undoneBy: number | null;
}

/**
 * An event: `seq`, then its columns in their order. JSON is text, flags are booleans, times milliseconds. A seq of null: the
 * database that takes the event numbers it.
 */
export type StoredEvent = unknown[];

/** Events in append order. */
export interface EventPage {
  rows: StoredEvent[];
  /** Of archived events: the change that has removed them from the session. */
  rewindKey?: number;
}

/** The database that a copied session came from, and its state there. */
export interface Origin extends Omit<Stamp, 'key'> {
  /** See {@link Transfer.place}. */
  source: string;
}

/** A session of the target, with its origin if a copy has brought it. */
export interface Present extends Stamp {
  origin: Origin | undefined;
}

/** A state that an app or a user shares. */
export interface StoredState {
  appName: string;
  userId: string | undefined;
  state: string;
  updateTime: number;
}

/** A row that another backend can't hold, since its id is too long or has U+0000. */
export interface Unstorable {
  table: string;
  row: string;
}

/** Whole sessions, read and written as they are stored. */
export interface Transfer {
  /** Whether it reads and writes archives of rewound events and changes without an event. */
  readonly hasHistory: boolean;
  hasTables(): Promise<boolean>;

  // ── as a source ──

  /** A name of the database. */
  place(): Promise<string>;
  /** Sessions behind another one, in an order of the backend's own. */
  stamps(after: Stamp | undefined, limit: number): Promise<Stamp[]>;
  /**
   * Calls `use` with a session and its events, all of one moment; again where the connection fails meanwhile. Resolves to
   * `undefined` if there is no such session.
   */
  read<T>(
    key: SessionKey,
    use: (session: StoredSession, pages: AsyncIterable<EventPage>) => Promise<T>,
  ): Promise<T | undefined>;
  states(): AsyncIterable<StoredState>;
  /** Whether one of the internal keys is in use. */
  hasAny(sessionKeys: readonly number[]): Promise<boolean>;
  countEvents(stamp: Stamp): Promise<number>;
  /** Rows with ids of more bytes, or with U+0000. */
  unstorable(idBytes: number): AsyncIterable<Unstorable>;

  // ── as a target ──

  /** Bytes that an id has at most, and no U+0000; `undefined` if every id can be stored. */
  readonly idBytes: number | undefined;
  /** Finds the sessions that exist among these keys, in any order. */
  find(keys: readonly SessionKey[]): Promise<Present[]>;
  /** Sessions that a copy has brought, behind another one. */
  copied(after: Present | undefined, limit: number): Promise<Present[]>;
  /**
   * Writes a session with all its events in one transaction, in place of what is there. `decide` gets that, behind a lock,
   * and returns whether to write; another attempt calls both again. Resolves to whether it was written. Pages in an array may
   * share a commit with other writes.
   */
  write(
    session: StoredSession,
    pages: () => AsyncIterable<EventPage> | Iterable<EventPage>,
    origin: Origin | undefined,
    decide: (present: Present | undefined) => boolean,
  ): Promise<boolean>;
  /** Deletes a session that has not changed since. Resolves to whether it did. */
  deleteUnchanged(session: Present): Promise<boolean>;
  /** Stores a state, in place of an older one. Resolves to whether it did. */
  writeState(state: StoredState): Promise<boolean>;
  state(of: Pick<StoredState, 'appName' | 'userId'>): Promise<StoredState | undefined>;
  /** Copies memory and artifacts, where both databases can hold them. */
  copyBeside?(from: Transfer, options: BesideOptions): Promise<BesideReport>;
  /** A time in milliseconds, as the row of a session keeps it. */
  keptTime(time: number): number;
}

/** Rows of a table beside the sessions. */
export interface BesideCounts {
  copied: number;
  unchanged: number;
  deleted: number;
}

/** Memory and artifacts of a database; absent where the source has none. */
export interface BesideReport {
  memory?: BesideCounts;
  artifacts?: BesideCounts;
  refused: ImportRefusal[];
}

export interface BesideOptions {
  /** See {@link Transfer.place}. */
  source: string;
  dryRun: boolean;
  signal: AbortSignal | undefined;
}

/** Reads the origin of a session from the table of metadata. */
export function parseOrigin(value: unknown): Origin | undefined {
  return typeof value === 'string' ? (JSON.parse(value) as Origin) : undefined;
}

/** Beginning of the keys in the table of metadata under which origins stand. The session's internal key follows. */
export const originPrefix = (sessions: string): string => `copied:${sessions}:`;

/** Characters of an event. */
export function sizeOf(event: StoredEvent): number {
  let characters = 0;
  for (const value of event) if (typeof value === 'string') characters += value.length;
  return characters;
}
