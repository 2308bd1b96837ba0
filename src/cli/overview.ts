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
  const { sql } = await import('../index.js');
  const tables: Overview['tables'] = [];
  for (const { name, bytes } of names) {
    const [rows] = (await db.get<[number]>(sql`SELECT count(*) FROM ${sql.id(name)}`, { rowMode: 'array' })) as [
      number,
    ];
    tables.push({ name, rows, bytes });
  }
  const rowsOf = (name: string) => tables.find((table) => table.name === name)?.rows ?? 0;
  return { size: sizeOnDisk(file), sessions: rowsOf('adk_sessions'), events: rowsOf('adk_events'), tables };
}

function sizeOnDisk(file: string): number {
  return ['', '-wal'].reduce((sum, suffix) => sum + (statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0), 0);
}
