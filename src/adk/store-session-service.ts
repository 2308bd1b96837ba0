import {
  type AppendEventRequest,
  BaseSessionService,
  type CreateSessionRequest,
  type DeleteSessionRequest,
  type Event,
  type GetSessionRequest,
  type ListSessionsRequest,
  type ListSessionsResponse,
  type Session,
} from '@google/adk';
import { checkObject } from '../arguments.js';
import type { Calls } from '../source/service-calls.js';
import {
  type Backend,
  checkChoice,
  checkCount,
  checkEventFilter,
  checkKey,
  checkSessionFilter,
  type EventFilter,
  type EventPageOptions,
  type ForkOptions,
  type HistoryPoint,
  type JsonObject,
  type Loaded,
  loadEventPage,
  loadVisible,
  prepareSession,
  type RewindOptions,
  type SessionKey,
  SessionStore,
  sessionNotFound,
  visible,
} from '../store/internal.js';
import { checkAppend, keyOf, newSessionOf } from './arguments.js';
import type { SessionServiceOptions } from './options.js';
import { offsetOf, pageOf } from './pagination.js';
import { toEvent } from './session/event-codec.js';
import { SessionObjects } from './session/session-objects.js';
import type { Opened } from './source.js';

/**
 * ADK's session service over a {@link SessionStore}, whatever its database: {@link SqliteSessionService} and
 * {@link PostgresSessionService}. Tables are made at the first call. Wrong arguments reject a TypeError or RangeError that
 * names the argument, all else a StoreError or the database's errors.
 */
export abstract class StoreSessionService<Store extends SessionStore = SessionStore> extends BaseSessionService {
  /** The store beneath, for what ADK has no call for: retention, owners, transactions. */
  readonly store: Store;
  /** The same store, which waits until the tables are there. */
  readonly #store: SessionStore;
  readonly #backend: Backend;
  readonly #calls: Calls;
  readonly #objects: SessionObjects;

  /** @internal */
  constructor({ store, calls, tables }: Opened<Store>, staleSessions: SessionServiceOptions['staleSessions']) {
    super();
    checkChoice('staleSessions', staleSessions, ['merge', 'reject']);
    this.store = store;
    this.#calls = calls;
    this.#backend = store.backend.after(() => tables.ready());
    this.#store = new SessionStore(this.#backend);
    this.#objects = new SessionObjects(this.#backend, calls, staleSessions === 'reject');
  }

  /**
   * Creates a session; without a `sessionId` it gets a UUID. Keys of `state` that begin with `app:` or `user:` go to the
   * shared states, `temp:` keys are dropped. Rejects `'ADK_SESSION_EXISTS'`.
   * @example const session = await service.createSession({ appName: 'shop', userId: 'ada', state: { 'app:currency': 'EUR' } });
   */
  override async createSession(request: CreateSessionRequest): Promise<Session> {
    return await this.#calls.make(() => this.#create(request, 'error'));
  }

  /**
   * The session with its events if it exists, untouched; otherwise it is created. Atomic: any number of callers get one.
   * @example const session = await service.getOrCreateSession({ appName: 'shop', userId: 'ada', sessionId: 's1' });
   */
  override async getOrCreateSession(request: CreateSessionRequest): Promise<Session> {
    return await this.#calls.make(() => this.#create(request, 'return'));
  }

