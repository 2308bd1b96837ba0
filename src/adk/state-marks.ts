import { isDeepStrictEqual } from 'node:util';
import { BaseSessionService, type Event, type Session, State } from '@google/adk';
import type { JsonObject } from '../store/internal.js';
import { define } from './state-scopes.js';

/*
 * ADK orders the writes to a handle's state. `State.set()` stamps the key, on the state and on the delta that will be
 * appended; `appendEvent` applies a key of a delta unless the state's stamp is newer. The stamps are private, but the rule
 * can be asked: a delta that was stamped when handle and storage agreed on a key is applied exactly if no `State.set()`
 * has followed, that is, if none is waiting to be appended. Such a delta is a mark.
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
 * Marks for all keys that states had when they were read. Shared by the handles of a process, because most have the same
 * keys; a handle goes by those that were there when it was made. A new set is begun when this one has grown large.
 */
let shared = new Marks();
const MAX_SHARED = 1_000;

/** Stands in a state for a moment. */
const WAITING = Symbol('waiting');
const GONE = Symbol('gone');

/** Knows which keys of a handle's state are waiting to be appended, so that nothing else overwrites them. */
export class StateMarks {
  readonly #shared: Marks;
  readonly #sharedSize: number;
  readonly #isAdopted: boolean;
  /** Of keys that this handle itself has appended, or was given since. */
  #own: Marks | undefined;

  /** `isAdopted`: the state was not read here, so that a key without a mark says nothing. */
  constructor(state: JsonObject, isAdopted: boolean) {
    if (shared.size > MAX_SHARED) shared = new Marks();
    if (!isAdopted) for (const key of Object.keys(state)) if (!shared.has(key)) shared.add(key);
    this.#shared = shared;
    this.#sharedSize = shared.size;
    this.#isAdopted = isAdopted;
  }

  /**
   * Lets ADK apply a stored event, and marks the keys of its delta that it has set: on these storage and handle agree now.
   * A key that it left alone has a newer `State.set()`. `events`: where ADK puts the event, in place of one with its id; none
   * if that is done already. Gives nothing if there is nothing for ADK to do.
   */
  settle(state: JsonObject, events: Event[] | undefined, event: Event): Promise<Event> | undefined {
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

  /** Brings a state to what is stored, key by key, but for temp keys and keys that are waiting. */
  async catchUp(state: JsonObject, stored: JsonObject): Promise<void> {
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

/** ADK's own way to bring an event to a session object. It works at once; the promise tells if it could not. */
function applyEvent(state: JsonObject, events: Event[], event: Event): Promise<Event> {
  const session = { state, events } as Session; // all that it looks at
  return BaseSessionService.prototype.appendEvent({ session, event });
}

const NONE = {};
