import { AiosqliteError } from '../../errors.js';
import type { SessionKey } from '../records.js';
import { fateOf, type Refusal } from './fate.js';
import { type EventPage, type Origin, type StoredSession, sizeOf, type Transfer } from './transfer.js';

/** Pages that are held while a session is read, so that source and target need no connection at the same time. */
const HELD_PAGES = 2;

/** Outcome for one session. */
export interface One {
  fate: 'copied' | 'unchanged' | 'gone' | Refusal;
  events: number;
  characters: number;
}

const gone: One = { fate: 'gone', events: 0, characters: 0 };

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
    if (small === undefined) return gone;
    if (small !== 'large') return await this.#write(small.session, () => small.held, new Attempts());
    const large = this.#large.then(() => this.#copyLarge(key));
    this.#large = large.catch(() => {});
    return await large;
  }

  /** Page by page, with both databases at work at the same time. */
  async #copyLarge(key: SessionKey): Promise<One> {
    const attempts = new Attempts();
    for (;;) {
      try {
        const one = await this.#from.read(key, (session, pages) => this.#stream(session, pages, attempts));
        return one ?? gone;
      } catch (error) {
        if (error instanceof Reread) continue;
        throw error instanceof Crossing ? error.cause : error;
      }
    }
  }

  async #stream(session: StoredSession, pages: AsyncIterable<EventPage>, attempts: Attempts): Promise<One> {
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
      return await this.#write(session, once, attempts);
    } catch (error) {
      if (error instanceof Reread) throw error;
      // The source's own error goes back to where it came from.
      throw error instanceof Crossing ? error.cause : new Crossing(error);
    }
  }

  async #write(
    session: StoredSession,
    pages: () => AsyncIterable<EventPage> | Iterable<EventPage>,
    attempts: Attempts,
  ): Promise<One> {
    const { key: _, sessionNumber, createTime, revision, lastSeq } = session;
    const origin: Origin = { source: this.#place, sessionNumber, createTime, revision, lastSeq };
    const keptTime = (time: number) => this.#to.keptTime(time);
    await this.#to.write(
      session,
      () => attempts.counted(pages()),
      origin,
      (present) => attempts.decided(fateOf(session, origin.source, present, keptTime)) === 'copied',
    );
    return attempts.outcome();
  }
}

/** Attempts to write one session: another one follows where a connection breaks, to the target or to the source. */
class Attempts {
  #fate: ReturnType<typeof fateOf> | undefined;
  #events = 0;
  #characters = 0;

  /** Notes the decision of an attempt, and returns it. One behind a broken commit finds the copy: the first decision stands. */
  decided(fate: ReturnType<typeof fateOf>): ReturnType<typeof fateOf> {
    if (this.#fate === undefined || fate !== 'unchanged') this.#fate = fate;
    return fate;
  }

  /** The pages of one attempt, counted from 0. */
  async *counted(pages: AsyncIterable<EventPage> | Iterable<EventPage>): AsyncGenerator<EventPage> {
    this.#events = 0;
    this.#characters = 0;
    for await (const page of pages) {
      if (page.rewindKey === undefined) this.#events += page.rows.length;
      for (const row of page.rows) this.#characters += sizeOf(row);
      yield page;
    }
  }

  outcome(): One {
    const fate = this.#fate ?? 'unchanged';
    return fate === 'copied'
      ? { fate, events: this.#events, characters: this.#characters }
      : { fate, events: 0, characters: 0 };
  }
}
