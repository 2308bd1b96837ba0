import { checkArray, checkNames } from '../arguments.js';
import { invalidArgument } from '../errors.js';
import type { Transaction } from '../executor.js';
import {
  APPEND_OPTIONS,
  COUNT_FILTER,
  checkCount,
  checkEvents,
  checkId,
  checkKey,
  checkRetention,
  checkSessionFilter,
  IDLE_FILTER,
  NEW_SESSION,
  OLD_FILTER,
  SESSION_FILTER,
  SESSION_KEY,
  STATE_DELTAS,
  takeSequel,
  USER_KEY,
  USERS_FILTER,
} from './arguments.js';
import type { Appended, Backend } from './backend.js';
import { encodeDelta } from './codec/deltas.js';
import { jsonParam } from './codec/dialect.js';
import { decodeRecord, type EventRow, gatherExtra } from './codec/event-codec.js';
import { serializeObject } from './codec/serialize.js';
import { sessionNotFound } from './errors.js';
import { checkPoint } from './history/arguments.js';
import { loadEventPage, planFork, planRewind } from './history/operations.js';
import type {
  EventPage,
  EventPageOptions,
  ForkOptions,
  HistoryPoint,
  Restored,
  RewindOptions,
  Rewound,
} from './history/records.js';
import { stateAt } from './history/timeline.js';
import { loadVisible } from './history/visible.js';
import type { SessionStoreOptions } from './names.js';
import { conditionOf, PreparedAppend, prepareSession } from './prepare.js';
import type {
  EventFilter,
  EventRecord,
  JsonObject,
  LoadedSession,
  NewSession,
  SessionFilter,
  SessionKey,
  SessionRecord,
  StateDeltas,
} from './records.js';
import { type Database, openBackend } from './sqlite/backend.js';

/**
 * Sessions, their events and their shared states. It knows nothing of ADK: keys of states are taken as
 * they are, without prefixes. `S` types the session state.
 *
 * Every method is one job on the connection's thread and one transaction, except `createTables` where something is
 * missing, and the retention methods and `deleteUser`, which go in batches. Wrong arguments reject a TypeError or RangeError that names
 * the argument, values that JSON can't hold `'ADK_NOT_SERIALIZABLE'`, damaged rows `'ADK_CORRUPT_ROW'`.
 *
 * @example
 * const store = new SessionStore(createPool({ database: 'agent.db' }));
 * await store.createTables();
 * const session = await store.createSession({ appName: 'shop', userId: 'ada' });
 */
export class SessionStore<S extends JsonObject = JsonObject> {
  /** @internal */
  readonly backend: Backend;

  /** Throws `'ADK_INVALID_NAME'` for a table name or an owner column that can't be one. */
  constructor(db: Database, options?: SessionStoreOptions);
  /** @internal For stores on another database. */
  constructor(backend: Backend);
  constructor(source: Database | Backend, options: SessionStoreOptions = {}) {
    this.backend = isBackend(source) ? source : openBackend(source, options);
  }

  /**
   * The same store inside the caller's own transaction: its writes commit or roll back with it.
   * @example await pool.transaction(async (tx) => { await store.with(tx).deleteSession(key); await tx.run('…'); });
   */
  with(tx: Transaction): SessionStore<S> {
    return new SessionStore<S>(this.backend.within(tx));
  }

  // ── tables ──

  /**
   * Makes the tables, or what is missing of them; any number of callers and processes may race. A file of a newer version
   * rejects `'ADK_SCHEMA_VERSION'`; tables of our names but other columns, and a file of another ADK program (see
   * `foreignTables`), reject `'ADK_SCHEMA_MISMATCH'`. The file is untouched then, its journal mode included.
   * @example await store.createTables();
   */
  async createTables(): Promise<void> {
    await this.backend.createTables();
  }

  /**
   * Drops the tables and all that is in them. Rejects as {@link createTables} if they are not this store's.
   * @example await store.dropTables();
   */
  async dropTables(): Promise<void> {
    await this.backend.dropTables();
  }

