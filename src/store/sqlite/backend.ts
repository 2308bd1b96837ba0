import { invalidArgument } from '../../errors.js';
import type { Executor, SqlParam } from '../../executor.js';
import type { Backend, SharedScope } from '../backend.js';
import type { Delta } from '../codec/deltas.js';
import { decodeSession, decodeSnapshot } from '../codec/session-codec.js';
import type { ForkPlan, RewindPlan } from '../history/plan.js';
import type { HistoryPoint } from '../history/records.js';
import type { SessionStoreOptions } from '../names.js';
import { nameOf, type PreparedAppend, type PreparedSession, statesOf } from '../prepare.js';
import type { EventFilter, EventRecord, SessionFilter, SessionKey } from '../records.js';
import { append, appendAll } from './append/append.js';
import type { Attachments } from './append/attachments.js';
import type { RefuseWait } from './append/chain.js';
import { KnownIds } from './append/known-ids.js';
import type { Context } from './context.js';
import { CONTENT_AT, eventCodec, sessionCodec, sqliteDialect } from './dialect.js';
import { deleteInvocation } from './history/delete-invocation.js';
import { fork } from './history/fork.js';
import { countEvents, isMarked, readEventPage, readMoment } from './history/read.js';
import { rewind } from './history/rewind.js';
import { mergeState, replaceState } from './history/state.js';
import { undoRewind } from './history/undo.js';
import {
  createSession,
  deleteSession,
  iterateEvents,
  loadAfterWrites,
  loadEvents,
  loadSession,
  readSession,
} from './jobs.js';
import { Layout } from './layout.js';
import { countSessions, listRows } from './listing.js';
import { deleteIdleSessions, deleteOldEvents } from './retention.js';
import { getSharedState, mergeSharedState } from './shared-states.js';
import { createTables, dropTables } from './tables.js';
import { SqliteTransfer } from './transfer/transfer.js';
import { deleteUser, listApps, listUsers } from './users.js';

/** Base of a store: a Pool or a Connection. The store never closes it. */
export type Database = Executor & { close(): Promise<void> };

/** Makes the backend of a store. Throws `'ADK_INVALID_NAME'` for a table name or an owner column that can't be one. */
export function openBackend(db: Database, options: SessionStoreOptions): SqliteBackend {
  return new SqliteBackend(db, new Layout(options), new KnownIds({ chains: isPool(db), refuseWait: refuseWaitOf(db) }));
}

