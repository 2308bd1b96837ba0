import { checkNames } from '../arguments.js';
import { julianDay } from '../codec/julian-day.js';
import { invalidArgument } from '../errors.js';
import type { Executor, Transaction } from '../executor.js';
import {
  APPEND_OPTIONS,
  COUNT_FILTER,
  checkArray,
  checkCount,
  checkKey,
  EVENT_FILTER,
  IDLE_FILTER,
  NEW_SESSION,
  OLD_FILTER,
  SEQUEL_FILTER,
  SESSION_FILTER,
  STATE_DELTAS,
  USERS_FILTER,
} from './arguments.js';
import { decodeEvent, decodeExtra, type EventRow, gatherExtra, hasExtra } from './event-codec.js';
import type { SessionStoreOptions } from './names.js';
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
import { serializeObject } from './serialize.js';
import { decodeSession } from './session-codec.js';
import { prepareAppend, sendAppend, sendAppends } from './sqlite/append.js';
import { type Context, notFound, runReads } from './sqlite/context.js';
import { createSession, deleteSession, iterateEvents, keyParams, loadEvents, loadSession } from './sqlite/jobs.js';
import { KnownIds } from './sqlite/known-ids.js';
import { Layout } from './sqlite/layout.js';
import { countSessions, listSessions } from './sqlite/listing.js';
import { deleteIdleSessions, deleteOldEvents } from './sqlite/retention.js';
import { getAppState, getUserState, updateAppState, updateUserState } from './sqlite/shared-states.js';
import { createTables, dropTables } from './sqlite/tables.js';
import { deleteUser, listApps, listUsers } from './sqlite/users.js';

