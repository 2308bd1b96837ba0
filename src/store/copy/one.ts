import { AiosqliteError } from '../../errors.js';
import type { SessionKey } from '../records.js';
import { fateOf, type Refusal } from './fate.js';
import { type EventPage, type Origin, type Present, type StoredSession, sizeOf, type Transfer } from './transfer.js';

/** Pages that are held while a session is read, so that source and target need no connection at the same time. */
const HELD_PAGES = 2;

/** Outcome for one session. */
export interface One {
  fate: 'copied' | 'unchanged' | 'gone' | Refusal;
  events: number;
  characters: number;
}

/** An error that passes through the connections of the other database, which would take it for one of their own. */
class Crossing extends AiosqliteError {
  constructor(cause: unknown) {
    super('ERR_INTERNAL', 'an error of the other database', { cause });
  }
}

/** The target has to begin the session again, for which the source must be read again. */
class Reread extends AiosqliteError {
  constructor() {
    super('ERR_INTERNAL', 'the session has to be read again');
  }
}

/** Copies sessions one by one. Large ones go one at a time. */
export class Copier {
  readonly #from: Transfer;
  readonly #to: Transfer;
  readonly #place: string;
  #large: Promise<unknown> = Promise.resolve();

  constructor(from: Transfer, to: Transfer, place: string) {
    this.#from = from;
    this.#to = to;
    this.#place = place;
  }

  async copy(key: SessionKey): Promise<One> {
    const small = await this.#from.read(key, async (session, pages) => {
      const held: EventPage[] = [];
      for await (const page of pages) {
        if (held.length === HELD_PAGES) return 'large';
        held.push(page);
      }
      return { session, held };
    });
    if (small === undefined) return { fate: 'gone', events: 0, characters: 0 };
    if (small !== 'large') return await this.#write(small.session, () => small.held);
    const large = this.#large.then(() => this.#copyLarge(key));
    this.#large = large.catch(() => {});
    return await large;
  }

  /** Page by page, with both databases at work at the same time. */
  async #copyLarge(key: SessionKey): Promise<One> {
    for (;;) {
      try {
        const one = await this.#from.read(key, (session, pages) => this.#stream(session, pages));
        return one ?? { fate: 'gone', events: 0, characters: 0 };
      } catch (error) {
        if (error instanceof Reread) continue;
        throw error instanceof Crossing ? error.cause : error;
      }
    }
  }

  async #stream(session: StoredSession, pages: AsyncIterable<EventPage>): Promise<One> {
    let isRead = false;
    async function* once(): AsyncGenerator<EventPage> {
      if (isRead) throw new Reread();
      isRead = true;
      try {
        yield* pages;
      } catch (error) {
        throw new Crossing(error);
      }
    }
    try {
      return await this.#write(session, once);
    } catch (error) {
      if (error instanceof Reread) throw error;
      // The source's own error goes back to where it came from.
      throw error instanceof Crossing ? error.cause : new Crossing(error);
    }
  }

  async #write(session: StoredSession, pages: () => AsyncIterable<EventPage> | Iterable<EventPage>): Promise<One> {
    const { key: _, sessionNumber, createTime, revision, lastSeq } = session;
    const origin: Origin = { source: this.#place, sessionNumber, createTime, revision, lastSeq };
    const keptTime = (time: number) => this.#to.keptTime(time);
    let fate: ReturnType<typeof fateOf> = 'copied';
    let attempts = 0;
    const count = { events: 0, characters: 0 };
    async function* counted(): AsyncGenerator<EventPage> {
      count.events = 0;
      count.characters = 0;
      for await (const page of pages()) {
        if (page.rewindKey === undefined) count.events += page.rows.length;
        for (const row of page.rows) count.characters += sizeOf(row);
        yield page;
      }
    }
    await this.#to.write(session, counted, origin, (present: Present | undefined) => {
      const now = fateOf(session, origin.source, present, keptTime);
      // An attempt whose connection broke may have been committed: then this one finds the copy.
      if (attempts++ === 0 || now !== 'unchanged') fate = now;
      return now === 'copied';
    });
    return fate === 'copied' ? { fate, ...count } : { fate, events: 0, characters: 0 };
  }
}
