import { randomUUID } from 'node:crypto';
import type {
  AgentInputItem,
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
} from '@openai/agents-core';
import type { NamesOf } from '../arguments.js';
import { checkArray, checkObject } from '../arguments.js';
import { invalidArgument, outOfRange } from '../errors.js';
import type { BatchQuery, Connection, Executor, Pool, PoolOptions } from '../index.js';
import { type AdapterDatabase, type AdapterTables, openAdapter } from '../source/adapter.js';
import { checkRowName } from '../source/names.js';
import { decode, encode, type StoredItem } from './items.js';
import { checkedTransaction, inMemory, repeated } from './memory.js';

/** Options of {@link SqliteSession}. */
export interface SqliteSessionOptions {
  /** Name of the session. One that the file has goes on. Default: a new UUID. */
  sessionId?: string;
}

/** Databases of a session: a pool or connection, which stays open, or a path, a URL or options, from which it opens a pool. */
export type SqliteSessionSource = Pool | Connection | string | URL | (PoolOptions & SqliteSessionOptions);

const OPTIONS: NamesOf<SqliteSessionOptions> = { sessionId: true };

const TABLES: AdapterTables = {
  openai_items: `
    CREATE TABLE IF NOT EXISTS openai_items (id INTEGER PRIMARY KEY, session_id TEXT NOT NULL, item NOT NULL);
    CREATE INDEX IF NOT EXISTS openai_items_session ON openai_items (session_id);`,
  openai_operations: `
    CREATE TABLE IF NOT EXISTS openai_operations (
      session_id TEXT NOT NULL, operation_id TEXT NOT NULL, change NOT NULL,
      PRIMARY KEY (session_id, operation_id)
    );`,
};

const INSERT = 'INSERT INTO openai_items (session_id, item) VALUES (?, ?)';
const LAST = 'SELECT id, item FROM openai_items WHERE session_id = ? ORDER BY id DESC LIMIT ?';
const POP = `DELETE FROM openai_items WHERE id =
  (SELECT id FROM openai_items WHERE session_id = ? ORDER BY id DESC LIMIT 1) RETURNING item`;
const DELETE_ITEMS = 'DELETE FROM openai_items WHERE session_id = ?';
const DELETE_FROM = 'DELETE FROM openai_items WHERE session_id = ? AND id >= ?';
const OPERATION = 'SELECT change FROM openai_operations WHERE session_id = ? AND operation_id = ?';
const INSERT_OPERATION = 'INSERT INTO openai_operations (session_id, operation_id, change) VALUES (?, ?, ?)';
const DELETE_OPERATIONS = 'DELETE FROM openai_operations WHERE session_id = ?';

/** Overwrites what is deleted: clearSession() would find no copies that earlier deletions have left. */
const OVERWRITING = { secureDelete: true } as const;

/** All rows, as a LIMIT. */
const ALL = -1;

interface ItemRow {
  readonly id: number;
  readonly item: StoredItem;
}

/**
 * A session of the OpenAI Agents SDK in SQLite: the history of one conversation, which outlives the process and can be shared
 * by several. It behaves as the SDK's MemorySession does. Every change is atomic, and durable when its Promise resolves.
 * Wrong arguments reject a TypeError or RangeError that names the argument, transactions that do not apply the SDK's
 * `UserError`, and calls after close() `'ERR_CLOSED'`.
 *
 * @example
 * const session = new SqliteSession('agent.db', { sessionId: 'chat-42' });
 * await run(agent, 'Hello', { session });
 * await session.close();
 */
export class SqliteSession implements SessionHistoryRewriteAwareSession, SessionHistoryTransactionAwareSession {
  readonly #database: AdapterDatabase;
  readonly #id: string;

  /**
   * @param source a pool or connection, which stays open; or a path, a URL or options, from which the session opens a pool.
   * Tables are made at the first call. Throws on wrong options.
   * @param options of the session; with a path or URL, of the pool too
   * @example new SqliteSession(pool, { sessionId: 'chat-42' });
   */
  constructor(source: SqliteSessionSource, options: SqliteSessionOptions & Omit<PoolOptions, 'database'> = {}) {
    const opened = openAdapter<SqliteSessionOptions>(source, options, OPTIONS, TABLES);
    const { sessionId = randomUUID() } = opened.options;
    checkRowName('options.sessionId', sessionId);
    this.#database = opened.database;
    this.#id = sessionId;
  }

  /**
   * The name of the session.
   * @example const id = await session.getSessionId();
   */
  getSessionId(): Promise<string> {
    return this.#database.call(async () => this.#id);
  }

  /**
   * The history, oldest item first.
   * @param limit the newest items alone, so many. Default: all.
   * @example const items = await session.getItems(20);
   */
  async getItems(limit?: number): Promise<AgentInputItem[]> {
    if (limit !== undefined && typeof limit !== 'number') throw invalidArgument('limit', 'a number', limit);
    if (Number.isNaN(limit)) throw outOfRange('limit', 'a number of items');
    if (limit !== undefined && limit <= 0) return this.#database.call(async () => []);
    const most = limit === undefined ? ALL : Math.min(Math.ceil(limit), Number.MAX_SAFE_INTEGER);
    const rows = await this.#database.call((db) => db.all<ItemRow>(LAST, [this.#id, most]));
    return rows.reverse().map((row) => decode(row.item));
  }