  // ── sessions ──

  /**
   * Creates a session. One that exists rejects `'ADK_SESSION_EXISTS'`; with `ifExists: 'return'` it is what the call
   * resolves to, untouched.
   * @example const session = await store.createSession({ appName: 'shop', userId: 'ada', state: { cart: [] } });
   */
  async createSession(input: NewSession<S>): Promise<SessionRecord<S>> {
    checkNames<NewSession>('input', input, NEW_SESSION);
    const { snapshot } = await this.backend.create(prepareSession(this.backend, input), { limit: 0 });
    return snapshot.session as SessionRecord<S>;
  }

  /**
   * One session, `undefined` if there is none.
   * @example const session = await store.getSession({ appName: 'shop', userId: 'ada', sessionId: 's1' });
   */
  async getSession(key: SessionKey): Promise<SessionRecord<S> | undefined> {
    checkKey(key);
    return (await this.backend.session(key)) as SessionRecord<S> | undefined;
  }

  /**
   * Session, both shared states and events of one moment; `undefined` if there is no such session. Events that a marker of
   * a rewind undoes are left out.
   * @example const loaded = await store.loadSession(key, { last: 50 });
   */
  async loadSession(key: SessionKey, filter?: EventFilter): Promise<LoadedSession<S> | undefined> {
    checkEvents(key, filter);
    const loaded = await loadVisible(this.backend, key, filter ?? {});
    if (!loaded) return undefined;
    const { session, appState, userState } = loaded.snapshot;
    return { session: session as SessionRecord<S>, appState, userState, events: this.#records(key, loaded.events) };
  }

  /**
   * Replaces the whole session state, without an event, and sets `updateTime` to now. A rewind to an earlier point undoes it.
   * Rejects `'ADK_SESSION_NOT_FOUND'`.
   * @example await store.updateSessionState(key, { cart: [] });
   */
  async updateSessionState(key: SessionKey, state: S): Promise<void> {
    checkKey(key);
    const json = jsonParam(this.backend.dialect, serializeObject(state, 'state'));
    const { sessionId } = key;
    if (!(await this.backend.replaceState(key, json))) throw sessionNotFound(sessionId);
  }

  /**
   * Merges keys into the session state, without an event, and sets `updateTime` to now: a key's value is replaced, `null` is
   * stored, `undefined` removes the key, other keys stay. A rewind to an earlier point undoes it. Rejects
   * `'ADK_SESSION_NOT_FOUND'`.
   * @example const { state } = await store.mergeSessionState(key, { language: 'en', draft: undefined });
   */
  async mergeSessionState(key: SessionKey, delta: JsonObject): Promise<SessionRecord<S>> {
    checkKey(key);
    const { sessionId } = key;
    const merged = await this.backend.mergeState(key, encodeDelta(this.backend.dialect, delta, 'delta'));
    if (!merged) throw sessionNotFound(sessionId);
    return merged as SessionRecord<S>;
  }

  /**
   * A page of sessions, the most recently updated first unless told otherwise.
   * @example const newest = await store.listSessions({ appName: 'shop', userId: 'ada', limit: 20 });
   */
  async listSessions(filter: SessionFilter): Promise<SessionRecord<S>[]> {
    return (await this.listSessionPage(filter)).sessions;
  }

  /**
   * A page and the total that it is a page of, of one moment. The cost grows with the page, not with the table.
   * @example const { sessions, total } = await store.listSessionPage({ appName: 'shop', limit: 20, offset: 40 });
   */
  async listSessionPage(filter: SessionFilter): Promise<{ sessions: SessionRecord<S>[]; total: number }> {
    checkNames('filter', filter, SESSION_FILTER);
    checkSessionFilter(filter);
    return (await this.backend.list(filter)) as { sessions: SessionRecord<S>[]; total: number };
  }

  /**
   * How many sessions an app has, or one of its users: read from a counter, whatever the number.
   * @example const total = await store.countSessions({ appName: 'shop' });
   */
  async countSessions(filter: { appName: string; userId?: string }): Promise<number> {
    checkNames('filter', filter, COUNT_FILTER);
    checkSessionFilter(filter);
    return await this.backend.count(filter);
  }

  /**
   * Deletes a session and its events; in SQLite their bytes are overwritten. With `memory: true` what a memory in the same file
   * holds of the session is erased, too. Resolves to whether the session existed.
   * @example const existed = await store.deleteSession({ ...key, memory: true });
   */
  async deleteSession(key: SessionKey & { memory?: boolean }): Promise<boolean> {
    checkKey(key, { ...SESSION_KEY, memory: true });
    const { memory = false } = key;
    if (typeof memory !== 'boolean') throw invalidArgument('memory', 'a boolean', memory);
    return await this.backend.delete(key, memory);
  }

  // ── apps and users ──

  /**
   * Every app that has sessions, with their number, in the order of the names.
   * @example const apps = await store.listApps();
   */
  async listApps(): Promise<{ appName: string; sessions: number }[]> {
    return await this.backend.listApps();
  }

  /**
   * The users of an app that have sessions, with their number, in the order of the ids; all by default. `after`, exclusive,
   * is the last user of the page before.
   * @example const users = await store.listUsers({ appName: 'shop', limit: 100, after: 'ada' });
   */
  async listUsers(filter: {
    appName: string;
    limit?: number;
    after?: string;
  }): Promise<{ userId: string; sessions: number }[]> {
    checkNames('filter', filter, USERS_FILTER);
    checkId('appName', filter.appName);
    checkCount('limit', filter.limit);
    if (filter.after !== undefined) checkId('after', filter.after);
    return await this.backend.listUsers(filter);
  }

  /**
   * Deletes one user of an app: sessions with their events, the user's state, and the user's memory and artifacts in the same
   * file. In batches, so that writers never wait long: sessions and memory that are stored for the user before it resolves may be
   * deleted, too. Resolves to the number of sessions that were deleted.
   * @example const { sessions } = await store.deleteUser({ appName: 'shop', userId: 'ada' });
   */
  async deleteUser(key: { appName: string; userId: string }): Promise<{ sessions: number }> {
    checkNames('key', key, USER_KEY);
    const { appName, userId } = key;
    checkId('appName', appName);
    checkId('userId', userId);
    return { sessions: await this.backend.deleteUser(appName, userId) };
  }

  // ── events ──

  /**
   * Stores an event and applies state deltas, in one atomic write that also sets the session's `updateTime` to the event's
   * time. An event of the session with the same id is replaced at its place. Without `deltas` no state changes, whatever
   * the event's own `stateDelta`. Rejects `'ADK_SESSION_NOT_FOUND'`; with `expectedRevision`, if the session has another
   * one, `'ADK_STALE_SESSION'`.
   * @example await store.appendEvent(event, { session: { cart: ['tea'] } }, { expectedRevision: session.revision });
   */
  async appendEvent(
    event: EventRecord,
    deltas?: StateDeltas,
    options: { expectedRevision?: number } = {},
  ): Promise<{ seq: number; updateTime: number; revision: number }> {
    if (deltas !== undefined) checkNames('deltas', deltas, STATE_DELTAS);
    checkNames('options', options, APPEND_OPTIONS);
    const append = new PreparedAppend<Appended>(this.backend, gatherExtra(event), deltas);
    append.condition = conditionOf(options);
    const { seq, updateTime, revision } = await this.backend.append(append);
    return { seq, updateTime, revision };
  }

  /**
   * Stores many events, of one or more sessions, all or nothing. Rejects `'ADK_SESSION_NOT_FOUND'`.
   * @example await store.appendEvents(imported);
   */
  async appendEvents(events: readonly EventRecord[]): Promise<void> {
    checkArray('events', events);
    await this.backend.appendAll(events.map((event) => new PreparedAppend(this.backend, gatherExtra(event))));
  }

  /**
   * The events of a session, in append order.
   * @example const recent = await store.getEvents(key, { last: 50 });
   */
  async getEvents(key: SessionKey, filter?: EventFilter): Promise<EventRecord[]> {
    checkEvents(key, filter);
    return this.#records(key, await this.backend.listEvents(key, filter ?? {}));
  }

  /**
   * The events of a session, in append order, however many there are: read in batches, as far as the loop goes, of one
   * moment. `after` is exclusive.
   * @example for await (const event of store.iterateEvents(key)) console.log(event.id);
   */
  iterateEvents(
    key: SessionKey,
    filter: Pick<EventFilter, 'after' | 'afterSeq'> = {},
  ): AsyncIterableIterator<EventRecord> {
    const taken = takeSequel(key, filter);
    taken.catch(() => {}); // next() rejects with it
    return this.#iterateEvents(taken);
  }

  async *#iterateEvents(taken: ReturnType<typeof takeSequel>): AsyncGenerator<EventRecord, void> {
    const { key, filter } = await taken;
    for await (const row of this.backend.iterateEvents(key, filter)) yield decodeRecord(this.backend, row, key);
  }

