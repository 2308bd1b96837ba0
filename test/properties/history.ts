import { deepStrictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createPool, type Pool } from 'aiosqlite';
import {
  type EventRecord,
  type HistoryPoint,
  type JsonObject,
  prune,
  type RetentionPolicy,
  type SessionKey,
  SessionStore,
} from 'aiosqlite/store';
import fc from 'fast-check';
import { type Budget, check } from './check.js';

/**
 * Appends, rewinds, forks, undone rewinds, deleted invocations, retention and state set without an event, in random order. Some do
 * not wait for the call before, and two stores share a file. The model is a list of entries for each session, in the order in
 * which they count.
 */
const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'a"b', '\0');
const value = fc.constantFrom<unknown>(null, 0, 1, 'x', [1], { a: 1 });
const objectOf = (values: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(name, values), { maxLength: 3 }).map((entries): JsonObject => Object.fromEntries(entries));
const delta = objectOf(fc.oneof(value, value, fc.constant(undefined)));

const step = fc.record({
  kind: fc.constantFrom(
    ...['append', 'append', 'append', 'append', 'again', 'merge', 'replace', 'rewind', 'rewind'],
    ...['undo', 'undo', 'undo', 'mark', 'fork', 'deleteInvocation', 'unarchived', 'atOnce'],
    ...['deleteOldEvents', 'prune', 'surplus', 'deleteIdleSessions'],
  ),
  /** Which session, event or point: taken modulo what there is. */
  session: fc.nat({ max: 3 }),
  at: fc.nat({ max: 20 }),
  byInvocation: fc.boolean(),
  invocation: fc.nat({ max: 4 }),
  delta,
  state: objectOf(value),
  store: fc.nat({ max: 1 }),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** An event, or state that was set between two events. */
interface Entry {
  id: string | undefined;
  invocationId: string;
  kind: 'event' | 'merge' | 'replace';
  delta: JsonObject;
  /** Of an event, in minutes. */
  time: number;
}

interface Undoable {
  kept: number;
  removed: Entry[];
  state: JsonObject;
  archived: boolean;
  /** Of a rewind that has only marked the events after the point. */
  marker?: Entry;
  /** Whether an undo would lose what came since. */
  stale: boolean;
}

function changed(state: JsonObject, { kind, delta }: Pick<Entry, 'kind' | 'delta'>): JsonObject {
  const keys = new Map(kind === 'replace' ? [] : Object.entries(state));
  for (const [key, value] of Object.entries(delta)) {
    if (value === undefined) keys.delete(key);
    else keys.set(key, value);
  }
  return Object.fromEntries(keys);
}

/** The change of an event that is gone, in its place. */
const withoutEvent = (entry: Entry): Entry => ({ ...entry, id: undefined, invocationId: '' });
const isEvent = ({ id }: Entry) => id !== undefined;
/** Whether an entry has left nothing behind: an event without a delta that is gone. */
const isVoid = ({ id, kind, delta }: Entry) => id === undefined && kind === 'event' && Object.keys(delta).length === 0;

/** The delta from one state to another. */
function difference(from: JsonObject, to: JsonObject): JsonObject {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  const value = (state: JsonObject, key: string) => (Object.hasOwn(state, key) ? state[key] : undefined);
  const differing = keys.filter((key) => !isDeepStrictEqual(value(from, key), value(to, key)));
  return Object.fromEntries(differing.map((key) => [key, value(to, key)]));
}

/** One session, without SQL. */
class ModelSession {
  entries: Entry[] = [];
  state: JsonObject;
  rewinds: Undoable[] = [];
  readonly #initial: JsonObject;

  constructor(initial: JsonObject, entries: Entry[] = []) {
    this.#initial = initial;
    this.entries = entries;
    this.state = this.stateOf(entries.length);
  }

  events(): Entry[] {
    return this.entries.filter(isEvent);
  }

  /** The state after the first n entries. */
  stateOf(count: number): JsonObject {
    return this.entries.slice(0, count).reduce(changed, this.#initial);
  }

  append(entry: Entry): void {
    const at = this.entries.findIndex(({ id }) => id === entry.id);
    if (at < 0) this.entries.push(entry);
    else this.entries[at] = entry;
    this.state = changed(this.state, entry);
    this.#makeStale();
  }

  set(kind: Entry['kind'], delta: JsonObject): void {
    this.entries.push({ id: undefined, invocationId: '', kind, delta, time: 0 });
    this.state = changed(this.state, { kind, delta });
  }

  deleteInvocation(invocationId: string): number {
    const count = this.#remove(this.entries, (entry) => entry.invocationId === invocationId);
    if (count > 0) this.#makeStale();
    return count;
  }

  /** Deletes events from before a time; resolves to how many. `archived`: also those that an undo would bring back. */
  deleteOld(before: number, archived: boolean): number {
    const isOld = ({ time }: Entry) => time < before;
    const lists = [this.entries, ...(archived ? this.rewinds.filter((r) => r.archived).map((r) => r.removed) : [])];
    return lists.reduce((sum, entries) => sum + this.#remove(entries, isOld), 0);
  }

  /** Keeps the newest n events. */
  deleteSurplus(most: number): number {
    const events = this.events();
    const kept = new Set(events.slice(Math.max(0, events.length - most)));
    return this.#remove(this.entries, (entry) => !kept.has(entry));
  }

  /** The number of events that go. */
  rewind(kept: number, archived: boolean): number {
    if (this.entries.slice(kept).every(isVoid)) return 0;
    const removed = this.entries.splice(kept);
    this.rewinds.push({ kept, removed, state: this.state, archived, stale: false });
    this.state = this.stateOf(kept);
    return removed.filter(isEvent).length;
  }

  /** Whether there is anything after the point. */
  canMark = (kept: number) => !this.entries.slice(kept).every(isVoid);

  mark(kept: number, marker: Pick<Entry, 'id' | 'invocationId'>): void {
    const state = this.stateOf(kept);
    const entry: Entry = { ...marker, kind: 'event', delta: difference(this.state, state), time: Date.now() };
    this.rewinds.push({ kept, removed: [], state: this.state, archived: true, marker: entry, stale: false });
    this.entries.push(entry);
    this.state = state;
  }

  /** The number of events that come back, or the code of the refusal. */
  undo(): number | string {
    const last = this.rewinds.at(-1);
    if (!last?.archived) return 'ADK_POINT_NOT_FOUND';
    if (last.stale) return 'ADK_STALE_SESSION';
    this.rewinds.pop();
    const { marker } = last;
    const at = marker ? this.entries.indexOf(marker) : last.kept;
    const restored = (marker ? this.entries.slice(last.kept, at) : last.removed).filter(isEvent).length;
    const since = this.entries.splice(at).slice(marker ? 1 : 0);
    this.entries.push(...last.removed, ...since);
    // A change since of an event that is gone is older than the rewind.
    this.state = since.filter(({ kind }) => kind !== 'event').reduce(changed, last.state);
    return restored;
  }

  fork(kept: number | undefined): ModelSession {
    const fork = new ModelSession(this.#initial, this.entries.slice(0, kept));
    if (kept === undefined) fork.state = this.state;
    return fork;
  }

  /** Removes events, but not what they have changed; the number of them. */
  #remove(entries: Entry[], goes: (event: Entry) => boolean): number {
    const events = entries.filter((entry) => isEvent(entry) && goes(entry));
    for (const event of events) {
      const gone = withoutEvent(event);
      entries[entries.indexOf(event)] = gone;
      for (const rewind of this.rewinds) if (rewind.marker === event) rewind.marker = gone;
    }
    return events.length;
  }

  #makeStale(): void {
    for (const rewind of this.rewinds) rewind.stale = true;
  }
}

/** A database without tables, and two stores on it. */
export interface Place {
  stores: readonly SessionStore[];
  /** The pool of an SQLite file. */
  pool?: Pool;
  /** A store that knows nothing of what the others have done. */
  reopen(): Promise<SessionStore>;
  close(): Promise<void>;
}

/** The same steps on a database and on the model. */
class Run {
  #stores: readonly SessionStore[];
  readonly #models: ModelSession[] = [];
  readonly #initial: JsonObject;
  readonly #place: Place;
  #events = 0;

  constructor(place: Place, initial: JsonObject) {
    this.#place = place;
    this.#stores = place.stores;
    this.#initial = initial;
  }

  async begin(): Promise<void> {
    await this.#store(0).createTables();
    await this.#store(0).createSession({ ...keyOf(0), state: this.#initial });
    this.#models.push(new ModelSession(this.#initial));
  }

  async take(step: Step): Promise<void> {
    const at = step.session % this.#models.length;
    await this.#do(step, at);
    await this.compare(at % this.#models.length, step.store);
  }

  async #do(step: Step, at: number): Promise<void> {
    const store = this.#store(step.store);
    const model = this.#models[at] as ModelSession;
    const key = keyOf(at);
    switch (step.kind) {
      case 'append':
      case 'again': {
        const events = model.events();
        const again = events.filter(({ id }) => id?.startsWith('event '));
        const old = step.kind === 'again' ? again[step.at % Math.max(1, again.length)] : undefined;
        const invocationId = old?.invocationId ?? `i${step.invocation}`;
        const time = ++this.#events;
        const entry: Entry = { id: old?.id ?? `event ${time}`, invocationId, kind: 'event', delta: step.delta, time };
        await store.appendEvent(recordOf(key, entry), { session: step.delta });
        model.append(entry);
        return;
      }
      case 'atOnce':
        return await this.#atOnce(step, at);
      case 'merge': {
        const merged = await store.mergeSessionState(key, step.delta);
        model.set('merge', step.delta);
        deepStrictEqual(merged.state, model.state);
        return;
      }
      case 'replace':
        await store.updateSessionState(key, step.state);
        model.set('replace', step.state);
        return;
      case 'rewind':
      case 'unarchived': {
        const point = await this.#point(step, at);
        if (!point) return;
        const archive = step.kind === 'rewind';
        const { removed, session } = await store.rewind(key, point.point, { archive });
        deepStrictEqual([removed, session.state], [model.rewind(point.kept, archive), model.state]);
        return;
      }
      case 'mark': {
        const point = await this.#point({ ...step, byInvocation: true }, at);
        if (!point) return;
        const { removed, session } = await store.rewind(key, point.point, { mode: 'mark' });
        if (model.canMark(point.kept)) {
          const [marker] = await store.getEvents(key, { last: 1 });
          model.mark(point.kept, marker as EventRecord);
        }
        deepStrictEqual([removed, session.state], [0, model.state]);
        return;
      }
      case 'undo': {
        const outcome = await store.undoRewind(key).then(
          ({ restored }) => restored,
          ({ code }) => code,
        );
        deepStrictEqual(outcome, model.undo());
        return;
      }
      case 'fork': {
        if (this.#models.length === 4) return;
        const point = step.at % 3 === 0 ? undefined : await this.#point(step, at);
        const { sessionId } = keyOf(this.#models.length);
        await store.fork(key, point ? { sessionId, at: point.point } : { sessionId });
        this.#models.push(model.fork(point?.kept));
        await this.compare(this.#models.length - 1, step.store);
        return;
      }
      case 'deleteOldEvents': {
        const deleted = await store.deleteOldEvents({ before: step.at * MINUTE + MINUTE / 2 });
        deepStrictEqual(
          deleted,
          this.#sum((each) => each.deleteOld(step.at + 0.5, false)),
        );
        return;
      }
      case 'prune':
        await this.#prune({ eventDays: (Date.now() - step.at * MINUTE - MINUTE / 2) / DAY }, (each) =>
          each.deleteOld(step.at + 0.5, true),
        );
        return;
      case 'surplus':
        await this.#prune({ maxEventsPerSession: step.at }, (each) => each.deleteSurplus(step.at));
        return;
      case 'deleteIdleSessions': {
        if (step.at % 4 > 0) return;
        const deleted = await store.deleteIdleSessions({ idleSince: Date.now() + DAY });
        deepStrictEqual(deleted, this.#models.splice(0).length);
        // Everything of a session goes with it.
        for (const table of ['adk_events', 'adk_sessions_changes', 'adk_rewound_events']) {
          deepStrictEqual((await this.#place.pool?.all(`SELECT * FROM "${table}"`)) ?? [], []);
        }
        await this.begin();
        return;
      }
      default: {
        const invocationId = `i${step.invocation}`;
        deepStrictEqual(await store.deleteInvocation(key, invocationId), model.deleteInvocation(invocationId));
      }
    }
  }

  /** Calls that do not wait for each other: they count in their order. */
  async #atOnce(step: Step, at: number): Promise<void> {
    const store = this.#store(step.store);
    const model = this.#models[at] as ModelSession;
    const key = keyOf(at);
    const point = await this.#point(step, at);
    const added = [step.delta, step.delta, {}, {}].map((delta): Entry => {
      const time = ++this.#events;
      return { id: `event ${time}`, invocationId: `i${step.invocation}`, kind: 'event', delta, time };
    });
    const [before, behind, ...both] = added as [Entry, Entry, Entry, Entry];
    await Promise.all([
      store.appendEvent(recordOf(key, before), { session: before.delta }),
      point && store.rewind(key, point.point),
      store.appendEvent(recordOf(key, behind), { session: behind.delta }),
      store.appendEvents(both.map((entry) => recordOf(key, entry))),
      store.mergeSessionState(key, step.state),
      store.updateSessionState(key, step.state),
    ]);
    model.append(before);
    if (point) model.rewind(point.kept, true);
    for (const entry of [behind, ...both]) model.append(entry);
    model.set('merge', step.state);
    model.set('replace', step.state);
  }

  #sum(each: (model: ModelSession) => number): number {
    return this.#models.reduce((sum, model) => sum + each(model), 0);
  }

  /** Only of an SQLite file. */
  async #prune(policy: RetentionPolicy, each: (model: ModelSession) => number): Promise<void> {
    const { pool } = this.#place;
    if (pool) deepStrictEqual((await prune(pool, policy)).events, this.#sum(each));
  }

  /** A point of a session, and how many entries lie before it. */
  async #point(
    { at, byInvocation, store }: Step,
    session: number,
  ): Promise<{ point: HistoryPoint; kept: number } | undefined> {
    const model = this.#models[session] as ModelSession;
    const events = model.events();
    const event = events[at % Math.max(1, events.length)];
    if (!event) return undefined;
    if (byInvocation) {
      const kept = model.entries.findIndex((entry) => entry.id && entry.invocationId === event.invocationId);
      return { point: { beforeInvocationId: event.invocationId }, kept };
    }
    const stored = await this.#store(store).getEvents(keyOf(session));
    const { seq } = stored.find(({ id }) => id === event.id) as EventRecord;
    return { point: { toSeq: seq as number }, kept: model.entries.indexOf(event) + 1 };
  }

  async compare(at: number, from: number): Promise<void> {
    const store = this.#store(from);
    const model = this.#models[at] as ModelSession;
    const key = keyOf(at);
    deepStrictEqual((await store.getSession(key))?.state, model.state);
    // All of them: a session that is loaded leaves out what a marker undoes.
    const events = await store.getEvents(key);
    const shown = events.map(({ id, invocationId, sessionId }) => [id, invocationId, sessionId]);
    deepStrictEqual(
      shown,
      model.events().map(({ id, invocationId }) => [id, invocationId, key.sessionId]),
    );
    for (const [i, event] of events.entries()) {
      const kept = model.entries.indexOf(model.events()[i] as Entry) + 1;
      deepStrictEqual(await store.stateAt(key, event.seq as number), model.stateOf(kept));
    }
  }

  async compareAll(store: SessionStore): Promise<void> {
    this.#stores = [store];
    for (const at of this.#models.keys()) await this.compare(at, 0);
  }

  #store(at: number): SessionStore {
    return this.#stores[at % this.#stores.length] as SessionStore;
  }
}

const keyOf = (at: number): SessionKey => ({ appName: 'app', userId: 'ada', sessionId: `s${at}` });

/** Times lie far enough apart for a cut between two of them, whenever prune() looks at the clock. */
const MINUTE = 60_000;
const DAY = 86_400_000;

function recordOf(key: SessionKey, { id, invocationId, delta, time }: Entry): EventRecord {
  const timestamp = time * MINUTE;
  return { id: id as string, ...key, invocationId, author: 'user', actions: { stateDelta: delta }, timestamp };
}

async function openFile(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-history-'));
  const open = () => createPool({ database: join(folder, 'history.db'), poolSize: 2, synchronous: 'off' });
  const pools = [open(), open()];
  const close = () => Promise.all(pools.splice(0).map((pool) => pool.close()));
  return {
    stores: pools.map((pool) => new SessionStore(pool)),
    pool: pools[0] as Pool,
    async reopen() {
      await close();
      pools.push(open());
      return new SessionStore(pools[0] as Pool);
    },
    async close() {
      await close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

export async function checkHistory(budget: Budget, open: () => Promise<Place> = openFile): Promise<void> {
  const property = fc.asyncProperty(
    objectOf(value),
    fc.array(step, { minLength: 5, maxLength: 25 }),
    async (initial, steps) => {
      const place = await open();
      try {
        const run = new Run(place, initial);
        await run.begin();
        for (const step of steps) await run.take(step);
        await run.compareAll(await place.reopen());
      } finally {
        await place.close();
      }
    },
  );
  await check('histories', property, budget);
}
