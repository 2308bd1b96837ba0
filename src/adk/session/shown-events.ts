import type { Event, Session } from '@google/adk';

/** An event and its place in the stored session. */
export interface PlacedEvent {
  seq: number;
  event: Event;
}

/** The events that a session object shows. A compactor, a plugin and the caller may edit their array between two appends. */
export class ShownEvents {
  readonly #session: Session;
  /** The array after the last change made here. Another array, length or last event means an edit. */
  #left: Event[] | undefined;
  #leftLength = 0;
  #leftLast: Event | undefined;
  /** Ids of the events found after an edit: some of them may not be stored yet. */
  #edited: Set<string> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Detects an edit since the last {@link leave}. Called before each change made here. */
  noticeEdit(): void {
    const { events } = this.#session;
    if (events === this.#left && events.length === this.#leftLength && events[events.length - 1] === this.#leftLast)
      return;
    this.#edited = new Set(events.map(({ id }) => id));
  }

  /** Records the array as it is now. Called after each change made here. */
  leave(): void {
    const { events } = this.#session;
    this.#left = events;
    this.#leftLength = events.length;
    this.#leftLast = events[events.length - 1];
  }

  /** Drops all events, which belong to another session. */
  clear(): void {
    this.#session.events.length = 0;
    this.#edited = undefined;
  }

  /**
   * Whether a stored event can be pushed without a search for its id. ADK's base class searches all events, which takes two
   * fifths of the JavaScript thread's time with some hundred. An event stored behind everything seen is on the object only
   * if an edit put it there.
   */
  isNew(event: Event): boolean {
    // An edit may have replaced as many events as it added. The search by identity is cheap.
    return !this.#edited?.has(event.id) && !this.#session.events.includes(event);
  }

  /** Adds missed events that are stored before the append's own event, which an edit may have put into the array. */
  addEarlier(lacking: readonly PlacedEvent[], ownSeq: number, ownId: string | undefined): void {
    const { events } = this.#session;
    const at = ownId === undefined ? -1 : events.findIndex(({ id }) => id === ownId);
    const earlier = lacking.filter(({ seq }) => seq < ownSeq).map(({ event }) => event);
    events.splice(at < 0 ? events.length : at, 0, ...earlier);
  }

  /** Puts stored events behind all others, or in their place. */
  moveToEnd(later: readonly Event[], keepsOthers: boolean): void {
    const { events } = this.#session;
    const moved = new Set(later);
    const earlier = keepsOthers ? events.filter((event) => !moved.has(event)) : [];
    events.length = 0;
    for (const event of earlier) events.push(event);
    for (const event of later) events.push(event);
    this.leave();
  }
}
