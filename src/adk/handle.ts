import type { Event, Session } from '@google/adk';
import {
  type AppendCondition,
  type Appended,
  type Backend,
  type JsonObject,
  type Loaded,
  nameOf,
  type PreparedAppend,
  type Snapshot,
} from '../store/internal.js';
import { toEvent } from './event-codec.js';
import { StateMarks } from './state-marks.js';
import { define, mergeState } from './state-scopes.js';

/** How much of the stored session a handle has seen. */
interface Seen {
  sessionKey: number;
  revision: number;
  /** All events up to this one. */
  seq: number;
}

/** An event on its way to storage and from there to the handle. */
export interface Arrival {
  append: PreparedAppend;
  event: Event;
  /** The event's delta as it came, with temp keys; what the event gets back if the write fails. */
  untrimmed: JsonObject | undefined;
  /** Its temp keys. */
  temp: JsonObject | undefined;
}

/**
 * What the service knows of one session object ("handle"): how much of the stored session it shows, and how it is kept up.
 *
 * In merge mode appends are sent without waiting for each other. Each says which revision it expects to make: the one that
 * the handle has seen, plus one for each own append under way, plus one. If the session turns out to have another, the
 * append itself brings back what the handle lacks. Results arrive in the order of the commits and are applied in it.
 *
 * One case is left: an own append fails, so that those behind it expect too much, and at the same moment somebody else's
 * write makes the number right again. It shows when the result arrives: the revision is not the one after the one seen,
 * though nothing was brought. That gap is then read, in the order of the writes.
 *
 * In reject mode appends wait for each other. Whether a handle is stale can be judged only against what it has seen when
 * its former append is back; a count of what should have happened could be wrong in just that case, and be wrong for good.
 */
export class Handle {
  /** The session's key as one text, as the store wants it. */
  readonly name: string;
  readonly #backend: Backend;
  readonly #session: Session;
  readonly #rejectsStale: boolean;
  readonly #marks: StateMarks;
  /** What the service, or ADK, has last put under temp keys. */
  #temp: Map<string, unknown> | undefined;
  /** Not known of a handle that this service didn't make, until its first append. */
  #seen: Seen | undefined;
  #underWay = 0;
  /** While events are missing on the handle: the last one before them. */
  #gapAfter: number | undefined;
  /** The session's events as this handle left them; another array, length or last event tells of an edit. */
  #leftEvents: Event[] | undefined;
  #leftLength = 0;
  #leftLast: Event | undefined;
  /** Ids of the events found after such an edit: some of them may not be stored yet. */
  #edited: Set<string> | undefined;
  /** The last of those that take turns; pipelined appends may only be sent when there is none. */
  #lastTurn: Promise<unknown> | undefined;

  /** `snapshot`: what the session object was made from, if it was made here. */
  constructor(backend: Backend, session: Session, rejectsStale: boolean, snapshot?: Snapshot) {
    this.#backend = backend;
    this.#session = session;
    this.name = nameOf({ appName: session.appName, userId: session.userId, sessionId: session.id });
    this.#rejectsStale = rejectsStale;
    this.#marks = new StateMarks(session.state, snapshot === undefined);
    if (snapshot) {
      this.#seen = seenOf(snapshot);
      this.#leaveEvents();
    }
  }

  /** Whether this is the handle of that object: not of one that has it as its prototype. */
  isOf(session: Session): boolean {
    return this.#session === session;
  }

  /** Stores an event, then brings the handle up to it. If it can't be stored, handle and event are as before. */
  append(arrival: Arrival): Promise<Event> {
    const takesTurn = this.#seen === undefined || this.#rejectsStale || this.#lastTurn !== undefined;
    return takesTurn ? this.#inTurn(() => this.#send(arrival, true)) : this.#send(arrival, false);
  }

