import { deepStrictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPool, type Pool } from 'aiosqlite';
import { type EventRecord, type HistoryPoint, type JsonObject, type SessionKey, SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { type Budget, check } from './check.js';

/**
 * Appends, rewinds, forks, undone rewinds, deleted invocations and state set without an event, in random order and through
 * two stores on one file, compared with a model: a list of entries for each session, in the order in which they count.
 */
const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'a"b', '\0');
const value = fc.constantFrom<unknown>(null, 0, 1, 'x', [1], { a: 1 });
const objectOf = (values: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(name, values), { maxLength: 3 }).map((entries): JsonObject => Object.fromEntries(entries));
const delta = objectOf(fc.oneof(value, value, fc.constant(undefined)));

const step = fc.record({
  kind: fc.constantFrom(
    ...['append', 'append', 'append', 'append', 'again', 'merge', 'replace', 'rewind', 'rewind'],
    ...['undo', 'undo', 'fork', 'deleteInvocation', 'unarchived'],
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
  kind: 'merge' | 'replace';
  delta: JsonObject;
}

interface Undoable {
  kept: number;
  removed: Entry[];
  state: JsonObject;
  archived: boolean;
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
    return this.entries.filter(({ id }) => id !== undefined);
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
    this.entries.push({ id: undefined, invocationId: '', kind, delta });
    this.state = changed(this.state, { kind, delta });
  }

  deleteInvocation(invocationId: string): number {
    const events = this.events().filter((entry) => entry.invocationId === invocationId);
    for (const event of events) {
      // An event without a delta leaves nothing behind, nothing to rewind either.
      const kept = Object.keys(event.delta).length > 0 ? [{ ...event, id: undefined, invocationId: '' }] : [];
      this.entries.splice(this.entries.indexOf(event), 1, ...kept);
    }
    if (events.length > 0) this.#makeStale();
    return events.length;
  }

  /** The number of events that go. */
  rewind(kept: number, archived: boolean): number {
    if (kept === this.entries.length) return 0;
    const removed = this.entries.splice(kept);
    this.rewinds.push({ kept, removed, state: this.state, archived, stale: false });
    this.state = this.stateOf(kept);
    return removed.filter(({ id }) => id !== undefined).length;
  }

  /** The number of events that come back, or the code of the refusal. */
  undo(): number | string {
    const last = this.rewinds.at(-1);
    if (!last?.archived) return 'ADK_POINT_NOT_FOUND';
    if (last.stale) return 'ADK_STALE_SESSION';
    this.rewinds.pop();
    const since = this.entries.splice(last.kept);
    this.entries.push(...last.removed, ...since);
    this.state = since.reduce(changed, last.state);
    return last.removed.filter(({ id }) => id !== undefined).length;
  }

  fork(kept: number | undefined): ModelSession {
    const fork = new ModelSession(this.#initial, this.entries.slice(0, kept));
    if (kept === undefined) fork.state = this.state;
    return fork;
  }

  #makeStale(): void {
    for (const rewind of this.rewinds) rewind.stale = true;
  }
}

/** A database without tables, and two stores on it. */
export interface Place {
  stores: readonly SessionStore[];
  /** A store that knows nothing of what the others have done. */
  reopen(): Promise<SessionStore>;
  close(): Promise<void>;
}

/** The same steps on a database and on the model. */
class Run {
  #stores: readonly SessionStore[];
  readonly #models: ModelSession[] = [];
  #events = 0;

  constructor(stores: readonly SessionStore[]) {
    this.#stores = stores;
  }

  async begin(initial: JsonObject): Promise<void> {
    await this.#store(0).createTables();
    await this.#store(0).createSession({ ...keyOf(0), state: initial });
    this.#models.push(new ModelSession(initial));
  }

  async take(step: Step): Promise<void> {
    const at = step.session % this.#models.length;
    await this.#do(step, at);
    await this.compare(at, step.store);
  }

  async #do(step: Step, at: number): Promise<void> {
    const store = this.#store(step.store);
    const model = this.#models[at] as ModelSession;
    const key = keyOf(at);
    switch (step.kind) {
      case 'append':
      case 'again': {
        const events = model.events();
        const old = step.kind === 'again' ? events[step.at % Math.max(1, events.length)] : undefined;
        const invocationId = old?.invocationId ?? `i${step.invocation}`;
        const entry: Entry = { id: old?.id ?? `e${++this.#events}`, invocationId, kind: 'merge', delta: step.delta };
        await store.appendEvent(recordOf(key, entry, this.#events), { session: step.delta });
        model.append(entry);
        return;
      }
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
      default: {
        const invocationId = `i${step.invocation}`;
        deepStrictEqual(await store.deleteInvocation(key, invocationId), model.deleteInvocation(invocationId));
      }
    }
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
    const loaded = await store.loadSession(key);
    deepStrictEqual(loaded?.session.state, model.state);
    const shown = loaded?.events.map(({ id, invocationId, sessionId }) => [id, invocationId, sessionId]);
    deepStrictEqual(
      shown,
      model.events().map(({ id, invocationId }) => [id, invocationId, key.sessionId]),
    );
    for (const [i, event] of (loaded?.events ?? []).entries()) {
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

function recordOf(key: SessionKey, { id, invocationId, delta }: Entry, time: number): EventRecord {
  return { id: id as string, ...key, invocationId, author: 'user', actions: { stateDelta: delta }, timestamp: time };
}

async function openFile(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-history-'));
  const open = () => createPool({ database: join(folder, 'history.db'), poolSize: 2, synchronous: 'off' });
  const pools = [open(), open()];
  const close = () => Promise.all(pools.splice(0).map((pool) => pool.close()));
  return {
    stores: pools.map((pool) => new SessionStore(pool)),
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
        const run = new Run(place.stores);
        await run.begin(initial);
        for (const step of steps) await run.take(step);
        await run.compareAll(await place.reopen());
      } finally {
        await place.close();
      }
    },
  );
  await check('histories', property, budget);
}