  /**
   * Appends items, all or none.
   * @example await session.addItems([{ role: 'user', content: 'Hello' }]);
   */
  async addItems(items: AgentInputItem[]): Promise<void> {
    const rows = this.#encoded(items);
    await this.#database.call(async (db) => {
      if (rows.length > 0) await db.executeMany(INSERT, rows);
    });
  }

  /**
   * Removes the newest item, and resolves to it; to `undefined` if there is none. The next checkpoint overwrites its bytes.
   * @example const last = await session.popItem();
   */
  async popItem(): Promise<AgentInputItem | undefined> {
    const [popped] = await this.#database.call((db) => db.batch([{ sql: POP, params: [this.#id] }], OVERWRITING));
    const [row] = (popped?.rows ?? []) as unknown as Pick<ItemRow, 'item'>[];
    return row && decode(row.item);
  }

  /**
   * Removes all items, and the ids of the transactions that were applied. The next checkpoint overwrites their bytes.
   * @example await session.clearSession();
   */
  async clearSession(): Promise<void> {
    const queries = [DELETE_ITEMS, DELETE_OPERATIONS].map((sql) => ({ sql, params: [this.#id] }));
    await this.#database.call((db) => db.batch(queries, OVERWRITING));
  }

  /**
   * Puts these items in the place of the whole history, in one step. Called by the SDK with a compaction item and what
   * follows it. Ids of transactions stay. The next checkpoint overwrites the bytes of the items before.
   * @example await session.replaceHistoryWithCompaction([compaction, ...recent]);
   */
  async replaceHistoryWithCompaction(items: AgentInputItem[]): Promise<void> {
    const rows = this.#encoded(items);
    const queries = [{ sql: DELETE_ITEMS, params: [this.#id] }, ...rows.map(insert)];
    await this.#database.call((db) => db.batch(queries, OVERWRITING));
  }

  /**
   * Rewrites stored function calls, as the SDK's `applySessionHistoryMutations` does, in one step.
   * @example await session.applyHistoryMutations({ mutations: [{ type: 'replace_function_call', callId, replacement }] });
   */
  async applyHistoryMutations(args: SessionHistoryRewriteArgs): Promise<void> {
    checkArray('args.mutations', args?.mutations);
    const mutations = Array.from(args.mutations, (mutation, i) => {
      checkObject(`args.mutations[${i}]`, mutation);
      return decode<typeof mutation>(encode(`args.mutations[${i}]`, mutation));
    });
    await this.#change(async (tx) => {
      if (mutations.length === 0) return;
      const rows = await this.#last(tx, ALL);
      const history = inMemory(rows.map((row) => decode(row.item)));
      await history.applyHistoryMutations({ mutations });
      await this.#replace(tx, rows, await history.getItems());
    });
  }

  /**
   * Appends items, or replaces the end of the history if it is the expected one, in one step. An operation id is applied
   * once, however many processes try it. The same id with another transaction rejects a `UserError`, and so does an
   * unexpected end of the history.
   * @example
   * await session.applyHistoryTransaction({ operationId: 'turn-7', transaction: { type: 'append_items', items } });
   */
  async applyHistoryTransaction(args: SessionHistoryTransactionArgs): Promise<void> {
    const checking = checkedTransaction(args);
    checking.catch(() => {}); // reported by the transaction, which begins in the order of the calls
    await this.#change(async (tx) => {
      const checked = await checking;
      const { operationId, transaction } = checked;
      const before = await tx.get<{ change: StoredItem }>(OPERATION, [this.#id, operationId]);
      if (before !== undefined) return repeated(checked, decode(before.change));
      const length = transaction.type === 'replace_suffix' ? transaction.expectedSuffix.length : 0;
      const rows = await this.#last(tx, length);
      const end = inMemory(rows.map((row) => decode(row.item)));
      await end.applyHistoryTransaction(checked);
      await this.#replace(tx, rows, await end.getItems());
      await tx.run(INSERT_OPERATION, [this.#id, operationId, encode('args.transaction', transaction)]);
    });
  }

  /**
   * Lets calls finish, and closes the pool if this session opened it. Later calls reject `'ERR_CLOSED'`. May be called again.
   * @example await session.close();
   */
  close(): Promise<void> {
    return this.#database.close();
  }

  /** As close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #encoded(items: AgentInputItem[]): [string, StoredItem][] {
    checkArray('items', items);
    // Array.from() shows the holes of an array as undefined.
    return Array.from(items, (item, i) => [this.#id, encode(`items[${i}]`, item)]);
  }

  /** Reads and writes in one transaction that holds the write lock from its start. */
  #change(work: (tx: Executor) => Promise<void>): Promise<void> {
    return this.#database.call((db) => db.transaction(work, { mode: 'immediate' }));
  }

  async #last(tx: Executor, limit: number): Promise<ItemRow[]> {
    return (await tx.all<ItemRow>(LAST, [this.#id, limit])).reverse();
  }

  /** Puts items in the place of the last rows; rows that stay as they are at their start are left alone. */
  async #replace(tx: Executor, rows: readonly ItemRow[], items: readonly AgentInputItem[]): Promise<void> {
    const stored = this.#encoded(items as AgentInputItem[]);
    let same = 0;
    while (same < rows.length && same < stored.length && isSame(rows[same]?.item, stored[same]?.[1])) same++;
    const first = rows[same];
    if (first !== undefined) await tx.batch([{ sql: DELETE_FROM, params: [this.#id, first.id] }], OVERWRITING);
    if (same < stored.length) await tx.executeMany(INSERT, stored.slice(same));
  }
}

const insert = (params: [string, StoredItem]): BatchQuery => ({ sql: INSERT, params });

function isSame(a: StoredItem | undefined, b: StoredItem | undefined): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
