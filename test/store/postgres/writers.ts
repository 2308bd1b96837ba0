import type { PostgresSessionStore } from 'aiosqlite/postgres';
import { event } from '../fixtures.js';

/** The appends of all writers, compared with the events that are stored. */
export interface Ledger {
  acknowledged: number;
  refused: number;
  /** Acknowledged events that are not stored. */
  lost: number;
  /** Refused events that are stored. */
  late: number;
  /** Sessions whose state is not that of their events, each delta merged once. */
  doubled: number;
  /** Sessions with a gap or a double in the order of their events. */
  disordered: number;
}

const WRITERS = 64;

/**
 * 64 writers append to a session each. Each delta counts up a key of the session, so that a delta that is merged twice, or an
 * event that is stored twice, shows.
 */
export class Writers {
  /** Time of the last acknowledgement, of `performance.now()`. */
  last = performance.now();
  /** Longest time between two acknowledgements, in milliseconds. */
  pauseMs = 0;
  readonly #store: PostgresSessionStore;
  readonly #sessions = Array.from({ length: WRITERS }, (_, i) => ({ appName: 'app', userId: `u${i}`, sessionId: 's' }));
  readonly #acknowledged = this.#sessions.map(() => new Set<string>());
  readonly #refused = this.#sessions.map(() => new Set<string>());
  #work: Promise<void>[] = [];
  #isOver = false;

  private constructor(store: PostgresSessionStore) {
    this.#store = store;
  }

  static async start(store: PostgresSessionStore): Promise<Writers> {
    const writers = new Writers(store);
    await store.createTables();
    await Promise.all(writers.#sessions.map((session) => store.createSession(session)));
    writers.last = performance.now();
    writers.#work = writers.#sessions.map((_, i) => writers.#write(i));
    return writers;
  }

  get acknowledged(): number {
    return this.#acknowledged.reduce((sum, { size }) => sum + size, 0);
  }

  async #write(i: number): Promise<void> {
    const session = this.#sessions[i];
    for (let n = 0; !this.#isOver; n++) {
      const id = `e${n}`;
      try {
        // The value differs in each delta: one that is merged again after a later one shows in the state.
        await this.#store.appendEvent(event(id, session), { session: { last: id, [id]: n } });
        this.#acknowledged[i]?.add(id);
        const now = performance.now();
        this.pauseMs = Math.max(this.pauseMs, now - this.last);
        this.last = now;
      } catch {
        this.#refused[i]?.add(id);
      }
    }
  }

  /** Ends the writers after their appends under way, and reads what is stored. */
  async end(): Promise<Ledger> {
    this.#isOver = true;
    await Promise.all(this.#work);
    const ledger: Ledger = { acknowledged: this.acknowledged, refused: 0, lost: 0, late: 0, doubled: 0, disordered: 0 };
    for (const [i, session] of this.#sessions.entries()) {
      const loaded = await this.#store.loadSession(session);
      const stored = loaded?.events ?? [];
      const ids = new Set(stored.map(({ id }) => id));
      ledger.refused += this.#refused[i]?.size ?? 0;
      for (const id of this.#acknowledged[i] ?? []) if (!ids.has(id)) ledger.lost++;
      for (const id of this.#refused[i] ?? []) if (ids.has(id)) ledger.late++;
      const { last: lastId, ...keys } = loaded?.session.state ?? {};
      const same = stored.at(-1)?.id === lastId && Object.keys(keys).length === ids.size;
      // Each write raises the revision by one: the creation, and each event once.
      if (!same || loaded?.session.revision !== 1 + ids.size) ledger.doubled++;
      if (ids.size !== stored.length || stored.some(({ seq }, at) => seq !== at + 1)) ledger.disordered++;
    }
    return ledger;
  }
}
