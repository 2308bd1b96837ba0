import type { Appended } from '../../backend.js';
import { nameOf } from '../../prepare.js';
import type { SessionKey } from '../../records.js';
import { AcrossSessions } from './across-sessions.js';
import { inTurn, type RefuseWait } from './chain.js';
import { advance, type Entry, newEntry, RecentSessions } from './recent-sessions.js';

/** How many ids are kept of one session. */
const MAX_IDS_OF_SESSION = 1_000_000;
/** How many ids one append fetches at most. */
export const FETCH_IDS = 1_000;

/** An append of a session's {@link Chain}, and the session as it must find it. */
export interface Link {
  readonly entry: Entry;
  /** Revision that the append before it leaves. */
  readonly revision: number;
  /** Id of the event that the append before it stores; null for a session without events. */
  readonly lastId: string | null;
}

/** Assumptions of an append, which its statement checks. */
export interface Assumptions {
  /** NaN if the session is not known yet. */
  sessionNumber: number;
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

/** Ids of the events after {@link Assumptions.fetchAfter}, {@link FETCH_IDS} at most, and which of them is the newest. */
export interface FetchedIds {
  count: number;
  /** Without meaning if there are none, as the others. */
  lastSeq: number;
  lastId: string;
  /** Joined by ID_SEPARATOR. */
  ids: string;
}

/**
 * Remembers event ids per session, so that an append finds out whether it replaces an event without a search through all.
 * A unique index would do the same for a scattered page per append, which costs more than everything else together.
 *
 * This is exact against other processes. `seq` is AUTOINCREMENT: it grows in commit order and is never reused. Events below
 * a known seq may be deleted, but none can be added, so the list up to it stays complete. The append searches the events
 * behind it inside its own transaction. Every write raises the revision. If it is exactly one higher than the last one seen,
 * no other writer came in between, and the append's own event is the next known one.
 *
 * An append inside a transaction that the caller began by hand is not remembered: a rollback would free its seq. A file
 * restored from a backup does reuse seqs. Then the event of the last known seq has another id, the statement refuses, and
 * the append is sent again without assumptions.
 *
 * The calls of one append, in order. In its session's chain:
 *
 *     link ─── stored ──────────────────> linked
 *          └── refused or failed ── withdraw ── (sent again, unchained) ── unlinked
 *
 * Unchained, for which `appendInTurn` waits first, unless it comes from the chain:
 *
 *     assume ── sentUnchained ── appended or refused ── endedUnchained
 */
export class KnownIds {
  readonly #sessions = new RecentSessions();
  /** Order of the writes that concern more than one session. */
  readonly across: AcrossSessions;
  readonly #keepsUncommitted: boolean;
  readonly #chains: boolean;
  readonly #refuseWait: RefuseWait;

  /**
   * `keepsUncommitted`: for a store inside a transaction, which ends with it. `chains`: for a store on a pool, where no caller can
   * roll back what others have called.
   */
  constructor({
    keepsUncommitted = false,
    chains = false,
    refuseWait = () => undefined,
  }: { keepsUncommitted?: boolean; chains?: boolean; refuseWait?: RefuseWait } = {}) {
    this.#keepsUncommitted = keepsUncommitted;
    this.#chains = chains;
    this.#refuseWait = refuseWait;
    this.across = new AcrossSessions(refuseWait);
  }