/** A write that waits is refused where one that is sent would be: inside a transaction on the same pool or connection. */
const refuseWaitOf =
  (db: Executor & { checkWrite?(): void }): RefuseWait =>
  () => {
    try {
      db.checkWrite?.();
      return undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  };

/** Calls of a pool are in no transaction that a caller has begun by hand. */
const isPool = (db: Database): boolean => typeof (db as { acquire?: unknown } | undefined)?.acquire === 'function';

/** Sessions in an SQLite file. Most operations are one job on the connection's thread. */
export class SqliteBackend implements Backend, Context {
  readonly db: Executor;
  readonly layout: Layout;
  readonly names;
  readonly sql;
  readonly dialect = sqliteDialect;
  readonly events = eventCodec;
  readonly sessions = sessionCodec;
  readonly known: KnownIds;
  readonly ready: Context['ready'];
  readonly #attachments: Attachments | undefined;

  constructor(db: Executor, layout: Layout, known: KnownIds, ready?: Context['ready'], attachments?: Attachments) {
    if (typeof db?.batch !== 'function') throw invalidArgument('db', 'a Pool or a Connection', db);
    this.db = db;
    this.layout = layout;
    this.names = layout.names;
    this.sql = layout.sql;
    this.known = known;
    this.ready = ready;
    this.#attachments = attachments;
  }

  within(transaction: Executor) {
    // Known ids of its own: a rollback must not leave any behind.
    return new SqliteBackend(
      transaction,
      this.layout,
      new KnownIds({ keepsUncommitted: true, refuseWait: refuseWaitOf(transaction) }),
      undefined,
      this.#attachments,
    );
  }

  after(ready: () => Promise<void> | undefined) {
    return new SqliteBackend(this.db, this.layout, this.known, ready, this.#attachments);
  }

  /** The same storage, whose appends carry these statements along. */
  attaching(attachments: Attachments) {
    return new SqliteBackend(this.db, this.layout, this.known, this.ready, attachments);
  }

  createTables() {
    return createTables(this.db, this.layout.schema);
  }

  dropTables() {
    return dropTables(this.db, this.layout.schema);
  }

  create(session: PreparedSession, events: EventFilter) {
    return this.known.inTurn([nameOf(session.key)], () => createSession(this, session, events), statesOf(session));
  }

  session(key: SessionKey) {
    return readSession(this, key);
  }

  load(key: SessionKey, events: EventFilter) {
    return loadSession(this, key, events);
  }

  loadAfterWrites(key: SessionKey, afterSeq: number) {
    return this.#inTurn(key, () => loadAfterWrites(this, key, afterSeq));
  }

  replaceState(key: SessionKey, state: string) {
    return this.#inTurn(key, () => replaceState(this, key, state));
  }

  mergeState(key: SessionKey, delta: Delta) {
    return this.#inTurn(key, () => mergeState(this, key, delta));
  }

  async list(filter: SessionFilter) {
    const { sessions, total } = await listRows(this, filter, false);
    return { sessions: sessions.map((row) => decodeSession(this, row)), total };
  }

  async listSnapshots(filter: SessionFilter) {
    const { sessions, total } = await listRows(this, filter, true);
    return { sessions: sessions.map((row) => decodeSnapshot(this, row)), total };
  }

  count(scope: SharedScope) {
    return countSessions(this, scope);
  }

  delete(key: SessionKey, memory: boolean) {
    return this.#inTurn(key, () => deleteSession(this, key, memory));
  }

  attach(event: EventRecord, params: readonly SqlParam[]) {
    return this.#attachments?.of(event, params[CONTENT_AT]);
  }

  append<Result>(prepared: PreparedAppend<Result>) {
    return append(this, prepared);
  }

  appendAll(appends: readonly PreparedAppend[]) {
    return appendAll(this, appends);
  }

  listEvents(key: SessionKey, filter: EventFilter) {
    return loadEvents(this, key, filter);
  }

  iterateEvents(key: SessionKey, filter: Pick<EventFilter, 'after' | 'afterSeq'>) {
    return iterateEvents(this, key, filter);
  }

  eventPage(key: SessionKey, page: Parameters<Backend['eventPage']>[1]) {
    return readEventPage(this, key, page);
  }

  isMarked(key: SessionKey, afterSeq: number) {
    return isMarked(this, key, afterSeq);
  }

  countEvents(key: SessionKey) {
    return countEvents(this, key);
  }

  get transfer() {
    return new SqliteTransfer(this);
  }

  history(key: SessionKey, point: HistoryPoint) {
    return readMoment(this, key, point);
  }

  rewind(key: SessionKey, plan: RewindPlan) {
    return this.#inTurn(key, () => rewind(this, key, plan, this.#attachments?.functionResponses));
  }

  undoRewind(key: SessionKey) {
    return this.#inTurn(key, () => undoRewind(this, key, this.#attachments?.functionResponses));
  }

  fork(key: SessionKey, plan: ForkPlan) {
    const forked = { ...key, userId: plan.userId, sessionId: plan.sessionId };
    return this.known.inTurn([nameOf(key), nameOf(forked)], () => fork(this, key, plan));
  }

  deleteInvocation(key: SessionKey, invocationId: string) {
    const work = () => deleteInvocation(this, key, invocationId, this.#attachments?.functionResponses);
    return this.#inTurn(key, work);
  }

  sharedState(scope: SharedScope) {
    return getSharedState(this, scope);
  }

  mergeSharedState(scope: SharedScope, delta: Delta) {
    return mergeSharedState(this, scope, delta);
  }

  listApps() {
    return listApps(this);
  }

  listUsers(filter: { appName: string; limit?: number; after?: string }) {
    return listUsers(this, filter);
  }

  deleteUser(appName: string, userId: string) {
    return deleteUser(this, appName, userId);
  }

  deleteIdleSessions(filter: { idleSince: number; appName?: string }) {
    return deleteIdleSessions(this, filter);
  }

  deleteOldEvents(filter: { before: number; appName?: string }) {
    return deleteOldEvents(this, filter);
  }

  /** Sends a write after the appends of its session that were called before it. */
  #inTurn<T>(key: SessionKey, send: () => Promise<T>): Promise<T> {
    return this.known.inTurn([nameOf(key)], send);
  }
}
