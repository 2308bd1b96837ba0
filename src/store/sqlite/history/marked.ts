import type { Executor } from '../../../executor.js';
import { sendBatch, sendWrites } from '../context.js';
import type { FoldQueries } from './fold.js';

/** Rows that one read looks at. */
const ROWS_PER_PAGE = 5_000;

/** The file's note on its markers. */
interface Note {
  /** Events up to this seq were looked at. */
  seq: number;
  /** Keys of sessions that have markers among them. */
  sessions: number[];
}

/**
 * Sessions with markers of rewinds. The file keeps a note, so that a retention looks only at events that were appended since
 * the one before.
 */
export class MarkedSessions {
  readonly keys = new Set<number>();
  readonly #sql: FoldQueries;
  readonly #beforePage: () => void;
  #seq = 0;
  #isRead = false;
  #isNoted = false;

  constructor(sql: FoldQueries, beforePage = () => {}) {
    this.#sql = sql;
    this.#beforePage = beforePage;
  }

  /** Runs work in a transaction in which all of them are known. */
  async transaction<T>(db: Executor, work: (tx: Executor) => Promise<T>): Promise<T> {
    if (!this.#isRead) {
      await this.#readNote(db);
      // Most of the work: it holds back no writer.
      await this.#lookOn(db);
    }
    return await db.transaction(async (tx) => {
      // A copy adds sessions to the note whose events have lower seqs.
      await this.#readNote(tx);
      await this.#lookOn(tx);
      if (!this.#isNoted) await this.#writeNote(tx);
      return await work(tx);
    });
  }

  async #readNote(db: Executor): Promise<void> {
    const [found] = await sendBatch({ db }, [{ sql: this.#sql.note.read }]);
    const note = parse(found?.rows[0]?.[0]);
    this.#seq = Math.max(this.#seq, note.seq);
    for (const key of note.sessions) this.keys.add(key);
    this.#isRead = true;
  }

  /** Looks at the events behind those that were looked at, and at those of them that a rewind has removed. */
  async #lookOn(db: Executor): Promise<void> {
    const { stored, archived } = this.#sql.markersAfter;
    for (let isFull = true; isFull; ) {
      this.#beforePage();
      const queries = [stored, archived].map((sql) => ({ sql, params: [this.#seq, ROWS_PER_PAGE] }));
      const pages = (await sendBatch({ db }, queries)).map(({ rows }) => rows[0] ?? []);
      for (const [, , keys] of pages) for (const key of JSON.parse(keys as string) as number[]) this.keys.add(key);
      const lasts = pages.map(([last]) => Number(last ?? this.#seq));
      const full = lasts.filter((_, at) => Number(pages[at]?.[1]) === ROWS_PER_PAGE);
      isFull = full.length > 0;
      // Up to the same seq in both: a rewind or its undo may move events from one to the other meanwhile.
      this.#seq = isFull ? Math.min(...full) : Math.max(...lasts);
    }
  }

  async #writeNote(tx: Executor): Promise<void> {
    const note: Note = { seq: this.#seq, sessions: [...this.keys] };
    await sendWrites({ db: tx }, [{ sql: this.#sql.note.write, params: [JSON.stringify(note)] }]);
    this.#isNoted = true;
  }
}

function parse(value: unknown): Note {
  try {
    const { seq, sessions } = JSON.parse(value as string) as Note;
    if (Number.isSafeInteger(seq) && sessions.every(Number.isSafeInteger)) return { seq, sessions };
  } catch {
    // None, or a damaged one: looking at all events makes it good.
  }
  return { seq: 0, sessions: [] };
}
