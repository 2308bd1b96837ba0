import { nameOf } from '../prepare.js';
import type { SessionKey } from '../records.js';
import { IdSet } from './id-set.js';

/** How many ids are kept: in all (some 20 MB), and in one session. */
const MAX_IDS = 2_000_000;
const MAX_IDS_OF_SESSION = 1_000_000;
/** What a session costs beside its ids, counted in ids. */
const SESSION_COST = 50;
/** How many ids one append fetches at most. */
export const FETCH_IDS = 1_000;

/** What is known of one session: the ids of all its events up to `seq`, which is that of `lastId`. */
interface Entry {
  seq: number;
  lastId: string | null;
  ids: IdSet;
  /** The session, and its revision, when there was nothing after `seq`; NaN while that is unknown. */
  sessionKey: number;
  revision: number;
  /** Whether others have written since, so that the next append should fetch what is new. */
  behind: boolean;
}

/** What an append is told before it is sent. */
export interface Lookup {
  /** NaN if the session is not known yet. */
  sessionKey: number;
  /** No event up to this seq has the id, if the event of this seq is (still) the one called `knownId`. */
  knownSeq: number;
  knownId: string | null;
  /** Whether the id is among those that are known, so that the event replaces one. */
  isListed: boolean;
  /** Fetch the ids after this seq, if one is given. */
  fetchAfter: number | undefined;
  name: string;
  entry: Entry;
}

/** What an append has found out when it is committed. */
export interface Found {
  sessionKey: number;
  revision: number;
  seq: number;
}

/**
 * Remembers event ids per session, so that an append need not look through all of them to tell whether it replaces one.
 * No unique index does that: it would cost a scattered page per append, more than all the rest together.
 *
 * Exact, against other processes too. `seq` is AUTOINCREMENT: it grows in commit order and none is used twice, so what is
 * known up to a seq stays complete for good: events below it may be deleted, none can be added. What comes after it the
 * append looks through itself, inside its own transaction. That nobody else has written in between, so that its own event
 * is the next one to be known, is told by the revision, which every write to a session raises. An append inside
 * a transaction that the caller has begun by hand is not remembered: a rollback would set its seq free. Should a seq be used
 * twice after all (a file put back from a backup), then the event of the last known seq is another one: the statement
 * refuses, and the append is sent again as one that knows nothing.
 */
export class KnownIds {
  /**
   * Sessions that were appended to since the last turn-over, and before. When the young are half of what may be kept they
   * become the old ones, and those that were old and not asked for are gone.
   */
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #youngSize = 0;
  readonly #keepsUncommitted: boolean;

  /** `keepsUncommitted`: for a store inside a transaction, which ends with it. */
  constructor(keepsUncommitted = false) {
    this.#keepsUncommitted = keepsUncommitted;
  }

  /** `name`: of the session, see {@link nameOf}. */
  lookup(name: string, id: string): Lookup {
    const entry = this.#young.get(name) ?? this.#rejuvenate(name);
    const fetchAfter = entry.behind ? entry.seq : undefined;
    // Appends that are sent before this one is back need not fetch the same.
    entry.behind = false;
    const isListed = entry.ids.has(id);
    return {
      sessionKey: entry.sessionKey,
      knownSeq: isListed ? 0 : entry.seq,
      knownId: isListed ? null : entry.lastId,
      isListed,
      fetchAfter,
      name,
      entry,
    };
  }

  /** A session was created: it has no events. */
  created(session: SessionKey, sessionKey: number, revision: number, isCommitted = true): void {
    const name = nameOf(session);
    this.#forget(name);
    if (!isCommitted && !this.#keepsUncommitted) return;
    this.#add(name, newEntry(sessionKey, revision, false));
  }

  /** What is known of a session has turned out to be wrong. */
  refused({ name, entry }: Lookup): void {
    if (this.#young.get(name) === entry) this.#forget(name);
  }

  /** `fetched`: seq and id of the events after `fetchAfter`, in order, {@link FETCH_IDS} at most. */
  appended(
    lookup: Lookup,
    id: string,
    found: Found,
    fetched?: readonly unknown[][] | undefined,
    isCommitted = true,
  ): void {
    const { name, entry } = lookup;
    if (!isCommitted && !this.#keepsUncommitted) {
      // It may be rolled back, and its seq used again: the next append fetches in its place.
      if (lookup.fetchAfter !== undefined) entry.behind = true;
      return;
    }
    // Dropped in the meantime, or so long that the rest is left to the look-back.
    if (this.#young.get(name) !== entry || entry.ids.size >= MAX_IDS_OF_SESSION) return;
    if (lookup.isListed && found.seq > entry.seq) {
      // It was listed, but it is not there.
      this.#forget(name);
      return;
    }
    const before = entry.ids.size;
    if (fetched) {
      for (const [, other] of fetched) entry.ids.add(other as string);
      const [lastSeq, lastId] = fetched.at(-1) ?? [0, null];
      advance(entry, Number(lastSeq), lastId as string);
      entry.behind = fetched.length === FETCH_IDS;
      entry.sessionKey = found.sessionKey;
      entry.revision = entry.behind ? Number.NaN : found.revision;
    } else if (entry.sessionKey === found.sessionKey && entry.revision + 1 === found.revision) {
      entry.ids.add(id);
      advance(entry, found.seq, id);
      entry.revision = found.revision;
    } else {
      entry.behind = true;
    }
    this.#grow(entry.ids.size - before);
  }

  /** An old session is young again; one that is not known begins with nothing. */
  #rejuvenate(name: string): Entry {
    const entry = this.#old.get(name) ?? newEntry(Number.NaN, Number.NaN, true);
    this.#old.delete(name);
    this.#add(name, entry);
    return entry;
  }

  #add(name: string, entry: Entry): void {
    this.#young.set(name, entry);
    this.#grow(entry.ids.size + SESSION_COST);
  }

  #grow(by: number): void {
    this.#youngSize += by;
    if (this.#youngSize <= MAX_IDS / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngSize = 0;
  }

  #forget(name: string): void {
    const entry = this.#young.get(name);
    if (entry !== undefined) this.#youngSize -= entry.ids.size + SESSION_COST;
    this.#young.delete(name);
    this.#old.delete(name);
  }
}

function newEntry(sessionKey: number, revision: number, behind: boolean): Entry {
  return { seq: 0, lastId: null, ids: new IdSet(), sessionKey, revision, behind };
}

function advance(entry: Entry, seq: number, id: string): void {
  if (seq <= entry.seq) return;
  entry.seq = seq;
  entry.lastId = id;
}