/** What a store can be built on: a Pool or a Connection. It is never closed by the store. */
export type Database = Executor & { close(): Promise<void> };

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
  readonly #layout: Layout;
  /** @internal What the session service's own jobs need. */
  readonly context: Context;

  /** Throws `'ADK_INVALID_NAME'` for a table name or an owner column that can't be one. */
  constructor(db: Database, options?: SessionStoreOptions);
  /** @internal */
  constructor(db: Executor, layout: Layout);
  constructor(db: Executor, options: SessionStoreOptions | Layout = {}) {
    if (typeof db?.batch !== 'function') throw invalidArgument('db', 'a Pool or a Connection', db);
    const layout = options instanceof Layout ? options : new Layout(options);
    this.#layout = layout;
    // Of its own for each transaction: what is undone with it must not be remembered.
    const known = new KnownIds(options instanceof Layout);
    this.context = { db, names: layout.names, sql: layout.sql, known };
  }

  /**
   * The same store inside the caller's own transaction: its writes commit or roll back with it.
   * @example await pool.transaction(async (tx) => { await store.with(tx).deleteSession(key); await tx.run('…'); });
   */
  with(tx: Transaction): SessionStore<S> {
    return new SessionStore<S>(tx, this.#layout);
  }

  // ── tables ──

  /**
   * Makes the tables, or what is missing of them; any number of callers and processes may race. A file of a newer version
   * rejects `'ADK_SCHEMA_VERSION'`; tables of our names but other columns, and a file of another ADK program (see
   * `foreignTables`), reject `'ADK_SCHEMA_MISMATCH'`. The file is untouched then, its journal mode included.
   * @example await store.createTables();
   */
  async createTables(): Promise<void> {
    await createTables(this.context.db, this.#layout.schema);
  }

  /**
   * Drops the tables and all that is in them. Rejects as {@link createTables} if they are not this store's.
   * @example await store.dropTables();
   */
  async dropTables(): Promise<void> {
    await dropTables(this.context.db, this.#layout.schema);
  }

  // ── sessions ──

  /**
   * Creates a session. One that exists rejects `'ADK_SESSION_EXISTS'`; with `ifExists: 'return'` it is what the call
   * resolves to, untouched.
   * @example const session = await store.createSession({ appName: 'shop', userId: 'ada', state: { cart: [] } });
   */
  async createSession(input: NewSession<S>): Promise<SessionRecord<S>> {
    checkNames<NewSession>('input', input, NEW_SESSION);
    const { snapshot } = await createSession(this.context, input, { limit: 0 });
    return snapshot.session as SessionRecord<S>;
  }

  /**
   * One session, `undefined` if there is none.
   * @example const session = await store.getSession({ appName: 'shop', userId: 'ada', sessionId: 's1' });
   */
  async getSession(key: SessionKey): Promise<SessionRecord<S> | undefined> {
    checkKey(key);
    const query = { sql: this.context.sql.session, params: keyParams(key), jsonColumns: ['state'] };
    const [result] = await runReads(this.context, [query]);
    const [row] = result?.rows ?? [];
    return row && (decodeSession(row, this.context.names) as SessionRecord<S>);
  }

  /**
   * Session, both shared states and events of one moment; `undefined` if there is no such session.
   * @example const loaded = await store.loadSession(key, { last: 50 });
   */
  async loadSession(key: SessionKey, filter?: EventFilter): Promise<LoadedSession<S> | undefined> {
    if (filter !== undefined) checkNames('filter', filter, EVENT_FILTER);
    const loaded = await loadSession(this.context, key, filter);
    if (!loaded) return undefined;
    const { session, appState, userState } = loaded.snapshot;
    return { session: session as SessionRecord<S>, appState, userState, events: this.#records(key, loaded.events) };
  }

  /**
   * Replaces the whole session state and sets `updateTime` to now. Rejects `'ADK_SESSION_NOT_FOUND'`.
   * @example await store.updateSessionState(key, { cart: [] });
   */
  async updateSessionState(key: SessionKey, state: S): Promise<void> {
    checkKey(key);
    const params = [serializeObject(state, 'state'), julianDay.encode(Date.now()), ...keyParams(key)];
    const { changes } = await this.context.db.run(this.context.sql.replaceState, params);
    if (changes === 0) throw notFound(key.sessionId);
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
    const { rows, total } = await listSessions(this.context, filter, false);
    return { sessions: rows.map((row) => decodeSession(row, this.context.names) as SessionRecord<S>), total };
  }

  /**
   * How many sessions an app has, or one of its users: read from a counter, whatever the number.
   * @example const total = await store.countSessions({ appName: 'shop' });
   */
  async countSessions(filter: { appName: string; userId?: string }): Promise<number> {
    checkNames('filter', filter, COUNT_FILTER);
    return await countSessions(this.context, filter);
  }

  /**
   * Deletes a session and its events; with `memory: true` what a memory in the same file holds of it is erased, too. Resolves
   * to whether the session existed.
   * @example const existed = await store.deleteSession({ ...key, memory: true });
   */
  async deleteSession(key: SessionKey & { memory?: boolean }): Promise<boolean> {
    return await deleteSession(this.context, key);
  }

  // ── apps and users ──

  /**
   * Every app that has sessions, with their number, in the order of the names.
   * @example const apps = await store.listApps();
   */
  async listApps(): Promise<{ appName: string; sessions: number }[]> {
    return await listApps(this.context);
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
    return await listUsers(this.context, filter);
  }

  /**
   * Deletes one user of an app: sessions with their events, the user's state, and the user's memory and artifacts in the same
   * file. In batches, so that writers never wait long. Resolves to the number of sessions that were deleted.
   * @example const { sessions } = await store.deleteUser({ appName: 'shop', userId: 'ada' });
   */
  async deleteUser(key: { appName: string; userId: string }): Promise<{ sessions: number }> {
    return await deleteUser(this.context, key);
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
    const append = prepareAppend(gatherExtra(event), deltas);
    checkCount('options.expectedRevision', options.expectedRevision);
    const { expectedRevision: revision } = options;
    const terms =
      revision === undefined ? ({ kind: 'any' } as const) : ({ kind: 'reject', revision, sessionKey: null } as const);
    const appended = await sendAppend(this.context, append, terms);
    return { seq: appended.seq, updateTime: append.updateTimeMs, revision: appended.revision };
  }

  /**
   * Stores many events, of one or more sessions, all or nothing. Rejects `'ADK_SESSION_NOT_FOUND'`.
   * @example await store.appendEvents(imported);
   */
  async appendEvents(events: readonly EventRecord[]): Promise<void> {
    checkArray('events', events);
    await sendAppends(
      this.context,
      events.map((event) => prepareAppend(gatherExtra(event))),
    );
  }

  /**
   * The events of a session, in append order.
   * @example const recent = await store.getEvents(key, { last: 50 });
   */
  async getEvents(key: SessionKey, filter?: EventFilter): Promise<EventRecord[]> {
    if (filter !== undefined) checkNames('filter', filter, EVENT_FILTER);
    return this.#records(key, await loadEvents(this.context, key, filter));
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
    return this.#iterateEvents({ ...key }, { ...filter });
  }

  async *#iterateEvents(
    key: SessionKey,
    filter: Pick<EventFilter, 'after' | 'afterSeq'>,
  ): AsyncGenerator<EventRecord, void> {
    checkNames('filter', filter, SEQUEL_FILTER);
    for await (const row of iterateEvents(this.context, key, filter)) {
      yield recordOf(row, key, this.context.names.events);
    }
  }

  #records(key: SessionKey, rows: EventRow[]): EventRecord[] {
    return rows.map((row) => recordOf(row, key, this.context.names.events));
  }

  // ── shared states ──

  /**
   * What all sessions of an app share; `{}` if nothing was ever set.
   * @example const { currency } = await store.getAppState('shop');
   */
  async getAppState(appName: string): Promise<JsonObject> {
    return await getAppState(this.context, appName);
  }

  /**
   * What all sessions of one user of an app share; `{}` if nothing was ever set.
   * @example const { language } = await store.getUserState('shop', 'ada');
   */
  async getUserState(appName: string, userId: string): Promise<JsonObject> {
    return await getUserState(this.context, appName, userId);
  }

  /**
   * Merges keys into the state of an app: a key's value is replaced, `null` is stored, `undefined` removes the key, other
   * keys stay.
   * @example await store.updateAppState('shop', { currency: 'EUR' });
   */
  async updateAppState(appName: string, delta: JsonObject): Promise<void> {
    await updateAppState(this.context, appName, delta);
  }

  /**
   * Merges keys into the state of one user of an app, in the same way.
   * @example await store.updateUserState('shop', 'ada', { language: 'en' });
   */
  async updateUserState(appName: string, userId: string, delta: JsonObject): Promise<void> {
    await updateUserState(this.context, appName, userId, delta);
  }

  // ── retention ──

  /**
   * Deletes the sessions last updated before a time (milliseconds, exclusive), with their events; of one app or of all.
   * In batches, so that writers never wait long. Resolves to how many sessions were deleted.
   * @example await store.deleteIdleSessions({ idleSince: Date.now() - 90 * 86_400_000 });
   */
  async deleteIdleSessions(filter: { idleSince: number; appName?: string }): Promise<number> {
    checkNames('filter', filter, IDLE_FILTER);
    return await deleteIdleSessions(this.context, filter);
  }

  /**
   * Deletes the events with a timestamp before a time (milliseconds, exclusive), of one app or of all; sessions and states
   * stay. In batches, so that writers never wait long. Resolves to how many events were deleted.
   * @example await store.deleteOldEvents({ before: Date.now() - 30 * 86_400_000, appName: 'shop' });
   */
  async deleteOldEvents(filter: { before: number; appName?: string }): Promise<number> {
    checkNames('filter', filter, OLD_FILTER);
    return await deleteOldEvents(this.context, filter);
  }
}

/** Written out: object spread costs thirty times as much. */
function recordOf(row: EventRow, key: SessionKey, table: string): EventRecord {
  const record = decodeEvent(row, table) as EventRecord;
  record.sessionId = key.sessionId;
  record.appName = key.appName;
  record.userId = key.userId;
  record.seq = Number(row[0]);
  if (hasExtra(row)) {
    const { extra, unbranded } = decodeExtra(record, row, table);
    if (extra) record.extra = extra;
    if (unbranded) record.unbranded = true;
  }
  return record;
}
