import { invalidArgument } from '../../errors.js';
import type { Executor, Transaction } from '../../executor.js';
import type { SessionKey } from '../records.js';
import type { Database } from '../sqlite/backend.js';
import { createTables } from '../sqlite/tables.js';
import type { MemoryContext } from './context.js';
import { MemoryLayout } from './layout.js';
import type { MemoryFilter, MemoryQuery, MemoryRecord, MemoryStoreOptions } from './records.js';
import { search } from './search.js';
import { AppendIndex } from './writing/append-index.js';
import { addSession, type Backfilled, type BackfillOptions, backfill } from './writing/backfill.js';
import { type EntryFate, importEntries } from './writing/import-entries.js';
import { add, count, remove } from './writing/write.js';

/**
 * Memory of conversations in any database file: entries with a text, each of one user of an app or of the app itself. A
 * search goes by words (FTS5), and with `embed` by meaning, too. No dependency on ADK.
 *
 * `add` is one transaction, `search` and `count` are one job each; `delete` and `backfill` go in batches. Wrong arguments
 * reject a TypeError or RangeError that names the argument, a damaged row `'ADK_CORRUPT_ROW'`.
 *
 * @example
 * const memory = new MemoryStore(createPool({ database: 'agent.db' }));
 * await memory.createTables();
 * const found = await memory.search({ appName: 'shop', userId: 'ada', query: 'Which tea did I like?' });
 */
export class MemoryStore {
  readonly #context: MemoryContext;

  /** Throws `'ADK_INVALID_NAME'` for a table name that can't be one. */
  constructor(db: Database, options?: MemoryStoreOptions);
  /** @internal */
  constructor(db: Executor, layout: MemoryLayout, ready?: MemoryContext['ready']);
  constructor(db: Executor, options: MemoryStoreOptions | MemoryLayout = {}, ready?: MemoryContext['ready']) {
    if (typeof db?.batch !== 'function') throw invalidArgument('db', 'a Pool or a Connection', db);
    this.#context = { db, layout: options instanceof MemoryLayout ? options : new MemoryLayout(options), ready };
  }

  /**
   * The same store inside the caller's own transaction: its writes commit or roll back with it.
   * @example await pool.transaction(async (tx) => { await memory.with(tx).add(records); await tx.run('…'); });
   */
  with(tx: Transaction): MemoryStore {
    return new MemoryStore(tx, this.#context.layout);
  }

  /** @internal The same store, each of whose jobs waits for what this gives: a service makes its tables there. */
  after(ready: () => Promise<void> | undefined): MemoryStore {
    return new MemoryStore(this.#context.db, this.#context.layout, ready);
  }

  /**
   * Makes the tables and the index, or what is missing of them; any number of callers and processes may race. Rejects
   * `'ADK_SCHEMA_VERSION'` and `'ADK_SCHEMA_MISMATCH'` as {@link SessionStore.createTables}.
   * @example await memory.createTables();
   */
  async createTables(): Promise<void> {
    await createTables(this.#context.db, this.#context.layout.schema);
  }

  /**
   * Stores entries, all or nothing; one with the identity of an entry that is there replaces it. Thoughts are left out, and
   * so are entries without text. Resolves to how many were stored. With `embed` it resolves once their vectors are
   * stored, too; a model or length other than the stored one rejects `'ADK_EMBEDDING_MISMATCH'`, and nothing is written.
   * @example await memory.add([{ id: 'm1', appName: 'shop', userId: 'ada', scope: 'user', content: { parts: [{ text: 'Likes tea' }] } }]);
   */
  async add(records: readonly MemoryRecord[]): Promise<number> {
    return await add(this.#context, records);
  }

  /**
   * The entries that fit a query, the best first, ties newest first. Any text is a legal query: its words are looked for,
   * 64 at most, each of which may be missing. Entries whose whole text is the query are left out.
   * @example const found = await memory.search({ appName: 'shop', userId: 'ada', query: "what's up?", limit: 5 });
   */
  async search(query: MemoryQuery): Promise<MemoryRecord[]> {
    return await search(this.#context, query);
  }

  /**
   * Erases entries, in batches, and resolves to how many: after the next checkpoint neither the file nor its WAL contains
   * their words. Without `userId` those of all users and of the app.
   * @example await memory.delete({ appName: 'shop', userId: 'ada' });
   */
  async delete(filter: MemoryFilter): Promise<number> {
    return await remove(this.#context, filter);
  }

  /**
   * Adds the events of stored sessions that memory lacks, and vectors that entries lack; takes out events that were undone
   * by a rewind. In batches; what is finished stays, so that it can be aborted and called again. In a file without the
   * tables of a session store only vectors. Rejects with what `embed` rejects.
   * @example await memory.backfill({ onProgress: ({ entries }) => console.log(entries) });
   */
  async backfill(options: BackfillOptions = {}): Promise<Backfilled> {
    return await backfill(this.#context, options);
  }

  /** @internal Waits for calls and vectors under way, but at most five seconds for each answer of `embed`. */
  async finish(calls: Promise<void>): Promise<void> {
    await (this.#context.layout.embedder?.finish(calls) ?? calls);
  }

  /** @internal Indexes events in the transactions that append them to a session store in the same file. */
  appendIndex(): AppendIndex {
    return new AppendIndex(this.#context);
  }

  /** @internal Adds the entries of another program that are not there yet, all or nothing. */
  async importEntries(records: readonly MemoryRecord[], dryRun: boolean): Promise<EntryFate[]> {
    return await importEntries(this.#context, records, dryRun);
  }

  /** @internal Adds what one stored session holds and memory lacks; resolves to whether the file has the session. */
  async addSession(key: SessionKey): Promise<boolean> {
    return await addSession(this.#context, key);
  }

  /**
   * How many entries an app has, or one of its users.
   * @example const entries = await memory.count({ appName: 'shop', userId: 'ada' });
   */
  async count(filter: { appName: string; userId?: string }): Promise<number> {
    return await count(this.#context, filter);
  }
}