  /**
   * The part of an append in its session's chain, if it can be one. For that the store is on a pool, the session was used of
   * late, its revision is known, and the id is new. No call waits for the chain, and none was refused or had to wait of late.
   * `sessionNumber` and `revision`: seen by its caller, if it says so.
   */
  link(name: string, id: string, sessionNumber: number | null, revision: number | undefined): Link | undefined {
    if (!this.#chains) return undefined;
    const entry = this.#sessions.young(name);
    if (entry === undefined || !entry.chain.fits(revision)) return undefined;
    if (sessionNumber !== null && sessionNumber !== entry.sessionNumber) return undefined;
    // Added at once: the next append of the chain may have the same id.
    if (entry.ids.size >= MAX_IDS_OF_SESSION || !entry.ids.add(id)) return undefined;
    this.#sessions.grow(1);
    const { revision: found, lastId } = entry.chain.add(id);
    return { entry, revision: found, lastId };
  }

  /** An append of the chain was stored. */
  linked({ entry, revision }: Link, id: string, seq: number): void {
    advance(entry, seq, id);
    entry.revision = revision + 1;
    entry.chain.end(entry.revision, entry.lastId);
  }

  /** An append of the chain was not stored. Its id is forgotten, so that another attempt need not search all events for it. */
  withdraw({ entry }: Link, id: string): void {
    if (entry.ids.delete(id)) this.#sessions.grow(-1);
  }

  /** The same. If it was refused, it has been sent again. */
  unlinked({ entry }: Link, isRefused: boolean): void {
    if (isRefused) entry.chain.beWary();
    entry.chain.end(entry.revision, entry.lastId);
  }

  /**
   * Sends a write other than an append, after the appends that were called before it: those of these sessions, and those that
   * merge one of these shared states.
   */
  inTurn<T>(names: readonly string[], send: () => Promise<T>, states: readonly string[] = []): Promise<T> {
    if (this.across.isWaiting) return this.across.wait(() => this.inTurn(names, send, states));
    const chains = [...new Set(names.flatMap((name) => this.#sessions.of(name)?.chain ?? []))];
    return states.length === 0 ? inTurn(chains, false, this.#refuseWait, send) : this.across.send(chains, send, states);
  }

  /** Sends a write that may concern any session, after all appends that were called before it. */
  inTurnOfAll<T>(send: () => Promise<T>): Promise<T> {
    if (this.across.isWaiting) return this.across.wait(() => this.inTurnOfAll(send));
    return this.across.send(this.#sessions.busyChains(), send);
  }

  /** Sends an append that is in no chain, after those of the chain that were called before it. */
  appendInTurn<T>(name: string, send: () => Promise<T>): Promise<T> {
    const chain = this.#sessions.of(name)?.chain;
    return chain === undefined ? send() : inTurn([chain], true, this.#refuseWait, send);
  }

  /** An unchained append was sent. */
  sentUnchained({ entry }: Assumptions): void {
    entry.chain.addOther();
  }

  /** It has ended, stored or not. */
  endedUnchained({ entry }: Assumptions): void {
    entry.chain.endOther(entry.behind ? Number.NaN : entry.revision, entry.lastId);
  }

  /** `name`: of the session, see {@link nameOf}. */
  assume(name: string, id: string): Assumptions {
    const entry = this.#sessions.use(name);
    const fetchAfter = entry.behind ? entry.seq : undefined;
    // Appends that are sent before this one is back need not fetch the same.
    entry.behind = false;
    const isListed = entry.ids.has(id);
    return {
      sessionNumber: entry.sessionNumber,
      knownSeq: isListed ? 0 : entry.seq,
      knownId: isListed ? null : entry.lastId,
      isListed,
      fetchAfter,
      name,
      entry,
    };
  }

  /** A session was created: it has no events. */
  created(session: SessionKey, sessionNumber: number, revision: number, isCommitted = true): void {
    const name = nameOf(session);
    if (isCommitted || this.#keepsUncommitted) this.#restart(name, sessionNumber, revision, false);
    else this.#restart(name);
  }

  /** The statement of an append refused the assumptions. */
  refused({ name, entry }: Assumptions): void {
    if (this.#sessions.of(name) === entry) this.#restart(name);
  }

  /** Forgets all of a session but its chain, in which calls may wait: later calls come after these. */
  #restart(name: string, sessionNumber = Number.NaN, revision = Number.NaN, behind = true): void {
    const forgotten = this.#sessions.of(name);
    if (forgotten !== undefined) {
      // For appends under way, whose ends bring the chain to the revision of their entry.
      forgotten.behind = behind;
      forgotten.revision = revision;
      forgotten.lastId = null;
      forgotten.chain.restart(revision);
    }
    this.#sessions.replace(name, newEntry(sessionNumber, revision, behind, forgotten?.chain));
  }

  /** `fetched`: given if the append has fetched ids. */
  appended(
    assumed: Assumptions,
    id: string,
    found: Pick<Appended, 'sessionNumber' | 'revision' | 'seq'>,
    fetched?: FetchedIds | undefined,
    isCommitted = true,
  ): void {
    const { name, entry } = assumed;
    if (!isCommitted && !this.#keepsUncommitted) {
      // A rollback may free its seq: the next append fetches instead.
      if (assumed.fetchAfter !== undefined) entry.behind = true;
      return;
    }
    // The entry was dropped meanwhile, or is full: the look-back finds the rest.
    if (this.#sessions.young(name) !== entry || entry.ids.size >= MAX_IDS_OF_SESSION) return;
    if (assumed.isListed && found.seq > entry.seq) {
      // It was listed, but it is not there.
      this.#restart(name);
      return;
    }
    const before = entry.ids.size;
    if (fetched) {
      if (fetched.count > 0) {
        entry.ids.addJoined(fetched.ids);
        advance(entry, fetched.lastSeq, fetched.lastId);
      }
      entry.behind = fetched.count === FETCH_IDS;
      entry.sessionNumber = found.sessionNumber;
      entry.revision = entry.behind ? Number.NaN : found.revision;
    } else if (entry.sessionNumber === found.sessionNumber && entry.revision + 1 === found.revision) {
      entry.ids.add(id);
      advance(entry, found.seq, id);
      entry.revision = found.revision;
    } else {
      entry.behind = true;
    }
    this.#sessions.grow(entry.ids.size - before);
  }
}