  #records(key: SessionKey, rows: EventRow[]): EventRecord[] {
    return rows.map((row) => decodeRecord(this.backend, row, key));
  }

  /**
   * A page of a session's events by seq, in either order, whatever the number of events. In ascending order `beforeSeq` alone
   * gives the first ones.
   * @example const { events, hasMore } = await store.getEventPage(key, { order: 'desc', beforeSeq: oldest.seq, limit: 20 });
   */
  async getEventPage(key: SessionKey, page?: EventPageOptions): Promise<EventPage> {
    const { rows, hasMore } = await loadEventPage(this.backend, key, page);
    return { events: this.#records(key, rows), hasMore };
  }

  // ── history ──

  /**
   * Takes the session back to a point, in one transaction. Events after it are removed, and kept for `undoRewind()` unless
   * `archive` is false. The state is that of the point; `app:` and `user:` scopes and the title stay. Artifact versions of the
   * session that were saved after the point are hidden, memory of the removed events is erased, and so are summaries that
   * reach past the point. Session objects from before the rewind are stale. Rejects `'ADK_POINT_NOT_FOUND'` and
   * `'ADK_SESSION_NOT_FOUND'`.
   * @example const { removed } = await store.rewind(key, { beforeInvocationId: 'e-42' });
   */
  async rewind(key: SessionKey, to: HistoryPoint, options: RewindOptions = {}): Promise<Rewound<S>> {
    const plan = planRewind(this.backend, key, to, options);
    return (await this.backend.rewind(key, plan)) as Rewound<S>;
  }

  /**
   * Puts back what the last rewind removed, with state, artifacts and memory; state that was set since stays set. Rejects
   * `'ADK_STALE_SESSION'` if events were appended or deleted since, `'ADK_POINT_NOT_FOUND'` if there is no rewind to undo or
   * its events were not kept.
   * @example const { restored } = await store.undoRewind(key);
   */
  async undoRewind(key: SessionKey): Promise<Restored<S>> {
    checkKey(key);
    return (await this.backend.undoRewind(key)) as Restored<S>;
  }

  /**
   * Makes a new session with the history of this one up to a point, by default all of it, in one transaction. Artifact
   * versions are shared: their bytes are stored once. Rejects `'ADK_SESSION_EXISTS'`, `'ADK_POINT_NOT_FOUND'` and
   * `'ADK_SESSION_NOT_FOUND'`.
   * @example const draft = await store.fork(key, { at: { beforeInvocationId: 'e-42' } });
   */
  async fork(key: SessionKey, options: ForkOptions = {}): Promise<SessionRecord<S>> {
    return (await this.backend.fork(key, planFork(key, options))) as SessionRecord<S>;
  }

  /**
   * The session state as it was after the event of this seq. Of sessions that were made by schema version 1, whose first
   * state is not known: the state of now, without the keys that were written later. Rejects `'ADK_POINT_NOT_FOUND'` and
   * `'ADK_SESSION_NOT_FOUND'`.
   * @example const before = await store.stateAt(key, event.seq);
   */
  async stateAt(key: SessionKey, seq: number): Promise<JsonObject> {
    checkKey(key);
    const point = checkPoint('point', { toSeq: seq });
    return stateAt(await this.backend.history(key, point));
  }

  /**
   * Deletes the events of one invocation, and their memory. State that they have set stays. Resolves to their number. Rejects
   * `'ADK_SESSION_NOT_FOUND'`.
   * @example const deleted = await store.deleteInvocation(key, 'e-42');
   */
  async deleteInvocation(key: SessionKey, invocationId: string): Promise<number> {
    checkKey(key);
    checkId('invocationId', invocationId);
    return await this.backend.deleteInvocation(key, invocationId);
  }

  // ── shared states ──

  /**
   * The state that all sessions of an app share; `{}` if nothing was ever set.
   * @example const { currency } = await store.getAppState('shop');
   */
  async getAppState(appName: string): Promise<JsonObject> {
    checkId('appName', appName);
    return await this.backend.sharedState({ appName });
  }

  /**
   * The state that all sessions of one user of an app share; `{}` if nothing was ever set.
   * @example const { language } = await store.getUserState('shop', 'ada');
   */
  async getUserState(appName: string, userId: string): Promise<JsonObject> {
    checkId('appName', appName);
    checkId('userId', userId);
    return await this.backend.sharedState({ appName, userId });
  }

  /**
   * Merges keys into the state of an app: a key's value is replaced, `null` is stored, `undefined` removes the key, other
   * keys stay.
   * @example await store.updateAppState('shop', { currency: 'EUR' });
   */
  async updateAppState(appName: string, delta: JsonObject): Promise<void> {
    checkId('appName', appName);
    await this.backend.mergeSharedState({ appName }, encodeDelta(this.backend.dialect, delta, 'delta'));
  }

  /**
   * Merges keys into the state of one user of an app, in the same way.
   * @example await store.updateUserState('shop', 'ada', { language: 'en' });
   */
  async updateUserState(appName: string, userId: string, delta: JsonObject): Promise<void> {
    checkId('appName', appName);
    checkId('userId', userId);
    await this.backend.mergeSharedState({ appName, userId }, encodeDelta(this.backend.dialect, delta, 'delta'));
  }

  // ── retention ──

  /**
   * Deletes the sessions last updated before a time (milliseconds, exclusive), with their events; of one app or of all.
   * In batches, so that writers never wait long. Resolves to how many sessions were deleted.
   * @example await store.deleteIdleSessions({ idleSince: Date.now() - 90 * 86_400_000 });
   */
  async deleteIdleSessions(filter: { idleSince: number; appName?: string }): Promise<number> {
    checkRetention('idleSince', filter, IDLE_FILTER);
    return await this.backend.deleteIdleSessions(filter);
  }

  /**
   * Deletes the events with a timestamp before a time (milliseconds, exclusive), of one app or of all; sessions and states
   * stay. In batches, so that writers never wait long. Resolves to how many events were deleted.
   * @example await store.deleteOldEvents({ before: Date.now() - 30 * 86_400_000, appName: 'shop' });
   */
  async deleteOldEvents(filter: { before: number; appName?: string }): Promise<number> {
    checkRetention('before', filter, OLD_FILTER);
    return await this.backend.deleteOldEvents(filter);
  }
}

function isBackend(source: Database | Backend): source is Backend {
  return typeof (source as Partial<Backend> | undefined)?.append === 'function';
}
