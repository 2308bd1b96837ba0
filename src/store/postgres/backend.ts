import { invalidArgument } from '../../errors.js';
import type { Backend, SharedScope } from '../backend.js';
import type { Delta } from '../codec/deltas.js';
import type { ForkPlan, RewindPlan } from '../history/plan.js';
import type { HistoryPoint } from '../history/records.js';
import type { PreparedAppend, PreparedSession } from '../prepare.js';
import type { EventFilter, SessionFilter, SessionKey } from '../records.js';
import { append, appendAll, appendShared } from './append.js';
import type { PgClient } from './client.js';
import { InTransaction, type Runner } from './connections.js';
import type { Context, PendingAppend } from './context.js';
import { eventCodec, postgresDialect, sessionCodec } from './dialect.js';
import { countEvents, eventPage, isMarked, iterateEvents, listEvents } from './events.js';
import { deleteInvocation } from './history/delete-invocation.js';
import { fork } from './history/fork.js';
import { readHistory } from './history/read.js';
import { rewind } from './history/rewind.js';
import { undoRewind } from './history/undo.js';
import type { Layout } from './layout.js';
import { buildQueries } from './queries.js';
import { deleteIdleSessions, deleteOldEvents, deleteUser, listApps, listUsers } from './retention.js';
import {
  countSessions,
  createSession,
  deleteSession,
  listSessions,
  listSnapshots,
  loadAfterWrites,
  loadSession,
  mergeState,
  readSession,
  replaceState,
} from './sessions.js';
import { getSharedState, mergeSharedState } from './shared-states.js';
import { createTables, dropTables } from './tables.js';
import { PostgresTransfer } from './transfer/transfer.js';
import { Turns } from './turns.js';

/** How statements are sent. */
export interface Sending {
  batch: boolean;
  prepare: boolean;
}

/** Sessions in a PostgreSQL database. Each write is one statement, most of them a function. */
export class PostgresBackend implements Backend {
  readonly names;
  readonly dialect = postgresDialect;
  readonly events = eventCodec;
  readonly sessions = sessionCodec;
  // Private: a printed store shows no pool, and so no password.
  readonly #context: Context;
  readonly #sending: Sending;

  constructor(layout: Layout, runner: Runner, sending: Sending, context?: Partial<Context>) {
    this.names = layout.names;
    this.#sending = sending;
    this.#context = {
      names: layout.names,
      dialect: postgresDialect,
      sessions: sessionCodec,
      layout,
      sql: context?.sql ?? buildQueries(layout),
      runner,
      turns: runner.inTransaction ? undefined : (context?.turns ?? turnsOf(sending)),
      ready: context?.ready,
    };
  }

  within(client: unknown): PostgresBackend {
    const { query, batch } = (client ?? {}) as { query?: unknown; batch?: unknown };
    // A transaction of SQLite's has both.
    if (typeof query !== 'function' || batch !== undefined) {
      throw invalidArgument('client', 'a client of pg, inside a transaction', client);
    }
    const { layout, sql } = this.#context;
    const runner = new InTransaction(client as PgClient, this.#sending.prepare);
    return new PostgresBackend(layout, runner, this.#sending, { sql });
  }

  after(ready: () => Promise<void> | undefined): PostgresBackend {
    const { layout, runner, sql, turns } = this.#context;
    return new PostgresBackend(layout, runner, this.#sending, { sql, turns, ready });
  }

  createTables() {
    return createTables(this.#context.runner, this.#context.layout);
  }

  dropTables() {
    return dropTables(this.#context.runner, this.#context.layout);
  }

  create(session: PreparedSession, events: EventFilter) {
    return createSession(this.#context, session, events);
  }

  session(key: SessionKey) {
    return readSession(this.#context, key);
  }

  load(key: SessionKey, events: EventFilter) {
    return loadSession(this.#context, key, events);
  }

  loadAfterWrites(key: SessionKey, afterSeq: number) {
    return loadAfterWrites(this.#context, key, afterSeq);
  }

  replaceState(key: SessionKey, state: string) {
    return replaceState(this.#context, key, state);
  }

  mergeState(key: SessionKey, delta: Delta) {
    return mergeState(this.#context, key, delta);
  }

  list(filter: SessionFilter) {
    return listSessions(this.#context, filter);
  }

  listSnapshots(filter: SessionFilter) {
    return listSnapshots(this.#context, filter);
  }

  count(filter: { appName: string; userId?: string }) {
    return countSessions(this.#context, filter);
  }

  delete(key: SessionKey) {
    return deleteSession(this.#context, key);
  }

  append<Result>(prepared: PreparedAppend<Result>) {
    return prepared.endWith(append(this.#context, prepared));
  }

  appendAll(appends: readonly PreparedAppend[]) {
    return appendAll(this.#context, appends);
  }

  listEvents(key: SessionKey, filter: EventFilter) {
    return listEvents(this.#context, key, filter);
  }

  iterateEvents(key: SessionKey, filter: Pick<EventFilter, 'after' | 'afterSeq'>) {
    return iterateEvents(this.#context, key, filter);
  }

  eventPage(key: SessionKey, page: { afterSeq: number; beforeSeq: number; limit: number; order: 'asc' | 'desc' }) {
    return eventPage(this.#context, key, page);
  }

  isMarked(key: SessionKey, afterSeq: number) {
    return isMarked(this.#context, key, afterSeq);
  }

  countEvents(key: SessionKey) {
    return countEvents(this.#context, key);
  }

  get transfer() {
    return new PostgresTransfer(this.#context);
  }

  history(key: SessionKey, point: HistoryPoint) {
    return readHistory(this.#context, key, point);
  }

  rewind(key: SessionKey, plan: RewindPlan) {
    return rewind(this.#context, key, plan);
  }

  undoRewind(key: SessionKey) {
    return undoRewind(this.#context, key);
  }

  fork(key: SessionKey, plan: ForkPlan) {
    return fork(this.#context, key, plan);
  }

  deleteInvocation(key: SessionKey, invocationId: string) {
    return deleteInvocation(this.#context, key, invocationId);
  }

  sharedState(scope: SharedScope) {
    return getSharedState(this.#context, scope);
  }

  mergeSharedState(scope: SharedScope, delta: Delta) {
    return mergeSharedState(this.#context, scope, delta);
  }

  listApps() {
    return listApps(this.#context);
  }

  listUsers(filter: { appName: string; limit?: number; after?: string }) {
    return listUsers(this.#context, filter);
  }

  deleteUser(appName: string, userId: string) {
    return deleteUser(this.#context, appName, userId);
  }

  deleteIdleSessions(filter: { idleSince: number; appName?: string }) {
    return deleteIdleSessions(this.#context, filter);
  }

  deleteOldEvents(filter: { before: number; appName?: string }) {
    return deleteOldEvents(this.#context, filter);
  }
}

function turnsOf({ batch }: Sending): Turns<PendingAppend> {
  return new Turns(batch ? appendShared : undefined);
}
