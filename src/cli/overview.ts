import { statSync } from 'node:fs';
import type { Connection } from '../index.js';
import type { Overview } from './inspector-types.js';

/** Sizes and rows of all tables, the largest first; indexes count with their table. */
export async function overviewOf(file: string, db: Connection): Promise<Overview> {
  const names = await db.all<{ name: string; bytes: number }>(`
    WITH used AS MATERIALIZED (SELECT name, pgsize FROM dbstat WHERE aggregate = 1)
    SELECT s.name, coalesce(sum(used.pgsize), 0) AS bytes
      FROM sqlite_schema AS s
      JOIN sqlite_schema AS part ON part.tbl_name = s.name
      LEFT JOIN used ON used.name = part.name
     WHERE s.type = 'table' GROUP BY s.name ORDER BY bytes DESC, s.name`);
  const tables: Overview['tables'] = [];
  for (const { name, bytes } of names) tables.push({ name, rows: await countRows(db, name), bytes });
  const rowsOf = (name: string) => tables.find((table) => table.name === name)?.rows ?? 0;
  return { size: sizeOnDisk(file), sessions: rowsOf('adk_sessions'), events: rowsOf('adk_events'), tables };
}

async function countRows(db: Connection, table: string): Promise<number | null> {
  const { sql } = await import('../index.js');
  try {
    const row = await db.get<[number]>(sql`SELECT count(*) FROM ${sql.id(table)}`, { rowMode: 'array' });
    return row?.[0] ?? null;
  } catch (error) {
    // Damage has a code of its own. With this one, a virtual table needs an extension, or has lost its other tables.
    if ((error as { code?: string }).code === 'SQLITE_ERROR') return null;
    throw error;
  }
}

function sizeOnDisk(file: string): number {
  return ['', '-wal'].reduce((sum, suffix) => sum + (statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0), 0);
}
