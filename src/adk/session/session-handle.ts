import type { Event, Session } from '@google/adk';
import type { Calls } from '../../source/service-calls.js';
import {
  type AppendCondition,
  type Appended,
  type Backend,
  type EventRow,
  type JsonObject,
  type Loaded,
  nameOf,
  type SessionKey,
  type Snapshot,
  visible,
} from '../../store/internal.js';
import { EventAppend } from './event-append.js';
import { toEvent } from './event-codec.js';
import { type PlacedEvent, ShownEvents } from './shown-events.js';
import { ShownState } from './shown-state.js';
import { joinStates } from './state-scopes.js';

type Missed = NonNullable<Appended['missed']>;

/** How much of the stored session a session object shows. */
interface Seen {
  sessionNumber: number;
  revision: number;
  /** All events up to this one. */
  seq: number;
}

/**
 * Keeps one session object up to date, and knows how much of the stored session the object shows.
 *
 * In merge mode appends do not wait for each other. Each expects the revision that the object has seen, plus one for each
 * own append under way. If the session has another revision, the append itself returns what the object lacks. Outcomes
 * arrive in the order of the commits and are applied in that order.
 *
 * One case is left. An own append fails, so the appends behind it expect one revision too many, and at the same moment
 * another writer makes the number right again. The outcome then skips a revision without a missed event. The handle reads
 * that gap, behind the writes.
 *
 * In reject mode appends wait for each other. Only the outcome of the append before tells what the object has seen. An
 * expected number could be wrong after a failure, and would stay wrong.
 */
export class SessionHandle {
  readonly key: SessionKey;
  /** The key as one text: see `nameOf`. */
  readonly name: string;
  readonly #backend: Backend;
  readonly #calls: Calls;
  readonly #session: Session;
  readonly #rejectsStale: boolean;
  readonly #state: ShownState;
  readonly #events: ShownEvents;
  /** Unknown until the first append if the object was not made by this service. */
  #seen: Seen | undefined;
  #underWay = 0;
  /** While events are missing on the object: `seq` of the last one before them. */
  #gapAfter: number | undefined;
  /** Set while the object may show events that a rewind has removed. */
  #isRewound = false;
  /** The last of the appends and reads that take turns. A pipelined append waits until there is none. */
  #lastTurn: Promise<unknown> | undefined;

  /** `snapshot`: the snapshot behind the object, if the service made the object. */
  constructor(backend: Backend, calls: Calls, session: Session, rejectsStale: boolean, snapshot?: Snapshot) {
    this.#backend = backend;
    this.#calls = calls;
    this.#session = session;
    this.key = { appName: session.appName, userId: session.userId, sessionId: session.id };
    this.name = nameOf(this.key);
    this.#rejectsStale = rejectsStale;
    this.#state = new ShownState(session, snapshot === undefined);
    this.#events = new ShownEvents(session);
    if (snapshot) {
      this.#seen = seenOf(snapshot);
      this.#events.leave();
    }
  }

  /** Whether this handle is the object's own, whose key is still the same: an object inherits the handle of its prototype. */
  isOf(session: Session): boolean {
    const { appName, userId, sessionId } = this.key;
    return (
      this.#session === session && session.id === sessionId && session.userId === userId && session.appName === appName
    );
  }

  /** Stores an event, then brings the object up to date. If the write fails, object and event are as before. */
  append(event: Event): Promise<Event> {
    const takesTurn = this.#seen === undefined || this.#rejectsStale || this.#lastTurn !== undefined;
    const append = EventAppend.of(this.#backend, this, event, takesTurn);
    if (!takesTurn) return this.#send(append);
    return this.#calls.make(() => this.#inTurn(() => this.#send(append)));
  }

  /** Not async itself: very many may wait. */
  #send(append: EventAppend): Promise<Event> {
    append.condition = this.#condition(append.id);
    const sent = this.#backend.append(append);
    this.#underWay += 1;
    if (!append.inTurn) this.#calls.begin();
    return sent;
  }

  /** An append was stored. */
  appended(appended: Appended, append: EventAppend): Event | Promise<Event> {
    this.#underWay -= 1;
    let finished: Promise<Event> | undefined;
    try {
      const applied = this.#apply(appended, append);
      if (applied || this.#gapAfter !== undefined) finished = this.#finish(applied, append);
    } finally {
      if (finished === undefined) this.#end(append);
    }
    return finished ?? append.event;
  }

  /** An append was not stored. */
  failed(append: EventAppend): void {
    this.#underWay -= 1;
    this.#end(append);
  }

  async #finish(applied: Promise<unknown> | undefined, append: EventAppend): Promise<Event> {
    try {
      await applied;
      if (this.#gapAfter !== undefined) await (append.inTurn ? this.#readGap() : this.#inTurn(() => this.#readGap()));
      return append.event;
    } finally {
      this.#end(append);
    }
  }

  /** An append in turn is counted with the turn. */
  #end({ inTurn }: EventAppend): void {
    if (!inTurn) this.#calls.end();
  }

