import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlParam, SqlValue } from '../../../executor.js';
// The one file of the store that opens a database: callers of an import name a file, not a connection.
import type { Connection } from '../../../index.js';
import { SourceError, unreadable } from '../errors.js';
import type { TablesInput } from './input.js';
import { readable } from './read-only.js';
import { type LostRow, salvage } from './salvage.js';

export async function openSqlite(file: string): Promise<TablesInput> {
  const { connect } = await import('../../../index.js');
  const copy = await readable(file);
  let db: Connection | undefined;
  const dispose = async () => {
    await db?.close();
    await copy[Symbol.asyncDispose]();
  };
  try {
    // Events are sorted in a temporary file: there may be more of them than memory.
    db = await connect(copy.database, { readonly: true, mustExist: true, pragmas: { temp_store: 'file' } });
    const tables = await tablesOf(db);
    const opened = db;
    return {
      kind: 'tables',
      engine: 'sqlite',
      tables,
      parents: await parentsOf(db),
      rows: rowsOf(db),
      salvage: () => salvaged(opened),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw unreadable(reasonOf(error), error);
  }
}

/** Copies what can be read into a file that goes with the input. */
async function salvaged(from: Connection): Promise<{ input: TablesInput; lost: LostRow[] }> {
  const { connect } = await import('../../../index.js');
  const folder = await mkdtemp(join(tmpdir(), 'aiosqlite-import-'));
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    const file = join(folder, 'readable.db');
    const to = await connect(file, { synchronous: 'off', foreignKeys: false });
    const lost = await salvage(from, to).finally(() => to.close());
    const { salvage: _, ...opened } = await openSqlite(file);
    const dispose = async () => {
      await opened[Symbol.asyncDispose]();
      await remove();
    };
    return { input: { ...opened, [Symbol.asyncDispose]: dispose }, lost };
  } catch (error) {
    await remove();
    throw unreadable(reasonOf(error), error);
  }
}

async function tablesOf(db: Connection): Promise<TablesInput['tables']> {
  const tables = new Map<string, Map<string, string>>();
  const rows = await db.all<{ name: string; column: string; type: string }>(
    `SELECT lower(t.name) AS name, lower(c.name) AS "column", lower(c.type) AS type FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
  WHERE t.type = 'table'`,
  );
  for (const { name, column, type } of rows) {
    const columns = tables.get(name) ?? new Map<string, string>();
    tables.set(name, columns.set(column, type));
  }
  return tables;
}

async function parentsOf(db: Connection): Promise<TablesInput['parents']> {
  const rows = await db.all<{ name: string; parent: string }>(
    `SELECT lower(t.name) AS name, lower(f."table") AS parent FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f
  WHERE t.type = 'table' GROUP BY t.name, f.id HAVING count(*) = 1 AND lower(f."from") = 'session_id'`,
  );
  return new Map(rows.map(({ name, parent }) => [name, parent]));
}

function rowsOf(db: Connection) {
  return async function* rows(sql: string, params: readonly SqlParam[] = []): AsyncGenerator<SqlValue[], void> {
    const cursor = db.iterate(sql, params, { rowMode: 'array', batchSize: 1_000 });
    try {
      for (;;) {
        const { done, value } = await cursor.next().catch((error) => {
          throw new SourceError(error);
        });
        if (done) return;
        yield value;
      }
    } finally {
      await cursor.return();
    }
  };
}

/** Without the path, which the caller knows. */
export function reasonOf(error: unknown): string {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('SQLITE_CORRUPT')) return 'the file is damaged: try to recover it (sqlite.org/recovery.html)';
  if (code.startsWith('SQLITE_NOTADB')) return 'the file is no database, or is encrypted';
  if (code.startsWith('SQLITE_BUSY')) return 'another program holds the file: stop it, or import a backup';
  return message;
}
