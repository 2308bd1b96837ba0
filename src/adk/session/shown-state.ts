import { isDeepStrictEqual } from 'node:util';
import { BaseSessionService, type Event, type Session, State } from '@google/adk';
import type { JsonObject } from '../../store/internal.js';
import { define } from './state-scopes.js';

/*
 * ADK orders the writes to a session object's state. `State.set()` stamps the key, on the state and on the delta that will
 * be appended. `appendEvent` skips a key of a delta if the state's stamp is newer. The stamps are private, so the service
 * tests them: it keeps a delta that was stamped when object and storage had the same value of a key. ADK applies that delta
 * later if, and only if, no `State.set()` of the key has followed. Such a delta is a mark.
 */

/** Marks of many keys, each made when it was added. */
class Marks {
  /** When each key was added, as a number. */
  readonly #added = new Map<string, number>();
  /** ADK keeps stamps by object and key: the values themselves needn't stay. */
  readonly #delta: JsonObject = Object.create(null);
  readonly #state = new State(Object.create(null), this.#delta);

  get size(): number {
    return this.#added.size;
  }

  /** Whether a key has a mark, made when there were fewer than `before`. */
  has(key: string, before = Number.POSITIVE_INFINITY): boolean {
    const added = this.#added.get(key);
    return added !== undefined && added < before;
  }

  add(key: string): void {
    this.#added.set(key, this.#added.size);
    this.#state.set(key, null);
    delete this.#delta[key];
  }

  /** Sets keys of a state by ADK's rule. */
  async apply(state: JsonObject, values: JsonObject): Promise<void> {
    const keys = Object.keys(values);
    if (keys.length === 0) return;
    Object.assign(this.#delta, values);
    const event = { id: '', actions: { stateDelta: this.#delta } } as unknown as Event;
    const applied = applyEvent(state, [], event);
    for (const key of keys) delete this.#delta[key];
    await applied;
  }
}

/**
 * Marks for all keys that states had when they were read. Session objects of a process share them, because most have the
 * same keys; an object uses the marks that were there when it was made. A new set begins when this one has grown large.
 */
let shared = new Marks();
const MAX_SHARED = 1_000;

/** Placeholders in a state, for a moment. */
const WAITING = Symbol('waiting');
const GONE = Symbol('gone');

/**
 * The state that a session object shows, and which of its keys have a `State.set()` that is not appended yet: no other change
 * overwrites these.
 */
export class ShownState {
  readonly #session: Session;
  readonly #shared: Marks;
  readonly #sharedSize: number;
  readonly #isAdopted: boolean;
  /** Marks of keys that this object has appended, or has caught up with. */
  #own: Marks | undefined;
  /** Values that the service or ADK last put under temp keys. */
  #temp: Map<string, unknown> | undefined;

  /** `isAdopted`: the state was not read here, so that a key without a mark says nothing. */
  constructor(session: Session, isAdopted: boolean) {
    this.#session = session;
    if (shared.size > MAX_SHARED) shared = new Marks();
    if (!isAdopted) for (const key of Object.keys(session.state)) if (!shared.has(key)) shared.add(key);
    this.#shared = shared;
    this.#sharedSize = shared.size;
    this.#isAdopted = isAdopted;
  }

  /**
   * Lets ADK apply a stored event, and marks the keys of its delta that ADK has set: object and storage have the same value
   * now. A key that ADK has skipped has a newer `State.set()`. `events`: the array to which ADK adds the event, or in which it
   * replaces one with the same id; none if the event is there already. Returns undefined if ADK has nothing to do.
   */
  settle(events: Event[] | undefined, event: Event): Promise<Event> | undefined {
    const { state } = this.#session;
    const keys = Object.keys(event.actions?.stateDelta ?? NONE);
    if (events === undefined && keys.length === 0) return;
    const values = keys.map((key) => state[key]);
    for (const key of keys) if (Object.hasOwn(state, key)) state[key] = WAITING;
    const applied = applyEvent(state, events ?? [], event);
    keys.forEach((key, at) => {
      if (state[key] === WAITING) state[key] = values[at];
      else this.#mark(key);
    });
    return applied;
  }

  /** Shows temp keys, except those that a later State.set() has changed. */
  showTemp(temp: JsonObject): void {
    const { state } = this.#session;
    this.#temp ??= new Map();
    for (const key of Object.keys(temp)) {
      if (!Object.hasOwn(state, key) || Object.is(state[key], this.#temp.get(key))) define(state, key, temp[key]);
      if (Object.is(state[key], temp[key])) this.#temp.set(key, temp[key]);
    }
  }

  /** Brings the state to what is stored, key by key, but for temp keys and keys that are waiting. */
  async catchUp(stored: JsonObject): Promise<void> {
    const { state } = this.#session;
    const byOwn: JsonObject = Object.create(null);
    const byShared: JsonObject = Object.create(null);
    const put = (key: string, value: unknown) => {
      if (key.startsWith(State.TEMP_PREFIX)) return;
      if (this.#own?.has(key)) byOwn[key] = value;
      else if (this.#shared.has(key, this.#sharedSize)) byShared[key] = value;
      else if (value !== GONE && (this.#isAdopted || !Object.hasOwn(state, key))) {
        define(state, key, value);
        this.#mark(key);
      }
    };
    for (const key of Object.keys(stored)) {
      if (!Object.hasOwn(state, key) || !isDeepStrictEqual(state[key], stored[key])) put(key, stored[key]);
    }
    for (const key of Object.keys(state)) if (!Object.hasOwn(stored, key)) put(key, GONE);
    const applied = Promise.all([this.#own?.apply(state, byOwn), this.#shared.apply(state, byShared)]);
    for (const key of Object.keys(state)) if (state[key] === GONE) delete state[key];
    await applied;
  }

  #mark(key: string): void {
    this.#own ??= new Marks();
    this.#own.add(key);
  }
}

/** Lets ADK apply an event to a session object, at once. The promise rejects if ADK could not. */
function applyEvent(state: JsonObject, events: Event[], event: Event): Promise<Event> {
  const session = { state, events } as Session; // all that it looks at
  return BaseSessionService.prototype.appendEvent({ session, event });
}

const NONE = {};
