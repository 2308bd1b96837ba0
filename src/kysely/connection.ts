import { CompiledQuery, type DatabaseConnection, type QueryResult, RawNode, SelectQueryNode } from 'kysely';
import {
  AiosqliteError,
  type QueryResult as AiosqliteResult,
  type Executor,
  type Lease,
  type Params,
  type Pool,
} from '../index.js';
import { OpenTransactions } from '../source/open-transaction.js';
import { lastCompiled, wasCompiledAfter } from './compiler.js';

/** Kysely 0.29 hands these over. */
interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** `PRAGMA foreign_keys = …`: inside a transaction SQLite ignores it without a word (sqlite.org/pragma.html). */
const SETS_FOREIGN_KEYS = /^\s*pragma\s+(?:\w+\s*\.\s*)?foreign_keys\s*[=(]/i;
const SETS_FOREIGN_KEYS_ON = /^\s*pragma\s+foreign_keys\s*=\s*(?:on|1|true|yes)\s*;?\s*$/i;

/** Statements that Kysely's log should show, and the calls that take their place. */
const acts = new WeakMap<CompiledQuery, () => Promise<void>>();

/**
 * Kysely's connection for one query, one `db.connection()` or one transaction. Over a pool the first query runs on the
 * pool itself. The second query leases a connection, and so does a first query of `db.connection()` that needs one.
 */
export class KyselyConnection implements DatabaseConnection {
  readonly #executor: Executor;
  readonly #acquiredAt = lastCompiled();
  #isUsed = false;
  #lease: Lease | undefined;
  /** For a transaction that only reads. */
  #reader: Lease | undefined;
  readonly #open = new OpenTransactions();
  #cancel: AbortController | undefined;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  get inTransaction(): boolean {
    return this.#open.innermost !== undefined;
  }

  /** Does what a statement says, by a call. Goes through executeQuery(), around which Kysely puts its log. */
  async act(sql: string, work: () => Promise<void>): Promise<void> {
    const statement = CompiledQuery.raw(sql);
    acts.set(statement, work);
    await this.executeQuery(statement);
  }

  async executeQuery<R>(query: CompiledQuery, options?: Abortable): Promise<QueryResult<R>> {
    const act = acts.get(query);
    if (act !== undefined) {
      await act();
      return { rows: [] };
    }
    this.#checkPragma(query);
    const params = query.parameters as Params;
    const cancel = options?.signal && new AbortController();
    this.#cancel = cancel;
    const limits = cancel && { signal: cancel.signal };
    const executor = await this.#use();
    try {
      return resultOf(query, await executor.query<R>(query.sql, params, limits));
    } catch (error) {
      if (executor !== this.#executor || !isPool(executor) || !isRefusedByPool(error)) throw error;
      // BEGIN, TEMP tables, a PRAGMA that sets: nothing has run. They need a connection of their own.
      if (wasCompiledAfter(query, this.#acquiredAt)) {
        const lease = await this.#pin(executor);
        return resultOf(query, await lease.query<R>(query.sql, params, limits));
      }
      // Libraries send this one to be sure. It is on already, unless the pool's options say otherwise.
      if (SETS_FOREIGN_KEYS_ON.test(query.sql) && (await hasForeignKeys(executor))) return { rows: [] };
      throw error;
    }
  }

  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize = 100,
    options?: Abortable,
  ): AsyncIterableIterator<QueryResult<R>> {
    const executor = await this.#use();
    const { signal } = options ?? {};
    const iterator = executor.iterate<R>(query.sql, query.parameters as Params, {
      batchSize: chunkSize,
      ...(signal && { signal }),
    });
    let rows: R[] = [];
    try {
      for await (const row of iterator) {
        rows.push(row);
        if (rows.length < chunkSize) continue;
        yield { rows };
        rows = [];
      }
    } catch (error) {
      if (signal?.aborted) return; // Kysely itself has told
      throw error;
    }
    if (rows.length > 0) yield { rows };
  }

  /** Kysely 0.29 calls it for a query whose signal has aborted, if its strategy is 'cancel query'. */
  async cancelQuery(): Promise<void> {
    this.#cancel?.abort();
  }

  /** See OpenTransactions. */
  holdFromHere(): void {
    this.#open.holdFromHere();
  }

  async begin(readOnly: boolean): Promise<void> {
    let on = this.#lease ?? this.#executor;
    if (isPool(on)) {
      if (readOnly) this.#reader = await on.acquire({ role: 'reader' });
      on = this.#reader ?? (await this.#pin(on));
    }
    await this.#open.begin(on, readOnly ? 'deferred' : undefined);
  }

  /** With the savepoints that are still open. */
  async commit(): Promise<void> {
    await this.#open.commit();
    await this.#releaseReader();
  }

  async rollback(): Promise<void> {
    await this.#open.rollback();
    await this.#releaseReader();
  }

  async savepoint(name: string): Promise<void> {
    await this.#open.savepoint(name);
  }

  async rollbackTo(name: string): Promise<void> {
    await this.#open.rollbackTo(name);
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#open.release(name);
  }

  async release(): Promise<void> {
    await this.rollback();
    await this.#lease?.close();
  }

  /** The executor of the next query. */
  async #use(): Promise<Executor> {
    const innermost = this.#open.innermost ?? this.#lease;
    if (innermost !== undefined) return innermost;
    if (this.#isUsed && isPool(this.#executor)) return this.#pin(this.#executor);
    this.#isUsed = true;
    return this.#executor;
  }

  async #pin(pool: Pool): Promise<Lease> {
    this.#lease ??= await pool.acquire();
    return this.#lease;
  }

  async #releaseReader(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.close();
  }

  #checkPragma({ query, sql }: CompiledQuery): void {
    if (!this.inTransaction || !RawNode.is(query) || !SETS_FOREIGN_KEYS.test(sql)) return;
    throw new AiosqliteError(
      'ERR_CONTROL_STATEMENT',
      'PRAGMA foreign_keys does nothing inside a transaction: set it before, in a migration with disableTransactions',
    );
  }
}

async function hasForeignKeys(executor: Executor): Promise<boolean> {
  const row = await executor.get<[number | bigint]>('PRAGMA foreign_keys', [], { rowMode: 'array' });
  return Number(row?.[0]) === 1;
}

function isPool(executor: Executor): executor is Pool {
  return 'acquire' in executor;
}

function isRefusedByPool(error: unknown): boolean {
  return error instanceof AiosqliteError && error.code === 'ERR_CONTROL_STATEMENT';
}

function resultOf<R>(
  { query }: CompiledQuery,
  { rows, columns, changes, lastInsertRowid }: AiosqliteResult<R>,
): QueryResult<R> {
  const isRead = columns.length > 0 && changes === 0 && (SelectQueryNode.is(query) || RawNode.is(query));
  if (isRead) return { rows };
  const numAffectedRows = BigInt(changes);
  const insertId = BigInt(lastInsertRowid);
  return insertId === 0n ? { rows, numAffectedRows } : { rows, numAffectedRows, insertId };
}