  #condition(eventId: string): AppendCondition {
    const seen = this.#seen;
    const ifStale = this.#rejectsStale ? 'reject' : 'catchUp';
    if (seen === undefined) {
      const id = this.#session.events.findLast((event) => event.id !== eventId)?.id ?? null;
      return { kind: 'after', ifStale, eventId: id };
    }
    const { sessionNumber, revision, seq } = seen;
    return { kind: 'revision', ifStale, revision: revision + this.#underWay, sessionNumber, seq };
  }

  /** Changes the object at once. The promise rejects if ADK refused a part. */
  #apply(
    { sessionNumber, revision, seq, updateTime, missed }: Appended,
    { event, temp, condition }: EventAppend,
  ): Promise<unknown> | undefined {
    const session = this.#session;
    let seen = this.#seen;
    // The session was created again: the object's events belong to the old one.
    const isOther = seen !== undefined && seen.sessionNumber !== sessionNumber;
    // Decoded before any change: a damaged row leaves the object as it was.
    const lacking = missed ? this.#lackingOf(missed, seq, isOther) : NONE;
    this.#events.noticeEdit();
    if (isOther) {
      this.#events.clear();
      seen = undefined;
    } else if (missed && this.#hidesSeen(missed, condition)) {
      this.#isRewound = true;
      this.#gapAfter = 0;
    } else if (seen && !missed && revision !== seen.revision + 1) {
      this.#gapAfter ??= seen.seq;
    }
    const caughtUp = missed && this.#state.catchUp(stateOf(missed.snapshot));
    if (temp) this.#state.showTemp(temp);
    const isNew = seen !== undefined && seq > seen.seq && this.#events.isNew(event);
    if (lacking.length > 0) this.#events.addEarlier(lacking, seq, isNew ? undefined : event.id);
    const applied = this.#state.settle(isNew ? undefined : session.events, event);
    if (isNew) session.events.push(event);
    for (const other of lacking) if (other.seq > seq) session.events.push(other.event);
    this.#events.leave();
    session.lastUpdateTime = updateTime;
    this.#seen = {
      sessionNumber,
      revision,
      seq: Math.max(seq, missed?.snapshot.lastSeq ?? 0, seen?.seq ?? 0),
    };
    return caughtUp ? Promise.all([caughtUp, applied]) : applied;
  }

  /**
   * Whether a rewind has ended events that the object shows. The outcome tells that of the last event seen when its append
   * was sent. It also has all events since then: an event that the object has shown meanwhile must be among them.
   */
  #hidesSeen({ isRewound, events }: Missed, condition: AppendCondition): boolean {
    const seq = this.#seen?.seq ?? 0;
    const seenSeq = condition.kind === 'revision' ? condition.seq : 0;
    const isGone = seq > seenSeq && !events.some((row) => Number(row[0]) === seq);
    return isRewound || isGone || this.#backend.events.hasMarker(events);
  }

  /** The events that the object lacks, of those that an append returned beside its own. */
  #lackingOf({ events }: Loaded, ownSeq: number, isOther: boolean): PlacedEvent[] {
    const shown = new Set(isOther ? [] : this.#session.events.map(({ id }) => id));
    const seenSeq = isOther ? 0 : (this.#seen?.seq ?? 0);
    return events
      .filter(([seq, id]) => Number(seq) > seenSeq && !shown.has(id as string))
      .filter(([seq]) => Number(seq) !== ownSeq)
      .map((row) => ({ seq: Number(row[0]), event: toEvent(this.#backend, row) }));
  }

  /** Reads the missing events and puts each in its place between those applied since. */
  async #readGap(): Promise<void> {
    const after = this.#gapAfter;
    if (after === undefined) return;
    const loaded = await this.#backend.loadAfterWrites(this.key, after);
    const { events } = this.#session;
    const isRewound = this.#isRewound;
    this.#gapAfter = undefined;
    this.#isRewound = false;
    if (!loaded) return;
    this.#events.noticeEdit();
    const shown = new Map(events.map((event) => [event.id, event]));
    const rows = isRewound ? fromFirstShown(visible(this.#backend, loaded.events), shown) : loaded.events;
    const later = rows.map((row) => shown.get(row[1] as string) ?? toEvent(this.#backend, row));
    this.#events.moveToEnd(later, loaded.snapshot.sessionNumber === this.#seen?.sessionNumber && !isRewound);
    this.#seen = seenOf(loaded.snapshot);
    await this.#state.catchUp(stateOf(loaded.snapshot));
  }

  /** Runs work after all work before it has ended. */
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
const NONE: PlacedEvent[] = [];

/** An object that shows the newest events alone goes on to do so. */
function fromFirstShown(rows: EventRow[], shown: ReadonlyMap<string, Event>): EventRow[] {
  const first = rows.findIndex((row) => shown.has(row[1] as string));
  return first < 0 ? rows : rows.slice(first);
}

/** The state that a session object shows of a stored session. */
export function stateOf({ session, appState, userState }: Snapshot): JsonObject {
  return joinStates(session.state, appState, userState);
}

function seenOf({ sessionNumber, session, lastSeq }: Snapshot): Seen {
  return { sessionNumber, revision: session.revision, seq: lastSeq };
}
