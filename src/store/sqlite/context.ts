import { isJson } from '../../codec/json.js';
import { type BatchOptions, type BatchQuery, type Executor, type Row, UNCOMMITTED } from '../../executor.js';
import { type SessionCodec, SNAPSHOT_JSON } from '../codec/session-codec.js';
import { corruptRow, type StoreError } from '../errors.js';
import type { Names } from '../names.js';
import type { KnownIds } from './append/known-ids.js';
import { eventCodec } from './dialect.js';
import type { Queries } from './queries.js';

/** Everything that the operations of a store work with. */
export interface Context {
  db: Executor;
  names: Names;
  sessions: SessionCodec;
  sql: Queries;
  known: KnownIds;
  /** Called before each job, which waits for what it returns. */
  ready?: (() => Promise<void> | undefined) | undefined;
}

const AS_ARRAYS = { rowMode: 'array', columns: false } as const;
const WRITES = { ...AS_ARRAYS, secureDelete: true } as const;

/** One result of a batch whose rows are arrays. */
export interface StatementResult {
  rows: unknown[][];
  changes: number;
  lastInsertRowid: number | bigint;
}

/** Runs queries as one job, as soon as the tables are there. */
export function sendBatch(
  { db, ready }: Pick<Context, 'db' | 'ready'>,
  queries: BatchQuery[],
  options: BatchOptions = AS_ARRAYS,
): Promise<StatementResult[]> {
  const waiting = ready?.();
  const batch = waiting ? waiting.then(() => db.batch(queries, options)) : db.batch(queries, options);
  return batch as Promise<unknown> as Promise<StatementResult[]>;
}

/**
 * The same for queries that write. SQLite overwrites all content that they delete or replace. An erasure would miss copies of it
 * that earlier writes, or merges of a full-text index, have left. A job of another kind between two writes costs three PRAGMAs.
 */
export const sendWrites = (context: Pick<Context, 'db' | 'ready'>, queries: BatchQuery[]): Promise<StatementResult[]> =>
  sendBatch(context, queries, WRITES);

/** The same for queries that only read. A row that can't be read rejects `'ADK_CORRUPT_ROW'`. */
export async function runReads(context: Context, queries: BatchQuery[]): Promise<StatementResult[]> {
  try {
    return await sendBatch(context, queries);
  } catch (error) {
    throw await explain(context, error, queries);
  }
}

/** Whether a batch that wrote was committed when it resolved: not inside a transaction that can still be rolled back. */
export const isCommitted = (results: StatementResult[]): boolean => !(UNCOMMITTED in results);

/** Whether an error is the one with this code: of the driver, whose classes the store does not know. */
export function hasCode(error: unknown, code: string): error is { code: string; index?: number } {
  return error instanceof Error && (error as { code?: unknown }).code === code;
}

/**
 * Names the damaged row behind an error, if there is one: bad JSON in what was read ('ERR_INVALID_JSON'), or in a state
 * that was to be merged ('SQLITE_ERROR', which has many causes). It runs reads that may show it, with all JSON as text.
 */
export async function explain(context: Context, error: unknown, suspects: BatchQuery[]): Promise<unknown> {
  if (!hasCode(error, 'ERR_INVALID_JSON') && !hasCode(error, 'SQLITE_ERROR')) return error;
  const plain = suspects.map(({ sql, params }) => (params ? { sql, params } : { sql }));
  try {
    const results = await context.db.batch(plain);
    for (const { rows } of results) {
      for (const row of rows) {
        const column = Object.keys(row).find((name) => JSON_COLUMNS.has(name) && !isReadable(row[name]));
        if (column !== undefined) return damage(context.names, row, column, error);
      }
    }
    for (const [i, query] of plain.entries()) {
      const found = await findIllFormed(context, query, results[i]?.rows ?? []);
      if (found !== undefined) return damage(context.names, found.row, found.column, error);
    }
  } catch (worse) {
    // A damaged file explains the first error; any other error is less telling than the first.
    if (hasCode(worse, 'SQLITE_CORRUPT')) return worse;
  }
  return error;
}

/**
 * Finds a JSON column that is no valid UTF-8. Its text has U+FFFD here, but so has a valid text with that character: only
 * the worker sees the bytes.
 */
async function findIllFormed(context: Context, query: BatchQuery, rows: Row[]): Promise<Suspect | undefined> {
  const suspects = rows.flatMap((row) =>
    Object.keys(row)
      .filter((column) => JSON_COLUMNS.has(column) && String(row[column]).includes('\ufffd'))
      .map((column) => ({ row, column })),
  );
  for (const suspect of suspects) {
    try {
      await context.db.batch([{ ...query, jsonColumns: [suspect.column] }]);
    } catch (error) {
      if (hasCode(error, 'ERR_INVALID_JSON')) return suspect;
    }
  }
  return undefined;
}

interface Suspect {
  row: Row;
  column: string;
}

const JSON_COLUMNS = new Set<string>([...eventCodec.json, ...SNAPSHOT_JSON, 'initial_state', 'value', 'removed']);

function isReadable(value: unknown): boolean {
  return typeof value !== 'string' || isJson(value);
}

function damage(names: Names, row: Row, column: string, cause: unknown): StoreError {
  const app = String(row.app_name);
  const user = `${app}, ${row.user_id}`;
  if ('change_key' in row) return corruptRow(names.changes, String(row.change_key), column, cause);
  if (column === 'initial_state') return corruptRow(names.sessions, String(row.id), column, cause);
  if (column === 'app_state') return corruptRow(names.appStates, app, 'state', cause);
  if (column === 'user_state') return corruptRow(names.userStates, user, 'state', cause);
  if ('session_key' in row) return corruptRow(names.sessions, String(row.id), column, cause);
  if (column !== 'state') return corruptRow(names.events, String(row.id), column, cause);
  return 'user_id' in row
    ? corruptRow(names.userStates, user, column, cause)
    : corruptRow(names.appStates, app, column, cause);
}