  async #create(request: CreateSessionRequest, ifExists: 'error' | 'return'): Promise<Session> {
    const input = { ...newSessionOf(request), ifExists };
    const shown = ifExists === 'return' ? {} : { limit: 0 };
    const { snapshot, events } = await this.#backend.create(prepareSession(this.#backend, input), shown);
    return this.#objects.make(snapshot, visible(this.#backend, events));
  }

  /**
   * A session with its events and the state of all scopes, of one moment; `undefined` if there is none. `config` limits
   * the events: `numRecentEvents` the newest n (0: none), `afterTimestamp` (milliseconds) only later ones.
   * @example const session = await service.getSession({ appName, userId, sessionId, config: { numRecentEvents: 50 } });
   */
  override async getSession(request: GetSessionRequest): Promise<Session | undefined> {
    checkObject('request', request);
    // A Runner that was made without an appName then rejects with a sentence that says so.
    if (request.appName === undefined) return undefined;
    const { numRecentEvents: last, afterTimestamp: after } = request.config ?? {};
    checkCount('config.numRecentEvents', last);
    const loaded = await this.#calls.make(() => this.#load(keyOf(request), { last, after }));
    return loaded && this.#objects.make(loaded.snapshot, loaded.events);
  }

  async #load(key: SessionKey, filter: EventFilter): Promise<Loaded | undefined> {
    checkKey(key);
    checkEventFilter(filter);
    return await loadVisible(this.#backend, key, filter);
  }

  /**
   * A page of an app's sessions, or of one user's; with state, without events. The most recently updated first, unless
   * `order` says otherwise. `title` keeps the sessions whose `__session_metadata__.displayName` contains it, in either case of
   * any script.
   * @example const { sessions, totalPages } = await service.listSessions({ appName: 'shop', userId: 'ada', limit: 20, page: 1 });
   */
  override async listSessions(request: ListSessionsRequest & { title?: string }): Promise<ListSessionsResponse> {
    checkObject('request', request);
    const filter = { ...request, offset: offsetOf(request) };
    const { sessions, total } = await this.#calls.make(async () => {
      checkSessionFilter(filter);
      return await this.#backend.listSnapshots(filter);
    });
    return { sessions: sessions.map((snapshot) => this.#objects.make(snapshot, [])), ...pageOf(request, total) };
  }

  /**
   * Deletes a session and its events; does nothing if it does not exist. A memory in the same file keeps what it holds of
   * the session, unless `memory` is true.
   * @example await service.deleteSession({ appName: 'shop', userId: 'ada', sessionId: 's1', memory: true });
   */
  override async deleteSession(request: DeleteSessionRequest & { memory?: boolean }): Promise<void> {
    checkObject('request', request);
    const { memory } = request;
    const key = { ...keyOf(request), ...(memory !== undefined && { memory }) };
    await this.#calls.make(() => this.#store.deleteSession(key));
  }

  /**
   * Stores an event and the state changes in its `stateDelta`, in one write that others share a commit with; then changes
   * `session` in place, as ADK's own `appendEvent` does. Partial events are returned as they came. If the write fails,
   * session and event are as before. Rejects `'ADK_SESSION_NOT_FOUND'`, `'ADK_STALE_SESSION'`, `'ADK_NOT_SERIALIZABLE'`.
   * @example await service.appendEvent({ session, event: createEvent({ author: 'user', invocationId, content }) });
   */
  override appendEvent(request: AppendEventRequest): Promise<Event> {
    try {
      checkObject('request', request);
      this.#calls.check();
      const { session, event } = request;
      const handle = this.#objects.handleOf(session);
      checkAppend(session, event);
      return event.partial ? Promise.resolve(event) : handle.append(event);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes a session back to a point: events after it go, the state is that of the point, artifacts and memory follow. See
   * {@link SessionStore.rewind}. Session objects from before are stale: under `'merge'` their next append catches up.
   * @example const { session } = await service.rewind(key, { beforeInvocationId: event.invocationId });
   */
  async rewind(
    key: SessionKey,
    to: HistoryPoint,
    options?: RewindOptions,
  ): Promise<{ removed: number; session: Session }> {
    return await this.#calls.make(async () => {
      const { removed } = await this.#store.rewind(key, to, options);
      return { removed, session: await this.#show(key) };
    });
  }

  /**
   * Puts back what the last rewind removed. Rejects `'ADK_STALE_SESSION'` if events were appended since.
   * @example const { restored, session } = await service.undoRewind(key);
   */
  async undoRewind(key: SessionKey): Promise<{ restored: number; session: Session }> {
    return await this.#calls.make(async () => {
      const { restored } = await this.#store.undoRewind(key);
      return { restored, session: await this.#show(key) };
    });
  }

  /**
   * Makes a new session with the history of one up to a point, by default all of it. Rejects `'ADK_SESSION_EXISTS'`.
   * @example const draft = await service.fork(key, { at: { toSeq: 12 } });
   */
  async fork(key: SessionKey, options?: ForkOptions): Promise<Session> {
    return await this.#calls.make(async () => {
      const { appName, userId, id: sessionId } = await this.#store.fork(key, options);
      return await this.#show({ appName, userId, sessionId });
    });
  }

  /**
   * The session's own state, without `app:` and `user:` keys, as it was after the event of a seq.
   * @example const before = await service.stateAt(key, 12);
   */
  async stateAt(key: SessionKey, seq: number): Promise<JsonObject> {
    return await this.#calls.make(() => this.#store.stateAt(key, seq));
  }

  /**
   * Deletes the events of an invocation, and their memory; state that they have set stays. Resolves to their number.
   * @example await service.deleteInvocation(key, event.invocationId);
   */
  async deleteInvocation(key: SessionKey, invocationId: string): Promise<number> {
    return await this.#calls.make(() => this.#store.deleteInvocation(key, invocationId));
  }

  /**
   * A page of a session's events in either order, each with its `seq`, the place of history that `stateAt()` and `rewind()`
   * take.
   * @example const { events, hasMore } = await service.getEventPage(key, { order: 'desc', limit: 20 });
   */
  async getEventPage(
    key: SessionKey,
    page?: EventPageOptions,
  ): Promise<{ events: { seq: number; event: Event }[]; hasMore: boolean }> {
    return await this.#calls.make(async () => {
      const { rows, hasMore } = await loadEventPage(this.#backend, key, page);
      return { events: rows.map((row) => ({ seq: Number(row[0]), event: toEvent(this.#backend, row) })), hasMore };
    });
  }

  async #show(key: SessionKey): Promise<Session> {
    const loaded = await loadVisible(this.#backend, key, {});
    if (!loaded) throw sessionNotFound(key.sessionId);
    return this.#objects.make(loaded.snapshot, loaded.events);
  }

  /**
   * State that all sessions of an app share, keys without the prefix `app:`.
   * @example const { currency } = await service.getAppState({ appName: 'shop' });
   */
  async getAppState(request: { appName: string }): Promise<JsonObject> {
    checkObject('request', request);
    return await this.#calls.make(() => this.#store.getAppState(request.appName));
  }

  /**
   * State that all sessions of one user of an app share, keys without the prefix `user:`.
   * @example const { language } = await service.getUserState({ appName: 'shop', userId: 'ada' });
   */
  async getUserState(request: { appName: string; userId: string }): Promise<JsonObject> {
    checkObject('request', request);
    return await this.#calls.make(() => this.#store.getUserState(request.appName, request.userId));
  }

  /**
   * Deletes one user of an app: sessions with their events, the user's state, and the user's memory and artifacts in the same
   * file. In batches, so that writers never wait long.
   * @example await service.deleteUser({ appName: 'shop', userId: 'ada' });
   */
  async deleteUser(request: { appName: string; userId: string }): Promise<void> {
    checkObject('request', request);
    await this.#calls.make(() => this.#store.deleteUser(request));
  }

  /**
   * Closes the pool if this service opened it; a store that it was given stays open. Every call made before finishes first,
   * whatever it waits for; later calls reject `'ERR_CLOSED'`.
   * @example process.once('SIGTERM', () => void service.close());
   */
  async close(): Promise<void> {
    await this.#calls.close();
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Makes a call of a subclass: close() waits for it. */
  protected call<T>(call: () => Promise<T>): Promise<T> {
    return this.#calls.make(call);
  }
}
