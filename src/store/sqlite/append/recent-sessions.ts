import { Chain } from './chain.js';
import { IdSet } from './id-set.js';

/** How many ids are kept in all: some 20 MB. */
const MAX_IDS = 2_000_000;
/** Memory of a session beside its ids, counted in ids. */
const SESSION_COST = 50;

/** One session: the ids of all its events up to `seq`, the `seq` of `lastId`. */
export interface Entry {
  seq: number;
  lastId: string | null;
  ids: IdSet;
  /** Key and revision of the session when `seq` was its newest event; NaN while unknown. */
  sessionNumber: number;
  revision: number;
  /** Whether another writer came in between, so that the next append fetches the new ids. */
  behind: boolean;
  readonly chain: Chain;
}

export function newEntry(sessionNumber: number, revision: number, behind: boolean, chain = new Chain(revision)): Entry {
  return { seq: 0, lastId: null, ids: new IdSet(), sessionNumber, revision, behind, chain };
}

export function advance(entry: Entry, seq: number, id: string): void {
  if (seq <= entry.seq) return;
  entry.seq = seq;
  entry.lastId = id;
}

/**
 * The sessions used last, by name, in two generations: those used since the last turn-over, and before. When the young ones fill
 * half of the limit, they become the old ones, and old sessions that were not used are dropped.
 */
export class RecentSessions {
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #youngSize = 0;

  young(name: string): Entry | undefined {
    return this.#young.get(name);
  }

  of(name: string): Entry | undefined {
    return this.#young.get(name) ?? this.#old.get(name);
  }

  /** The session, among the young ones from now on. One that is not known begins without ids. */
  use(name: string): Entry {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const entry = this.#old.get(name) ?? newEntry(Number.NaN, Number.NaN, true);
    this.#old.delete(name);
    this.#add(name, entry);
    return entry;
  }

  replace(name: string, entry: Entry): void {
    const before = this.#young.get(name);
    if (before !== undefined) this.#youngSize -= before.ids.size + SESSION_COST;
    this.#young.delete(name);
    this.#old.delete(name);
    this.#add(name, entry);
  }

  /** Chains with appends that are under way or wait. */
  busyChains(): Chain[] {
    const entries = [...this.#young.values(), ...this.#old.values()];
    return entries.map(({ chain }) => chain).filter((chain) => !chain.isIdle);
  }

  /** Counts ids that a young session has been given. */
  grow(by: number): void {
    this.#youngSize += by;
    if (this.#youngSize <= MAX_IDS / 2) return;
    const dropped = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngSize = 0;
    // A chain under way is not dropped, or later calls would not wait for it.
    for (const [name, entry] of dropped) if (!entry.chain.isIdle) this.#old.set(name, entry);
  }

  #add(name: string, entry: Entry): void {
    this.#young.set(name, entry);
    this.grow(entry.ids.size + SESSION_COST);
  }
}