  /** Shows temp keys: unless a State.set() has put something else there since, which is newer then. */
  #showTemp(temp: JsonObject): void {
    const { state } = this.#session;
    this.#temp ??= new Map();
    for (const key of Object.keys(temp)) {
      if (!Object.hasOwn(state, key) || Object.is(state[key], this.#temp.get(key))) define(state, key, temp[key]);
      if (Object.is(state[key], temp[key])) this.#temp.set(key, temp[key]);
    }
  }

  async #send(arrival: Arrival, inTurn: boolean): Promise<Event> {
    const { event } = arrival;
    const condition = this.#condition(event.id);
    let appended: Appended;
    this.#underWay += 1;
    try {
      appended = await this.#backend.append(arrival.append, condition);
    } catch (error) {
      if (arrival.untrimmed) event.actions.stateDelta = arrival.untrimmed;
      throw error;
    } finally {
      this.#underWay -= 1;
    }
    const applied = this.#apply(appended, arrival);
    if (applied) await applied;
    if (this.#gapAfter !== undefined) await (inTurn ? this.#readGap() : this.#inTurn(() => this.#readGap()));
    return event;
  }

  #condition(eventId: string): AppendCondition {
    const seen = this.#seen;
    const ifStale = this.#rejectsStale ? 'reject' : 'catchUp';
    if (seen === undefined) {
      const id = this.#session.events.findLast((event) => event.id !== eventId)?.id ?? null;
      return { kind: 'after', ifStale, eventId: id };
    }
    const { sessionKey, revision, seq } = seen;
    return { kind: 'revision', ifStale, revision: revision + this.#underWay, sessionKey, seq };
  }

  /** All that happens to the handle happens at once; the promise only tells when ADK has refused some of it. */
  #apply(
    { sessionKey, revision, seq, updateTime, missed }: Appended,
    { event, temp }: Arrival,
  ): Promise<unknown> | undefined {
    const session = this.#session;
    let seen = this.#seen;
    // A session that was created again is another one: what the handle shows of the old one is gone.
    const isOther = seen !== undefined && seen.sessionKey !== sessionKey;
    // Decoded before anything is changed: if a row is damaged, the handle stays as it was.
    const lacking = missed ? this.#lackingOf(missed, seq, isOther) : NONE;
    this.#noticeEdit();
    if (isOther) {
      session.events.length = 0;
      this.#edited = undefined;
      seen = undefined;
    } else if (seen && !missed && revision !== seen.revision + 1) {
      this.#gapAfter ??= seen.seq;
    }
    const caughtUp = missed && this.#marks.catchUp(session.state, stateOf(missed.snapshot));
    if (temp) this.#showTemp(temp);
    const isNew = this.#isNew(event, seq, seen);
    if (lacking.length > 0) this.#addEarlier(lacking, seq, isNew ? undefined : event.id);
    const applied = this.#marks.settle(session.state, isNew ? undefined : session.events, event);
    if (isNew) session.events.push(event);
    for (const other of lacking) if (other.seq > seq) session.events.push(other.event);
    this.#leaveEvents();
    session.lastUpdateTime = updateTime;
    this.#seen = {
      sessionKey,
      revision,
      seq: Math.max(seq, missed?.snapshot.lastSeq ?? 0, seen?.seq ?? 0),
    };
    return caughtUp ? Promise.all([caughtUp, applied]) : applied;
  }

  /**
   * Whether an event that was just stored can be added without a look through all events for its id, as ADK's base class
   * does it: with some hundred events that was two fifths of the JavaScript thread's work. Stored behind everything seen,
   * it can be on the handle only if an edit of the array (a compactor, a plugin, the caller) has put it there.
   */
  #isNew(event: Event, seq: number, seen: Seen | undefined): boolean {
    if (seen === undefined || seq <= seen.seq) return false;
    // An edit may also have exchanged as many events as it brought: the very object is found by identity, which is cheap.
    return !this.#edited?.has(event.id) && !this.#session.events.includes(event);
  }

  /** Missed events that are stored before an append's own, which an edit may have put into the array already. */
  #addEarlier(lacking: readonly { seq: number; event: Event }[], ownSeq: number, ownId: string | undefined): void {
    const { events } = this.#session;
    const at = ownId === undefined ? -1 : events.findIndex(({ id }) => id === ownId);
    const earlier = lacking.filter(({ seq }) => seq < ownSeq).map(({ event }) => event);
    events.splice(at < 0 ? events.length : at, 0, ...earlier);
  }

  #noticeEdit(): void {
    const { events } = this.#session;
    if (
      events === this.#leftEvents &&
      events.length === this.#leftLength &&
      events[events.length - 1] === this.#leftLast
    )
      return;
    this.#edited = new Set(events.map(({ id }) => id));
  }

  #leaveEvents(): void {
    const { events } = this.#session;
    this.#leftEvents = events;
    this.#leftLength = events.length;
    this.#leftLast = events[events.length - 1];
  }

  /** The events that the handle lacks, of those that an append has brought beside its own. */
  #lackingOf({ events }: Loaded, ownSeq: number, isOther: boolean): { seq: number; event: Event }[] {
    const shown = new Set(isOther ? [] : this.#session.events.map(({ id }) => id));
    const seenSeq = isOther ? 0 : (this.#seen?.seq ?? 0);
    return events
      .filter(([seq, id]) => Number(seq) > seenSeq && !shown.has(id as string))
      .filter(([seq]) => Number(seq) !== ownSeq)
      .map((row) => ({ seq: Number(row[0]), event: toEvent(this.#backend, row) }));
  }

  /** Reads what is missing and puts it where it belongs, between the events that have been applied since. */
  async #readGap(): Promise<void> {
    const after = this.#gapAfter;
    if (after === undefined) return;
    const { appName, userId, id: sessionId, events, state } = this.#session;
    const loaded = await this.#backend.loadAfterWrites({ appName, userId, sessionId }, after);
    this.#gapAfter = undefined;
    if (!loaded) return;
    this.#noticeEdit();
    const shown = new Map(events.map((event) => [event.id, event]));
    const later = loaded.events.map((row) => shown.get(row[1] as string) ?? toEvent(this.#backend, row));
    const moved = new Set(later);
    const earlier =
      loaded.snapshot.sessionKey === this.#seen?.sessionKey ? events.filter((event) => !moved.has(event)) : [];
    events.length = 0;
    for (const event of earlier) events.push(event);
    for (const event of later) events.push(event);
    this.#leaveEvents();
    this.#seen = seenOf(loaded.snapshot);
    await this.#marks.catchUp(state, stateOf(loaded.snapshot));
  }

  /** One after the other, in the order of the calls. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#lastTurn;
    const turn = before ? before.then(work) : work();
    const ended = turn.then(noop, noop);
    this.#lastTurn = ended;
    try {
      return await turn;
    } finally {
      if (this.#lastTurn === ended) this.#lastTurn = undefined;
    }
  }
}

const noop = () => {};
const NONE: { seq: number; event: Event }[] = [];

/** The state that a handle shows of a stored session. */
export function stateOf({ session, appState, userState }: Snapshot): JsonObject {
  return mergeState(session.state, appState, userState);
}

function seenOf({ sessionKey, session, lastSeq }: Snapshot): Seen {
  return { sessionKey, revision: session.revision, seq: lastSeq };
}
