import type { SqlParam, SqlValue } from '../../../executor.js';
import { publicError } from '../../postgres/errors.js';
import { OwnPool } from '../../postgres/own-pool.js';
import { SourceError, unreadable } from '../errors.js';
import type { TablesInput } from './input.js';

/** Rows that cross at a time. */
const ROWS = 1_000;

interface Client {
  query(config: object): Promise<{ rows: SqlValue[][] }>;
  release(destroy?: boolean): void;
}

/** Opens the database of a `postgres://` URL with the package `pg`, in one transaction that only reads. */
export async function openPostgres(url: string): Promise<TablesInput> {
  const pool = new OwnPool(url, 15_000);
  let client: Client | undefined;
  const dispose = async () => {
    // The connection goes, and the transaction with it.
    client?.release(true);
    await pool.close();
  };
  try {
    client = (await (await pool.get()).connect()) as Client;
    const { query } = sender(client);
    await query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const tables = new Map<string, Map<string, string>>();
    for (const [table, column, type] of await query(COLUMNS)) {
      const columns = tables.get(String(table)) ?? new Map<string, string>();
      tables.set(String(table), columns.set(String(column), String(type)));
    }
    return {
      kind: 'tables',
      engine: 'postgres',
      tables,
      parents: new Map(),
      rows: rowsOf(query),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    if ((error as { code?: string }).code === 'ERR_MISSING_PACKAGE') throw error;
    throw unreadable(publicError(error).message);
  }
}

const COLUMNS = `SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
  WHERE table_schema = ANY (current_schemas(false))`;

type Query = (text: string, values?: readonly SqlParam[]) => Promise<SqlValue[][]>;

function sender(client: Client): { query: Query } {
  return {
    async query(text, values = []) {
      const { rows } = await client.query({ text, values, rowMode: 'array', types: AS_TEXT });
      return rows;
    },
  };
}

/** Values as the text that the server sends, but numbers (pg_type.dat: int8, int4, float8, numeric). */
const NUMBERS = new Set([20, 23, 701, 1700]);
const AS_TEXT = { getTypeParser: (oid: number) => (NUMBERS.has(oid) ? Number : (text: string) => text) };

function rowsOf(query: Query) {
  return async function* rows(sql: string, params: readonly SqlParam[] = []): AsyncGenerator<SqlValue[], void> {
    let hasFailed = false;
    try {
      await query(`DECLARE source NO SCROLL CURSOR FOR ${sql}`, params);
      for (;;) {
        const some = await query(`FETCH ${ROWS} FROM source`);
        if (some.length === 0) break;
        yield* some;
      }
    } catch (error) {
      hasFailed = true;
      throw new SourceError(publicError(error));
    } finally {
      // Also where the caller has enough. A failure has closed it, with the transaction.
      if (!hasFailed) await query('CLOSE source');
    }
  };
}
